"""A log of a gigabyte: opened and searched; and one followed while it grows."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mtn_tui.engine.logs.stream import Logs, Wanted
from mtn_tui.engine.logs.window import LogWindow
from tests.bench.table import Budget

_GIGABYTE = 1 << 30
_AT_ONCE = 100_000
_BURSTS, _BURST = 100, 2_000
_START = datetime(2026, 1, 1, tzinfo=UTC)


def logs(folder: Path) -> list[Budget]:
    """All in a folder of this name, which is made."""
    jobs = folder / "jobs"
    for one in (folder, jobs):
        one.mkdir()
    count = _make_log(folder / "full-backup_20260101_000000.log")
    begun = time.perf_counter()
    _first_page(folder, jobs)
    opened = time.perf_counter()
    _search_through(folder, jobs)
    searched = time.perf_counter()
    followed = _follow(folder, jobs, folder / "full-backup_20260102_000000.log")
    per_second = followed / (time.perf_counter() - searched)
    return [
        Budget(
            f"a log of 1 GiB, {count:,} lines, opened at its end",
            opened - begun,
            "<=",
            0.3,
            "s",
            f"{searched - opened:.1f} s to look through all of it for an error",
        ),
        Budget("a log that grows is followed", per_second, ">=", 10_000, "lines/s"),
    ]


def _make_log(path: Path) -> int:
    """Fill a log with lines like those of our jobs, none of them an error. How many there are."""
    count = 0
    with path.open("wb") as file:
        while file.tell() < _GIGABYTE:
            file.write("".join(f"{_line(count + index)}\n" for index in range(_AT_ONCE)).encode())
            count += _AT_ONCE
    return count


def _line(number: int) -> str:
    moment = _START + timedelta(milliseconds=10 * number)
    text = f"copy-proven name=admision_mtn_full_db1_20261124_030004.sql.gz.gpg store=disk number={number}"
    return f"{moment.isoformat(timespec='seconds')} INFO  {text}"


def _first_page(folder: Path, jobs: Path) -> None:
    """As the screen does, up to what it first shows."""
    window = LogWindow(Logs(folder, jobs))
    window.to_end()
    window.older()


def _search_through(folder: Path, jobs: Path) -> None:
    looked = Logs(folder, jobs)
    if looked.previous_error(looked.end()).lines:
        raise AssertionError("there is no error in it")


def _follow(folder: Path, jobs: Path, path: Path) -> int:
    """Let a log grow by bursts, each read before the next; how many lines came."""
    followed = Logs(folder, jobs)
    left = iter(range(_BURSTS))

    def grow(_seconds: float) -> bool:
        with suppress(StopIteration):
            burst = next(left)
            with path.open("a") as file:
                file.write("".join(f"{_line(burst * _BURST + index)}\n" for index in range(_BURST)))
            return False
        return True

    return sum(len(lines) for lines in followed.follow(followed.end(), Wanted(), grow))
