"""Step 1 of an incident: looks at what is wrong, and proposes what to do.

``look`` asks the server, its disk, the services and the stores, within seconds
even if some of them are gone; ``propose`` decides from that alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from mtn_tui.core.errors import KeyFileError, MtnError, NoSpace, PostgresError, ServerLost
from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.server_disk import disk_of
from mtn_tui.operations.incident.state import RecoveryMode
from mtn_tui.operations.inventory.model import Backup, Inventory
from mtn_tui.operations.inventory.one_server import of_one_server
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.restore import main_tables
from mtn_tui.operations.restore.main_tables import Table
from mtn_tui.operations.services import health
from mtn_tui.operations.services.health import Answer
from mtn_tui.postgres.connection import MAINTENANCE, Connection, connect, translated

_LITTLE_ROOM = 0.02
"""Of the server's disk: PostgreSQL stops writing, and then stops."""

_APPLICATION = "mtn assess"


@dataclass(frozen=True)
class Observations:
    """What step 1 has seen. Moments are in UTC."""

    had: frozenset[str] | None = None
    """The main tables that any backup of the database has; None where no manifest is known."""
    server: MtnError | None = None
    """Why the server could not be asked; None if it answers."""
    exists: bool | None = None
    """Whether the database exists; None if that is not known."""
    database: MtnError | None = None
    """Why the database itself could not be asked, though it exists."""
    barred: bool = False
    """Whether connections are refused, to all or to our user, which says nothing about the data."""
    tables: tuple[Table, ...] = ()
    newest: datetime | None = None
    """When the last application was created."""
    disk_free: int | None = None
    disk_size: int | None = None
    """Bytes of the server's disk; None if it can't be seen from here."""
    services: tuple[Answer, ...] = ()
    unasked: MtnError | None = None
    """Why no service could be asked."""
    backup: Backup | None = None
    """The newest that is proven and not suspect."""
    whole: Mapping[str, Backup] = field(default_factory=dict)
    """By main table the last backup that is not short of its rows."""
    unreachable: tuple[str, ...] = ()
    """Stores that did not answer, each with its place: which bucket, at which host."""

    @property
    def is_gone(self) -> bool:
        """Whether the server answers, and has no database of that name."""
        return self.server is None and self.exists is False

    @property
    def disk_full(self) -> bool:
        """Whether less than 2 % of the server's disk is free."""
        return (
            self.disk_free is not None
            and self.disk_size is not None
            and self.disk_free < self.disk_size * _LITTLE_ROOM
        )


@dataclass(frozen=True)
class Proposal:
    """What is proposed, and why."""

    way: RecoveryMode
    why: str
    instead: str = ""
    """What to do where nothing is restored."""


@dataclass(frozen=True)
class Assessment:
    """What step 1 has found, and what it proposes."""

    findings: tuple[Check, ...]
    proposal: Proposal
    backup: Backup | None = None
    services: tuple[Answer, ...] = field(default=(), repr=False)
    tables: tuple[Table, ...] = ()
    """The main tables, as they were counted."""
    is_gone: bool = False
    """Whether the server answers, and has no such database: no row can be copied back into it."""


def assess(context: Context, tell: Callable[[Check], None] = lambda _finding: None) -> Assessment:
    """Look and propose; ``tell`` gets each finding. Raises nothing of what it meets."""
    seen = look(context)
    found = tuple(findings(seen, context.clock.now()))
    for one in found:
        tell(one)
    return Assessment(found, propose(seen), seen.backup, seen.services, seen.tables, seen.is_gone)


def look(context: Context) -> Observations:
    """Look at the stores, the services, the server and the database.

    What does not answer is recorded, not raised.
    """
    inventory = _inventory(context)
    backup = _newest(inventory, context.settings.db_name)
    answers, unasked = _services(context)
    seen = Observations(
        had=main_tables.of_backups(inventory, context.settings.db_name),
        services=answers,
        unasked=unasked,
        backup=backup,
        whole=main_tables.last_whole(inventory, context.settings.db_name),
        unreachable=tuple(
            f"{labels.store(one.name)} ({one.place})"
            for one in context.stores
            if inventory is None or one.name in inventory.unreachable
        ),
    )
    try:
        with connect(context.server, MAINTENANCE, _APPLICATION) as connection:
            return _with_server(seen, context, connection)
    except MtnError as error:
        return replace(seen, server=error)


