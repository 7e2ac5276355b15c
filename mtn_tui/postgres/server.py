"""Where the server is: for whoever hands that on, and does not connect."""

from __future__ import annotations

from dataclasses import dataclass, field

CONNECT_SECONDS = 10

REDIRECTING = (
    *("PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE", "PGSYSCONFDIR"),
    *("PGTARGETSESSIONATTRS", "PGLOADBALANCEHOSTS"),
    *("PGOPTIONS", "PGCLIENTENCODING", "PGDATESTYLE", "PGTZ", "PGGEQO"),
)
"""Variables of libpq that somebody's shell may have for another server, or for psql's sake: the configuration
says which server it is, and this program how it speaks to it. TLS, the password file and Kerberos stay the
user's."""


@dataclass(frozen=True)
class Server:
    """Where the server is, and as whom to speak to it."""

    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    """None: libpq finds it (``~/.pgpass``) or needs none."""

    def environment(self, database: str) -> dict[str, str]:
        """libpq's variables, for a child process: nothing of it stands in argv."""
        variables = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGDATABASE": database,
            "PGCONNECT_TIMEOUT": str(CONNECT_SECONDS),
        }
        return variables if self.password is None else {**variables, "PGPASSWORD": self.password}
