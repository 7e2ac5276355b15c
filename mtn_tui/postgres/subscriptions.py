"""Subscriptions: what a database continuously receives from a publisher on another server.

A database made beside another never has an active one, and a database put aside never keeps one: each would
receive changes meant for the other, and the publisher never sends them again.

A subscription that is disabled for a swap gets a line in its comment naming the database in which it was
enabled. So it can be enabled again there later, whatever happened to the job.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import sql

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.postgres.connection import MAINTENANCE, Connection, beside, translated

_MARK = "mtn: enabled until a swap in "

_LOCK_SECONDS = 20

_QUOTED = re.compile(rb"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")
_CREATE = re.compile(rb"CREATE SUBSCRIPTION\s", re.IGNORECASE)
_ALTER = re.compile(rb"ALTER SUBSCRIPTION\s", re.IGNORECASE)
_OWNER = re.compile(rb"\sOWNER TO\s", re.IGNORECASE)
_OPTIONS = re.compile(rb"\sWITH\s*\(([^()]*)\)\s*\Z", re.IGNORECASE)
_CONNECTING = re.compile(rb"\s*(?:connect|enabled|create_slot|slot_name|copy_data)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Subscription:
    """A subscription of a database."""

    name: str
    enabled: bool
    slot: str
    """Its slot on the publisher; empty if none."""
    publications: tuple[str, ...]
    owner: str
    ours: bool
    """Whether we may alter and drop it."""
    tables: tuple[str, ...] = ()
    """Tables that it fills, quoted; empty unless queried in its database."""


def subscriptions(connection: Connection, database: str) -> list[Subscription]:
    """Return the subscriptions of a database, without their connection strings, which hold passwords."""
    with translated():
        rows = connection.execute(
            """
            SELECT subname, subenabled, coalesce(subslotname, ''), subpublications,
                   pg_get_userbyid(subowner), pg_has_role(subowner, 'USAGE')
            FROM pg_subscription
            WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = %s) ORDER BY 1
            """,
            [database],
        ).fetchall()
    return [
        Subscription(str(name), bool(enabled), str(slot), tuple(publications), str(owner), bool(ours))  # type: ignore[arg-type]  # text[]
        for name, enabled, slot, publications, owner, ours in rows
    ]


def with_tables(connection: Connection, database: str) -> list[Subscription]:
    """Return the subscriptions, each with the tables that it fills if the database accepts connections."""
    found = subscriptions(connection, database)
    if not found:
        return found
    try:
        with beside(connection, database) as inside, translated():
            rows = inside.execute(
                "SELECT subname, array_agg(format('%I.%I', nspname, relname) ORDER BY nspname, relname)"
                " FROM pg_subscription_rel JOIN pg_subscription AS s ON s.oid = srsubid"
                " JOIN pg_class AS c ON c.oid = srrelid JOIN pg_namespace AS n ON n.oid = relnamespace"
                " GROUP BY 1"
            ).fetchall()
    except PostgresError:
        return found  # it takes no connections: ``fresh_copy`` leaves the names open
    tables: dict[str, tuple[str, ...]] = {str(name): tuple(of) for name, of in rows}  # type: ignore[arg-type]  # text[]
    return [
        Subscription(
            one.name,
            one.enabled,
            one.slot,
            one.publications,
            one.owner,
            one.ours,
            tables.get(one.name, ()),
        )
        for one in found
    ]


def fresh_copy(one: Subscription, *, there: bool = True) -> list[str]:
    """Return statements that fill its tables again from the publisher; the first one is for the publisher.

    With ``there`` false, the new database has no subscription of that name.
    """
    name = _quoted(one.name)
    truncate = f"TRUNCATE {', '.join(one.tables) or '…'};"
    if not there:
        publications = ", ".join(map(_quoted, one.publications))
        return [
            truncate,
            f"CREATE SUBSCRIPTION {name} CONNECTION '…' PUBLICATION {publications} WITH (copy_data = true);",
        ]
    slot = re.sub(r"[^a-z0-9_]", "_", (one.slot or one.name).lower())[:59] + "_new"
    return [
        f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput');",
        truncate,
        f"ALTER SUBSCRIPTION {name} SET (slot_name = '{slot}');",
        f"ALTER SUBSCRIPTION {name} ENABLE;",
        f"ALTER SUBSCRIPTION {name} REFRESH PUBLICATION WITH (copy_data = true);",
    ]


def pause(connection: Connection, database: str, of: str) -> list[str]:
    """Disable the enabled subscriptions and return their names; ``of`` is the database's later name."""
    live = [one for one in subscriptions(connection, database) if one.enabled]
    if not live:
        return []
    with _inside(connection, database) as inside, inside.transaction():
        for one in live:
            inside.execute(sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(sql.Identifier(one.name)))
            comment = _unmarked(_comment(inside, one.name))
            _set_comment(inside, one.name, "\n".join([*([comment] if comment else []), _MARK + of]))
    return [one.name for one in live]


