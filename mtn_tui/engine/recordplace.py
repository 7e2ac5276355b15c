"""Where journals and locks are kept: the state folder, or another if it is not writable.

A full or read-only disk must not prevent a restore. So if the state folder
takes no file, a folder is made in memory (/run, /dev/shm) or among temporary
files, with a name derived from the state folder and the user, so that the next
process finds it. Those places are open to everybody: the folder counts only if
it is a real one, owned by us and closed to all others.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtn_tui.core.errors import StorageError
from mtn_tui.engine.statefiles import refusal, try_writing

_MEMORY = (Path("/run"), Path("/dev/shm"))  # noqa: S108 - what is made there is ours alone, or not used


@dataclass(frozen=True)
class RecordPlace:
    """Where to keep records.

    ``folder`` is None if no folder takes a file; ``trouble`` is why the state folder does not.
    """

    folder: Path | None
    trouble: StorageError | None = None


def choose(state: Path, temporary: Path) -> RecordPlace:
    """Return the state folder if it is writable now, else the first writable spare folder."""
    try:
        try_writing(state)
    except OSError as error:
        trouble = refusal(error, state)
    else:
        return RecordPlace(state)
    return RecordPlace(next(usable(spare_folders(state, temporary)), None), trouble)


def usable(spares: Iterable[Path]) -> Iterator[Path]:
    """Yield those of ``spare_folders`` that are writable now, creating them if needed."""
    for folder in spares:
        try:
            _make(folder)
            try_writing(folder)
        except OSError:
            continue
        yield folder


def folders(state: Path, temporary: Path) -> tuple[Path, ...]:
    """Return all folders that may have records of this installation, the state folder first. Creates none."""
    return (state, *ours(spare_folders(state, temporary)))


def ours(spares: Iterable[Path]) -> tuple[Path, ...]:
    """Return those of ``spare_folders`` that exist and can be trusted."""
    return tuple(one for one in spares if _is_ours(one))


def spare_folders(state: Path, temporary: Path) -> list[Path]:
    """Return the folders to use instead of ``state``, in order, for the current user."""
    digest = hashlib.sha256(os.fsencode(state.absolute())).hexdigest()[:16]
    name = f"mtn-{os.geteuid()}-{digest}"
    # Not tempfile.gettempdir(): it raises where all disks are full, and names another folder for each.
    usual = [Path(one) for one in (os.environ.get("TMPDIR"), "/tmp") if one]  # noqa: S108 - as those above
    bases = [*_MEMORY, Path(f"/run/user/{os.geteuid()}"), temporary, *usual]
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
    """Return the folders of journals in ``places``."""
    return tuple(one / "jobs" for one in places)
