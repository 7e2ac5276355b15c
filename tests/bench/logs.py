"""A log of a gigabyte: opened, scrolled, searched; and followed while it grows.

Each function does one thing that can be timed, and returns what it found.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mtn_tui.engine.logs import Logs, Wanted
from mtn_tui.engine.logwindow import LogWindow

GIGABYTE = 1 << 30
_AT_ONCE = 100_000
_START = datetime(2026, 1, 1, tzinfo=UTC)


def make_log(path: Path, size: int = GIGABYTE) -> int:
    """Fill a log with lines like those of our jobs, none of them an error. How many there are."""
    count = 0
    with path.open("wb") as file:
        while file.tell() < size:
            file.write("".join(f"{line(count + index)}\n" for index in range(_AT_ONCE)).encode())
            count += _AT_ONCE
    return count


def line(number: int) -> str:
    moment = _START + timedelta(milliseconds=10 * number)
    text = f"copy-proven name=admision_mtn_full_db1_20261124_030004.sql.gz.gpg store=disk number={number}"
    return f"{moment.isoformat(timespec='seconds')} INFO  {text}"


def first_page(folder: Path, jobs: Path) -> LogWindow:
    """Open the logs as the screen does, up to what it first shows."""
    window = LogWindow(Logs(folder, jobs))
    window.to_end()
    window.older()
    return window


def earlier_pages(window: LogWindow, count: int) -> int:
    """Scroll back; how many lines are held in the end."""
    for _turn in range(count):
        window.older()
    return len(window.view().lines)


def search_through(folder: Path, jobs: Path) -> bool:
    """Look for an error through all of it; whether there was one."""
    logs = Logs(folder, jobs)
    return bool(logs.previous_error(logs.end()).lines)


def follow(folder: Path, jobs: Path, path: Path, bursts: int, size: int) -> int:
    """Let a log grow by so many bursts of so many lines, each read before the next; how many came."""
    logs = Logs(folder, jobs)
    left = iter(range(bursts))

    def grow(_seconds: float) -> bool:
        with suppress(StopIteration):
            burst = next(left)
            with path.open("a") as file:
                file.write("".join(f"{line(burst * size + index)}\n" for index in range(size)))
            return False
        return True

    return sum(len(lines) for lines in logs.follow(logs.end(), Wanted(), grow))
