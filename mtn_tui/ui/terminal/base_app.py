"""What the app does for its terminal, whatever it shows there."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from collections.abc import Sequence

from rich.console import RenderableType
from textual._compositor import CompositorUpdate
from textual.driver import Driver
from textual.filter import LineFilter, NoColor
from textual.screen import Screen

from mtn_tui.ui.terminal.ascii import Ascii
from mtn_tui.ui.terminal.diff import ScreenDiff
from mtn_tui.ui.terminal.driver import Terminal
from mtn_tui.ui.terminal.hangup import hung_up
from mtn_tui.ui.terminal.key_queue import KeyQueueApp

_COLLECT_EVERY, _IDLE = 600.0, 3.0
"""Seconds between full collections of garbage, which hold up everything; and without a key before one."""


class BaseApp(KeyQueueApp):
    """Sends only lines that have changed, none while the terminal is behind, and ends when it is gone."""

    def __init__(self, *, ascii: bool = False) -> None:
        """``ascii`` replaces every other character by one of ASCII."""
        super().__init__()
        self.fault: Exception | None = None
        """The exception that ended the program, if one did: for the caller to report."""
        self._ascii = Ascii() if ascii else None
        self._on_terminal = ScreenDiff()
        self._missed = False
        """Whether a frame was left out because the terminal was behind."""
        self._collected = time.monotonic()

    def get_driver_class(self) -> type[Driver]:
        """Called by Textual for the driver to use."""
        return Terminal

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Called by Textual for the filters of drawn lines: no colour, if not wanted, and ASCII last."""
        filters = [NoColor()] if self.no_color else super().get_line_filters()
        return [*filters, self._ascii] if self._ascii else filters

    def on_mount(self) -> None:
        """Subscribe to the terminal's return after ctrl-z, and end the program on SIGTERM or SIGHUP."""
        # After ctrl-z and fg the terminal is empty: Textual takes it again, but draws nothing.
        self.app_resume_signal.subscribe(self, self._resumed)
        if isinstance(self._driver, Terminal):
            self._driver.output.on_all_taken = lambda: self._missed and self.call_later(self._catch_up)
        if not self.is_headless:
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self.exit)

    def on_resize(self) -> None:
        """Send every line next time: a terminal may rearrange what it shows."""
        self._on_terminal.forget()

    async def look_after_terminal(self) -> bool:
        """Whether the terminal is still there; else the program ends. Call it every second."""
        await self.drop_lost_key()
        self._catch_up()
        self._collect()
        if not self.is_headless and hung_up():
            self.exit()
            return False
        return True

    def _resumed(self, _driver: object) -> None:
        self._on_terminal.forget()
        self.refresh(layout=True)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        drawn = self._running and not self._closed and not self._batch_count and not self.is_headless
        if drawn and isinstance(renderable, CompositorUpdate):
            if self._is_behind:
                self._missed = True
                return
            renderable = self._on_terminal.update(self.screen, self.console)
        super()._display(screen, renderable)

    @property
    def _is_behind(self) -> bool:
        """Whether the terminal has not taken yet what it was sent: a slow line, or one that hangs."""
        return isinstance(self._driver, Terminal) and self._driver.is_behind

    def _catch_up(self) -> None:
        """Paint the frame that was left out."""
        if self._missed and not self._is_behind:
            self._missed = False
            self.screen.refresh()

    def _collect(self) -> None:
        """Collect all garbage now and then, once no key has come for a while: ``only_young_collected``."""
        now = time.monotonic()
        if now - self._collected > _COLLECT_EVERY and self.idle > _IDLE:
            self._collected = now
            gc.collect()

    def _fatal_error(self) -> None:
        """Keep the exception for the caller: Textual would print every local variable, perhaps a secret."""
        self.fault = self._exception
        self._close_messages_no_wait()
