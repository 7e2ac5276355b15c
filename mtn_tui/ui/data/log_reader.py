"""Reads the logs on a thread, and posts what is shown of them to the screen.

The last request counts: a search that still runs is given up for it, and lines whose
loading it breaks off are loaded after it, for few would look like all. The next
message waits until the screen has taken the one before, so that however fast
logs grow, no more is posted than can be drawn.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from textual.message import Message
from textual.message_pump import MessagePump

from mtn_tui.core.errors import UsageError
from mtn_tui.engine.logs.stream import POLL_EVERY, Line, Logs, Trouble, Wanted
from mtn_tui.engine.logs.window import STEP, LogWindow, Search, View


class LogsSeen(Message):
    """The lines by now; ``found`` is the line that was searched for, ``searching`` while that goes on."""

    def __init__(
        self, view: View, troubles: tuple[Trouble, ...], found: Line | None, *, searching: bool
    ) -> None:
        super().__init__()
        self.view = view
        self.troubles = troubles
        self.found = found
        self.searching = searching


class NothingFound(Message):
    """There is no error further that way."""

    def __init__(self, *, forwards: bool) -> None:
        super().__init__()
        self.forwards = forwards


class PatternGivenUp(Message):
    """The pattern takes too long to match: all lines are shown again."""

    def __init__(self, error: UsageError) -> None:
        super().__init__()
        self.error = error


class ReadingFailed(Message):
    """A bug has ended the thread: no more messages follow."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class SourcesKnown(Message):
    """The names of all logs."""

    def __init__(self, sources: tuple[str, ...]) -> None:
        super().__init__()
        self.sources = sources


_Work = Callable[[], Iterator[None]]
"""Work in steps; between them it may be given up for another request."""


class LogReader:
    """Takes requests on the UI thread and answers them by messages to the screen."""

    def __init__(self, open_logs: Callable[[], Logs], screen: MessagePump) -> None:
        self._open = open_logs
        self._screen = screen
        self._inbox: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._taken = threading.Event()
        self._taken.set()
        self._following = True
        self._found: Line | None = None
        self._search: tuple[Line | None, bool, Search] | None = None
        """The last thing found, whether forwards, and how to go on from it."""

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._run, name="mtn-ui-logs", daemon=True).start()

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped.set()
        self._inbox.put(None)

    def taken(self) -> None:
        """Say that the screen has taken the last message: another may be posted."""
        self._taken.set()
        self._inbox.put(None)

    def follow(self) -> None:
        """Go to the end, and stay there."""
        self._following = True
        self._inbox.put(self._to_end)

    def stay(self) -> None:
        """Stop following."""
        self._following = False

    def older(self) -> None:
        """Read on before the first line that is held."""
        self._inbox.put(self._take_older)

    def newer(self) -> None:
        """Read on after the last line that is held."""
        self._inbox.put(self._take_newer)

    def want(self, wanted: Wanted, near: Line | None) -> None:
        """Show only what is wanted, around ``near``, else the end of it."""
        self._inbox.put(partial(self._choose, wanted, near))

    def error(self, near: Line | None, *, forwards: bool) -> None:
        """Go to the next error, or to the one before."""
        self._inbox.put(partial(self._to_error, near, forwards))

    def sources(self) -> None:
        """Ask for the names of all logs."""
        self._inbox.put(self._tell_sources)

    def path_of(self, line: Line) -> Path | None:
        """The line's file, or None if it is gone."""
        return self._logs.path_of(line)

    def _run(self) -> None:
        try:
            self._read()
        except Exception as error:  # noqa: BLE001 - raised again on the UI thread
            self._post(ReadingFailed(error))

    def _read(self) -> None:
        self._logs = self._open()
        self._window = LogWindow(self._logs)
        work: Iterator[None] | None = self._to_end()
        news = True
        while not self._stopped.is_set():
            try:
                if work is not None:
                    news = True
                    next(work)
                elif self._following and self._window.grow():
                    news = True
            except StopIteration:
                work = None
            except UsageError as error:
                self._post(PatternGivenUp(error))
                self._window.wanted = replace(self._window.wanted, pattern=None)
                work = self._to_end()
            if news and self._taken.is_set():
                news = False
                self._taken.clear()
                self._send(searching=work is not None)
            with suppress(queue.Empty):
                asked = self._inbox.get(timeout=POLL_EVERY) if work is None else self._inbox.get_nowait()
                if asked is not None:
                    work = asked()

    def _send(self, *, searching: bool) -> None:
        found, self._found = (None, self._found) if searching else (self._found, None)
        self._post(LogsSeen(self._window.view(), tuple(self._logs.troubles), found, searching=searching))

    def _post(self, message: Message) -> None:
        with suppress(RuntimeError):  # the app's loop is closed
            self._screen.post_message(message)

    def _to_end(self) -> Iterator[None]:
        self._window.to_end()
        return self._take_older()

    def _take_older(self) -> Iterator[None]:
        while not self._window.older():
            yield

    def _take_newer(self) -> Iterator[None]:
        while not self._window.newer():
            yield

    def _take_rest(self) -> Iterator[None]:
        """Go on where a request has broken off the loading: on both sides, while few lines are held."""
        view = self._window.view()
        if len(view.lines) < STEP and not view.at_start:
            yield from self._take_older()
        view = self._window.view()
        if len(view.lines) < STEP and not view.at_end:
            yield from self._take_newer()

    def _choose(self, wanted: Wanted, near: Line | None) -> Iterator[None]:
        self._search = None
        self._window.wanted = wanted
        if near is None or self._following:
            yield from self._to_end()
        else:
            yield from self._around(near)

    def _around(self, line: Line) -> Iterator[None]:
        self._window.to_line(line)
        self._found = line
        yield from self._take_older()
        yield from self._take_newer()

    def _to_error(self, near: Line | None, forwards: bool) -> Iterator[None]:
        self._logs.look()
        search = Search(self._logs, self._window.wanted, near, forwards=forwards)
        if self._search is not None and self._search[:2] == (near, forwards):
            search = self._search[2]
        while True:
            found, over = search.step()
            if over:
                break
            yield
        if found is None:
            self._post(NothingFound(forwards=forwards))
            yield from self._take_rest()
            return
        self._search = (found, forwards, search)
        if any((line.file, line.start) == (found.file, found.start) for line in self._window.view().lines):
            self._found = found
            yield from self._take_rest()
        else:
            yield from self._around(found)

    def _tell_sources(self) -> Iterator[None]:
        self._post(SourcesKnown(tuple(self._logs.sources)))
        return self._take_rest()
