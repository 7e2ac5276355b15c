"""Tells a service elsewhere of each run of the monitor, so that silence is noticed: PING_URL.

The form of healthchecks.io: ``<url>/start`` when a run begins, ``<url>`` when it ends,
``<url>/fail`` if it ends critical or unknown, or breaks off. The body is the run's first
line. Nothing here decides how a run ends: a ping that fails is a warning.
"""

from __future__ import annotations

import re
import ssl
from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit, urlunsplit

from mtn_tui.core.errors import AlertError, ChannelDown
from mtn_tui.core.i18n import _
from mtn_tui.core.redact import redact
from mtn_tui.core.settings import Settings
from mtn_tui.engine.pipeline import within
from mtn_tui.operations.common import tls

START = "/start"
FAIL = "/fail"
_CONNECT = 5.0
_ANSWER = 5.0
_LIMIT = 30.0
"""Seconds for one try, at most: who says a byte at a time resets the limits above."""
_TRIES = 2
_LONGEST_ANSWER = 200
_REFUSED = re.compile(r"OK \((?:not found|rate[ -]limited)\)")
"""What healthchecks.io says with status 200 where it has no such check, or has heard of it too often."""
_LONGEST = 10_000
"""Characters of a body; healthchecks.io keeps 100 kB."""


def ping(settings: Settings, ending: str = "", body: str = "") -> AlertError | None:
    """Send a ping, and once more if it fails; return why it failed. Does nothing without PING_URL.

    ``ending`` is START, FAIL, or empty for the end of a run that went well.
    """
    if settings.ping_url is None:
        return None
    url = settings.ping_url.get_secret_value()
    failed: AlertError | None = None
    for _try in range(_TRIES):
        try:
            work = partial(_send, settings, _with(url, ending), redact(body)[:_LONGEST])
            within(_LIMIT, work, "mtn-ping")
        except AlertError as error:
            failed = error
        except TimeoutError:
            return _no_answer(urlsplit(url).hostname or "", "TimeoutError")
        else:
            return None
    return failed


def _with(url: str, ending: str) -> str:
    """The address with ``ending`` behind its path; its query stays behind both."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + ending if ending else parts.path))


def _send(settings: Settings, url: str, body: str) -> None:
    import urllib3  # these take a tenth of a second to load
    from urllib3.exceptions import HTTPError

    parts = urlsplit(url)
    host = parts.hostname or ""
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    if parts.username is not None:
        headers |= urllib3.util.make_headers(basic_auth=f"{parts.username}:{parts.password or ''}")
    context = tls.trusting(settings.alert_ca_file) if parts.scheme == "https" else None
    timeout = urllib3.Timeout(connect=_CONNECT, read=_ANSWER)
    with urllib3.PoolManager(retries=False, timeout=timeout, ssl_context=context) as pools:
        try:
            answer = pools.request(
                "POST", url, body=body.encode(), headers=headers, redirect=False, preload_content=False
            )
            with answer:
                said = answer.read1(_LONGEST_ANSWER).decode(errors="replace")  # its end is not waited for
        except HTTPError as error:
            cause = error.args[0] if error.args and isinstance(error.args[0], Exception) else error.__cause__
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise tls.distrusted(host, cause) from None
            reason = getattr(error.__cause__, "strerror", None) or type(error).__name__
            raise _no_answer(host, reason) from None  # the chain would show the address
    refused = _REFUSED.match(said)
    if refused or not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        status = f"{answer.status} {refused[0]}" if refused else answer.status
        raise AlertError(
            _("The ping to {host} was not taken: {status}.").format(host=host, status=status),
            _("See whether PING_URL is still the one that the service gives."),
        )


def _no_answer(host: str, reason: str) -> ChannelDown:
    return ChannelDown(
        _("The ping to {host} got no answer: {reason}.").format(host=host, reason=reason),
        _("See whether this machine may reach it, and whether PING_URL is right."),
    )
