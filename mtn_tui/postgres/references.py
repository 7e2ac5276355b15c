"""Foreign keys between tables, and the order in which rows can be written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mtn_tui.postgres.connection import Connection, translated
from mtn_tui.postgres.leaf_tables import Table

# Those that partitions have from their table are left out.
_REFERENCES = """
    SELECT conrelid::bigint, confrelid::bigint,
        ARRAY(SELECT quote_ident(a.attname) FROM unnest(conkey) WITH ORDINALITY AS k (number, place)
            JOIN pg_attribute AS a ON a.attrelid = conrelid AND a.attnum = k.number ORDER BY k.place),
        ARRAY(SELECT quote_ident(a.attname) FROM unnest(confkey) WITH ORDINALITY AS k (number, place)
            JOIN pg_attribute AS a ON a.attrelid = confrelid AND a.attnum = k.number ORDER BY k.place),
        ARRAY(SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
            FROM unnest(conpfeqop) WITH ORDINALITY AS k (number, place)
            JOIN pg_operator AS o ON o.oid = k.number
            JOIN pg_namespace AS n ON n.oid = o.oprnamespace ORDER BY k.place),
        confdeltype = 'n'
    FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 ORDER BY oid
"""


@dataclass(frozen=True)
class Reference:
    """A foreign key. Names of columns are quoted."""

    child: int
    """Oid of the table that refers, of a partition that of its whole table."""
    parent: int
    """Oid of the table that is referred to, likewise."""
    columns: tuple[str, ...]
    keys: tuple[str, ...]
    """The parent's columns."""
    equals: tuple[str, ...]
    """The operators by which a key equals a column."""
    cleared: bool = False
    """Whether it is set to NULL when its parent is deleted."""

    def joins(self, parent: str, child: str) -> str:
        """The SQL condition that a row ``child`` refers to a row ``parent``."""
        return " AND ".join(
            f"{parent}.{key} {equal} {child}.{column}"
            for key, equal, column in zip(self.keys, self.equals, self.columns, strict=True)
        )


def references(connection: Connection, tables: Sequence[Table]) -> list[Reference]:
    """The foreign keys between ``tables``. Raises PostgresError."""
    whole = {oid: table.oid for table in tables for oid in (*table.files, table.oid)}
    with translated():
        rows = connection.execute(_REFERENCES).fetchall()
    found = []
    for child, parent, *names, cleared in rows:
        ends = whole.get(int(str(child))), whole.get(int(str(parent)))
        if ends[0] is None or ends[1] is None:
            continue
        columns, keys, equals = (tuple(map(str, one)) for one in names)  # type: ignore[call-overload]  # text[]
        found.append(Reference(ends[0], ends[1], columns, keys, equals, bool(cleared)))
    return found


def in_order(oids: Iterable[int], known: Iterable[Reference]) -> list[int]:
    """The tables, each after those that it refers to; in a circle, first the one that waits for fewest."""
    before: dict[int, set[int]] = {oid: set() for oid in oids}
    for one in known:
        if one.child in before and one.parent in before and one.child != one.parent:
            before[one.child].add(one.parent)
    ordered: list[int] = []
    while before:
        following = min(before, key=lambda oid: len(before[oid]))
        ordered.append(following)
        del before[following]
        for parents in before.values():
            parents.discard(following)
    return ordered
