"""Who is at it: one operation on one database at a time, and no archive deleted while it is read.

A lock is a ``flock`` of the kernel's, held by an open file and let go when the
process ends, however it ends; the file's content only tells who. The file of a
lock is never deleted: whoever had opened it before would then hold a lock on
nothing. A lease's file may be, by whoever claims the archive, since leases look
whether the file they locked is still the one of that name.

Both need a local file system; another host is kept out by the advisory lock of
PostgreSQL whose key is made here.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType

from mtn_tui.core.errors import Locked, MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.moments import read_moment
from mtn_tui.core.redact import redact
from mtn_tui.engine.statefiles import make_folder, open_found, open_shared, refusal

_WORD = re.compile("[a-z][a-z0-9-]*")
_TRIES = 10
_TRY_EVERY = 0.02
"""Seconds. A tenth of a second in all: a look at who holds a lock, and the making of its file, take less."""

LEASE_WAIT = 10.0
"""Seconds that a lease waits for an archive that is being deleted just then."""


TURN_WAIT = 60.0
"""Seconds that a turn is waited for: a bucket that does not answer is given up in less."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock: ``job`` is an id, ``since`` is in UTC."""

    operation: str
    database: str
    job: str
    operator: str
    host: str
    pid: int
    since: datetime

    @classmethod
    def parse(cls, text: bytes) -> Holder | None:
        """None where it is not, or not yet, the whole of one."""
        try:
            found = json.loads(text)
            since = read_moment(found["since"])
            words = {name: str(found[name]) for name in ("operation", "database", "job", "operator", "host")}
            return cls(**words, pid=int(found["pid"]), since=since)
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None

    def encoded(self) -> bytes:
        record = {**asdict(self), "since": self.since.isoformat()}
        record |= {"database": redact(self.database), "operator": redact(self.operator)}
        return json.dumps(record).encode("ascii") + b"\n"


def slug(name: str) -> str:
    """A file name for any name, at most 100 bytes: its letters to be read, its hash to be told apart.

    In lower case, since ``Foo`` and ``foo`` are two databases and, on macOS, one file.
    """
    readable = re.sub("[^a-z0-9_.]+", "-", name.lower()).strip("-.")[:60]
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{readable}-{digest}" if readable else digest


def lock_path(folder: Path, database: str, operation: str) -> Path:
    """Where the lock of that operation on that database is: ``<slug>-<operation>.lock``."""
    if not _WORD.fullmatch(operation):
        raise ValueError(f"not an operation: {operation!r}")
    return folder / f"{slug(database)}-{operation}.lock"


def advisory_key(system_identifier: int, database: str, operation: str) -> int:
    """The key of ``pg_advisory_lock`` for that operation: the first 64 bits of a SHA-256, signed."""
    text = json.dumps(["mtn lock 1", system_identifier, database, operation])
    return int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:8], "big", signed=True)


class FileLock:
    """One operation's lock, taken on entering the block, never waited for.

    Locked where somebody has it; NoSpace or another StorageError where its file
    can't be made.
    """

    def __init__(self, path: Path, holder: Holder, beside: Sequence[Path] = ()) -> None:
        """``beside`` are other files that the same lock may be held by: it is Locked by those too."""
        self.path = path
        self.holder = holder
        self._beside = [one for one in beside if one != path]
        self._fd = -1

    def acquire(self) -> None:
        if self._fd >= 0:
            raise ValueError("this lock is held already")
        try:
            make_folder(self.path.parent)
            fd = self._take()
            try:
                _say(fd, self.holder.encoded())
            except OSError:
                os.close(fd)
                raise
        except OSError as error:
            raise refusal(error, self.path) from error
        self._fd = fd
        for path in self._beside:
            if _is_held(path):
                found = holder_of(path)
                self.release()
                raise _busy(self.holder, found)

    def release(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                _say(fd, b"")
            except OSError as error:
                raise refusal(error, self.path) from error
            finally:
                os.close(fd)

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _take(self) -> int:
        for left in reversed(range(_TRIES)):
            try:
                fd = open_shared(self.path, os.O_RDWR)
            except PermissionError:
                # Another operator is making it just now, and has not opened it to the group yet.
                if not left:
                    raise
                time.sleep(_TRY_EVERY)
                continue
            try:
                if try_lock(fd, fcntl.LOCK_EX):
                    return fd
                holder = Holder.parse(os.pread(fd, 1 << 16, 0))
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)
            if left:
                time.sleep(_TRY_EVERY)
        raise _busy(self.holder, holder)


