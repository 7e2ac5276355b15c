"""A report as a part of an HTML page, for mail readers: tables and coloured widths, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from mtn_tui.core.printable import printable
from mtn_tui.core.redact import redact
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.reports.document import Bar, Cell, Document, Line, Section, Table

_GOOD, _BAD, _UNKNOWN = "#1c7c3c", "#b3261e", "#999"
_COLOURS = {Status.OK: _GOOD, Status.WARN: "#8a5a00", Status.FAIL: _BAD, Status.UNKNOWN: "#666"}


def html(document: Document) -> str:
    """The report, its secrets masked and escaped. Its title stands above it already."""
    return f"<p>{_text(document.about)}</p>" + "".join(map(_section, document.sections))


def _section(section: Section) -> str:
    told = "".join(map(_line, section.lines))
    table = _table(section.table) if section.table is not None else ""
    return f'<h2 style="font-size:17px;margin:18px 0 4px">{_text(section.title)}</h2>{told}{table}'


def _line(line: Line) -> str:
    glyph = ""
    if line.status:
        glyph = f'<span style="color:{_COLOURS[line.status]};font-weight:bold">{line.status.glyph}</span> '
    return f'<div style="margin:4px 0;overflow-wrap:anywhere" dir="auto">{glyph}{_text(line.text)}</div>'


def _table(table: Table) -> str:
    head = "".join(_cells("th", ";color:#666", table.head))
    rows = "".join(f"<tr>{''.join(_cells('td', '', row))}</tr>" for row in table.rows)
    style = "border-collapse:collapse;font-size:14px;margin:6px 0"
    return f'<table style="{style}"><tr>{head}</tr>{rows}</table>'


def _cells(tag: str, more: str, row: tuple[Cell, ...]) -> Iterator[str]:
    for column, cell in enumerate(row):
        align = "right" if column and isinstance(cell, str) else "left"
        style = f"padding:2px 12px 2px 0;text-align:{align};font-weight:normal;white-space:nowrap{more}"
        yield f'<{tag} style="{style}">{_bar(cell) if isinstance(cell, Bar) else _text(cell)}</{tag}>'


def _bar(bar: Bar) -> str:
    """Widths in percent, of a box that the mail's reader need not lay out by itself."""
    good, unknown = (max(0, min(100, int(100 * part))) for part in (bar.good, bar.unknown))
    parts = ((_GOOD, good), (_UNKNOWN, unknown), (_BAD, 100 - good - unknown))
    cells = "".join(
        f'<td style="width:{width}%;height:10px;padding:0;background:{colour}"></td>'
        for colour, width in parts
        if width > 0
    )
    box = "display:inline-table;width:120px;border-collapse:collapse;vertical-align:middle"
    return f'<table style="{box}"><tr>{cells}</tr></table> {_text(bar.text)}'


def _text(said: str) -> str:
    return escape(printable(redact(said)))
