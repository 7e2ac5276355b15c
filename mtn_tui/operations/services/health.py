"""The services that use the database: are they healthy, and the commands that stop and start them."""

from __future__ import annotations

import json
import os
import ssl
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.clock import local_stamp
from mtn_tui.core.errors import ConfigError, JobError, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.printable import printable
from mtn_tui.core.redact import redact
from mtn_tui.core.settings import Settings
from mtn_tui.core.values import named_url
from mtn_tui.engine.command import Ran, run_shell
from mtn_tui.engine.detached import JOB_ID
from mtn_tui.engine.pipeline import background
from mtn_tui.operations.common import tls
from mtn_tui.operations.common.context import Context

CONNECT = 3.0
ANSWER = 5.0
"""Seconds to wait for a connection, and for each piece of an answer."""

PATIENCE = 10.0
"""Seconds for the whole of an answer."""

LOOK_EVERY = 1.0

TIME_LIMIT = 300.0
"""Seconds that a command to stop or start the services may take."""

_SHOWN = 50
"""Characters of an answer, as the runbook's ``head -c 50`` (5.1, step 7)."""

_OK = 200


@dataclass(frozen=True)
class Answer:
    """What one service answered."""

    url: str
    """Without a password."""
    name: str
    """As the configuration names it, else its host and port."""
    healthy: bool
    status: int | None
    """Of HTTP; None if there was no answer."""
    text: str
    """The beginning of the answer, or why there was none."""
    milliseconds: int


def named_apart(answers: Sequence[Answer]) -> list[str]:
    """The name of each; with its address where another has the same name."""
    count = Counter(one.name for one in answers)
    return [one.name if count[one.name] == 1 else f"{one.name} ({_address(one.url)})" for one in answers]


def not_healthy(answers: Sequence[Answer]) -> list[str]:
    """The names of those that are not healthy, told apart."""
    return [name for one, name in zip(answers, named_apart(answers), strict=True) if not one.healthy]


def by_name(answers: Sequence[Answer]) -> dict[str, bool]:
    """Whether each is healthy, by its name, for the facts of a job or step."""
    return dict(zip(named_apart(answers), (one.healthy for one in answers), strict=True))


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")


class Errand(StrEnum):
    """A command of the configuration. Its output goes to the log of this name."""

    STOP = "services-stop"
    RESTART = "services-restart"
    START_DATABASE = "database-start"

    @property
    def key(self) -> str:
        """The setting that holds the command."""
        return f"{self.value.upper().replace('-', '_')}_COMMAND"

    def line(self, settings: Settings) -> str | None:
        """The command as it is set; None if it is not."""
        found: str | None = getattr(settings, self.key.lower())
        return found


def health(
    urls: Sequence[str],
    ca_file: Path | None = None,
    *,
    connect: float = CONNECT,
    answer: float = ANSWER,
    patience: float = PATIENCE,
) -> tuple[Answer, ...]:
    """Ask all at once, and return their answers in the order of ``urls``, after ``patience`` seconds at most.

    Each is an address, or ``name=address``.

    Healthy is 200 and nothing else: a redirect is not followed, since a page of
    login answers 200 too. ``ca_file`` is ALERT_CA_FILE; ChannelDown if it
    can't be read, and nothing else is raised.
    """
    began = time.monotonic()
    services = [_Service(name or _place(url), url) for name, url in map(named_url, urls)]
    secure = any(one.url.startswith("https:") for one in services)
    trusted = tls.trusting(ca_file) if secure else None
    timeout = Timeout(connect=connect, read=answer)
    asked = [
        background(partial(_ask, service, timeout, trusted), f"mtn-health-{number}")
        for number, service in enumerate(services)
    ]
    answers = []
    for service, handle in zip(services, asked, strict=True):
        if handle.join(max(0.0, began + patience - time.monotonic())):
            answers.append(handle.result())
        else:
            # It answers too slowly. Its thread ends with the answer, or with the process.
            text = _("no whole answer within {seconds:.0f} s").format(seconds=patience)
            answers.append(_no_answer(service, text, began))
    return tuple(answers)


def wait_until_healthy(
    urls: Sequence[str],
    patience: float,
    token: CancelToken,
    tell: Callable[[tuple[Answer, ...]], None],
    ca_file: Path | None = None,
    *,
    every: float = LOOK_EVERY,
) -> tuple[Answer, ...]:
    """Ask until all are healthy or ``patience`` seconds are over; return the last answers.

    ``tell`` gets the answers of each round. Raises Cancelled, and ChannelDown as ``health`` does.
    """
    deadline = time.monotonic() + patience
    while True:
        answers = health(urls, ca_file)
        tell(answers)
        token.check()
        if all(one.healthy for one in answers) or time.monotonic() + every > deadline:
            return answers
        token.wait(every)
        token.check()


