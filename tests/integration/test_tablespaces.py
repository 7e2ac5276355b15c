"""A database that lies in a tablespace of its own is restored into it: its disk was chosen for it."""

from __future__ import annotations

import os
import shutil

import pytest

from mtn_tui.operations.restore.plan import plan
from mtn_tui.operations.restore.promote import promote
from mtn_tui.operations.restore.request import Request
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, connect
from tests.pg_fixtures import Database, new_place


@pytest.fixture
def fast(pg18, pg_workspace, live):
    """Production, moved to a tablespace of that name."""
    place, name = new_place(pg_workspace, "tablespace"), f"fast_{os.getpid()}"
    shutil.chown(place, pg18._data.owner(), pg18._data.group())
    server = Database(pg18, "postgres")
    server.psql(f"CREATE TABLESPACE {name} LOCATION '{place}'")
    server.psql(f"ALTER DATABASE {live.database.name} SET TABLESPACE {name}")
    yield name
    for one in sorted(live.practice.databases()):
        if where(live, one) == name:
            server.psql(f'ALTER DATABASE "{one}" SET TABLESPACE pg_default')
    server.psql(f"DROP TABLESPACE {name}")


def where(live, database: str) -> str:
    with connect(live.database.login, MAINTENANCE) as connection:
        return databases.tablespace_of(connection, database)


@pytest.mark.parametrize("in_place", [False, True], ids=["beside", "in place"])
def test_production_stays_in_its_tablespace(live, fast, in_place):
    live.practice.restore(live.database.name, drop=True, confirm=live.words, in_place=in_place)
    assert live.rows == 50
    assert where(live, live.database.name) == fast


def test_a_staging_that_is_promoted_is_made_where_production_is(live, fast):
    practice, name = live.practice, live.database.name
    staging = practice.context.settings.staging_db_name
    practice.restore(staging, closed=True)
    assert where(live, staging) == fast
    practice.run("promote", lambda job: promote(job, practice.context, staging, name, confirm=live.words))
    assert where(live, name) == fast


def test_a_swap_into_another_tablespace_warns_and_says_how_to_move_it(live, fast):
    practice, name = live.practice, live.database.name
    other = practice.restore(name + "_other").name
    assert where(live, other) == "pg_default"
    done = practice.here("promote", other, "--target", name, "--confirm", live.words, check=1)
    assert f"was in the tablespace {fast}, and is in pg_default now" in done.stderr
    assert f'ALTER DATABASE "{name}" SET TABLESPACE "{fast}";' in done.stderr


def test_room_is_looked_for_where_it_is_made(live, fast, monkeypatch):
    """Here no other disk is at hand: which folder is asked tells."""
    asked = []
    usage = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: asked.append(path) or usage(path))
    plan(live.practice.context, Request(live.practice.inventory.latest(), live.database.name, drop=True))
    assert any("tablespace" in str(path) for path in asked)
