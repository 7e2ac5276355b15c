"""What a backup's script will ask of a server, read from its parts that hold no rows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from mtn_tui.archive import statements
from mtn_tui.archive.keys import Key
from mtn_tui.archive.sections import Part
from mtn_tui.archive.statements import Statement
from mtn_tui.core.errors import ArchiveError, MtnError, PostgresError, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.operations.inventory.model import Backup, Copy
from mtn_tui.operations.restore.preflight.privileged import is_for_superusers, set_by_a_routine
from mtn_tui.operations.verify.read_through import archive_of
from mtn_tui.postgres.statement_kind import kind_of, unquoted

_SET = re.compile(rb"SET (?:SESSION |LOCAL )?([\w.]+)\s*(?:=|TO)\s*(.*)\Z", re.IGNORECASE | re.DOTALL)
_OWNER = re.compile(rb'ALTER [A-Z ]+ .* OWNER TO ("(?:[^"]|"")+"|[\w$\x80-\xff]+)\Z', re.DOTALL)
_LABEL = re.compile(rb'SECURITY LABEL FOR ("(?:[^"]|"")+"|\'(?:[^\']|\'\')+\'|[\w$\x80-\xff]+) ')
_TABLE = re.compile(
    rb'CREATE (?:UNLOGGED |FOREIGN )?TABLE ((?:"(?:[^"]|"")+"|[^\s".]+)\.(?:"(?:[^"]|"")+"|[^\s".]+)) '
)
_SUBSCRIPTION = re.compile(rb"CREATE SUBSCRIPTION ")
_SYSTEM_GRANT = re.compile(rb"(?:GRANT|REVOKE) .* ON (?:[A-Z]+ )?pg_catalog\.", re.DOTALL)


@dataclass(frozen=True)
class Needs:
    """What a script asks of a server."""

    settings: tuple[str, ...]
    """Parameters that it sets."""
    tablespaces: tuple[str, ...]
    owners: tuple[str, ...]
    """Roles that it hands things over to."""
    for_superusers: tuple[str, ...] = ()
    """Kind and object of each statement that only a superuser may execute."""
    subscriptions: tuple[str, ...] = ()
    """The same of each subscription."""
    routine_settings: tuple[str, ...] = ()
    """Parameters that its functions set while they run."""
    label_providers: tuple[str, ...] = ()
    """What its security labels are for."""
    system_grants: tuple[str, ...] = ()
    """Changes of rights on PostgreSQL's own objects."""
    tables: frozenset[str] = frozenset()
    """Tables that it makes, as pg_dump names them; others that it fills are those of extensions."""


def needs_of_backup(backup: Backup, key: Key) -> Needs | MtnError:
    """What the backup's script asks for, of a chain the full's, or the error that kept it from being read."""
    copy = next((one for one in backup.chain[0].usable if one.manifest), None)
    if copy is None:
        return PostgresError(_("It is not known what a file of the scripts needs until it is loaded."))
    try:
        return read_needs(copy, key)
    except (ArchiveError, StorageError) as error:
        return error


def read_needs(copy: Copy, key: Key) -> Needs:
    """Read them from a copy that has a manifest. Raises ArchiveError or StorageError."""
    archive = archive_of(copy, key)
    parts = [one for one in archive.manifest.sections if one.part in (Part.PRE_DATA, Part.POST_DATA)]
    return needs_of(chain.from_iterable(archive.sql(section) for section in parts))


def needs_of(script: Iterable[bytes]) -> Needs:
    """Read what a script asks for. Raises Truncated if it ends too early."""
    settings: dict[str, None] = {}
    tablespaces: dict[str, None] = {}
    owners: dict[str, None] = {}
    for_superusers: dict[str, None] = {}
    subscriptions: dict[str, None] = {}
    routine_settings: dict[str, None] = {}
    providers: dict[str, None] = {}
    system_grants: dict[str, None] = {}
    tables: set[str] = set()
    for event in statements.read(script):
        if not isinstance(event, Statement):
            continue
        if match := _SET.match(event.sql):
            name = match[1].decode(errors="replace").lower()
            settings[name] = None
            place = unquoted(match[2])
            if name == "default_tablespace" and place:
                tablespaces[place] = None
        elif match := _TABLE.match(event.sql):
            tables.add(match[1].decode(errors="surrogateescape"))
        elif match := _OWNER.match(event.sql):
            owners[unquoted(match[1])] = None
        elif is_for_superusers(event.sql):
            for_superusers[kind_of(event.sql)] = None
        elif _SUBSCRIPTION.match(event.sql):
            subscriptions[kind_of(event.sql)] = None
        elif match := _LABEL.match(event.sql):
            providers[unquoted(match[1])] = None
        elif _SYSTEM_GRANT.match(event.sql):
            system_grants[kind_of(event.sql)] = None
        else:
            routine_settings.update(dict.fromkeys(set_by_a_routine(event.sql)))
    return Needs(
        tuple(settings),
        tuple(tablespaces),
        tuple(owners),
        tuple(for_superusers),
        tuple(subscriptions),
        tuple(routine_settings),
        tuple(providers),
        tuple(system_grants),
        frozenset(tables),
    )
