"""Identity and properties of a server and a database, as a backup records them."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ServerIdentity:
    """Identifies a server, and one of its databases."""

    system_identifier: int
    database_oid: int
    timeline: int
    version: str
    """For people: ``18.1``."""
    version_num: int
    """As a number: ``180001``."""
    encoding: str
    locale_provider: str
    """``c`` libc, ``i`` ICU, ``b`` builtin, as in pg_database."""
    collate: str
    ctype: str
    locale: str
    """The ICU or builtin locale; empty for libc."""

    @property
    def major(self) -> int:
        """The major version: 18 for 18.1."""
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
    """Properties of the database itself, which a dump of its contents does not include."""

    owner: str
    grants: tuple[Grant, ...] | None = None
    """None if never changed: PostgreSQL's defaults apply."""
    comment: str = ""
    connection_limit: int = -1
    settings: tuple[str, ...] = ()
    """``name=value`` as in pg_db_role_setting, for everyone."""
    role_settings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """``name=value`` settings of single roles in this database, by role."""


@dataclass(frozen=True)
class Extension:
    """An installed extension and its schema."""

    name: str
    version: str
    schema: str


@dataclass(frozen=True)
class Membership:
    """Grants ``member`` the privileges of ``role``."""

    role: str
    member: str