def _services(context: Context) -> tuple[tuple[Answer, ...], MtnError | None]:
    settings = context.settings
    try:
        return health.health(settings.service_health_urls, settings.alert_ca_file), None
    except MtnError as error:
        return (), error


def _inventory(context: Context) -> Inventory | None:
    try:
        inventory = take_inventory(context.stores, context.key, context.cache)
        return of_one_server(context, inventory).inventory
    except (KeyFileError, MtnError):
        return None


def _newest(inventory: Inventory | None, database: str) -> Backup | None:
    if inventory is None:
        return None
    try:
        found = inventory.latest(database=database)
    except MtnError:
        return None
    return found if found.trusted else None


def _with_server(seen: Observations, context: Context, connection: Connection) -> Observations:
    database = context.settings.db_name
    with translated():
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
    free, size = disk_of(context.server.host, connection) or (None, None)
    seen = replace(seen, exists=exists is not None, disk_free=free, disk_size=size)
    if exists is None:
        return seen
    try:
        inside = connect(context.server, database, _APPLICATION)
    except MtnError as error:
        return replace(seen, database=error, barred=_is_barred(connection, database))
    try:
        with inside:
            return _with_database(seen, inside)
    except ServerLost as error:
        return replace(seen, server=error)
    except MtnError as error:
        return replace(seen, database=error)


def _is_barred(connection: Connection, database: str) -> bool:
    """Whether the server refuses us connections, to this database or to all, whatever its data is."""
    query = """
        SELECT NOT d.datallowconn OR NOT has_database_privilege(d.oid, 'CONNECT')
            OR d.datconnlimit >= 0 AND d.datconnlimit <= count(s.pid) FILTER (WHERE s.datid = d.oid)
            OR u.rolconnlimit >= 0 AND u.rolconnlimit <= count(s.pid) FILTER (WHERE s.usesysid = u.oid)
            OR current_setting('max_connections')::int
                - current_setting('superuser_reserved_connections')::int <= count(s.pid)
        FROM pg_database d JOIN pg_roles u ON u.rolname = current_user
        LEFT JOIN pg_stat_activity s ON s.datid IS NOT NULL
        WHERE d.datname = %s AND d.datconnlimit <> -2
        GROUP BY d.oid, d.datallowconn, d.datconnlimit, u.oid, u.rolconnlimit
    """  # -2: the server was stopped while it dropped it
    with translated():
        row = connection.execute(query, [database]).fetchone()
    return bool(row and row[0])


def _with_database(seen: Observations, connection: Connection) -> Observations:
    tables = main_tables.count(connection, seen.whole, seen.had)
    return replace(seen, tables=tables, newest=main_tables.last_written(connection))


def findings(seen: Observations, now: datetime) -> list[Check]:
    """What was seen, in words, in the order of the runbook: server, database, disk, services, backups."""
    newest = seen.backup.moment if seen.backup else None
    moments = main_tables.moments(seen.tables, seen.newest, newest)
    found = [_server_finding(seen)]
    if seen.server is None:
        found += _database_findings(seen, now, moments)
    found.append(_disk_finding(seen))
    found += _service_findings(seen)
    found.append(_backup_finding(seen, now, moments))
    return found


def _server_finding(seen: Observations) -> Check:
    if seen.server is None:
        return Check("server", Status.OK, _("PostgreSQL answers."))
    return Check("server", Status.FAIL, seen.server.title, seen.server.hint)


def _database_findings(seen: Observations, now: datetime, moments: Mapping[datetime, str]) -> list[Check]:
    if not seen.exists:
        return [
            Check(
                "database", Status.FAIL, _("The database is gone: the server has no database with that name.")
            )
        ]
    if seen.database is not None:
        return [Check("database", Status.FAIL, seen.database.title, seen.database.hint)]
    found = [main_tables.finding(one, moments) for one in seen.tables]
    if seen.newest is not None:
        text = _("The last application was created {age} ago, {moment}.").format(
            age=labels.age(seen.newest, now), moment=moments[seen.newest]
        )
        found.append(Check("last-write", Status.OK, text))
    return found


