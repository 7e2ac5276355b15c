"""How the state of a backup and of its copies is shown: one judgement, for the screens and the commands."""

from __future__ import annotations

from enum import StrEnum

from mtn_tui.core.i18n import _
from mtn_tui.core.models import Rung
from mtn_tui.operations.common.labels import moment, proven
from mtn_tui.operations.inventory.model import Backup, Copy, CopyStatus


class Presence(StrEnum):
    """What is known of a backup in one store, as its glyph in a list."""

    GOOD = "✔"
    BROKEN = "✖"
    UNFINISHED = "…"
    UNSURE = "?"
    """Nobody could look, or read it: no key, another key, a store that does not answer."""
    ABSENT = "·"


def presence(backup: Backup, store: str, *, unreachable: bool) -> Presence:
    """What is known of a backup in a store. ``unreachable``: the store did not answer this time."""
    copy = backup.copy_in(store)
    if copy is None:
        return Presence.UNSURE if unreachable else Presence.ABSENT
    return {
        CopyStatus.BROKEN: Presence.BROKEN,
        CopyStatus.UNFINISHED: Presence.UNFINISHED,
        CopyStatus.UNCHECKED: Presence.UNSURE,
        CopyStatus.ANOTHER_KEY: Presence.UNSURE,
    }.get(copy.condition, Presence.GOOD)


def status(backup: Backup) -> CopyStatus | None:
    """The status to show of a backup instead of its rung; None if no copy has one that matters more."""
    for one in (CopyStatus.ANOTHER_KEY, CopyStatus.UNCHECKED, CopyStatus.UNFINISHED, CopyStatus.LEGACY):
        if any(copy.standing is one for copy in backup.copies):
            return one
    return None


def proven_to(copy: Copy) -> str:
    """The rung of a copy and since when; empty if nothing is proven."""
    at = copy.proof.rungs.get(copy.rung)
    if copy.rung is Rung.PRESENT or at is None:
        return ""
    return _("proven: {what}, {moment}").format(what=proven(copy.rung), moment=moment(at))


def standing(one: CopyStatus) -> str:
    """A copy's status, in the reader's language."""
    return {
        CopyStatus.WHOLE: _("whole"),
        CopyStatus.UNFINISHED: _("unfinished"),
        CopyStatus.LEGACY: _("legacy"),
        CopyStatus.BROKEN: _("broken"),
        CopyStatus.ANOTHER_KEY: _("another key"),
        CopyStatus.UNCHECKED: _("unchecked"),
    }[one]
