"""Uploads that were begun in parts and never ended: they hold space, and no listing of objects shows them.

With ``listing`` the one place that uses private methods of minio: its public
interface cannot list or abort them. Their names and results were read in 7.2.20, which is why
that version is pinned exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from minio import Minio
from minio.datatypes import Part
from minio.error import S3Error


@dataclass(frozen=True)
class Unfinished:
    """An upload that is going on, or was left: its key, the server's id for it, when it began (UTC)."""

    key: str
    id: str
    started: datetime


def unfinished(client: Minio, bucket: str) -> Iterator[Unfinished]:
    """All of the bucket's, in the server's order. Raises what minio raises.

    minio pages by key alone, so of one key with over 1,000 uploads only the
    first 1,000 are told; and where a server does not encode keys although it
    says so (SeaweedFS 4.48), a ``+`` or ``%`` in one comes out wrong.
    """
    marker: str | None = None
    seen: set[str] = set()
    while True:
        before = len(seen)
        page = client._list_multipart_uploads(bucket, key_marker=marker)
        for upload in page.uploads:
            if upload.object_name and upload.upload_id and upload.initiated_time:
                seen.add(upload.upload_id)
                yield Unfinished(upload.object_name, upload.upload_id, upload.initiated_time)
        if not page.is_truncated or page.next_key_marker in (None, marker) or len(seen) == before:
            return
        marker = page.next_key_marker


def put(client: Minio, bucket: str, key: str, data: bytes) -> None:
    """Upload ``data`` as the only part of an object. Raises what minio raises; leaves no upload behind."""
    upload = client._create_multipart_upload(bucket, key, {})
    try:
        tag = client._upload_part(bucket, key, data, None, upload, 1)
        client._complete_multipart_upload(bucket, key, upload, [Part(1, tag)])
    except Exception:
        client._abort_multipart_upload(bucket, key, upload)
        raise


def abort(client: Minio, bucket: str, upload: Unfinished) -> None:
    """Give its parts' space back; no error where it has ended meanwhile."""
    try:
        client._abort_multipart_upload(bucket, upload.key, upload.id)
    except S3Error as error:
        if error.code not in ("NoSuchUpload", "NoSuchKey"):
            raise
