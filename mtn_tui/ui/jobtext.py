"""How a job is told: at work, over, and lost."""

from __future__ import annotations

from datetime import datetime

import humanize

from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.engine.jobview import JobView
from mtn_tui.engine.progress import Progress
from mtn_tui.operations import words
from mtn_tui.ui.cells import Piece

_LOOKS = {
    JobState.QUEUED: ("…", "dim"),
    JobState.RUNNING: ("▶", "good"),
    JobState.CANCELLING: ("▶", "warn"),
    JobState.SUCCEEDED: ("✔", "good"),
    JobState.FAILED: ("✖", "bad"),
    JobState.CANCELLED: ("✖", "warn"),
    JobState.LOST: ("✖", "bad"),
}


def state(job: JobView) -> Piece:
    glyph, tone = _LOOKS[job.state]
    if job.state is JobState.SUCCEEDED and job.warnings:
        glyph, tone = "⚠", "warn"
    return f"{glyph} {words.state(job.state)}", tone


def at_work(job: JobView) -> list[Piece]:
    """One line's worth: what, how far, how fast, how long still."""
    parts = [words.job(job.kind)]
    if job.state is not JobState.RUNNING:
        parts.append(words.state(job.state))
    if job.phase:
        parts.append(words.phase(job.phase))
    if job.progress is not None and job.progress.phase == job.phase:
        parts += figures(job.progress)
    return [("  ".join(parts), "")]


def figures(progress: Progress) -> list[str]:
    parts = []
    if progress.total:
        parts.append(f"{min(progress.done / progress.total, 1):.0%}")
    if progress.unit != "bytes":
        return [*parts, humanize.intcomma(progress.done)] if progress.done else parts
    done = words.size(progress.done)
    if progress.total:
        done = _("{done} of {total}").format(done=done, total=words.size(progress.total))
    return [*parts, done, *words.pace(progress)]


def took(job: JobView, now: datetime) -> str:
    if job.started is None:
        return "—"
    return words.clock(max(((job.ended or now) - job.started).total_seconds(), 0))
