"""Random work, by a seed, on the tables of changing_schema.sql: an application's, and its operators'."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg
from psycopg.pq import TransactionStatus

from mtn_tui.postgres.connection import Connection
from tests.pg_fixtures import Database

OWNER = "mtn_changing_owner"
"""The role that owns everything."""

# Columns, and their values for a number n; {c} is a variant by which equal values may be written differently.
KEYED = {
    "k_text": "(ARRAY['a', 'B', 'ñ', E'\\t', E'\\\\', E'\\n', '\"', E'\\\\N', ''])[1 + n % 9] || n",
    "k_citext": "((ARRAY['Ana', 'ANA', 'aNa'])[1 + {c}] || n)::ext.citext",
    "k_bpchar": "(n || repeat(' ', {c}))::char(12)",
    "k_email": "n || '@mtn.cl'",
    "k_numeric": "(n || '.' || repeat('0', {c} + 1))::numeric",
    "k_float": "CASE n WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' WHEN 2 THEN -0.0 ELSE n / 7.0 END::float8",
    "k_moment": "CASE n WHEN 0 THEN 'infinity' ELSE timestamptz '2026-04-04 23:30-3' + n * interval '7m' END",
    "k_interval": "make_interval(days => {c}, hours => 24 * (n - {c}))",
    "k_range": "CASE n WHEN 0 THEN 'empty' WHEN 1 THEN '(,)' ELSE int4range(n, n + {c} + 1) END::int4range",
    "k_moments": "tstzrange(timestamptz '2026-04-04 23:30-03' + n * interval '1 h', NULL, '(]')",
    "k_bytea": "decode(md5(n::text), 'hex')",
    "k_uuid": "md5(n::text)::uuid",
    "k_array": "ARRAY['a,b' || n, NULL, '\"{{\\']",
    "k_jsonb": "jsonb_build_object('n', (n || '.' || repeat('0', {c} + 1))::numeric, 't', E'\\n\\\\')",
    "k_pair": "ROW(n, E'(\"\\t' || n)::s.pair",
    "k_unique": "n",
}
ROWS = {
    **{f"s.{name}": ("k, v", f"{key}, 'v' || n") for name, key in KEYED.items()},
    "s.k_several": ("a, b, c, v", "n % 3, (enum_range(NULL::s.level))[1 + n % 5], 'C' || n / 15, 'v'"),
    "s.no_key": ("a, v, at", "n % 20, nullif('v' || n % 5, 'v3'), now()"),
    "s.no_columns": ("", ""),
    's."Año ""académico""\ny más"': ('"Nº", v', "n, E'\\\\.\\n' || n"),
    "s.big": ("v, n", "'big' || n, n"),
    "s.kinds": (
        "v, a, j, b, r, f, g, l, p, e, h, m",
        "'k' || n, ARRAY[NULL, n::text, E'\\\\'], jsonb_build_array(n, E'\\\\.'), '\\x00ff'::bytea ||"
        " sha256(n::text::bytea),"
        " numrange(n, NULL), n / 3.0, 'NaN', 'sent', ROW(n, NULL)::s.pair, 'a@' || n,"
        " n * interval '-1.5 month', n::money",
    ),
    "s.unlogged": ("id, v", "n, 'v'"),
    "s.person": ("id, v, odd", "n, 'v', 1"),
    "s.student": ("id, v, odd, course", "n, 'v', 1, 'C'"),
    "s.graduate": ("id, v, odd, year", "n, 'v', 1, n"),
    "s.marks": ("year, id, v", "n % 4, n, 'v' || n"),
    "s.remark": ("id, year, mark, v", "n, n % 4, NULL, 'v'"),
    "s.by_level": ("year, l, v", "1 + n % 2, (enum_range(NULL::s.level))[1 + n % 5], 'v' || n"),
    "s.egg": ("id, hen, v", "n, NULL, 'v'"),
    "s.hen": ("id, egg, v", "n, NULL, 'v'"),
    "s.tree": ("id, up, v", "n, NULL, 'v'"),
    "s.child": ("id, tree, v", "n, NULL, 'v'"),
    "s.place": ("id, place, other, v", "n, n, n, 'v'"),
    "s.booking": ("room, during, v", "n % 3, tsrange(date '2026-01-01' + n, date '2026-01-02' + n), 'v'"),
    "s.checked": ("id, n, tree, v", "n, 1 + n, NULL, 'v'"),
    "s.graded": ("id, grade, several, v", "n, 4 + n, ARRAY[7, 8], 'v'"),
    "s.log": ("v", "'v' || n"),
    "s.triggered": ("id, v", "n, 'v'"),
    "s.ruled": ("id, v", "n, 'v'"),
    "s.hidden": ("id, v", "n, 'v'"),
    "s.of_another": ("id, v", "n, 'v'"),
    "s.published": ("a, v", "n, 'v'"),
}
ROWS_18 = {
    "s.of_18": ("id, v, n", "n, 'v', n"),
    "s.stay": ("id, at, v", "n % 5, daterange(date '2026-01-01' + n, date '2026-01-02' + n), 'v'"),
    "s.meal": ("id, stay, at, v", "n, NULL, NULL, 'v'"),
}
SPARED = {"s.k_unique": "k", "s.published": "a"}
"""Where v is part of what tells rows apart, or where nothing does: published ones can't be updated."""

