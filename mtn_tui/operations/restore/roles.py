"""The roles that lie beside a backup, and what of them a server lacks.

``<payload>.roles.enc`` is what pg_dumpall wrote, encrypted. Of its statements
only those about roles are ever executed: they are told by their beginning, and
one that is not known makes the whole file invalid. A role
that is there already is left as it is, its password too.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from mtn_tui.archive import statements as scripts
from mtn_tui.archive.cipher import BLOCK, HEADER, Decryptor, salt_of, unpad
from mtn_tui.archive.keys import Key
from mtn_tui.archive.statements import PsqlCommand, Statement
from mtn_tui.core.errors import ArchiveError, Changed, NotFound
from mtn_tui.core.i18n import _
from mtn_tui.core.identity import Membership
from mtn_tui.core.models import ROLES
from mtn_tui.operations.inventory.model import Copy
from mtn_tui.operations.inventory.scan import read_small
from mtn_tui.postgres import roles
from mtn_tui.postgres.connection import Connection

_ID = rb'("(?:[^"]|"")+"|[\w$\x80-\xff]+)'
_CREATE = re.compile(rb"CREATE ROLE %b\Z" % _ID)
_OF_ROLE = re.compile(rb"(?:ALTER ROLE|COMMENT ON ROLE) %b (?:WITH|SET|IN DATABASE|IS)\s" % _ID)
_GRANT = re.compile(rb"GRANT %b TO %b(?: WITH [A-Z, ]+?)?(?: GRANTED BY %b)?\Z" % (_ID, _ID, _ID))
_OTHERS = re.compile(
    rb"SET |SELECT pg_catalog\.set_config|(?:CREATE|ALTER|COMMENT ON) TABLESPACE |"
    rb"(?:GRANT|REVOKE) [A-Z, ]+ ON (?:TABLESPACE|PARAMETER) |SECURITY LABEL "
)
"""Other statements that pg_dumpall writes. They are skipped."""


@dataclass(frozen=True)
class Companion:
    """The roles that lie beside a backup."""

    roles: dict[str, list[bytes]] = field(default_factory=dict, repr=False)
    """By name: CREATE ROLE, then the other statements about the role."""
    memberships: dict[Membership, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class RolesMade:
    """Which roles and memberships were made, and which statements the server refused."""

    made: tuple[str, ...]
    left: tuple[str, ...]
    """Were there already."""
    joined: tuple[Membership, ...]
    refused: tuple[str, ...]

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``."""
        return {
            "made": list(self.made),
            "left": list(self.left),
            "joined": [f"{one.member} in {one.role}" for one in self.joined],
            "refused": list(self.refused),
        }


def read_companion(copy: Copy, key: Key) -> Companion:
    """Read the roles beside a copy. Raises ArchiveError if they are missing or can't be believed."""
    try:
        data = read_small(copy.store, copy.key + ROLES)
    except NotFound:
        raise ArchiveError(
            _("No roles lie beside {name}.").format(name=copy.key.rpartition("/")[2]),
            _("Create the roles by hand, or leave out --roles."),
        ) from None
    expected = copy.manifest.roles_sha256 if copy.manifest else ""
    if expected and hashlib.sha256(data).hexdigest() != expected:
        raise _unbelievable(_("the file was changed after it was written"))
    return parse(_decrypted(data, key))


def _decrypted(data: bytes, key: Key) -> bytes:
    secret, iv = key.cipher(salt_of(data[:HEADER]))
    body = data[HEADER:]
    if not body or len(body) % BLOCK:
        raise _unbelievable(_("the file was cut off"))
    plain = Decryptor(secret, iv).update(body)
    return plain[:-BLOCK] + unpad(plain[-BLOCK:], len(plain))


def parse(script: bytes) -> Companion:
    """Read pg_dumpall's globals. Raises ArchiveError if anything in them is not what it writes."""
    found = Companion()
    for event in scripts.read([script]):
        if isinstance(event, PsqlCommand) and event.line.startswith((b"\\restrict", b"\\unrestrict")):
            continue
        sql = event.sql if isinstance(event, Statement) else b""
        if match := _CREATE.match(sql):
            found.roles[_name(match[1])] = [sql]
        elif (match := _OF_ROLE.match(sql)) and _name(match[1]) in found.roles:
            found.roles[_name(match[1])].append(sql)
        elif match := _GRANT.match(sql):
            found.memberships[Membership(_name(match[1]), _name(match[2]))] = sql
        elif not _OTHERS.match(sql):
            raise _unbelievable(_("it holds something else than roles"))
    return found


def apply(connection: Connection, companion: Companion, note: Callable[[str, str], None]) -> RolesMade:
    """Make the roles and memberships that are missing. ``note`` gets an event and a role as they are made."""
    we, there = roles.rights(connection), roles.roles_there(connection)
    made, refused = [], []
    for name, script in companion.roles.items():
        if name in there:
            continue
        refused += [f"{name}: {one}" for one in roles.make_role(connection, script, we)]
        made.append(name)
        note("role-made", name)
    now, joined = roles.memberships(connection), []
    known = there | set(made)
    for membership, statement in companion.memberships.items():
        if membership in now or not {membership.role, membership.member} <= known:
            continue
        if problem := roles.grant_membership(connection, statement):
            refused.append(problem)
        else:
            joined.append(membership)
            note("role-joined", f"{membership.member} in {membership.role}")
    left = tuple(name for name in companion.roles if name in there)
    return RolesMade(tuple(made), left, tuple(joined), tuple(refused))


def _name(quoted: bytes) -> str:
    text = quoted.decode(errors="surrogateescape")
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def _unbelievable(reason: str) -> Changed:
    return Changed(
        _("The roles beside the backup can't be trusted: {reason}.").format(reason=reason),
        _("Use the backup's copy in the other store, or create the roles by hand and leave out --roles."),
    )
