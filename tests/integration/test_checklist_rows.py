"""What a row of the checklist shows on 80 columns, of what real checks have found."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtn_tui import operations
from mtn_tui.core import i18n
from mtn_tui.operations.health import inspection as inspections
from mtn_tui.operations.health.catalogue import BY_ID, CHECKS
from mtn_tui.operations.health.last_known import Remembered
from mtn_tui.operations.health.picture import Picture
from mtn_tui.operations.health.runner import Result
from mtn_tui.operations.restore import rto_log
from mtn_tui.operations.schedule.installed import Found, Installed
from mtn_tui.operations.schedule.machine import System
from mtn_tui.ui.text import health
from tests.integration.test_health_table import HOUR, OK, WARN, disk_only, expect, seen, small
from tests.operation_fixtures import Practice

__all__ = ["disk_only", "small"]


def row_of(result: Result) -> str:
    """The row of a result on a checklist of 80 columns."""
    now = datetime.now(UTC)
    names = max(len(one.title()) for one in CHECKS)
    row = Picture.of({result.check.id: Remembered(result, now)}).row(result.check.id)
    assert row is not None
    return "".join(text for text, _tone in health.row(row, now, 80, names))


pytestmark = pytest.mark.usefixtures("about_noon")
"""What was made and was due today is told."""


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_on_80_columns_a_row_cuts_what_matters_least(language: str, disk_only: Practice) -> None:
    i18n.use(language)
    disk_only.ready_made()
    disk_only.back_up_changes()
    (backup, *_others) = disk_only.inventory.backups
    disk_only.run("drill", lambda one: rto_log.passed(one, disk_only.context, backup, 60.0))
    path = disk_only.root / "config" / "contacts.toml"
    path.write_text((Path(operations.__file__).parent / "setup" / "contacts.toml.template").read_text())
    today = f"{datetime.now().astimezone():%Y-%m-%d}"
    free = f"{shutil.disk_usage(disk_only.backups).free / 1e9:.0f}"[:1]  # others fill and empty it meanwhile
    for name, parts in {
        "full": ("0 min", "26 h"),
        "objectives": ("RPO ", " 1 h", "RTO ", " 4 h"),
        "disk": (" %", free),
        "drill": (today,),
        "contacts": ("5", "5"),
        "differentials": (),
    }.items():
        row = row_of(seen(disk_only, name))
        assert BY_ID[name].title() in row
        assert all(part in row for part in parts), row
        assert "…" not in row, row


def test_what_is_due_of_the_differentials_is_told_and_that_none_is_by_the_schedule(
    disk_only: Practice, monkeypatch
) -> None:
    disk_only.back_up()
    disk_only.back_up_changes()
    monkeypatch.setattr(inspections, "installed", lambda _configuration: Found(()))
    told = expect(disk_only, "differentials", OK, "1 today").findings[0]
    assert "scheduled" not in f"{told.says} {told.short}"
    expect(disk_only, "schedule", WARN, "Not started by itself: ")
    mine = Installed(System.CRON, "crontab", "mtn backup diff", "differential")
    monkeypatch.setattr(inspections, "installed", lambda _configuration: Found((mine,)))
    expect(disk_only, "differentials", OK, "1 of 1 due today")
    told = seen(disk_only, "differentials", after=2.5 * HOUR).findings[0].says
    assert told.startswith(("1 of 2 due", "1 of 3 due", "1 of 4 due", "1 of 5 due", "1 of 6 due")), told