UPDATES = (
    "UPDATE s.place AS a SET place = b.place FROM s.place AS b"
    " WHERE (a.id, b.id) IN (({n}, {m}), ({m}, {n}))",
    "UPDATE s.place SET other = NULL WHERE id IN ({n}, {m});"
    " UPDATE s.place SET other = {n} WHERE id = {m}; UPDATE s.place SET other = {m} WHERE id = {n}",
    "UPDATE s.place SET place = place + 1",
    "UPDATE s.marks SET year = (year + 1) % 4 WHERE id % 7 = {n} % 7",
    "UPDATE s.marks SET id = id + 1000 WHERE id = {n}",
    "DELETE FROM s.marks WHERE year = {n} % 4 AND id % 3 = 0",
    "UPDATE s.by_level SET year = 3 - year, l = 'draft' WHERE hashtext(v) % 5 = {n} % 5",
    "UPDATE s.tree SET id = id + 1000 WHERE id = {n}",
    "UPDATE s.tree SET up = {m} WHERE id = {n}",
    "UPDATE s.child SET tree = {m} WHERE id % 5 = {n} % 5",
    "UPDATE s.remark SET year = {m} % 4, mark = {m} WHERE id = {n}",
    "UPDATE s.egg SET hen = {m} WHERE id = {n}; UPDATE s.hen SET egg = {n} WHERE id = {m}",
    "DELETE FROM s.egg WHERE id = {n}; DELETE FROM s.hen WHERE id = {m}",
    "INSERT INTO s.egg VALUES ({n} + 5000, {m} + 5000, 'e');"
    " INSERT INTO s.hen VALUES ({m} + 5000, {n} + 5000, 'h')",
    "UPDATE s.big SET v = v || '+', n = {n} WHERE id % 3 = {n} % 3",
    "DELETE FROM s.big WHERE id BETWEEN {n} * 20 AND {n} * 20 + {m}",
    "INSERT INTO s.big (id, v, n) OVERRIDING SYSTEM VALUE VALUES ({n}, 'again', {m})",
    "UPDATE s.student SET odd = 2 WHERE id = {n}; UPDATE ONLY s.person SET odd = 3 WHERE id = {m}",
    "UPDATE s.graded SET v = 'seen' WHERE id = {n}",
    "UPDATE s.checked SET tree = {m}, n = 5 WHERE id = {n}",
    "INSERT INTO s.no_key SELECT * FROM s.no_key LIMIT {m}",
    "MERGE INTO s.k_unique AS t USING (VALUES ({n}), ({m})) AS o (k) ON t.k = o.k"
    " WHEN MATCHED THEN UPDATE SET k = t.k + 5000 WHEN NOT MATCHED THEN INSERT (k) VALUES (o.k)",
    "SELECT nextval('s.alone'), nextval('s.\"Down\"'); SELECT setval('s.kinds_id_seq', 100 * {n} + 9000)",
    "SELECT lo_create({o}); SELECT lo_put({o}, {m} * 3000, 'bytes'); ALTER LARGE OBJECT {o} OWNER TO {owner}",
    "SELECT lo_put(oid, 7, '\\xdeadbeef') FROM pg_largeobject_metadata WHERE oid::bigint % 5 = {n} % 5",
    "SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid::bigint % 5 = {n} % 5",
    "DO $$ DECLARE o oid; BEGIN FOR o IN SELECT oid FROM pg_largeobject_metadata"
    " WHERE oid::bigint % 4 = {n} % 4 LOOP"
    " EXECUTE format('COMMENT ON LARGE OBJECT %s IS %L', o, E'it''s \\\\ {n}'); EXECUTE format("
    "'GRANT SELECT ON LARGE OBJECT %s TO PUBLIC; GRANT ALL ON LARGE OBJECT %s TO mtn_changing_other"
    " WITH GRANT OPTION', o, o); END LOOP; END $$",
    "DO $$ DECLARE o oid; BEGIN FOR o IN SELECT oid FROM pg_largeobject_metadata"
    " WHERE oid::bigint % 4 = {n} % 4 LOOP"
    " EXECUTE format('ALTER LARGE OBJECT %s OWNER TO mtn_changing_other', o); END LOOP; END $$",
)
"""Statements that fit into any transaction."""

