"""Uploads in parts that were begun and not ended: what of them the server has, and how they are given up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import md5
from itertools import count, takewhile

from mtn_tui.core.errors import StorageError, StorageUnavailable
from mtn_tui.storage.listing import Unfinished, is_truncated, unfinished
from mtn_tui.storage.s3_answers import Refused, bare, xml
from mtn_tui.storage.s3_client import Client, Request
from mtn_tui.storage.s3_errors import Bucket, Right

_MOST_PAGES = 100
"""Of 1,000 parts at least; S3 takes 10,000 parts."""


@dataclass(frozen=True)
class Begun:
    """An upload that can go on."""

    id: str
    """The server's."""
    parts: Mapping[int, tuple[str, int]]
    """Tag and bytes of those that the server has, by their numbers."""

    def has(self, number: int, part: bytes) -> str:
        """The tag of the part of that number, if it is this one; else empty.

        A server whose tags are no MD5 is sent all parts again.
        """
        tag, size = self.parts.get(number, ("", -1))
        same = size == len(part) and tag.lower() == md5(part, usedforsecurity=False).hexdigest()
        return tag if same else ""

    @property
    def bytes_there(self) -> int:
        """Bytes from the beginning that need not be sent again, if the parts are the same."""
        known = takewhile(self.parts.__contains__, count(1))
        return sum(self.parts[number][1] for number in known)


def furthest(client: Client, where: Bucket, key: str, matches: Callable[[Unfinished], bool]) -> Begun | None:
    """The upload of ``key`` that matches and has got furthest; None if there is none.

    So it is too where the server lists no uploads, or not to us. Raises StorageUnavailable.
    """
    try:
        with where.asking(key, Right.UPLOADS):
            found = [one for one in unfinished(client) if one.key == key and matches(one)]
            every = [_begun(client, one) for one in found]
    except StorageUnavailable:
        raise
    except StorageError:
        return None
    return max(every, key=lambda one: one.bytes_there, default=None)


def _begun(client: Client, upload: Unfinished) -> Begun:
    parts: dict[int, tuple[str, int]] = {}
    marker = "0"
    for _page in range(_MOST_PAGES):
        query = {"uploadId": upload.id, "max-parts": "1000", "part-number-marker": marker}
        page = xml(client.ask(Request("GET", upload.key, query=query)).body)
        for one in page.iterfind("Part"):
            tag = bare(one.findtext("ETag") or "")
            parts[int(one.findtext("PartNumber") or 0)] = tag, int(one.findtext("Size") or 0)
        following = page.findtext("NextPartNumberMarker") or ""
        if not is_truncated(page) or following in ("", marker):
            break
        marker = following
    return Begun(upload.id, parts)


def abort_all(
    client: Client,
    where: Bucket,
    found: Callable[[], tuple[Unfinished, ...]],
    matches: Callable[[Unfinished], bool],
) -> tuple[Unfinished, ...]:
    """Give up all of ``found`` that match. Asked again until there is no other: not all may be listed."""
    aborted: dict[str, Unfinished] = {}
    while True:
        left = [upload for upload in found() if upload.id not in aborted and matches(upload)]
        if not left:
            return tuple(aborted.values())
        for upload in left:
            with where.asking(upload.key, Right.ABORT):
                _abort(client, upload)
            aborted[upload.id] = upload


def _abort(client: Client, upload: Unfinished) -> None:
    """Give an upload up; one that has ended meanwhile is no error."""
    try:
        client.ask(Request("DELETE", upload.key, {"uploadId": upload.id}))
    except Refused as error:
        if error.code not in ("NoSuchUpload", "NoSuchKey"):
            raise
