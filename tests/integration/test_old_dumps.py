"""Dumps as pg_dump of PostgreSQL 9.0 to 14 wrote them are restored, by a login that may do nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database, NewDatabase

HEADS = {
    "9.0": """
SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = off;
SET check_function_bodies = false;
SET client_min_messages = warning;
SET escape_string_warning = off;

CREATE OR REPLACE PROCEDURAL LANGUAGE plpgsql;


ALTER PROCEDURAL LANGUAGE plpgsql OWNER TO {user};

SET search_path = public, pg_catalog;
""",
    "9.1": """
SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = false;
SET client_min_messages = warning;

CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;


COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';


SET search_path = public, pg_catalog;
""",
    "9.6": """
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = false;
SET client_min_messages = warning;
SET row_security = off;

COMMENT ON DATABASE colegio IS 'El de verdad';


CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;


COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';


SET search_path = public, pg_catalog;
""",
    "10, qualified": """
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'LATIN1';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = on;

CREATE EXTENSION IF NOT EXISTS plpgsql WITH SCHEMA pg_catalog;


COMMENT ON EXTENSION plpgsql IS 'PL/pgSQL procedural language';

""",
    "14": r"""
\restrict aB0cD1
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_table_access_method = heap;
""",
}

BODY = """
CREATE FUNCTION stamp() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN NEW.seen := true; RETURN NEW; END $$;


ALTER FUNCTION public.stamp() OWNER TO {user};

SET default_tablespace = '';

SET default_with_oids = {oids};

--
-- TOC entry 143 (class 1259 OID 57185)
-- Dependencies: 5
-- Name: people; Type: TABLE; Schema: public; Owner: {user}; Tablespace:
--

CREATE TABLE people (
    id integer NOT NULL,
    name character varying(100) DEFAULT 'x'::character varying,
    seen boolean,
    CONSTRAINT named CHECK (((name)::text <> ''::text))
)
WITH (fillfactor=90);


ALTER TABLE public.people OWNER TO {user};

COMMENT ON TABLE people IS 'it''s all of them';


CREATE SEQUENCE people_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.people_id_seq OWNER TO {user};

ALTER SEQUENCE people_id_seq OWNED BY people.id;


CREATE VIEW named AS
    SELECT people.id, people.name FROM people;


ALTER TABLE public.named OWNER TO {user};

CREATE TABLE child (
    born date
)
INHERITS (people);
ALTER TABLE ONLY child ALTER COLUMN born SET STATISTICS 100;


ALTER TABLE ONLY people ALTER COLUMN id SET DEFAULT nextval('people_id_seq'::regclass);


COPY people (id, name, seen) FROM stdin;
1	uno	f
2	\\N	\\N
\\.


SELECT pg_catalog.setval('people_id_seq', 2, true);


INSERT INTO child (id, name, seen, born) VALUES (3, 'it''s', NULL, '2001-01-01');


SELECT pg_catalog.lo_create('16400');


BEGIN;

SELECT pg_catalog.lo_open('16400', 131072);
SELECT pg_catalog.lowrite(0, {lo});
SELECT pg_catalog.lo_close(0);

COMMIT;

ALTER TABLE ONLY people
    ADD CONSTRAINT people_pkey PRIMARY KEY (id);


CREATE INDEX people_name_idx ON people USING btree (name);

ALTER TABLE people CLUSTER ON people_name_idx;


CREATE RULE keep AS ON DELETE TO child DO INSTEAD NOTHING;


CREATE TRIGGER stamps BEFORE INSERT ON people FOR EACH ROW EXECUTE PROCEDURE stamp();


REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM {user};
GRANT ALL ON SCHEMA public TO {user};
GRANT ALL ON SCHEMA public TO PUBLIC;


REVOKE ALL ON TABLE people FROM PUBLIC;
REVOKE ALL ON TABLE people FROM {user};
GRANT ALL ON TABLE people TO {user};
GRANT SELECT ON TABLE people TO PUBLIC;


