"""What a server and a database are, as a backup remembers them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ServerIdentity:
    """Which server, and which database of it."""

    system_identifier: int
    database_oid: int
    timeline: int
    version: str
    """As people say it, ``18.1``."""
    version_num: int
    """As the server says it, ``180001``."""
    encoding: str
    locale_provider: str
    """``c`` libc, ``i`` ICU, ``b`` builtin, as in pg_database."""
    collate: str
    ctype: str
    locale: str
    """The ICU or builtin locale; empty for libc."""

    @property
    def major(self) -> int:
        return self.version_num // 10000


@dataclass(frozen=True)
class Grant:
    """A privilege on the database itself."""

    grantee: str
    """Empty for PUBLIC."""
    privilege: str
    grantable: bool


@dataclass(frozen=True)
class DatabaseProperties:
    """What belongs to the database itself and is in no dump of its contents."""

    owner: str
    grants: tuple[Grant, ...] | None = None
    """None where nobody changed them: PostgreSQL's own defaults hold."""
    comment: str = ""
    connection_limit: int = -1
    settings: tuple[str, ...] = ()
    """``name=value`` as in pg_db_role_setting, for everyone."""
    role_settings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The same for single roles in this database."""


@dataclass(frozen=True)
class Extension:
    name: str
    version: str
    schema: str


@dataclass(frozen=True)
class Membership:
    """``member`` has what ``role`` has."""

    role: str
    member: str
