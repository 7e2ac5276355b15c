"""The tables that hold rows, as a differential compares them: columns, key, and which rows are dumped."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psycopg import sql

from mtn_tui.postgres.connection import Connection, translated

_PLAIN = re.compile("[a-z_][a-z0-9_]*")

CALLING = """
    SELECT i.indrelid AS oid, d.refobjid AS function
    FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid
    WHERE d.refclassid = 'pg_catalog.pg_proc'::regclass
    UNION ALL SELECT a.adrelid, d.refobjid
    FROM pg_catalog.pg_attrdef AS a JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = a.oid
    JOIN pg_catalog.pg_attribute AS t ON t.attrelid = a.adrelid AND t.attnum = a.adnum
    WHERE d.refclassid = 'pg_catalog.pg_proc'::regclass AND t.attgenerated = 's'
    UNION ALL SELECT t.attrelid, d.refobjid
    FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_depend AS d
        ON d.classid = 'pg_catalog.pg_constraint'::regclass AND d.objid = k.oid
    JOIN pg_catalog.pg_type AS y ON y.oid = k.contypid
    JOIN pg_catalog.pg_attribute AS t ON t.atttypid IN (y.oid, y.typarray)
    WHERE d.refclassid = 'pg_catalog.pg_proc'::regclass
"""
"""Tables whose rows call functions as they come: for an index, a generated column, or a domain's check."""

OF_THEIR_OWN = """
    SELECT p.oid FROM pg_catalog.pg_proc AS p
    WHERE p.prolang NOT IN (SELECT oid FROM pg_catalog.pg_language WHERE lanname IN ('internal', 'c'))
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
          WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
"""
"""Functions that may look into tables, whatever they are declared to be: no extension's."""

# Of extensions' tables those whose rows are dumped, with the condition that they were marked with.
_TABLES = f"""
    WITH calling AS ({CALLING})
    SELECT c.oid::bigint, n.nspname, c.relname, c.relkind = 'p', c.relpages,
        c.relkind = 'p' OR am.amname = 'heap', coalesce(e.condition, ''),
        CASE WHEN c.relispartition THEN pg_partition_root(c.oid)::oid::bigint ELSE 0 END,
        (SELECT coalesce(array_agg(quote_ident(attname) ORDER BY attnum), '{{}}') FROM pg_attribute
            WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''),
        coalesce(k.columns, '{{}}'), coalesce(k.equals, '{{}}'),
        c.oid IN (SELECT oid FROM calling)
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN pg_am AS am ON am.oid = c.relam
    LEFT JOIN LATERAL (
        SELECT extcondition[array_position(extconfig, c.oid)] AS condition, true AS config
        FROM pg_extension WHERE c.oid = ANY (extconfig)
    ) AS e ON true
    LEFT JOIN LATERAL (
        SELECT i.indexrelid, i.indkey, i.indclass, i.indnkeyatts
        FROM pg_index AS i JOIN pg_class AS ic ON ic.oid = i.indexrelid JOIN pg_am AS im ON im.oid = ic.relam
        WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND im.amname = 'btree'
          AND i.indpred IS NULL AND i.indexprs IS NULL AND NOT i.indisexclusion
          AND NOT EXISTS (
              SELECT FROM generate_series(0, i.indnkeyatts - 1) AS number
              JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[number]
              WHERE NOT a.attnotnull OR EXISTS (
                  SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'n' AND NOT convalidated
                    AND conkey = ARRAY[a.attnum])
                -- What the index tells apart may be equal for the column.
                OR a.attcollation <> i.indcollation[number] AND EXISTS (
                  SELECT FROM pg_collation AS l WHERE l.oid = a.attcollation AND NOT l.collisdeterministic))
        ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1
    ) AS i ON true
    LEFT JOIN LATERAL (
        SELECT array_agg(quote_ident(a.attname) ORDER BY number) AS columns,
            array_agg(format('OPERATOR(%I.%s)', onn.nspname, o.oprname) ORDER BY number) AS equals
        FROM generate_series(0, i.indnkeyatts - 1) AS number
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[number]
        JOIN pg_opclass AS oc ON oc.oid = i.indclass[number]
        JOIN pg_amop AS ao ON ao.amopfamily = oc.opcfamily AND ao.amopstrategy = 3
            AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype
        JOIN pg_operator AS o ON o.oid = ao.amopopr
        JOIN pg_namespace AS onn ON onn.oid = o.oprnamespace
    ) AS k ON cardinality(k.columns) = i.indnkeyatts
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND (e.config OR NOT EXISTS (
          SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
            AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'))
    ORDER BY n.nspname, c.relname
"""  # noqa: S608 - our own


