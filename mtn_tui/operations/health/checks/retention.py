"""Runbook 4.3: is retention obeyed, and can it be: only what is proven lets older backups go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.retention.policy import Verdict, judge
from mtn_tui.operations.retention.survey import survey

LATE = timedelta(days=2)
"""How long a backup may stay beyond its time: prune runs once a day."""

_NAME = "retention"


def retention(inspection: Inspection) -> Iterator[Check]:
    """Whether new backups are verified, and what prune should have deleted days ago. Raises KeyFileError."""
    if not inspection.context.settings.enable_post_backup_verify:
        text = _("New backups are not verified: none is ever proven, and so nothing is ever deleted.")
        hint = _("Remove ENABLE_POST_BACKUP_VERIFY=false from the configuration.")
        yield Check(_NAME, Status.FAIL, text, hint, "4.3")
        return
    for store, error in inspection.inventory.unreachable.items():
        text = _("What is in the {store} is not known: {reason}")
        text = text.format(store=labels.store(store), reason=error.title)
        yield Check(_NAME, Status.UNKNOWN, text, error.hint, "4.3")
        return
    late = overdue(inspection)
    figures = {"backups_overdue": float(len(late))}
    if not late:
        text = _("No backup is kept longer than it should.")
        yield Check(_NAME, Status.OK, text, runbook="4.3", figures=figures)
        return
    oldest = min(late, key=lambda one: one.backup.moment)
    text = ngettext(
        "{count} copy should have been deleted over {days} days ago, {size}: {name}.",
        "{count} copies should have been deleted over {days} days ago, {size}; the oldest: {name}.",
        len(late),
    ).format(
        count=len(late),
        days=LATE.days,
        size=labels.size(sum(one.copy.size for one in late)),
        name=oldest.backup.handle,
    )
    hint = _("See what would go, and why: mtn prune --dry-run")
    yield Check(_NAME, Status.WARN, text, hint, "4.3", fix=("prune",), figures=figures)


def overdue(inspection: Inspection) -> list[Verdict]:
    """The copies that retention lets go now, and would have let go two days ago. What is locked is none."""
    inventory, known = inspection.inventory, inspection.known
    now_going = [one for one in judge(inventory, known) if not one.kept]
    if not now_going:
        return []
    then = inspection.now - LATE
    before = replace(inventory, backups=tuple(one for one in inventory.backups if one.moment <= then))
    long_since = {one.place for one in judge(before, replace(known, now=then)) if not one.kept}
    late = [one for one in now_going if one.place in long_since]
    if not late:
        return []
    going = {one.place for one in survey(inspection.context, lambda: None).expired}
    return [one for one in late if one.place in going]
