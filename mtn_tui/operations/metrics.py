"""The figures of a run as JSON, under the names and keys that the scripts' readers know."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from mtn_tui.core.clock import local_stamp
from mtn_tui.core.redact import redact
from mtn_tui.storage.local import LocalStorage


def write_metrics(folder: Path, name: str, started: datetime, figures: Mapping[str, object]) -> Path:
    """Write ``<name>_<stamp>.json`` and ``<name>_latest.json``, each whole or not at all."""
    data = redact(json.dumps(figures, ensure_ascii=False, indent=2)).encode() + b"\n"
    store = LocalStorage(folder)
    dated = f"{name}_{local_stamp(started)}.json"
    for key in (dated, f"{name}_latest.json"):
        store.put(key, io.BytesIO(data), len(data))
    return folder / dated
