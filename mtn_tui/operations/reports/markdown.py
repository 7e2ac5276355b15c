"""A report as Markdown that is read as it is on a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from mtn_tui.operations.common.markdown import escaped
from mtn_tui.operations.reports.document import Bar, Cell, Document, Line, Table

WIDTH = 79
_BAR = 20
"""Characters of a bar: ``#`` is good, ``?`` unknown, ``.`` bad."""


def markdown(document: Document) -> str:
    """The report. Ends with a newline."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    yield f"# {escaped(document.title)}"
    yield ""
    yield from textwrap.wrap(escaped(document.about), WIDTH)
    for section in document.sections:
        yield ""
        yield f"## {escaped(section.title)}"
        yield ""
        for line in section.lines:
            yield from _bullet(line)
        if section.table is not None:
            yield from ["", *_table(section.table)] if section.lines else _table(section.table)


def _bullet(line: Line) -> list[str]:
    glyph = f"{line.status.glyph} " if line.status else ""
    return textwrap.wrap(
        f"- {glyph}{escaped(line.text)}", WIDTH, subsequent_indent="  ", break_on_hyphens=False
    )


def _table(table: Table) -> Iterator[str]:
    rows = [table.head, *(tuple(_cell(cell) for cell in row) for row in table.rows)]
    widths = [max(3, *(len(row[column]) for row in rows)) for column in range(len(table.head))]
    for number, row in enumerate(rows):
        cells = [
            cell.rjust(width) if column and not isinstance(table.rows[0][column], Bar) else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"| {' | '.join(cells)} |"
        if not number:
            yield f"| {' | '.join('-' * width for width in widths)} |"


def _cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return escaped(cell)
    good, unknown = int(cell.good * _BAR), round(cell.unknown * _BAR)
    bar = ("#" * good + "?" * unknown)[:_BAR].ljust(_BAR, ".")
    return f"`{bar}` {escaped(cell.text)}"
