"""What can't be restored of a backup is listed, and the rest is kept beside the target, read-only."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
import threading
from contextlib import suppress

import psycopg
import pytest

from mtn_tui.core.errors import PostgresError, Refused, UsageError
from mtn_tui.engine.journal import journal_path
from mtn_tui.engine.private import private_path
from mtn_tui.operations.common import production
from mtn_tui.operations.restore.incomplete import INCOMPLETE, Failures, Incomplete
from mtn_tui.operations.restore.promote import promote
from mtn_tui.operations.restore.request import Request, arguments
from mtn_tui.postgres.identity import server_identity
from tests.operation_fixtures import Practice

PUPIL = "12.345.678-9"

WHAT = (
    "COPY public.dated",
    "COPY public.large",
    "ADD CONSTRAINT pupils_rut_key",
    "CREATE INDEX odd",
    "ADD CONSTRAINT marks_pupil_fkey",
)


@pytest.fixture
def damaged(pg18, new_database, practise) -> Practice:
    """A duplicate, an orphan, an index whose function fails by now, and rows that a CHECK takes no more."""
    source = new_database(pg18)
    source.psql("""
        CREATE FUNCTION allowed() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 10000';
        CREATE FUNCTION inverse(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n; END';
        CREATE TABLE pupils (id int PRIMARY KEY, rut text UNIQUE);
        CREATE TABLE marks (pupil int REFERENCES pupils, mark int);
        CREATE INDEX odd ON pupils (public.inverse(id));
        CREATE TABLE healthy (n int PRIMARY KEY); INSERT INTO healthy SELECT generate_series(1, 10);
        CREATE TABLE dated (until int CHECK (until < public.allowed())); INSERT INTO dated VALUES (1), (20);
        CREATE TABLE large (n int, t text, CHECK (n < public.allowed()));
        INSERT INTO large SELECT n, md5(n::text) FROM generate_series(1, 2999) n;
        CREATE VIEW seen AS SELECT until FROM dated; CREATE MATERIALIZED VIEW reckoned AS SELECT * FROM seen;
        CREATE OR REPLACE FUNCTION allowed() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 10';
        CREATE OR REPLACE FUNCTION inverse(n int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
            'BEGIN RETURN 1 / (n - 1); END';
        UPDATE pg_index SET indisready = false, indisvalid = false
            WHERE indexrelid IN ('pupils_rut_key'::regclass, 'odd'::regclass);
    """)
    source.psql(f"""
        INSERT INTO pupils VALUES (1, '{PUPIL}'), (2, '{PUPIL}');
        SET session_replication_role = replica; INSERT INTO marks VALUES (1, 70), (9, 10);
        UPDATE pg_index SET indisready = true, indisvalid = true
            WHERE indexrelid IN ('pupils_rut_key'::regclass, 'odd'::regclass);
    """)
    practice: Practice = practise(source)
    practice.back_up()
    return practice


def go_on(practice: Practice, target: str) -> tuple[Incomplete, str]:
    with pytest.raises(Incomplete) as raised:
        practice.restore(target, keep_going=True)
    name = f"{target}__{INCOMPLETE}_{practice.job.id}"
    practice.made.append(name)
    return raised.value, name


def ask(practice: Practice, database: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(practice.source.server.conninfo(database), autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def test_all_that_fails_is_listed_and_the_rest_is_kept_beside(damaged):
    error, name = go_on(damaged, "mtn_going_on")
    missing = damaged.job.result["missing"]
    assert len(missing) == len(WHAT)
    assert all(any(what in line for line in missing) for what in WHAT), missing
    (dated,) = [line for line in missing if WHAT[0] in line]
    assert dated.endswith("None of its rows are there (2). Views that lack them too: reckoned, seen.")
    assert any("rows are there (2,999)." in line for line in missing)
    assert "Failing row contains (20)" in error.private
    assert "Failing row" not in str(missing)
    rows = {"pupils": 2, "marks": 2, "healthy": 10, "dated": 0, "large": 0}
    for table, count in rows.items():
        assert ask(damaged, name, f"SELECT count(*) FROM {table}") == [(count,)]
    assert ask(damaged, name, "SHOW default_transaction_read_only") == [("on",)]
    keys = ask(
        damaged, name, "SELECT conname FROM pg_constraint WHERE contype = 'p' AND oid > 16384 ORDER BY 1"
    )
    assert keys == [("healthy_pkey",), ("pupils_pkey",)]
    names = [one for (one,) in ask(damaged, "postgres", "SELECT datname FROM pg_database")]
    assert not [one for one in names if one.startswith("mtn_going_on") and one != name]
    for query in [line for line in error.private.splitlines() if line.startswith("SELECT")]:
        assert ask(damaged, name, query), query
    assert error.private.count("\nSELECT") == 2


LACKING = {
    "a collation": "CREATE COLLATION odd (locale = 'C');"
    "UPDATE pg_collation SET collcollate = 'xx_YY.odd', collctype = 'xx_YY.odd' WHERE collname = 'odd';"
    "CREATE TABLE lost (t text COLLATE odd); INSERT INTO lost VALUES ('a'), ('b');",
    "a function": "CREATE FUNCTION odd() RETURNS text LANGUAGE sql AS $$SELECT ''$$;"
    "CREATE TABLE lost (id serial, t text DEFAULT odd()); INSERT INTO lost (t) VALUES ('a'), ('b');"
    "UPDATE pg_proc SET proconfig = '{work_mem=odd}' WHERE proname = 'odd';",
}


@pytest.mark.parametrize("made", LACKING.values(), ids=LACKING)
def test_what_can_not_be_made_before_the_rows_is_listed_with_all_that_hangs_on_it(
    pg18, new_database, practise, made
):
    source = new_database(pg18)
    source.psql(f"""
        {made} CREATE INDEX ON lost (t); CREATE VIEW seen AS SELECT t FROM lost;
        CREATE TABLE healthy (n int PRIMARY KEY); INSERT INTO healthy SELECT generate_series(1, 10);
    """)
    practice: Practice = practise(source)
    practice.back_up()
    with pytest.raises(PostgresError, match=r"PostgreSQL refused: CREATE .* public\.odd") as refused:
        practice.restore("mtn_not_going_on")
    assert "--keep-going" in refused.value.hint
    assert "Install on the server what it names" in refused.value.hint
    error, name = go_on(practice, "mtn_going_on")
    missing = practice.job.result["missing"]
    for what in (
        "public.odd",
        "CREATE TABLE public.lost",
        "CREATE INDEX lost_t_idx",
        "CREATE VIEW public.seen",
    ):
        assert any(what in line for line in missing), (what, missing)
    (rows,) = [line for line in missing if "COPY public.lost" in line]
    assert rows.endswith("None of its rows are there (2).")
    assert "CREATE TABLE public.lost (" in error.private
    assert ask(practice, name, "SELECT count(*) FROM healthy") == [(10,)]


def test_it_is_listed_among_what_is_kept_and_dropped_from_there(damaged):
    _error, name = go_on(damaged, "mtn_listed")
    backup = str(damaged.inventory.latest().name)
    (listed,) = [one for one in json.loads(damaged.here("kept", "--json").stdout) if one["name"] == name]
    assert (listed["incomplete"], listed["of"], listed["backup"]) == (True, "mtn_listed", backup)
    # What is listed is in whole seconds, and the backup's own may be the same one.
    assert listed["since"] >= damaged.inventory.latest().moment.isoformat(timespec="seconds")
    assert len(listed["missing"]) == len(WHAT)
    told = damaged.here("kept").stdout
    assert f"Incomplete, read-only, restored from {backup}: things missing: 5." in told
    assert f"mtn kept drop {name}" in told
    with pytest.raises(UsageError):
        damaged.restore(name)
    damaged.here("kept", "drop", name, "--yes")
    assert name not in damaged.databases()
    assert name not in damaged.here("kept").stdout


def test_rows_stand_in_the_jobs_own_file_alone(damaged):
    error, _name = go_on(damaged, "mtn_rows_of")
    path = private_path(damaged.context.jobs, damaged.job.id)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert PUPIL in path.read_text()
    assert "ADD CONSTRAINT pupils_rut_key UNIQUE (rut);" in path.read_text()
    assert PUPIL not in journal_path(damaged.context.jobs, damaged.job.id).read_text()
    assert PUPIL not in error.title + error.hint
    assert PUPIL not in str(ask(damaged, "postgres", "SELECT description FROM pg_shdescription"))


def test_it_is_put_in_productions_place_by_the_phrase_alone_and_the_list_is_told(damaged):
    _error, name = go_on(damaged, "mtn_promoted")
    context = damaged.context
    damaged.configure(PRODUCTION_DATABASES="mtn_promoted")
    damaged.made.append("mtn_promoted")
    context = damaged.context
    with pytest.raises(Refused, match="production"):
        damaged.run("promote", lambda job: promote(job, context, name, "mtn_promoted"))
    with psycopg.connect(damaged.source.server.conninfo(), autocommit=True) as connection:
        words = production.confirmation(server_identity(connection).system_identifier)
    damaged.run("promote", lambda job: promote(job, context, name, "mtn_promoted", confirm=words))
    assert len([text for text in damaged.job.warnings if name in text]) == len(WHAT)
    assert ask(damaged, "mtn_promoted", "SHOW default_transaction_read_only") == [("off",)]


def test_without_it_the_hint_names_it_and_nothing_is_left(damaged):
    with pytest.raises(PostgresError) as raised:
        damaged.restore("mtn_not_going_on")
    assert "--keep-going" in raised.value.hint
    names = ask(damaged, "postgres", "SELECT datname FROM pg_database WHERE datname ~ '^mtn_not_going_on'")
    assert names == []


def test_it_goes_through_to_the_job_the_plan_and_json_and_not_with_in_place(damaged):
    request = Request(damaged.inventory.latest(), "mtn_told", keep_going=True)
    assert "--keep-going" in arguments(request)
    command = ("restore", "--latest", "--target", "mtn_told", "--keep-going", "--json")
    planned = damaged.start(*command, "--dry-run")
    assert json.loads(planned.communicate()[0])["keep_going"] is True
    done = damaged.start(*command)
    out, said = done.communicate()
    facts = json.loads(out)
    damaged.made.append(facts["incomplete"])
    assert (done.returncode, len(facts["missing"])) == (2, len(WHAT))
    assert PUPIL not in out + said
    # At a terminal, with what is printed going to a pipe: the job runs in a process of its own.
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mtn_tui", *command],
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        env=damaged.environment,
    )
    os.close(theirs)
    threading.Thread(target=_read_all, args=[ours], daemon=True).start()
    facts = json.loads(process.communicate()[0])
    damaged.made.append(facts["incomplete"])
    assert (process.returncode, len(facts["missing"])) == (2, len(WHAT))
    with pytest.raises(Refused, match="--in-place"):
        damaged.restore("mtn_told", keep_going=True, in_place=True)


def test_a_part_of_a_tables_rows_is_told_as_a_part():
    failures = Failures()
    failures.add_rows(PostgresError("COPY public.t: refused."), "public.t", 1234, whole=False)
    (one,) = failures.found
    assert one.says.startswith("COPY public.t: refused. 1,234 of its rows are not there")


def _read_all(terminal: int) -> None:
    with suppress(OSError):  # the other end is closed
        while os.read(terminal, 4096):
            pass


@pytest.mark.slow
def test_where_nothing_fails_it_is_a_restore_as_any_other(pg18, new_rich, practise):
    practice: Practice = practise(new_rich(pg18))
    practice.back_up()
    assert practice.restore(keep_going=True).dump("--restrict-key=k") == practice.source.dump(
        "--restrict-key=k"
    )
