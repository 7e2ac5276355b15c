"""Sends a payload to the bucket while it is being written, and again from disk when that fails.

The bucket never holds up the dump: this runs on a thread of its own and reads
the file, not the pipe. Its time is limited from the moment the payload is whole.

The roles' file is there before anything else of that name: it is our claim on
it. It is whole before the payload can be seen, and the manifest comes after it,
so that nothing half-made looks whole, or like a file of the scripts'. What does
not become whole is taken back, as far as it bears our mark. The file of keys comes
last: where it does not, the backup is whole without.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.clock import Clock
from mtn_tui.core.errors import AlreadyThere, Cancelled, NotFound, StorageError, StorageUnavailable
from mtn_tui.core.i18n import _
from mtn_tui.core.models import KEYS, MANIFEST, ROLES
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.pipeline import Handle, background
from mtn_tui.operations.backup.naming import Claimed, claim
from mtn_tui.operations.common.installation import Mark
from mtn_tui.storage.base import BUCKETS, Readable

if TYPE_CHECKING:
    from mtn_tui.storage.s3 import S3Storage

_FIRST_PAUSE = 2.0
_LONGEST_PAUSE = 30.0


class Upload:
    """The upload of one payload. ``wait`` returns how it ended; leaving the block before cancels it."""

    def __init__(
        self, job: Job, bucket: S3Storage, claimed: Claimed, mark: Mark, size_hint: int, clock: Clock
    ) -> None:
        """``size_hint``: bytes that the payload may have at the most, which the size of its parts follows."""
        self._job = job
        self._bucket = bucket
        self._key = claimed.name.key
        self._part = claimed.part
        self._mark = mark
        self._tried = claimed.in_bucket
        self._put = {ROLES} if claimed.in_bucket else set()
        """Suffixes of our objects under that key, as far as the bucket has confirmed them."""
        self._size_hint = size_hint
        self._clock = clock
        self._token = CancelToken()
        self._deadline = math.inf
        self._began = clock.monotonic()
        self._timer: threading.Timer | None = None
        self._roles = b""
        self._whole = False
        self.seconds = 0.0
        """How long it took, once it has ended."""
        self._handle: Handle[StorageError | None] = background(self._send, "mtn-upload")

    def bring(self, roles: bytes) -> None:
        """Set the roles' file, which lies beside the payload. Call it before the payload is committed."""
        self._roles = roles

    def wait(self, minutes: float, signed: bytes, keys: Path | None = None) -> StorageError | None:
        """Wait at most ``minutes`` for the payload, then for the manifest, ``signed``, and the file of keys.

        Returns why the bucket has not got the backup; None if it has. Keys that are missing are only noted.
        """
        self._deadline = self._clock.monotonic() + minutes * 60
        self._timer = threading.Timer(minutes * 60, self._token.cancel)
        self._timer.daemon = True
        self._timer.start()
        with self._job.token.calling(self._token.cancel):
            self._handle.join()
            problem = self._handle.result()
            if problem is None:
                problem = self._insist(lambda _attempt: self._put_manifest(signed))
            self._whole = problem is None
            if self._whole and keys is not None and keys.exists():
                missing = self._insist(lambda _attempt: self._put_keys(keys))
                if missing is not None:
                    self._job.note("warn", "no-keys", store=self._bucket.name, reason=missing.title)
        self._job.token.check()
        return problem

    def __enter__(self) -> Upload:
        return self

    def __exit__(self, *_unused: object) -> None:
        self._token.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._handle.join()
        if not self._whole:
            self._take_back()

    def _send(self) -> StorageError | None:
        problem = None if self._put else self._insist(self._claim)
        problem = problem or self._insist(self._put_payload)
        self.seconds = self._clock.monotonic() - self._began
        return problem

    def _insist(self, work: Callable[[int], None]) -> StorageError | None:
        """Call ``work`` with the attempt's number, again while the bucket is silent; return its error."""
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

    def _claim(self, _attempt: int) -> None:
        self._tried = True
        claim(self._bucket, self._key, self._mark)
        self._put.add(ROLES)

    def _put_payload(self, attempt: int) -> None:
        with self._part.follow(deadline=lambda: self._deadline, cancel=self._token) as reader:
            source = _Preceded(reader, self._put_roles)
            try:
                self._bucket.put(
                    self._key,
                    source,
                    size_hint=self._size_hint,
                    exclusive=True,
                    cancel=self._token,
                    mark=str(self._mark),
                )
            except AlreadyThere:
                # It may be our own: the last answer of the attempt before can have been lost on its way.
                lost = attempt > 1 and self._bucket.stat(self._key).size == self._part.tell()
                if not lost or self._bucket.mark(self._key) not in (str(self._mark), ""):
                    raise
        self._put.add("")

    def _put_roles(self) -> None:
        self._must_be_ours(ROLES)
        self._put_beside(ROLES, self._roles)

    def _put_keys(self, path: Path) -> None:
        self._must_be_ours("")
        with path.open("rb") as stream:
            self._bucket.put(
                self._key + KEYS,
                stream,
                path.stat().st_size,
                cancel=self._token,
                mark=str(self._mark),
            )

    def _put_manifest(self, signed: bytes) -> None:
        self._must_be_ours("")
        try:
            self._put_beside(MANIFEST, signed, exclusive=True)
        except AlreadyThere:
            if not self._is_ours(MANIFEST):
                raise
        self._put.add(MANIFEST)

    def _put_beside(self, suffix: str, data: bytes, *, exclusive: bool = False) -> None:
        self._bucket.put(
            self._key + suffix,
            io.BytesIO(data),
            len(data),
            exclusive=exclusive,
            cancel=self._token,
            mark=str(self._mark),
        )

    def _is_ours(self, suffix: str) -> bool:
        """Whether an object is ours: by its mark or, if the server keeps none, because we have put it."""
        mark = self._bucket.mark(self._key + suffix)
        return mark == str(self._mark) or (not mark and suffix in self._put)

    def _must_be_ours(self, suffix: str) -> None:
        if not self._is_ours(suffix):
            raise self._bucket.taken(self._key + suffix)

    def _take_back(self) -> None:
        """Remove our own objects. Others of the same name may be another installation's."""
        if not self._tried:
            return
        try:
            for suffix in (MANIFEST, "", ROLES):
                with suppress(NotFound):
                    if self._is_ours(suffix):
                        self._bucket.delete(self._key + suffix)
        except StorageError as error:
            self._job.note("warn", "not-taken-back", name=self._key, reason=error.title)


class _Preceded:
    """A stream that calls ``before_end`` at its end, before it says that it has ended."""

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
        _(
            "The backup is whole on disk. The next one that reaches the bucket sends it too; "
            "or send it now: mtn sync"
        ),
        BUCKETS,
    )