def command_for(context: Context, errand: Errand) -> str:
    """What ``run_command`` will run, to be shown before. Raises ConfigError if nothing is set."""
    found = errand.line(context.settings)
    if not found:
        raise ConfigError(
            _("There is no command for that: {key} is not set.").format(key=errand.key),
            _("Set it in the configuration, or do it by hand."),
            "5.1",
        )
    return redact(found)


def run_command(
    context: Context,
    errand: Errand,
    *,
    token: CancelToken,
    on_line: Callable[[str], None],
    limit: float = TIME_LIMIT,
) -> Ran:
    """Run a command; its output goes to ``on_line`` and to ``LOG_DIR/<errand>_<stamp>.log``.

    Raises ConfigError, Cancelled, StorageError, and JobError if it failed or
    took longer than ``limit`` seconds.
    """
    shown = command_for(context, errand)
    settings = context.settings
    output = settings.log_dir / f"{errand.value}_{local_stamp(context.clock.now())}.log"
    try:
        output.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            _("{folder} can't be made: {reason}.").format(folder=output.parent, reason=error.strerror),
            _("Correct LOG_DIR and METRICS_DIR, or the permissions of the folder above."),
            "7.1",
        ) from error
    ran = run_shell(
        errand.line(settings) or "",
        output=output,
        limit=limit,
        token=token,
        environment={name: value for name, value in os.environ.items() if name != JOB_ID},
        on_line=on_line,
    )
    if ran.code != 0:
        said = " / ".join(ran.last)
        raise JobError(
            _("The command ended with exit code {code}: {line}").format(code=ran.code, line=shown),
            said or _("It said nothing."),
            "5.1",
        )
    return ran


@dataclass(frozen=True)
class _Service:
    """A service, as people know it, and where it is asked."""

    name: str
    url: str


def _ask(service: _Service, timeout: Timeout, trusted: ssl.SSLContext | None) -> Answer:
    began, url = time.monotonic(), service.url
    parts = urlsplit(url)
    login = f"{parts.username}:{parts.password or ''}" if parts.username else None
    headers = urllib3.util.make_headers(basic_auth=login, user_agent="mtn", disable_cache=True)
    try:
        with (
            urllib3.PoolManager(retries=False, timeout=timeout, ssl_context=trusted) as http,
            http.request("GET", bare(url), headers=headers, redirect=False, preload_content=False) as answer,
        ):
            status, text = answer.status, ""
            with suppress(HTTPError):  # what it says is a courtesy, what counts is its status
                text = _beginning(answer.read1(4 * _SHOWN))
            if 300 <= status < 400:
                text = "→ " + _beginning(answer.headers.get("Location", "").encode(errors="replace"))
    except (HTTPError, ValueError) as error:
        return _no_answer(service, _why(error), began)
    return Answer(bare(url), service.name, status == _OK, status, text, _since(began))


def bare(url: str) -> str:
    """An address without its user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _place(url: str) -> str:
    """Host and port of an address."""
    return urlsplit(bare(url)).netloc


def _beginning(data: bytes) -> str:
    return printable(redact(_told(" ".join(data.decode(errors="replace").split()))))[:_SHOWN]


def _told(answer: str) -> str:
    """What an answer says: of a JSON object its names and values, without the brackets."""
    try:
        found = json.loads(answer)
    except ValueError:
        return answer
    plain = found.items() if isinstance(found, dict) else ()
    return ", ".join(f"{name}: {one}" for name, one in plain if isinstance(one, str | int)) or answer


def _why(error: Exception) -> str:
    if error.args and isinstance(error.args[0], ssl.SSLError):
        return _("no TLS: {reason}").format(reason=error.args[0].reason or error.args[0])
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    reason = getattr(cause, "strerror", None) or type(cause).__name__
    known = {
        "ConnectTimeoutError": _("no connection in time"),
        "ReadTimeoutError": _("connected, but no answer in time"),
        "NameResolutionError": _("no such host"),
        "ProtocolError": _("it broke the connection off"),
    }
    return known.get(type(error).__name__, str(reason))


def _no_answer(service: _Service, why: str, began: float) -> Answer:
    return Answer(bare(service.url), service.name, False, None, why, _since(began))


def _since(began: float) -> int:
    return round(1000 * (time.monotonic() - began))
