"""What a restore would do, as data: what is read, what is replaced, what is lost, how long it takes.

Planning makes nothing. ``mtn restore --dry-run`` prints the plan, and the operator
sees it before confirming that production is replaced.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.operations.common import labels, production
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Backup, Copy
from mtn_tui.operations.restore.lost_rows import RowsNow, rows_now
from mtn_tui.operations.restore.point_in_time import minutes_before
from mtn_tui.operations.restore.preflight import preflight
from mtn_tui.operations.restore.request import Request
from mtn_tui.operations.restore.rto import Rto, rto
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, Connection, connect
from mtn_tui.postgres.databases import Described
from mtn_tui.postgres.identity import server_identity
from mtn_tui.postgres.kept import kept_form
from mtn_tui.postgres.newest import Newer, in_zone, newer_than

_APPLICATION = "mtn restore plan"


@dataclass(frozen=True)
class Target:
    """The database to be restored into, as it is now."""

    name: str
    host: str
    port: int
    system_identifier: int
    version: str
    production: bool
    existing: Described | None
    newer: Newer | None
    """What it holds that a backup has not got. None if it does not exist, can't be looked into, or no
    backup is in question."""

    @property
    def standing(self) -> str:
        """``new``, ``existing`` or ``production``; a word of JSON."""
        if self.existing is None:
            return "new"
        return "production" if self.production else "existing"


@dataclass(frozen=True)
class Plan:
    """What a restore would do."""

    request: Request
    copy: Copy | None
    """The copy that is read; None if none can be."""
    target: Target
    now: datetime
    rto: Rto
    """How long it will take."""
    zone: str
    """The database's time zone; ``moment_there`` is the backup's moment in it."""
    moment_there: str
    kept: str
    """The form of what the present database will be called; empty if there is none, or it is dropped."""
    checks: tuple[Check, ...]
    asked_there: str = ""
    """The moment that was asked for, in the database's zone; empty if none was."""
    rows: RowsNow | None = None
    """The rows of each table, beside those of the live database; None where it does not answer."""

    @property
    def backup(self) -> Backup:
        """The backup that would be restored."""
        return self.request.backup

    @property
    def lost_seconds(self) -> float:
        """Between the backup's moment and now."""
        return max((self.now - self.backup.moment).total_seconds(), 0)

    @property
    def lost_minutes(self) -> int:
        """The same, in whole minutes."""
        return round(self.lost_seconds / 60)

    @property
    def minutes_before(self) -> int | None:
        """Between the backup's moment and the one that was asked for; None if none was."""
        return None if self.request.asked is None else minutes_before(self.request.asked, self.backup)

    @property
    def copies(self) -> tuple[Copy, ...]:
        """The copies that are read: of the full, then of the differential. Empty if one has none."""
        found = [next(iter(one.usable), None) for one in self.backup.chain]
        return tuple(copy for copy in found if copy) if None not in found else ()

    @property
    def overwrites(self) -> str:
        """One line where the target holds something newer than the backup; else empty."""
        newer = self.target.newer
        if newer is None or newer.newest is None or newer.newest <= self.backup.moment:
            return self._grown()
        there, _here = labels.told_apart(newer.newest, self.backup.moment)
        text = _("It takes the place of something newer: in {target}, {table} has rows of {moment}.").format(
            target=self.request.target, table=newer.table, moment=there
        )
        if newer.rows:
            since = ngettext(
                "{rows:,} row was created after the backup.",
                "{rows:,} rows were created after the backup.",
                newer.rows,
            )
            text += " " + since.format(rows=Figure(newer.rows))
        return text

    def _grown(self) -> str:
        """The same where no date tells, but the rows of a table do."""
        if self.rows is None or self.rows.database != self.target.name:
            return ""
        more = next((one for one in self.rows.different if one.grown), None)
        if more is None:
            return ""
        text = _(
            "It takes the place of something newer: in {target}, {table} has {now:,} rows, not {then:,}."
        )
        return text.format(
            target=self.target.name, table=more.table, now=Figure(more.now or 0), then=Figure(more.then)
        )

    def facts(self) -> dict[str, object]:
        """For ``--json``. Moments are in ISO 8601, sizes in bytes."""
        backup, target, newer = self.backup, self.target, self.target.newer
        return {
            "backup": backup.id,
            "name": str(backup.name),
            "store": self.copy.store.name if self.copy else None,
            "bytes": sum(copy.size for copy in self.copies) if self.copies else None,
            "raw_size": backup.raw,
            "chain": [
                {
                    "backup": one.id,
                    "name": str(one.name),
                    "kind": one.kind.value,
                    "moment": one.moment.isoformat(),
                    "store": copy.store.name,
                    "bytes": copy.size,
                }
                for one, copy in zip(backup.chain, self.copies, strict=False)
            ],
            "seconds": self.rto.facts()["seconds"],
            "rto": self.rto.facts(),
            "moment": _clocks(backup.moment, self.moment_there, self.zone),
            "asked": _clocks(self.request.asked, self.asked_there, self.zone) if self.request.asked else None,
            "target": {
                "name": target.name,
                "standing": target.standing,
                "host": target.host,
                "port": target.port,
                "system_identifier": str(target.system_identifier),
                "version": target.version,
                "size": target.existing.size if target.existing else None,
                "sessions": target.existing.sessions if target.existing else None,
                "newest": newer.newest.isoformat() if newer and newer.newest else None,
            },
            "lost": {
                "minutes": self.lost_minutes,
                "minutes_before_asked": self.minutes_before,
                "rows": newer.rows if newer else None,
                "live": self.rows.facts() if self.rows else None,
            },
            "overwrites_newer": bool(self.overwrites),
            "kept": self.kept,
            "in_place": self.request.in_place,
            "keep_going": self.request.keep_going,
            "without": list(self.request.without),
            "checks": [check.facts() for check in self.checks],
        }


