"""The database that a backup is loaded into is made while the copy is read; a bad copy leaves none."""

from __future__ import annotations

import time

import pytest

from mtn_tui.core.errors import Changed
from mtn_tui.operations.restore.source import Source
from tests.integration.test_differential import assert_same
from tests.pg_fixtures import Database

WITHIN = 60
"""Seconds that a database may take to be made; no test waits for them."""


@pytest.fixture
def read_once_made(monkeypatch):
    """Copies are read once the database for them is there; gives how many were read so."""
    check, read = Source._check, []

    def waiting(source, copy, server):
        until = time.monotonic() + WITHIN
        while not server.execute("SELECT 1 FROM pg_database WHERE datname ~ '__restoring_'").fetchone():
            assert time.monotonic() < until, "it is not made meanwhile"
            time.sleep(0.01)
        read.append(copy)
        check(source, copy, server)

    monkeypatch.setattr(Source, "_check", waiting)
    return read


def test_the_database_is_there_before_its_copy_is_read(any_pg, new_school, practise, read_once_made):
    school = new_school(any_pg)
    practice = practise(school)
    practice.back_up()
    assert_same(school, practice.restore())
    assert len(read_once_made) == 1


def damage(payload):
    with payload.open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\0\0\0")


def test_for_a_copy_that_does_not_hold_none_is_left(pg18, new_school, practise, read_once_made):
    practice = practise(new_school(pg18))
    damage(practice.payload(practice.back_up().manifest))
    with pytest.raises(Changed):
        practice.restore("never_there")
    assert len(read_once_made) == 1
    assert not [name for name in practice.databases() if name.startswith("never_there")]


LIKE = {
    "c": "LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'",
    "b": "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LC_COLLATE 'C' LC_CTYPE 'C'",
}


@pytest.mark.parametrize("like", LIKE)
def test_where_an_earlier_backup_is_used_the_database_is_like_that_ones(
    pg18, new_database, practise, read_once_made, like
):
    source = new_database(pg18)
    practice = practise(source)
    made = []
    for how in (LIKE[like], LIKE["c"]):
        pg18.drop_database(source.name)
        Database(pg18, "postgres").psql(f"CREATE DATABASE {source.name} TEMPLATE template0 {how}")
        source.psql("CREATE TABLE t AS SELECT 1 AS n")
        made.append(practice.back_up().manifest)
    damage(practice.payload(made[1]))
    newest, earlier = (practice.inventory.find(one.id) for one in reversed(made))
    restored = practice.restore(backup=newest, earlier=(earlier,), fall_back=True)
    asked = f"SELECT datlocprovider FROM pg_database WHERE datname = '{restored.name}'"
    assert restored.psql(asked).decode().strip() == like
    assert len(read_once_made) == len(made)
    assert not [name for name in practice.databases() if "__restoring_" in name]
