"""What servers and proxies in the field answer, and what we make of it: a real server behind a picky gate."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator

import pytest

from mtn_tui.core.errors import AlreadyThere, NotFound, StorageError, StorageUnavailable
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.storage.s3 import LEAST_PART, SMALLEST_PART, S3Storage
from mtn_tui.storage.s3_answers import ERROR_BODY, PAGE
from tests.picky_server import Answer, Asked, PickyServer, refusal
from tests.s3_fixtures import store_on

KEY = "full/backup.sql.gz.gpg"


@pytest.fixture
def store(picky: PickyServer, seaweed: SeaweedServer, bucket: str) -> Iterator[S3Storage]:
    store = store_on(seaweed, bucket, endpoint=picky.endpoint)
    yield store
    picky.rule = lambda _asked: None
    store.close()


def always(answer: Answer, *methods: str):
    return lambda asked: answer if not methods or asked.method in methods else None


CONDITION_REFUSED = {
    "B2": Answer(501, refusal("NotImplemented", "A header you provided implies functionality …")),
    "B2 before": Answer(400, refusal("InvalidArgument", "Unsupported header 'If-None-Match' received")),
    "Ceph RGW": Answer(501, refusal("NotImplemented"), "text/xml"),
    "Alibaba OSS": Answer(400, refusal("NotImplemented", "", "<Header>If-None-Match</Header>")),
    "a proxy": Answer(501, b"<html>Not implemented</html>", "text/html"),
    "without a body": Answer(501, b"", ""),
    "nonsense: nothing is there": Answer(412, refusal("PreconditionFailed")),
}  # fmt: skip


@pytest.mark.sample("B2", "proxy")
@pytest.mark.parametrize("size", [5, 11 << 20], ids=["whole", "in parts"])
@pytest.mark.parametrize("server", CONDITION_REFUSED)
def test_a_server_without_conditional_writes_gets_a_copy_and_overwrites_nothing(picky, store, server, size):
    picky.rule = lambda asked: CONDITION_REFUSED[server] if "if-none-match" in asked.headers else None
    store._part_size = LEAST_PART
    store.put(KEY, io.BytesIO(bytes(size)), exclusive=True)
    assert store.stat(KEY).size == size
    with pytest.raises(AlreadyThere):
        store.put(KEY, io.BytesIO(b"another"), exclusive=True)
    assert store.stat(KEY).size == size
    picky.asked.clear()
    store.put("full/next", io.BytesIO(b"x"), exclusive=True)
    assert not any("if-none-match" in asked.headers for asked in picky.asked), "it is remembered"


def test_a_name_taken_meanwhile_is_not_overwritten_by_a_server_that_can_not_refuse(
    picky, store, seaweed, bucket
):
    def rule(asked: Asked) -> Answer | None:
        if "if-none-match" not in asked.headers:
            return None
        other = store_on(seaweed, bucket)
        other.put(KEY, io.BytesIO(b"of another"))
        other.close()
        return Answer(501, refusal("NotImplemented"))

    picky.rule = rule
    with pytest.raises(AlreadyThere):
        store.put(KEY, io.BytesIO(b"ours"), exclusive=True)
    with store.open(KEY) as stream:
        assert stream.read() == b"of another"


MISSING_KEY = {
    "S3": Answer(404, refusal("NoSuchKey")),
    "rclone": Answer(404, refusal("NoSuchKey"), "text/xml; charset=utf-8"),
    "without a type": Answer(404, refusal("NoSuchKey"), ""),
    "with a namespace": Answer(404, b'<e:Error xmlns:e="x"><e:Code>NoSuchKey</e:Code></e:Error>'),
    "empty": Answer(404, b"", ""),
    "empty XML": Answer(404, b""),
    "nginx": Answer(404, b"<html><body>404 Not Found</body></html>", "text/html"),
    "JSON": Answer(404, b'{"code": "NoSuchKey", "message": "gone"}', "application/json"),
    "JSON within": Answer(404, b'{"error": {"code": "NoSuchKey"}}', "application/json"),
    "words": Answer(404, b"not found", "text/plain"),
    "a header": Answer(404, b"?", "text/plain", {"x-amz-error-code": "NoSuchKey"}),
    "cut off": Answer(404, b"<Error><Code>NoSuchKey</Code><Mess"),
}


@pytest.mark.parametrize("server", MISSING_KEY)
def test_a_missing_key_is_a_missing_key_whatever_the_answer_looks_like(picky, store, server):
    picky.rule = always(MISSING_KEY[server])
    with pytest.raises(NotFound):
        store.stat(KEY)
    with pytest.raises(NotFound), store.open(KEY):
        pass
    store.delete(KEY)


@pytest.mark.parametrize("server", MISSING_KEY)
def test_a_listing_that_is_not_found_is_never_an_empty_bucket(picky, store, server):
    picky.rule = always(MISSING_KEY[server])
    with pytest.raises(StorageError):
        list(store.list())


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (Answer(503, refusal("SlowDown"), "text/xml"), StorageUnavailable, "SlowDown"),
        (Answer(503, b"<html>busy</html>", "text/html"), StorageUnavailable, "503"),
        (Answer(502, b"", ""), StorageUnavailable, "502"),
        (Answer(429, b'{"code":"too_many_requests"}', "application/json"), StorageUnavailable, "too_many"),
        (Answer(500, refusal("InternalError", "&nbsp;\x01é")), StorageUnavailable, "InternalError"),
        (Answer(404, refusal("NoSuchBucket"), "text/xml"), StorageError, "no bucket"),
        (Answer(401, b'{"code":"bad_auth_token"}', "application/json"), StorageError, "refused our keys"),
        (Answer(403, refusal("InvalidAccessKeyId"), "text/xml"), StorageError, "refused our keys"),
        (Answer(403, refusal("SignatureDoesNotMatch"), "text/xml"), StorageError, "refused our keys"),
        (Answer(200, b"<html>Log in</html>", "text/html; charset=utf-8"), StorageError, "web page"),
        (Answer(404, b"<html>console</html>", "text/html"), StorageError, "web page"),
        (
            Answer(400, b"Client sent an HTTP request to an HTTPS server.\n", "text/plain"),
            StorageError,
            "TLS only",
        ),
        (
            Answer(400, b"<html>400 The plain HTTP request was sent to HTTPS port</html>", "text/html"),
            StorageError,
            "TLS only",
        ),
        (Answer(413, b"<html>413 Request Entity Too Large</html>", "text/html"), StorageError, "413"),
        (Answer(403, refusal("AccessDenied", "Object is WORM protected")), StorageError, "Object Lock"),
        (Answer(507, refusal("XMinioStorageFull")), StorageError, "full"),
        (Answer(418, b"teapot", "text/plain"), StorageError, "418"),
    ],
)  # fmt: skip
def test_each_class_of_answers_is_told_apart(picky, store, answer, kind, said):
    picky.rule = always(answer)
    with pytest.raises(StorageError) as caught:
        list(store.list())
    assert type(caught.value) is kind or kind is StorageError
    assert isinstance(caught.value, StorageUnavailable) is (kind is StorageUnavailable)
    assert said in caught.value.title, caught.value.title
    assert caught.value.hint


def test_each_right_that_lacks_is_named(picky, store):
    picky.rule = always(Answer(403, refusal("AccessDenied"), "text/xml"))
    work = {
        "s3:ListBucket": lambda: list(store.list()),
        "s3:GetObject": lambda: store.stat(KEY),
        "s3:PutObject": lambda: store.put(KEY, io.BytesIO(b"x")),
        "s3:DeleteObject": lambda: store.delete(KEY),
        "s3:ListBucketMultipartUploads": store.unfinished,
    }
    for right, do in work.items():
        with pytest.raises(StorageError) as caught:
            do()
        assert right in caught.value.title
        assert right in caught.value.hint


MALFORMED = "AuthorizationHeaderMalformed"
GARAGE = (
    "Authorization header malformed, unexpected scope: 20251128/us-east-1/s3/aws4_request, "
    "expected: 20251128/far-1/s3/aws4_request"
)
REGIONS = {
    "AWS, MinIO": Answer(400, refusal(MALFORMED, "expecting 'far-1'", "<Region>far-1</Region>")),
    "Garage": Answer(400, refusal(MALFORMED, GARAGE), "text/xml"),
    "Scaleway": Answer(403, refusal("SignatureDoesNotMatch"), headers={"x-amz-bucket-region": "far-1"}),
    "a redirect": Answer(301, refusal("PermanentRedirect"), headers={"x-amz-bucket-region": "far-1"}),
}  # fmt: skip


@pytest.mark.parametrize("server", REGIONS)
def test_the_region_that_the_answer_names_is_tried_once(picky, store, server):
    def rule(asked: Asked) -> Answer | None:
        return None if "/far-1/s3/" in asked.headers.get("authorization", "") else REGIONS[server]

    picky.rule = rule
    store._part_size = LEAST_PART
    store.put(KEY, io.BytesIO(b"abc"))
    store.put("full/large", io.BytesIO(bytes(LEAST_PART + 1)), exclusive=True)
    assert [entry.key for entry in store.list()] == [KEY, "full/large"]
    refused = [asked for asked in picky.asked if "/far-1/" not in asked.headers["authorization"]]
    assert len(refused) == 1, "it is remembered"


def test_a_server_that_names_region_after_region_is_given_up(picky, store):
    numbers = itertools.count()
    picky.rule = lambda _asked: Answer(
        400, refusal("AuthorizationHeaderMalformed", "", f"<Region>r-{next(numbers)}</Region>")
    )
    with pytest.raises(StorageError, match="region"):
        store.stat(KEY)
    assert len(picky.asked) == 2


def test_where_a_proxy_takes_no_large_bodies_the_next_try_sends_smaller_parts(picky, store):
    def rule(asked: Asked) -> Answer | None:
        return Answer(413, b"<html>413</html>", "text/html") if asked.size > LEAST_PART else None

    picky.rule = rule
    data = bytes(SMALLEST_PART + 1)
    with pytest.raises(StorageUnavailable, match="less"):
        store.put(KEY, io.BytesIO(data))
    store.put(KEY, io.BytesIO(data))
    assert store.stat(KEY).size == len(data)


def test_where_a_bucket_with_object_lock_wants_checksums_it_gets_them(picky, store):
    message = (
        "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock"
    )

    def rule(asked: Asked) -> Answer | None:
        body = asked.method == "PUT" and asked.size
        return (
            Answer(400, refusal("InvalidRequest", message))
            if body and "content-md5" not in asked.headers
            else None
        )

    picky.rule = rule
    store._part_size = LEAST_PART
    store.put(KEY, io.BytesIO(b"abc"), exclusive=True)
    store.put("full/large", io.BytesIO(bytes(LEAST_PART + 1)), exclusive=True)
    assert [entry.size for entry in store.list()] == [3, LEAST_PART + 1]


def pieces(head: bytes = b"", piece: bytes = bytes(1 << 20), count: int = 300) -> Iterator[bytes]:
    yield head
    yield from itertools.repeat(piece, count)


def test_of_a_huge_error_only_the_beginning_is_read(picky, store):
    picky.rule = lambda _asked: Answer(503, pieces(refusal("SlowDown") + b"<!--"), "text/html")
    with pytest.raises(StorageUnavailable, match="SlowDown"):
        store.stat(KEY)
    assert picky.sent < 64 * ERROR_BODY + (16 << 20)  # what the system holds between the two


def test_a_page_without_an_end_is_given_up(picky, store):
    picky.rule = lambda _asked: Answer(200, pieces(b"<ListBucketResult>", b" " * (1 << 20)))
    with pytest.raises(StorageUnavailable, match="does not end"):
        list(store.list())
    assert picky.sent < 3 * PAGE


@pytest.mark.parametrize("new_token", [True, False])
@pytest.mark.parametrize("keys", [("full/a", "full/b"), ()], ids=["the same keys", "no keys"])
def test_a_listing_that_is_always_truncated_ends(picky, store, keys, new_token):
    numbers = itertools.count()
    items = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)

    def rule(_asked: Asked) -> Answer:
        token = next(numbers) if new_token else "same"
        return Answer(
            200,
            f"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t{token}"
            f"</NextContinuationToken>{items}</ListBucketResult>".encode(),
        )

    picky.rule = rule
    try:
        assert {entry.key for entry in store.list()} == set(keys)
    except StorageUnavailable:
        assert new_token
    assert len(picky.asked) < 50


@pytest.mark.parametrize("status", [403, 404, 405, 501])
@pytest.mark.parametrize("body", [b"", refusal("NotImplemented"), b"<html></html>"])
def test_a_listing_of_uploads_that_can_not_be_had_fails_nothing_else(picky, store, status, body):
    def rule(asked: Asked) -> Answer | None:
        listing = asked.method == "GET" and "uploads" in asked.path
        return Answer(status, body, "text/xml") if listing else None

    picky.rule = rule
    with pytest.raises(StorageError) as caught:
        store.abort_unfinished(lambda _upload: True)
    assert not isinstance(caught.value, StorageUnavailable) or status == 501
    store.put(KEY, io.BytesIO(b"x"), exclusive=True)
    assert [entry.key for entry in store.list()] == [KEY]
