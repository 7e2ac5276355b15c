"""Types and names shared by every layer."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from functools import lru_cache

from mtn_tui.core.moments import YEARS

SUFFIX = ".sql.gz.gpg"
CLEAR_SUFFIX = ".sql.gz"
MANIFEST = ".manifest.json"
PROOF = ".proof.json"
ROLES = ".roles.enc"
KEYS = ".keys.enc"
PART = ".part"


class Kind(StrEnum):
    """Kind of a backup."""

    FULL = "full"
    DIFF = "diff"

    @property
    def folder(self) -> str:
        """The folder of this kind in a bucket, as the scripts named it."""
        return "full" if self is Kind.FULL else "differential"


class Rung(IntEnum):
    """How far a copy of a backup is proven. Each rung includes those below it."""

    PRESENT = 1
    HASHED = 2
    DECRYPTS = 3
    INFLATES = 4
    COMPLETE = 5
    RESTORED = 6
    QUERIED = 7

    @property
    def word(self) -> str:
        """The name in files and JSON; never translated."""
        return self.name.lower()

    @property
    def proven(self) -> bool:
        """Whether the copy counts as proven: complete or higher."""
        return self >= Rung.COMPLETE

    @classmethod
    def of(cls, word: str) -> Rung:
        """Return the rung called ``word``. Raises KeyError if there is none."""
        return cls[word.upper()]


class JobState(StrEnum):
    """State of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"

    @property
    def over(self) -> bool:
        """Whether a job in this state has ended."""
        return self not in (JobState.QUEUED, JobState.RUNNING, JobState.CANCELLING)


_NAME = re.compile(
    r"(.+?)_(full|diff)_(?:(.+)_)?([0-9]{8}_(?!24)[0-9]{6})"
    rf"(?:{re.escape(SUFFIX)}|({re.escape(CLEAR_SUFFIX)}))"
)
"""Prefix, kind, host, stamp, and the suffix of one that is not encrypted. Hour 24 is excluded, since newer
Pythons parse it as midnight, which would change the name."""


@dataclass(frozen=True, order=True)
class BackupName:
    """``{prefix}_{full|diff}_{host}_{YYYYMMDD_HHMMSS}.sql.gz.gpg``, the stamp in local time.

    ``host`` is empty in names of the older form, which leave it out.
    """

    stamp: datetime
    prefix: str
    kind: Kind
    host: str = ""
    clear: bool = False
    """Whether it is not encrypted, an option of the scripts."""
    given: str = ""
    """The actual name of a file that does not follow this form; ``stamp`` is then when it was written."""

    def __str__(self) -> str:
        if self.given:
            return self.given
        host = f"{self.host}_" if self.host else ""
        suffix = CLEAR_SUFFIX if self.clear else SUFFIX
        return f"{self.prefix}_{self.kind}_{host}{self.stamp:%Y%m%d_%H%M%S}{suffix}"

    @property
    def word(self) -> str:
        """A word of 8 letters, as an id is, for a file that has none."""
        digest = hashlib.sha256(str(self).encode(errors="surrogateescape")).digest()
        return base64.b32encode(digest[:5]).decode("ascii").lower()

    @property
    def key(self) -> str:
        """The object's key in a bucket."""
        return f"{self.kind.folder}/{self}"

    def later(self, seconds: int = 1) -> BackupName:
        """Return this name with a stamp ``seconds`` later."""
        return replace(self, stamp=self.stamp + timedelta(seconds=seconds))

    @classmethod
    def of_file(cls, name: str, written: datetime) -> BackupName:
        """Return the name for a file that may be called anything; if so, it is taken for a full backup.

        ``written`` is when the file was written, in local time.
        """
        stamp = written.replace(microsecond=0, tzinfo=None)
        return cls.parse(name) or cls(stamp, "", Kind.FULL, given=name)

    @classmethod
    def parse(cls, name: str) -> BackupName | None:
        """Parse a bare file name; None if it is not the name of a backup's payload."""
        return _parsed(name) if name.endswith((SUFFIX, CLEAR_SUFFIX)) else None


@lru_cache(maxsize=1 << 14)
def _parsed(name: str) -> BackupName | None:
    match = _NAME.fullmatch(name)
    if match is None or "/" in name:
        return None
    prefix, kind, host, told, clear = match.groups()
    try:
        stamp = datetime.fromisoformat(told)
    except ValueError:
        return None
    if stamp.year not in YEARS:
        return None
    return BackupName(stamp, prefix, Kind(kind), host or "", clear is not None)
