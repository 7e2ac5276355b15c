"""How far one copy of a backup has been proven, and what people said of it.

Kept beside the copy as ``<payload>.proof.json``. It holds the payload's SHA-256 (of the
scripts' files their size), and counts for those bytes only. A pin, which keeps the
backup from being deleted, belongs to the backup and stays even when the bytes change.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from mtn_tui.core.json_reader import read_json
from mtn_tui.core.models import Rung
from mtn_tui.core.moments import read_moment

FORMAT = 1
_RUNGS = {rung.word: rung for rung in Rung}


@dataclass(frozen=True)
class Mark:
    """A pin, or the acceptance of a suspect backup: who, when (UTC), why."""

    at: datetime
    operator: str
    note: str = ""


@dataclass(frozen=True)
class Tried:
    """One attempt to load it into a server: when (UTC), where, and why it failed."""

    at: datetime
    where: str
    reason: str = ""
    """Holds no rows and no secrets; empty if it succeeded."""


@dataclass(frozen=True)
class Proof:
    """The rungs a copy has reached, each with its moment (UTC)."""

    sha256: str
    """Of the payload. A legacy one has no known hash: ``of_size`` stands there; empty, if it is broken."""
    rungs: dict[Rung, datetime] = field(default_factory=dict)
    failed: str = ""
    """What the last verification found wrong; empty when it found nothing."""
    failed_at: datetime | None = None
    pinned: Mark | None = None
    accepted: Mark | None = None
    refused: Tried | None = None
    """The last restore that failed because of the backup itself, not of its target."""
    loads: Tried | None = None
    """The last test load: its schema and a few rows of each table."""

    @property
    def rung(self) -> Rung:
        """The highest rung reached; PRESENT if there is none."""
        return max(self.rungs, default=Rung.PRESENT)

    def climbed(self, rung: Rung, at: datetime) -> Proof:
        """The proof after all rungs up to ``rung`` were seen to hold at ``at``."""
        reached = {one: at for one in Rung if one <= rung}
        refused = None if rung >= Rung.RESTORED else self.refused
        return replace(self, rungs={**self.rungs, **reached}, failed="", failed_at=None, refused=refused)

    def fell(self, rung: Rung, reason: str, at: datetime) -> Proof:
        """The proof after a failure: ``rung`` holds, and what was proven above it is dropped."""
        kept = {one: moment for one, moment in self.rungs.items() if one <= rung}
        return replace(self, rungs={**kept, rung: at}, failed=reason, failed_at=at)


def of_size(size: int) -> str:
    """What stands for the hash of a payload of which nothing but its ``size`` in bytes is known.

    A file that was cut off or replaced since it was read through is mostly of another size.
    """
    return f"size:{size}"


def encode(proof: Proof) -> bytes:
    """The bytes of a proof's file: JSON in UTF-8 and a newline."""
    return json.dumps(as_json(proof), ensure_ascii=False, indent=1).encode(errors="backslashreplace") + b"\n"


def decode(data: bytes, sha256: str) -> Proof:
    """Read a proof, as far as it counts for those bytes; see ``of``."""
    return of(sha256, load(data))


def of(sha256: str, found: Proof | None) -> Proof:
    """The proof that counts for a payload with that hash, if ``found`` lies beside it.

    An unreadable one (None) counts as empty; so does one of other bytes, but for its pin.
    """
    if found is None:
        return Proof(sha256)
    return found if found.sha256 == sha256 else Proof(sha256, pinned=found.pinned)


@lru_cache(maxsize=1 << 14)
def load(data: bytes) -> Proof | None:
    """Read a proof of whatever bytes; None if it can't be read."""
    try:
        return from_json(read_json(data))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def as_json(proof: Proof) -> dict[str, Any]:
    """The proof in JSON's own types; ``from_json`` reads it back."""

    def mark(one: Mark | None) -> dict[str, str] | None:
        return {"at": one.at.isoformat(), "operator": one.operator, "note": one.note} if one else None

    def tried(one: Tried | None) -> dict[str, str] | None:
        return {"at": one.at.isoformat(), "where": one.where, "reason": one.reason} if one else None

    return {
        "format": FORMAT,
        "sha256": proof.sha256,
        "rungs": {rung.word: at.isoformat() for rung, at in sorted(proof.rungs.items())},
        "failed": proof.failed,
        "failed_at": proof.failed_at and proof.failed_at.isoformat(),
        "pinned": mark(proof.pinned),
        "accepted": mark(proof.accepted),
        "refused": tried(proof.refused),
        "loads": tried(proof.loads),
    }


def from_json(body: dict[str, Any]) -> Proof:
    """Read what ``as_json`` made. Raises ValueError, KeyError, TypeError or AttributeError if invalid."""

    def mark(one: dict[str, str] | None) -> Mark | None:
        return Mark(read_moment(one["at"]), str(one["operator"]), str(one["note"])) if one else None

    def tried(one: dict[str, str] | None) -> Tried | None:
        return Tried(read_moment(one["at"]), str(one["where"]), str(one["reason"])) if one else None

    moments = {at: read_moment(at) for at in set(body["rungs"].values())}
    return Proof(
        str(body["sha256"]),
        {_RUNGS[word]: moments[at] for word, at in body["rungs"].items()},
        str(body["failed"]),
        read_moment(body["failed_at"]) if body["failed_at"] else None,
        mark(body["pinned"]),
        mark(body["accepted"]),
        tried(body.get("refused")),
        tried(body.get("loads")),
    )
