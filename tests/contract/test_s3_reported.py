"""What users of other backup programs have reported of S3 servers, each tried by a picky one."""

from __future__ import annotations

import gzip
import io
import re

import pytest

from mtn_tui.core.errors import NoSpace, StorageError, StorageUnavailable
from mtn_tui.storage.base import NEVER
from mtn_tui.storage.s3 import LEAST_PART
from tests.picky_server import Answer, Asked, PickyServer, refusal

KEY = "full/backup.sql.gz.gpg"


def in_parts() -> io.BytesIO:
    return io.BytesIO(bytes(2 * LEAST_PART + 1))


def completes(asked: Asked) -> bool:
    return asked.method == "POST" and "uploadId=" in asked.path


@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0" encoding="UTF-8"?>\n\n' + refusal("InternalError", "Please try again."),
        b"   \n   " + refusal("SlowDown"),
        b"",
        b"<CompleteMultipartUploadResult><Loca",
    ],
    ids=["an error", "after blanks", "nothing", "cut off"],
)
def test_parts_that_were_not_put_together_although_the_answer_is_200_are_sent_again(picky, store, body):
    """AWS answers 200 before it has done it, and LibreS3 where the volume is full."""
    picky.rule = lambda asked: Answer(200, body) if completes(asked) else None
    with pytest.raises(StorageUnavailable):
        store.put(KEY, in_parts(), exclusive=True)
    picky.rule = lambda _asked: None
    assert store.put(KEY, in_parts(), exclusive=True).size == 2 * LEAST_PART + 1


def test_all_parts_but_the_last_have_one_size_as_r2_wants_it(picky, store):
    store.put(KEY, io.BytesIO(bytes(2 * LEAST_PART + 12345)), size_hint=1)
    sizes = [asked.size for asked in picky.asked if asked.method == "PUT" and "partNumber" in asked.path]
    assert sorted(sizes) == [12345, LEAST_PART, LEAST_PART]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "RequestTimeout"),
        (400, "IncompleteBody"),
        (400, "BadDigest"),
        (409, "OperationAborted"),
        (409, "ConditionalRequestConflict"),
        (500, "InternalError"),
        (520, ""),
        (522, ""),
    ],
)
def test_what_passes_by_itself_is_tried_again_whatever_its_status(picky, store, status, code):
    body = refusal(code) if code else b"<html>Web server is returning an unknown error</html>"
    picky.rule = lambda asked: Answer(status, body) if asked.method == "PUT" else None
    for source in (io.BytesIO(b"abc"), in_parts()):
        with pytest.raises(StorageUnavailable):
            store.put(KEY, source)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (403, "QuotaExceeded", ""),
        (403, "AccessDenied", "Cannot upload files, storage cap exceeded. See the Caps & Alerts page."),
        (403, "storage_cap_exceeded", ""),
        (400, "XMinioAdminBucketQuotaExceeded", "Bucket quota exceeded"),
        (403, "AccessDenied", "Quota exceeded for this project"),
        (507, "", ""),
    ],
    ids=["Ceph, Hetzner", "B2", "B2 itself", "MinIO", "IONOS", "a proxy"],
)
def test_a_quota_that_is_used_up_is_no_right_that_lacks(picky, store, status, code, message):
    answer = Answer(status, refusal(code, message) if code else b"")
    picky.rule = lambda asked: answer if asked.method in ("PUT", "POST") else None
    for source in (io.BytesIO(b"abc"), in_parts()):
        with pytest.raises(NoSpace, match="full"):
            store.put(KEY, source)


def test_an_object_that_went_to_an_archive_is_told_with_what_to_do(picky, store):
    message = "The operation is not valid for the object's storage class"
    picky.rule = lambda _asked: Answer(403, refusal("InvalidObjectState", message))
    with pytest.raises(StorageError, match="archive") as caught, store.open(KEY):
        pass
    assert "restore" in caught.value.hint.lower()
    assert "key" not in caught.value.title


def listed(picky: PickyServer, pattern: bytes, by: bytes) -> None:
    picky.change = lambda body: re.sub(pattern, by, body)


