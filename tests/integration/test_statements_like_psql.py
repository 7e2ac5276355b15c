"""psql itself and our reader cut the same scripts into the same statements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mtn_tui.archive.rows import CopyRows
from mtn_tui.archive.statements import CopyIn, Event, PsqlCommand, Statement, read
from mtn_tui.core.errors import Truncated
from mtn_tui.demo.postgres_server import PostgresServer
from tests.archive_fixtures import chunked
from tests.pg_fixtures import Database, NewDatabase

_LOGGED = re.compile(rb"(?:/\*{8} QUERY \*{9}/|\*{9} QUERY \*{10})\n(.*?)\n(?:/\*{24}/|\*{26})\n", re.DOTALL)
_LEADING = re.compile(rb"\A(?:\s|--[^\n\r]*[\n\r]|/\*(?:[^*/]|/\*[^*/]*\*/)*\*/)*")


def psql_sends(database: Database, script: bytes, folder: Path, *options: str) -> list[bytes]:
    """The statements that psql makes of a script, failing or not, without the comments before them."""
    log = folder / "log"
    log.unlink(missing_ok=True)
    quiet = ("-X", "-q", "-o", "/dev/null", "-L", str(log), *options)
    database.run("psql", *quiet, "-f", "-", given=script, check=False)
    sent = (
        _LEADING.sub(b"", query, count=1).removesuffix(b";") for query in _LOGGED.findall(log.read_bytes())
    )
    return [query.rstrip() for query in sent if query.strip()]


def we_read(script: bytes, size: int) -> tuple[list[bytes], bool]:
    """The statements, and whether the script ended with the last of them."""
    made = []
    try:
        for event in read(chunked(script, [size])):
            if isinstance(event, Statement | CopyIn) and event.sql:
                made.append(event.sql)
    except Truncated:
        return made, False
    return made, True


def complete(script: bytes) -> Iterator[Event]:
    with suppress(Truncated):
        yield from read([script])


_TOKENS = (
    "a",
    "e",
    "n$b",
    "begin",
    "BEGIN",
    "case",
    "end",
    "End",
    "atomic",
    "1 ",
    "$1 ",
    " ",
    "\n",
    "\t",
    "-",
    "/",
    "+",
    "=",
    ",",
    ";",
    ";\n",
    "(",
    ")",
    "';'",
    "'it''s ('",
    "'\\'",
    "E'\\';'",
    "e'\\\\'",
    "E''';'",
    "E'x'\n'\\' ",
    "U&'\\0041;'",
    '";"',
    '"it\'s "" begin"',
    "$$;'$$",
    "$a$ $$;($a$",
    "$ñ_1$ ; $ñ_1$",
    "/* ; ' /* \" */ $$ */",
    "-- ; ' ( $$\n",
    "+-- ;\r",
    "/**/",
)
_opening = st.sampled_from(
    ["select ", "do ", "create function f() ", "CREATE OR REPLACE\n PROCEDURE p() ", "create view v as "]
)
_soup = st.builds(
    lambda opening, tokens: opening + "".join(tokens),
    _opening,
    st.lists(st.sampled_from(_TOKENS), max_size=12),
)
scripts = st.lists(_soup, min_size=1, max_size=8).map(";\n".join).map(lambda text: (text + ";\n").encode())


@pytest.fixture(scope="module")
def anywhere(pg18: PostgresServer) -> Database:
    return Database(pg18, "postgres")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=scripts, size=st.sampled_from([1, 2, 7, 100, 1 << 20]))
def test_psql_sends_the_statements_that_we_read(
    anywhere: Database, tmp_path_factory: pytest.TempPathFactory, script: bytes, size: int
) -> None:
    # Where a backslash has got out of its quotes psql does what it says, and we do not.
    script = re.sub(rb"\n+", b"\n", script)  # psql leaves empty lines out of what it sends
    assume(not any(isinstance(event, PsqlCommand) for event in complete(script)))
    theirs = psql_sends(anywhere, script, tmp_path_factory.getbasetemp())
    ours, whole = we_read(script, size)
    if whole:
        assert ours == theirs
    else:
        # At the end of its input psql sends what is in its buffer, finished or not.
        assert ours == theirs[: len(ours)]
        assert len(theirs) - len(ours) <= 1


def test_psql_sends_the_statements_of_a_full_dump_that_we_read(
    rich_db: Database, new_database: NewDatabase, tmp_path: Path
) -> None:
    script = rich_db.run("pg_dump")
    theirs = psql_sends(new_database(rich_db.server), script, tmp_path)
    assert len(theirs) > 100
    for size in (1000, 1 << 20):
        assert we_read(script, size) == (theirs, True)


@pytest.mark.slow
def test_psql_sends_the_statements_of_a_legacy_differential_that_we_read(
    pg18: PostgresServer, new_rich: NewDatabase, anywhere: Database, tmp_path: Path
) -> None:
    options = ("--inserts", "--column-inserts", "--no-owner", "--no-acl")
    script = new_rich(pg18).run("pg_dump", *options)
    # All that follows the error is sent and refused at once: tens of thousands of rows, none of them stored.
    failing = b"SELECT 1 / 0;\n"
    theirs = psql_sends(anywhere, failing + script, tmp_path, "-v", "AUTOCOMMIT=off")
    assert len(theirs) > 10_000
    assert we_read(failing + script, 1 << 18) == (theirs, True)


def test_psql_copies_the_rows_that_we_read(
    pg18: PostgresServer, new_database: NewDatabase, tmp_path: Path
) -> None:
    script = (
        b"CREATE TABLE t (a text);\nCOPY t FROM stdin; INSERT INTO t VALUES ('after');\n"
        b"a\\tb\\\\\n\\N\nCOPY t FROM stdin;\n\\\\.\n;'\n\\.\nCOPY t (a) FROM stdin;\n\\.\nSELECT 1;\n"
    )
    database = new_database(pg18)
    theirs = psql_sends(database, script, tmp_path)
    ours, _ = we_read(script, 5)
    assert ours == theirs
    with database.connect() as connection:
        loaded = [row for (row,) in connection.execute("SELECT a FROM t ORDER BY ctid")]
    lines = b"".join(event.data for event in read([script]) if isinstance(event, CopyRows)).splitlines()
    assert lines == [b"a\\tb\\\\", b"\\N", b"COPY t FROM stdin;", b"\\\\.", b";'"]
    assert loaded == ["a\tb\\", None, "COPY t FROM stdin;", "\\.", ";'", "after"]
