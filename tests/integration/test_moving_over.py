"""A machine with the scripts' crontab, configuration, key and three months of backups is taken over.

By the lines of the README alone: nothing is lost, and no script runs afterwards.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mtn_tui.core.clock import local_stamp
from mtn_tui.operations.schedule import install, installed
from tests.operation_fixtures import Practice
from tests.schedule_fixtures import crontab, machine

__all__ = ["crontab", "machine"]

README = Path(__file__).parents[2] / "README.md"
SCRIPTS = """# backups
MAILTO=admin@mtn.cl
0 2 * * * /opt/backup-system/scripts/full-backup.sh
0 * * * * /opt/backup-system/scripts/differential-backup.sh
0 */6 * * * /opt/backup-system/scripts/monitor-backups.sh
# somebody else's
15 4 * * * /usr/local/bin/rotate
"""


def steps() -> list[list[str]]:
    """The commands of the README's section, in their order."""
    text = README.read_text().partition("## Moving over from the scripts")[2].partition("\n#")[0]
    return [shlex.split(line, comments=True)[1:] for line in re.findall(r"^ +(mtn .*)$", text, re.MULTILINE)]


@pytest.fixture
def taken_over(pg18, new_database, practise, s3, crontab) -> Practice:
    database = new_database(pg18)
    database.psql("CREATE TABLE users AS SELECT g AS id FROM generate_series(1, 20) g")
    practice: Practice = practise(database, s3)
    newest = practice.legacy_backup(local_stamp(datetime.now().astimezone()))
    data = newest.read_bytes()
    for days in range(1, 91):
        moment = datetime.now().astimezone() - timedelta(days=days)
        name = newest.name.rpartition("_2")[0] + f"_{local_stamp(moment)}.sql.gz.gpg"
        kinds = ("full", "diff") if days % 9 == 0 else ("full",)
        for kind in kinds:
            path = practice.backups / name.replace("_full_", f"_{kind}_")
            path.write_bytes(data)
            os.utime(path, (moment.timestamp(), moment.timestamp()))
    crontab.write_text(SCRIPTS)
    return practice


def test_the_readmes_lines_take_a_machine_over(taken_over, crontab, machine, monkeypatch):
    for module in (installed, install):
        monkeypatch.setattr(module, "Machine", lambda: machine)
    before = {path.name: path.read_bytes() for path in taken_over.backups.iterdir()}
    assert len(before) == 101
    taken = steps()
    assert [one[0] for one in taken] == ["doctor", "list", "verify", "backup", "schedule", "monitor"]
    for arguments in taken:
        told = arguments[0] in ("doctor", "monitor")
        more = ["--system", "cron", "--yes"] if arguments[0] == "schedule" else []
        taken_over.here(*arguments, *more, check=None if told else 0)
    lines = crontab.read_text().splitlines()
    assert not [line for line in lines if ".sh" in line and not line.startswith("#")], "no script runs"
    assert "15 4 * * * /usr/local/bin/rotate" in lines
    assert "MAILTO=admin@mtn.cl" in lines
    runs = [line for line in lines if "--scheduled" in line]
    for command in ("backup full", "backup diff", "monitor", "prune", "drill", "report"):
        assert any(command in line for line in runs)

    taken_over.here("prune")
    after = {path.name: path.read_bytes() for path in taken_over.backups.iterdir()}
    assert {name: data for name, data in after.items() if name in before} == before
    listed = json.loads(taken_over.here("list", "--json").stdout)
    assert sum("legacy" in json.dumps(one) for one in listed) == 101

    taken_over.here("schedule", "remove", "--yes")
    assert crontab.read_text() == SCRIPTS
