"""Shows the progress of a job on stderr: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

from mtn_tui.cli import diagnostics
from mtn_tui.core.clock import Clock
from mtn_tui.core.i18n import Figure
from mtn_tui.engine.jobview import JobView
from mtn_tui.engine.progress import Progress
from mtn_tui.operations.common import labels

_EVERY = 5.0
"""Seconds between lines if stderr is not a terminal."""

_BAR = 20


class Watcher:
    """Shows a job; called with each look at it. ``close`` clears the terminal's line."""

    def __init__(self, clock: Clock, title: str = "") -> None:
        """``title`` is shown before the phase, instead of the job's kind."""
        self._title = title
        self._clock = clock
        self._live = diagnostics.is_terminal()
        self._phase = ""
        self._shown = ""
        self._said_at = float("-inf")

    def __call__(self, view: JobView) -> None:
        if not view.phase:
            return
        if self._live:
            if not view.state.over:
                self._redraw(self._text(view, bar=True))
            return
        now = self._clock.monotonic()
        if view.phase != self._phase:
            self._phase, self._said_at = view.phase, now
            diagnostics.say(self._name(view) + " …")
        elif now - self._said_at >= _EVERY:
            self._said_at = now
            diagnostics.say(self._text(view, bar=False))

    def _redraw(self, text: str) -> None:
        if text != self._shown:
            self._shown = text
            diagnostics.replace_line(text)

    def close(self) -> None:
        """Clear the terminal's line."""
        if self._live:
            self._shown = ""
            diagnostics.end_line()

    def _name(self, view: JobView) -> str:
        return f"{self._title or labels.job(view.kind)}: {labels.phase(view.phase)}"

    def _text(self, view: JobView, *, bar: bool) -> str:
        parts = [self._name(view)]
        if view.progress is not None and view.progress.phase == view.phase:
            parts += _figures(view.progress, bar=bar)
        return "  ".join(parts)


def _figures(progress: Progress, *, bar: bool) -> list[str]:
    known = progress.total is not None and progress.total > 0
    parts = []
    if known and progress.total:
        share = min(progress.done / progress.total, 1)
        filled = round(share * _BAR)
        if bar:
            parts.append("█" * filled + "░" * (_BAR - filled))
        parts.append(f"{share:4.0%}")
    if progress.unit != "bytes":
        return [*parts, f"{Figure(progress.done):,}"] if progress.done else parts
    return [*parts, labels.size(progress.done), *labels.pace(progress)]
