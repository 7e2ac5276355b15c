"""One put into a bucket: it stands between minio and the wire, so that the first failure ends it all.

minio's ``put_object`` reads a part ahead while others are under way. Left to
itself it reads a source to its end although a part has failed; where the source
fails it leaves its threads waiting for ever, and aborts the upload under parts
that are still being sent; and where the abort fails too, it raises that
instead. So the source given to it never raises, but ends; and from then on no
request is let through save the abort. minio then takes its orderly way out, and
``failure`` is what really happened.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import md5
from typing import Any

import urllib3
from urllib3.response import BaseHTTPResponse, HTTPResponse

from mtn_tui.core.cancel import CancelToken
from mtn_tui.storage.base import Readable
from mtn_tui.storage.s3_answers import GOOD
from mtn_tui.storage.span import wrong_size

_PIECE = 1 << 20
_SEND = 1 << 18
"""Bytes given to the socket at once: its timeout is for each, not for a whole part."""


class _Over(Exception):
    """The upload has failed already; never leaves this module and minio."""


@dataclass
class Habits:
    """What a bucket's server has shown of itself; shared by all uploads to it."""

    conditional: bool = True
    """It takes ``If-None-Match``: B2, Ceph RGW and Alibaba's refuse it."""
    checksums: bool = False
    """It wants ``Content-MD5`` with each body: buckets with Object Lock do."""
    small_parts: bool = False
    """What stands before it takes no large bodies."""


class Upload(urllib3.PoolManager):
    """minio's source and its HTTP client for one put, over the connections of ``pool``."""

    def __init__(
        self,
        pool: urllib3.PoolManager,
        source: Readable,
        key: str,
        *,
        size: int | None,
        exclusive: bool,
        cancel: CancelToken | None,
        habits: Habits,
        look: Callable[[], None],
    ) -> None:
        """``look`` raises AlreadyThere where the key is taken: for a server that can't refuse that itself."""
        super().__init__()
        self._pool = pool
        self._source = source
        self._key = key
        self._size = size
        self._exclusive = exclusive
        self._cancel = cancel
        self._habits = habits
        self._look = look
        self._lock = threading.Lock()
        self._over = False
        # minio has the reason of a refusal and will raise it: it needs no more than the end of its source.
        self._refused = False
        self._source_ended = False
        self.taken = 0
        self.failure: BaseException | None = None
        """The first failure of the source (as raised) or of the wire; None where the server refused."""
        self.from_source = False
        """Whether ``failure`` came from the source, the token or the size, to be raised as it is."""

    def read(self, size: int) -> bytes:
        """``size`` bytes of the source, fewer at its end or once anything has failed."""
        pieces = []
        left = size
        try:
            while left and not self._has_failed and not self._source_ended:
                self._check()
                piece = self._source.read(min(left, _PIECE))
                pieces.append(piece)
                left -= len(piece)
                self.taken += len(piece)
                self._source_ended = not piece
                if self._size is not None and (self.taken > self._size or self._source_ended):
                    self._check_size(self._size)
        except BaseException as error:  # noqa: BLE001  # kept, and raised by the caller of put
            self._fail(error, from_source=True)
        return b"" if self._has_failed else b"".join(pieces)

    def urlopen(  # type: ignore[override]  # as minio calls it
        self, method: str, url: str, redirect: bool = True, **options: Any
    ) -> BaseHTTPResponse:
        """Any: urllib3's own options, handed on as they are."""
        if method == "DELETE":
            return self._abort(method, url, redirect, options)
        if self._over:
            raise _Over
        body, headers = options.get("body"), options["headers"]
        if isinstance(body, bytes) and body:
            options["body"] = _Body(self._pieces, body)
        guarded = self._exclusive and _makes_it_visible(method, url)
        # Neither header need be signed.
        if guarded and self._habits.conditional:
            headers["If-None-Match"] = "*"
        if self._habits.checksums and isinstance(body, bytes) and body:
            headers["Content-MD5"] = _md5(body)
        response = self._asked(method, url, redirect, options)
        if "If-None-Match" in headers and _refuses_the_condition(response):
            self._make_sure()
            self._habits.conditional = False
            del headers["If-None-Match"]
            response = self._asked(method, url, redirect, options)
        if "Content-MD5" not in headers and isinstance(body, bytes) and body and _wants_checksum(response):
            self._habits.checksums = True
            headers["Content-MD5"] = _md5(body)
            response = self._asked(method, url, redirect, options)
        if response.status not in GOOD:
            self._refused = True
        return response

    def _asked(self, method: str, url: str, redirect: bool, options: dict[str, Any]) -> BaseHTTPResponse:
        try:
            return self._pool.urlopen(method, url, redirect=redirect, **options)
        except Exception as error:
            self._fail(error)
            raise

    def _make_sure(self) -> None:
        """Nobody has taken the name meanwhile: what is sent next replaces what is there."""
        try:
            self._look()
        except Exception as error:
            self._fail(error, from_source=True)
            raise _Over from error

    def clear(self) -> None:
        """Leave the connections alone: they belong to the store, minio clears them with each client."""

    @property
    def _has_failed(self) -> bool:
        return self._over or self._refused

    def _check(self) -> None:
        if self._cancel is not None:
            self._cancel.check()

    def _check_size(self, size: int) -> None:
        if self.taken != size:
            raise wrong_size(self._key, size, self.taken)

    def _pieces(self, body: bytes) -> Iterator[memoryview]:
        view = memoryview(body)
        for start in range(0, len(body), _SEND):
            if self._over:
                raise _Over
            try:
                self._check()
            except BaseException as error:
                self._fail(error, from_source=True)
                raise _Over from error
            yield view[start : start + _SEND]

    def _abort(self, method: str, url: str, redirect: bool, options: dict[str, Any]) -> BaseHTTPResponse:
        """Abort as far as the server lets us; what stays behind, ``multipart`` finds later."""
        try:
            response = self._pool.urlopen(method, url, redirect=redirect, **options)
        except urllib3.exceptions.HTTPError:
            return HTTPResponse(status=204)
        return response if response.status in (200, 204) else HTTPResponse(status=204)

    def _fail(self, error: BaseException, *, from_source: bool = False) -> None:
        with self._lock:
            # The first counts; but of two at once the source's own says more (it was cancelled, say).
            if not isinstance(error, _Over) and (
                self.failure is None or (from_source and not self.from_source)
            ):
                self.failure, self.from_source = error, from_source
            self._over = True


class _Body:
    """A request's body that can be sent again."""

    def __init__(self, pieces: Callable[[bytes], Iterator[memoryview]], body: bytes) -> None:
        self._pieces = pieces
        self._body = body

    def __iter__(self) -> Iterator[memoryview]:
        return self._pieces(self._body)


def _md5(body: bytes) -> str:
    return b64encode(md5(body, usedforsecurity=False).digest()).decode()


def _refuses_the_condition(response: BaseHTTPResponse) -> bool:
    """Whether a refusal may be of the header itself; 412 without an object there is one as well."""
    if response.status in (412, 501):
        return True
    said = (response.data or b"").lower()
    return response.status in (400, 405) and (b"none-match" in said or b"notimplemented" in said)


def _wants_checksum(response: BaseHTTPResponse) -> bool:
    said = (response.data or b"").lower()
    return response.status == 400 and (b"content-md5" in said or b"missingcontentmd5" in said)


def _makes_it_visible(method: str, url: str) -> bool:
    """Whether this request is the one after which the object is there: a whole put, or the end of parts."""
    return method == ("POST" if "uploadId=" in url else "PUT")
