"""Lists a bucket, page by page: its objects, and its unfinished uploads in parts.

Unfinished uploads take up space, and no listing of objects shows them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote_plus
from xml.etree import ElementTree as Xml

from mtn_tui.storage.base import NEVER, Entry
from mtn_tui.storage.s3_answers import bare, xml
from mtn_tui.storage.s3_client import Client, Request
from mtn_tui.storage.s3_errors import http_date

_IDLE_PAGES = 20
"""Pages in a row without a new key, at most; AWS may send a few."""
_MOST = 1_000_000
"""Objects at most: no bucket of backups has so many."""
_LAST_YEAR = 9999


@dataclass(frozen=True)
class Unfinished:
    """An upload in progress, or abandoned: its key, the server's id for it, when it began (UTC)."""

    key: str
    id: str
    started: datetime


def objects(client: Client, prefix: str) -> Iterator[Entry]:
    """Yield the objects whose key begins with ``prefix``, in the server's order.

    Raises what the client raises, and ValueError and others if an answer is invalid.
    """
    asked = {"list-type": "2", "max-keys": "1000", "encoding-type": "url", "prefix": prefix}
    token = ""
    more: dict[str, str] = {}
    seen: set[str] = set()
    idle = 0
    while True:
        page, encoded = _page(client, {**asked, **more})
        if page.tag != "ListBucketResult":
            raise ValueError("no listing")
        last, before = "", len(seen)
        for one in page.iterfind("Contents"):
            found = _entry(one, encoded)
            last = found.key
            seen.add(last)
            yield found
        told = page.findtext("NextContinuationToken") or ""
        if not is_truncated(page) or not (told or last):
            return
        if told:
            if told == token:
                return
            more = {"continuation-token": told}
        elif len(seen) == before:
            raise ValueError("a page that comes again")
        else:  # a server that knows only the older ways to go on: after a key
            more = {"start-after": last, "marker": last}
        idle = idle + 1 if len(seen) == before else 0
        if idle > _IDLE_PAGES or len(seen) > _MOST:
            raise ValueError("a listing without an end")
        token = told


def unfinished(client: Client) -> Iterator[Unfinished]:
    """Yield all unfinished uploads, in the server's order. Raises as ``objects`` does.

    Paged by key alone, so of one key with over 1,000 uploads only the first 1,000
    are found; and if a server does not encode keys although it says so
    (SeaweedFS 4.48), a ``+`` or ``%`` in one comes out wrong.
    """
    asked = {"uploads": "", "delimiter": "", "max-uploads": "1000", "prefix": "", "encoding-type": "url"}
    marker = ""
    seen: set[str] = set()
    while True:
        page, encoded = _page(client, {**asked, "key-marker": marker} if marker else asked)
        before = len(seen)
        for one in page.iterfind("Upload"):
            key, name, began = one.findtext("Key"), one.findtext("UploadId"), one.findtext("Initiated")
            if key and name and began:
                seen.add(name)
                yield Unfinished(_key(key, encoded), name, _aware(datetime.fromisoformat(began)))
        following = _key(page.findtext("NextKeyMarker") or "", encoded)
        if not is_truncated(page) or following in ("", marker) or len(seen) == before:
            return
        marker = following


def _page(client: Client, query: dict[str, str]) -> tuple[Xml.Element, bool]:
    """Return a page, and whether its keys are encoded."""
    page = xml(client.ask(Request("GET", query=query)).body)
    return page, page.findtext("EncodingType") == "url"


def is_truncated(page: Xml.Element) -> bool:
    """Whether another page follows."""
    return (page.findtext("IsTruncated") or "").lower() == "true"


def _key(told: str, encoded: bool) -> str:
    return unquote_plus(told) if encoded else told


def _entry(one: Xml.Element, encoded: bool) -> Entry:
    key, told = one.findtext("Key"), one.findtext("LastModified")
    if key is None:
        raise ValueError("no key")
    return Entry(
        _key(key, encoded),
        int(one.findtext("Size") or 0),
        _moment(told or ""),
        bare(one.findtext("ETag") or ""),
    )


def _moment(told: str) -> datetime:
    """Parse a time; ``NEVER`` if it is none: programs in Go write the year 1 for an unknown one."""
    try:
        found = _aware(datetime.fromisoformat(told))
    except ValueError:
        return http_date(told) or NEVER
    return found if NEVER.year < found.year < _LAST_YEAR else NEVER


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
