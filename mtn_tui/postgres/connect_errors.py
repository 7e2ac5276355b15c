"""Explains failed connections, by the message of the server or libpq.

libpq reports no SQLSTATE for a failed connection, and before login the server
uses its own language (``lc_messages``). So messages are matched in English and
Spanish (PostgreSQL's es.po), and those of poolers. If TLS is tried first and
clear text after it, one text has both refusals; the kinds are in order of
precedence for such a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from mtn_tui.core.errors import NoSlots, PostgresError, ServerLost
from mtn_tui.core.i18n import _
from mtn_tui.postgres import no_answer
from mtn_tui.postgres.their_words import reported, server_said


@dataclass(frozen=True)
class Attempt:
    """A connection that failed."""

    where: str
    """``host:port``."""
    user: str
    database: str
    words: str
    """The message, on one line, secrets masked."""


@dataclass(frozen=True)
class _Kind:
    name: str
    words: re.Pattern[str]
    explain: Callable[[Attempt], PostgresError]


def explain(attempt: Attempt) -> PostgresError:
    """Return the error to raise, with a specific hint; ServerLost if trying again can help."""
    return _found(attempt.words).explain(attempt)


def kind_of(words: str) -> str:
    """Return the name of the kind of message; ``silent`` if it is unknown."""
    return _found(words).name


_NAMES = re.compile(r"\"[^\"]*\"|«[^»]*»")
"""Quoted names, which may contain any of the words that are matched."""


def _found(words: str) -> _Kind:
    own = _NAMES.sub('""', words)
    return next((kind for kind in _KINDS if kind.words.search(own)), _SILENT)


def _certificate_wanted(at: Attempt) -> PostgresError:
    ours = _("PostgreSQL at {where} wants a client certificate of {user}.").format(
        where=at.where, user=at.user
    )
    return PostgresError(
        f"{ours} {reported(at.words)}",
        _(
            "Name it by PGSSLCERT and PGSSLKEY (~/.postgresql/postgresql.crt and .key), "
            "its key with mode 600."
        ),
    )


def _server_not_trusted(at: Attempt) -> PostgresError:
    ours = _("The certificate of PostgreSQL at {where} can't be trusted.").format(where=at.where)
    return PostgresError(
        f"{ours} {reported(at.words)}",
        _("Name its authority's certificate by PGSSLROOTCERT, and connect by the name that stands in it."),
    )


def _no_tls(at: Attempt) -> PostgresError:
    ours = _("TLS is asked for (PGSSLMODE), and PostgreSQL at {where} has none.").format(where=at.where)
    return PostgresError(
        f"{ours} {reported(at.words)}",
        _("Turn it on there (ssl = on), or leave PGSSLMODE at prefer where the network can be trusted."),
    )


def _refused(at: Attempt) -> PostgresError:
    ours = _("PostgreSQL at {where} refuses the user {user}.").format(where=at.where, user=at.user)
    return PostgresError(
        f"{ours} {server_said(at.words)}", _("Correct DB_USER and DB_PASSWORD in backup.conf."), "8.3"
    )


def _no_slot(at: Attempt) -> PostgresError:
    ours = _("PostgreSQL at {where} runs, and all its connections are in use.").format(where=at.where)
    return NoSlots(
        f"{ours} {server_said(at.words)}",
        _(
            "See in pg_stat_activity who holds them, and end what is idle. "
            "A superuser may still get in; max_connections and the limits of roles and databases "
            "can be raised."
        ),
    )


NO_DATABASE = "3D000"
"""SQLSTATE of a database that is not there."""


def database_missing(at: Attempt) -> PostgresError:
    """Return the error for a database that does not exist on a reachable server."""
    error = PostgresError(
        _("The database {database} does not exist on {where}.").format(database=at.database, where=at.where),
        _("Compare DB_NAME in backup.conf with the list that psql -l prints."),
    )
    error.sqlstate = NO_DATABASE
    return error


def _database_forbidden(at: Attempt) -> PostgresError:
    ours = _("{user} may not connect to the database {database} at {where}.").format(
        user=at.user, database=at.database, where=at.where
    )
    return PostgresError(
        f"{ours} {server_said(at.words)}", _("As its owner or a superuser: GRANT CONNECT ON DATABASE … TO …")
    )


def _database_closed(at: Attempt) -> PostgresError:
    ours = _("The database {database} at {where} takes no connections.").format(
        database=at.database, where=at.where
    )
    return PostgresError(
        f"{ours} {server_said(at.words)}",
        _("It was closed to connections. As a superuser: ALTER DATABASE … ALLOW_CONNECTIONS true"),
    )


def _database_invalid(at: Attempt) -> PostgresError:
    ours = _("The database {database} at {where} is invalid: somebody began to drop it.").format(
        database=at.database, where=at.where
    )
    return PostgresError(
        f"{ours} {server_said(at.words)}",
        _("Nothing in it can be read any more. Restore a backup under its name: mtn restore --help"),
    )


def _not_ready(at: Attempt) -> PostgresError:
    ours = _("PostgreSQL at {where} is starting or stopping.").format(where=at.where)
    return ServerLost(
        f"{ours} {server_said(at.words)}",
        _("Wait a moment and try again. The server's log tells how far it is."),
    )


def _tls_wanted(at: Attempt) -> PostgresError:
    ours = _("PostgreSQL at {where} lets {user} in by TLS only, or not at all from here.").format(
        where=at.where, user=at.user
    )
    return PostgresError(
        f"{ours} {server_said(at.words)}",
        _(
            "Let TLS be used: PGSSLMODE=prefer or stricter here, ssl = on there. "
            "Or have a line for this machine put into the server's pg_hba.conf."
        ),
    )


def _no_line(at: Attempt) -> PostgresError:
    ours = _("pg_hba.conf of PostgreSQL at {where} has no line that lets {user} in from here.").format(
        where=at.where, user=at.user
    )
    return PostgresError(
        f"{ours} {server_said(at.words)}",
        _("Add a line for this address, user and database there, then: SELECT pg_reload_conf()"),
    )


def _silent(at: Attempt) -> PostgresError:
    why = no_answer.why(at.words)
    ours = _("PostgreSQL at {where} does not answer.").format(where=at.where)
    if why:
        ours = _("PostgreSQL at {where} does not answer: {why}.").format(where=at.where, why=why)
    return ServerLost(
        f"{ours} {reported(at.words)}",
        _("See whether it runs (systemctl status postgresql), and DB_HOST and DB_PORT in backup.conf."),
        "7.3",
    )


def _kind(name: str, words: str, explain: Callable[[Attempt], PostgresError]) -> _Kind:
    return _Kind(name, re.compile(words, re.IGNORECASE), explain)


_SILENT = _kind("silent", "", _silent)

_KINDS = (
    _kind(
        "certificate-wanted",
        r"requires a valid client certificate|certificado de cliente válido"
        r"|certificate required|certificate authentication failed|autentificación por certificado"
        r"|private key file .* (?:group or world access|does not exist)"
        r"|could not (?:load|read) (?:private key|certificate)|but not private key file"
        r"|alert (?:unknown ca|bad certificate|certificate (?:expired|revoked|unknown))",
        _certificate_wanted,
    ),
    _kind(
        "server-not-trusted",
        r"certificate verify failed|root certificate file|does not match host name|no coincide con el nombre"
        r"|certificado raíz",
        _server_not_trusted,
    ),
    _kind(
        "no-tls",
        r"server does not support SSL, but SSL was required|el servidor no soporta SSL",
        _no_tls,
    ),
    _kind(
        "refused",
        r"authentication failed for user|autentificación .* falló"
        r"|no password supplied|no se ha proporcionado una contraseña"
        r"|SASL authentication failed|no such user|user not found|no credentials for the role"
        r"|role .+ does not exist|no existe el rol|not permitted to log in|no se le permite conectarse",
        _refused,
    ),
    _kind(
        "no-slot",
        r"too many clients already|demasiados clientes|connection slots are reserved"
        r"|conexiones restantes están reservadas|too many connections for|demasiadas conexiones para"
        r"|no more connections allowed|max_client_conn|query_wait_timeout|too many connections"
        r"|max clients reached",
        _no_slot,
    ),
    _kind(
        "database-missing",
        r"database .+ does not exist|no existe la base de datos|no such database",
        database_missing,
    ),
    _kind(
        "database-forbidden",
        r"permission denied for database|permiso denegado a la base de datos",
        _database_forbidden,
    ),
    _kind(
        "database-closed",
        r"not currently accepting connections|no acepta conexiones",
        _database_closed,
    ),
    _kind(
        "database-invalid",
        r"connect to invalid database|base de datos (?:no válida|inválida)",
        _database_invalid,
    ),
    _kind(
        "not-ready",
        r"database system is (?:starting up|shutting down|in recovery mode|not (?:yet )?accepting)"
        r"|sistema de bases? de datos (?:está (?:inici|apag|en modo)|(?:aún )?no está aceptando)",
        _not_ready,
    ),
    # Only clear text was refused: TLS was not tried, or the message does not mention it.
    _kind(
        "tls-wanted",
        r"\A(?!.*(?:SSL encryption|cifrado SSL|SSL on)).*pg_hba\.conf.*(?:no encryption|sin cifrado|SSL off)"
        r"|SSL (?:connection is )?required",
        _tls_wanted,
    ),
    _kind("no-line", r"pg_hba\.conf", _no_line),
)
