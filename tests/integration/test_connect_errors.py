"""Why no connection came about: each cause has its own words and its own fix, on real servers and poolers."""

from __future__ import annotations

import gettext
import subprocess
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from mtn_tui.core import i18n
from mtn_tui.core.errors import PostgresError, ServerLost
from mtn_tui.postgres.connect_errors import Attempt, explain, kind_of
from mtn_tui.postgres.connection import connect, translated
from mtn_tui.postgres.identity import database_properties
from mtn_tui.postgres.server import Server

ENGLISH = {
    "sorry, too many clients already": "no-slot",
    "remaining connection slots are reserved for non-replication superuser connections": "no-slot",
    'too many connections for role "{}"': "no-slot",
    'too many connections for database "{}"': "no-slot",
    'no pg_hba.conf entry for host "10.0.0.7", user "{}", database "x", SSL encryption': "no-line",
    'no pg_hba.conf entry for host "10.0.0.7", user "{}", database "x", no encryption': "tls-wanted",
    'pg_hba.conf rejects connection for host "10.0.0.7", user "{}", database "x", SSL encryption': "no-line",
    "connection requires a valid client certificate": "certificate-wanted",
    'certificate authentication failed for user "{}"': "certificate-wanted",
    'permission denied for database "{}"': "database-forbidden",
    'database "{}" is not currently accepting connections': "database-closed",
    'database "{}" does not exist': "database-missing",
    'cannot connect to invalid database "{}"': "database-invalid",
    "the database system is starting up": "not-ready",
    "the database system is shutting down": "not-ready",
    "the database system is in recovery mode": "not-ready",
    "the database system is not accepting connections": "not-ready",
    "the database system is not yet accepting connections": "not-ready",
    'password authentication failed for user "{}"': "refused",
    'Peer authentication failed for user "{}"': "refused",
    'role "{}" does not exist': "refused",
    'role "{}" is not permitted to log in': "refused",
    # PostgreSQL 16 and newer
    "remaining connection slots are reserved for roles with the SUPERUSER attribute": "no-slot",
    # libpq itself
    "server does not support SSL, but SSL was required": "no-tls",
    "SSL error: certificate verify failed": "server-not-trusted",
    'root certificate file "/root/.postgresql/root.crt" does not exist': "server-not-trusted",
    'server certificate for "db" does not match host name "10.0.0.7"': "server-not-trusted",
    "SSL error: tlsv13 alert certificate required": "certificate-wanted",
    "SSL error: tlsv1 alert unknown ca": "certificate-wanted",
    "SSL error: sslv3 alert certificate expired": "certificate-wanted",
    'certificate present, but not private key file "/root/.postgresql/postgresql.key"': "certificate-wanted",
    'could not read certificate file "/root/.postgresql/postgresql.crt": no start line': "certificate-wanted",
    "Connection refused Is the server running on that host and accepting TCP/IP connections?": "silent",
    'could not translate host name "db" to address: Name or service not known': "silent",
    # pgbouncer
    "no more connections allowed (max_client_conn)": "no-slot",
    "query_wait_timeout": "no-slot",
    "SASL authentication failed": "refused",
    "no such user: {}": "refused",
    "SSL required": "tls-wanted",
    # Supavisor, the proxies of RDS and Azure
    "MaxClientsInSessionMode: max clients reached": "no-slot",
    "Tenant or user not found": "refused",
    "This RDS proxy has no credentials for the role {}": "refused",
    "SSL connection is required. Please specify SSL options and retry.": "tls-wanted",
    "no such database: {}": "database-missing",
}
SPANISH = {
    "lo siento, ya tenemos demasiados clientes": "no-slot",
    "las conexiones restantes están reservadas a superusuarios y no de replicación": "no-slot",
    "demasiadas conexiones para el rol «x»": "no-slot",
    "demasiadas conexiones para la base de datos «x»": "no-slot",
    "no hay una línea en pg_hba.conf para «h», usuario «x», base de datos «y», cifrado SSL": "no-line",
    "no hay una línea en pg_hba.conf para «h», usuario «x», base de datos «y», sin cifrado": "tls-wanted",
    "la conexión requiere un certificado de cliente válido": "certificate-wanted",
    "la autentificación por certificado falló para el usuario «x»": "certificate-wanted",
    "permiso denegado a la base de datos «x»": "database-forbidden",
    "la base de datos «x» no acepta conexiones": "database-closed",
    "no existe la base de datos «x»": "database-missing",
    "no se puede conectar a la base de datos no válida «x»": "database-invalid",
    "el sistema de base de datos está iniciándose": "not-ready",
    "el sistema de base de datos está apagándose": "not-ready",
    "el sistema de bases de datos no está aceptando conexiones": "not-ready",
    "la autentificación password falló para el usuario «x»": "refused",
    "no existe el rol «x»": "refused",
    "al rol «x» no se le permite conectarse": "refused",
}


