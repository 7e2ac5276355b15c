"""What the server says of rows and secrets reaches the operator's own eyes, and nothing that others read."""

from __future__ import annotations

import io
import json
import stat
from contextlib import closing, redirect_stderr

import pytest

from mtn_tui.cli import diagnostics
from mtn_tui.core.errors import MtnError
from mtn_tui.engine import private
from mtn_tui.operations.alerts.message import Level
from mtn_tui.operations.alerts.notify import notify
from mtn_tui.operations.announced import announced
from mtn_tui.operations.incident.report import report
from mtn_tui.operations.incident.state import Step, fold
from mtn_tui.postgres.load import LoadConnection
from tests.alert_fixtures import mail_server, place, system_log, webhook
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database
from tests.unit.test_incident_report import RTO, START, records

ROW = "Pupil-Qx7"
SECRET = "hunter2Qx7"

SCHEMA = """
    CREATE TABLE alumnos (id integer PRIMARY KEY, rut text CHECK (rut <> 'Pupil-Qx7 bad'));
    CREATE TABLE notas (alumno integer REFERENCES alumnos);
    INSERT INTO alumnos VALUES (1, 'Pupil-Qx7'), (2, 'Pupil-Qx7');
    CREATE TABLE huerfanas AS SELECT 77 AS alumno, 'Pupil-Qx7' AS rut;
    CREATE TYPE curso AS ENUM ('a');
    CREATE FUNCTION raises(text) RETURNS text LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION 'no: %', $1 USING ERRCODE = '23505', HINT = $1; END$$;
    CREATE FUNCTION unfound(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN lacks($1); END$$;
    CREATE FUNCTION inlined(text) RETURNS text LANGUAGE sql AS $$SELECT raises($1)$$;
    CREATE FUNCTION built(text) RETURNS text LANGUAGE plpgsql AS
        $$BEGIN EXECUTE 'SELECT "' || $1 || '" FROM alumnos'; RETURN ''; END$$;
    CREATE FOREIGN DATA WRAPPER w;
    CREATE SERVER far FOREIGN DATA WRAPPER w;
"""

REFUSED = {
    f"CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1 password={SECRET}' PUBLICATION p, p": (
        "CREATE SUBSCRIPTION s"
    ),
    f"CREATE SUBSCRIPTION s CONNECTION 'host {SECRET}' PUBLICATION p": "CREATE SUBSCRIPTION s",
    f"CREATE USER MAPPING FOR nobody_here SERVER far OPTIONS (password '{SECRET}')": (
        "CREATE USER MAPPING FOR nobody_here SERVER far"
    ),
    f"CREATE SERVER far FOREIGN DATA WRAPPER w OPTIONS (password '{SECRET}')": "CREATE SERVER far",
    f"ALTER ROLE nobody_here WITH PASSWORD '{SECRET}'": "ALTER ROLE nobody_here",
    f"ALTER ROLE CURRENT_USER SET work_mem TO '{SECRET}'": "ALTER ROLE CURRENT_USER SET work_mem",
    "CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = ispell, DictFile = es_cl, AffFile = es_cl)": "es_cl.dict",
    f"SELECT '{SECRET}' 'x' {SECRET} syntax": "SELECT",
    f"INSERT INTO alumnos VALUES (3, '{ROW} bad')": 'violates check constraint "alumnos_rut_check"',
    f"INSERT INTO alumnos VALUES (1, '{ROW}')": "duplicate key value violates unique",
    "CREATE UNIQUE INDEX u ON alumnos (rut)": 'could not create unique index "u"',
    "INSERT INTO notas SELECT alumno FROM huerfanas": '"notas_alumno_fkey"',
    f"INSERT INTO alumnos VALUES ('{ROW}')": 'invalid input syntax for type integer: "…"',
    f"SELECT '{ROW}'::curso": 'invalid input value for enum curso: "…"',
    f"SELECT '{ROW}'::date": "SELECT",
    f"SELECT raises('{ROW}')": "PL/pgSQL function raises(text) line 1 at RAISE",
    f"SELECT unfound('{ROW}')": "function lacks(text) does not exist",
    f"SELECT inlined('{ROW}')": "raises(text)",
    f"SELECT built('{ROW}')": "PL/pgSQL function built(text) line 1 at EXECUTE",
    f"DO $$BEGIN RAISE EXCEPTION '{ROW}'; END$$": "PL/pgSQL function inline_code_block line 1 at RAISE",
}
"""Statements, and what of the refusal everybody reads."""

COPIES = {
    f"3\t{ROW} bad\n": "COPY alumnos, line 1",
    f"3\t{ROW}\textra\n": "extra data after last expected column (COPY alumnos, line 1)",
    f"{ROW}\tx\n": "COPY alumnos, line 1, column id",
    f"4\t{ROW}\n4\t{ROW}\n": "COPY alumnos, line 2",
}
"""Rows of public.alumnos."""


@pytest.fixture(scope="module")
def refusals(pg18):
    """The errors as an operation gets them."""
    name = "rows_leak"
    pg18.create_database(name)
    made: dict[str, MtnError] = {}
    database = Database(pg18, name)
    database.psql(SCHEMA)
    with closing(LoadConnection(pg18.login, name, "mtn", lambda _text: None)) as connection:
        for statement, shown in REFUSED.items():
            with pytest.raises(MtnError) as caught:
                connection.execute(statement.encode())
            assert shown in caught.value.title, caught.value.title
            made[statement] = caught.value
        for rows, shown in COPIES.items():
            with (
                pytest.raises(MtnError) as caught,
                connection.copy(b"COPY alumnos (id, rut) FROM stdin") as send,
            ):
                send(rows.encode())
            assert shown in caught.value.title, caught.value.title
            made[rows] = caught.value
    yield made
    pg18.drop_database(name)


