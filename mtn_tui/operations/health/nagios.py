"""A run of the monitor as the output of a Nagios plugin.

The first line is what is wrong, or how fresh the backups are, and after the bar the
performance data: ``'label'=value[unit];[warn];[crit];[min]``, as the Monitoring Plugins
Development Guidelines have it. The lines after it are one a check. These go without a
bar, and no text holds one: a second bar would begin more performance data.
"""

from __future__ import annotations

from collections.abc import Iterator

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.checks import differentials, full
from mtn_tui.operations.health.monitor import Run
from mtn_tui.operations.health.runner import Result

WORDS = {Status.OK: "OK", Status.WARN: "WARNING", Status.FAIL: "CRITICAL", Status.UNKNOWN: "UNKNOWN"}
"""The plugins' own, in every language."""

_UNITS = {"seconds": "s", "bytes": "B", "percent": "%"}
_FULL = full.LIMIT.total_seconds()
_DIFFERENTIAL = differentials.LIMIT.total_seconds()


def lines(run: Run) -> list[str]:
    """The output, first line first."""
    first = f"MTN {WORDS[run.status]} - {one_line(_summary(run))}"
    data = " ".join(_performance(run.figures))
    return [f"{first} | {data}" if data else first, *map(_line, (*run.deciding, *run.also))]


def one_line(text: str) -> str:
    """A text without line breaks and bars."""
    return " ".join(text.split()).replace("|", "/")


def _summary(run: Run) -> str:
    wrong = [one for one in run.deciding if one.status is not Status.OK]
    wrong.sort(key=lambda one: one.status is not run.status)
    if wrong:
        return "; ".join(f"{one.check.title()}: {one.leading.says}" for one in wrong)
    if not run.deciding:
        return _("nothing is known yet")
    figures = run.figures
    told = []
    if "full_age_seconds" in figures:
        told.append(_("full {age} old").format(age=labels.duration(figures["full_age_seconds"])))
    if "rpo_seconds" in figures:
        told.append(_("RPO {time}").format(time=labels.duration(figures["rpo_seconds"])))
    return ", ".join(told) or _("all is well")


def _line(result: Result) -> str:
    return one_line(f"[{WORDS[result.status]}] {result.check.title()}: {said(result.leading)}")


def said(finding: Check) -> str:
    """What was found and what to do about it, in one line."""
    return " ".join((finding.says, *finding.hint.splitlines()))


def _performance(figures: dict[str, float]) -> Iterator[str]:
    limits = {
        "full_age": (None, _FULL),
        "differential_age": (figures.get("differential_age_target_seconds", _DIFFERENTIAL), None),
        "rpo": (None, figures.get("rpo_target_seconds")),
        "rto": (figures.get("rto_target_seconds"), None),
    }
    for name, value in figures.items():
        stem, _bar, unit = name.rpartition("_")
        label, uom = (stem, _UNITS[unit]) if unit in _UNITS else (name, "")
        if label.endswith("_target"):
            continue  # it is the limit of another
        warn, critical = limits.get(label, (None, None))
        text = f"{label}={_number(value)}{uom}"
        if warn is not None or critical is not None:
            text += f";{_number(warn)};{_number(critical)};0"
        yield text


def _number(value: float | None) -> str:
    """Without an exponent, which the guidelines do not know; empty for None."""
    return "" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")