@pytest.mark.parametrize("words", [*ENGLISH, *SPANISH])
def test_each_refusal_is_told_apart_and_has_a_fix_of_its_own(words):
    said = f'connection to server at "10.0.0.7", port 5432 failed: FATAL: {words.format("x")}'
    kind = {**ENGLISH, **SPANISH}[words]
    assert kind_of(said) == kind
    error = explain(Attempt("10.0.0.7:5432", "u", "d", said))
    assert error.hint
    assert isinstance(error, ServerLost) is (kind in ("silent", "no-slot", "not-ready"))


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("words", [*ENGLISH, *SPANISH, "something in another tongue"])
def test_our_own_words_lead_and_the_servers_follow_marked_as_what_it_said(words, language):
    i18n.use(language)
    said = f'connection to server at "10.0.0.7", port 5432 failed: FATAL: {words.format("x")}'
    title = explain(Attempt("db:5432", "ana", "school", said)).title
    marks = [i18n._("The server said: {words}"), i18n._("Original message: {words}")]
    ours, _mark, theirs = next(
        (title.partition(" " + mark.format(words="")) for mark in marks if mark.format(words="") in title),
        (title, "", said if kind_of(said) == "database-missing" else ""),
    )
    assert ours.endswith(".")
    assert "db:5432" in ours
    assert "FATAL" not in ours
    assert theirs == said


NO_ANSWER = {
    'connection to server at "h" (10.0.0.7), port 1 failed: Connection refused': "nothing listens",
    'could not translate host name "db" to address: Name or service not known': "no machine of that name",
    "encoding with 'idna' codec failed (UnicodeError: label empty or too long)": "no machine of that name",
    "connection timeout expired": "no word came in 10 s",
    'connection to server at "h", port 1 failed: Connection timed out': "no word came in 10 s",
    'connection to server at "h", port 1 failed: No route to host': "the network does not reach",
    "server closed the connection unexpectedly": "it closed the connection",
}


@pytest.mark.parametrize("words", NO_ANSWER)
def test_why_no_server_answers_is_said_in_our_words_too(words):
    title = explain(Attempt("db:5432", "ana", "school", words)).title
    assert title.startswith(f"PostgreSQL at db:5432 does not answer: {NO_ANSWER[words]}"), title
    assert title.endswith(f". Original message: {words}")


def test_a_statement_that_is_refused_too(pg18, new_database):
    i18n.use("es")
    with new_database(pg18).connect() as connection, pytest.raises(PostgresError) as caught:
        with translated("COPY t"):
            connection.execute("SELECT * FROM nowhere_at_all")
    said = 'PostgreSQL lo rechazó: COPY t. El servidor dijo: relation "nowhere_at_all" does not exist'
    assert caught.value.title == said


def test_each_kind_has_another_fix():
    words = {kind: said for said, kind in ENGLISH.items()}
    hints = [explain(Attempt("h:1", "u", "d", said.format("x"))).hint for said in words.values()]
    assert len(set(hints)) == len(hints) == 13


def test_the_servers_own_spanish_is_understood():
    """What is looked for is what the system's PostgreSQL really says, where its translation is installed."""
    catalogues = sorted(Path("/usr/share/locale/es/LC_MESSAGES").glob("postgres-*.mo"))
    if not catalogues:
        pytest.skip("no Spanish catalogue of PostgreSQL on this machine")
    with catalogues[-1].open("rb") as file:
        spanish = gettext.GNUTranslations(file)
    translated = {said: spanish.gettext(said.replace("{}", "%s")) for said in ENGLISH}
    known = {said: text for said, text in translated.items() if text != said.replace("{}", "%s")}
    assert len(known) > 10
    assert {said: kind_of(text) for said, text in known.items()} == {said: ENGLISH[said] for said in known}


