"""RPO and RTO against their targets: how much would be lost now, and how long would a restore take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.checks.full import of_the_future
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.restore.rto import rto


def objectives(inspection: Inspection) -> Iterator[Check]:
    """The RPO, which is critical past its target (runbook 6.2); then the RTO, which is a warning."""
    settings = inspection.context.settings
    newest = inspection.newest_point
    if newest is None and (ahead := inspection.future_point) is not None:
        yield of_the_future("rpo", ahead)
        return
    if newest is None:
        says = _("RPO: nothing could be restored, for no backup is proven.")
        hint = _("Make a full backup: mtn backup full")
        yield Check("rpo", Status.FAIL, says, hint, "6.2", fix=("backup", "full"))
        return
    lost = max(inspection.now - newest.moment, timedelta(0))
    target = timedelta(hours=settings.target_rpo_hours)
    age = labels.roughly(lost.total_seconds())
    text = _("RPO {now} of {target}: what was written since {moment} would be lost.").format(
        now=age,
        target=labels.duration(target.total_seconds()),
        moment=labels.moment(newest.moment),
    )
    short = _("RPO {now} of {target}").format(now=age, target=labels.duration(target.total_seconds()))
    figures = {"rpo_seconds": lost.total_seconds(), "rpo_target_seconds": target.total_seconds()}
    ok = Check(
        "rpo", Status.OK, text, runbook="4.1", figures=figures, short=short, aged=newest.moment, age=age
    )
    if lost > target:
        hint = _("Make a differential now: mtn backup diff. Then see why none ran: mtn job list")
        fix, since = ("backup", "diff"), newest.moment + target
        yield replace(ok, status=Status.FAIL, hint=hint, runbook="7.6", fix=fix, since=since)
    else:
        yield ok
    yield _rto(inspection, newest)


def _rto(inspection: Inspection, newest: Backup) -> Check:
    estimate = rto(inspection.context, newest)
    hours = inspection.context.settings.target_rto_hours
    text = _("RTO {estimate}; the target is {target}.").format(
        estimate=estimate.says, target=labels.duration(hours * 3600)
    )
    figures = {"rto_target_seconds": hours * 3600}
    target = labels.duration(hours * 3600)
    now = "?" if estimate.seconds is None else labels.roughly(estimate.seconds)
    short = _("RTO {now} of {target}").format(now=now, target=target)
    if estimate.seconds is None:
        hint = _("Measure it by a drill: mtn drill")
        return Check("rto", Status.WARN, text, hint, "8.4", fix=("drill",), figures=figures, short=short)
    figures["rto_seconds"] = estimate.seconds
    if estimate.seconds > hours * 3600:
        hint = _("A restore would take too long: a faster disk or server, or less data (old tables).")
        return Check("rto", Status.WARN, text, hint, "6.2", figures=figures, short=short)
    return Check("rto", Status.OK, text, runbook="4.1", figures=figures, short=short)
