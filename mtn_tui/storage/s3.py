"""Backups in a bucket: MinIO, AWS, SeaweedFS, or whatever else speaks S3."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from minio import Minio
from minio.credentials.providers import Provider
from minio.error import S3Error
from minio.helpers import DictType, check_bucket_name
from minio.sse import SseS3
from urllib3.response import BaseHTTPResponse

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.clock import Clock, SystemClock
from mtn_tui.core.errors import (
    AlreadyThere,
    ConfigError,
    MtnError,
    NotFound,
    StorageError,
    StorageUnavailable,
)
from mtn_tui.core.i18n import _
from mtn_tui.storage import multipart
from mtn_tui.storage.base import BUCKETS, NEVER, Entry, Readable, checked_key, storable
from mtn_tui.storage.listing import objects
from mtn_tui.storage.multipart import Unfinished
from mtn_tui.storage.s3_answers import Answers
from mtn_tui.storage.s3_errors import Bucket, Right, http_date
from mtn_tui.storage.s3_keys import Keys, static_keys
from mtn_tui.storage.s3_pool import connections
from mtn_tui.storage.span import Span, ends_early
from mtn_tui.storage.upload import Habits, Upload

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 30.0
SMALLEST_PART = 16 << 20
LEAST_PART = 5 << 20
"""What S3 allows at least, for where more is refused at once."""
_PARTS = 5000
"""Half of S3's 10,000, since a size is an estimate where it is one."""
MOST_PARTS = 9000
_BUFFER = 1 << 20
_CHEAPER_FROM = 128 << 10
"""Bytes from which AWS's infrequent-access classes cost less: smaller objects are billed as this many."""
_MARK = "x-amz-meta-mtn"
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class S3Storage:
    """The contract of ``base`` over one bucket, which has to exist. Safe from several threads.

    ``endpoint`` is ``host`` or ``host:port``. Keys are given as such, or as a
    ``credentials`` provider. ``part_size`` in bytes fixes what is otherwise
    max(16 MiB, size / 5,000). Up to ``uploads_at_once`` parts of one put are
    under way while one more is read: so many parts, and two more for copies,
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
        self._secure = secure
        self._provider = Keys(credentials) if credentials else static_keys(access_key, secret_key)
        # Others take any region; asking for it would be a request more for each put.
        self._region = region or (None if aws else "us-east-1")
        self._part_size = part_size
        self._uploads_at_once = uploads_at_once
        self._storage_class = storage_class
        self._sse = SseS3() if encrypt else None
        self._habits = Habits()
        self._connected = partial(
            connections, secure=secure, ca_file=ca_file, connect_timeout=connect_timeout, width=8
        )
        self._connect(read_timeout)
        try:
            if not endpoint:
                raise ValueError("no host")
            check_bucket_name(bucket, s3_check=aws)
            self._client = self._speaking()
        except ValueError as error:
            raise ConfigError(
                _("{endpoint} with the bucket {bucket!r} is no S3 address: {reason}.").format(
                    endpoint=endpoint, bucket=bucket, reason=error
                ),
                _("Correct MINIO_ENDPOINT and MINIO_BUCKET, or S3_BUCKET on AWS."),
            ) from error

    @property
    def identity(self) -> str:
        return f"bucket {self._endpoint}/{self.bucket}"

    @property
    def place(self) -> str:
        return self._where.place

    def check(self) -> None:
        with self._asking(right=Right.LIST):
            # A listing, since a HEAD is refused without a reason. What may be put is only told by a put.
            next(self._client.list_objects(self.bucket, prefix="mtn-check/", recursive=True), None)

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
    ) -> Entry:
        """As the contract says; ``mark`` is kept with the object, ASCII of at most 1,000 bytes."""
        checked_key(key)
        if exclusive:
            self._must_be_free(key)
        upload = Upload(
            self._pool,
            source,
            key,
            size=size,
            exclusive=exclusive,
            cancel=cancel,
            habits=self._habits,
            look=lambda: self._must_be_free(key),
        )
        part = self._part_of(size if size is not None else size_hint)
        try:
            result = self._speaking(upload).put_object(
                self.bucket,
                key,
                cast(BinaryIO, upload),
                -1,
                metadata=self._headers(size, mark),
                sse=self._sse,
                part_size=part,
                num_parallel_uploads=self._uploads_at_once,
            )
        except Exception as error:
            if upload.failure is not None and upload.from_source:
                raise upload.failure from None
            if isinstance(error, MtnError):
                raise
            cause = upload.failure if isinstance(upload.failure, Exception) else error
            if _too_large(cause) and part > LEAST_PART and upload.taken > LEAST_PART:
                self._habits.small_parts = True
                raise self._where.unavailable(
                    _("it takes no {size} MB at once; the next try sends less").format(size=part >> 20)
                ) from cause
            raise self._where.error(cause, key, Right.PUT) from cause
        # AWS may say 200 and put the error into the body, which minio takes for a success.
        with suppress(NotFound):
            stored = self.stat(key)
            if result.etag and stored.size == upload.taken:
                return stored
        raise self._where.unavailable(_("it did not keep all of {key}").format(key=key))

    @contextmanager
    def open(self, key: str, start: int = 0, length: int | None = None) -> Iterator[BinaryIO]:
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
        with self._asking(key, Right.GET):
            response = self._get(key, start, length)
        try:
            left = self._length(response, key, start, length)
            with io.BufferedReader(
                Span(_Pieces(response, self._where), left, self._broken), _BUFFER
            ) as reader:
                yield reader
        finally:
            # Closed unless it was read to its end: what is left of a part is not worth waiting for.
            response.close()
            response.release_conn()

    def stat(self, key: str) -> Entry:
        with self._first_byte(key) as response:
            if response is None:
                found = self._client.stat_object(self.bucket, key)
                return Entry(key, found.size or 0, found.last_modified or NEVER)
            return Entry(
                key, self._size(response, key), http_date(response.headers.get("Last-Modified")) or NEVER
            )

    def mark(self, key: str) -> str:
        """What ``put`` was given as ``mark``; empty where it was given none. Raises NotFound."""
        with self._first_byte(key) as response:
            if response is None:
                told = self._client.stat_object(self.bucket, key).metadata or {}
                return next((str(value) for name, value in told.items() if name.lower() == _MARK), "")
            return str(response.headers.get(_MARK, ""))

    @contextmanager
    def _first_byte(self, key: str) -> Iterator[BaseHTTPResponse | None]:
        """The answer to a request for an object's first byte; None where it has none.

        Not to a HEAD: a refused HEAD has no reason in it, and one whose answer is cut in the middle of its
        headers cannot be told from a whole one.
        """
        checked_key(key)
        with self._asking(key, Right.GET):
            try:
                response = self._client.get_object(self.bucket, key, length=1)
            except S3Error as error:
                if error.code != "InvalidRange":
                    raise
                yield None
                return
            try:
                yield response
            finally:
                response.close()
                response.release_conn()

    def taken(self, key: str) -> AlreadyThere:
        """The error for a key that another has."""
        return self._where.taken(key)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        with self._asking(right=Right.LIST):
            found = [found for found in objects(self._client, self.bucket, prefix) if storable(found.key)]
        # Servers that keep folders (SeaweedFS) list "a/b" before "a-b".
        yield from sorted(found, key=lambda entry: entry.key)

    def delete(self, key: str) -> None:
        checked_key(key)
        try:
            with self._asking(key, Right.DELETE):
                self._client.remove_object(self.bucket, key)
        except NotFound:
            return

    def free(self) -> int | None:
        return None

    @property
    def refuses_taken_names(self) -> bool:
        """Whether the server itself has an exclusive put fail where the name is taken, as far as is known."""
        return self._habits.conditional

    def put_in_parts(self, key: str, data: bytes) -> None:
        """Put a few bytes as large objects are put: as an upload of one part."""
        with self._asking(checked_key(key), Right.PUT):
            multipart.put(self._client, self.bucket, key, data)

    def unfinished(self) -> tuple[Unfinished, ...]:
        """Uploads begun and not ended, also those that are going on now, ours or not."""
        with self._asking(right=Right.UPLOADS):
            return tuple(multipart.unfinished(self._client, self.bucket))

    def abort_unfinished(self, matches: Callable[[Unfinished], bool]) -> tuple[Unfinished, ...]:
        """Abort those that ``matches``; return them.

        The caller makes sure that none of them is going on: the server can't.
        """
        aborted: dict[str, Unfinished] = {}
        while True:
            found = [upload for upload in self.unfinished() if upload.id not in aborted and matches(upload)]
            if not found:
                return tuple(aborted.values())
            for upload in found:
                with self._asking(upload.key, Right.ABORT):
                    multipart.abort(self._client, self.bucket, upload)
                aborted[upload.id] = upload

    def hurried(self, seconds: float) -> S3Storage:
        """The same bucket, for questions that can't wait: each answer has to begin within ``seconds``.

        Closed by whoever asked for it.
        """
        store = copy(self)
        store._connect(min(seconds, self._patience))
        store._client = store._speaking()
        return store

    def close(self) -> None:
        """Close the idle connections; the store can still be used."""
        self._connections.clear()

    def _connect(self, read_timeout: float) -> None:
        self._patience = read_timeout
        self._connections = self._connected(read_timeout=read_timeout)
        self._pool = Answers(self._connections, self.bucket, self._provider.retrieve)

    def _speaking(self, through: Upload | None = None) -> Minio:
        return Minio(
            self._endpoint,
            secure=self._secure,
            region=self._region,
            credentials=self._provider,
            http_client=through or self._pool,
        )

    @contextmanager
    def _asking(self, key: str = "", right: Right | None = None) -> Iterator[None]:
        """Sort the errors of the block, which needs ``right``."""
        try:
            yield
        except MtnError:
            raise
        except Exception as error:
            raise self._where.error(error, key, right) from error

    def _must_be_free(self, key: str) -> None:
        try:
            self.stat(key)
        except NotFound:
            return
        raise self._where.taken(key)

    def _part_of(self, expected: int | None) -> int:
        """Bytes of a part, for an object of so many bytes at most."""
        least = LEAST_PART if self._habits.small_parts else SMALLEST_PART
        most = MOST_PARTS if self._habits.small_parts else _PARTS
        return self._part_size or max(least, -(-(expected or 0) // most))

    def _headers(self, size: int | None, mark: str) -> DictType | None:
        headers: DictType = {_MARK: mark} if mark else {}
        if self._storage_class is not None and (size is None or size >= _CHEAPER_FROM):
            headers["x-amz-storage-class"] = self._storage_class
        return headers or None

    def _get(self, key: str, start: int, length: int | None) -> BaseHTTPResponse:
        try:
            return self._client.get_object(self.bucket, key, offset=start, length=length or 0)
        except S3Error as error:
            if error.code == "InvalidRange":
                raise ends_early(key, self.stat(key).size) from error
            raise

    def _size(self, first: BaseHTTPResponse, key: str) -> int:
        """An object's size, from the answer to a request for its first byte."""
        if not _Pieces(first, self._where).read(1) and first.headers.get("Content-Length") != "0":
            raise self._broken()
        match = _RANGE.match(first.headers.get("Content-Range", ""))
        whole = first.headers.get("Content-Length") if first.status != 206 else None
        told = match[3] if match else whole
        if told is None:
            raise self._where.unavailable(_("it does not tell the size of {key}").format(key=key))
        return int(told)

    def _length(self, response: BaseHTTPResponse, key: str, start: int, length: int | None) -> int:
        """How many bytes of this answer are the ones asked for. Raises Truncated, StorageUnavailable."""
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


def _too_large(cause: Exception) -> bool:
    return isinstance(cause, S3Error) and cause.response.status == 413


class _Pieces:
    """An answer's reads as they came over the wire, with their errors sorted."""

    def __init__(self, response: BaseHTTPResponse, where: Bucket) -> None:
        self._response = response
        self._where = where

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._response.read(size, decode_content=False)
        except Exception as error:
            raise self._where.error(error) from error
