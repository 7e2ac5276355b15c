"""What narrows the logs is said, where nothing is left too, and what has no room. In both languages."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from mtn_tui.core import i18n
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens.logs import Logs
from tests.ui.installed import MACHINE, Installed, stamped
from tests.ui.pilots import nothing_begins, operate

SEARCH, SOURCE = "[esc] ends the search.", "[s] chooses another log, or all."
WARNINGS, ERRORS = "[l] pressed twice shows every level.", "[l] shows every level."
EVERY = {SEARCH, SOURCE, WARNINGS, ERRORS}
NARROWED = {
    "slash z z z enter": {SEARCH},
    "slash z z z enter l": {SEARCH, WARNINGS},
    "l": {WARNINGS},
    "l l": {ERRORS},
    "s down enter l": {WARNINGS, SOURCE},
    "s down enter l l": {ERRORS, SOURCE},
}
"""Keys that narrow the logs until no line is left, and what is said then."""


@pytest.mark.parametrize("keys", NARROWED)
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_where_no_line_matches_only_keys_that_show_more_are_named(tmp_path, keys, language):
    made = Installed(tmp_path / "mtn")
    made.log("backup.log", stamped("05:00:01", "INFO", "done"))
    i18n.use(language)

    async def flow(operator):
        await operator.has_list()
        await operator.press("4")
        await operator.sees("done")
        for key in keys.split():
            await operator.press(key)
            if key == "s":
                await operator.sees(_("All logs"), _("Which logs?"))
        await operator.sees(_("No lines match."), *map(_, NARROWED[keys]))
        assert not [one for one in EVERY - NARROWED[keys] if _(one) in operator.text()]
        if SEARCH in NARROWED[keys]:
            await operator.press("escape")
            await operator.until(lambda: "/ zzz" not in operator.text(), "the end of the search")
            assert isinstance(operator.app.screen, Logs)

    operate(MtnApp(made.context, nothing_begins, machine=MACHINE), flow)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_the_heading_and_the_next_error_say_that_pattern_and_level_hide_lines(tmp_path, language):
    made = Installed(tmp_path / "mtn")
    made.log(
        "backup.log",
        stamped("05:00:01", "INFO", "upload begins"),
        stamped("05:00:02", "ERROR", "upload-failed error=X"),
        stamped("05:00:03", "ERROR", "failed error=NoSpace"),
    )
    i18n.use(language)

    async def flow(operator):
        await operator.has_list()
        await operator.press("4")
        await operator.sees("upload begins")
        assert " 3 " not in operator.lines()[3], "nothing is hidden"
        await operator.press("/", *"upload", "enter")
        heading = f"{_('All logs')} · / upload"
        lines = ngettext("{count:,} line", "{count:,} lines", 2)
        await operator.sees(f"{heading} · {lines.format(count=2)}")
        rows = operator.app.screen.rows
        await operator.press("e")
        await operator.until(lambda: "error=X" in rows.texts()[rows.index], "the only one")
        await operator.press("e")
        await operator.sees(_("No error after this one in {shown}").format(shown=heading))
        await operator.press("E", "E")
        await operator.sees(_("No error before this one in {shown}").format(shown=heading))
        await operator.press("l", "l")
        lines = ngettext("{count:,} line", "{count:,} lines", 1)
        both = f"{_('All logs')} · {_('errors only')} · / upload"
        await operator.sees(f"{both} · {lines.format(count=1)}")
        await operator.press("escape", "e")
        await operator.until(lambda: "NoSpace" in rows.texts()[rows.index], "the last one")
        await operator.press("e")
        await operator.sees(_("No error after this one."))

    operate(MtnApp(made.context, nothing_begins, machine=MACHINE), flow)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize(("words", "below"), [(20, 0), (26, 0), (60, 4), (200, 17)])
def test_the_line_beneath_the_list_counts_what_has_no_room_and_names_the_key(
    tmp_path, language, words, below
):
    made = Installed(tmp_path / "mtn")
    made.log("backup.log", stamped("05:00:01", "INFO", " ".join(["upload"] * words) + " END"))
    i18n.use(language)

    async def flow(operator):
        await operator.has_list()
        await operator.press("4")
        await operator.sees("upload")
        pane = operator.app.screen.lines("pane")
        more = "▾ " + _("{count:,} more below").format(count=below) + ": [w]"
        assert ("END" in "".join(pane.texts())) is not bool(below)
        assert pane.texts()[-1].endswith(more) is bool(below), pane.texts()
        assert len(pane.texts()) == 3
        assert all(cell_len(line) <= 80 for line in pane.texts())
        await operator.press("w")
        await operator.until(lambda: "[w]" not in "".join(pane.texts()), "the list has it whole")

    operate(MtnApp(made.context, nothing_begins, machine=MACHINE), flow)
