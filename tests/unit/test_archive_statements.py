"""Scripts cut into statements by psql's rules; tests/integration holds the same against psql itself."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.archive.rows import CopyDone, CopyRows
from mtn_tui.archive.statements import (
    CopyIn,
    Event,
    PsqlCommand,
    Statement,
    read,
)
from mtn_tui.core.errors import Truncated
from tests.archive_fixtures import POST_DATA, PRE_DATA, Run, chunked, chunkings, patient, rows, runs


def events(chunks: Iterable[bytes], **where: bool) -> list[Event]:
    """The events, rows that follow one another as one."""
    made: list[Event] = []
    for event in read(chunks, **where):
        if isinstance(event, CopyRows) and made and isinstance(made[-1], CopyRows):
            made[-1] = CopyRows(made[-1].data + event.data)
        else:
            made.append(event)
    return made


WHOLE = [
    pytest.param(text, id=text[:40].decode(errors="replace"))
    for text in (
        b"SELECT 1",
        b"SELECT ';', '--', '/*', '$$', '\\'",
        b"SELECT 'it''s; fine'",
        b"SELECT '' || ';' || ''''",
        b"SELECT E'it\\'s; fine'",
        b"SELECT e'\\\\', ';'",
        b"SELECT E'\\\\\\';', ';'",
        b"SELECT E'''\\''';'",
        b"SELECT (E'\\';')",
        b"SELECT 1E';'",
        b"SELECT namE'\\', ';'",
        b"SELECT E'a'\n  'b\\'",
        b"SELECT E'a' , 'b\\', ';c'",
        b"SELECT U&'\\0441;', N';', B'1', X'F', U&\";\"",
        b'SELECT 1 AS "a;b", 2 AS "it\'s", 3 AS "x""; y"',
        b'SELECT 1 AS "COPY x FROM stdin;\n\\.\n"',
        b"SELECT $$;'\"--/*$$",
        b"SELECT $a$ ; $$ ; $b$ ; $a $ ; $a$",
        b"SELECT $\xc3\xb1$ ; $\xc3\xb1$",
        b"SELECT $_1$ ; $_1$",
        b"SELECT $" + b"t" * 200 + b"$ ; $" + b"t" * 200 + b"$",
        b"SELECT a$b$ + c$d$, a$$ + b$$",
        b"SELECT $1 + $2",
        b"SELECT $$;$$$$;$$, $1$$;$$, 1$$;$$, $a$;$a$E'\\';', \"a\"E'\\';'",
        b"SELECT 1 /* ; /* ; */ ; ' \" $$ */ + 1",
        b"SELECT 1 /**/ + /***/ 1 /*/ ; */",
        b"SELECT 1 -- ; ' \" $$ /*\n + 1",
        b"SELECT 1 - -1 - - 1 / 2 * 3",
        b"SELECT 1 -/* ; */ 1 +-- ;\n 2",
        b"CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO a VALUES (1); DELETE FROM b; SELECT (1))",
        b"CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $_$\nCOPY x FROM stdin;\n\\.\n\\! rm -rf /\n$_$",
        b"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
        b"CREATE OR REPLACE FUNCTION f(a int)\n RETURNS int\n LANGUAGE sql\nBEGIN ATOMIC\n"
        b" SELECT CASE WHEN a > 0 THEN CASE a WHEN 1 THEN 2 END ELSE 3 END; SELECT 1;\nEND",
        b"CREATE PROCEDURE p() LANGUAGE sql BEGIN ATOMIC INSERT INTO t VALUES (1); END",
        b'CREATE FUNCTION "begin"(a$begin int, begin_ int) RETURNS int RETURN 1',
        b"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 'end;' AS \"end\", $$end;$$ /* end; */; END",
        b"CREATE FUNCTION f(a int DEFAULT (CASE WHEN true THEN 1 END)) RETURNS int RETURN a",
        b"CREATE VIEW v AS SELECT CASE WHEN true THEN 1 END AS begin",
        b"CREATE TABLE x (a int DEFAULT 1, b text CHECK (b <> ';'))",
        b"COMMENT ON TABLE x IS 'COPY x FROM stdin;\n1\n\\.\n'",
        b"COPY x TO stdout",
        b"INSERT INTO copy_x_from_stdin VALUES ('COPY x FROM stdin')",
        b"SELECT 'caf\xe9;', '\x00\xff;'",
    )
]


@pytest.mark.parametrize("sql", WHOLE)
@pytest.mark.parametrize("size", [1, 3, 1 << 20])
def test_a_semicolon_that_ends_nothing_ends_nothing(sql: bytes, size: int) -> None:
    script = b"SET a = 1;\n" + sql + b";" + sql + b" ;\n\nSET b = 2;\n"
    expected = [Statement(part) for part in (b"SET a = 1", sql, sql, b"SET b = 2")]
    assert events(chunked(script, [size])) == expected


@patient
@given(
    parts=st.lists(st.sampled_from([param.values[0] for param in WHOLE]), max_size=6),
    between=st.sampled_from(
        [b";", b";\n", b" ;\n\n--\n-- Name: it's; Type: \"x\n--\n\n", b";/* ; */\n", b";\r\n"]
    ),
    sizes=chunkings,
)
def test_statements_come_back_as_they_were_put_together(
    parts: list[bytes], between: bytes, sizes: list[int]
) -> None:
    script = b"".join(part + between for part in parts)
    assert events(chunked(script, sizes)) == [Statement(part) for part in parts]


@patient
@given(run=runs, sizes=chunkings)
def test_a_whole_dump_gives_the_same_events_in_pieces_of_any_size(run: Run, sizes: list[int]) -> None:
    script = PRE_DATA + run.data + POST_DATA
    found = events(chunked(script, sizes))
    assert found == events([script])
    copies = [event.sql for event in found if isinstance(event, CopyIn)]
    assert copies == [table.copy.removesuffix(";").encode() for table in run.tables]
    after = [found[at + 1] for at, event in enumerate(found) if isinstance(event, CopyIn)]
    lines = [event.data if isinstance(event, CopyRows) else b"" for event in after]
    assert lines == [b"".join(line + b"\n" for line in table.lines) for table in run.tables]
    commands = [event.line for event in found if isinstance(event, PsqlCommand)]
    assert commands == [b"\\restrict dG9rZW4", b"\\unrestrict dG9rZW4"]


def test_rows_come_apart_from_statements() -> None:
    script = (
        b"COPY public.t (a, b) FROM stdin;\n1\t';\n\\N\t\\\\.\n\\.\n\n\nCOPY e  FROM stdin;\n\\.\nSELECT 1;\n"
    )
    assert events([script]) == [
        CopyIn(b"COPY public.t (a, b) FROM stdin"),
        CopyRows(b"1\t';\n\\N\t\\\\.\n"),
        CopyDone(),
        CopyIn(b"COPY e  FROM stdin"),
        CopyDone(),
        Statement(b"SELECT 1"),
    ]


def test_what_stands_after_copy_in_its_line_is_read_after_the_rows_as_psql_does() -> None:
    script = b"COPY t FROM stdin; SELECT 1;\n1\n\\.\nSELECT 2;\n"
    assert events([script]) == [
        CopyIn(b"COPY t FROM stdin"),
        CopyRows(b"1\n"),
        CopyDone(),
        Statement(b"SELECT 1"),
        Statement(b"SELECT 2"),
    ]


@patient
@given(
    lines=st.lists(rows.filter(lambda row: row != b"\\."), max_size=8), sizes=chunkings, ended=st.booleans()
)
def test_a_piece_of_a_table_is_all_rows(lines: list[bytes], sizes: list[int], ended: bool) -> None:
    data = b"".join(line + b"\n" for line in lines)
    script = data + b"\\.\n\nSELECT 1;\n" if ended else data
    expected = [*([CopyRows(data)] if data else []), CopyDone(), *([Statement(b"SELECT 1")] if ended else [])]
    assert events(chunked(script, sizes), within_rows=True, open_end=True) == expected


@patient
@given(
    lines=st.lists(rows.filter(lambda row: row != b"\\."), max_size=8),
    sizes=chunkings,
    ended=st.booleans(),
    within=st.booleans(),
)
def test_where_rows_end_with_the_piece_the_same_is_read(
    lines: list[bytes], sizes: list[int], ended: bool, within: bool
) -> None:
    script = b"".join([b"" if within else b"\n--\nCOPY t  FROM stdin;\n", *(line + b"\n" for line in lines)])
    script += b"\\.\n" if ended else b""
    assert events(chunked(script, sizes), within_rows=within, open_end=True, to_the_end=True) == events(
        chunked(script, sizes), within_rows=within, open_end=True
    )


@pytest.mark.parametrize(
    "line",
    [
        b"\\restrict abc",
        b"\\connect other",
        b"\\! rm -rf /",
        b"\\i /etc/passwd",
        b"\\",
        b"\\.",
        b"\\copy t from x",
    ],
)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_psql_commands_never_come_out_as_statements(line: bytes, size: int) -> None:
    script = b"SELECT 1;\n" + line + b"\n--c\n" + line + b"\nSELECT 2;\n  " + line
    expected = [
        Statement(b"SELECT 1"),
        PsqlCommand(line),
        PsqlCommand(line),
        Statement(b"SELECT 2"),
        PsqlCommand(line),
    ]
    assert events(chunked(script, [size])) == expected


@pytest.mark.parametrize("sql", [b"SELECT 1 \\g /tmp/x", b"SELECT 1\\; SELECT 2;", b"SELECT ( \\gexec"])
def test_a_command_within_a_statement_takes_the_statement_with_it(sql: bytes) -> None:
    assert events([sql + b"\nSELECT 3;\n"]) == [PsqlCommand(sql), Statement(b"SELECT 3")]


def test_a_carriage_return_ends_a_comment_as_it_does_for_psql() -> None:
    assert events([b"-- a; b\rSELECT 1;\nSELECT 2 -- ;\r;\n"]) == [
        Statement(b"SELECT 1"),
        Statement(b"SELECT 2 -- ;"),
    ]


@pytest.mark.parametrize(
    "end", [b"", b" ", b"\n\n", b"-- done", b"/* done */", b"\n--", b"\n/* a /* b */ */ \n-- c\n"]
)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_a_script_may_end_in_spaces_and_comments(end: bytes, size: int) -> None:
    assert events(chunked(b"SELECT 1;" + end, [size])) == [Statement(b"SELECT 1")]
    assert events(chunked(end, [size])) == []


def test_five_thousand_comments_in_a_row_are_no_trouble() -> None:
    assert events([b"/* x */ -- y\n" * 5000 + b"SELECT 1;"]) == [Statement(b"SELECT 1")]


@pytest.mark.parametrize(
    "script",
    [
        b"SELECT 1",
        b"SELECT 1;\nS",
        b"SELECT 1;\n(",
        b"SELECT (1;",
        b"SELECT 'a;\n",
        b"SELECT E'a\\';\n",
        b"SELECT E'a';\n'",
        b'SELECT "a;\n',
        b"SELECT $a$ ; $b$;\n",
        b"SELECT 1; /* a /* b */\n",
        b"SELECT 1 -- ;\n",
        b" " * 60 + b"S",
        b"\n" * 5000 + b"SELECT 1",
        b"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1;\n",
        b"COPY t FROM stdin;",
        b"COPY t FROM stdin;\n",
        b"COPY t FROM stdin;\n1\n",
        b"COPY t FROM stdin;\n1\n\\.",
    ],
)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_a_script_that_ends_within_something_is_truncated(script: bytes, size: int) -> None:
    with pytest.raises(Truncated):
        events(chunked(script, [size]))


def test_rows_without_an_end_are_truncated_unless_the_end_is_open() -> None:
    with pytest.raises(Truncated):
        events([b"1\n2\n"], within_rows=True)
    assert events([b"COPY t FROM stdin;\n1\n"], open_end=True)[1:] == [CopyRows(b"1\n"), CopyDone()]


MIB = 1 << 20


@pytest.mark.sample("escapes", "a comment")
@pytest.mark.parametrize(
    "literal",
    [
        pytest.param(lambda: b"'" + b"0a" * (25 * MIB) + b"'", id="hex"),
        pytest.param(lambda: b"E'" + b"\\\\x0" * (12 * MIB) + b"'", id="escapes"),
        pytest.param(lambda: b"$x$" + b"0;$$" * (12 * MIB) + b"$x$", id="dollars"),
        pytest.param(lambda: b"'" + b"''" * (4 * MIB) + b"'", id="quotes"),
        pytest.param(lambda: b"/*" + b"x;" * (16 * MIB) + b"*/ 1", id="a comment"),
    ],
)
def test_a_literal_of_many_mib_costs_what_its_length_costs(literal) -> None:
    """Were it looked through anew for every piece read, the longest would take half an hour."""
    statement = b"INSERT INTO t VALUES (" + literal() + b")"
    (found,) = events(chunked(statement + b";\n", [32 << 10]))
    assert isinstance(found, Statement)
    assert found.sql == statement


def test_a_row_of_64_mib_passes_in_pieces() -> None:
    row = b"\\\\x0" * (16 * MIB)
    found = read(chunked(b"COPY t FROM stdin;\n" + row + b"\n\\.\n", [64 << 10]))
    sizes = [len(event.data) for event in found if isinstance(event, CopyRows)]
    assert sum(sizes) == len(row) + 1
    assert max(sizes) <= (64 << 10) + 3


def test_many_statements_in_one_piece_cost_what_their_length_costs() -> None:
    one = b"INSERT INTO t (a, b) VALUES (1, 'Gonz''lez');\n"
    assert sum(1 for _ in read([one * 40_000])) == 40_000
