"""All that goes to stdout: data, for people or as JSON. Nothing else writes there."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from pathlib import Path

from mtn_tui.core.redact import redact


def line(text: str = "") -> None:
    _write(redact(printable(text)) + "\n")


def as_json(value: object) -> None:
    _write(redact(json.dumps(value, ensure_ascii=False, indent=2, default=_plain)) + "\n")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> None:
    """Columns as wide as they need to be; those numbered in ``right`` are figures."""
    cells = [[printable(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        padded = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        _write(redact("  ".join(padded).rstrip()) + "\n")


def printable(text: str) -> str:
    """Names can hold anything; a terminal must never obey them."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case Enum():
            return value.name.lower()
        case Path():
            return str(value)
    raise TypeError(type(value).__name__)
