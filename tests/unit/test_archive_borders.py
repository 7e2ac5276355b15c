"""Where a dump is cut: told from its bytes as they pass, whatever names and rows hold."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mtn_tui.archive import statements
from mtn_tui.archive.borders import Copy, borders
from mtn_tui.archive.rows import CLOSE, CopyDone, CopyRows
from mtn_tui.archive.sections import END, HEAD, Block, Part, Start, split
from mtn_tui.archive.statements import CopyIn
from mtn_tui.core.errors import Truncated
from tests.archive_fixtures import (
    ENDING,
    POST_DATA,
    PRE_DATA,
    PREAMBLE,
    TAIL,
    Run,
    chunked,
    chunkings,
    patient,
    runs,
    some_rows,
)


def grouped(blocks: list[Block]) -> list[tuple[Start, bytes, int]]:
    """The sections: start, bytes, rows."""
    made: list[tuple[Start, bytes, int]] = []
    for block in blocks:
        if block.start is not None:
            made.append((block.start, block.data, block.rows))
        else:
            start, data, rows = made[-1]
            made[-1] = (start, data + block.data, rows + block.rows)
    return made


def cut(run: Run, sizes: list[int], member: int, section: int) -> list[Block]:
    return [
        *split(
            chunked(PRE_DATA + run.data + POST_DATA, sizes),
            TAIL,
            member=member,
            section=section,
        )
    ]


@patient
@given(run=runs, sizes=chunkings)
def test_borders_give_back_every_byte_and_each_tables_own_rows(run: Run, sizes: list[int]) -> None:
    script = PRE_DATA + run.data + POST_DATA
    pieces = [*borders(chunked(script, sizes))]
    assert b"".join(CLOSE if isinstance(piece, CopyDone) else piece.data for piece in pieces) == script
    found: list[tuple[str, str, bytes]] = []
    for piece in pieces:
        if isinstance(piece, Copy):
            found.append((piece.table, piece.statement, b""))
        elif isinstance(piece, CopyRows):
            table, statement, lines = found[-1]
            found[-1] = (table, statement, lines + piece.data)
    expected = [(one.name, one.copy, b"".join(line + b"\n" for line in one.lines)) for one in run.tables]
    assert found == expected
    assert sum(isinstance(piece, CopyDone) for piece in pieces) == len(run.tables)


@patient
@given(run=runs, sizes=chunkings, other=chunkings)
def test_the_size_of_the_pieces_read_changes_no_border(run: Run, sizes: list[int], other: list[int]) -> None:
    one, two = (grouped(cut(run, some, 200, 500)) for some in (sizes, other))
    assert one == two


@patient
@given(run=runs, sizes=chunkings, member=st.integers(1, 400), section=st.integers(1, 900))
def test_sections_hold_every_byte_and_never_two_kinds(
    run: Run, sizes: list[int], member: int, section: int
) -> None:
    blocks = cut(run, sizes, member, section)
    assert b"".join(block.data for block in blocks) == HEAD + PRE_DATA + run.data + POST_DATA + TAIL
    assert blocks[0].start is not None
    assert all(block.data and len(block.data) <= member for block in blocks)
    sections = grouped(blocks)
    assert all(len(data) <= section for _, data, _ in sections)
    of: dict[Part, bytes] = dict.fromkeys(Part, b"")
    for start, data, _ in sections:
        of[start.part] += data
    if run.data:
        assert of[Part.PRE_DATA] == HEAD + PRE_DATA[:-1]  # with the line's end begins what comes next
        assert of[Part.POST_DATA].lstrip() == POST_DATA
    else:
        assert of[Part.PRE_DATA] == HEAD + PRE_DATA + POST_DATA
    assert of[Part.TAIL] == TAIL
    order = [start.part for start, _, _ in sections if start.part not in (Part.SQL, Part.TABLE)]
    assert order == sorted(order, key=[Part.PRE_DATA, Part.POST_DATA, Part.TAIL].index)
    for (before, _, _), (after, _, _) in pairwise(sections):
        if after.joined:
            assert (before.part, before.table, before.copy) == (after.part, after.table, after.copy)


@patient
@given(run=runs, sizes=chunkings, member=st.integers(1, 400), section=st.integers(1, 900))
def test_rows_are_counted_where_they_stand(run: Run, sizes: list[int], member: int, section: int) -> None:
    sections = grouped(cut(run, sizes, member, section))
    for start, data, rows in sections:
        assert rows <= data.count(b"\n")
        assert start.part is Part.TABLE or rows == 0
    counted = [(start.table, rows) for start, _, rows in sections if start.part is Part.TABLE]
    for name in {table.name for table in run.tables}:
        expected = sum(len(table.lines) for table in run.tables if table.name == name)
        assert sum(rows for table, rows in counted if table == name) == expected


@patient
@given(run=runs, sizes=chunkings, member=st.integers(1, 400), section=st.integers(1, 900))
def test_sections_that_are_not_joined_load_alone_with_the_tables_copy(
    run: Run, sizes: list[int], member: int, section: int
) -> None:
    """Each with the joined ones that follow it: that is one piece of work for one connection."""
    assume(len({table.name for table in run.tables}) == len(run.tables))
    pieces: list[tuple[Start, list[bytes]]] = []
    for start, data, _ in grouped(cut(run, sizes, member, section)):
        if start.part is Part.TABLE:
            if start.joined:
                pieces[-1][1].append(data)
            else:
                pieces.append((start, [data]))
    loaded: dict[str, bytes] = {}
    of = {table.name: table for table in run.tables}
    for start, parts in pieces:
        if start.table in loaded:
            events = [*statements.read(parts, within_rows=True, open_end=True)]
        else:
            events = [*statements.read(parts, open_end=True)]
            opening = events.pop(0)
            assert isinstance(opening, CopyIn)
            assert opening.sql.decode() + ";" == start.copy == of[start.table].copy
        assert isinstance(events.pop(), CopyDone)
        assert all(isinstance(event, CopyRows) for event in events)
        lines = b"".join(event.data for event in events if isinstance(event, CopyRows))
        assert not lines or lines.endswith(b"\n")
        loaded[start.table] = loaded.get(start.table, b"") + lines
    assert loaded == {table.name: b"".join(line + b"\n" for line in table.lines) for table in run.tables}


def test_a_table_is_cut_into_sections_that_each_begin_at_a_row() -> None:
    run = some_rows(5000)
    made = grouped([*split([PRE_DATA, run, POST_DATA], TAIL, member=1024, section=8192)])
    sections = [(start, data) for start, data, _ in made if start.part is Part.TABLE]
    assert len(sections) > 15
    assert not any(start.joined for start, _ in sections)
    assert all(data.endswith(b"\n") for _, data in sections)


def test_a_row_longer_than_a_section_makes_joined_ones() -> None:
    run = b"COPY t (a) FROM stdin;\nshort\n" + b"x" * 5000 + b"\nshort\n\\.\n"
    made = grouped([*split([PRE_DATA, run, POST_DATA], TAIL, member=100, section=1000)])
    joined = [start.joined for start, _, _ in made if start.part is Part.TABLE]
    assert joined == [False, True, True, True, True, True]
    assert sum(rows for start, _, rows in made if start.part is Part.TABLE) == 3


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_a_run_without_its_end_marker_is_refused(size: int) -> None:
    script = PRE_DATA + some_rows(3) + POST_DATA.replace(END, b"")
    with pytest.raises(Truncated):
        [*split(chunked(script, [size]), TAIL)]


def test_an_end_marker_that_stands_too_early_does_not_count() -> None:
    with pytest.raises(Truncated):
        [*split([PRE_DATA + some_rows(3) + POST_DATA + b"SELECT 1;\n" * 60], TAIL)]


@pytest.mark.parametrize(
    "cut_off",
    [
        pytest.param(b"COPY t (a) FROM stdin;\n1\n2\n", id="rows"),
        pytest.param(b"COPY t (a) FROM stdin;\n1\n\\.", id="the end of the rows"),
        pytest.param(b"SELECT pg_catalog.setval('public.", id="a string"),
        pytest.param(b'COPY "t\n', id="a name"),
    ],
)
@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_a_run_cut_off_within_something_is_refused(cut_off: bytes, size: int) -> None:
    with pytest.raises(Truncated):
        [*borders(chunked(PREAMBLE + cut_off, [size]))]


def test_names_that_are_no_utf8_come_through_unchanged() -> None:
    """As in a database whose encoding is SQL_ASCII."""
    run = PREAMBLE + b'COPY public."a\xf1o" ("n\xfamero") FROM stdin;\n1\n\\.\n' + ENDING
    (copy,) = (piece for piece in borders([run]) if isinstance(piece, Copy))
    assert copy.table.encode(errors="surrogateescape") == b'public."a\xf1o"'
    assert (
        copy.statement.encode(errors="surrogateescape") == b'COPY public."a\xf1o" ("n\xfamero") FROM stdin;'
    )


@pytest.mark.parametrize("size", [1 << 16, 1 << 20])
def test_a_row_of_64_mib_passes_in_pieces(size: int) -> None:
    row = b"\\\\x0" * (16 << 20)
    run = (PREAMBLE + b"COPY t (a) FROM stdin;\n", row, b"\n\\.\n" + ENDING)
    most = passed = 0
    for piece in borders(part for whole in run for part in chunked(whole, [size])):
        if isinstance(piece, CopyRows):
            most = max(most, len(piece.data))
            passed += len(piece.data)
    assert passed == len(row) + 1
    assert most <= size + 3
