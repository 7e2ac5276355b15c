"""What S3 servers answer, made into what minio understands, and kept within limits.

minio reads an error only from ``application/xml`` and reads any answer to its
end. Servers, and the proxies before them, send errors as ``text/xml`` (rclone),
JSON, HTML or nothing at all, name the region they want, or send pages without
end. Here each refusal gets the code that is anywhere in it; one that names
another region is asked again, signed for that one; nothing is read beyond a
limit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape
from typing import Any, cast
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import urllib3
from minio.credentials.credentials import Credentials
from minio.helpers import DictType
from minio.signer import sign_v4_s3
from urllib3 import HTTPHeaderDict
from urllib3.response import BaseHTTPResponse, HTTPResponse

ERROR_BODY = 64 << 10
"""Bytes of a refusal that are read: its code stands at the beginning."""

PAGE = 16 << 20
"""Bytes of an answer to a question, a listing's page say; 1,000 keys of 1,024 bytes take a quarter."""

GOOD = (200, 204, 206)

TLS_WANTED = "HttpRequestToTlsPort"
"""The code of a server that was spoken to without TLS and wants it."""

WEB_PAGE = "WebPage"
"""The code of what answers with a page for people."""

_CODE = re.compile(rb"<(?:\w+:)?Code>\s*([A-Za-z][\w.:-]{0,80})\s*</")
_MESSAGE = re.compile(rb"<(?:\w+:)?Message>([^<]{0,1000})</")
_REGION = re.compile(rb"<(?:\w+:)?Region>\s*([\w-]{1,64})\s*</")
_EXPECTED = re.compile(
    rb"expect(?:ed|ing):?\W{0,8}(?:\d{8}/)?([a-z0-9][\w-]{0,63})(?:/s3/aws4_request|['\"&;])"
)
"""As Garage and Ceph word it; AWS and MinIO have an element for it besides."""
_WORD = re.compile(r"[A-Za-z][\w.:-]{0,80}")
_WRONG_REGION = (
    "AuthorizationHeaderMalformed",
    "PermanentRedirect",
    "InvalidRegion",
    "SignatureDoesNotMatch",
)
_TLS_WORDS = (b"HTTP request was sent to HTTPS port", b"HTTP request to an HTTPS server", b"HTTPS port")

_OF_STATUS = {412: "PreconditionFailed", 416: "InvalidRange", 501: "NotImplemented"}


class TooLarge(Exception):
    """An answer that goes on beyond any that makes sense."""


class NoS3(Exception):
    """What answered is no S3 server: a page for people."""


class Answers(urllib3.PoolManager):
    """minio's HTTP client for one bucket, over the connections of ``pool``. Safe from several threads."""

    def __init__(
        self, pool: urllib3.PoolManager, bucket: str, credentials: Callable[[], Credentials]
    ) -> None:
        super().__init__()
        self._pool = pool
        self._bucket = bucket
        self._credentials = credentials
        self._region = ""
        """The one that an answer has named."""

    def urlopen(  # type: ignore[override]  # as minio calls it
        self, method: str, url: str, redirect: bool = True, **options: Any
    ) -> BaseHTTPResponse:
        """Any: urllib3's own options, handed on as they are. Raises TooLarge, NoS3, and urllib3's errors."""
        if self._region:
            self._sign(method, url, options["headers"])
        response = self._sent(method, url, redirect, options)
        region = _other_region(response, options["headers"])
        if region:
            self._region = region
            self._sign(method, url, options["headers"])
            again = self._sent(method, url, redirect, options)
            if again.status not in GOOD and _other_region(again, options["headers"]):
                self._region = ""  # it was none that this server takes either
            return again
        return response

    def clear(self) -> None:
        """Leave the connections alone: they belong to the store, minio clears them with each client."""

    def _sent(self, method: str, url: str, redirect: bool, options: dict[str, Any]) -> BaseHTTPResponse:
        whole = options.get("preload_content", True)
        response = self._pool.urlopen(method, url, redirect=redirect, **{**options, "preload_content": False})
        if response.status not in GOOD:
            return self._refusal(method, url, response)
        if _is_page(response):
            response.close()
            raise NoS3
        if not whole:
            return response
        body, rest = _read(response, PAGE)
        if rest:
            raise TooLarge
        return _made(method, response, body)

    def _refusal(self, method: str, url: str, response: BaseHTTPResponse) -> BaseHTTPResponse:
        body, _rest = _read(response, ERROR_BODY)
        if method == "HEAD":
            return _made(method, response, b"")
        code = code_in(body, response.headers) or self._code_of(response.status, url, body)
        found = _MESSAGE.search(body)
        message = (
            "".join(filter(str.isprintable, unescape(found[1].decode(errors="replace")))) if found else ""
        )
        said = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
        made = _made(method, response, said.encode())
        made.headers["Content-Type"] = "application/xml"
        if region := _region_in(body, response.headers):
            made.headers["x-amz-bucket-region"] = region
        return made

    def _code_of(self, status: int, url: str, body: bytes) -> str:
        """For a refusal without a code in it."""
        if any(words in body for words in _TLS_WORDS):
            return TLS_WANTED
        if status == 404:
            parts = urlsplit(url)
            if "uploadId=" in parts.query:
                return "NoSuchUpload"
            key = parts.path.strip("/").removeprefix(self._bucket).strip("/")
            return "NoSuchKey" if key else WEB_PAGE if b"<html" in body[:1000].lower() else "NoSuchBucket"
        return _OF_STATUS.get(status, f"HTTP {status}")

    def _sign(self, method: str, url: str, headers: HTTPHeaderDict) -> None:
        """Sign for the region that the server has named, in place of the one that minio was told."""
        plain = {name: value for name, value in headers.items() if name.lower() not in _UNSIGNED}
        date = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        signed = sign_v4_s3(
            method=method,
            url=urlsplit(url),
            region=self._region,
            headers=cast(DictType, plain),
            credentials=self._credentials(),
            content_sha256=headers["x-amz-content-sha256"],
            date=date,
        )
        headers["Authorization"] = str(signed["Authorization"])


