"""Chains on the screen of backups: differentials below their full, shown and hidden."""

from __future__ import annotations

from mtn_tui.ui.app import MtnApp
from tests.ui.installed import Installed
from tests.ui.pilots import nothing_begins, operate
from tests.ui.states import MB, chained, night, without_its_full


def looked_at(tmp_path, state, flow):
    installed = Installed(tmp_path / "made")
    state(installed)
    app = MtnApp(installed.context, nothing_begins)

    async def all_of_it(operator):
        await operator.has_list()
        await flow(operator, installed)

    operate(app, all_of_it)


def kinds(operator):
    return [" ".join(row.split()[:2] if row[1] in "▸▾" else row.split()[:1]) for row in operator.rows]


FOLDED = ["▸ full"] * 4


def test_the_newest_chain_is_unfolded_and_space_folds_and_unfolds_each(tmp_path):
    async def flow(operator, _installed):
        assert kinds(operator) == ["▾ full", "diff", "diff", *["▸ full"] * 3]
        await operator.press("down", "down", "space")
        assert kinds(operator) == FOLDED
        await operator.sees("2 differentials on it")  # the cursor is on the full
        await operator.press("space")
        assert kinds(operator) == ["▾ full", "diff", "diff", *["▸ full"] * 3]
        await operator.press("end", "space", "down")
        assert kinds(operator)[-3:] == ["▾ full", "diff", "diff"]
        await operator.sees("Restored on the full of")

    looked_at(tmp_path, chained, flow)


def test_what_is_folded_stays_so_when_the_list_is_read_again_and_the_cursor_keeps_its_differential(tmp_path):
    async def flow(operator, installed):
        await operator.press("down")
        here = operator.app.screen.backup.name
        await operator.press("end", "space", "home", "down")
        installed.full(night(0, hour=6))  # a new full, as the night goes on
        installed.diff(night(0, hour=6), 3 * MB)
        await operator.press("r")
        await operator.sees("fulls: 5, differentials: 9")
        assert kinds(operator) == [
            *("▾ full", "diff"),
            *("▾ full", "diff", "diff"),
            *("▸ full", "▸ full"),
            *("▾ full", "diff", "diff"),
        ]
        assert operator.app.screen.backup.name == here

    looked_at(tmp_path, chained, flow)


def test_a_filter_and_another_order_show_all_and_fold_nothing(tmp_path):
    async def flow(operator, _installed):
        await operator.press("/")
        await operator.type("kind:diff")
        await operator.press("enter")
        assert kinds(operator) == ["diff"] * 8
        await operator.press("space")
        await operator.sees("nothing is folded")
        await operator.press("escape", "o")
        assert len(operator.rows) == 12
        assert all(row.startswith((" full", " diff")) for row in operator.rows)
        await operator.press("o", "o")
        assert kinds(operator)[:2] == ["▾ full", "diff"]

    looked_at(tmp_path, chained, flow)


def test_a_full_without_differentials_can_not_be_folded(tmp_path):
    async def flow(operator, _installed):
        await operator.press("end", "space")
        await operator.sees("No differential builds on it.")

    def one_more(installed):
        installed.full(night(9))
        chained(installed)

    looked_at(tmp_path, one_more, flow)


def test_a_differential_without_its_full_is_unusable_and_can_not_be_restored(tmp_path):
    async def flow(operator, _installed):
        assert [row.count("✖ unusable") for row in operator.rows].count(1) == 2
        await operator.press("space", "down", "R")
        await operator.sees("It can't be restored: its full")

    looked_at(tmp_path, without_its_full, flow)


def test_what_is_wrong_with_a_folded_differential_is_marked_at_its_full(tmp_path):
    def one_fails(installed):
        chained(installed)
        installed.diff(night(0, hour=6), 2 * MB, failed="It was cut short.")

    async def flow(operator, _installed):
        assert "⚠" not in operator.rows[0]
        await operator.press("space")
        assert operator.rows[0].rstrip().endswith("complete ⚠")

    looked_at(tmp_path, one_fails, flow)


def test_a_differential_can_be_restored_from_the_list(tmp_path):
    async def flow(operator, _installed):
        await operator.press("down", "R")
        await operator.sees("Restore into which database?", "differential of")

    looked_at(tmp_path, chained, flow)
