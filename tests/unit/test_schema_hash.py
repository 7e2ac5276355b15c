"""The schema's hash leaves out what pg_dump says of its run, and nothing that a statement holds."""

from __future__ import annotations

import pytest

from mtn_tui.archive.schema import SchemaHash

DUMP = b"""--
-- PostgreSQL database dump
--

\\restrict abc

-- Dumped by pg_dump version 18.1

SET statement_timeout = 0;

CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $_$
-- one

SELECT ';'
$_$;
COMMENT ON TABLE t IS 'said
-- then
\\restrict
';
\\unrestrict abc
"""


def hashed(script: bytes, piece: int = 1 << 20) -> str:
    schema = SchemaHash()
    for start in range(0, len(script), piece):
        schema.add(script[start : start + piece])
    return schema.hexdigest()


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (b"\\restrict def", b"\\restrict abc"),
        (b"pg_dump version 18.2", b"pg_dump version 18.1"),
        (b"\n\n\nSET", b"\nSET"),
        (b"-- more\n\nCREATE", b"CREATE"),
    ],
)
def test_what_differs_from_run_to_run_is_left_out(now, before):
    assert hashed(DUMP.replace(before, now)) == hashed(DUMP)


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (b"-- two", b"-- one"),
        (b"-- one\n", b"-- one\n\n"),
        (b"-- now", b"-- then"),
        (b"\\restrict it", b"\\restrict\n"),
        (b"timeout = 1", b"timeout = 0"),
    ],
)
def test_what_a_statement_quotes_counts(now, before):
    changed = DUMP.replace(before, now)
    assert changed != DUMP
    assert hashed(changed) != hashed(DUMP)


def test_a_statement_that_was_cut_off_counts():
    whole, _end, _more = DUMP.rpartition(b"\\restrict\n';")
    assert len({hashed(DUMP), hashed(whole), hashed(whole.rpartition(b"COMMENT")[0])}) == 3


def test_it_is_the_same_however_the_script_is_cut():
    assert {hashed(DUMP, piece) for piece in (1, 2, 7, 64, len(DUMP))} == {hashed(DUMP)}
