"""Sends signed requests to a bucket, once more if the server names another region.

minio's signer signs them, and its ``BaseURL`` knows AWS's addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlunsplit

import urllib3
from minio.credentials.providers import Provider
from minio.helpers import BaseURL, DictType, check_bucket_name, md5sum_hash, sha256_hash
from minio.signer import sign_v4_s3
from minio.time import to_amz_date
from urllib3.response import BaseHTTPResponse

from mtn_tui.storage.s3_answers import DONE, GOOD, NoS3, Refused, is_page, refused, whole, xml

_SEND = 1 << 18
"""Bytes given to the socket at once: its timeout is for each, not for a whole part."""


@dataclass(frozen=True)
class Request:
    """A request about the bucket, or about the object ``key`` in it."""

    method: str
    key: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    only_if_new: bool = False
    """Sends ``If-None-Match``: the server refuses it if the key exists."""
    checksum: bool = False
    """Sends the body's MD5; over TLS that is always sent."""
    before_piece: Callable[[], None] = lambda: None
    """Called before each piece of the body is sent; what it raises ends the request."""


class Answer(NamedTuple):
    """A whole answer: its headers, and its body of at most ``PAGE`` bytes."""

    headers: Mapping[str, str]
    body: bytes


class Client:
    """Sends requests to one bucket, over the connections of ``pool``. Safe from several threads.

    Without ``region`` the one in the host's name is used; if that has none, the
    server is asked once. Raises ValueError for an endpoint, a region
    or a bucket that cannot be one.
    """

    def __init__(
        self,
        endpoint: str,
        bucket: str,
        *,
        secure: bool,
        region: str | None,
        keys: Provider,
        pool: urllib3.PoolManager,
    ) -> None:
        if not endpoint:
            raise ValueError("no host")
        self._url = BaseURL(f"{'https' if secure else 'http'}://{endpoint}", region)
        check_bucket_name(bucket, s3_check=self._url.is_aws_host)
        self._bucket = bucket
        self._keys = keys
        self._pool = pool
        self._region = self._url.region or ""

    def ask(self, request: Request) -> Answer:
        """Send a request and return the whole answer. Raises Refused, TooLarge, NoS3 and urllib3's errors."""
        return _whole(self._sent(request, self._region or self._told_region()))

    def open(self, request: Request) -> BaseHTTPResponse:
        """Send a request; the caller reads and closes the answer's body. Raises as ``ask`` does."""
        response = self._sent(request, self._region or self._told_region())
        if is_page(response):
            response.close()
            raise NoS3
        return response

    def close(self) -> None:
        """Close the idle connections; it can still be used."""
        self._pool.clear()

    def _told_region(self) -> str:
        try:
            told = xml(_whole(self._sent(Request("GET", query={"location": ""}), "us-east-1")).body).text
        except Refused as error:
            if error.status != 403 or error.code != "AccessDenied":
                raise
            told = None  # s3:GetBucketLocation lacks: what a request is answered names the region as well
        self._region = "eu-west-1" if told == "EU" else told or "us-east-1"
        return self._region

    def _sent(self, request: Request, region: str) -> BaseHTTPResponse:
        try:
            return self._signed_for(request, region)
        except Refused as error:
            if error.region in ("", region):
                raise
            named = self._region = error.region
        try:
            return self._signed_for(request, named)
        except Refused as error:
            if error.region not in ("", named):
                self._region = region  # the server did not accept that one either
            raise

    def _signed_for(self, request: Request, region: str) -> BaseHTTPResponse:
        method, body = request.method, request.body
        url = self._url.build(
            method=method,
            region=region,
            bucket_name=self._bucket,
            object_name=request.key or None,
            query_params=dict(request.query),
        )
        keys, now = self._keys.retrieve(), datetime.now(UTC)
        digest = "UNSIGNED-PAYLOAD" if self._url.is_https else sha256_hash(body)
        headers: DictType = {
            **request.headers,
            "Host": url.netloc,
            "User-Agent": "mtn",
            "x-amz-content-sha256": digest,
            "x-amz-date": to_amz_date(now),
        }
        if keys.session_token:
            headers["X-Amz-Security-Token"] = keys.session_token
        if body:
            headers["Content-Length"] = str(len(body))
        sign_v4_s3(
            method=method,
            url=url,
            region=region,
            headers=headers,
            credentials=keys,
            content_sha256=digest,
            date=now,
        )
        # Neither need be signed, and a proxy may remove them.
        if body and (request.checksum or self._url.is_https):
            headers["Content-MD5"] = md5sum_hash(body) or ""
        if request.only_if_new:
            headers["If-None-Match"] = "*"
        response = self._pool.urlopen(
            method,
            urlunsplit(url),
            body=_pieces(body, request.before_piece) if body else None,
            headers=headers,
            redirect=False,
            preload_content=False,
        )
        if response.status not in GOOD and (method == "GET" or response.status not in DONE):
            raise refused(response, request.key, request.query, secure=self._url.is_https)
        return response


def _whole(response: BaseHTTPResponse) -> Answer:
    return Answer(response.headers, whole(response))


def _pieces(body: bytes, before_each: Callable[[], None]) -> Iterator[memoryview]:
    view = memoryview(body)
    for start in range(0, len(body), _SEND):
        before_each()
        yield view[start : start + _SEND]
