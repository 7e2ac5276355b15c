"""A path that fits on a line stands on one, alone, to be selected; a longer one shows where it goes on."""

from __future__ import annotations

import pytest

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens.ask import ErrorDialog, Said
from mtn_tui.ui.text.cells import BROKEN, beside, wrapped
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.sentence import SentencePrompt
from tests.ui.installed import MACHINE, Installed
from tests.ui.pilots import LARGE, SMALL, nothing_begins, operate
from tests.ui.states import usual


def path_of(cells):
    return ("/srv/backups of the school/".replace(" ", "_") + "mtn/2026-11-24/" * 20)[: cells - 4] + ".log"


DIALOGS = {
    "error": lambda said: ErrorDialog(UsageError(said, said)),
    "said": lambda said: Said("x", [said]),
    "field": lambda said: SentencePrompt("x", said),
}


@pytest.mark.sample("error-size0-67", "said-size1-130")
@pytest.mark.parametrize("cells", [66, 67, 76, 116, 130])
@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("dialog", DIALOGS)
def test_a_path_in_a_dialog_is_whole_where_the_terminal_has_room(tmp_path, dialog, size, cells):
    made = Installed(tmp_path / "mtn")
    usual(made)
    path = path_of(cells)

    async def flow(operator):
        operator.app.open_screen(DIALOGS[dialog](f"Could not write it: {path} (disk full)."))
        await operator.until(lambda: "(disk" in operator.text())
        lines = [line.strip() for line in operator.lines()]
        if cells + 4 <= size[0]:
            assert path in lines, "\n".join(lines)
            return
        begins = next(index for index, line in enumerate(lines) if line.startswith("/srv"))
        joined = ""
        for line in lines[begins:]:
            joined += line.removesuffix(BROKEN)
            if not line.endswith(BROKEN):
                break
        assert joined.startswith(path), "\n".join(lines)

    operate(MtnApp(made.context, nothing_begins, machine=MACHINE), flow, size)


@pytest.mark.parametrize("cells", [20, 43, 50, 57])
def test_a_path_beside_a_name_stands_below_it_where_it_has_room_only_there(cells):
    path, page = path_of(cells), PageBuilder(58)
    page.fact(_("Read from"), path)
    shown = ["".join(text for text, _tone in line) for line in page.lines]
    assert [line for line in shown if line.endswith(path)], shown
    told = beside("Disk", f"{path}: readable", 15, 58)
    assert any(line.startswith(f"{path}:") for _head, line in told)
    assert all(len(head + line) <= 58 for head, line in told)


def test_a_command_with_a_long_path_is_not_indented_where_it_would_be_broken_else():
    path, page = path_of(58), PageBuilder(58)
    page.code(f"  psql -f {path}")
    shown = ["".join(text for text, _tone in line) for line in page.lines]
    assert shown == ["psql -f \\", path]


@pytest.mark.parametrize("width", [12, 30, 66])
def test_only_a_path_that_is_longer_than_a_line_is_broken_and_each_of_its_lines_but_the_last_says_so(width):
    path = path_of(100)
    lines = wrapped(f"It is here: {path} and not elsewhere", width)
    assert all(len(line) <= width for line in lines)
    of_path = [line for line in lines if line.endswith(BROKEN)]
    after = lines[max(index for index, line in enumerate(lines) if line.endswith(BROKEN)) + 1]
    assert "".join(line.removesuffix(BROKEN) for line in of_path) + after.split(" ")[0] == path
    assert of_path[0].startswith("/srv")
    assert BROKEN not in "".join(wrapped("x" * 100, width)), "what is no path has no mark"