_UNSIGNED = ("authorization", "if-none-match", "content-md5")
"""Added after minio has signed, or the signature itself."""


def code_in(body: bytes, headers: HTTPHeaderDict) -> str:
    """A refusal's code, wherever it is: XML of any type, JSON, a header; empty where there is none."""
    if found := _CODE.search(body):
        return found[1].decode()
    for name in ("x-amz-error-code", "x-minio-error-code"):
        if _WORD.fullmatch(headers.get(name, "")):
            return str(headers[name])
    try:
        told = json.loads(body) if body.lstrip()[:1] == b"{" else None
    except ValueError:
        return ""
    return _code_of_json(told) if isinstance(told, dict) else ""


def _code_of_json(told: dict[str, object]) -> str:
    for name in ("Code", "code", "errorCode", "Error", "error"):
        value = told.get(name)
        if isinstance(value, dict):
            return _code_of_json(value)
        if isinstance(value, str) and _WORD.fullmatch(value):
            return value
    return ""


def _region_in(body: bytes, headers: HTTPHeaderDict) -> str:
    told = str(headers.get("x-amz-bucket-region", ""))
    if told:
        return told
    found = _REGION.search(body) or _EXPECTED.search(body)
    return found[1].decode() if found else ""


def _other_region(response: BaseHTTPResponse, headers: HTTPHeaderDict) -> str:
    """The region that a refusal names and that the request was not signed for."""
    if response.status not in (301, 400, 403):
        return ""
    named = str(response.headers.get("x-amz-bucket-region", ""))
    if not named or code_in(response.data or b"", response.headers) not in _WRONG_REGION:
        return ""
    return "" if f"/{named}/s3/aws4_request" in headers.get("Authorization", "") else named


def _is_page(response: BaseHTTPResponse) -> bool:
    """Whether it is a page for people, and no object that somebody has stored as one."""
    headers = response.headers
    told = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return told == "text/html" and not any(
        name in headers for name in ("ETag", "x-amz-request-id", "x-amz-id-2")
    )


def _read(response: BaseHTTPResponse, limit: int) -> tuple[bytes, bool]:
    """At most ``limit`` bytes, and whether there are more; the connection is used again only where not."""
    pieces, size = [], 0
    while size <= limit and (piece := response.read(limit + 1 - size)):
        pieces.append(piece)
        size += len(piece)
    if size > limit:
        response.close()
    response.release_conn()
    return b"".join(pieces)[:limit], size > limit


def _made(method: str, response: BaseHTTPResponse, body: bytes) -> BaseHTTPResponse:
    headers = HTTPHeaderDict(response.headers)
    for name in ("Content-Encoding", "Transfer-Encoding"):
        headers.pop(name, None)
    if method != "HEAD":
        headers["Content-Length"] = str(len(body))
    return HTTPResponse(
        body=body,
        headers=headers,
        status=response.status,
        reason=response.reason,
        request_method=method,
        preload_content=True,
    )
