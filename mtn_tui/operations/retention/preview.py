"""What ``mtn prune`` would delete if it ran now; nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass

from mtn_tui.operations.common.context import Context
from mtn_tui.operations.retention import records
from mtn_tui.operations.retention.policy import Verdict, counted_from
from mtn_tui.operations.retention.records import Record
from mtn_tui.operations.retention.survey import Survey, Waits, survey


@dataclass(frozen=True)
class Preview:
    """What was found, and what would go."""

    survey: Survey
    records: tuple[Record, ...]
    """Old logs, figures and journals that would be deleted."""

    @property
    def kept(self) -> tuple[Verdict, ...]:
        """The copies that would stay, the newest backup first."""
        return tuple(one for one in self.survey.verdicts if one.kept)

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be deleted."""
        return not (self.survey.expired or self.records)


def preview(context: Context, waits: Waits) -> Preview:
    """Survey both stores, and list the old records. Raises KeyFileError, or what ``waits`` does."""
    found = survey(context, waits)
    if found.known.waits is not None:
        return Preview(found, ())  # then prune does not touch records either
    return Preview(found, tuple(records.expired(context, counted_from(found.inventory, found.known))))
