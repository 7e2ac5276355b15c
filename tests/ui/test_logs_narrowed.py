"""Where nothing is left of the logs, only keys that show more are named. In both languages."""

from __future__ import annotations

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.i18n import _
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
