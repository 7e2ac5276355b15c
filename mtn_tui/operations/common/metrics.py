"""What a run leaves for people and their tools: a log, and its figures as JSON.

Both have the names, and the figures the keys, that readers of the scripts' files
know. If one can't be written, the job warns of it and goes on.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from mtn_tui.core.clock import local_stamp
from mtn_tui.core.errors import StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.redact import redact
from mtn_tui.engine.joblog import JobLog
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.logs.folder import LOG_OF
from mtn_tui.operations.common.context import Context
from mtn_tui.storage.local import LocalStorage
from mtn_tui.storage.part import sweep_parts


def begin_log(job: Job, context: Context, name: str, started: datetime) -> None:
    """Let the job write to ``LOG_DIR/<name>_<stamp>.log``."""
    assert job.kind in LOG_OF, job.kind  # noqa: S101 - else its journal is shown as well
    path = context.settings.log_dir / f"{name}_{local_stamp(started)}.log"
    try:
        _make(path.parent)
        job.log_to(JobLog(path, context.clock))
    except StorageError as error:
        job.warn("no-log", _("There is no log of this run: {reason}").format(reason=error.title))


def about(job: Job, context: Context, started: datetime) -> dict[str, object]:
    """The figures that say which run it is, under the scripts' names."""
    return {
        "timestamp": started.isoformat(),
        "hostname": context.host,
        "database": context.settings.db_name,
        "job": job.id,
    }


def write_metrics(
    job: Job, context: Context, name: str, started: datetime, figures: Mapping[str, object]
) -> None:
    """Like ``keep_metrics``; if it can't be done, the job warns of it."""
    try:
        keep_metrics(context, name, started, figures)
    except StorageError as error:
        job.warn("no-metrics", _("The figures of this run are not kept: {reason}").format(reason=error.title))


def keep_metrics(context: Context, name: str, started: datetime, figures: Mapping[str, object]) -> None:
    """Write ``METRICS_DIR/<name>_<stamp>.json`` and ``<name>_latest.json``, each whole or not at all.

    Raises StorageError.
    """
    data = (
        json.dumps(redact.within(figures), ensure_ascii=False, indent=2).encode(errors="backslashreplace")
        + b"\n"
    )
    folder = context.settings.metrics_dir
    while (folder / f"{name}_{local_stamp(started)}.json").exists():
        started += timedelta(seconds=1)  # two runs of one second: the next free one, as with backups
    for key in (f"{name}_{local_stamp(started)}.json", f"{name}_latest.json"):
        write_beside(folder / key, data, name)


def write_beside(path: Path, data: bytes, prefix: str) -> None:
    """Write a file beside its name and rename it, so that readers find it whole. Raises StorageError.

    What was left half-written under names that begin with ``prefix`` is removed.
    """
    _make(path.parent)
    sweep_parts(path.parent, lambda left, _modified: left.startswith(prefix))
    LocalStorage(path.parent).put(path.name, io.BytesIO(data), len(data))


def past_figures(context: Context, name: str) -> Iterator[dict[str, Any]]:
    """The figures of earlier runs, the last first; what can't be read, or is not ours, is passed over."""
    for path in sorted(context.settings.metrics_dir.glob(f"{name}_[0-9]*.json"), reverse=True):
        try:
            figures = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(figures, dict):
            yield figures


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            _("{folder} can't be made: {reason}.").format(folder=folder, reason=error.strerror),
            _("Correct LOG_DIR and METRICS_DIR, or the permissions of the folder above."),
            "7.1",
        ) from error
