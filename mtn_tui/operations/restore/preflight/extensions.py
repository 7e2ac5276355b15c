"""Checks of a backup's extensions on the server it is to be loaded into, and what leaving one out costs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from psycopg import sql

from mtn_tui.core.errors import MtnError, PostgresError, UsageError
from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.core.identity import Extension
from mtn_tui.core.suggested import command
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.restore.preflight.requirements import Needs, needs_of_backup
from mtn_tui.operations.restore.preflight.server import Site
from mtn_tui.operations.restore.request import Request, arguments
from mtn_tui.postgres.connection import translated
from mtn_tui.postgres.load_without import Without
from mtn_tui.postgres.one_database import KNOWN, named, only_in_one, with_dependents
from mtn_tui.postgres.statement_kind import parts


class InOneDatabase(PostgresError):
    """Some extensions of a backup can't be made in a new database; ``names`` has what to leave out."""

    names: tuple[str, ...] = ()


def available(site: Site) -> Check:
    """Whether every extension of the backup can be made here, in a new database."""
    if site.manifest is None:
        return Check(
            "extensions", Status.UNKNOWN, _("It is not known which extensions a file of the scripts needs.")
        )
    wanted = [one.name for one in site.manifest.extensions if one.name not in site.request.without]
    with translated():
        rows = site.connection.execute("SELECT name FROM pg_available_extensions").fetchall()
    there = {str(name) for (name,) in rows}
    if missing := [name for name in wanted if name not in there]:
        raise PostgresError(
            _("The server lacks the extensions {names}.").format(names=", ".join(missing)),
            _("Install them on the server (postgresql-contrib holds most), then start again.")
            + " "
            + _("Or leave them out: {command}").format(command=_command(site.request, missing)),
        )
    if gone := only_in_one(site.connection, wanted):
        raise _in_one_only(site, gone)
    if dependents := _dependents(site, wanted):
        raise PostgresError(
            _("The extensions {names} require what is left out ({gone}).").format(
                names=", ".join(dependents), gone=", ".join(site.request.without)
            ),
            _("Leave them out as well: {command}").format(command=_command(site.request, dependents)),
        )
    if untrusted := [] if site.we.superuser else _for_superusers(site, wanted):
        raise PostgresError(
            _("Only a superuser may make the extensions {names}, and {user} is none.").format(
                names=", ".join(untrusted), user=site.we.user
            ),
            _("Restore as a superuser (DB_USER)."),
        )
    return Check("extensions", Status.OK, _("All required extensions are available."))


def _dependents(site: Site, wanted: list[str]) -> list[str]:
    found = with_dependents(site.connection, site.request.without, [*wanted, *site.request.without])
    return [name for name in found if name not in site.request.without]


def _for_superusers(site: Site, names: list[str]) -> list[str]:
    """Those that the owner of a database may not make here."""
    trusted = "trusted" if site.here.version_num >= 130000 else "false"
    query = sql.SQL(
        "SELECT v.name FROM pg_available_extension_versions AS v"
        " JOIN pg_available_extensions AS a ON a.name = v.name AND a.default_version = v.version"
        " WHERE v.name = ANY(%s) AND v.superuser AND NOT {} ORDER BY 1"
    ).format(sql.SQL(trusted))  # one of the two above
    with translated():
        return [str(name) for (name,) in site.connection.execute(query, [names]).fetchall()]


def _in_one_only(site: Site, gone: list[str]) -> InOneDatabase:
    """The error of extensions that no new database can have, with the command that does without them."""
    says = []
    for name in gone:
        if name not in KNOWN:
            says.append(_("{name} requires it.").format(name=name))
            continue
        setting = KNOWN[name].setting
        where = named(site.connection, setting)
        setting = f"{setting} = {where}" if where else setting
        text = _(
            "The extension {name} can be in one database of a server only ({setting}), and a restore loads "
            "into a new one."
        )
        says.append(text.format(name=name, setting=setting))
    hint = [
        _("Leave it out: {command}").format(command=_command(site.request, gone)),
        _what_goes(predicted(site, gone)),
        *_by_hand(gone),
    ]
    error = InOneDatabase(" ".join(says), " ".join(hint))
    error.names = tuple(dict.fromkeys([*site.request.without, *gone]))
    return error


def check_names(request: Request) -> None:
    """Raise UsageError if extensions are to be left out that the backup has not got."""
    if request.backup.manifest is None:
        return
    has = [one.name for one in request.backup.manifest.extensions]
    if unknown := [name for name in request.without if name not in has]:
        raise UsageError(
            _("The backup has no extension {names}.").format(names=", ".join(unknown)),
            _("It has: {names}").format(names=", ".join(has) or "—"),
        )


