"""What every step of the wizard has in common."""

from __future__ import annotations

from typing import ClassVar

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.state import Step, StepState, StepStatus
from mtn_tui.ui.text import job as job_text
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.session import Desk

_BAR = 30


class StepView:
    """One step at one desk. What it has found out lasts as long as it."""

    step: ClassVar[Step]

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.index = 0
        """Of the choice that the cursor is on."""

    @property
    def state(self) -> StepState:
        assert self.desk.incident is not None  # noqa: S101 - a step is of an incident
        return self.desk.incident.steps[self.step]

    def entered(self) -> None:
        """Somebody has come to it from another step: what was seen before may be old."""

    def opens(self) -> None:
        """It is to be seen: what needs no decision begins. Called again whenever anything has changed."""

    def write(self, sheet: PageBuilder) -> None:
        raise NotImplementedError

    def next(self) -> str:
        """What enter does; empty where it does nothing."""
        raise NotImplementedError

    def enter(self) -> None:
        raise NotImplementedError

    def moved(self) -> None:
        """The cursor is on another choice."""

    def look(self) -> None:
        """See once more what can be seen."""
        self.desk.jobs_seen()

    @property
    def phrase(self) -> str:
        """What has to be typed out before it goes on; empty where nothing has."""
        return ""


def about(sheet: PageBuilder, *, does: str, takes: str, wrong: str, back: str) -> None:
    """What everybody asks before they press enter."""
    sheet.gap()
    sheet.fact(_("What it does"), does)
    sheet.fact(_("How long"), takes)
    sheet.fact(_("May go wrong"), wrong)
    sheet.fact(_("The way back"), back)


def failure(sheet: PageBuilder, state: StepState) -> None:
    """Why it failed the last time."""
    if state.standing is StepStatus.FAILED:
        sheet.item("✖", state.reason, "bad", hint=str(state.facts.get("hint") or ""))
        sheet.gap()


def cut_short(sheet: PageBuilder, view: StepView) -> None:
    """Somebody's screen ended while an alert was being sent."""
    if view.state.standing is StepStatus.RUNNING and not view.desk.busy:
        sheet.item(
            "⚠",
            _("It was being sent when that screen ended, and may have arrived. enter sends it again."),
            "warn",
        )
        sheet.gap()


def problem(sheet: PageBuilder, error: MtnError) -> None:
    sheet.item("✖", error.title, "bad", hint=error.hint)


def progress(sheet: PageBuilder, job: JobView | None, now_it_is: str) -> None:
    """A job at work: how far, how fast, how long still."""
    if job is None:
        sheet.say(now_it_is, "dim")
        return
    words_of_it, tone = job_text.state(job)
    sheet.lines.append([(words_of_it, tone), ("  " + _("job {id}").format(id=job.id), "dim")])
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