ALTER DEFAULT PRIVILEGES FOR ROLE {user} IN SCHEMA public REVOKE ALL ON TABLES  FROM PUBLIC;
"""


def script(version: str, user: str) -> bytes:
    body = BODY
    if "search_path', ''" in HEADS[version]:
        for name in ("stamp", "people", "child"):
            for before in (
                "CREATE FUNCTION ",
                "TABLE ",
                "ONLY ",
                "SEQUENCE ",
                "FROM ",
                "COPY ",
                "INSERT ON ",
                "idx ON ",
            ):
                body = body.replace(f"{before}{name}", f"{before}public.{name}")
        for old, new in (
            ("people_id_seq'", "public.people_id_seq'"),
            ("OWNED BY people", "OWNED BY public.people"),
            ("VIEW named", "VIEW public.named"),
            ("(people)", "(public.people)"),
            ("INTO child", "INTO public.child"),
            ("TO child", "TO public.child"),
            ("PROCEDURE stamp", "PROCEDURE public.stamp"),
        ):
            body = body.replace(old, new)
    old = version == "9.0"
    filled = (HEADS[version] + body).format(
        user=user, oids="true" if old else "false", lo="E'\\\\001\\\\002'" if old else "'\\x0102'"
    )
    text = f"--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version {version}\n{filled}"
    text += "\n--\n-- PostgreSQL database dump complete\n--\n\n"
    return (text + ("\\unrestrict aB0cD1\n\n" if "\\restrict" in text else "")).encode()


@pytest.fixture
def practice(pg18, new_database: NewDatabase, practise: Callable[..., Practice]) -> Practice:
    return practise(new_database(pg18))


def restored(practice: Practice, path: Path, check: int) -> str:
    target = f"mtn_old_{os.getpid()}"
    practice.made.append(target)
    options = ("--legacy", "--file", str(path), "--target", target, "--drop")
    return practice.here("restore", *options, check=check).stderr


@pytest.mark.sample("9.0", "14")
@pytest.mark.parametrize("version", HEADS)
def test_a_dump_of_each_age_is_restored(practice: Practice, tmp_path: Path, version: str) -> None:
    user = practice.source.server.user
    path = tmp_path / "viejo.sql"
    path.write_bytes(script(version, user))
    warned = restored(practice, path, 1 if version in ("9.0", "9.6") else 0)
    if version == "9.0":
        assert "SET default_with_oids" in warned
    if version == "9.6":
        assert "COMMENT ON DATABASE" in warned
    database = Database(practice.source.server, practice.made[-1])
    said = database.psql(
        "SELECT id, name, seen FROM people ORDER BY 1; SELECT nextval('people_id_seq'); SELECT lo_get(16400);"
        " INSERT INTO people (name) VALUES ('new') RETURNING seen;"
        " SELECT tgname FROM pg_trigger; SELECT obj_description('people'::regclass);"
        " SELECT indisclustered FROM pg_index WHERE indexrelid = 'people_name_idx'::regclass;"
        " SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    )
    assert said.decode() == (f"1|uno|f\n2||\n3|it's|\n3\n\\x0102\nt\nstamps\nit's all of them\nt\n{user}\n")


@pytest.mark.parametrize("options", [("-Fc",), ("-Ft",), ("-Fd",)])
def test_an_archive_format_is_told_with_the_line_that_makes_a_script_of_it(practice, tmp_path, options):
    path = tmp_path / "colegio.dump"
    practice.source.run("pg_dump", *options, "-f", str(path))
    told = restored(practice, path, 2)
    assert "archive format of pg_dump's" in told
    assert "pg_restore -f x.sql" in told


def test_what_a_shell_has_recoded_is_told_and_a_mark_of_utf8_does_no_harm(practice, tmp_path):
    practice.source.psql("CREATE TABLE t (a text); INSERT INTO t VALUES ('ñandú')")
    dump = practice.source.run("pg_dump")
    path = tmp_path / "x.sql"
    path.write_bytes(dump.decode().encode("utf-16"))
    assert "PowerShell" in restored(practice, path, 2)
    path.write_bytes(b"\xef\xbb\xbf" + dump)
    restored(practice, path, 0)
    assert Database(practice.source.server, practice.made[-1]).dump() == practice.source.dump()


def test_a_dump_with_the_line_ends_of_windows_is_restored(practice, tmp_path):
    practice.source.psql("CREATE TABLE t (a text, b int); INSERT INTO t VALUES ('uno', 1), (NULL, NULL)")
    path = tmp_path / "x.sql"
    path.write_bytes(practice.source.run("pg_dump").replace(b"\n", b"\r\n"))
    restored(practice, path, 0)
    rows = Database(practice.source.server, practice.made[-1]).psql("SELECT * FROM t ORDER BY b")
    assert rows == b"uno|1\n|\n"


@pytest.mark.parametrize("options", [("--data-only",), ("--data-only", "--inserts"), ("--section=data",)])
def test_a_dump_of_rows_only_is_told_as_such_before_anything_is_made(practice, tmp_path, options):
    practice.source.psql("CREATE TABLE t (a text); INSERT INTO t VALUES ('ñandú')")
    path = tmp_path / "x.sql"
    path.write_bytes(practice.source.run("pg_dump", *options))
    assert "fills tables and makes none" in restored(practice, path, 2)
