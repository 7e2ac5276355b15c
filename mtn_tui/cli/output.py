"""Output to stdout: data, for people or as JSON. Nothing else writes there."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from itertools import zip_longest
from pathlib import Path
from typing import TextIO

from mtn_tui.core.errors import StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.printable import printable
from mtn_tui.core.redact import redact


class ReaderGone(Exception):
    """The reader of our output has closed it (``mtn list | head``)."""


def line(text: str = "") -> None:
    """Print one line, secrets masked."""
    _write(_clean(text) + "\n")


def lines(texts: Iterable[str]) -> None:
    """Print lines, secrets masked, with a single write."""
    _write("".join(_clean(text) + "\n" for text in texts))


def json_lines(values: Sequence[object]) -> None:
    """Print one JSON value per line, for endless output."""
    _write("".join(json.dumps(_plain(value), ensure_ascii=False) + "\n" for value in values))


def as_json(value: object) -> None:
    """Print a value as indented JSON, secrets masked."""
    _write(json.dumps(_plain(value), ensure_ascii=False, indent=2) + "\n")


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: frozenset[int] = frozenset(),
    notes: Sequence[str] = (),
) -> None:
    """Print a table; columns in ``right`` are right-aligned.

    ``notes``, one per row, are printed below their rows unless empty.
    """
    cells = [[_clean(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row, note in zip_longest(cells, ["", *notes], fillvalue=""):
        padded = (
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        _write("  ".join(padded).rstrip() + "\n")
        if note:
            _write(folded("    " + _clean(note), sys.stdout))


def flush() -> None:
    """Flush stdout. Raises as any output does."""
    _write("")


def prose(texts: Iterable[str], under: int | None = None) -> None:
    """Print lines for people, secrets masked; on a terminal, wrapped as ``folded`` does."""
    _write("".join(folded(_clean(text), sys.stdout, under) for text in texts))


def folded(line: str, stream: TextIO, under: int | None = None) -> str:
    """Wrap a line at the width of the terminal, between words only. Ends with a newline.

    What follows stands below cell ``under``, by default as far in as the line itself. Nothing is
    wrapped where ``stream`` is no terminal.
    """
    if not stream.isatty():
        return line + "\n"
    begin = len(line) - len(line.lstrip()) if under is None else under
    width = shutil.get_terminal_size().columns - 1
    # The spaces up to there are kept: they make columns.
    wrapped = textwrap.fill(
        line[begin:],
        max(width - begin, 1),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return line[:begin] + wrapped.replace("\n", "\n" + " " * begin) + "\n"


def _clean(text: str) -> str:
    return printable(redact(text))


def _write(text: str) -> None:
    """Write and flush. Raises ReaderGone, or StorageError if the disk is full."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        to_nowhere(sys.stdout)
        if isinstance(error, BrokenPipeError):
            raise ReaderGone from None
        raise StorageError(
            _("The output could not be written: {reason}.").format(reason=error.strerror),
            _("What was asked for is done; only its output is lost."),
        ) from error


def to_nowhere(stream: TextIO) -> None:
    """Discard the buffer and all further output, which Python would otherwise report at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _plain(value: object) -> object:
    """Convert to JSON types, masking each text by itself: a secret may look like a number."""
    match value:
        case Enum():
            return value.name.lower()
        case str():
            return redact(value)
        case None | bool() | int() | float():
            return value
        case datetime():
            return value.isoformat()
        case Path():
            return redact(str(value))
        case Mapping():
            return {str(name): _plain(item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    raise TypeError(type(value).__name__)
