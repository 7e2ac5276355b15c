"""What a refusal's words mean, and what they don't: several servers behind one picky gate."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from mtn_tui.core.errors import NoSpace, NotFound, StorageError, StorageUnavailable
from mtn_tui.storage.s3 import LEAST_PART
from tests.picky_server import Answer, Asked, refusal

KEY = "full/backup.sql.gz.gpg"


def in_parts() -> io.BytesIO:
    return io.BytesIO(bytes(2 * LEAST_PART + 1))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("body", [b"", b"<html><body>Moved</body></html>"], ids=["empty", "a page"])
def test_a_proxy_that_leads_to_https_is_told_with_the_scheme_to_write(picky, store, status, body):
    where = {"Location": f"https://{picky.endpoint}/x"}
    picky.rule = lambda _asked: Answer(status, body, "text/html", where)
    for work in (
        lambda: list(store.list()),
        lambda: store.stat(KEY),
        lambda: store.put(KEY, io.BytesIO(b"x")),
    ):
        with pytest.raises(StorageError, match="TLS only") as caught:
            work()
        assert "https://" in caught.value.hint


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (Answer(404, refusal("NoSuchKey", "no full/x_bookworm_y")), NotFound, "There is no"),
        (Answer(403, refusal("AccessDenied", "user/bookworm may not")), StorageError, "refused our keys"),
        (Answer(429, refusal("SlowDown", "Quota exceeded for requests")), StorageUnavailable, "SlowDown"),
        (Answer(429, refusal("RateLimitExceeded", "quota exceeded")), StorageUnavailable, "RateLimit"),
        (Answer(400, refusal("RequestTimeout", "quota exceeded?")), StorageUnavailable, "RequestTimeout"),
    ],
    ids=["a key", "a user", "requests", "requests of another", "patience"],
)  # fmt: skip
def test_words_that_only_look_like_a_lock_or_a_quota_are_none(picky, store, answer, kind, said):
    picky.rule = lambda _asked: answer
    with pytest.raises(kind, match=said) as caught:
        store.stat(KEY)
    assert not isinstance(caught.value, NoSpace)
    assert "Lock" not in caught.value.title


@pytest.mark.parametrize(
    ("perform", "work"),
    [
        ("s3:ListBucket", "stat"),
        ("kms:GenerateDataKey", "put"),
        ("kms:Decrypt", "parts"),
        ("s3:GetObjectVersion", "stat"),
    ],
)
def test_the_right_that_the_server_itself_names_is_the_one_that_lacks(picky, store, perform, work):
    message = (
        f"User: arn:aws:iam::1:user/mtn is not authorized to perform: {perform} on resource: x"
        " because no identity-based policy allows it"
    )
    picky.rule = lambda _asked: Answer(403, refusal("AccessDenied", message))
    does = {
        "stat": lambda: store.stat(KEY),
        "put": lambda: store.put(KEY, io.BytesIO(b"x")),
        "parts": lambda: store.put(KEY, in_parts()),
    }
    with pytest.raises(StorageError) as caught:
        does[work]()
    assert perform in caught.value.title
    assert perform in caught.value.hint


@pytest.mark.parametrize("code", ["InternalError", "SlowDown", "", "ServerBusy"])
@pytest.mark.parametrize("what", ["list", "begin", "part", "complete", "whole"])
def test_an_error_within_a_200_passes_and_its_code_is_told(picky, store, code, what):
    def rule(asked: Asked) -> Answer | None:
        is_it = {
            "list": asked.method == "GET",
            "begin": asked.method == "POST" and "uploads" in asked.path,
            "part": asked.method == "PUT" and "partNumber" in asked.path,
            "complete": asked.method == "POST" and "uploadId=" in asked.path,
            "whole": asked.method == "PUT" and "partNumber" not in asked.path,
        }[what]
        return Answer(200, b'<?xml version="1.0"?>\n' + refusal(code)) if is_it else None

    picky.rule = rule
    source = io.BytesIO(b"x") if what == "whole" else in_parts()
    work = (lambda: list(store.list())) if what == "list" else (lambda: store.put(KEY, source))
    with pytest.raises(StorageUnavailable) as caught:
        work()
    assert code in caught.value.title


def test_a_right_that_lacks_within_a_200_is_named(picky, store):
    picky.rule = lambda asked: (
        Answer(200, refusal("AccessDenied")) if asked.method == "POST" and "uploadId=" in asked.path else None
    )
    with pytest.raises(StorageError, match="s3:PutObject") as caught:
        store.put(KEY, in_parts())
    assert not isinstance(caught.value, StorageUnavailable)


TAGS = {"bare": "{}", "weak": 'W/"{}"', "quoted": '"{}"'}


@pytest.mark.parametrize("tag", TAGS)
def test_the_tag_of_a_part_is_taken_as_it_is_written(picky, store, tag):
    """Proxies make them weak, and some servers write them without quotes."""

    def remake(found: Answer) -> Answer:
        told = found.headers.get("ETag")
        bare = (told or "").strip('"')
        return replace(found, headers={**found.headers, "ETag": TAGS[tag].format(bare)}) if told else found

    picky.remake = remake
    store.put(KEY, in_parts(), exclusive=True)
    store.put(KEY, io.BytesIO(b"x"))
    assert store.stat(KEY).size == 1


@pytest.mark.parametrize("status", [201, 202, 203, 205])
def test_what_is_read_is_answered_by_200_or_206(picky, store, status):
    store.put(KEY, io.BytesIO(b"abc"))
    picky.remake = lambda found: replace(found, status=status)
    with pytest.raises(StorageError):
        store.stat(KEY)
    with pytest.raises(StorageError):
        list(store.list())


@pytest.mark.parametrize("status", [201, 202, 204])
def test_each_kind_of_yes_is_one(picky, store, status):
    picky.remake = lambda found: found if found.body or found.status != 200 else replace(found, status=status)
    store.put(KEY, io.BytesIO(b"abc"), exclusive=True)
    store.put("full/large", in_parts())
    picky.remake = lambda found: replace(found, status=status) if found.status == 204 else found
    store.delete(KEY)


@pytest.mark.parametrize(
    "type_", ["text/html", "text/html; charset=utf-8", "text/plain", "", "application/json"]
)
def test_answers_that_are_right_but_for_their_type_are_taken(picky, store, type_):
    def remake(found: Answer) -> Answer:
        kept = {name: value for name, value in found.headers.items() if name.lower() != "x-amz-request-id"}
        return replace(found, type=type_, headers=kept)

    picky.remake = remake
    store.put(KEY, io.BytesIO(b"abc"), exclusive=True)
    store.put("full/large", in_parts(), exclusive=True)
    assert [entry.key for entry in store.list()] == [KEY, "full/large"]
    assert store.unfinished() == ()
    with store.open(KEY) as stream:
        assert stream.read() == b"abc"
    store.delete(KEY)


@pytest.mark.parametrize("type_", ["text/html", "", "text/plain", "application/xhtml+xml"])
@pytest.mark.parametrize(
    "page", [b"<!DOCTYPE html>\n<html><p>x", b"\n<HTML>login</HTML>", b"<!-- x --><html lang=en>"]
)
def test_a_page_with_200_is_a_page_whatever_its_headers(picky, store, type_, page):
    picky.rule = lambda _asked: Answer(200, page, type_, {"ETag": '"5f-1"'})
    with pytest.raises(StorageError, match="web page") as caught:
        list(store.list())
    assert not isinstance(caught.value, StorageUnavailable)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, "InvalidRequest", "Bad request: Date is too old"),
        (400, "RequestExpired", ""),
        (401, "", ""),
        (403, "AccessDenied", "Request has expired"),
        (403, "RequestTimeTooSkewed", ""),
        (400, "RequestTimeTooSkewed", ""),
    ],
)
def test_a_clock_that_is_wrong_is_told_whatever_the_refusal(picky, store, status, code, message):
    date = {"Date": "Fri, 28 Nov 2025 07:00:00 GMT"}
    picky.rule = lambda _asked: Answer(status, refusal(code, message) if code else b"", headers=date)
    with pytest.raises(StorageError, match=r"clock is wrong.*ahead"):
        list(store.list())