def resume(connection: Connection, database: str, of: str) -> list[str]:
    """Enable those again that were disabled for a swap of ``of``; return their names."""
    resumed: list[str] = []
    with beside(connection, MAINTENANCE) as asking:  # ``connection`` may obey a token that was cancelled
        if not any(one.slot and not one.enabled for one in subscriptions(asking, database)):
            return resumed
    with _inside(connection, database) as inside:
        for one in subscriptions(inside, database):
            comment = _comment(inside, one.name)
            if one.enabled or not one.slot or comment.rpartition("\n")[2] != _MARK + of:
                continue
            with inside.transaction():
                inside.execute(sql.SQL("ALTER SUBSCRIPTION {} ENABLE").format(sql.Identifier(one.name)))
                _set_comment(inside, one.name, _unmarked(comment))
            resumed.append(one.name)
    return resumed


def detach(connection: Connection, database: str) -> list[str]:
    """Drop all subscriptions of a database, which would prevent dropping it.

    The publishers are not contacted: returns the slots that remain there and that no other subscription on
    this server uses. A copy may name the very slot that the active one reads.
    """
    found = subscriptions(connection, database)
    if not found:
        return []
    with translated():
        connection.execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(database))
        )
    with _inside(connection, database) as inside:
        for one in found:
            name = sql.Identifier(one.name)
            if one.enabled:
                inside.execute(sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(name))
            inside.execute(sql.SQL("ALTER SUBSCRIPTION {} SET (slot_name = NONE)").format(name))
            inside.execute(sql.SQL("DROP SUBSCRIPTION {}").format(name))
    with translated():
        rows = connection.execute("SELECT subslotname FROM pg_subscription").fetchall()
    return [one.slot for one in found if one.slot and (one.slot,) not in rows]


def unattached(statement: bytes) -> bytes:
    """Change a CREATE SUBSCRIPTION so that it is made disabled, without a slot or connection.

    ALTER SUBSCRIPTION becomes empty unless it sets the owner; other statements are returned unchanged.
    """
    if _ALTER.match(statement):
        return statement if _OWNER.search(_masked(statement)) else b""
    if not _CREATE.match(statement):
        return statement
    masked = _masked(statement)
    options = _OPTIONS.search(masked)
    kept = [b"connect = false", b"slot_name = NONE"]
    if options is not None:
        start = options.start(1)
        for part in options[1].split(b","):
            end = start + len(part)
            if part.strip() and not _CONNECTING.match(part):
                kept.append(statement[start:end].strip())
            start = end + 1
    head = statement if options is None else statement[: options.start()]
    return head + b" WITH (" + b", ".join(kept) + b")"


def _masked(statement: bytes) -> bytes:
    """Replace quoted parts by underscores, keeping the length."""
    return _QUOTED.sub(lambda found: b"_" * len(found[0]), statement)


@contextmanager
def _inside(connection: Connection, database: str) -> Iterator[Connection]:
    """Open a writable session in the database, with a limit on waiting for locks."""
    with beside(connection, database) as inside, translated(_("disabling or enabling subscriptions")):
        inside.execute("SET default_transaction_read_only = off")
        inside.execute(f"SET lock_timeout = '{_LOCK_SECONDS}s'".encode())
        yield inside


def _comment(inside: Connection, name: str) -> str:
    row = inside.execute(
        "SELECT coalesce(obj_description(oid, 'pg_subscription'), '') FROM pg_subscription WHERE subname = %s"
        " AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())",
        [name],
    ).fetchone()
    return str(row[0]) if row else ""


def _set_comment(inside: Connection, name: str, comment: str) -> None:
    inside.execute(
        sql.SQL("COMMENT ON SUBSCRIPTION {} IS {}").format(sql.Identifier(name), sql.Literal(comment or None))
    )


def _unmarked(comment: str) -> str:
    return "\n".join(line for line in comment.split("\n") if not line.startswith(_MARK))


def _quoted(name: str) -> str:
    return name if re.fullmatch("[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
