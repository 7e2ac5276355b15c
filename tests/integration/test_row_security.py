"""Rows that a policy hides are not missing: nothing is counted through one."""

from __future__ import annotations

import json

import psycopg
import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.incident.assess import look
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.restore.plan import plan
from mtn_tui.operations.restore.request import Request
from mtn_tui.operations.restore.validate import validate
from mtn_tui.postgres.newest import newer_than
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database

PLAIN = "mtn_plain"

SCHEMA = """
    CREATE TABLE {name} (id int GENERATED ALWAYS AS IDENTITY, created_at timestamptz DEFAULT now(),
        ours bool);
    INSERT INTO {name} (ours) SELECT n % 2 = 0 FROM generate_series(1, 100) AS n;
"""
HIDDEN = """
    ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE {name} FORCE ROW LEVEL SECURITY;
    CREATE POLICY half ON {name} USING (ours);
"""


@pytest.fixture
def plain(pg18):
    """The name of a role that may make databases and is no superuser: policies apply to it."""
    with psycopg.connect(pg18.conninfo(), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {PLAIN} LOGIN CREATEDB PASSWORD 'plain'")
        connection.execute(f"GRANT pg_read_all_settings, pg_monitor TO {PLAIN}")
    yield PLAIN
    with psycopg.connect(pg18.conninfo(), autocommit=True) as connection:
        connection.execute(f"DROP ROLE {PLAIN}")


@pytest.fixture
def hidden(pg18, new_database, practise, plain):
    """A backup made by a superuser; whoever restores it is the owner of all tables, whom policies bind."""
    practice = practise(new_database(pg18))
    source = practice.source
    for name in ("applications", "guardians", "students", "schools"):
        source.psql(SCHEMA.format(name=name))
    source.psql("CREATE TABLE parts (n int, ours bool) PARTITION BY LIST (n)")
    source.psql("CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1)")
    source.psql("CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2)")
    source.psql("CREATE TABLE heirs (more text) INHERITS (students)")
    source.psql("INSERT INTO parts SELECT 1 + n % 2, n % 3 = 0 FROM generate_series(1, 60) AS n")
    source.psql("INSERT INTO heirs (id, ours) SELECT n, n % 2 = 0 FROM generate_series(101, 120) AS n")
    # A whole table's policy says nothing of rows read from a part of it, nor a parent's of its heirs'.
    for name in ("applications", "parts", "parts_1", "heirs"):
        source.psql(HIDDEN.format(name=name))
    for name in ("applications", "guardians", "students", "schools", "parts", "parts_1", "parts_2", "heirs"):
        source.psql(f"ALTER TABLE {name} OWNER TO {plain}")
    # Nobody's policy, and only the missing right keeps its owner from seeing it.
    source.psql(f"REVOKE SELECT ON schools FROM {plain}")
    practice.back_up()
    practice.configure(DB_USER=plain, DB_PASSWORD="plain")
    yield practice
    for name in practice.made:
        source.server.drop_database(name)
    practice.made.clear()
    source.psql(f"REASSIGN OWNED BY {plain} TO current_user; DROP OWNED BY {plain}")


def test_a_good_restore_stays_good_where_policies_hide_rows_from_its_owner(hidden: Practice):
    hidden.made.append("mtn_hidden")
    done = hidden.here("restore", "--latest", "--target", "mtn_hidden", "--json", check=1)
    facts = json.loads(done.stdout)
    assert sorted(facts["not_counted"]) == [
        "public.applications",
        "public.heirs",
        "public.parts_1",
        "public.schools",
    ]
    assert facts["rows"] == 100 + 100 + 30
    assert "Not counted" in done.stderr
    assert "public.applications" in done.stderr
    restored = Database(hidden.source.server, "mtn_hidden")
    for table, rows in (("applications", 100), ("parts", 60), ("heirs", 20), ("schools", 100)):
        assert restored.psql(f"SELECT count(*) FROM {table}") == b"%d\n" % rows

    seen = validate(hidden.context, "mtn_hidden", newest(hidden))
    failed = [check for check in seen.checks if check.status is Status.FAIL and check.id != "tables"]
    assert failed == []
    said = [check.says for check in seen.checks if check.id == "not-counted"]
    assert "public.parts_1" in said[0]
    tables = {check.says: check.status for check in seen.checks if check.id == "tables"}
    assert any("applications" in says and status is Status.WARN for says, status in tables.items())
    assert "50 rows" not in str(seen)


def test_rows_that_are_really_missing_are_found_under_a_policy_that_does_not_bind_us(hidden: Practice):
    """A superuser sees past every policy, so for him all is counted."""
    login = hidden.source.login
    hidden.configure(DB_USER=login.user, DB_PASSWORD=login.password or "")
    hidden.made.append("mtn_hidden_2")
    facts = json.loads(hidden.here("restore", "--latest", "--target", "mtn_hidden_2", "--json").stdout)
    assert (facts["not_counted"], facts["rows"]) == ([], 480)
    Database(hidden.source.server, "mtn_hidden_2").psql("DELETE FROM applications WHERE id > 50")
    seen = validate(hidden.context, "mtn_hidden_2", newest(hidden))
    assert any("50 instead of 100 rows" in one.says for one in seen.checks if one.status is Status.FAIL)


def test_what_is_lost_and_what_is_there_is_never_told_from_half_the_rows(hidden: Practice):
    """The plan of a restore over such a database, and the look at it in an emergency."""
    context, name, backup = hidden.context, hidden.source.name, newest(hidden)
    newer = newer_than(context.server, name, backup.moment, "mtn test", SystemClock())
    assert newer.rows is None
    made = plan(context, Request(backup, name, drop=True))
    assert made.facts()["lost"]["rows"] is None
    seen = look(context)
    (found,) = (table for table in seen.tables if table.name == "applications")
    assert (found.rows, found.barred) == (None, True)


def newest(practice: Practice) -> Backup:
    return practice.inventory.latest()