def _say(fd: int, content: bytes) -> None:
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, content, 0)
    except OSError as error:
        # The lock holds without it, and what frees a full disk needs a lock too.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise


def _is_held(path: Path) -> bool:
    try:
        fd = open_found(path)
    except OSError:
        return False  # not there, or not ours to see: the server's own lock is left
    try:
        return not try_lock(fd, fcntl.LOCK_SH)
    finally:
        os.close(fd)


def holder_of(path: Path) -> Holder | None:
    """Who holds the lock just now; None where nobody does, or has not said so yet."""
    try:
        fd = open_found(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal(error, path) from error
    try:
        return None if try_lock(fd, fcntl.LOCK_SH) else Holder.parse(os.pread(fd, 1 << 16, 0))
    finally:
        os.close(fd)


@contextmanager
def lease(folder: Path | None, archive: str) -> Iterator[None]:
    """Hold an archive that is being read: nobody deletes it while in the block. Any number may.

    Locked where it is being deleted; look whether it is still there once inside.
    Without a folder nothing is held.
    """
    if folder is None:
        yield
        return
    fd = _hold_within(LEASE_WAIT, folder / f"{slug(archive)}.lease", fcntl.LOCK_SH)
    if fd is None:
        raise Locked(
            _("{archive} is being deleted just now.").format(archive=archive),
            _("Choose another backup: mtn list"),
        )
    try:
        yield
    finally:
        os.close(fd)


def is_leased(folder: Path, archive: str) -> bool:
    """True where somebody reads the archive (or claims it) just now."""
    path = folder / f"{slug(archive)}.lease"
    try:
        fd = open_found(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise refusal(error, path) from error
    try:
        return not try_lock(fd, fcntl.LOCK_EX)
    finally:
        os.close(fd)


@contextmanager
def claim(folder: Path, archive: str) -> Iterator[bool]:
    """To delete an archive: True where nobody reads it, and nobody can lease it while in the block."""
    path = folder / f"{slug(archive)}.lease"
    fd = _hold(path, fcntl.LOCK_EX)
    try:
        yield fd is not None
    finally:
        if fd is not None:
            path.unlink(missing_ok=True)
            os.close(fd)


@contextmanager
def turn(folder: Path | None, what: str) -> Iterator[None]:
    """One at a time of this machine: waits for whoever is at ``what``. Locked where that takes TURN_WAIT.

    Without a folder nobody is waited for.
    """
    if folder is None:
        yield
        return
    fd = _hold_within(TURN_WAIT, folder / f"{slug(what)}.turn", fcntl.LOCK_EX)
    if fd is None:
        raise Locked(_("Somebody else is writing there just now."), _("Try it again in a minute."))
    try:
        yield
    finally:
        os.close(fd)


def _hold_within(seconds: float, path: Path, kind: int) -> int | None:
    """As ``_hold``, tried until so many seconds are over."""
    deadline = time.monotonic() + seconds
    while (fd := _hold(path, kind)) is None and time.monotonic() <= deadline:
        time.sleep(_TRY_EVERY)
    return fd


def _hold(path: Path, kind: int) -> int | None:
    """Lock the file of that name, made where there is none. None where it is locked, or was just deleted."""
    try:
        make_folder(path.parent)
        fd = open_shared(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal(error, path) from error
    try:
        if try_lock(fd, kind) and is_still(fd, path):
            return fd
    except OSError as error:
        os.close(fd)
        raise refusal(error, path) from error
    os.close(fd)
    return None


def try_lock(fd: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Take the ``flock`` of that kind, if nobody stands in the way."""
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_still(fd: int, path: Path) -> bool:
    """Whether the open file is the one of that name: whoever held it may have removed it meanwhile."""
    try:
        return os.path.samestat(os.fstat(fd), path.lstat())
    except FileNotFoundError:
        return False


def _busy(wanted: Holder, holder: Holder | None) -> MtnError:
    if holder is None:
        return Locked(
            _("Somebody else is at it: {operation} of {database}.").format(
                operation=wanted.operation, database=wanted.database
            ),
            _("See who, and wait for it to end: mtn job list"),
        )
    return Locked(
        _(
            "{operator} is at it already: {operation} of {database} on {host}, since {since}, job {job}."
        ).format(
            operator=holder.operator,
            operation=holder.operation,
            database=holder.database,
            host=holder.host,
            since=holder.since.astimezone().strftime("%Y-%m-%d %H:%M:%S %z"),
            job=holder.job,
        ),
        _("Wait for it to end (mtn job list), or stop it: mtn job cancel {job}").format(job=holder.job),
    )
