"""Operators who share a machine share its configuration, its backups, and the sight of each other's jobs."""

from __future__ import annotations

import grp
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtn_tui.core import paths
from mtn_tui.core.errors import Refused
from mtn_tui.operations.setup.init import Answers
from mtn_tui.operations.setup.system import Places, set_up_system

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can")


def places(root: Path) -> Places:
    return Places(root / "etc" / "backup.conf", root / "state", root / "backups", root / "logs")


def answers(pg18, name: str) -> Answers:
    return Answers(
        db_name=name, db_user=pg18.user, db_password=pg18.password, db_host=pg18.host, db_port=pg18.port
    )


@pytest.fixture
def group() -> Iterator[int]:
    """What it is called on every machine; one that was not there before is not left behind."""
    there = paths.GROUP in {one.gr_name for one in grp.getgrall()}
    yield
    if not there:
        subprocess.run(["groupdel", paths.GROUP], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
def test_an_ordinary_user_is_refused_before_anything_is_made(pg18, tmp_path):
    with pytest.raises(Refused):
        set_up_system(answers(pg18, "x"), os.environ, lambda _settings: "", places(tmp_path))
    assert list(tmp_path.iterdir()) == []


@as_root
def test_what_they_share_is_the_groups_and_nobody_elses(pg18, group, new_database, tmp_path):
    where = places(tmp_path)
    source = new_database(pg18)
    made = set_up_system(answers(pg18, source.name), os.environ, lambda _settings: "", where)
    key = made.settings.encryption_key_file
    shared = {
        **dict.fromkeys((where.state, where.backups, where.logs, made.settings.metrics_dir), 0o2770),
        made.settings.temp_dir: 0o2770,
        **dict.fromkeys((where.configuration, key, made.settings.contacts_file), 0o640),
    }
    for path, mode in shared.items():
        found = path.stat()
        assert (stat.S_IMODE(found.st_mode), found.st_gid) == (mode, grp.getgrnam(paths.GROUP).gr_gid)
    assert not paths.too_open(key)

    environment = {
        **os.environ,
        "MTN_CONFIG": str(where.configuration),
        "PATH": f"{pg18.binaries}:{os.environ['PATH']}",
        "MTN_LANG": "en",
    }
    for operator, command in {"ana": "backup full", "beto": "job list"}.items():
        done = subprocess.run(
            [sys.executable, "-m", "mtn_tui", *command.split()],
            env=environment | {"SUDO_USER": operator},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), done.stderr
    assert "ana" in done.stdout
    for journal in (where.state / "jobs").iterdir():
        assert stat.S_IMODE(journal.stat().st_mode) == 0o660
