"""How the last runs of the backups ended. 6.2: one with minor errors is a warning."""

from __future__ import annotations

from collections.abc import Iterator

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.models import JobState
from mtn_tui.core.moments import is_future
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.inspection import Inspection

_NAME = "last-runs"

_KINDS = {"backup-full": ("backup", "full"), "backup-diff": ("backup", "diff")}


def last_runs(inspection: Inspection) -> Iterator[Check]:
    """The last run of each kind that is over. How old the backups are has checks of its own.

    One that a wrong clock has dated in the future is not the last. Raises StorageError.
    """
    database = inspection.context.settings.db_name
    ran = [one for one in inspection.jobs if one.state.over and one.subject == database]
    over = [one for one in ran if one.started is None or not is_future(one.started, inspection.now)]
    for kind, fix in _KINDS.items():
        last = next((one for one in over if one.kind == kind), None)
        if last is None:
            text = _("{job}: none is on record here.").format(job=labels.job(kind))
            yield Check(_NAME, Status.OK, text)
        else:
            yield _of(last, fix)


def _of(last: JobView, fix: tuple[str, ...]) -> Check:
    ended = last.ended or last.updated or last.started
    named = {"job": labels.job(last.kind), "moment": labels.moment(ended) if ended else "—"}
    hint = _("See its log: mtn job log {id}. A run without trouble clears this: mtn {command}").format(
        id=last.id, command=" ".join(fix)
    )
    if last.state is not JobState.SUCCEEDED:
        text = _("{job}: the last run {state}, {moment}: {reason}").format(
            state=labels.state(last.state), reason=last.title or "—", **named
        )
        return Check(_NAME, Status.WARN, text, hint, last.runbook or "6.2", fix=fix)
    if last.warnings:
        text = ngettext(
            "{job}: the last run ended with {count} warning, {moment}: {reason}",
            "{job}: the last run ended with {count} warnings, {moment}: {reason}",
            len(last.warnings),
        ).format(count=len(last.warnings), reason=last.warnings[0], **named)
        return Check(_NAME, Status.WARN, text, hint, "6.2", fix=fix)
    return Check(_NAME, Status.OK, _("{job}: the last run ended well, {moment}.").format(**named))
