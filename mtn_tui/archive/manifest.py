"""The manifest beside a payload: what it is, where its sections lie, signed.

The file is exactly the canonical JSON (sorted keys, no spaces, UTF-8) and a
newline, and is compared as bytes before anything in it is believed. Its last
word is ``mac``: HMAC-SHA256 over the canonical JSON of the rest. A wrong key, a
changed manifest and the manifest of another file are told apart.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from mtn_tui.archive.keys import Key, with_its_key
from mtn_tui.archive.sections import Part
from mtn_tui.core.errors import ArchiveError, Changed, ForeignManifest, WrongKey
from mtn_tui.core.i18n import _
from mtn_tui.core.identity import DatabaseProperties, Extension, Grant, ServerIdentity
from mtn_tui.core.models import BackupName, Kind

FORMAT = 3
"""Format 1: the script is three runs of pg_dump, each with its own end marker; see ``archive.sections``.
Format 2 has no differentials, and no baselines for them."""


@dataclass(frozen=True, slots=True)
class Section:
    """One section: what it holds, and where its gzip members lie."""

    part: Part
    offset: int
    """Of its first byte in the gzip stream (the payload decrypted), in bytes."""
    size: int
    """Bytes of gzip."""
    raw: int
    """Bytes of SQL."""
    rows: int
    sha256: str
    """Of its gzip bytes, in hex."""
    table: str = ""
    copy: str = ""
    joined: bool = False
    cut: bool = False


@dataclass(frozen=True)
class KeyFile:
    """The file of keys beside a full: a payload of its own, whose sections are keys of tables in order.

    A differential finds by them which rows are gone. They are no need: a table without them is written whole.
    """

    size: int
    sha256: str
    salt: str
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Baseline:
    """What a differential needs to know of the full that it is made on."""

    xmax: int
    """``pg_snapshot_xmax`` of the snapshot: no transaction from here on had begun."""
    watermark: tuple[tuple[int, bool], ...]
    """Transactions of the server from just after, and whether each was committed. Empty from a standby."""
    oids: dict[str, int]
    """Of each table with rows in the script, by the name that it has there."""
    objects: dict[str, str]
    """A digest of each large object by its oid; see ``postgres.large_objects``."""
    keys: KeyFile | None = None
    layout: str = ""
    """A hash of where the columns lie; see ``postgres.layout``. Empty from earlier versions."""


@dataclass(frozen=True)
class About:
    """What is known of one backup, but for where its sections lie. Moments are aware and in UTC."""

    id: str
    kind: Kind
    database: str
    host: str
    payload: str
    """The payload's file name."""
    snapshot_at: datetime
    """The consistent moment, by the server's clock."""
    started_at: datetime
    ended_at: datetime
    lsn: str
    horizon: int
    """``pg_snapshot_xmin`` of the snapshot: what is older is in this backup."""
    server: ServerIdentity
    properties: DatabaseProperties
    tools: dict[str, str]
    roles: tuple[str, ...]
    """Roles that the script names."""
    extensions: tuple[Extension, ...]
    schema_hash: str
    size: int
    """Bytes of the payload."""
    sha256: str
    """Of the payload, in hex."""
    salt: str
    """The payload's salt, in hex."""
    key: str
    """Fingerprint of the key that it was made with."""
    roles_sha256: str = field(default="", kw_only=True)
    """Of the roles' file beside it, in hex; empty from earlier versions."""
    search_path: tuple[str, ...] = field(default=(), kw_only=True)
    """The search_path of the database's sessions, without pg_catalog; empty from earlier versions."""
    altered: tuple[str, ...] = field(default=(), kw_only=True)
    """Tables that were emptied or altered while the backup was opened: it may hold none of their rows. And
    functions, types, views and their like that were altered: their definitions may be wrong."""
    base: str = field(default="", kw_only=True)
    """The id of the full that it is to be applied to, if it is a differential."""
    format: int = field(default=FORMAT, kw_only=True)
    """Of the manifest and of the script."""

    @property
    def name(self) -> BackupName:
        """The payload's name, parsed. Raises Changed if it is not the name of a backup."""
        parsed = BackupName.parse(self.payload)
        if parsed is None:
            raise Changed(_("The manifest names no backup: {name!r}").format(name=self.payload))
        return parsed

    @property
    def raw(self) -> int:
        """Bytes of SQL in all."""
        raise NotImplementedError

    @property
    def gzip(self) -> int:
        """Bytes of gzip in all."""
        raise NotImplementedError

    def rows(self) -> dict[str, int]:
        """Rows per table, in the order of the dump."""
        raise NotImplementedError


@dataclass(frozen=True)
class Manifest(About):
    """All that is known of one backup."""

    sections: tuple[Section, ...] = field(repr=False)
    baseline: Baseline | None = field(default=None, repr=False, kw_only=True)
    """Of a full on which differentials can be made."""
    counted: tuple[tuple[str, int], ...] = field(default=(), repr=False, kw_only=True)
    """Of a differential: each table and the rows that it has once it is applied."""

    @property
    def raw(self) -> int:
        """Bytes of SQL in all sections."""
        return sum(section.raw for section in self.sections)

    @property
    def gzip(self) -> int:
        """Bytes of gzip in all sections."""
        return sum(section.size for section in self.sections)

    def rows(self) -> dict[str, int]:
        """Rows per table, in the order of the dump: of a full those in its sections."""
        if self.kind is Kind.DIFF:
            return dict(self.counted)
        return rows_in(self.sections)


def rows_in(sections: Iterable[Section]) -> dict[str, int]:
    """Rows per table, summed over the sections, in their order."""
    counted: dict[str, int] = {}
    for section in sections:
        if section.part is Part.TABLE:
            counted[section.table] = counted.get(section.table, 0) + section.rows
    return counted


