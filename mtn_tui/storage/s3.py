"""Backups in a bucket: MinIO, AWS, SeaweedFS, or any other server that speaks S3."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from functools import partial
from pathlib import Path
from typing import BinaryIO

from minio.credentials.providers import Provider
from urllib3.response import BaseHTTPResponse

from mtn_tui.core import i18n
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.clock import Clock, SystemClock
from mtn_tui.core.errors import AlreadyThere, ConfigError, NotFound, StorageError, StorageUnavailable
from mtn_tui.core.i18n import _
from mtn_tui.storage.base import BUCKETS, NEVER, Entry, Readable, checked_key, storable
from mtn_tui.storage.broken_off import Begun, abort_all, furthest
from mtn_tui.storage.listing import Unfinished, objects, unfinished
from mtn_tui.storage.s3_answers import Refused
from mtn_tui.storage.s3_body import Pieces
from mtn_tui.storage.s3_client import Client, Request
from mtn_tui.storage.s3_errors import Bucket, Right, http_date
from mtn_tui.storage.s3_held import MARK, Held, is_versioned
from mtn_tui.storage.s3_keys import Keys, static_keys
from mtn_tui.storage.s3_pool import connections
from mtn_tui.storage.span import Span, ends_early
from mtn_tui.storage.upload import Habits, Upload

CONNECT_TIMEOUT = 5.0
"""Seconds."""
READ_TIMEOUT = 30.0
"""Seconds, for each piece of an answer."""
SMALLEST_PART = 16 << 20
"""Bytes of a part, at least."""
LEAST_PART = 5 << 20
"""Bytes of a part, at least, where large bodies are refused: S3 allows no fewer."""
_PARTS = 5000
"""Parts of an upload, at most: half of S3's 10,000, since the size may be an estimate."""
MOST_PARTS = 9000
"""The same, where large bodies are refused."""
_BUFFER = 1 << 20
_CHEAPER_FROM = 128 << 10
"""Bytes from which AWS's infrequent-access classes cost less: smaller objects are billed as this many."""
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class S3Storage:
    """The contract of ``base`` over one bucket, which has to exist. Safe from several threads.

    ``endpoint`` is ``host`` or ``host:port``. Keys are given as such, or as a
    ``credentials`` provider. ``part_size`` in bytes fixes what is otherwise
    max(16 MiB, size / 5,000). Up to ``uploads_at_once`` parts of one put are
    under way while one more is read: so many parts, and one more for a copy,
    bound the memory of a put. ``storage_class`` and ``encrypt`` (SSE with
    AES256) go with each object, the class only with those that are large enough
    to gain by it. Timeouts in seconds. Raises ConfigError for an endpoint or
    bucket that cannot be one.
    """

    name = "bucket"

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        *,
        access_key: str = "",
        secret_key: str = "",
        credentials: Provider | None = None,
        secure: bool = True,
        region: str | None = None,
        ca_file: Path | None = None,
        part_size: int | None = None,
        uploads_at_once: int = 2,
        storage_class: str | None = None,
        encrypt: bool = False,
        connect_timeout: float = CONNECT_TIMEOUT,
        read_timeout: float = READ_TIMEOUT,
        clock: Clock | None = None,
    ) -> None:
        aws = endpoint.partition(":")[0].endswith((".amazonaws.com", ".amazonaws.com.cn"))
        self.bucket = bucket
        self._where = Bucket(bucket, endpoint, aws, clock or SystemClock())
        self._endpoint = endpoint
        self._part_size = part_size
        self._uploads_at_once = uploads_at_once
        self._storage_class = storage_class
        self._encrypt = encrypt
        self._habits = Habits()
        keys = Keys(credentials) if credentials else static_keys(access_key, secret_key)
        # Other servers accept any region.
        region = region or (None if aws else "us-east-1")

        def connected(patience: float) -> Client:
            pool = connections(
                secure=secure, ca_file=ca_file, connect_timeout=connect_timeout, read_timeout=patience
            )
            return Client(endpoint, bucket, secure=secure, region=region, keys=keys, pool=pool)

        self._connected = connected
        self._patience = read_timeout
        try:
            self._client = connected(read_timeout)
        except ValueError as error:
            raise ConfigError(
                _("{endpoint} with the bucket {bucket!r} is no S3 address: {reason}.").format(
                    endpoint=endpoint, bucket=bucket, reason=error
                ),
                _("Correct MINIO_ENDPOINT and MINIO_BUCKET, or S3_BUCKET on AWS."),
            ) from error

    @property
    def identity(self) -> str:
        """``bucket``, the endpoint and the bucket's name."""
        return f"bucket {self._endpoint}/{self.bucket}"

    @property
    def place(self) -> str:
        """``bucket at host``, translated."""
        return self._where.place

    def check(self) -> None:
        """List the bucket. Whether a put is allowed shows only when one is tried."""
        with self._where.asking(right=Right.LIST):
            # A listing, since a refused HEAD states no reason.
            next(objects(self._client, "mtn-check/"), None)

    def put(
        self,
        key: str,
        source: Readable,
        size: int | None = None,
        *,
        size_hint: int | None = None,
        exclusive: bool = False,
        cancel: CancelToken | None = None,
        mark: str = "",
        begun: Begun | None = None,
        stays: bool = False,
    ) -> Entry:
        """As the contract says; ``mark``, at most 1,000 bytes of ASCII, is kept with the object.

        It goes on with what was ``begun``, whose mark stays. What a server that stops answering has of
        its parts, or has got when it is cancelled, ``stays`` there to go on with.
        """
        checked_key(key)
        if exclusive:
            self._must_be_free(key)
        part = self._part_of(size if size is not None else size_hint)
        upload = self._upload(key, source, part, size, mark)
        upload.exclusive, upload.cancel, upload.begun, upload.stays = exclusive, cancel, begun, stays
        try:
            tag = upload.send()
        except StorageError as error:
            if _too_large(error) and part > LEAST_PART and upload.taken > LEAST_PART:
                self._habits.small_parts = True
                raise self._where.unavailable(
                    _("it takes no {size} at once; the next try sends less").format(size=i18n.size(part))
                ) from error.__cause__
            raise
        # AWS may say 200 and put the error into the body.
        with suppress(NotFound):
            stored = self.stat(key)
            if tag and stored.size == upload.taken:
                return stored
        raise self._where.unavailable(_("it did not keep all of {key}").format(key=key))

    @contextmanager
    def open(self, key: str, start: int = 0, length: int | None = None) -> Iterator[BinaryIO]:
        """Open bytes of an object; as the contract says."""
        checked_key(key)
        if start < 0 or (length is not None and length < 0):
            raise ValueError("a range begins at 0 or later and is not negative")
        if length == 0 or (start > 0 and length is None):
            # S3 has no empty range, and refuses one that begins at the end.
            size = self.stat(key).size
            if start > size:
                raise ends_early(key, size)
            if length == 0 or start == size:
                yield io.BytesIO()
                return
        with self._where.asking(key, Right.GET):
            try:
                response = self._ranged(key, start, length)
            except Refused as error:
                if error.code == "InvalidRange":
                    raise ends_early(key, self.stat(key).size) from error
                raise
        try:
            left = self._length(response, key, start, length)
            with io.BufferedReader(
                Span(Pieces(response, self._where), left, self._broken), _BUFFER
            ) as reader:
                yield reader
        finally:
            # Close the connection rather than read the rest.
            response.close()
            response.release_conn()

    def stat(self, key: str) -> Entry:
        """Return an object's entry, without a tag, by asking for its first byte. Raises NotFound."""
        with self._first_byte(key) as response:
            modified = http_date(response.headers.get("Last-Modified"))
            return Entry(key, self._size(response, key), modified or NEVER)

    def mark(self, key: str) -> str:
        """Return the ``mark`` given to ``put``; empty if none was. Raises NotFound."""
        return self.held(key).mark

    def held(self, key: str) -> Held:
        """Return an object's mark, and whether the server keeps it from being deleted. Raises NotFound."""
        with self._first_byte(key) as response:
            return Held.read(response.headers)

    def keeps_versions(self) -> bool:
        """Whether what is deleted stays as an older version, and so takes up its room."""
        with self._where.asking(right=Right.VERSIONING):
            return is_versioned(self._client.ask(Request("GET", query={"versioning": ""})).body)

    @contextmanager
    def _first_byte(self, key: str) -> Iterator[BaseHTTPResponse]:
        """Ask for an object's first byte; for all of it if it is empty.

        A HEAD will not do: if refused it states no reason, and an answer that is cut in the middle of its
        headers looks complete.
        """
        checked_key(key)
        with self._where.asking(key, Right.GET):
            try:
                response = self._ranged(key, 0, 1)
            except Refused as error:
                if error.code != "InvalidRange":
                    raise
                response = self._ranged(key, 0, None)
            try:
                yield response
            finally:
                response.close()
                response.release_conn()

    def taken(self, key: str) -> AlreadyThere:
        """Return the error for a key that exists already."""
        return self._where.taken(key)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Yield the objects in key order; all pages are read before the first is yielded."""
        with self._where.asking(right=Right.LIST):
            found = [found for found in objects(self._client, prefix) if storable(found.key)]
        # Servers that keep folders (SeaweedFS) list "a/b" before "a-b".
        yield from sorted(found, key=lambda entry: entry.key)

    def delete(self, key: str) -> None:
        """Delete an object; a missing one is no error."""
        checked_key(key)
        try:
            with self._where.asking(key, Right.DELETE):
                self._client.ask(Request("DELETE", key))
        except NotFound:
            return

    def free(self) -> int | None:
        """None: S3 does not tell."""
        return None

    @property
    def refuses_taken_names(self) -> bool:
        """Whether the server itself refuses an exclusive put of a key that exists, as far as is known."""
        return self._habits.conditional

    def put_in_parts(self, key: str, data: bytes) -> None:
        """Put a few bytes the way large objects are put, as an upload of one part."""
        self._upload(checked_key(key), io.BytesIO(data), SMALLEST_PART, len(data)).send(in_parts=True)

    def unfinished(self) -> tuple[Unfinished, ...]:
        """Return all uploads begun and not ended, ours or not, including those in progress."""
        with self._where.asking(right=Right.UPLOADS):
            return tuple(unfinished(self._client))

    def abort_unfinished(self, matches: Callable[[Unfinished], bool]) -> tuple[Unfinished, ...]:
        """Abort the unfinished uploads for which ``matches`` is true; return them.

        The caller makes sure that none of them is in progress: the server can't tell.
        """
        return abort_all(self._client, self._where, self.unfinished, matches)

    def in_parts(self, size: int) -> bool:
        """Whether an object of so many bytes is sent in parts."""
        return size > self._part_of(size)

    def begun(self, key: str, matches: Callable[[Unfinished], bool]) -> Begun | None:
        """The unfinished upload of ``key`` that matches and has got furthest; None if there is none.

        So it is too where the server lists no uploads, or not to us. Raises StorageUnavailable.
        """
        return furthest(self._client, self._where, key, matches)

    def hurried(self, seconds: float) -> S3Storage:
        """Return a store over the same bucket whose answers have to begin within ``seconds``.

        The caller closes it.
        """
        store = copy(self)
        store._patience = min(seconds, self._patience)
        store._client = self._connected(store._patience)
        return store

    def close(self) -> None:
        """Close the idle connections; the store can still be used."""
        self._client.close()

    def _upload(self, key: str, source: Readable, part: int, size: int | None, mark: str = "") -> Upload:
        return Upload(
            client=self._client,
            where=self._where,
            key=key,
            source=source,
            size=size,
            part_size=part,
            at_once=self._uploads_at_once,
            headers=self._headers(size, mark),
            habits=self._habits,
            look=partial(self._must_be_free, key),
        )

    def _must_be_free(self, key: str) -> None:
        try:
            self.stat(key)
        except NotFound:
            return
        raise self._where.taken(key)

    def _part_of(self, expected: int | None) -> int:
        """Return the bytes of a part, for an object of at most ``expected`` bytes."""
        least = LEAST_PART if self._habits.small_parts else SMALLEST_PART
        most = MOST_PARTS if self._habits.small_parts else _PARTS
        return self._part_size or max(least, -(-(expected or 0) // most))

    def _headers(self, size: int | None, mark: str) -> dict[str, str]:
        headers = {"Content-Type": "application/octet-stream"}
        if mark:
            headers[MARK] = mark
        if self._storage_class is not None and (size is None or size >= _CHEAPER_FROM):
            headers["x-amz-storage-class"] = self._storage_class
        if self._encrypt:
            headers["x-amz-server-side-encryption"] = "AES256"
        return headers

    def _ranged(self, key: str, start: int, length: int | None) -> BaseHTTPResponse:
        wanted = {"Range": f"bytes={start}-{start + length - 1 if length else ''}"} if start or length else {}
        return self._client.open(Request("GET", key, headers=wanted))

    def _size(self, first: BaseHTTPResponse, key: str) -> int:
        """An object's size, from the answer to a request for its first byte."""
        if not Pieces(first, self._where).read(1) and first.headers.get("Content-Length") != "0":
            raise self._broken()
        match = _RANGE.match(first.headers.get("Content-Range", ""))
        whole = first.headers.get("Content-Length") if first.status != 206 else None
        told = match[3] if match else whole
        if told is None:
            raise self._where.unavailable(_("it does not tell the size of {key}").format(key=key))
        return int(told)

    def _length(self, response: BaseHTTPResponse, key: str, start: int, length: int | None) -> int:
        """Return how many bytes of the answer were asked for. Raises Truncated, StorageUnavailable."""
        if response.status == 206:
            match = _RANGE.match(response.headers.get("Content-Range", ""))
            first, last, size = map(int, match.groups()) if match else (-1, -1, -1)
            if first != start or (length is None and last + 1 != size):
                raise self._where.unavailable(
                    _("it sent another part of {key} than was asked for").format(key=key)
                )
            sent = last + 1 - first
        elif start:
            raise StorageError(
                _("The server of {place} knows no ranges.").format(place=self.place),
                _("Copy the backup to disk first."),
                BUCKETS,
            )
        else:
            told = response.headers.get("Content-Length")
            sent = int(told) if told is not None else self.stat(key).size
        if length is None:
            return sent
        if sent < length:
            raise ends_early(key, start + sent)
        return length

    def _broken(self) -> StorageUnavailable:
        return self._where.unavailable(_("the connection broke off"))


def _too_large(error: StorageError) -> bool:
    return isinstance(error.__cause__, Refused) and error.__cause__.status == 413
