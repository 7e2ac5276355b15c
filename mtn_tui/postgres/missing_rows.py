"""Finds the rows that a restored database has and the live one, on the same server, has not.

They are found by key. The restored database is only read: its keys go into a temporary table of
the live one, are compared there, and the missing rows are fetched into another temporary table.
So their bytes pass through this process, and both databases stay as they are. All that is made in
the live database goes with the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg import sql

from mtn_tui.core.errors import PostgresError
from mtn_tui.postgres.bulk import LOCK_SECONDS, SETTINGS
from mtn_tui.postgres.connection import Connection, translated
from mtn_tui.postgres.leaf_tables import Table, tables
from mtn_tui.postgres.references import Reference

NUMBER, CHOSEN = '"number, of mtn recover"', '"chosen, of mtn recover"'
"""Columns that the temporary tables have besides: names that no other has."""
_KEYS_AT_ONCE = 5000
_SAMPLE = 5

_UNFIT = ("22", "23502", "23514", "42704", "42804", "42846", "42883")
"""SQLSTATEs by which a value is none of a column's type as the live database has it, or can't be compared."""

_NO_EVENT_TRIGGERS = """
    SELECT set_config(name, 'off', true) FROM pg_settings
    WHERE name = 'event_triggers' AND context = 'superuser' AND current_setting('is_superuser') = 'on'
"""
"""They are for an application's definitions, not for temporary tables of ours (from PostgreSQL 17 on)."""

_TYPES = """
    SELECT quote_ident(attname), format_type(atttypid, atttypmod) FROM pg_attribute
    WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped
"""


@dataclass(frozen=True)
class Missing:
    """A table, and how many of the restored database's rows the live one lacks. Names are quoted."""

    number: int
    """Of its temporary table."""
    table: Table
    """As the live database has it."""
    columns: tuple[str, ...]
    """Those that are copied: both databases have them, and neither computes them."""
    rows: int

    @property
    def name(self) -> str:
        """The table's qualified name."""
        return self.table.quoted

    @property
    def temporary(self) -> str:
        """The temporary table that holds the rows."""
        return f"pg_temp.mtn_rows_{self.number}"

    @property
    def target(self) -> str:
        """What COPY names: the table and its columns."""
        return f"{self.name} ({', '.join(self.columns)})"


@dataclass(frozen=True)
class Compared:
    """All tables of a restored database, compared with the live one."""

    missing: tuple[Missing, ...]
    """The tables of which the live database lacks rows."""
    compared: tuple[Table, ...]
    """The tables that both have, and that have a key."""
    keyless: tuple[str, ...]
    """Tables without a key: which of their rows are missing can't be told."""
    gone: tuple[str, ...]
    """Tables that the live database has not got."""
    unfit: tuple[str, ...] = ()
    """Tables whose columns are of other types now, which do not hold all of the restored values."""
    theirs: Mapping[int, Table] = field(default_factory=dict)
    """The restored database's tables, by the oid of the live one's."""