def test_where_tls_and_clear_text_were_both_tried_the_first_reason_counts():
    tls = 'connection to server at "h", port 1 failed: FATAL: {} connection to server at "h", port 1 failed:'
    clear = ' FATAL: no pg_hba.conf entry for host "h", user "u", database "d", no encryption'
    for said, kind in (
        ('password authentication failed for user "u"', "refused"),
        ("connection requires a valid client certificate", "certificate-wanted"),
        ('no pg_hba.conf entry for host "h", user "u", database "d", SSL encryption', "no-line"),
        ("sorry, too many clients already", "no-slot"),
    ):
        assert kind_of(tls.format(said) + clear) == kind


@pytest.mark.parametrize("name", ["the role of mtn", "too many clients already", "pg_hba.conf", "no-slot"])
def test_what_a_database_is_called_tells_nothing(name):
    said = f'connection to server at "h", port 1 failed: FATAL: database "{name}" does not exist'
    assert kind_of(said) == "database-missing"
    assert kind_of(f"FATAL: no existe la base de datos «{name}»") == "database-missing"


def failing(server: Server, database: str) -> PostgresError:
    with pytest.raises(PostgresError) as caught:
        connect(server, database)
    return caught.value


def test_a_real_server_says_what_is_in_the_way(pg18, new_database):
    database, login = new_database(pg18), pg18.login
    with database.connect() as connection:
        connection.execute("CREATE ROLE narrow LOGIN PASSWORD 'x' CONNECTION LIMIT 1")
        connection.execute(f'REVOKE CONNECT ON DATABASE "{database.name}" FROM PUBLIC')
    try:
        narrow = replace(login, user="narrow", password="x")
        assert "may not connect" in failing(narrow, database.name).title
        assert "refuses the user" in failing(replace(narrow, password="y"), database.name).title
        assert "refuses the user" in failing(replace(narrow, user="nobody"), database.name).title
        assert "does not exist" in failing(narrow, "no such database").title
        with connect(narrow, "postgres"):
            slots = failing(narrow, "postgres")
        assert isinstance(slots, ServerLost)
        assert "all its connections are in use" in slots.title
        with psycopg.connect(pg18.conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{database.name}" ALLOW_CONNECTIONS false')
            assert "takes no connections" in failing(login, database.name).title
            connection.execute(f'ALTER DATABASE "{database.name}" ALLOW_CONNECTIONS true')
            half_dropped = "UPDATE pg_database SET datconnlimit = -2 WHERE datname = %s"
            connection.execute(half_dropped, [database.name])
            assert "is invalid" in failing(login, database.name).title
            assert database_properties(connection, database.name).connection_limit == -1
    finally:
        with psycopg.connect(pg18.conninfo("postgres"), autocommit=True) as connection:
            connection.execute("DROP ROLE narrow")


def test_a_host_without_a_line_and_one_that_must_use_tls_are_told(pg18, new_database, monkeypatch):
    database = new_database(pg18)
    with database.connect() as connection:
        hba = Path(str(connection.execute("SHOW hba_file").fetchone()[0]))
    before = hba.read_text()

    def lines(text: str) -> None:
        hba.write_text(text + before)
        with psycopg.connect(pg18.conninfo("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")

    with ExitStack() as stack:
        stack.callback(lines, "")
        with psycopg.connect(pg18.conninfo("postgres"), autocommit=True) as connection:
            connection.execute("CREATE ROLE stranger LOGIN PASSWORD 'x'")
            stack.callback(
                lambda: subprocess.run(
                    [pg18.binaries / "psql", "-qXc", "DROP ROLE stranger"],
                    env=pg18.login.environment("postgres"),
                    check=True,
                )
            )
        lines("host all stranger 127.0.0.1/32 reject\n")
        stranger = replace(pg18.login, user="stranger", password="x")
        until_refused(stranger)
        assert "pg_hba" in failing(stranger, database.name).title
        with monkeypatch.context() as patched:
            patched.setenv("PGSSLMODE", "require")
            assert "has none" in failing(pg18.login, database.name).title


def until_refused(server: Server) -> None:
    """The postmaster reads its files when it next looks for a signal."""
    while True:
        try:
            connect(server, "postgres").close()
        except PostgresError:
            return
