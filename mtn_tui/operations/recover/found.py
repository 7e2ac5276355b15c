"""What is to be copied back, what is missing, and what is refused: as data, and in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.operations.recover.trial import Conflict


@dataclass(frozen=True)
class Request:
    """Which rows to copy back."""

    source: str
    """The database that was restored beside production."""
    tables: tuple[str, ...] = ()
    """Their missing rows, and what hangs on these; of all tables, if empty."""
    leave_refused: bool = False
    """Write the rest where the database refuses some rows."""
    links: bool = False
    """Also set references again that were set to NULL as the rows were deleted."""
    expected: int | None = None
    """How many rows were seen to be missing; with another number nothing is written."""


@dataclass(frozen=True)
class MissingRows:
    """One table."""

    name: str
    """Its qualified name, quoted only where it has to be."""
    table: str
    """Its name alone."""
    missing: int
    """Rows that are there and not in production."""
    chosen: int
    """How many of them are to be copied back."""
    written: int
    sample: tuple[dict[str, str | None], ...] = ()
    """Some of the chosen, by column. For the operator's terminal only."""

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``: no values."""
        return {"name": self.name, "missing": self.missing, "chosen": self.chosen, "written": self.written}


@dataclass(frozen=True)
class Recovery:
    """What is missing, what was written (or could be), and what was refused."""

    source: str
    target: str
    tables: tuple[MissingRows, ...]
    keyless: tuple[str, ...]
    gone: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    links: tuple[tuple[str, int], ...] = ()
    """Tables, and how many of their rows referred to rows that come back and refer to nothing now."""
    linked: int = 0
    """How many of those references are set again."""
    unfit: tuple[str, ...] = ()
    """Tables whose columns are of other types now, so that what is missing can't be told."""
    earlier: int = 0
    """How many of those referred to rows that an earlier run has copied back."""
    transactions: tuple[str, ...] = ()
    """Those that write rows to which references stay NULL: by them a later run finds these again."""
    source_oid: int | None = None
    """Of the database that was restored beside."""
    statements: tuple[str, ...] = ()
    """The script's statements, without the rows."""
    script: Path | None = None
    command: str = ""
    """Runs the script."""

    @property
    def rows(self) -> int:
        """How many rows are written, or could be."""
        return sum(one.written for one in self.tables)

    @property
    def chosen(self) -> int:
        """How many should be."""
        return sum(one.chosen for one in self.tables)

    @property
    def null(self) -> int:
        """How many references to deleted rows are NULL, before any is set again."""
        return sum(count for _table, count in self.links)

    @property
    def changes(self) -> bool:
        """Whether anything is written, or could be."""
        return bool(self.rows or self.linked)

    @property
    def refused(self) -> int:
        """How many rows the database refuses."""
        return sum(one.batch.rows for one in self.conflicts)

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``: no values of rows."""
        links: Counter[str] = Counter()
        for table, count in self.links:  # once for each foreign key
            links[table] += count
        return {
            "from": self.source,
            "target": self.target,
            "rows": self.rows,
            "tables": [one.facts() for one in self.tables],
            "keyless": list(self.keyless),
            "gone": list(self.gone),
            "unfit": list(self.unfit),
            "refused": [
                {
                    "table": one.batch.missing.table.label,
                    "rows": one.batch.rows,
                    "sqlstate": one.state,
                    "says": one.says,
                }
                for one in self.conflicts
            ],
            "links": dict(links),
            "linked": self.linked,
            "earlier": self.earlier,
            "transactions": list(self.transactions),
            "source_oid": self.source_oid,
            "script": str(self.script) if self.script else None,
            "command": self.command,
        }


def question(found: Recovery) -> str:
    """What is asked before it is done: to copy rows back, or where none are missing to set references."""
    if found.rows or not found.links:
        text = ngettext(
            "Copy {rows:,} row back into {target}?", "Copy {rows:,} rows back into {target}?", found.rows
        )
        return text.format(rows=Figure(found.rows), target=found.target)
    text = ngettext("Set {count:,} reference again?", "Set {count:,} references again?", found.null)
    return text.format(count=Figure(found.null))


def refused_text(found: Recovery) -> str:
    """How many rows are refused, and why, without values."""
    reasons = dict.fromkeys(f"{one.batch.missing.table.label}: {one.says}" for one in found.conflicts)
    text = ngettext(
        "The database refuses {count:,} row: {reasons}.",
        "The database refuses {count:,} rows: {reasons}.",
        found.refused,
    )
    return text.format(count=Figure(found.refused), reasons="; ".join(reasons))


def unfit_text(found: Recovery) -> str:
    """Which tables could not be compared, because their columns are of other types now."""
    text = _("Of other types than in the backup, so what is missing can't be told: {tables}")
    return text.format(tables=", ".join(found.unfit))


def links_text(found: Recovery) -> list[str]:
    """Which references became NULL by the deletion, and whether they are set again; a line for each table."""
    text = _("{table}: {count:,} references to deleted rows are NULL since then, and stay so")
    if found.linked:
        text = _("{table}: {count:,} references to deleted rows are NULL since then, and are set again")
    return [text.format(table=table, count=Figure(count)) for table, count in found.links]


def links_found(found: Recovery) -> list[str]:
    """Which references became NULL by the deletion, where it is not decided yet what becomes of them."""
    text = _("{table}: {count:,} references to deleted rows are NULL since then.")
    return [text.format(table=table, count=Figure(count)) for table, count in found.links]


def named(conflicts: Sequence[Conflict]) -> str:
    """The refused rows with what the server said of their values. For the operator alone."""
    return "\n".join(
        f"{one.batch.missing.table.label}: {one.says}" + (f" ({one.private})" if one.private else "")
        for one in conflicts
    )
