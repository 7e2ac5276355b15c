"""Reads and loads scripts that nothing signs.

All of a script is read before anything is made: what pg_dump does not write for
one database is refused with its line. It is then loaded by a login that owns
the new database and may do nothing else, so that no function, trigger or
default of the script can. Owners, rights and extensions are the operator's to
give: from statements that were read, on a connection that was opened before
the script's first statement, and that runs nothing of the script's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain

from mtn_tui.archive import legacy, mark, statements
from mtn_tui.archive.allowed import Allowed, event_trigger, shown, shown_command
from mtn_tui.archive.allowed_patterns import Way
from mtn_tui.archive.keys import Key
from mtn_tui.archive.rows import CopyDone, CopyRows
from mtn_tui.archive.statements import CopyIn, Event, PsqlCommand, Statement
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import NotABackup, PostgresError, Refused
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.inventory.model import Copy
from mtn_tui.operations.restore.one_of_several import how_to_take_one
from mtn_tui.operations.restore.script_rows import ScriptRows
from mtn_tui.operations.verify.read_through import Counted
from mtn_tui.postgres import catalog_rights, logins
from mtn_tui.postgres import roles as server_roles
from mtn_tui.postgres.connection import Connection
from mtn_tui.postgres.load import LoadConnection
from mtn_tui.postgres.server import Server

AS_OPERATOR = "--as-operator"

_DATABASES = re.compile(
    rb"(?:CREATE|DROP|ALTER)\s+(?:DATABASE|ROLE|TABLESPACE)\b|GRANT\s.*ON\s+DATABASE\b"
    rb"|SET\s+default_transaction_read_only\b|\\c",
    re.IGNORECASE | re.DOTALL,
)
_ROLE = re.compile(
    rb'(?: OWNER (TO)| (?:TO|FROM)(?: GROUP)?| FOR ROLE) ("(?:[^"]|"")+"|[\w$\x80-\xff]+)'
    rb"(?=\Z| WITH GRANT OPTION\Z| CASCADE\Z| RESTRICT\Z| IN SCHEMA | GRANT | REVOKE )"
)
_READ_UNDER = re.compile(
    rb"SET (search_path|client_encoding|standard_conforming_strings)\b|SELECT pg_catalog\.set_config\(",
    re.IGNORECASE,
)
_OURS = {
    b"client_encoding": b"SET client_encoding = 'UTF8'",
    b"standard_conforming_strings": b"SET standard_conforming_strings = on",
    b"search_path": b"SELECT pg_catalog.set_config('search_path', '', false)",
}
_UNDER_OURS = tuple(_OURS.values())
"""The settings that the operator's own statements are made for."""


@dataclass(frozen=True)
class Named:
    """Roles that a script names."""

    owners: set[str]
    others: set[str]
    """Roles that get rights on what is there."""

    def add(self, statement: bytes, encoding: str) -> None:
        """Add the roles that a statement names."""
        for match in _ROLE.finditer(statement):
            name = match[2].decode(encoding, errors="surrogateescape")
            plain = name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
            (self.owners if match[1] else self.others).add(plain)


def examine(
    copy: Copy,
    key: Key | None,
    database: str,
    *,
    as_operator: bool,
    token: CancelToken,
    advance: Callable[[int], None],
) -> Named:
    """Read all of an unsigned copy: its own checksums, and every statement; return the roles it names.

    ``database`` is the one that a hint is for where the file holds several.
    Raises the ArchiveError that says what is wrong, with the line; Refused
    if only ``as_operator`` could load it.
    """
    with copy.store.open(copy.key) as stream:
        pieces = _until_cancelled(legacy.sql(Counted(stream, advance), key), token)
        events = statements.numbered(pieces)
        allowed, superuser, named = Allowed(), None, Named(set(), set())
        for event in events:
            way = _way(allowed, event)
            if way is Way.NOT:
                error = _refused(allowed, event, events, copy, database)
                for _piece in pieces:
                    pass  # to the end: if its bytes were changed, that is raised instead
                raise error
            if way is Way.SUPERUSER and superuser is None and isinstance(event, Statement):
                superuser = event
            if way in (Way.ROLES, Way.EVENTS) and isinstance(event, Statement):
                named.add(event.sql, allowed.encoding)
        if allowed.of_rows_only:
            raise NotABackup(
                _("The script fills tables and makes none: it holds a part of a database only."),
                _("It is of pg_dump --data-only or --section. Restore a dump that was made without these."),
            )
        if superuser is not None and not as_operator:
            raise _needs_a_superuser(superuser)
        return named


def check_roles(server: Connection, named: Named, *, no_owner: bool) -> None:
    """Raise PostgresError if roles that a script names are missing, or can't be given what is theirs."""
    if no_owner:
        return
    missing = sorted((named.owners | named.others) - server_roles.roles_there(server) - {"public"})
    if missing:
        raise PostgresError(
            ngettext(
                "The server has no role {names}, which the backup names.",
                "The server has no roles {names}, which the backup names.",
                len(missing),
            ).format(names=", ".join(missing)),
            _("Create them by hand, or do without them: --no-owner"),
        )
    we = server_roles.rights(server)
    owners = sorted(named.owners - {"pg_database_owner"})  # whoever owns the database acts for it
    if not we.superuser and (foreign := server_roles.not_ours(server, owners)):
        raise PostgresError(
            _("{user}, who is no superuser, can't give to {names} what is theirs in the backup.").format(
                user=we.user, names=", ".join(foreign)
            ),
            _("Restore as a superuser (DB_USER). Or let all of it be yours: --no-owner"),
        )


