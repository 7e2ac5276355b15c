"""What a look at the installation has shown, as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """What one look has shown."""

    check: str
    """Its name in JSON; never translated."""
    status: Status
    title: str
    hint: str = ""
    """The fix; empty where all is well."""