BY_HAND = (
    "VACUUM (FREEZE) {table}",
    "VACUUM (FREEZE)",
    "VACUUM {table}",
    "VACUUM FULL {table}",
    "CLUSTER",
    "ANALYZE",
    "TRUNCATE {table}",
    "TRUNCATE {table} RESTART IDENTITY CASCADE",
    "TRUNCATE ONLY s.person",
    "TRUNCATE s.marks_1_0 CASCADE",
    "BEGIN; TRUNCATE s.no_key; INSERT INTO s.no_key VALUES (1, 'kept'); ROLLBACK",
    "REFRESH MATERIALIZED VIEW s.z_first",
    "REFRESH MATERIALIZED VIEW s.a_second",
    "REFRESH MATERIALIZED VIEW s.b_other WITH NO DATA",
    "REFRESH MATERIALIZED VIEW s.empty",
    "REINDEX TABLE {table}",
    "CHECKPOINT",
)
"""What needs locks that no transaction may keep while a backup runs."""

_REFUSED = (
    psycopg.IntegrityError,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.ObjectNotInPrerequisiteState,  # a view that reads one without rows
    psycopg.errors.FeatureNotSupported,  # TRUNCATE of what another table refers to
    psycopg.errors.UndefinedObject,  # a large object that another transaction has unlinked
    psycopg.errors.DuplicateObject,
)


