"""Alerts to a chat or a pager: one POST of JSON, over verified TLS, to an address that is itself a secret.

The JSON is the message under fixed keys, and ``text``, which is what Mattermost and
its like show; or what the chat service of that address takes (``chats``). The header
``Idempotency-Key`` is the same in every attempt.
"""

from __future__ import annotations

import hashlib
import json
import ssl
from http import HTTPStatus
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from mtn_tui.core.errors import AlertError, ChannelDown
from mtn_tui.core.i18n import _
from mtn_tui.core.printable import printable
from mtn_tui.core.redact import redact
from mtn_tui.core.settings import Settings
from mtn_tui.operations.alerts.chats import payload
from mtn_tui.operations.alerts.message import Message
from mtn_tui.operations.common import tls

_CONNECT = 5.0
_ANSWER = 30.0
_LONGEST_ANSWER = 200


class Webhook:
    """The channel ``webhook``. Not thread-safe. See ``delivery.Channel``."""

    name = "webhook"

    def __init__(self, settings: Settings) -> None:
        secret = settings.webhook_url
        self._url = secret.get_secret_value() if secret else ""
        self._ca_file = settings.alert_ca_file
        self._pools: urllib3.PoolManager | None = None
        self._down: AlertError | None = None

    def due(self, message: Message) -> tuple[str, ...]:
        """The one address, by the name that ``address_of`` gives it."""
        return (address_of(self._url),)

    def shown(self, address: str) -> str:
        """The host of the address; the rest of it is secret."""
        return urlsplit(self._url).hostname or ""

    def send(self, message: Message, address: str) -> None:
        """Send it; return once the webhook has accepted it. Raises AlertError, or ChannelDown if it is down.

        No redirect is followed: a POST would arrive as something else, elsewhere.
        """
        if self._down is not None:
            raise self._down
        headers = {"Content-Type": "application/json", "Idempotency-Key": message.id}
        try:
            answer = self._http().request(
                "POST",
                self._url,
                body=json.dumps(payload(self._url, message)).encode("ascii"),
                headers={**headers, **_login(self._url)},
                redirect=False,
                preload_content=False,
            )
            with answer:
                # The body of an acceptance is not read: if it did not come, the acceptance would be lost.
                taken = HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES
                said = b"" if taken else answer.read1(_LONGEST_ANSWER)
        except HTTPError as error:
            down = self._told(error)
            self._down = self._down or down  # where it was given up, that is the reason
            raise down from None  # the chain would show the address
        if not taken:
            text = printable(redact(" ".join(said.decode(errors="replace").split())))
            raise AlertError(
                _("The webhook at {host} did not take it: {status} {said}")
                .format(host=self.shown(address), status=answer.status, said=text)
                .rstrip(),
                _("See whether WEBHOOK_URL is still the one that the service gives."),
            )

    def give_up(self, reason: AlertError) -> None:
        """Leave the request that hangs; each later ``send`` raises ``reason``."""
        self._down = reason

    def close(self) -> None:
        """Close the connections, if any are open."""
        if self._pools is not None:
            self._pools.clear()

    def _http(self) -> urllib3.PoolManager:
        if self._pools is None:
            self._pools = urllib3.PoolManager(
                retries=False,
                timeout=Timeout(connect=_CONNECT, read=_ANSWER),
                ssl_context=tls.trusting(self._ca_file) if self._url.startswith("https:") else None,
            )
        return self._pools

    def _told(self, error: HTTPError) -> ChannelDown:
        host = self.shown("")
        cause = error.args[0] if error.args and isinstance(error.args[0], Exception) else error.__cause__
        if isinstance(cause, ssl.SSLCertVerificationError):
            return tls.distrusted(host, cause)
        reason = getattr(error.__cause__, "strerror", None) or type(error).__name__
        return ChannelDown(
            _("The webhook at {host} does not answer: {reason}.").format(host=host, reason=reason),
            _("See whether this machine may reach it; it is tried again."),
        )


def address_of(url: str) -> str:
    """A hash that stands for the address in records, since the address is secret."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def _login(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    return urllib3.util.make_headers(basic_auth=f"{parts.username}:{parts.password or ''}")