def batched(many, count):
    return [many[start : start + count] for start in range(0, len(many), count)]


def leaks(text: str | bytes) -> list[str]:
    given = text if isinstance(text, str) else text.decode(errors="replace")
    return [one for one in (ROW, SECRET) if one in given]


@pytest.fixture
def operated(pg18, new_database, practise):
    with mail_server() as sink, webhook() as hook:
        practice: Practice = practise(
            new_database(pg18),
            SMTP_SERVER="127.0.0.1",
            SMTP_PORT=str(sink.port),
            ALERT_EMAIL="ana@mtn.cl",
            WEBHOOK_URL=hook.url,
        )
        yield practice, sink, hook


def test_rows_and_secrets_are_in_no_text_that_others_read(refusals, operated, tmp_path):
    """Journal, log, the job's output, job list, mail, webhook, system log, an incident's report."""
    practice, sink, hook = operated
    context = practice.context
    (tmp_path / "alone").mkdir()
    alone = place(tmp_path / "alone")
    for number, told in enumerate(batched([f"{one.title} {one.hint}" for one in refusals.values()], 8)):
        incident = fold(
            1,
            records(
                ("opened", None, {"database": "x"}, ""),
                *(("failed", Step.STAGING, {"hint": text}, text) for text in told),
            ),
        )
        assert leaks(report(incident, START, RTO)) == []
        with system_log(tmp_path / f"log{number}") as lines:
            for text in told:
                notify(alone.context, Level.ERROR, "x", text, sockets=(tmp_path / f"log{number}",))
        assert len(lines) == len(told)
        assert leaks(b"".join(lines)) == []
    said = io.StringIO()
    for error in refusals.values():

        def fails(_job, error=error):
            error.hint = ""
            raise error

        with redirect_stderr(said), pytest.raises(type(error)):
            practice.run("backup-full", announced(context, fails), context)
        with redirect_stderr(said):
            diagnostics.error(error)
    assert len(sink.mails) == len(hook.posts) == len(refusals)
    assert leaks(str([mail.as_string() for mail in sink.mails])) == []
    assert leaks(str([mail.get_body(("plain",)).get_content() for mail in sink.mails])) == []
    assert leaks(json.dumps(hook.posts)) == []
    assert leaks(practice.here("job", "list", "--limit", "99", "--json").stdout) == []
    assert leaks(practice.here("job", "list", "--limit", "99").stdout) == []
    assert leaks(said.getvalue()) == []
    own = {path for path in practice.root.rglob("*") if path.suffix == private.SUFFIX}
    others = [path for path in practice.root.rglob("*") if path.is_file() and path not in own]
    assert [path for path in others if leaks(path.read_bytes())] == []
    assert own
    assert {stat.S_IMODE(path.stat().st_mode) for path in own} == {0o600}
    assert [path for path in own if SECRET in path.read_text()] == []


def test_the_operator_sees_the_rows_on_a_terminal_and_is_told_where_they_are(
    refusals, practise, pg18, new_database, monkeypatch
):
    practice: Practice = practise(new_database(pg18))
    (practice.root / "state" / "jobs").mkdir(parents=True)
    (practice.root / "state" / "jobs").chmod(0o2770)
    error = refusals["CREATE UNIQUE INDEX u ON alumnos (rut)"]

    def fails(_job):
        error.hint = ""
        raise error

    with pytest.raises(type(error)):
        practice.run("restore", fails)
    job = practice.job
    path = private.private_path(practice.root / "state" / "jobs", job.id)
    assert str(path) in job.hint
    assert ROW in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    monkeypatch.setattr(diagnostics, "is_terminal", lambda: True)
    followed = practice.here("job", "follow", job.id, check=2)
    assert f"DETAIL: Key (rut)=({ROW}) is duplicated." in followed.stderr
    path.unlink()
    assert ROW not in practice.here("job", "follow", job.id, check=2).stderr


def test_a_fault_of_the_program_shows_nothing_that_the_server_said_of_rows(practise, pg18, new_database):
    """An error of psycopg that nobody understood, on its own and as what another one came of."""
    database = new_database(pg18)
    practice: Practice = practise(database)

    def fails(_job):
        with database.connect() as connection:
            try:
                connection.execute(f"SELECT '{ROW}'::integer")
            except Exception as error:
                raise RuntimeError("at a loss") from error

    with pytest.raises(RuntimeError, match="at a loss") as caught:
        practice.run("backup-full", fails)
    said = io.StringIO()
    with redirect_stderr(said):
        diagnostics.fault(caught.value)
    assert "InvalidTextRepresentation" in said.getvalue()
    assert leaks(said.getvalue()) == []
    files = [path for path in practice.root.rglob("*") if path.is_file()]
    assert [path for path in files if leaks(path.read_bytes())] == []
    assert "InvalidTextRepresentation" in "".join(
        path.read_text() for path in files if path.suffix == ".jsonl"
    )
