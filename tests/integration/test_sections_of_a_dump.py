"""The sections of what pg_dump really writes."""

from __future__ import annotations

from collections import Counter

import pytest

from mtn_tui.archive import statements
from mtn_tui.archive.sections import HEAD, Part, split
from mtn_tui.archive.statements import CopyIn
from tests.archive_fixtures import TAIL, chunked
from tests.pg_fixtures import Database


@pytest.mark.parametrize("sizes", [[1000, 7], [1 << 20]], ids=str)
def test_each_table_of_a_dump_has_its_section_and_its_rows(rich_db: Database, sizes: list[int]) -> None:
    runs = [rich_db.run("pg_dump", f"--section={run}") for run in ("pre-data", "data", "post-data")]
    blocks = [*split(*(chunked(run, sizes) for run in runs), TAIL, member=5000, section=20_000)]
    assert b"".join(block.data for block in blocks) == HEAD + b"".join(runs) + TAIL
    rows: Counter[str] = Counter()
    copies: dict[str, str] = {}
    part, table = Part.PRE_DATA, ""
    for block in blocks:
        if block.start is not None:
            part, table = block.start.part, block.start.table
            if part is Part.TABLE:
                copies.setdefault(table, block.start.copy)
        if part is Part.TABLE:
            rows[table] += block.rows
        else:
            assert block.rows == 0
    told = [event.sql.decode() + ";" for event in statements.read([runs[1]]) if isinstance(event, CopyIn)]
    assert told == [*copies.values()]
    assert len(told) > 20
    with rich_db.connect() as connection:
        for name, counted in rows.items():
            # Names come from pg_dump, quoted.
            (row,) = connection.execute(f"SELECT count(*) FROM ONLY {name}".encode()).fetchall()
            assert (name, counted) == (name, row[0])
