"""A backup's rows, cut into what is loaded at the same time by several connections."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from mtn_tui.archive.manifest import Manifest, Section
from mtn_tui.archive.sections import Part
from mtn_tui.operations.restore.post_data import Filled

_SMALL = 64 << 10
_TOGETHER = 1 << 20
_TABLES = 100
"""A table of so few bytes of SQL is loaded with its neighbours, up to so many bytes and tables in all."""


@dataclass(frozen=True)
class Piece:
    """Sections that are loaded in one go: of one table, of several small ones, or SQL."""

    name: str
    sections: tuple[Section, ...]
    whole: bool
    """Whether it holds all rows of its tables."""

    @property
    def tables(self) -> tuple[str, ...]:
        """Their names, as pg_dump writes them; empty if it is SQL."""
        return tuple(dict.fromkeys(section.table for section in self.sections if section.table))

    @property
    def raw(self) -> int:
        """Bytes of SQL."""
        return sum(section.raw for section in self.sections)

    @property
    def small(self) -> bool:
        """Whether it holds small tables only, each in a section of its own."""
        return self.whole and all(section.raw <= _SMALL and not section.cut for section in self.sections)

    @property
    def within_rows(self) -> bool:
        """Whether it begins among a table's rows, after the COPY statement."""
        return bool(self.sections[0].table) and self.sections[0].cut


def pieces_of(manifest: Manifest, connections: int, in_turn: Collection[str]) -> list[Piece]:
    """The data run, in pieces that can be loaded at the same time, except those of tables ``in_turn``.

    A table stays whole, unless it is so large that it would take much longer than
    all others.
    """
    sizes: Counter[str] = Counter()
    for section in manifest.sections:
        sizes[section.table] += section.raw
    share = manifest.raw // connections
    groups: list[list[Section]] = []
    for section in manifest.sections:
        if section.part in (Part.SQL, Part.TABLE):
            if groups and (section.joined or (section.cut and sizes[section.table] <= share)):
                groups[-1].append(section)
            else:
                groups.append([section])
    pieces: list[Piece] = []
    for number, group in enumerate(groups):
        table = group[0].table
        size = sum(section.raw for section in group)
        whole = bool(table) and table not in in_turn and sizes[table] == size
        piece = Piece(f"data {number}", tuple(group), whole)
        if pieces and _together(pieces[-1], piece):
            before = pieces.pop()
            piece = Piece(before.name, before.sections + piece.sections, whole)
        pieces.append(piece)
    return pieces


def _together(one: Piece, other: Piece) -> bool:
    return (
        one.small
        and other.small
        and len(one.sections) < _TABLES
        and one.raw + other.raw <= _TOGETHER
        and one.sections[-1].offset + one.sections[-1].size == other.sections[0].offset
    )


def filled_by(pieces: Collection[Piece]) -> list[Filled]:
    """For each table, or several small ones, which pieces bring their rows."""
    of: dict[tuple[str, ...], list[Piece]] = defaultdict(list)
    for piece in pieces:
        of[piece.tables].append(piece)
    return [
        Filled(
            tables,
            tuple(piece.name for piece in each),
            sum(piece.raw for piece in each),
            each[0].small,
            frozenset(tables)
            - {section.table for piece in each for section in piece.sections if section.rows},
        )
        for tables, each in of.items()
    ]
