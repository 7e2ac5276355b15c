"""Of a statement its kind and its object are shown, whatever else it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.core.redact import Redactor
from mtn_tui.postgres.statement_kind import LONGEST, kind_of
from mtn_tui.postgres.tool_lines import ToolLines

S = "hunter2"

KINDS = {
    f"CREATE SUBSCRIPTION s CONNECTION 'host=x password={S}' PUBLICATION p": "CREATE SUBSCRIPTION s",
    f"ALTER SUBSCRIPTION nightly CONNECTION '{S}'": "ALTER SUBSCRIPTION nightly",
    f"CREATE SUBSCRIPTION '{S}'": "CREATE SUBSCRIPTION",
    f"CREATE USER MAPPING FOR a SERVER far OPTIONS (password '{S}')": "CREATE USER MAPPING FOR a SERVER far",
    f"CREATE SERVER far FOREIGN DATA WRAPPER w OPTIONS (host '{S}')": "CREATE SERVER far",
    f"CREATE FOREIGN TABLE f (a integer) SERVER far OPTIONS (x '{S}')": "CREATE FOREIGN TABLE f",
    f"ALTER ROLE a WITH LOGIN PASSWORD '{S}'": "ALTER ROLE a",
    f"CREATE ROLE \"odd name\" PASSWORD '{S}'": 'CREATE ROLE "odd name"',
    f"ALTER ROLE a SET my.token TO '{S}'": "ALTER ROLE a SET my.token",
    f"ALTER ROLE a IN DATABASE d SET my.token TO '{S}'": "ALTER ROLE a IN DATABASE d SET my.token",
    f"ALTER DATABASE d SET my.token TO '{S}'": "ALTER DATABASE d SET my.token",
    "COPY public.alumnos (id, rut) FROM stdin": "COPY public.alumnos",
    f"COPY (SELECT '{S}') TO STDOUT": "COPY",
    f"CREATE FUNCTION public.f(a integer, b text DEFAULT '{S}'::text) RETURNS int AS $${S}$$": (
        "CREATE FUNCTION public.f(a integer, b text)"
    ),
    "CREATE FUNCTION public.f(integer) RETURNS int": "CREATE FUNCTION public.f(integer)",
    f"ALTER TABLE ONLY public.x\n    ADD CONSTRAINT y CHECK (a <> '{S}')": (
        "ALTER TABLE ONLY public.x ADD CONSTRAINT y"
    ),
    f"ALTER TABLE t ALTER COLUMN c SET DEFAULT '{S}'": "ALTER TABLE t ALTER COLUMN c",
    f"CREATE UNIQUE INDEX ix ON public.t USING btree (f('{S}'))": "CREATE UNIQUE INDEX ix ON public.t",
    f"CREATE TRIGGER tg BEFORE INSERT OR UPDATE OF a ON public.t EXECUTE FUNCTION f('{S}')": (
        "CREATE TRIGGER tg ON public.t"
    ),
    f"CREATE POLICY p ON t USING (x = '{S}')": "CREATE POLICY p ON t",
    f"CREATE TYPE public.e AS ENUM ('{S}')": "CREATE TYPE public.e",
    f"COMMENT ON COLUMN public.t.c IS '{S}'": "COMMENT ON COLUMN public.t.c",
    f"SECURITY LABEL FOR x ON TABLE t IS '{S}'": "SECURITY LABEL",
    f"INSERT INTO t VALUES ('{S}')": "INSERT INTO t",
    f"SELECT pg_catalog.set_config('x', '{S}', false)": "SELECT pg_catalog.set_config",
    f"SELECT '{S}'": "SELECT",
    f"DO $$ {S} $$": "DO",
    f"SET x = '{S}'": "SET x",
    f"/* {S} */ -- {S}\nCREATE TABLE a.b (c text DEFAULT '{S}')": "CREATE TABLE a.b",
    "GRANT SELECT,INSERT ON TABLE public.t TO bob": "GRANT SELECT,INSERT ON TABLE public.t",
    f"{S} is here": "a statement",
    f"'{S}'": "a statement",
    "": "a statement",
}


@pytest.mark.parametrize("statement", KINDS)
def test_a_statement_is_shown_by_its_kind_and_object(statement):
    assert kind_of(statement.encode()) == KINDS[statement]


@given(
    st.sampled_from(sorted(statement for statement in KINDS if S in statement)),
    st.text(st.characters(exclude_characters="'$*\\", exclude_categories=["Cs"]), max_size=30),
)
def test_no_literal_of_a_statement_is_ever_shown(statement, around):
    assert S not in kind_of(statement.replace(f"'{S}", f"'{around}{S}"))


@given(st.text(max_size=300))
def test_anything_at_all_has_a_kind_and_a_short_one(text):
    assert len(kind_of(text)) <= LONGEST


@pytest.mark.parametrize(
    "said",
    [
        f"postgresql://app:{S}@db:5432/colegio",
        f"host=x password={S} user=y",
        f"host=x password='a {S} b'",
        f'sslpassword = "{S}"',
        f"ALTER ROLE a PASSWORD '{S}'",
        f"OPTIONS (user 'x', password 'it''s {S}')",
        f"SMTP_PASSWORD={S}",
        f"SCRAM-SHA-256$4096:{S}$a:b",
    ],
)
def test_what_plainly_is_a_password_is_masked_though_nobody_made_it_known(said):
    assert S not in Redactor()(said)
    assert Redactor()("nothing to hide: a=b http://x:80/y") == "nothing to hide: a=b http://x:80/y"


def test_what_pg_dump_repeats_of_statements_and_rows_is_left_out():
    lines = [
        "pg_dump: error: query failed: ERROR:  permission denied for table t",
        f"pg_dump: detail: Query was: LOCK TABLE public.t IN ACCESS SHARE MODE -- {S}",
        f"and on '{S}'",
        'pg_dump: error: Dumping the contents of table "t" failed: PQgetResult() failed.',
        f'pg_dump: detail: Error message from server: ERROR:  invalid input syntax for type integer: "{S}"',
        f"DETAIL:  Key (rut)=({S}) is duplicated.",
        f'CONTEXT:  COPY alumnos, line 3: "1,{S}"',
        f"{S}",
        "pg_dump: detail: Command was: COPY public.t (a) TO stdout;",
        "pg_dump: hint: Try it again.",
    ]
    shown = ToolLines("pg_dump")
    told = [text for line in lines if (text := shown(line)) is not None]
    assert S not in "\n".join(told)
    assert told == [
        lines[0],
        "pg_dump: detail: Query was: LOCK TABLE public.t",
        lines[3],
        'pg_dump: detail: Error message from server: ERROR:  invalid input syntax for type integer: "…"',
        "CONTEXT: COPY alumnos, line 3",
        "pg_dump: detail: Command was: COPY public.t",
        lines[9],
    ]
