"""Where journals and locks go: the state folder, or another where it can't be written.

A full or read-only disk must not keep anybody from restoring. So where the
state folder takes no file, a folder of our own is made in memory (/run,
/dev/shm) or among temporary files, under a name that follows from the state
folder and the user: whoever comes next finds it. Those places are everybody's:
the folder counts only if it is a real one, ours, and closed to all others.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtn_tui.core.errors import StorageError
from mtn_tui.engine.statefiles import refusal, try_writing

_MEMORY = (Path("/run"), Path("/dev/shm"))  # noqa: S108 - what is made there is ours alone, or not used


@dataclass(frozen=True)
class RecordPlace:
    """``folder`` is None where none at all takes a file; ``trouble`` is why it is not the state folder."""

    folder: Path | None
    trouble: StorageError | None = None


def choose(state: Path, temporary: Path) -> RecordPlace:
    """The state folder where a file can be written there now, else the first spare folder that takes one."""
    try:
        try_writing(state)
    except OSError as error:
        trouble = refusal(error, state)
    else:
        return RecordPlace(state)
    return RecordPlace(next(usable(spare_folders(state, temporary)), None), trouble)


def usable(spares: Iterable[Path]) -> Iterator[Path]:
    """Those of ``spare_folders`` that take a file now; each is made where there is none."""
    for folder in spares:
        try:
            _make(folder)
            try_writing(folder)
        except OSError:
            continue
        yield folder


def folders(state: Path, temporary: Path) -> tuple[Path, ...]:
    """All that may hold journals or locks of this installation: the state folder first. Nothing is made."""
    return (state, *ours(spare_folders(state, temporary)))


def ours(spares: Iterable[Path]) -> tuple[Path, ...]:
    """Those of ``spare_folders`` that are there and may be believed."""
    return tuple(one for one in spares if _is_ours(one))


def spare_folders(state: Path, temporary: Path) -> list[Path]:
    digest = hashlib.sha256(os.fsencode(state.absolute())).hexdigest()[:16]
    name = f"mtn-{os.geteuid()}-{digest}"
    bases = [*_MEMORY, Path(f"/run/user/{os.geteuid()}"), temporary, Path(tempfile.gettempdir())]
    return [base / name for base in dict.fromkeys(bases)]


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        if not _is_ours(folder):
            raise


def _is_ours(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077


def jobs_in(places: Sequence[Path]) -> tuple[Path, ...]:
    return tuple(one / "jobs" for one in places)
