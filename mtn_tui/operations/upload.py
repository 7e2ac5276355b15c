"""Sends a payload to the bucket while it is being written, and again from disk when that fails.

The bucket never holds up the dump: this runs on a thread of its own and reads
the file, not the pipe. Its time is limited from the moment the payload is whole.

What lies beside the payload is put there before the payload can be seen, and
the manifest after it, so that nothing half-made looks whole, or like a file of
the scripts'. What does not become whole is taken back.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.clock import Clock
from mtn_tui.core.errors import AlreadyThere, Cancelled, StorageError, StorageUnavailable
from mtn_tui.core.i18n import _
from mtn_tui.core.models import MANIFEST, ROLES
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.pipeline import Handle, background
from mtn_tui.storage.base import Readable
from mtn_tui.storage.part import PartFile

if TYPE_CHECKING:
    from mtn_tui.storage.s3 import S3Storage

_FIRST_PAUSE = 2.0
_LONGEST_PAUSE = 30.0


class Upload:
    """One payload on its way. ``wait`` tells how it ended; leaving the block without it gives it up."""

    def __init__(
        self, job: Job, bucket: S3Storage, key: str, part: PartFile, size_hint: int, clock: Clock
    ) -> None:
        """``size_hint``: bytes that the payload may have at the most, which the size of its parts follows."""
        self._job = job
        self._bucket = bucket
        self._key = key
        self._part = part
        self._size_hint = size_hint
        self._clock = clock
        self._token = CancelToken()
        self._deadline = math.inf
        self._began = clock.monotonic()
        self._timer: threading.Timer | None = None
        self._roles = b""
        self._begun_beside = False
        self._whole = False
        self.seconds = 0.0
        """How long it took, once it has ended."""
        self._handle: Handle[StorageError | None] = background(self._send, "mtn-upload")

    def bring(self, roles: bytes) -> None:
        """What has to lie beside the payload. To be called before the payload is committed."""
        self._roles = roles

    def wait(self, minutes: float, signed: bytes) -> StorageError | None:
        """Give it ``minutes`` more for the payload and then the manifest, ``signed``.

        Returns why the bucket has not got them, None where it has.
        """
        self._deadline = self._clock.monotonic() + minutes * 60
        self._timer = threading.Timer(minutes * 60, self._token.cancel)
        self._timer.daemon = True
        self._timer.start()
        with self._job.token.calling(self._token.cancel):
            self._handle.join()
            problem = self._handle.result()
            if problem is None:
                problem = self._insist(lambda _attempt: self._put_beside(MANIFEST, signed))
        self._whole = problem is None
        self._job.token.check()
        return problem

    def __enter__(self) -> Upload:
        return self

    def __exit__(self, *_unused: object) -> None:
        self._token.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._handle.join()
        if self._begun_beside and not self._whole:
            self._take_back()

    def _send(self) -> StorageError | None:
        problem = self._insist(self._put_payload)
        self.seconds = self._clock.monotonic() - self._began
        return problem

    def _insist(self, work: Callable[[int], None]) -> StorageError | None:
        """Do ``work``, given the number of the attempt, again where the bucket does not answer in time."""
        pause = _FIRST_PAUSE
        attempt = 0
        problem: StorageError
        while True:
            attempt += 1
            try:
                work(attempt)
            except StorageUnavailable as error:
                problem = error
            except StorageError as error:
                return error
            except Cancelled:
                return _out_of_time()
            else:
                return None
            self._job.note("warn", "upload-failed", attempt=attempt, reason=problem.title, pause=pause)
            if self._clock.monotonic() + pause >= self._deadline or self._token.wait(pause):
                return problem
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _put_payload(self, attempt: int) -> None:
        with self._part.follow(deadline=lambda: self._deadline, cancel=self._token) as reader:
            source = _Preceded(reader, self._put_roles)
            try:
                self._bucket.put(
                    self._key, source, size_hint=self._size_hint, exclusive=True, cancel=self._token
                )
            except AlreadyThere:
                # It may be our own: the last answer of the attempt before can have been lost on its way.
                if attempt == 1 or self._bucket.stat(self._key).size != self._part.tell():
                    raise

    def _put_roles(self) -> None:
        self._begun_beside = True
        self._put_beside(ROLES, self._roles)

    def _put_beside(self, suffix: str, data: bytes) -> None:
        self._bucket.put(self._key + suffix, io.BytesIO(data), len(data), cancel=self._token)

    def _take_back(self) -> None:
        try:
            for suffix in (MANIFEST, "", ROLES):
                self._bucket.delete(self._key + suffix)
        except StorageError as error:
            self._job.note("warn", "not-taken-back", name=self._key, reason=error.title)


class _Preceded:
    """A stream that does something once, at its end, before it says that it has ended."""

    def __init__(self, stream: Readable, before_end: Callable[[], None]) -> None:
        self._stream = stream
        self._before_end = before_end

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        if not data and size:
            self._before_end()
        return data


def _out_of_time() -> StorageError:
    return StorageUnavailable(
        _("The bucket did not take the backup in time."),
        _("The backup is whole on disk. Send it when the bucket answers: see runbook 5.4."),
    )
