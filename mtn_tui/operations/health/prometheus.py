"""``METRICS_DIR/mtn.prom``: the last known state, for the textfile collector of node_exporter.

Where several databases share METRICS_DIR, the first has that file, each other ``mtn-<database>.prom``.

The text format of Prometheus, version 0.0.4. Every metric is a gauge, and its name ends
in its unit. The file is written beside its name and renamed, so that it is read whole.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mtn_tui.core.errors import MtnError
from mtn_tui.engine.locks import slug
from mtn_tui.engine.statefiles import open_found, refusal
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.metrics import write_beside
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.monitor import Run
from mtn_tui.operations.health.runner import EXIT, Result

FILE = "mtn.prom"
_MODE = 0o644
"""The collector is another user; no secret is in it."""
_LEFT_AFTER = 86400.0
"""Seconds after which a file that its database no longer writes is anybody's."""

_OUTSIDE = re.compile("[^a-zA-Z0-9_]")
_SCALE = "0 ok, 1 warning, 2 critical, 3 unknown"

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, str, Labels, float]
"""Name of the metric, its help, labels, value."""


def write(context: Context, text: str) -> None:
    """Replace the file. Raises StorageError."""
    folder = context.settings.metrics_dir
    alone = folder / f"mtn-{slug(context.settings.db_name)}.prom"
    path = alone if _is_anothers(folder / FILE, context) else folder / FILE
    write_beside(path, text.encode(), path.name)
    try:
        path.chmod(_MODE)
        if path != alone:
            alone.unlink(missing_ok=True)  # the one before has left its place to us
    except OSError as error:
        raise refusal(error, path) from error


def _is_anothers(path: Path, context: Context) -> bool:
    """Whether another database's figures are in the file, and were written lately."""
    try:
        with os.fdopen(open_found(path), encoding="utf-8", errors="replace") as file:
            changed, text = os.fstat(file.fileno()).st_mtime, file.read()
    except OSError:
        return False
    if context.clock.now().timestamp() - changed > _LEFT_AFTER:
        return False
    database = _escaped(context.settings.db_name, quote=True)
    return "mtn_status{" in text and f'mtn_status{{database="{database}"}}' not in text


def render(samples: Iterable[Sample]) -> str:
    """The exposition: each metric once, with all its samples below its help and its type."""
    families: dict[str, dict[Labels, float]] = defaultdict(dict)
    helps: dict[str, str] = {}
    for name, told, labels, value in samples:
        helps.setdefault(name, told)
        families[name].setdefault(labels, value)
    lines = []
    for name, values in families.items():
        lines += [f"# HELP {name} {_escaped(helps[name])}", f"# TYPE {name} gauge"]
        for labels, value in values.items():
            told = ",".join(f'{label}="{_escaped(text, quote=True)}"' for label, text in labels)
            lines.append(f"{name}{{{told}}} {value!r}")
    return "".join(line + "\n" for line in lines)


def samples(inspection: Inspection, run: Run, known: Mapping[str, Result]) -> Iterator[Sample]:
    """What there is to tell: the run, all checks by their last results, and the backups by store."""
    of = (("database", inspection.context.settings.db_name),)
    yield "mtn_status", f"Overall status: {_SCALE}.", of, float(EXIT[run.status])
    yield "mtn_monitor_timestamp_seconds", "When mtn monitor last ran.", of, run.at.timestamp()
    for name, result in known.items():
        labels = (*of, ("check", name))
        yield "mtn_check_status", f"Status of a check: {_SCALE}.", labels, float(EXIT[result.status])
        looked_at = result.at.timestamp()
        yield "mtn_check_timestamp_seconds", "When a check was last looked at.", labels, looked_at
        yield "mtn_check_duration_seconds", "How long the check took.", labels, result.seconds
        for found in result.findings:
            for figure, value in found.figures.items():
                metric = "mtn_" + _OUTSIDE.sub("_", figure)
                yield metric, f"Measured by the check {name}.", of, float(value)
    yield from _backups(inspection, of)


def _backups(inspection: Inspection, of: Labels) -> Iterator[Sample]:
    try:
        inventory, ours = inspection.inventory, inspection.ours
        stores = [store.name for store in inspection.context.stores]
    except MtnError:
        return
    for store in stores:
        up = store not in inventory.unreachable
        yield "mtn_store_up", "Whether the store answers.", (*of, ("store", store)), float(up)
        if not up:
            continue
        sizes: dict[str, list[int]] = {"full": [], "diff": []}
        for backup in ours:
            copy = backup.copy_in(store)
            if copy is not None:
                sizes[str(backup.kind)].append(copy.size)
        for kind, each in sizes.items():
            labels = (*of, ("store", store), ("kind", kind))
            yield "mtn_backups", "Backups of this database in a store.", labels, float(len(each))
            yield "mtn_backups_size_bytes", "Their size in all.", labels, float(sum(each))


def _escaped(text: str, *, quote: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text
