"""Why nothing, or not all that is past its days, can be deleted now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.retention.reasons import Reason, Why
from mtn_tui.operations.retention.survey import Survey


@dataclass(frozen=True)
class Hindrance:
    """One cause, for all copies that it concerns."""

    name: str
    """As journals have it."""
    says: str
    facts: Mapping[str, str] = field(default_factory=dict)
    """For the journal."""


def waiting(reason: Reason) -> Hindrance:
    """Nothing is deleted at all for now."""
    text = _("Nothing is deleted now: {reason}. The next run does it.").format(reason=reason.says)
    return Hindrance("waits", text, {"why": reason.why.value})


def hindrances(found: Survey) -> list[Hindrance]:
    """An open incident, a newest backup not to be trusted, and stores whose contents are not known."""
    known = found.known
    said = [waiting(known.waits)] if known.waits is not None else []
    for doubt in dict.fromkeys(one.reason for one in found.verdicts if one.reason.why is Why.NEWEST):
        text = _("Nothing is deleted: {reason}.").format(reason=doubt.says)
        hint = _("Verify it (mtn verify), or make another backup.")
        said.append(Hindrance("nothing-deleted", f"{text} {hint}", {"why": doubt.why.value}))
    silent = {name: error.title for name, error in found.inventory.unreachable.items()}
    silent |= {name: reason.says for name, reason in known.blind.items()}
    for name, reason in silent.items():
        text = _("Nothing is deleted in the {store}, and no full in another store: {reason}")
        text = text.format(store=labels.store(name), reason=reason)
        said.append(Hindrance("store-not-known", text, {"store": name}))
    return said
