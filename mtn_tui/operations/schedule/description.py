"""The runs of an installation, as data. Everything about schedules is made from this one list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.settings import Settings
from mtn_tui.operations.schedule.times import When, every


@dataclass(frozen=True)
class Run:
    """One of them."""

    id: str
    """As in the names of units and labels; never translated."""
    arguments: tuple[str, ...]
    """Of ``mtn``."""
    when: When
    job: str
    """The kind of its job, by which it is known whether it has run; empty if it has none."""
    log: str
    """Where launchd writes what it says: the scripts' places."""
    exit_codes: tuple[int, ...] = (0, 1, 75)
    """Those of a run that did what it should: done, done with a warning, already running."""

    @property
    def once(self) -> bool:
        """Whether it is started more often than it is due, and then only does what was not done."""
        return bool(self.when.again) or self.when.first

    @property
    def name(self) -> str:
        """What it does, in the reader's language."""
        return {
            "full": _("full backup"),
            "differential": _("differential"),
            "monitor": _("monitor"),
            "watch": _("quick monitor"),
            "prune": _("pruning"),
            "drill": _("restore drill"),
            "report": _("weekly report"),
        }[self.id]


_TOLD = (0, 1, 2, 3, 75)
"""The monitor's codes tell how the backups are, not whether it could run."""


def runs(settings: Settings) -> tuple[Run, ...]:
    """Every run, with the times that the configuration asks for."""
    differentials = every(settings.diff_every_minutes)
    return (
        Run("full", ("backup", "full"), When((2,), again=(3,)), "backup-full", "/tmp/mtn-full-backup.log"),  # noqa: S108
        Run("differential", ("backup", "diff"), differentials, "backup-diff", "/tmp/mtn-diff-backup.log"),  # noqa: S108
        Run("monitor", ("monitor",), When((0, 6, 12, 18), (30,)), "", "/tmp/mtn-monitor.log", _TOLD),  # noqa: S108
        Run("watch", ("monitor", "--quick"), every(15), "", "/tmp/mtn-watch.log", _TOLD),  # noqa: S108
        Run("prune", ("prune",), When((4,), (30,)), "prune", "/tmp/mtn-prune.log"),  # noqa: S108
        Run("drill", ("drill",), When((5,), weekday=4, first=True), "drill", "/tmp/mtn-drill.log"),  # noqa: S108
        Run("report", ("report", "--week", "--mail"), When((7,), weekday=0), "", "/tmp/mtn-report.log"),  # noqa: S108
    )


def when_said(when: When) -> str:
    """When it is due, in words: ``daily at 02:00``, ``every 30 minutes``."""
    if not when.hours:
        step = 60 // len(when.minutes)
        text = ngettext("every minute", "every {count} minutes", step)
        return _("every hour") if step == 60 else text.format(count=step)
    times = _times(when, when.hours)
    if len(when.hours) > 2:
        text = _("every {count} hours from {time}")
        return text.format(count=24 // len(when.hours), time=times.partition(",")[0])
    if when.first:
        text = _("first {day} of the month, {times}")
    elif when.weekday is not None:
        text = _("every {day} at {times}")
    else:
        text = _("daily at {times}")
    return text.format(day=_day(when.weekday), times=times)


def again_said(when: When) -> str:
    """When it is started once more, in words; empty if it is not."""
    if when.again:
        return _("at {times} again, if it was not made").format(times=_times(when, when.again))
    return _("a week later again, if it was not made") if when.first else ""


def _times(when: When, hours: Sequence[int]) -> str:
    return ", ".join(f"{hour:02}:{minute:02}" for hour in hours for minute in when.minutes)


def _day(weekday: int | None) -> str:
    names = (
        *(_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday")),
        *(_("Friday"), _("Saturday"), _("Sunday")),
    )
    return "" if weekday is None else names[weekday]