class Work:
    """Work on one database. ``close`` it before the database is dropped."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.random = random.Random(seed)
        self.connection = self._connect()
        self.open: list[Connection] = []
        version = self.connection.info.server_version
        self.rows = ROWS | (ROWS_18 if version >= 180000 else {})
        if version < 150000:
            raise NotImplementedError("MERGE")

    def fill(self) -> None:
        """The first rows of a database that was just made."""
        for name in self.rows:
            self.connection.execute(self._insert(name, 100, 160, 0).encode())
        self.connection.execute(
            "INSERT INTO s.big (v, n) SELECT 'big', n FROM generate_series(1, 10500) AS n"
        )
        self.connection.execute(
            "ALTER TABLE s.big CLUSTER ON big_pkey; ALTER TABLE s.k_text CLUSTER ON k_text_pkey"
        )
        self.connection.execute(f"SET SESSION AUTHORIZATION {OWNER}".encode())
        self.connection.execute(
            "SELECT lo_from_bytea(n + 80000, convert_to(repeat('many bytes ', n * 900), 'UTF8'))"
            " FROM generate_series(1, 6) AS n"
        )
        for view in ("z_first", "a_second", "b_other"):
            self.connection.execute(f"REFRESH MATERIALIZED VIEW s.{view}".encode())

    def touch(self) -> None:
        """Update and delete in every table, and have the server's statistics tell it at once."""
        for name in self.rows:
            self._try(self.connection, self._delete(name, 2))
            self._try(self.connection, self._update(name, 2))
        self.connection.execute("SELECT pg_stat_force_next_flush()")

    def transactions(self, count: int, *, left: int = 0, by_hand: bool = True) -> None:
        """So many short transactions, and operators' commands; ``left`` more remain open or prepared."""
        for _number in range(count):
            if by_hand and self.random.random() < 0.15:
                self._try(self.connection, self._by_hand())
            else:
                self._transaction(self.connection, self.random.choice(["COMMIT"] * 4 + ["ROLLBACK"]))
        for _number in range(left):
            connection = self._connect()
            if self.random.random() < 0.5:
                self.open.append(connection)
                self._transaction(connection, "")
            else:
                name = f"{self.database.name}_{self.random.randrange(1 << 60)}"
                self._transaction(connection, f"PREPARE TRANSACTION '{name}'")
                connection.close()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Short transactions, all the time."""
        other, enough = Work(self.database, self.random.randrange(1 << 30)), threading.Event()

        def work() -> None:
            while not enough.is_set():
                other.transactions(1, by_hand=False)

        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(work)
            try:
                yield
            finally:
                enough.set()
            running.result()
        other.connection.close()

    def end_some(self) -> None:
        """Commit or roll back about half of what was left open."""
        for connection in list(self.open):
            if self.random.random() < 0.5:
                self.open.remove(connection)
                with suppress(*_REFUSED):
                    connection.execute(self.random.choice(["COMMIT", "ROLLBACK"]).encode())
                connection.close()
        for name in self._prepared():
            if self.random.random() < 0.5:
                how = self.random.choice(["COMMIT", "ROLLBACK"])
                self.connection.execute(f"{how} PREPARED '{name}'".encode())

    def close(self) -> None:
        """End all transactions and connections."""
        for connection in (*self.open, self.connection):
            connection.close()
        self.connection = self._connect()
        for name in self._prepared():
            self.connection.execute(f"ROLLBACK PREPARED '{name}'".encode())
        self.connection.close()

    def _connect(self) -> Connection:
        connection = self.database.connect()
        connection.execute("SET lock_timeout = '20ms'; SET client_min_messages = error")
        return connection

    def _prepared(self) -> list[str]:
        found = self.connection.execute(
            "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() ORDER BY gid"
        ).fetchall()
        return [str(name) for (name,) in found]

    def _transaction(self, connection: Connection, end: str) -> None:
        connection.execute("BEGIN")
        for _number in range(self.random.randint(1, 6)):
            connection.execute("SAVEPOINT one")
            worked = self._try(connection, self._statement())
            if not worked or self.random.random() < 0.2:
                connection.execute("ROLLBACK TO one")
            elif self.random.random() < 0.5:
                connection.execute("RELEASE one")
        if end and not self._try(connection, end) and connection.info.transaction_status:
            connection.execute("ROLLBACK")

    def _try(self, connection: Connection, statement: str) -> bool:
        try:
            connection.execute(statement.encode())
        except _REFUSED:
            if connection.info.transaction_status is TransactionStatus.INERROR and statement.startswith(
                "BEGIN"
            ):
                connection.execute("ROLLBACK")
            return False
        return True

    def _by_hand(self) -> str:
        return self.random.choice(BY_HAND).format(table=self._table())

    def _statement(self) -> str:
        one, other = self.random.sample(range(200), 2)
        given = {"n": one, "m": other, "o": 70_000 + self.random.randrange(20), "owner": OWNER}
        kinds: list[Callable[[], str]] = [
            lambda: self._insert(self._table(), *self._span(), self.random.randrange(3)),
            lambda: self._update(self._table(), self.random.choice([1, 5, 30])),
            lambda: self._delete(self._table(), self.random.choice([1, 5, 30])),
            lambda: self.random.choice(UPDATES).format(**given),
            self._other_key,
            self._same_key,
        ]
        return self.random.choice(kinds)()

    def _table(self) -> str:
        return self.random.choice(list(self.rows))

    def _span(self) -> tuple[int, int]:
        start = self.random.randrange(200)
        return start, start + self.random.choice([0, 3, 20])

    def _insert(self, name: str, start: int, end: int, variant: int) -> str:
        columns, values = self.rows[name]
        target = f"{name} ({columns})" if columns else name
        skip = "" if name in ("s.place", "s.booking") else " ON CONFLICT DO NOTHING"
        return (
            f"INSERT INTO {target} SELECT {values.format(c=variant)}"
            f" FROM generate_series({start}, {end}) AS n{skip}"
        )

    def _some(self, percent: int) -> str:
        salt = self.random.randrange(1000)
        return f"abs(hashtext(t::text || '{salt}')::bigint) % 100 < {percent}"

    def _update(self, name: str, percent: int) -> str:
        if name in ("s.no_columns", "s.published"):
            return self._insert(name, *self._span(), 0)
        return f"UPDATE {name} AS t SET v = left('u' || v, 40) WHERE {self._some(percent)}"

    def _delete(self, name: str, percent: int) -> str:
        if name == "s.published":
            return self._insert(name, *self._span(), 0)
        return f"DELETE FROM {name} AS t WHERE {self._some(percent)}"

    def _other_key(self) -> str:
        name = self.random.choice(list(KEYED))
        key = KEYED[name].format(c=self.random.randrange(3))
        number, salt = self.random.randrange(400), self.random.randrange(2, 50)
        return (
            f"UPDATE s.{name} SET k = (SELECT {key} FROM (VALUES ({number})) AS one (n))"
            f" WHERE ctid = (SELECT ctid FROM s.{name} ORDER BY hashtext(k::text) % {salt} LIMIT 1)"
        )

    def _same_key(self) -> str:
        """Rows that go and come again under an equal key, written differently perhaps."""
        name = self.random.choice(list(KEYED))
        start, end = self._span()
        key = KEYED[name].format(c=self.random.randrange(3))
        return (
            f"DELETE FROM s.{name} WHERE k IN (SELECT {key} FROM generate_series({start}, {end}) AS n);"
            + self._insert(f"s.{name}", start, end, self.random.randrange(3))
        )