@pytest.mark.parametrize(
    ("told", "known"),
    [
        (b"2025-11-28T07:00:00.123456789Z", True),
        (b"2025-11-28T07:00:00+0000", True),
        (b"Fri, 28 Nov 2025 07:00:00 GMT", True),
        (b"0001-01-01T00:00:00Z", False),
        (b"9999-12-31T23:59:59Z", False),
        (b"yesterday", False),
    ],
)
def test_a_moment_that_is_written_otherwise_hides_no_backup(picky, store, told, known):
    store.put(KEY, io.BytesIO(b"abc"))
    listed(picky, rb"<LastModified>[^<]*", b"<LastModified>" + told)
    (entry,) = store.list()
    assert (entry.modified != NEVER) is known
    assert entry.modified.astimezone().year in (2025, 1970, 1969)


def test_folders_that_a_console_has_made_are_no_backups(picky, store):
    store.put(KEY, io.BytesIO(b"abc"))
    listed(
        picky,
        rb"(?=<Contents>)",
        b'<Contents><Key>full/</Key><Size>0</Size><ETag>""</ETag></Contents>'
        b"<Contents><Key>/</Key><Size></Size></Contents>"
        b"<Contents><Key>full_$folder$</Key><Size>0</Size></Contents>",
    )
    assert [entry.key for entry in store.list("full/")] == [KEY, "full_$folder$"]


PAGED = [f"full/{number}" for number in range(5)]


@pytest.mark.parametrize("by", ["marker", "start-after", "neither"])
def test_a_server_that_knows_no_continuation_hides_none_of_the_later_pages(picky, store, by):
    """Ceph of before, and whatever ignores list-type=2, go on after a key; else it is no listing."""

    def rule(asked: Asked) -> Answer:
        after = re.search(rf"[?&]{by}=([^&]*)", asked.path)
        rest = [key for key in PAGED if not after or key > after[1].replace("%2F", "/")]
        page = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in rest[:2])
        truncated = "true" if len(rest) > 2 else "false"
        return Answer(
            200,
            f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{page}</ListBucketResult>".encode(),
        )

    picky.rule = rule
    if by == "neither":
        with pytest.raises(StorageUnavailable):
            list(store.list())
    else:
        assert [entry.key for entry in store.list()] == PAGED


def test_a_listing_that_a_proxy_has_compressed_is_read(picky, store):
    store.put(KEY, io.BytesIO(b"abc"))
    found: list[bytes] = []
    picky.change = lambda body: found.append(body) or body
    assert [entry.key for entry in store.list()] == [KEY]
    picky.rule = lambda _asked: Answer(200, gzip.compress(found[0]), headers={"Content-Encoding": "gzip"})
    assert [entry.key for entry in store.list()] == [KEY]


@pytest.mark.parametrize("answer", [200, 206])
def test_an_object_whose_length_a_proxy_does_not_tell_is_read_whole(picky, store, answer):
    """A range that is ignored, or answered without a total."""
    data = bytes(range(256))
    store.put(KEY, io.BytesIO(data))

    def rule(asked: Asked) -> Answer | None:
        first = asked.headers.get("range", "").startswith("bytes=0-0")
        if asked.method != "GET" or not first:
            return None
        if answer == 200:
            return Answer(200, data, "application/octet-stream")
        return Answer(206, data[:1], "application/octet-stream", {"Content-Range": "bytes 0-0/*"})

    picky.rule = rule
    if answer == 206:
        with pytest.raises(StorageUnavailable):
            store.stat(KEY)
    else:
        assert store.stat(KEY).size == len(data)
    with store.open(KEY) as stream:
        assert stream.read() == data


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "InvalidAccessKeyId"),
        (401, "Unauthorized"),
        (400, "ExpiredToken"),
        (403, "AccountProblem"),
        (403, "SignatureDoesNotMatch"),
    ],
)
def test_keys_that_were_exchanged_amid_an_upload_end_it_and_are_named(picky, store, status, code):
    def rule(asked: Asked) -> Answer | None:
        later = "partNumber=2" in asked.path or completes(asked)
        return Answer(status, refusal(code)) if later else None

    picky.rule = rule
    with pytest.raises(StorageError, match="keys") as caught:
        store.put(KEY, in_parts())
    assert not isinstance(caught.value, StorageUnavailable)
    assert code in caught.value.title
    picky.rule = lambda _asked: None
    assert store.unfinished() == ()