@dataclass(frozen=True)
class Table:
    """A table whose rows are compared. Names of columns are quoted."""

    oid: int
    schema: str
    name: str
    partitioned: bool
    """Whether it stands for those of its partitions that pg_dump writes as its own rows."""
    pages: int
    """About how many pages of 8 KiB it has, by the last VACUUM or ANALYZE."""
    heap: bool
    """Whether PostgreSQL's own method stores it, which notes the transaction that made each row."""
    condition: str
    """The WHERE with which its rows are dumped: an extension's, or for a partitioned table its partitions."""
    columns: tuple[str, ...]
    """Without generated ones."""
    key: tuple[str, ...]
    """Columns of its primary key, or of a unique index like one; empty if it has none."""
    equals: tuple[str, ...]
    """The operator by which each of them is equal, with its schema."""
    files: tuple[int, ...]
    """Oids of what holds its rows."""
    calls: bool = False
    """Whether its rows call functions as they come, which may look into other tables, and need a search path:
    even to plan a query PostgreSQL puts the bodies of SQL functions into the expressions of indexes."""

    @property
    def comparable(self) -> bool:
        """Whether its old rows can be told apart by their key."""
        return self.heap and not self.partitioned and not self.condition and bool(self.key)

    @property
    def quoted(self) -> str:
        """The qualified name, quoted for SQL."""
        return sql.Identifier(self.schema, self.name).as_string()

    @property
    def label(self) -> str:
        """The qualified name as people write it: quoted only where it has to be."""
        return ".".join(
            one if _PLAIN.fullmatch(one) else sql.Identifier(one).as_string()
            for one in (self.schema, self.name)
        )

    def same_key(self, one: str, other: str) -> str:
        """The SQL condition that rows of these two names have the same key."""
        return " AND ".join(
            f"{one}.{column} {equals} {other}.{column}"
            for column, equals in zip(self.key, self.equals, strict=True)
        )

    @property
    def rows_of(self) -> str:
        """What stands after FROM, and after DELETE FROM, for its own rows."""
        return self.quoted if self.partitioned else f"ONLY {self.quoted}"


def tables(connection: Connection, dumped: Collection[tuple[str, str]] | None = None) -> list[Table]:
    """Describe the tables that ``dumped`` (schemas and names) are; others are left out. All, without it.

    Call it within the snapshot. A partitioned table is among ``dumped`` only where
    pg_dump writes its partitions' rows as its own.
    """
    with translated():
        rows = connection.execute(_TABLES).fetchall()
    partitions: dict[int, dict[int, str]] = {}
    for oid, schema, name, partitioned, _pages, _heap, _condition, root, *_rest in rows:
        # A leaf that is not among ``dumped`` is written as the whole table's.
        if root and (dumped is None or (not partitioned and (str(schema), str(name)) not in dumped)):
            quoted = sql.Literal(sql.Identifier(str(schema), str(name)).as_string()).as_string().strip()
            partitions.setdefault(int(str(root)), {})[int(str(oid))] = f"{quoted}::pg_catalog.regclass"
    found = []
    for oid, schema, name, partitioned, pages, heap, condition, _root, columns, key, equals, calls in rows:
        if dumped is not None and (str(schema), str(name)) not in dumped:
            continue
        number = int(str(oid))
        own = partitions.get(number, {}) if partitioned else {}
        found.append(
            Table(
                number,
                str(schema),
                str(name),
                bool(partitioned),
                int(str(pages)),
                bool(heap),
                f"WHERE tableoid IN ({', '.join(own.values())})" if own and dumped else str(condition),
                tuple(columns),  # type: ignore[arg-type]  # text[]
                tuple(key),  # type: ignore[arg-type]
                tuple(equals),  # type: ignore[arg-type]
                tuple(own) if partitioned else (number,),
                bool(calls),
            )
        )
    return found


def changing(connection: Connection, some: Sequence[Table], *, over: int) -> list[Table]:
    """Those of over about so many rows that have been deleted or updated since the server began to count."""
    with translated():
        rows = connection.execute(
            "SELECT relid::bigint FROM pg_stat_all_tables JOIN pg_class ON pg_class.oid = relid"
            " WHERE relid = ANY (%s::oid[]) AND n_tup_del + n_tup_upd > 0"
            " AND greatest(n_live_tup, reltuples) > %s",
            [[table.oid for table in some], over],
        ).fetchall()
    found = {int(str(oid)) for (oid,) in rows}
    return [table for table in some if table.oid in found]
