"""A mail server that stores what it receives: nothing leaves the machine."""

from __future__ import annotations

from mailbox import Maildir, MaildirMessage
from pathlib import Path
from types import TracebackType
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox

from mtn_tui.demo.ports import LOOPBACK, free_port

_TRIES = 3


class MailServer:
    """SMTP on a free port of loopback; messages are stored in the Maildir ``folder``, which it creates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = LOOPBACK
        self._controller: Controller | None = None

    @property
    def port(self) -> int:
        """The port, within the ``with`` block."""
        assert self._controller is not None  # noqa: S101 - within the block there is one
        return int(self._controller.port)

    def messages(self) -> list[MaildirMessage]:
        """Return the messages received so far."""
        return list(Maildir(self.folder))

    def __enter__(self) -> Self:
        for left in reversed(range(_TRIES)):
            controller = Controller(
                Mailbox(self.folder), hostname=self.host, port=free_port(), ready_timeout=60
            )
            try:
                controller.start()
            except TimeoutError:
                raise
            except OSError:  # another process took the port meanwhile
                if not left:
                    raise
            else:
                self._controller = controller
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None