def _disk_finding(seen: Observations) -> Check:
    if seen.disk_free is None:
        return Check("disk", Status.UNKNOWN, _("The server's disk can't be seen from here."))
    text = _("The server's disk has {free} free of {total}.").format(
        free=labels.size(seen.disk_free), total=labels.size(seen.disk_size)
    )
    if seen.disk_full:
        return Check("disk", Status.FAIL, text, _("Make room there first: nothing can be written."))
    return Check("disk", Status.OK, text)


def _service_findings(seen: Observations) -> list[Check]:
    if seen.unasked is not None:
        return [Check("services", Status.UNKNOWN, seen.unasked.title, seen.unasked.hint)]
    if not seen.services:
        hint = _("Set SERVICE_HEALTH_URLS.")
        return [Check("services", Status.UNKNOWN, _("No service is configured to be asked."), hint)]
    down = health.not_healthy(seen.services)
    if not down:
        text = _("All {count} services are healthy.").format(count=len(seen.services))
        return [Check("services", Status.OK, text)]
    text = _("{down} of {count} services are not healthy: {names}").format(
        down=len(down), count=len(seen.services), names=", ".join(down)
    )
    return [Check("services", Status.FAIL, text)]


def _backup_finding(seen: Observations, now: datetime, moments: Mapping[datetime, str]) -> Check:
    unreachable = ""
    if seen.unreachable:
        names = ", ".join(seen.unreachable)
        unreachable = " " + _("No answer, so not looked into: {stores}").format(stores=names)
    if seen.backup is None:
        return Check("backup", Status.FAIL, _("There is no proven full backup.") + unreachable)
    text = _("The newest proven full is {age} old, of {moment}.").format(
        age=labels.age(seen.backup.moment, now), moment=moments[seen.backup.moment]
    )
    return Check("backup", Status.WARN if unreachable else Status.OK, text + unreachable)


def propose(seen: Observations) -> Proposal:
    """Propose what to do; the operator decides. A restore is proposed only if nothing else helps."""
    if isinstance(seen.server, ServerLost):
        return Proposal(
            RecoveryMode.LEAVE,
            _("The server does not answer. Its data is most likely whole."),
            _("Start it, then assess again. Restore only if it does not come up."),
        )
    if isinstance(seen.server, PostgresError):
        return Proposal(RecoveryMode.LEAVE, seen.server.title, seen.server.hint)
    if seen.disk_full or isinstance(seen.database, NoSpace):
        return Proposal(
            RecoveryMode.LEAVE,
            _("The server's disk is full. A restore would need still more of it."),
            _("Make room there (old logs, kept databases: mtn kept), then assess again."),
        )
    if seen.database is not None and seen.barred:
        return Proposal(
            RecoveryMode.LEAVE,
            _(
                "The database exists, but takes no connections, or not those of our user. Its "
                "data is most likely whole."
            ),
            _("Free connections, or give back the right to connect; then assess again."),
        )
    unreadable = seen.database is not None or any(table.trouble and not table.barred for table in seen.tables)
    if seen.exists is False or unreadable:
        why = (
            _("The database is gone.")
            if not seen.exists
            else _("The database exists, but main tables in it can't be read.")
        )
        if seen.backup is None:
            return Proposal(
                RecoveryMode.LEAVE,
                why + " " + _("And there is no proven backup that could be restored."),
                _("Look for one: mtn list, the bucket, a copy elsewhere. Call level 3."),
            )
        return Proposal(RecoveryMode.RESTORE, why)
    shrunk = [table.name for table in seen.tables if table.shrunk]
    if shrunk:
        return Proposal(
            RecoveryMode.BESIDE,
            _("Rows are missing in {tables}, and perhaps in others: [d] in step 3 compares all.").format(
                tables=", ".join(shrunk)
            ),
        )
    if any(not one.healthy for one in seen.services):
        return Proposal(
            RecoveryMode.LEAVE,
            _("The database is whole; services are not healthy."),
            _("Restart them (step 7), and look at their logs."),
        )
    return Proposal(
        RecoveryMode.LEAVE,
        _("Nothing is wrong that can be seen from here."),
        _("If rows are wrong or missing, restore beside production, and compare."),
    )
