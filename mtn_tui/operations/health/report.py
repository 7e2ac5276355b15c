"""What a full run leaves for people and their tools: a report as text, and the status as JSON.

Both have the names, and the JSON the keys and units, that readers of the scripts' files know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from mtn_tui.core.clock import local_stamp
from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.core.redact import redact
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.metrics import keep_metrics, write_beside
from mtn_tui.operations.health.checks import differentials
from mtn_tui.operations.health.checks.monitoring import STATUS
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.monitor import Run
from mtn_tui.operations.health.nagios import WORDS
from mtn_tui.operations.health.runner import Result

REPORT = "backup-report"

_WEEK = timedelta(days=7)
_OLD = timedelta(minutes=5)
"""A result older than that was not looked at in this run, and says so."""


def write(context: Context, run: Run, facts: dict[str, object]) -> Path:
    """Write the report and the JSON; return the report's path. Raises StorageError."""
    path = context.settings.log_dir / f"{REPORT}_{local_stamp(run.at)}.txt"
    write_beside(path, redact(text(context, run)).encode(errors="backslashreplace"), REPORT)
    keep_metrics(context, STATUS, run.at, facts)
    return path


def text(context: Context, run: Run) -> str:
    """The report. Its first line is never translated: readers look for it."""
    about = _("{database} on {host}, {moment}").format(
        database=context.settings.db_name, host=context.host, moment=labels.moment(run.at)
    )
    lines = [f"Overall status: {WORDS[run.status]}", about, "", *_paragraphs(run.deciding, run.at)]
    if run.also:
        lines += ["", _("Also watched"), "", *_paragraphs(run.also, run.at)]
    return "\n".join(lines) + "\n"


def _paragraphs(results: Sequence[Result], now: datetime) -> Iterator[str]:
    for result in results:
        for found in result.findings:
            line = f"[{WORDS[found.status]}] {result.check.title()}: {' '.join(found.says.split())}"
            if now - result.at > _OLD:
                line += " " + _("(looked at {age} ago)").format(age=labels.age(result.at, now))
            section = found.runbook or result.check.runbook
            if found.status is not Status.OK and section:
                line += " " + _("(runbook {section})").format(section=section)
            yield line
            yield from (f"    {hint}" for hint in found.hint.splitlines())


def facts(inspection: Inspection, run: Run) -> dict[str, object]:
    """The status as JSON: the scripts' keys, then the checks. What is not known is null or UNKNOWN."""
    settings, figures = inspection.context.settings, run.figures
    rto = figures.get("rto_seconds")
    fulls, diffs = _made_this_week(inspection)
    return {
        "overall_status": WORDS[run.status],
        "report_timestamp": run.at.astimezone().isoformat(timespec="seconds"),
        "hostname": inspection.context.host,
        "full_backup_status": _freshness(run.result("full"), "full_age_seconds"),
        "full_backup_age_hours": _hours(figures.get("full_age_seconds")),
        "differential_backup_status": _freshness(
            run.result("differentials"),
            "differential_age_seconds",
            differentials.limit(settings).total_seconds(),
        ),
        "differential_backup_age_hours": _hours(figures.get("differential_age_seconds")),
        "rpo_actual_hours": _hours(figures.get("rpo_seconds")),
        "rpo_target_hours": settings.target_rpo_hours,
        "rpo_status": _within(figures.get("rpo_seconds"), settings.target_rpo_hours),
        "rto_estimated_minutes": None if rto is None else round(rto / 60, 1),
        "rto_target_hours": settings.target_rto_hours,
        "rto_status": _within(rto, settings.target_rto_hours),
        "full_backups_7days": fulls,
        "diff_backups_7days": diffs,
        "s3_status": _bucket(inspection),
        "retention_compliance": _compliance(run.result("retention")),
        "database": settings.db_name,
        "quick": run.quick,
        "checks": [_facts(result) for result in run.results],
    }


def _facts(result: Result) -> dict[str, object]:
    return {
        "id": result.check.id,
        "status": result.status.value,
        "decides": result.check.decides,
        "at": result.at.isoformat(),
        "seconds": round(result.seconds, 3),
        "findings": [{**one.facts(), "figures": dict(one.figures)} for one in result.findings],
    }


def _freshness(result: Result | None, figure: str, limit: float = 0.0) -> str:
    """FRESH, STALE, or MISSING where no age was measured; below ``limit`` seconds it is fresh in any case."""
    if result is None or result.status is Status.UNKNOWN:
        return "UNKNOWN"
    ages = [one.figures[figure] for one in result.findings if figure in one.figures]
    if not ages:
        return "MISSING"
    return "FRESH" if result.status is Status.OK or ages[0] <= limit else "STALE"


def _within(seconds: float | None, hours: float) -> str:
    if seconds is None:
        return "UNKNOWN"
    return "OK" if seconds <= hours * 3600 else "EXCEEDED"


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 3600, 2)


def _made_this_week(inspection: Inspection) -> tuple[int | None, int | None]:
    try:
        ours = inspection.ours
    except MtnError:
        return None, None
    kinds = [one.kind for one in ours if one.usable and inspection.now - one.moment <= _WEEK]
    return kinds.count(Kind.FULL), kinds.count(Kind.DIFF)


def _bucket(inspection: Inspection) -> str:
    try:
        if inspection.context.stores.bucket is None:
            return "NONE"
        return "UNREACHABLE" if "bucket" in inspection.inventory.unreachable else "OK"
    except MtnError:
        return "UNKNOWN"


def _compliance(result: Result | None) -> str:
    if result is None or result.status is Status.UNKNOWN:
        return "UNKNOWN"
    return "OK" if result.status is Status.OK else "VIOLATED"
