"""A restore asks for no more connections than are free, and says beforehand how many it will use."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from mtn_tui.core.errors import NoSlots, PostgresError
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.restore.load import CONNECTIONS, open_several
from mtn_tui.operations.restore.plan import plan
from mtn_tui.operations.restore.request import Request
from mtn_tui.postgres.load import LoadConnection
from mtn_tui.postgres.server import Server

ROLE = f"mtn_few_{os.getpid()}"


@pytest.fixture
def few(any_pg, new_database, practise):
    """An installation whose role owns all of it, and a way to say how many connections it may have."""
    source = new_database(any_pg)
    source.psql(
        f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD 'llana-1'; GRANT ALL ON SCHEMA public TO {ROLE};"
        f"SET ROLE {ROLE}; CREATE TABLE a AS SELECT 1 AS x; CREATE TABLE b AS SELECT 2 AS x"
    )
    practice = practise(source)
    practice.back_up()
    practice.configure(DB_USER=ROLE, DB_PASSWORD="llana-1")
    yield practice, lambda number: source.psql(f"ALTER ROLE {ROLE} CONNECTION LIMIT {number}")
    for name in practice.made:
        any_pg.drop_database(name)
    source.psql(f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}")


def check(practice):
    request = Request(practice.inventory.latest(), "mtn_beside", no_owner=True)
    return {one.id: one for one in plan(practice.context, request).checks}["connections"]


def test_it_loads_over_those_that_are_free(few):
    practice, limit = few
    limit(3)
    told = check(practice)
    assert told.status is Status.STOP
    assert f"ALTER ROLE {ROLE} CONNECTION LIMIT" in told.hint
    before = practice.databases()
    with pytest.raises(PostgresError, match="no connection left"):
        practice.restore("mtn_beside", no_owner=True)
    assert practice.databases() == before
    limit(4)
    assert check(practice).status is Status.WARN
    assert practice.restore("", no_owner=True).psql("SELECT count(*) FROM a, b") == b"1\n"
    limit(3 + CONNECTIONS)
    assert check(practice).status is Status.OK


def test_where_one_more_is_refused_it_goes_on_with_those_it_has(few):
    practice, limit = few
    limit(2)
    server = practice.source.server
    login = Server(server.host, server.port, ROLE, "llana-1")

    def opened() -> LoadConnection:
        return LoadConnection(login, practice.source.name, "mtn", lambda _skipped: None)

    with ExitStack() as stack:
        assert len(open_several(stack, opened, CONNECTIONS)) == 2
        with pytest.raises(NoSlots):
            open_several(stack, opened, CONNECTIONS)


def test_connections_that_are_kept_for_superusers_are_not_counted(few):
    practice, limit = few
    limit(-1)
    with practice.source.connect() as connection:
        (most, kept) = connection.execute(
            "SELECT current_setting('max_connections')::int,"
            " current_setting('superuser_reserved_connections')::int"
        ).fetchone()
    assert int(check(practice).says.rstrip(".").rpartition(" ")[2]) <= most - kept - 3