def _until_cancelled(pieces: Iterable[bytes], token: CancelToken) -> Iterator[bytes]:
    for piece in pieces:
        token.check()
        yield piece


def _way(allowed: Allowed, event: Event) -> Way:
    match event:
        case Statement():
            return allowed.statement(event.sql)
        case CopyIn():
            return allowed.copy(event.sql)
        case PsqlCommand():
            return allowed.psql(event.line)
    return Way.LOAD


def _told_apart(events: Iterable[Event], as_operator: bool) -> Iterator[tuple[Way, Event]]:
    """Yield each event and its way. Raises if it is refused: the file may have changed by now."""
    allowed = Allowed()
    for event in events:
        way = _way(allowed, event)
        if way is Way.NOT:
            raise _not_pg_dumps(event)
        if way is Way.SUPERUSER and not as_operator and isinstance(event, Statement):
            raise _needs_a_superuser(event)
        yield way, event


def _refused(allowed: Allowed, event: Event, rest: Iterator[Event], copy: Copy, database: str) -> NotABackup:
    error = _not_pg_dumps(event)
    text = event.line if isinstance(event, PsqlCommand) else getattr(event, "sql", b"")
    if _DATABASES.match(text):
        error.hint = how_to_take_one(chain([event], rest), copy, database) or error.hint
    elif allowed.as_another and isinstance(event, Statement | CopyIn):
        return NotABackup(
            _(
                "Line {line}: {statement} would run as another role, as pg_dump writes it with "
                "--use-set-session-authorization. Such a script is not loaded."
            ).format(line=event.line, statement=shown(event.sql)),
            _(
                "Nothing was executed. Have it dumped again without --use-set-session-authorization: it then "
                "says who owns what by ALTER … OWNER TO."
            ),
        )
    return error


def _not_pg_dumps(event: Event) -> NotABackup:
    if isinstance(event, PsqlCommand):
        return NotABackup(
            _("Line {line}: the script holds a psql command, which is never run: {command}").format(
                line=event.number, command=shown_command(event.line)
            ),
            _("Nothing was executed. Take such lines out if you know why they are there."),
        )
    assert isinstance(event, Statement | CopyIn)  # noqa: S101 - rows are never refused
    return NotABackup(
        _("Line {line}: the script holds what pg_dump does not write for one database: {statement}").format(
            line=event.line, statement=shown(event.sql)
        ),
        _("Nothing was executed. Find out where the file comes from before anything else."),
    )


def _needs_a_superuser(statement: Statement) -> Refused:
    return Refused(
        _("Line {line}: {statement} takes more rights than a login that only loads has.").format(
            line=statement.line, statement=shown(statement.sql)
        ),
        _(
            "If you know where the file comes from: --as-operator (its functions then run with the rights "
            "of DB_USER)."
        ),
    )


@dataclass
class _Waiting:
    """What the operator's connection runs once all is loaded, and the settings that it is read under."""

    roles: list[tuple[tuple[bytes, ...], bytes]] = field(default_factory=list)
    """Each with the settings that it was read under."""
    events: list[tuple[tuple[bytes, ...], bytes]] = field(default_factory=list)
    mark: bytes = b""
    """The statement that writes our backup's id into the database's comment."""
    _settings: dict[bytes, bytes] = field(default_factory=lambda: dict(_OURS))

    def note(self, statement: bytes) -> None:
        """Keep a statement of the script that says how those after it are read."""
        if match := _READ_UNDER.match(statement):
            self._settings[(match[1] or b"search_path").lower()] = statement

    @property
    def under(self) -> tuple[bytes, ...]:
        """The present settings."""
        return tuple(self._settings.values())


