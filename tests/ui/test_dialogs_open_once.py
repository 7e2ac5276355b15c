"""A key whose dialog waits for an answer opens it once, however often it is pressed meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtn_tui.postgres.kept import kept_name
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.data.log_reader import LogReader
from mtn_tui.ui.screens import kept, syncing
from mtn_tui.ui.screens.ask import Ask
from tests.ui.incident_states import Canned, a_day_of_work
from tests.ui.installed import MACHINE, Installed
from tests.ui.pilots import nothing_begins, operate


@pytest.fixture(autouse=True)
def _open_at_first(gate):
    gate.may.set()


def pressed_three_times(app, gate, keys, key, at="2"):
    async def flow(operator):
        await operator.has_list()
        await operator.press(*keys)
        if keys == ["t"]:
            await operator.until(lambda: app.screen.picking.ready, "the plan")
        for _turn in range(2):
            gate.may.clear()
            before = gate.asked
            await operator.press(key, key)
            await operator.until(lambda before=before: gate.asked > before, "the question")
            await operator.press(key)
            gate.may.set()
            await operator.until(lambda: isinstance(app.screen, Ask), "the dialog")
            await operator.settled()
            assert sum(isinstance(one, Ask) for one in app.screen_stack) == 1
            assert gate.asked == before + 1
            await operator.press("escape")
            assert not any(isinstance(one, Ask) for one in app.screen_stack)

    operate(app, flow, at=at)


def test_what_is_kept_is_listed_once(pg18, new_school, new_database, practise, gate, monkeypatch):
    practice = practise(new_school(pg18))
    new_database(pg18, name=kept_name(practice.source.name, datetime(2026, 11, 24, 5, 2, 11, tzinfo=UTC)))
    monkeypatch.setattr(kept, "every_kept", gate.before(kept.every_kept))
    pressed_three_times(MtnApp(practice.context, nothing_begins), gate, [], "K")


@pytest.mark.parametrize("key", ["enter at a point as it was", "s at the logs", "s at the backups"])
def test_so_is_whatever_else_waits_for_an_answer(tmp_path, gate, monkeypatch, key):
    monkeypatch.chdir(tmp_path)
    made = Installed(Path("mtn"), settings={"minio_endpoint": "s3.mtn.cl:9000"})
    a_day_of_work(made)
    operations = Canned(there=True).operations(made)
    at, keys, pressed = "2", [], "s"
    if key == "s at the logs":
        at = "4"
        monkeypatch.setattr(LogReader, "_tell_sources", gate.before(LogReader._tell_sources))
    elif key == "s at the backups":
        monkeypatch.setattr(syncing, "what_lacks", gate.before(lambda _context: ["1 backup"]))
    else:
        keys, pressed = ["t"], "enter"
        operations = replace(operations, target=gate.before(operations.target))
    app = MtnApp(made.context, nothing_begins, machine=MACHINE, operations=operations)
    pressed_three_times(app, gate, keys, pressed, at)
