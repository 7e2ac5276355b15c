"""Which statements set the planner's statistics, and of what."""

from __future__ import annotations

import pytest

from mtn_tui.archive.sections import END, Part, Start, split
from mtn_tui.archive.statements import Statement, read
from mtn_tui.postgres import statistics

ATTRIBUTE = (
    b"SELECT * FROM pg_catalog.pg_restore_attribute_stats(\n\t'version', '180006'::integer,\n"
    b"\t'schemaname', %b,\n\t'relname', %b,\n\t'attname', 'a',\n\t'inherited', 'f'::boolean,\n"
    b"\t'null_frac', '0'::real,\n\t'most_common_vals', '{\"''relname'', ''x'',\"}'::text\n)"
)
RELATION = (
    b"SELECT * FROM pg_catalog.pg_restore_relation_stats(\n\t'version', '180006'::integer,\n"
    b"\t'schemaname', 'public',\n\t'relname', 't',\n\t'relpages', '1'::integer,\n\t'reltuples', '3'::real\n)"
)


@pytest.mark.parametrize(
    ("schema", "name", "table"),
    [
        (b"'public'", b"'users'", ("public", "users")),
        (b"'Mi esquema'", b"'it''s'", ("Mi esquema", "it's")),
        (b"E'a\\\\b'", b"E'c''\\\\d'", ("a\\b", "c'\\d")),
        ("'público'".encode(), "'año, (1)'".encode(), ("público", "año, (1)")),
    ],
)
def test_a_columns_statistics_name_their_table(schema, name, table):
    statement = ATTRIBUTE % (schema, name)
    assert statistics.of_a_column(statement)
    assert statistics.whose(statement) == table


def test_those_of_a_whole_table_are_set_as_well_and_tell_nothing_of_its_columns():
    assert statistics.are_set(RELATION)
    assert statistics.are_set(ATTRIBUTE % (b"'s'", b"'t'"))
    assert not statistics.of_a_column(RELATION)
    assert statistics.whose(RELATION) == ("public", "t")


def test_where_nobody_has_counted_the_rows_they_say_nothing():
    assert statistics.say_nothing(RELATION.replace(b"'3'", b"'-1'"))
    assert not statistics.say_nothing(RELATION)
    assert not statistics.say_nothing(ATTRIBUTE % (b"'s'", b"'t'"))


@pytest.mark.parametrize(
    "other",
    [
        b"SELECT pg_catalog.setval('public.s', 1, true)",
        b"SELECT * FROM pg_catalog.pg_stats",
        b"CREATE STATISTICS s ON a, b FROM public.t",
        b"SELECT * FROM public.pg_restore_attribute_stats(1)",
    ],
)
def test_other_statements_set_none(other):
    assert not statistics.are_set(other)


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        (b"CREATE STATISTICS public.s ON a, b FROM public.t", ("public", "t")),
        (b"CREATE STATISTICS public.s (ndistinct) ON a, (b || ' FROM x') FROM public.t", ("public", "t")),
        (
            b'CREATE STATISTICS "s FROM" ON a, b FROM "Mi esquema"."la ""t"" FROM"',
            ("Mi esquema", 'la "t" FROM'),
        ),
        (b"CREATE INDEX i ON public.t USING btree (a)", ()),
    ],
)
def test_extended_statistics_name_their_table(statement, table):
    assert statistics.extended(statement) == table


@pytest.mark.parametrize("dumped", [b"", b"COPY public.t (a) FROM stdin;\n1\n\\.\n\n"])
def test_they_stand_in_post_data_before_an_end_marker_of_their_own(dumped):
    """Also of a database of which no statement comes after the rows, and of one without rows."""
    run = b"SET x = 1;\n\n" + dumped + b"--\n" + END + b"\n--\n\n"
    told = [b"\n-- Statistics\n\n" + RELATION + b";\n", b"\n" + ATTRIBUTE % (b"'public'", b"'t'") + b";"]
    blocks = list(split([run], b"-- the tail\n", statistics=told))
    script = b"".join(block.data for block in blocks)
    found = [event.sql for event in read([script]) if isinstance(event, Statement)]
    assert [one for one in found if statistics.are_set(one)] == [RELATION, ATTRIBUTE % (b"'public'", b"'t'")]
    starts = [block.start for block in blocks if block.start]
    assert starts[-2:] == [Start(Part.POST_DATA), Start(Part.TAIL)]
    post_data = script[: script.index(b"-- the tail")]
    assert END in post_data[-100:]
