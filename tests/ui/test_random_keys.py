"""Whatever is pressed, in whatever order, the program stands and nothing is lost."""

from __future__ import annotations

import random

import pytest

from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.named_screens import every_action
from tests.ui.pilots import operate

KEYS = [key for one in every_action() for key in one.keys if one.id != "quit"]
OTHERS = ["up", "down", "pageup", "pagedown", "home", "end", "left", "tab", "x", "é", "f5"]

SCREENS = {
    "checklist": ("1",),
    "backups": (),
    "details": ("enter",),
    "logs": ("4",),
    "jobs": ("j",),
    "help": ("?",),
    "pruning": (":", *"prune", "enter"),
}
"""The keys that lead to each from the list of backups."""


@pytest.mark.sample("may act")
@pytest.mark.parametrize("count", [12, pytest.param(500, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
@pytest.mark.parametrize("read_only", [False, True], ids=["may act", "read only"])
def test_random_keys_harm_nothing(pg18, new_school, practise, read_only, count):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.legacy_backup()
    begun: list[list[str]] = []

    def start(arguments):
        begun.append(list(arguments))
        return "aaaaaaaa"

    for seed, way in enumerate(SCREENS.values()):
        chance = random.Random(seed)

        async def flow(operator, way=way, chance=chance):
            await operator.has_list()
            await operator.press(*way)
            for _number in range(count):
                await operator.press(chance.choice(KEYS + OTHERS))
                assert len(operator.lines()) == 24
            assert operator.app.is_running

        operate(MtnApp(practice.context, start, read_only=read_only), flow)
    names = [str(backup.name) for backup in practice.inventory.backups]
    assert len(names) == 2
    assert {arguments[0] for arguments in begun} <= {"backup", "verify", "restore"}
    assert not (read_only and begun)
