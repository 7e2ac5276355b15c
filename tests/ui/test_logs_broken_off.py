"""A key pressed while lines are being searched for does not leave a part of them, shown as if it were all."""

from __future__ import annotations

import queue
from contextlib import contextmanager

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.i18n import _
from mtn_tui.engine.logs import window
from mtn_tui.engine.logs.stream import EVERYTHING, Pattern, Wanted
from mtn_tui.operations.common.logs import open_logs
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.data.log_reader import LogReader, LogsSeen
from tests.ui.installed import Installed, stamped
from tests.ui.pilots import WITHIN, nothing_begins, operate

BREAKS_OFF = {
    "source": lambda reader: reader.sources(),
    "next error": lambda reader: reader.error(None, forwards=True),
    "error before": lambda reader: reader.error(None, forwards=False),
}
"""What is asked of the reader while it searches, and does not itself say which lines are shown."""


class Screen:
    """Takes what the reader posts."""

    def __init__(self):
        self.posted = queue.SimpleQueue()

    def post_message(self, message):
        self.posted.put(message)


@contextmanager
def reading(installed):
    screen = Screen()
    reader = LogReader(lambda: open_logs(installed.context), screen)
    try:
        yield reader, screen.posted
    finally:
        reader.stop()


def lines_at_last(reader, posted):
    """What is shown once nothing is searched for any more."""
    while True:
        message = posted.get(timeout=WITHIN)
        if isinstance(message, LogsSeen):
            reader.taken()
            if not message.searching and message.view.wanted != EVERYTHING:
                return [line.text for line in message.view.lines]


@pytest.mark.parametrize("asked", BREAKS_OFF.values(), ids=BREAKS_OFF)
def test_lines_that_match_are_found_though_a_key_was_pressed_meanwhile(tmp_path, monkeypatch, asked):
    monkeypatch.setattr(window, "SEARCH_STEP", 4096)
    installed = Installed(tmp_path)
    others = [stamped("05:00:02", "INFO", f"line {number}") for number in range(2000)]
    installed.log("backup.log", stamped("05:00:01", "INFO", "the needle"), *others)
    with reading(installed) as (reader, posted):
        reader.want(Wanted(pattern=Pattern("needle")), None)  # each request takes one step, then the next
        asked(reader)
        reader.start()
        assert lines_at_last(reader, posted) == ["the needle"]


def at_the_end(operator):
    """The line under the list, which says what is below it."""
    rows = operator.app.screen.rows
    return rows.index == len(rows.texts()) - 1 and operator.lines()[rows.region.bottom - 1].strip()


@pytest.mark.parametrize("key", ["down", "pagedown"])
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_where_lines_are_followed_no_more_the_end_is_not_said_and_is_read_on(tmp_path, key, language):
    i18n.use(language)
    installed = Installed(tmp_path)
    installed.log("backup.log", *(stamped("05:00:01", "INFO", f"line {number}") for number in range(50)))

    async def flow(operator):
        await operator.sees("line 49")
        assert at_the_end(operator).startswith(_("— end —"))
        await operator.press("f")
        with (installed.context.settings.log_dir / "backup.log").open("a") as file:
            file.write(stamped("05:00:02", "INFO", "the last one") + "\n")
        assert at_the_end(operator).startswith(_("— end of what was read; [↓] reads on —"))
        await operator.press(key)
        await operator.until(lambda: "the last one" in operator.rows[-1], "what was written since")
        await operator.press("f")
        await operator.until(lambda: at_the_end(operator), "the end")
        await operator.until(lambda: at_the_end(operator).startswith(_("— end —")), "the word of it")

    operate(MtnApp(installed.context, nothing_begins), flow, at="4")
