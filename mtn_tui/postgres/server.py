"""Address and login of a server, for code that passes them on without connecting."""

from __future__ import annotations

from dataclasses import dataclass, field

CONNECT_SECONDS = 10

REDIRECTING = (
    *("PGHOSTADDR", "PGSERVICE", "PGSERVICEFILE", "PGSYSCONFDIR"),
    *("PGTARGETSESSIONATTRS", "PGLOADBALANCEHOSTS"),
    *("PGOPTIONS", "PGCLIENTENCODING", "PGDATESTYLE", "PGTZ", "PGGEQO"),
)
"""Variables of libpq that are ignored, since a shell may have them for another server or for psql: the
configuration names the server, and this program sets the options. Variables for TLS, the password file and
Kerberos remain in effect."""


@dataclass(frozen=True)
class Server:
    """Address of a server, and the login to use."""

    host: str
    port: int
    user: str
    password: str | None = field(repr=False)
    """None: libpq finds it (``~/.pgpass``) or needs none."""

    @property
    def options(self) -> list[str]:
        """Return the options by which an operator's own psql finds it."""
        return ["-h", self.host, "-p", str(self.port), "-U", self.user]

    def environment(self, database: str) -> dict[str, str]:
        """Return libpq's variables for a child process, so that nothing appears in its arguments."""
        variables = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGDATABASE": database,
            "PGCONNECT_TIMEOUT": str(CONNECT_SECONDS),
        }
        return variables if self.password is None else {**variables, "PGPASSWORD": self.password}
