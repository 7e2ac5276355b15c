"""What all steps of the wizard have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.state import Step, StepState, StepStatus
from mtn_tui.ui.host import Host
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.text import job as job_text
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.session import IncidentSession

_BAR = 30


class StepView:
    """One step of the session's incident. What it has found lasts as long as the view."""

    step: ClassVar[Step]

    def __init__(self, session: IncidentSession) -> None:
        self.session = session
        self.index = 0
        """The choice that the cursor is on."""

    @property
    def state(self) -> StepState:
        """The step's state, as the incident's file has it."""
        return self.session.present.steps[self.step]

    def entered(self) -> None:
        """Called when the user comes here from another step; drops results that may be old."""

    def opens(self) -> None:
        """Begin what needs no decision. Called while the step is in view, whenever anything has changed."""

    def write(self, sheet: PageBuilder) -> None:
        """Write the page."""
        raise NotImplementedError

    def next(self) -> str:
        """What enter does; empty if it does nothing."""
        raise NotImplementedError

    def enter(self) -> None:
        """Do what ``next`` says."""
        raise NotImplementedError

    def moved(self) -> None:
        """Called when the cursor is on another choice."""

    def look(self) -> None:
        """Look again."""
        self.session.jobs_seen()

    @property
    def phrase(self) -> str:
        """What has to be typed out before it goes on; empty if nothing has."""
        return ""

    @property
    def wants_yes(self) -> bool:
        """Whether ``confirmed`` needs y only."""
        return False

    @property
    def why_no_yes(self) -> str:
        """Why y does nothing in step 6; empty if it does."""
        return _("Not in this incident: rows are copied back, production is not replaced.")

    def confirmed(self) -> None:
        """Called when the phrase was typed out, or y was pressed, in step 6."""

    @property
    def can_start(self) -> bool:
        """Whether the server is down, and may be started, in step 1."""
        return False

    def ask_to_start(self) -> None:
        """Ask whether the server is to be started, in step 1."""

    def type_moment(self) -> None:
        """Ask for a moment, in step 3."""

    def show_difference(self) -> None:
        """Show what has changed since the chosen point, in step 3."""

    def zoom(self) -> None:
        """Show another stretch of time, in step 3."""

    @property
    def why_no_tick(self) -> str:
        """Why nothing can be ticked now, in step 7; empty if it can."""
        return ""

    def tick(self) -> None:
        """Tick what the cursor is on, in step 7."""


def ask_whether(
    session: IncidentSession, title: str, said: Sequence[str], no: str, yes: str, then: Callable[[], object]
) -> None:
    """Ask before ``then``, which is done after ``yes`` alone, and only while the incident can be changed."""

    def chosen(agreed: bool | None) -> None:
        if agreed:
            session.decide(then)

    session.host.open_screen(Ask(title, said, [Answer(no, False), Answer(yes, True)]), chosen)


def about(sheet: PageBuilder, *, does: str, takes: str, wrong: str, back: str) -> None:
    """Write what enter does, how long that takes, what may go wrong, and the way back."""
    sheet.fact(_("What it does"), does)
    sheet.fact(_("How long"), takes)
    sheet.fact(_("May go wrong"), wrong)
    sheet.fact(_("The way back"), back)


def failure(sheet: PageBuilder, state: StepState) -> None:
    """Write why the step failed the last time, if it did."""
    if state.standing is StepStatus.FAILED:
        sheet.item("✖", state.reason, "bad", hint=str(state.facts.get("hint") or ""))
        sheet.gap()


def cut_short(sheet: PageBuilder, view: StepView) -> None:
    """Write that a screen ended while it was sending this alert."""
    if view.state.standing is StepStatus.RUNNING and not view.session.busy:
        sheet.item(
            "⚠",
            _("It was being sent when that screen ended, and may have arrived. [enter] sends it again."),
            "warn",
        )
        sheet.gap()


def problem(sheet: PageBuilder, error: MtnError) -> None:
    """Write what failed and what to do."""
    sheet.item("✖", error.title, "bad", hint=error.hint)


def progress(sheet: PageBuilder, here: Host, job: JobView | None, now_it_is: str) -> None:
    """Write how far a job is, how fast, and how long it takes; ``now_it_is`` if it can't be seen yet."""
    if job is None:
        sheet.say(now_it_is, "dim")
        return
    heard = labels.last_heard(job, here.machine, here.context.clock.now())
    words_of_it, tone = job_text.state(job, silent=bool(heard))
    sheet.lines.append([(words_of_it, tone), ("  " + _("job {id}").format(id=job.id), "dim")])
    if heard:
        sheet.say(f"{job.host}: {heard}", "warn")
        return
    if job.state is JobState.RUNNING and job.phase:
        sheet.say(labels.phase(job.phase))
    known = job.progress if job.progress and job.progress.phase == job.phase else None
    if known and known.total:
        share = min(known.done / known.total, 1)
        full = round(share * _BAR)
        bar = "█" * full + "░" * (_BAR - full)
        sheet.lines.append([(bar, "good"), (f" {share:.0%}", "")])
    if known:
        said = [*labels.rate(known), *labels.left(known)]
        if known.unit == "bytes":
            done = labels.size(known.done)
            if known.total:
                done = _("{done} of {total}").format(done=done, total=labels.size(known.total))
            said = [done, *said]
        if said:
            sheet.say("  ".join(said))
    for warning in job.warnings:
        sheet.item("⚠", warning, "warn")
