"""What a server says of an object besides its bytes: whose it is, and how long it can't be deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mtn_tui.storage.s3_answers import xml

MARK = "x-amz-meta-mtn"
_UNTIL = "x-amz-object-lock-retain-until-date"
_LEGAL_HOLD = "x-amz-object-lock-legal-hold"


@dataclass(frozen=True)
class Held:
    """Facts about an object that keep it, or its name, from being reused."""

    mark: str = ""
    """As it was given to ``put``."""
    until: datetime | None = None
    """Until when Object Lock keeps it (UTC); None if it does not, or the user may not know."""
    legal_hold: bool = False
    """Whether it stays until somebody takes its legal hold away."""

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> Held:
        """Read them from the headers of an answer."""
        hold = headers.get(_LEGAL_HOLD, "").upper() == "ON"
        return cls(headers.get(MARK, ""), _moment(headers.get(_UNTIL, "")), hold)


def is_versioned(answer: bytes) -> bool:
    """Whether an answer about a bucket's versioning says that it keeps versions."""
    return xml(answer).findtext("Status") == "Enabled"


def _moment(told: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(told)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