@dataclass(frozen=True)
class Both:
    """A transaction in each of the two databases."""

    live: Connection
    restored: Connection

    def compare(self) -> Compared:
        """Compare all tables, and fetch the missing rows. Raises PostgresError."""
        pairs, keyless, gone = self.paired()
        missing, compared, unfit = [], {}, []
        for number, (here, there) in enumerate(pairs, 1):
            for connection in (self.live, self.restored):
                run(connection, "SAVEPOINT mtn_table")
            try:
                found = self._missing(number, here, there)
            except PostgresError as error:
                if not error.sqlstate.startswith(_UNFIT):
                    raise
                run(self.live, "ROLLBACK TO SAVEPOINT mtn_table")
                unfit.append(here.label)
            else:
                missing += [] if found is None else [found]
                compared[here] = there
            run(self.restored, "ROLLBACK TO SAVEPOINT mtn_table")
            for connection in (self.live, self.restored):
                run(connection, "RELEASE SAVEPOINT mtn_table")
        there_by_oid = {here.oid: there for here, there in compared.items()}
        return Compared(
            tuple(missing), tuple(compared), tuple(keyless), tuple(gone), tuple(unfit), there_by_oid
        )

    def paired(self) -> tuple[list[tuple[Table, Table]], list[str], list[str]]:
        """The tables that can be compared, live and restored; and the names of those without a key, and of
        those that the live database has not got. Raises PostgresError.
        """
        ours, theirs = _whole(tables(self.live)), _whole(tables(self.restored))
        pairs, keyless, gone = [], [], []
        for name, there in theirs.items():
            here = ours.get(name)
            if here is None:
                gone.append(there.label)
            elif not here.key or not set(here.key) <= set(there.columns):
                keyless.append(here.label)
            else:
                pairs.append((here, there))
        return pairs, keyless, gone

    def _missing(self, number: int, here: Table, there: Table) -> Missing | None:
        """The rows of one table, which are then in its temporary table; None if none are missing.

        Where none are, its locks are let go: a transaction can't have thousands of them.
        """
        keys, gone = f"pg_temp.mtn_keys_{number}", f"pg_temp.mtn_gone_{number}"
        key, same = ", ".join(here.key), here.same_key("t", "k")
        run(
            self.live,
            f"CREATE TEMP TABLE {keys} ON COMMIT DROP AS SELECT {key} FROM {here.rows_of} LIMIT 0",  # noqa: S608
        )
        self.carry(f"COPY (SELECT {key} FROM {there.rows_of}) TO STDOUT", f"COPY {keys} FROM STDIN")  # noqa: S608
        run(self.live, f"ANALYZE {keys}")
        run(
            self.live,
            f"CREATE TEMP TABLE {gone} ON COMMIT DROP AS SELECT * FROM {keys} AS k"  # noqa: S608
            f" WHERE NOT EXISTS (SELECT FROM {here.rows_of} AS t WHERE {same})",
        )
        count = one(self.live, f"SELECT count(*) FROM {gone}")  # noqa: S608
        found = None
        if count:
            columns = tuple(name for name in there.columns if name in here.columns)
            found = Missing(number, here, columns, count)
            self._fetch(found, there, gone)
            run(self.live, f"DROP TABLE {keys}, {gone}")
        else:
            run(self.live, "ROLLBACK TO SAVEPOINT mtn_table")
        return found

    def _fetch(self, missing: Missing, there: Table, gone: str) -> None:
        """Fill the temporary table with the rows whose keys are in ``gone``."""
        here, columns = missing.table, ", ".join(missing.columns)
        run(
            self.live,
            f"CREATE TEMP TABLE {missing.temporary} ON COMMIT DROP AS"  # noqa: S608
            f" SELECT {columns} FROM {here.rows_of} LIMIT 0;"
            f"ALTER TABLE {missing.temporary} ADD {NUMBER} bigint GENERATED ALWAYS AS IDENTITY,"
            f" ADD {CHOSEN} boolean NOT NULL DEFAULT true",
        )
        types = self.types(there)
        texts = ", ".join(f"{name}::text" for name in here.key)
        places = [f"k{place}" for place in range(len(here.key))]
        same = " AND ".join(
            f"t.{name} {equal} k.{place}::{types[name]}"
            for name, equal, place in zip(here.key, here.equals, places, strict=True)
        )
        wanted = ", ".join(f"t.{name}" for name in missing.columns)
        for arrays in self.arrays(f"SELECT {texts} FROM {gone} ORDER BY {', '.join(here.key)}"):  # noqa: S608 - quoted
            # Numbered, so that they come in the order of their keys.
            self.carry(
                f"COPY (SELECT {wanted} FROM unnest({arrays}) WITH ORDINALITY"  # noqa: S608
                f" AS k ({', '.join(places)}, number) JOIN {there.rows_of} AS t ON {same}"
                " ORDER BY k.number) TO STDOUT",
                f"COPY {missing.temporary} ({columns}) FROM STDIN",
            )

    def types(self, there: Table) -> dict[str, str]:
        """The types of the columns of a table of the restored database."""
        with translated():
            rows = self.restored.execute(_TYPES, [there.oid]).fetchall()
        return {str(name): str(one) for name, one in rows}

    def arrays(self, query: str) -> Iterator[str]:
        """What a query of texts gives in the live database, some rows at once: as SQL, an array a column."""
        with translated(), self.live.cursor("mtn_texts") as cursor:
            cursor.execute(query.encode())
            while some := cursor.fetchmany(_KEYS_AT_ONCE):
                lists = [sql.Literal([str(one) for one in column]) for column in zip(*some, strict=True)]
                yield ", ".join(f"{one.as_string(self.restored)}::text[]" for one in lists)

    def carry(self, out: str, into: str) -> None:
        """Copy rows from the restored database into a table of the live one."""
        with (
            translated(),
            self.restored.cursor() as reading,
            self.live.cursor() as writing,
            reading.copy(out.encode()) as rows,
            writing.copy(into.encode()) as copy,
        ):
            for piece in rows:
                copy.write(piece)

    def choose(self, wanted: Iterable[Missing], compared: Compared, known: Sequence[Reference]) -> None:
        """Choose the rows of ``wanted``, those that hang on them, and those that they hang on.

        A row hangs on another if its foreign key names it. Of what is missing elsewhere
        nothing is chosen.
        """
        by_oid = {one.table.oid: one for one in compared.missing}
        for missing in compared.missing:
            run(self.live, f"UPDATE {missing.temporary} SET {CHOSEN} = false")  # noqa: S608 - names are quoted
        for missing in wanted:
            run(self.live, f"UPDATE {missing.temporary} SET {CHOSEN} = true")  # noqa: S608
        for down in (True, False):
            while sum(self._follow(by_oid, reference, down=down) for reference in known):
                pass

    def _follow(self, by_oid: dict[int, Missing], reference: Reference, *, down: bool) -> int:
        parent, child = by_oid.get(reference.parent), by_oid.get(reference.child)
        if parent is None or child is None or not set(reference.columns) <= set(child.columns):
            return 0
        to, of = (child, parent) if down else (parent, child)
        join = reference.joins("o", "t") if down else reference.joins("t", "o")
        return run(
            self.live,
            f"UPDATE {to.temporary} AS t SET {CHOSEN} = true FROM {of.temporary} AS o"  # noqa: S608
            f" WHERE {join} AND o.{CHOSEN} AND NOT t.{CHOSEN}",
        )

    def chosen(self, missing: Missing) -> int:
        """How many rows of a table are chosen."""
        return one(self.live, f"SELECT count(*) FROM {missing.temporary} WHERE {CHOSEN}")  # noqa: S608

    def sample(self, missing: Missing) -> list[dict[str, str | None]]:
        """The first rows of a table that are chosen: text by name of column, those of the key first."""
        names = [*missing.table.key, *(name for name in missing.columns if name not in missing.table.key)]
        texts = ", ".join(f"left({name}::text, 200)" for name in names)
        with translated():
            rows = self.live.execute(_chosen(missing, texts, f"LIMIT {_SAMPLE}")).fetchall()
        return [
            {name: None if value is None else str(value) for name, value in zip(names, row, strict=True)}
            for row in rows
        ]

    def rows(self, missing: Missing) -> Iterator[bytes]:
        """The chosen rows as COPY's text, a line each."""
        query = b"COPY (" + _chosen(missing, ", ".join(missing.columns)) + b") TO STDOUT"
        with translated(), self.live.cursor() as cursor, cursor.copy(query) as rows:
            for line in rows:
                yield bytes(line)


