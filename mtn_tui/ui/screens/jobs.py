"""What is running and what ran: how far, how it ended, why, what to do, and what it came to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from textual.widget import Widget

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.engine import host
from mtn_tui.engine.job_watch import JOBS_SHOWN
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.common import labels
from mtn_tui.ui.actions import Action, AnyAction, read_only
from mtn_tui.ui.host import JOB, JOBS, Host
from mtn_tui.ui.screens import frame
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.text import job as job_text
from mtn_tui.ui.text.cells import Span, fit, width_of, wrapped
from mtn_tui.ui.widgets.lines import LineView, Text, VirtualList

_ID, _JOB, _STATE, _BEGAN, _TOOK = 9, 21, 15, 20, 8


class Jobs(Framed):
    """The jobs of every machine that shares the state folder."""

    where = JOBS
    not_in_footer = ("jobs",)

    def __init__(self) -> None:
        super().__init__()
        self._chosen = False
        """Whether somebody has moved the cursor, or has opened what it stands on: then it stays there."""
        self._listed: set[str] = set()
        """The ids of the jobs that were drawn last."""

    @classmethod
    def own_actions(cls) -> tuple[AnyAction, ...]:
        """Opening a job, and cancelling it."""
        return (
            Action(
                "job",
                ("enter",),
                _("Job"),
                _("Shows all that the chosen job has said: its warnings, why it failed, what to do."),
                cls.open_job,
                footer=True,
                why_not=lambda screen: "" if screen.job else _("No job is chosen."),
            ),
            Action(
                "cancel",
                ("c",),
                _("Cancel"),
                _("Asks the chosen job to stop; it stops cleanly. Asks first."),
                cls.ask_to_cancel,
                footer_when_possible=True,
                why_not=cls._no_cancelling,
            ),
        )

    @property
    def job(self) -> JobView | None:
        """The job under the cursor."""
        jobs, index = self.host.state.jobs, self.query_one(VirtualList).index
        return jobs[index] if index < len(jobs) else None

    def body(self) -> Iterable[Widget]:
        """The list of jobs, and what there is to know of the chosen one."""
        yield LineView(id="heading")
        yield VirtualList(self._moved, id="jobs")
        yield LineView(id="bottom-rule")
        yield LineView(id="told")

    def draw(self) -> None:
        """Draw the list, newest first, and the chosen job."""
        width, jobs = self.app.size.width, self.host.state.jobs
        now = self.host.context.clock.now()
        self.lines("heading").show([[(_heading(width), "dim")]])
        self.lines("bottom-rule").show([frame.rule(width)])

        shared = labels.shared_minutes(job.started for job in jobs if job.started)

        def row(index: int) -> list[Span]:
            job = jobs[index]
            seconds = job.started is not None and labels.minute(job.started) in shared
            silent = job.silent_since(self.host.machine, now) is not None
            glyph, tone = job_text.state(job, silent=silent)
            pieces: list[Span] = [
                (" " + fit(job.id, _ID) + fit(labels.job(job.kind), _JOB - 1) + " ", ""),
                (fit(glyph, _STATE), tone),
                (fit(labels.moment(job.started, seconds=seconds) if job.started else "—", _BEGAN), ""),
                (fit(_took(job, now), _TOOK, right=True) + " ", ""),
            ]
            return [*pieces, (fit(job.operator, max(width - width_of(pieces), 0)), "")]

        nothing = _("No job has run yet.")
        if (trouble := self.host.state.jobs_trouble) is not None:
            nothing = f"✖ {trouble.title} {trouble.hint}"
        rows = self.query_one(VirtualList)
        older = _("— the newest {count}; older ones: mtn job list --limit 500 —")
        rows.ends = older.format(count=len(jobs)) if len(jobs) >= JOBS_SHOWN else ""
        rows.show_rows(
            [job.id for job in jobs], row, [[], *([(" " + line, "")] for line in wrapped(nothing, width - 2))]
        )
        if not self._chosen:
            self._stand_on_the_first()
        self._draw_told()
        self.draw_frame()

    def _stand_on_the_first(self) -> None:
        """Put the cursor on the first job while it runs, and when it is new; those that run come first."""
        jobs = self.host.state.jobs
        if jobs and not (jobs[0].state.over and jobs[0].id in self._listed):
            self.query_one(VirtualList).go_to(0)
        self._listed = {job.id for job in jobs}

    def open_job(self) -> None:
        """Open all that is known of the chosen job."""
        assert self.job is not None  # noqa: S101 - why_not has looked
        self._chosen = True
        self.host.open_screen(JobDetails(self.job))

    def _no_cancelling(self) -> str:
        job = self.job
        if why := read_only(self):
            return why
        if job is None:
            return _("No job is chosen.")
        if job.state.over:
            return _("It is over: {state}.").format(state=labels.state(job.state))
        if job.host != self.host.machine:
            return _("It runs on {host}: cancel it there.").format(host=job.host)
        return ""

    def ask_to_cancel(self) -> None:
        """Ask whether the chosen job is to stop."""
        job = self.job
        assert job is not None  # noqa: S101 - why_not has looked
        self._chosen = True

        def chosen(cancel: bool | None) -> None:
            if not cancel:
                return
            try:
                host.cancel(job, self.host.machine)
            except MtnError as error:
                self.host.show_error(error)
            else:
                self.host.show_status(
                    _("Job {id} was asked to stop. That may take a moment.").format(id=job.id)
                )

        said = [
            _("{job} of {database}, begun by {operator}.").format(
                job=labels.job(job.kind), database=job.subject, operator=job.operator
            ),
            _("It stops cleanly: what it had not finished does not count, and nothing else is changed."),
        ]
        answers = [Answer(_("Let it go on"), False), Answer(_("Cancel it"), True)]
        self.host.open_screen(Ask(_("Cancel job {id}?").format(id=job.id), said, answers), chosen)

    def _moved(self) -> None:
        self._chosen = True
        self.draw_footer()
        self._draw_told()

    def _draw_told(self) -> None:
        told = self.lines("told")
        height = self.below
        told.styles.height = height
        pieces = _told(self.host, self.job, self.app.size.width - 2) if self.job else []
        if len(pieces) > height > 0:
            pieces = [*pieces[: height - 1], (_("[enter] shows the rest"), "dim")]
        pieces += [("", "")] * (height - len(pieces))
        told.show([[(" ", ""), piece] for piece in pieces])


class JobDetails(Framed):
    """All that is known of one job, as long as it may be."""

    where = JOB

    def __init__(self, job: JobView) -> None:
        super().__init__()
        self._job = job

    def body(self) -> Iterable[Widget]:
        """One text, which scrolls."""
        yield Text(id="text")

    def draw(self) -> None:
        """Write what is known by now."""
        known = (one for one in self.host.state.jobs if one.id == self._job.id)
        self._job = next(known, self._job)
        told = _told(self.host, self._job, self.app.size.width - 2)
        self.query_one("#text", Text).show([[(" ", ""), line] for line in told])
        self.draw_frame()


def _heading(width: int) -> str:
    head = " " + fit(_("ID"), _ID) + fit(_("Job"), _JOB) + fit(_("State"), _STATE) + fit(_("Began"), _BEGAN)
    return fit(head + fit(_("Took"), _TOOK, right=True) + " " + _("By"), width)


def _took(job: JobView, now: datetime) -> str:
    """How long it took, in few cells; from ten hours on in whole ones, or days."""
    said = job_text.took(job, now)
    return labels.age(job.started, job.ended or now) if job.started and len(said) >= _TOOK else said


def _goes_on(here: Host, job: JobView, *, silent: bool) -> str:
    """That a job needs no screen, and what stops it from here, if anything does."""
    if silent:
        return _("Look on {host} whether it still runs: mtn job list").format(host=job.host)
    if job.host != here.machine:
        return _("It runs on {host}: cancel it there.").format(host=job.host)
    if here.read_only:
        return _("It goes on when you leave.")
    return _("It goes on when you leave. [c] asks it to stop.")


def _told(here: Host, job: JobView, width: int) -> list[Span]:
    """What a job is about, how far it is, how it ended, why and what it came to, with the tone of each line.

    Warnings come before that: there may be a line of it for each copy.
    """
    about = _("{job} of {database} on {host}").format(
        job=labels.job(job.kind), database=job.subject, host=job.host
    )
    said: list[Span] = [(about, "strong")]
    if not job.state.over:
        heard = labels.last_heard(job, here.machine, here.context.clock.now())
        said.append((job_text.at_work(job, heard)[0], "warn" if heard else ""))
        said.append((_goes_on(here, job, silent=bool(heard)), "" if heard else "dim"))
    elif job.ended is not None:
        glyph, tone = job_text.state(job)
        said.append((f"{glyph}, {labels.moment(job.ended)}", tone))
    if job.state is JobState.LOST or job.title:
        said.append((job.title, "bad" if job.state is not JobState.CANCELLED else ""))
    if job.hint:
        said += [(part, "") for part in job.hint.split("\n")]
    if job.runbook:
        said.append((_("Runbook, section {section}.").format(section=job.runbook), ""))
    said += [(f"⚠ {warning}", "warn") for warning in job.warnings]
    outcome = job_text.outcome(job, width)
    named = " ".join(text for text, _tone in outcome)
    files: list[Span] = [(file, "dim") for file in job.files if file not in named]
    return [*_wrapped(said, width), *outcome, *_wrapped(files, width)]


def _wrapped(said: list[Span], width: int) -> list[Span]:
    return [(line, tone) for text, tone in said for line in wrapped(text, width)]
