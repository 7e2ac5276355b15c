"""Reads answers of S3 servers within limits, and makes every refusal one kind of error.

Servers, and the proxies before them, send errors as ``text/xml`` (rclone),
JSON, HTML or nothing at all, name the region they want, or send pages without
end. Each refusal gets the code that is found anywhere in it, and nothing is read
beyond a limit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from html import unescape
from xml.etree import ElementTree as Xml

from urllib3.response import BaseHTTPResponse

ERROR_BODY = 64 << 10
"""Bytes of a refusal that are read: its code is at the beginning."""

PAGE = 16 << 20
"""Bytes of an answer, at most; a listing's page with 1,000 keys of 1,024 bytes takes a quarter."""

GOOD = (200, 204, 206)
"""Statuses that are no refusal."""

DONE = (201, 202)
"""The same of what was put or deleted; some servers answer so."""

TLS_WANTED = "HttpRequestToTlsPort"
"""Our code for a server that expects TLS and got none."""

WEB_PAGE = "WebPage"
"""Our code for a web page instead of an answer."""

_CODE = re.compile(rb"<(?:\w+:)?Code>\s*([A-Za-z][\w.:-]{0,80})\s*</")
_MESSAGE = re.compile(rb"<(?:\w+:)?Message>([^<]{0,1000})</")
_REGION = re.compile(rb"<(?:\w+:)?Region>\s*([\w-]{1,64})\s*</")
_REGION_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)
_EXPECTED = re.compile(
    rb"expect(?:ed|ing):?\W{0,8}(?:\d{8}/)?([a-z0-9][\w-]{0,63})(?:/s3/aws4_request|['\"&;])"
)
"""The region in the words of Garage and Ceph; AWS and MinIO also send an element."""
_WORD = re.compile(r"[A-Za-z][\w.:-]{0,80}")
_WRONG_REGION = (
    "AuthorizationHeaderMalformed",
    "PermanentRedirect",
    "TemporaryRedirect",
    "InvalidRegion",
    "SignatureDoesNotMatch",
)
_TLS_WORDS = (b"HTTP request was sent to HTTPS port", b"HTTP request to an HTTPS server", b"HTTPS port")

_ERROR = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>)?\s*<(?:\w+:)?Error(?:Response)?[\s/>]")
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
_S3 = re.compile(rb"\s*<(?:\?xml|(?:\w+:)?\w*(?:Result|Configuration|Constraint)\b)")
_NAMESPACE = re.compile(rb' xmlns="[^"]*"')
_OF_STATUS = {412: "PreconditionFailed", 416: "InvalidRange", 501: "NotImplemented"}


class TooLarge(Exception):
    """An answer that is longer than any valid one."""


class NoS3(Exception):
    """The answer is a web page: this is no S3 server."""


@dataclass(eq=False)
class Refused(Exception):
    """A server's refusal: its ``code``, or ``HTTP`` and the status if it has none."""

    code: str
    message: str
    status: int
    date: str | None = None
    """Its ``Date`` header."""
    region: str = ""
    """The region that the request should have been signed for; empty if not named."""


def whole(response: BaseHTTPResponse) -> bytes:
    """Return an answer's body. Raises Refused for an error in it, NoS3 for a web page, and TooLarge."""
    body, rest = read(response, PAGE)
    if rest:
        raise TooLarge
    if _HTML.match(body) or (_is_html(response) and body.strip() and not _S3.match(body)):
        raise NoS3
    if _ERROR.match(body):
        # AWS answers 200 before it has put parts together: what fails then is the server's.
        headers = response.headers
        raise Refused(code_in(body, headers) or "HTTP 500", _message_in(body), 500, headers.get("Date"))
    return body


def refused(response: BaseHTTPResponse, key: str, query: Container[str], *, secure: bool) -> Refused:
    """Return the refusal that answers a request about ``key``. Reads the answer, and is done with it."""
    headers, status = response.headers, response.status
    body, _rest = read(response, ERROR_BODY)
    code = code_in(body, headers)
    if not code and not secure and 300 <= status < 400 and headers.get("Location", "").startswith("https:"):
        code = TLS_WANTED
    code = code or _code_of(status, key, query, body)
    wrong_region = status in (301, 307, 400, 403) and code in _WRONG_REGION
    region = _region_in(body, headers) if wrong_region else ""
    return Refused(code, _message_in(body), status, headers.get("Date"), region)


def _message_in(body: bytes) -> str:
    found = _MESSAGE.search(body)
    return "".join(filter(str.isprintable, unescape(found[1].decode(errors="replace")))) if found else ""


def _code_of(status: int, key: str, query: Container[str], body: bytes) -> str:
    """Return a code for a refusal that contains none."""
    if any(words in body for words in _TLS_WORDS):
        return TLS_WANTED
    if status != 404:
        return _OF_STATUS.get(status, f"HTTP {status}")
    if "uploadId" in query:
        return "NoSuchUpload"
    return "NoSuchKey" if key else WEB_PAGE if b"<html" in body[:1000].lower() else "NoSuchBucket"


def code_in(body: bytes, headers: Mapping[str, str]) -> str:
    """Return a refusal's code from XML of any type, JSON or a header; empty if there is none."""
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


def _region_in(body: bytes, headers: Mapping[str, str]) -> str:
    told = headers.get("x-amz-bucket-region", "")
    if _REGION_NAME.fullmatch(told):
        return told
    found = _REGION.search(body) or _EXPECTED.search(body)
    return found[1].decode() if found else ""


def is_page(response: BaseHTTPResponse) -> bool:
    """Whether an answer is a web page, and not an object that was stored as one."""
    return _is_html(response) and not any(
        name in response.headers for name in ("ETag", "x-amz-request-id", "x-amz-id-2")
    )


def _is_html(response: BaseHTTPResponse) -> bool:
    told: str = response.headers.get("Content-Type", "")
    return told.partition(";")[0].strip().lower() == "text/html"


def bare(tag: str) -> str:
    """Return an ETag without its quotes, and without the mark by which a proxy calls it weak."""
    return tag.removeprefix("W/").strip('"')


def read(response: BaseHTTPResponse, limit: int) -> tuple[bytes, bool]:
    """Return at most ``limit`` bytes, and whether there are more: then the connection is closed."""
    pieces, size = [], 0
    while size <= limit and (piece := response.read(limit + 1 - size)):
        pieces.append(piece)
        size += len(piece)
    if size > limit:
        response.close()
    response.release_conn()
    return b"".join(pieces)[:limit], size > limit


def xml(body: bytes) -> Xml.Element:
    """Parse an answer; elements lose their namespace, which some servers leave out. Raises ParseError."""
    root = Xml.fromstring(_NAMESPACE.sub(b"", body, count=1))  # noqa: S314 - expat of today bounds expansion
    if root.tag.startswith("{"):  # a prefix stands for it
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
    return root
