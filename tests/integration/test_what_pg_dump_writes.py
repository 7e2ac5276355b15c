"""What pg_dump itself writes, with whatever options, is let through by the reader of unsigned scripts."""

from __future__ import annotations

from collections import Counter

import pytest

from mtn_tui.archive import statements
from mtn_tui.archive.allowed import Allowed, shortened
from mtn_tui.archive.allowed_patterns import Way
from mtn_tui.archive.statements import CopyIn, PsqlCommand, Statement
from tests.pg_fixtures import Database

OPTIONS = (
    (),
    ("--clean", "--if-exists"),
    ("--clean",),
    ("--inserts", "--rows-per-insert=7"),
    ("--column-inserts", "--no-owner", "--no-acl"),
    ("--inserts", "--on-conflict-do-nothing", "--quote-all-identifiers"),
    ("--data-only", "--disable-triggers"),
    ("--schema-only", "--no-comments", "--no-publications"),
    ("--serializable-deferrable", "--encoding=UTF8", "--no-tablespaces", "--load-via-partition-root"),
    ("--section=pre-data",),
    ("--section=post-data",),
)
FROM_18 = (("--statistics",), ("--statistics-only",))


def read(script: bytes) -> Counter[tuple[Way, str]]:
    """How each statement is dealt with, in its short form."""
    allowed, found = Allowed(), Counter[tuple[Way, str]]()
    for event in statements.numbered([script]):
        match event:
            case Statement(sql):
                found[allowed.statement(sql), shortened(sql) if len(sql) < 1000 else ""] += 1
            case CopyIn(sql):
                found[allowed.copy(sql), shortened(sql)] += 1
            case PsqlCommand(line):
                found[allowed.psql(line), line.decode()] += 1
    return found


@pytest.mark.slow
def test_each_set_of_options_is_let_through(rich_db: Database) -> None:
    version = int(rich_db.psql("SHOW server_version_num"))
    rich_db.psql("DELETE FROM rich.grande WHERE id > 1000")  # rows are statements, all of one form
    for options in (*OPTIONS, *(FROM_18 if version >= 180000 else ())):
        found = read(rich_db.run("pg_dump", *options))
        assert not [text for way, text in found if way is Way.NOT], options
        assert len(found) > 3


def test_each_way_of_dealing_with_a_statement_is_met_in_a_rich_dump(rich_db: Database) -> None:
    found = read(rich_db.run("pg_dump"))
    ways = {way for way, _text in found}
    assert ways == {Way.LOAD, Way.EXTENSION, Way.ROLES, Way.EVENTS, Way.ENABLING, Way.SUPERUSER, Way.CLEAN}