def left_out(site: Site) -> Check:
    """What goes with the extensions that are to be left out."""
    names, manifest = site.request.without, site.manifest
    says = _("Left out, as asked: {names}.").format(names=", ".join(names))
    if manifest is None:
        return Check("left-out", Status.WARN, says, " ".join(_by_hand(names)))
    says += " " + _what_goes(predicted(site, names))
    return Check("left-out", Status.WARN, says, " ".join(_by_hand(names)))


def predicted(site: Site, gone: Collection[str]) -> dict[str, int]:
    """Rows of the tables that go with extensions, as far as the backup tells before it is loaded."""
    if site.manifest is None:
        return {}
    made = site.needs.tables if isinstance(site.needs, Needs) else frozenset[str]()
    return {
        table: rows
        for table, rows in site.manifest.rows().items()
        if table not in made and _is_of(parts(table)[0], gone, site.manifest.extensions)
    }


def _is_of(schema: str, gone: Collection[str], extensions: Iterable[Extension]) -> bool:
    """Whether a table that an extension made in ``schema`` belongs to one in ``gone``."""
    of_known = [name for name, one in KNOWN.items() if schema in one.schemas]
    if of_known:
        return any(name in gone for name in of_known)
    kept = {one.schema for one in extensions if one.name not in gone}
    return schema not in kept and any(name not in KNOWN for name in gone)


def absent_from(context: Context, backup: Backup, has: Collection[str]) -> tuple[list[str], list[str]]:
    """The backup's extensions that a database lacks which ``has`` others, and tables that may be theirs."""
    manifest = backup.manifest
    lacks = [one.name for one in manifest.extensions if one.name not in has] if manifest else []
    if manifest is None or not lacks:
        return [], []
    needs = needs_of_backup(backup, context.key)
    if isinstance(needs, MtnError):
        return lacks, []
    return lacks, [table for table in manifest.rows() if table not in needs.tables]


def facts(request: Request, without: Without) -> dict[str, object]:
    """For the journal and ``--json``; empty if nothing was to be left out."""
    if not request.without:
        return {}
    return {
        "extensions": list(request.without),
        "rows": _rows(request, without),
        "statements": sorted(without.statements),
    }


def tell(job: Job, request: Request, without: Without) -> None:
    """Warn of what was left out."""
    job.warn("left-out", " ".join(told(facts(request, without))))


def told(found: Mapping[str, object]) -> list[str]:
    """What was left out, in sentences, from ``facts``."""
    names, rows = [str(one) for one in _list(found["extensions"])], found["rows"]
    assert isinstance(rows, dict)  # noqa: S101 - as ``facts`` makes it
    says = _("Left out, as asked: {names}.").format(names=", ".join(names))
    return [says, _what_goes(rows), *_by_hand(names)]


def _list(found: object) -> list[object]:
    return list(found) if isinstance(found, list | tuple) else []


def _rows(request: Request, without: Without) -> dict[str, int | None]:
    manifest = request.backup.manifest
    counted: Mapping[str, int] = manifest.rows() if manifest else {}
    return {table: counted.get(table) for table in sorted(without.tables)}


def _what_goes(rows: Mapping[str, int | None]) -> str:
    if not rows:
        return _("No rows of its own go with it.")
    named_rows = [
        table
        if count is None
        else ngettext("{table} ({rows:,} row)", "{table} ({rows:,} rows)", count).format(
            table=table, rows=Figure(count)
        )
        for table, count in rows.items()
    ]
    return _("Its own rows go with it: {tables}.").format(tables=", ".join(named_rows))


def _by_hand(names: Iterable[str]) -> list[str]:
    """How to make the extensions by hand, where that is possible."""
    said = []
    for name in names:
        identifier = sql.Identifier(name).as_string(None) if not name.isidentifier() else name
        if name in KNOWN:
            text = _("By hand, in the database that {setting} names: CREATE EXTENSION {name};")
            said.append(text.format(setting=KNOWN[name].setting, name=identifier))
            said.append(KNOWN[name].again())
        else:
            said.append(_("By hand, once it is available: CREATE EXTENSION {name};").format(name=identifier))
    return [one for one in said if one]


def _command(request: Request, gone: Iterable[str]) -> str:
    """The command for the same restore without them; a confirmation has to be typed again."""
    without = tuple(dict.fromkeys([*request.without, *gone]))
    again = replace(request, without=without, confirm="", fall_back=False)
    return command(*arguments(again))
