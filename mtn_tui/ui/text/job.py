"""A job in words: its state, how far it is, how long it took, what it came to."""

from __future__ import annotations

from datetime import datetime

from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.core.models import JobState
from mtn_tui.core.printable import printable
from mtn_tui.engine.jobview import JobView
from mtn_tui.engine.progress import Progress
from mtn_tui.operations import job_outcomes
from mtn_tui.operations.common import labels
from mtn_tui.ui.text.cells import Span, wrapped

_LOOKS = {
    JobState.QUEUED: ("…", "dim"),
    JobState.RUNNING: ("▶", "good"),
    JobState.CANCELLING: ("▶", "warn"),
    JobState.SUCCEEDED: ("✔", "good"),
    JobState.FAILED: ("✖", "bad"),
    JobState.CANCELLED: ("✖", "warn"),
    JobState.LOST: ("✖", "bad"),
}

_MARKS = {"✔": "good", "⚠": "warn", "?": "warn", "✖": "bad"}
"""The tones of lines that begin with the glyph of a status."""


def state(job: JobView, *, counted: bool = False, silent: bool = False) -> Span:
    """A job's state, as a glyph and a word; ``counted`` says how many warnings it has.

    Of one that has been ``silent`` for too long nobody knows whether it still runs.
    """
    if silent:
        return f"? {labels.state(job.state)}", "warn"
    if job.state is JobState.SUCCEEDED and job.warnings:  # of a verification: that a copy does not hold
        count = len(job.warnings)
        said = ngettext("{count} warning", "{count} warnings", count) if counted else _("warnings")
        return "⚠ " + said.format(count=count), "warn"
    glyph, tone = _LOOKS[job.state]
    return f"{glyph} {labels.state(job.state)}", tone


def has_more(job: JobView) -> bool:
    """Whether there is something to be read about how it ended."""
    return bool(job.warnings or job.title)


def at_work(job: JobView, heard: str = "") -> list[str]:
    """What a running job does, how far, how fast and for how long, in ever shorter lines to choose from.

    All of them have the remaining time, which is what a reader waits for; or ``heard``, when it was last
    heard of, and then no figures: they are as old as that.
    """
    what = [printable(labels.job(job.kind))]
    if heard:
        return ["  ".join([*what, labels.state(job.state), heard])]
    if job.state is not JobState.RUNNING:
        what.append(labels.state(job.state))
    phase = [printable(labels.phase(job.phase))] if job.phase else []
    known = job.progress is not None and job.progress.phase == job.phase
    share, done, rate, left = _figures(job.progress) if job.progress and known else ([], [], [], [])
    tellings = (
        [*what, *phase, *share, *done, *rate, *left],
        [*what, *phase, *share, *done, *left],
        [*what, *phase, *share, *left],
        [*what, *share, *left],
    )
    return ["  ".join(parts) for parts in tellings]


def _figures(progress: Progress) -> tuple[list[str], list[str], list[str], list[str]]:
    """Percentage, amount, rate and remaining time, each where it is known."""
    share = [f"{min(progress.done / progress.total, 1):.0%}"] if progress.total else []
    if progress.unit != "bytes":
        return share, [f"{Figure(progress.done):,}"] if progress.done else [], [], []
    if not progress.done:
        return share, [], [], labels.left(progress)
    done = labels.size(progress.done)
    if progress.total:
        done = _("{done} of {total}").format(done=done, total=labels.size(progress.total))
    return share, [done], labels.rate(progress), labels.left(progress)


def took(job: JobView, now: datetime) -> str:
    """How long a job took, or takes by now."""
    if job.started is None:
        return "—"
    return labels.clock(max(((job.ended or now) - job.started).total_seconds(), 0))


def outcome(job: JobView, width: int) -> list[Span]:
    """What a job that succeeded came to, as the command line tells it, each line in its tone.

    Empty of any other: what one had done before it failed is no outcome.
    """
    if job.state is not JobState.SUCCEEDED:
        return []
    said: list[Span] = []
    for text in job_outcomes.of_journal(job.kind, job.result):
        bare = text.lstrip(" ")
        blank = " " * (len(text) - len(bare))
        tone = _MARKS.get(bare[:1], "")
        said += [(blank + line, tone) for line in wrapped(bare, width - len(blank))]
    return said
