"""Contenders run in turn, A B C A B C, so that what else the machine does hits them alike."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

STOPWATCH = Path(__file__).with_name("stopwatch.py")


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Finished:
    """One run of a command."""

    seconds: float
    cpu: float
    """Seconds of all its processes; the server's are not among them."""
    peak: int
    """Bytes of memory of its largest process."""
    said: bytes
    server: float = 0
    """Seconds of CPU that the server spent meanwhile."""


@dataclass(frozen=True)
class Contender:
    """A command, and what surrounds each of its runs without being timed."""

    name: str
    command: Sequence[str | Path]
    environment: Mapping[str, str]
    before: Callable[[], None] = _nothing
    size: Callable[[], int] | None = None
    """Bytes of what it made; asked after each run."""
    parts: Callable[[bytes], Mapping[str, float]] | None = None
    """Seconds by phase, out of what it printed."""
    after: Callable[[], None] = _nothing


@dataclass(frozen=True)
class Result:
    """A contender's medians over all runs."""

    name: str
    seconds: float
    cpu: float
    server: float
    peak: int
    """The highest of all runs."""
    size: int | None = None
    parts: Mapping[str, float] = field(default_factory=dict)


def in_turn(
    contenders: Sequence[Contender], runs: int, folder: Path, server_cpu: Callable[[], float]
) -> dict[str, Result]:
    """Run each once, then each again, ``runs`` times; say on stderr who was running.

    ``server_cpu`` tells the seconds of CPU that the server has spent so far.
    """
    finished: dict[str, list[Finished]] = {contender.name: [] for contender in contenders}
    sizes: dict[str, int] = {}
    parts: dict[str, list[Mapping[str, float]]] = {contender.name: [] for contender in contenders}
    for number in range(1, runs + 1):
        for contender in contenders:
            contender.before()
            spent = server_cpu()
            one = timed(contender.command, contender.environment, folder)
            one = replace(one, server=server_cpu() - spent)
            print(f"  {number}/{runs}  {contender.name}: {one.seconds:.1f} s", file=sys.stderr, flush=True)
            finished[contender.name].append(one)
            if contender.size is not None:
                sizes[contender.name] = contender.size()
            if contender.parts is not None:
                parts[contender.name].append(contender.parts(one.said))
            contender.after()
    return {
        name: Result(
            name,
            statistics.median(one.seconds for one in each),
            statistics.median(one.cpu for one in each),
            statistics.median(one.server for one in each),
            max(one.peak for one in each),
            sizes.get(name),
            _medians(parts[name]),
        )
        for name, each in finished.items()
    }


def timed(command: Sequence[str | Path], environment: Mapping[str, str], folder: Path) -> Finished:
    """Run ``command`` in ``folder``; raises CalledProcessError where it fails."""
    figures = folder / "stopwatch.json"
    done = subprocess.run(
        [sys.executable, "-I", "-S", STOPWATCH, figures, *command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        sys.stderr.buffer.write(done.stderr)
        done.check_returncode()
    return Finished(**json.loads(figures.read_text()), said=done.stdout)


def _medians(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {phase: statistics.median(run[phase] for run in runs) for phase in (runs[0] if runs else ())}