@contextmanager
def both(live: Connection, restored: Connection) -> Iterator[Both]:
    """Open a transaction in each; unless the live one's is committed within, nothing stays."""
    with translated():
        restored.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        live.execute("BEGIN")
        for setting in SETTINGS:
            statement = setting.replace("SET ", "SET LOCAL ", 1).encode()
            if "search_path" not in setting:  # functions of triggers and of indexes may need it
                restored.execute(statement)
                live.execute(statement)
        live.execute(_NO_EVENT_TRIGGERS.encode())
        live.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'".encode())
    try:
        yield Both(live, restored)
    finally:
        for connection in (live, restored):
            if not connection.closed:
                connection.rollback()


def run(connection: Connection, statement: str) -> int:
    """Run a statement; returns how many rows it touched. Raises PostgresError."""
    with translated():
        return connection.execute(statement.encode()).rowcount


def one(connection: Connection, query: str) -> int:
    """Return the number that a query gives. Raises PostgresError."""
    with translated():
        row = connection.execute(query.encode()).fetchone()
    assert row is not None  # noqa: S101 - it counts
    return int(str(row[0]))


def _whole(found: Sequence[Table]) -> dict[tuple[str, str], Table]:
    """Without the partitions of partitioned tables, and without what extensions bring."""
    parts = {oid for table in found if table.partitioned for oid in table.files}
    return {(one.schema, one.name): one for one in found if one.oid not in parts and not one.condition}


def _chosen(missing: Missing, wanted: str, end: str = "") -> bytes:
    query = f"SELECT {wanted} FROM {missing.temporary} WHERE {CHOSEN} ORDER BY {NUMBER} {end}"  # noqa: S608
    return query.encode()
