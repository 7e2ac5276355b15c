"""Sends a payload to the bucket while it is being written, and again from disk when that fails.

The bucket never holds up the dump: this runs on a thread of its own and reads
the file, not the pipe. Its time is limited from the moment the payload is whole.
"""

from __future__ import annotations

import math
import threading

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.clock import Clock
from mtn_tui.core.errors import Cancelled, StorageError, StorageUnavailable
from mtn_tui.core.i18n import _
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.pipeline import Handle, background
from mtn_tui.storage.part import PartFile
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
        self.seconds = 0.0
        """How long it took, once it has ended."""
        self._handle: Handle[StorageError | None] = background(self._send, "mtn-upload")

    def wait(self, minutes: float) -> StorageError | None:
        """Give it ``minutes`` more; return why the bucket has not got the payload, None where it has."""
        self._deadline = self._clock.monotonic() + minutes * 60
        self._timer = threading.Timer(minutes * 60, self._token.cancel)
        self._timer.daemon = True
        self._timer.start()
        with self._job.token.calling(self._token.cancel):
            self._handle.join()
        self._job.token.check()
        return self._handle.result()

    def __enter__(self) -> Upload:
        return self

    def __exit__(self, *_unused: object) -> None:
        self._token.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._handle.join()

    def _send(self) -> StorageError | None:
        pause = _FIRST_PAUSE
        attempt = 0
        problem: StorageError
        while True:
            attempt += 1
            try:
                with self._part.follow(deadline=lambda: self._deadline, cancel=self._token) as reader:
                    self._bucket.put(
                        self._key,
                        reader,
                        size_hint=self._size_hint,
                        exclusive=attempt == 1,
                        cancel=self._token,
                    )
                self.seconds = self._clock.monotonic() - self._began
                return None
            except StorageUnavailable as error:
                problem = error
            except StorageError as error:
                return error
            except Cancelled:
                return _out_of_time()
            self._job.note("warn", "upload-failed", attempt=attempt, reason=problem.title, pause=pause)
            if self._clock.monotonic() + pause >= self._deadline or self._token.wait(pause):
                return problem
            pause = min(pause * 2, _LONGEST_PAUSE)


def _out_of_time() -> StorageError:
    return StorageUnavailable(
        _("The bucket did not take the backup in time."),
        _("The backup is whole on disk. Send it when the bucket answers: see runbook 5.4."),
    )
