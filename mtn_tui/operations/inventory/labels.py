"""How the state of a backup's copy is shown to people."""

from __future__ import annotations

from mtn_tui.core.i18n import _
from mtn_tui.core.models import Rung
from mtn_tui.operations.common.labels import moment, rung
from mtn_tui.operations.inventory.model import Copy, CopyStatus


def proven_to(copy: Copy) -> str:
    """The rung of a copy and since when; empty where nothing is proven."""
    at = copy.proof.rungs.get(copy.rung)
    if copy.rung is Rung.PRESENT or at is None:
        return ""
    return _("proven to: {rung}, {moment}").format(rung=rung(copy.rung), moment=moment(at))


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