def encode(manifest: Manifest, key: Key) -> bytes:
    """The file's bytes, signed."""
    body = asdict(manifest)
    return canonical({**body, "mac": mac(canonical(body), key)}) + b"\n"


def decode(data: bytes, key: Key, payload: str) -> Manifest:
    """Read a manifest that is signed with ``key`` and belongs to ``payload`` (a file name).

    Raises WrongKey, Changed or ForeignManifest if it is not; ArchiveError if a
    newer version of this program wrote it.
    """
    body = _parse(data)
    if not same(body.pop("mac", ""), mac(canonical(body), key)):
        raise _unsigned(body, data, key)
    if body["format"] not in range(1, FORMAT + 1):
        raise ArchiveError(
            _("The manifest was written by a newer version of this program (format {format}).").format(
                format=body["format"]
            ),
            _("Restore it with that version, or with the openssl line on the restore card."),
        )
    manifest = _from(body)
    if manifest.payload != payload:
        raise ForeignManifest(
            _("The manifest belongs to another file: it is that of {other}.").format(other=manifest.payload),
            _("Put the manifest back under its own name; the file must be called as it says."),
        )
    return manifest


def peek(data: bytes) -> Manifest:
    """Read a manifest without the key. What it says is shown as unverified, never acted upon."""
    body = _parse(data)
    body.pop("mac", None)
    return _from(body)


def _parse(data: bytes) -> dict[str, Any]:  # JSON of any shape until it is checked
    try:
        body = json.loads(data)
        exact = isinstance(body, dict) and canonical(body) + b"\n" == data
    except (ValueError, RecursionError):
        exact = False
    if not exact:
        raise _changed()
    return dict(body)


def _unsigned(body: dict[str, Any], data: bytes, key: Key) -> ArchiveError:
    """The error for a bad signature: WrongKey if another key made it, else Changed."""
    theirs = str(body.get("key", ""))
    if theirs == key.fingerprint or not re.fullmatch("[0-9a-f]{16}", theirs):
        return _changed()
    if same(json.loads(data).get("mac", ""), mac(canonical({**body, "key": key.fingerprint}), key)):
        return _changed()
    error = WrongKey(
        _("The backup was made with another key (its fingerprint is {theirs}, this key's is {ours}).").format(
            theirs=theirs, ours=key.fingerprint
        ),
        with_its_key(),
    )
    error.theirs, error.database = theirs, str(body.get("database", ""))
    return error


def _changed() -> Changed:
    return Changed(
        _("The manifest was changed after it was written."),
        _("Do not trust this copy. If no other copy of this backup holds, use the backup before it."),
    )


def canonical(body: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys and no spaces, in UTF-8."""
    return json.dumps(
        body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain
    ).encode(errors="backslashreplace")  # the bytes of a name that is no UTF-8 become JSON's own \udc..


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def same(theirs: object, ours: str) -> bool:
    """Compare two signatures in constant time; theirs may be anything."""
    return hmac.compare_digest(str(theirs).encode(errors="backslashreplace"), ours.encode())


def mac(data: bytes, key: Key) -> str:
    """HMAC-SHA256 of ``data`` with the manifest key derived from ``key``, in hex."""
    return hmac.digest(key.mac, data, "sha256").hex()


def _from(body: dict[str, Any]) -> Manifest:
    try:
        sections = _sections(body)
        return Manifest(
            **{
                **facts(body),
                "sections": sections,
                "baseline": _baseline(body.get("baseline")),
                "counted": tuple((str(table), int(rows)) for table, rows in body.get("counted", ())),
            }
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _changed() from error


def _baseline(found: dict[str, Any] | None) -> Baseline | None:  # as JSON has it
    if found is None:
        return None
    watermark = tuple((int(xid), bool(committed)) for xid, committed in found["watermark"])
    keys = found["keys"]
    file = None if keys is None else KeyFile(**{**keys, "sections": _sections(keys)})
    return Baseline(**{**found, "watermark": watermark, "keys": file})


def _sections(body: dict[str, Any]) -> tuple[Section, ...]:  # as JSON has them
    return tuple(Section(**{**one, "part": Part(one["part"])}) for one in body["sections"])


def facts(body: dict[str, Any]) -> dict[str, Any]:  # JSON of any shape
    """The fields of JSON as ``About`` has them. Raises KeyError, TypeError, ValueError or AttributeError."""
    return {**body, **own_facts(body), **shared_facts(body)}


def own_facts(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of ``facts`` that JSON has in another form and that differ between backups."""
    return {
        "kind": Kind(body["kind"]),
        "snapshot_at": datetime.fromisoformat(body["snapshot_at"]),
        "started_at": datetime.fromisoformat(body["started_at"]),
        "ended_at": datetime.fromisoformat(body["ended_at"]),
        "search_path": tuple(map(str, body.get("search_path", ()))),
        "altered": tuple(body.get("altered", ())),
    }


SHARED = ("server", "properties", "tools", "roles", "extensions")
"""Fields that are mostly the same from one backup to the next."""


def shared_facts(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of ``facts`` that are in SHARED."""
    properties = body["properties"]
    return {
        "server": ServerIdentity(**body["server"]),
        "properties": DatabaseProperties(
            **{
                **properties,
                "grants": _grants(properties["grants"]),
                "settings": tuple(properties["settings"]),
                "role_settings": {role: tuple(names) for role, names in properties["role_settings"].items()},
            }
        ),
        "tools": body["tools"],
        "roles": tuple(body["roles"]),
        "extensions": tuple(Extension(**item) for item in body["extensions"]),
    }


def _grants(items: list[dict[str, Any]] | None) -> tuple[Grant, ...] | None:  # as JSON has them
    return None if items is None else tuple(Grant(**item) for item in items)