@dataclass(frozen=True)
class Loading:
    """Where and how one script is loaded."""

    server: Connection
    """To the maintenance database."""
    database: str
    job: str
    open: Callable[[Server | None], LoadConnection]
    """Opens a connection into ``database``: as that login; None: as the operator."""
    login: Server
    """The operator's."""
    warn: Callable[[str, str], None]
    token: CancelToken
    loaded: Callable[[ScriptRows, LoadConnection], None]
    """Called once all is loaded, with the connection that has loaded it."""

    def by_operator(self, pieces: Iterable[bytes]) -> None:
        """Load as the operator: every statement where it stands, with all of the operator's rights."""
        with closing(self.open(None)) as connection, self.token.calling(connection.cancel):
            events = _told_apart(statements.numbered(_until_cancelled(pieces, self.token)), True)
            rows = ScriptRows()
            for way, event in events:
                if way is Way.LEFT_OUT:
                    self._tell_left_out(event)
                elif way is not Way.CLEAN:
                    _execute(event, events, connection, rows)
            self.loaded(rows, connection)

    def by_its_own_login(self, pieces: Iterable[bytes]) -> None:
        """Load by a login made for it. Raises PostgresError if the server lets none be made."""
        # Opened before anything of the script is there, so that none of its settings or functions apply.
        with closing(self.open(None)) as operator:
            operator.under(_UNDER_OURS)
            login = logins.make(self.server, self.login, self.database, self.job)
            waiting = _Waiting()
            with closing(self._logged_in(login)) as loader, self.token.calling(loader.cancel):
                self._load(pieces, loader, operator, waiting, login.user)
            logins.end(self.server, self.database, login.user)
            self.token.check()
            with self.token.calling(operator.cancel):
                self._give_away(operator, waiting, login.user)
        logins.drop(self.server, self.job)

    def _logged_in(self, login: Server) -> LoadConnection:
        """The one connection that the login may have."""
        try:
            return self.open(login)
        except PostgresError as error:
            raise logins.no_login(error.title) from error

    def _load(
        self,
        pieces: Iterable[bytes],
        loader: LoadConnection,
        operator: LoadConnection,
        waiting: _Waiting,
        login: str,
    ) -> None:
        events = _told_apart(statements.numbered(_until_cancelled(pieces, self.token)), False)
        rows = ScriptRows()
        for way, event in events:
            if way is Way.LOAD:
                if isinstance(event, Statement):
                    waiting.note(event.sql)
                    if mark.is_one(event.sql):
                        waiting.mark = event.sql
                        continue
                _execute(event, events, loader, rows)
            elif isinstance(event, Statement):
                match way:
                    case Way.EXTENSION:
                        _as_read(operator, waiting.under, event.sql)
                        operator.under(_UNDER_OURS)
                        for (grant,) in operator.rows(logins.fillable(login)):
                            operator.execute(str(grant).encode())
                    case Way.TRIGGERS:
                        _as_read(operator, waiting.under, event.sql)
                    case Way.ROLES:
                        waiting.roles.append((waiting.under, event.sql))
                    case Way.EVENTS:
                        waiting.events.append((waiting.under, event.sql))
                    case Way.LEFT_OUT:
                        self._tell_left_out(event)
        self.loaded(rows, loader)  # by this login: what counting runs of the script may do nothing else

    def _give_away(self, operator: LoadConnection, waiting: _Waiting, login: str) -> None:
        operator.under(_UNDER_OURS)
        before = catalog_rights.look(operator)
        for settings, statement in waiting.roles:
            _as_read(operator, settings, statement)
        operator.under(_UNDER_OURS)
        if waiting.mark:
            operator.execute_one(waiting.mark)
        for statement in logins.taken_over(login):
            operator.execute(statement)
        for given, statement in catalog_rights.given_since(before, catalog_rights.look(operator)):
            operator.execute(statement)
            text = _(
                "A right that the server keeps from ordinary users was not given. If it is meant: {given}"
            )
            self.warn("kept-from-users", text.format(given=given))
        # Last of all: later statements would fire them, and run the script's functions as the operator.
        for settings, statement in waiting.events:
            self._make_event(operator, settings, statement)

    def _make_event(self, operator: LoadConnection, settings: tuple[bytes, ...], statement: bytes) -> None:
        name = event_trigger(statement)
        if name is None:
            _as_read(operator, settings, statement)
            return
        operator.under(settings)
        operator.execute(b"BEGIN")
        operator.execute_one(statement)
        operator.execute(b"ALTER EVENT TRIGGER %b DISABLE" % name)
        operator.execute(b"COMMIT")
        text = _(
            "The event trigger {name} exists, disabled: it would run for whoever changes "
            "anything. Once its function was looked at: ALTER EVENT TRIGGER {name} ENABLE"
        )
        self.warn("event-trigger-off", text.format(name=name.decode(errors="replace")))

    def _tell_left_out(self, event: Event) -> None:
        if isinstance(event, Statement):
            text = _("Left out, for it is about another database: line {line}, {statement}")
            self.warn("left-out", text.format(line=event.line, statement=shown(event.sql)))


def _as_read(connection: LoadConnection, settings: tuple[bytes, ...], statement: bytes) -> None:
    """Execute one statement of the script under the settings that it stands under."""
    connection.under(settings)
    connection.execute_one(statement)


def _execute(
    event: Event, rest: Iterator[tuple[Way, Event]], connection: LoadConnection, rows: ScriptRows
) -> None:
    """Execute one event; a COPY with all its rows."""
    if isinstance(event, Statement):
        connection.execute_one(event.sql)
        rows.executed(event.sql, connection)
    elif isinstance(event, CopyIn):
        count = 0
        with connection.copy(event.sql) as write:
            for _way_of_rows, row in rest:
                if isinstance(row, CopyDone):
                    break
                assert isinstance(row, CopyRows)  # noqa: S101 - nothing else stands there
                write(row.data)
                count += row.data.count(b"\n")
        rows.copied(event.sql, count, connection)
