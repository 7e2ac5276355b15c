"""Sends alerts about how jobs ended; ``announced`` calls it.

An alert is sent for every full backup, for a differential that failed or has
warnings, for a verification or a restore that found a bad copy, for a test load or
a drill that failed, and for a drill with warnings; then the health checks that the job
may have changed are looked at, and people are told of what has become wrong or well
again (``health.causes``), in one mail with the job's own trouble. The job is still running then,
so an alert that is not sent is a warning of the job like any other: it ends with
exit code 1, and never fails for it. Alerts that wait from before are sent after
every job, of any kind. Of a run of the schedule every failure is told, but not that
another was under way already.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from mtn_tui.core.errors import ArchiveError, Cancelled, Locked, MtnError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.models import Kind, Rung
from mtn_tui.core.suggested import command
from mtn_tui.core.traces import text_of
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.alerts.delivery import Outcome, State
from mtn_tui.operations.alerts.message import Level
from mtn_tui.operations.alerts.notify import channels, flush, notify
from mtn_tui.operations.backup.make import MadeBackup
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.drill import drill
from mtn_tui.operations.drill.drill import Drilled
from mtn_tui.operations.health import cause_alerts, last_known
from mtn_tui.operations.health.catalogue import BY_ID
from mtn_tui.operations.health.cause_alerts import Draft
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.registry import LOOKS
from mtn_tui.operations.health.runner import Result, examine
from mtn_tui.operations.incident.held_back import held_back
from mtn_tui.operations.restore.restore import Restored
from mtn_tui.operations.restore.trial import Trial
from mtn_tui.operations.verify.verify import Verdict

_BACKUPS = {"backup-full": Kind.FULL, "backup-diff": Kind.DIFF}
_DRILL = drill.KIND
_OF_BACKUPS = ("server", "full", "differentials", "objectives", "suspect", "disk")
_CHANGED_BY = {
    "backup-full": _OF_BACKUPS,
    "backup-diff": _OF_BACKUPS,
    "verify": _OF_BACKUPS,
    "prune": _OF_BACKUPS,
    "sync": _OF_BACKUPS,
    _DRILL: ("objectives", "drill"),
    **dict.fromkeys(("restore", "promote", "undo", "database-start"), ("server",)),
}
"""The checks whose status a job of each kind may change: looked at when it has ended."""
_LAST_RUNS = "last-runs"
_TROUBLE = (Level.WARNING, Level.ERROR)

_RESTORE = "restore"
Notice = tuple[Level, str, str, list[tuple[str, str]]]
"""Level, subject, body, facts."""


def of_failure(job: Job, context: Context, error: Exception) -> None:
    """Tell people that a job fails with this error, if they are to know."""
    _tell(job, context, _of_failure(job, context, error))


def of_result(job: Job, context: Context, result: object) -> None:
    """Tell people what a job came to, if they are to know."""
    _tell(job, context, _of_result(job, result))


def not_begun(context: Context, kind: str, error: MtnError) -> None:
    """Alert people if a backup could not even make its journal: a full disk, most likely."""
    if kind in _BACKUPS:
        level, subject, body, facts = _failed(_BACKUPS[kind], error)
        notify(context, level, subject, body, facts=facts)


def _tell(job: Job, context: Context, notice: Notice | None) -> None:
    if channels(context.settings):
        job.phase("notify", unit="items")
    with _of_state(job, context, notice) as state:
        for draft in _together(notice, state):
            told = cause_alerts.send(context, draft, job.token)
            for one in told.outcomes:
                job.note("info", "told", channel=one.channel, to=one.to, state=one.state.value)
            _warn(job, told.those(State.KEPT) + told.those(State.FAILED))
    # Skip the flush when cancelled.
    for earlier in [] if job.token.cancelled else flush(context):
        job.note("info", "told-late", subject=earlier.message.subject, id=earlier.message.id)


@contextmanager
def _of_state(job: Job, context: Context, notice: Notice | None) -> Iterator[tuple[Draft, ...]]:
    """The alerts of the health checks that this kind of job may have changed; see ``cause_alerts.due``.

    They count as sent at the end of the block. A fault in looking is noted and keeps no
    other alert from being sent.
    """
    checks = [BY_ID[name] for name in _CHANGED_BY.get(job.kind, ())]
    if not checks or not context.settings.enable_monitoring or job.token.cancelled:
        yield ()
        return
    results = examine(Inspection(context), checks, LOOKS)
    last_known.keep(context, results)
    if notice is not None and job.kind in _BACKUPS and notice[0] in _TROUBLE:
        # The job is not over yet; once it is, the check of the last runs has this cause, and it was told.
        ended = Check(_LAST_RUNS, Status.WARN, notice[1], "", "6.2")
        results.append(Result(BY_ID[_LAST_RUNS], (ended,), context.clock.now(), 0.0))
    with ExitStack() as held:
        drafts: tuple[Draft, ...] = ()
        try:
            drafts = held.enter_context(cause_alerts.due(context, results, held_back(context)))
        except MtnError as error:
            job.note("warn", "causes-not-known", reason=error.title)
        yield drafts
        try:
            held.pop_all().close()
        except MtnError as error:
            job.note("warn", "causes-not-kept", reason=error.title)


def _together(notice: Notice | None, state: tuple[Draft, ...]) -> list[Draft]:
    """The alerts to send: what the job itself has to say of a trouble goes with what is wrong since."""
    if notice is None:
        return list(state)
    level, subject, body, facts = notice
    own = Draft(level, subject, body, tuple(facts))
    trouble = [one for one in state if one.level is not Level.SUCCESS]
    if level not in _TROUBLE or not trouble:
        return [own, *state]
    return [own.joined(trouble[0]), *(one for one in state if one not in trouble)]


def _warn(job: Job, unsent: tuple[Outcome, ...]) -> None:
    for one in unsent:
        text = (
            _("Alert to {to} is queued for retry: {reason}")
            if one.state is State.KEPT
            else _("{to} was not notified: {reason}")
        )
        job.warn("not-told", text.format(to=one.to, reason=one.reason))


def _of_failure(job: Job, context: Context, error: Exception) -> Notice | None:
    if isinstance(error, ArchiveError) and job.kind == _RESTORE:
        return _of_corruption(_job_facts(job), [f"{error.title}\n{error.hint}".strip()])
    if job.kind == _DRILL:
        return _of_failed_drill(job, error)
    if context.scheduled and isinstance(error, Locked):
        return None
    if job.kind not in _BACKUPS:
        return _of_failed_run(job, error) if context.scheduled else None
    kind = _BACKUPS[job.kind]
    if isinstance(error, Cancelled) or job.stop_asked or job.token.cancelled:
        text = _("It was asked to stop. See what there is: mtn list")
        subject = {Kind.FULL: _("Full backup cancelled"), Kind.DIFF: _("Differential cancelled")}[kind]
        return (Level.WARNING, subject, text, _job_facts(job))
    level, subject, body, facts = _failed(kind, error)
    return (level, subject, body, [*facts, *_job_facts(job)])


def _of_failed_drill(job: Job, error: Exception) -> Notice | None:
    if isinstance(error, Cancelled | Locked) or job.stop_asked or job.token.cancelled:
        return None
    level, subject, body, facts = _critical(_("CRITICAL: restore drill failed"), error)
    return (level, subject, body, [*facts, *_job_facts(job)])


def _of_failed_run(job: Job, error: Exception) -> Notice | None:
    if isinstance(error, Cancelled) or job.stop_asked or job.token.cancelled:
        return None
    level, subject, body, facts = _critical(
        _("CRITICAL: {job} failed").format(job=labels.job(job.kind)), error
    )
    return (level, subject, body, [*facts, *_job_facts(job)])


def _failed(kind: Kind, error: Exception) -> Notice:
    if isinstance(error, Locked):
        subject = {Kind.FULL: _("Full backup not begun"), Kind.DIFF: _("Differential not begun")}[kind]
        return (Level.WARNING, subject, f"{error.title}\n{error.hint}".strip(), [])
    failed = {
        Kind.FULL: _("CRITICAL: full backup failed"),
        Kind.DIFF: _("CRITICAL: differential failed"),
    }
    return _critical(failed[kind], error)


def _critical(subject: str, error: Exception) -> Notice:
    if not isinstance(error, MtnError):
        fault = _("This is a fault of the program, not of yours: {error}: {text}")
        return (Level.ERROR, subject, fault.format(error=type(error).__name__, text=text_of(error)), [])
    facts = [(_("Runbook"), error.runbook)] if error.runbook else []
    return (Level.ERROR, subject, f"{error.title}\n{error.hint}".strip(), facts)


def _of_result(job: Job, result: object) -> Notice | None:
    if isinstance(result, MadeBackup):
        return _of_backup(job, result)
    if isinstance(result, Restored):
        return _of_corruption(_job_facts(job), list(result.fallen_back)) if result.fallen_back else None
    if isinstance(result, Drilled):
        return _of_drill(job, result) if job.warnings else None
    if isinstance(result, Trial):
        return _of_trial(job, result) if result.reason and result.loads is False else None
    if isinstance(result, list):
        bad = [one for one in result if isinstance(one, Verdict) and one.trouble and not one.unknown]
        return _of_bad_copies(job, bad) if bad else None
    return None


def _of_backup(job: Job, made: MadeBackup) -> Notice | None:
    """Of a differential only what went wrong is told: one is made every half hour."""
    manifest, differential = made.manifest, made.manifest.kind is Kind.DIFF
    if differential and not job.warnings:
        return None
    facts = [
        (_("Backup"), manifest.id),
        (_("File"), manifest.payload),
        (_("Size"), labels.size(manifest.size)),
        (_("Took"), labels.seconds(made.seconds["total"])),
        (_("Proven"), labels.proven(made.rung)),
        (_("In the bucket"), _("yes") if made.in_bucket else _("no")),
    ]
    instead = ""
    if made.instead:
        instead = _("A full was made instead of a differential: {reason}.").format(reason=made.instead)
    warned = job.warnings
    if warned:
        count = len(warned)
        subject = ngettext("Full backup done, {count} warning", "Full backup done, {count} warnings", count)
        if differential:
            subject = ngettext(
                "Differential done, {count} warning", "Differential done, {count} warnings", count
            )
        text = "\n\n".join([*filter(None, [instead]), *warned])
        return (Level.WARNING, subject.format(count=count), text, facts)
    subject = _("Full backup done: {size}").format(size=labels.size(manifest.size))
    if instead:
        subject = _("Full backup made instead of a differential: {size}").format(
            size=labels.size(manifest.size)
        )
    body = _("The backup of {moment} is proven: {what}.").format(
        moment=labels.moment(manifest.snapshot_at), what=labels.proven(made.rung)
    )
    if made.rung is Rung.PRESENT:
        body = _("The backup of {moment} was not read back: it is not proven.").format(
            moment=labels.moment(manifest.snapshot_at)
        )
    return (Level.SUCCESS, subject, f"{instead} {body}".strip(), facts)


def _of_trial(job: Job, trial: Trial) -> Notice:
    lines = [
        _("The backup {name} was made, and a test load of it into this server failed.").format(
            name=trial.backup.name
        ),
        trial.reason,
        _("Correct what it names in the database, then back up again: mtn backup full"),
    ]
    return (Level.WARNING, _("A backup does not load"), "\n".join(lines), _job_facts(job))


def _of_drill(job: Job, drilled: Drilled) -> Notice:
    facts = [
        (_("RTO"), labels.duration(drilled.rto)),
        (_("Runbook"), "8.4"),
        *_job_facts(job),
    ]
    subject = _("Restore drill passed, with warnings")
    if not drilled.in_time:
        subject = _("Restore drill: over the RTO")
    return (Level.WARNING, subject, "\n\n".join(job.warnings), facts)


def _of_bad_copies(job: Job, bad: list[Verdict]) -> Notice:
    lines = [f"{one.backup.name} ({labels.store(one.copy.store.name)}): {one.trouble}" for one in bad]
    lines.append(_("Restore from another: mtn list shows which are proven."))
    ids = dict.fromkeys(one.backup.handle for one in bad)
    return _of_corruption([(_("Backup"), ", ".join(ids)), *_who(job)], lines)


def _of_corruption(about: list[tuple[str, str]], lines: list[str]) -> Notice:
    facts = [*about, (_("Runbook"), "5.3")]
    return (Level.ERROR, _("CRITICAL: corrupted backup"), "\n".join(lines), facts)


def _job_facts(job: Job) -> list[tuple[str, str]]:
    """The backup that the job was about, its file, the database that was to be restored; and who ran it."""
    about = [
        (_("Backup"), job.backup),
        (_("File"), ", ".join(job.worked_on)),
        (_("Target"), job.subject if job.kind == _RESTORE else ""),
    ]
    return [*((name, value) for name, value in about if value), *_who(job)]


def _who(job: Job) -> list[tuple[str, str]]:
    return [(_("By"), job.operator), (_("See"), command("job", "log", job.id))]
