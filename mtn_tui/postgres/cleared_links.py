"""References to deleted rows that were set to NULL as these were deleted, and how they are set again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mtn_tui.postgres.connection import translated
from mtn_tui.postgres.leaf_tables import Table
from mtn_tui.postgres.missing_rows import CHOSEN, Both, Compared, Missing, one, run
from mtn_tui.postgres.references import Reference


@dataclass(frozen=True)
class Links:
    """The rows of a table that referred to rows that come back, and whose reference is NULL now."""

    number: int
    child: Table
    parent: Table
    reference: Reference
    rows: int = 0
    earlier: bool = False
    """Whether the rows that are referred to are back already."""

    @property
    def temporary(self) -> str:
        """The temporary table with their keys, and what they referred to."""
        return f"pg_temp.mtn_links_{self.number}"

    @property
    def columns(self) -> str:
        """Its columns."""
        return ", ".join((*self.child.key, *self.reference.columns))

    @property
    def made(self) -> str:
        """The statement that makes it, empty."""
        return (
            f"CREATE TEMP TABLE {self.temporary} ON COMMIT DROP AS"  # noqa: S608 - quoted
            f" SELECT {self.columns} FROM {self.child.rows_of} LIMIT 0"
        )

    @property
    def set_again(self) -> str:
        """The statement that sets the references again, to the rows that are there."""
        wanted = ", ".join(f"{name} = l.{name}" for name in self.reference.columns)
        return (
            f"UPDATE {self.child.rows_of} AS t SET {wanted} FROM {self.temporary} AS l"  # noqa: S608
            f" WHERE {self.is_cleared} AND EXISTS (SELECT FROM {self.parent.quoted} AS p"
            f" WHERE {self.reference.joins('p', 'l')})"
        )

    @property
    def is_cleared(self) -> str:
        """The condition that a row ``t`` is that of ``l``, and has lost its reference and no more."""
        child, names = self.child, self.reference.columns
        same = [f"t.{name} {equal} l.{name}" for name, equal in zip(child.key, child.equals, strict=True)]
        kept = [f"(t.{name} IS NULL OR t.{name}::text = l.{name}::text)" for name in names]
        return " AND ".join([*same, *kept, "(" + " OR ".join(f"t.{name} IS NULL" for name in names) + ")"])

    def text(self, between: Both) -> Iterator[bytes]:
        """The rows of the temporary table, as COPY's text."""
        query = f"COPY {self.temporary} ({self.columns}) TO STDOUT"
        with translated(), between.live.cursor() as cursor, cursor.copy(query.encode()) as rows:
            for line in rows:
                yield bytes(line)


def cleared_links(
    between: Both, compared: Compared, known: Sequence[Reference], back: Mapping[int, Collection[str]]
) -> list[Links]:
    """Find those of the chosen rows; their temporary tables are filled then. Raises PostgresError.

    Also those of rows that are back already: ``back`` has the transactions that wrote them, by the oid of
    their table.
    """
    missing = {one.table.oid: one for one in compared.missing}
    tables = {table.oid: table for table in compared.compared}
    found: list[Links] = []
    for place, reference in enumerate(known):
        parent, child = tables.get(reference.parent), tables.get(reference.child)
        if not reference.cleared or parent is None or child is None:
            continue
        if not set(reference.columns) <= set(compared.theirs[child.oid].columns):
            continue
        of: list[tuple[str, bool]] = []
        if parent.oid in missing and between.chosen(missing[parent.oid]):
            of.append((f"{missing[parent.oid].temporary} WHERE {CHOSEN}", False))
        if back.get(parent.oid):
            numbers = ", ".join(f"'{int(number)}'" for number in sorted(back[parent.oid]))
            of.append((f"{parent.rows_of} WHERE xmin::text IN ({numbers})", True))
        for rows, earlier in of:
            number = 2 * place + earlier
            links = _filled(between, compared, Links(number, child, parent, reference, earlier=earlier), rows)
            found += [links] if links.rows else []
    return found


def written_by(between: Both, parents: Iterable[Missing]) -> list[str]:
    """The transactions that have written the chosen rows, also those within ours. Raises PostgresError."""
    found: set[str] = set()
    for parent in parents:
        query = (
            f"SELECT DISTINCT t.xmin::text FROM {parent.table.rows_of} AS t"  # noqa: S608 - quoted
            f" JOIN {parent.temporary} AS k ON {parent.table.same_key('t', 'k')} WHERE k.{CHOSEN}"
        )
        with translated():
            found.update(str(number) for (number,) in between.live.execute(query.encode()).fetchall())
    return sorted(found)


def _filled(between: Both, compared: Compared, links: Links, rows: str) -> Links:
    """Fill the temporary table for the rows that ``rows`` selects, FROM on."""
    reference = links.reference
    types = between.types(compared.theirs[links.parent.oid])
    places = [f"k{place}" for place in range(len(reference.keys))]
    same = " AND ".join(
        f"k.{place}::{types[key]} {equal} t.{column}"
        for place, key, equal, column in zip(
            places, reference.keys, reference.equals, reference.columns, strict=True
        )
    )
    run(between.live, links.made)
    texts = ", ".join(f"{name}::text" for name in reference.keys)
    known = " AND ".join(f"{name} IS NOT NULL" for name in reference.keys)
    wanted = ", ".join(f"t.{name}" for name in (*links.child.key, *reference.columns))
    of = compared.theirs[links.child.oid].rows_of
    for arrays in between.arrays(f"SELECT {texts} FROM {rows} AND {known}"):  # noqa: S608
        between.carry(
            f"COPY (SELECT {wanted} FROM unnest({arrays}) AS k ({', '.join(places)})"  # noqa: S608
            f" JOIN {of} AS t ON {same}) TO STDOUT",
            f"COPY {links.temporary} ({links.columns}) FROM STDIN",
        )
    run(
        between.live,
        f"DELETE FROM {links.temporary} AS l WHERE NOT EXISTS"  # noqa: S608
        f" (SELECT FROM {links.child.rows_of} AS t WHERE {links.is_cleared})",
    )
    return replace(links, rows=one(between.live, f"SELECT count(*) FROM {links.temporary}"))  # noqa: S608
