"""What ``f`` on the checklist says where no job of ours mends a finding: never nothing, and a whole command.

``test_health_table.py`` has most checks as they really come, and what ``f`` offers of
each. Here are the others, and every command that a hint of any check names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import mtn_tui
from mtn_tui.core import i18n, suggested
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.catalogue import BY_ID, CHECKS
from mtn_tui.operations.health.last_known import Remembered
from mtn_tui.operations.health.picture import Row
from mtn_tui.operations.health.runner import Result
from mtn_tui.ui.screens.checklist_actions import what_fix_does, what_instead
from mtn_tui.ui.text import by_hand
from tests.integration.test_health_table import ACCEPT, FULL, LOOK, OFFERS, OUTSIDE
from tests.ui.installed import NOW
from tests.unit.test_suggested_commands import filled, parsed

WARN, FAIL, UNKNOWN = Status.WARN, Status.FAIL, Status.UNKNOWN

REST = [
    ("configuration", WARN, "See README: settings that are doubtful.", (), OUTSIDE),
    ("environment", WARN, "Unset it where mtn is started.", (), OUTSIDE),
    ("key", WARN, "The first backup makes it; then copy it to a safe place.", ("backup", "full"), FULL),
    ("key", FAIL, "Put the key back.", (), OUTSIDE),
    ("key-of-backups", FAIL, "Put the key back that they were made with.", (), OUTSIDE),
    ("folders", FAIL, "Correct BACKUP_DIR, or the owner and mode of /srv.", (), OUTSIDE),
    ("state", WARN, "sudo usermod -aG mtn ana, then log in again.", (), OUTSIDE),
    ("role", WARN, "As a superuser: ALTER ROLE ana CREATEDB;", (), OUTSIDE),
    ("leftovers", WARN, "The next restore removes them. Or at once: mtn kept", (), LOOK + "mtn kept"),
    ("leftovers", UNKNOWN, "", (), OUTSIDE),
    ("pg_dump", WARN, "Update the client programs to 18.1.", (), OUTSIDE),
    ("bucket", FAIL, "Let its user write there.", (), OUTSIDE),
    (
        "stores",
        FAIL,
        "Mount its disk again, or correct BACKUP_DIR. If this is meant: mtn accept --store disk",
        (),
        ACCEPT + "mtn accept --store disk",
    ),
    (
        "alerts",
        WARN,
        "Send one: mtn notify --test. Then with the token that arrives: mtn notify --ack TOKEN",
        (),
        ACCEPT + "mtn notify --test",
    ),
    ("alerts", WARN, "Send them now: mtn notify --flush", (), LOOK + "mtn notify --flush"),
    ("machine", WARN, "Set LANG to a UTF-8 locale.", (), OUTSIDE),
    ("disk", FAIL, "Make room. See: mtn prune --dry-run", ("prune",), "[f] runs: deletion of old backups"),
    ("disk", WARN, "Make room, or let TEMP_DIR point to a larger disk.", (), OUTSIDE),
]
"""Check, status, a hint of that kind, its fix, and what ``f`` says or begins with."""


@pytest.mark.parametrize(("check", "status", "hint", "fix", "says"), REST)
def test_each_finding_is_mended_led_or_told_what_to_type(check, status, hint, fix, says):
    found = Check(check, status, "It is so.", hint, fix=fix)
    row = Row(BY_ID[check], Remembered(Result(BY_ID[check], (found,), NOW, 0.1), NOW))
    assert (what_fix_does(row) or what_instead(row)).startswith(says)


def test_every_check_has_its_place_in_one_of_both_tables():
    assert {one.id for one in CHECKS} == {check for check, _status in OFFERS} | {one[0] for one in REST}


def hints() -> Iterator[str]:
    """Every text of the health checks that names a command of ours."""
    for path in (Path(mtn_tui.__file__).parent / "operations" / "health" / "checks").glob("*.py"):
        for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "_":
                (text,) = one.args
                if isinstance(text, ast.Constant) and suggested.SUGGESTED.search(str(text.value)):
                    yield str(text.value)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_the_command_to_type_is_taken_whole_out_of_every_hint(language):
    i18n.use(language)
    told = {text: by_hand.typed(i18n._(text)) for text in hints()}
    assert len(told) > 25
    for text, command in told.items():
        assert command, text
        parsed([filled(word) for word in command.split()[1:]])


def test_it_is_whole_where_a_configuration_was_named(tmp_path):
    path = tmp_path / "it's a folder" / "backup.conf"
    suggested.name_configuration(path)
    try:
        said = by_hand.why_no_key(Check("x", WARN, "", f"See: {suggested.command('schedule', 'install')}."))
    finally:
        suggested.name_configuration(None)
    assert re.search(r"this machine starts; type it yourself: mtn --config .* schedule install$", said)