def _clocks(moment: datetime, there: str, zone: str) -> dict[str, str]:
    return {
        "utc": moment.isoformat(),
        "here": moment.astimezone().isoformat(),
        "database": there,
        "zone": zone,
    }


def plan(context: Context, request: Request, rows: RowsNow | None = None) -> Plan:
    """Plan a restore, and make nothing. Raises UsageError or Refused for the request, and PostgresError.

    ``rows``: those of an earlier plan with the same backup, which are not counted again then.
    """
    preflight.check_target(context, request.target)
    preflight.check_options(request)
    preflight.check_backup(request.backup, legacy_allowed=request.legacy)
    now, name, settings = context.clock.now(), request.target, context.settings
    with connect(context.server, MAINTENANCE, _APPLICATION) as server:
        target = target_of(context, server, name, request.backup)
        newer = target.newer
        zone, there = (newer.zone, newer.moment) if newer else _zone(server, request.backup)
        checks = [
            *preflight.archive_checks(context, request.backup),
            *preflight.script_checks(server, context, request),
            *preflight.server_checks(server, context, request),
        ]
        if not request.confirm:
            checks = [production.still_to_confirm(check, target.system_identifier) for check in checks]
        if rows is None:
            rows = rows_now(context, request.backup, _APPLICATION)
        if newer and rows and rows.database == name:
            target = replace(target, newer=newer.without(rows.grown))
        keeps = target.existing and not request.in_place and not production.is_practice(settings, name)
        made = Plan(
            request,
            next(iter(request.backup.usable), None),
            target,
            now,
            rto(context, request.backup),
            zone,
            there,
            kept_form(name) if keeps else "",
            tuple(checks),
            in_zone(server, request.asked, zone)[1] if request.asked else "",
            rows,
        )
    return replace(made, checks=(*made.checks, _newer_check(made, settings.db_name)))


def target_of(context: Context, server: Connection, name: str, backup: Backup | None = None) -> Target:
    """The database as it is now, and what it holds that ``backup`` has not got. Raises PostgresError."""
    settings, here, existing = context.settings, server_identity(server), databases.describe(server, name)
    return Target(
        name,
        settings.db_host,
        settings.db_port,
        here.system_identifier,
        here.version,
        production.is_production(settings, name),
        existing,
        _newer(context, name, backup) if existing and backup else None,
    )


def look_at(context: Context, name: str, backup: Backup | None = None) -> Target:
    """As ``target_of``, with a connection of its own."""
    with connect(context.server, MAINTENANCE, _APPLICATION) as server:
        return target_of(context, server, name, backup)


def _what_is_replaced(made: Plan, database: str) -> str:
    """What becomes of what is replaced, or what to do. ``database`` is the one that is backed up."""
    if made.request.in_place:
        return _("It is backed up before it is dropped.")
    if made.target.name == database:
        return _("Back it up first: mtn backup full")
    if made.kept:
        return _("It is kept as {name}; mtn undo brings it back.").format(name=made.kept)
    return _("It is a database for trials: what is in it is not kept.")


def _newer_check(made: Plan, database: str) -> Check:
    """Whether something newer than the backup would be replaced, as a check like the others."""
    if made.target.existing is None:
        return Check("newer", Status.OK, _("Nothing is replaced."))
    if made.overwrites:
        return Check("newer", Status.WARN, made.overwrites, _what_is_replaced(made, database))
    if made.target.newer is None or made.target.newer.newest is None:
        text = _("It is not known whether it holds something newer than the backup.")
        return Check("newer", Status.UNKNOWN, text)
    return Check("newer", Status.OK, _("It holds nothing that was created after the backup."))


def _newer(context: Context, target: str, backup: Backup) -> Newer | None:
    try:
        return newer_than(context.server, target, backup.moment, _APPLICATION, context.clock)
    except PostgresError:
        return None  # it takes no connections, say; that it can't be told is a check of its own


def _zone(server: Connection, backup: Backup) -> tuple[str, str]:
    """The time zone that the restored database will have, and the backup's moment in it."""
    own = backup.manifest.properties.settings if backup.manifest else ()
    zones = [
        value for name, _equals, value in (one.partition("=") for one in own) if name.lower() == "timezone"
    ]
    return in_zone(server, backup.moment, zones[0] if zones else "")
