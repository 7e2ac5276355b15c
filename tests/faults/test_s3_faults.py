"""An S3 server that refuses, hangs, cuts, lies about the time or is full: what is said, and what is left."""

from __future__ import annotations

import io
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import pytest

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import (
    AlreadyThere,
    Cancelled,
    MtnError,
    NoSpace,
    NotFound,
    StorageError,
    StorageUnavailable,
)
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.storage.base import Entry
from mtn_tui.storage.s3 import S3Storage
from tests.faults.proxy import Fault, FaultProxy
from tests.s3_fixtures import store_on

PART = 5 << 20
LARGE = 3 * PART + 1000
KEY = "full/admision_mtn_full_db1_20260302_020000.sql.gz.gpg"
PATIENCE = 1.0
"""Seconds until a server that hangs is given up."""


class FixedClock:
    def __init__(self, ahead: timedelta = timedelta()) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def monotonic(self) -> float:
        return time.monotonic()


@pytest.fixture
def proxy(seaweed: SeaweedServer) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", seaweed.port) as proxy:
        yield proxy


@pytest.fixture
def behind(seaweed: SeaweedServer, bucket: str, proxy: FaultProxy) -> Callable[..., S3Storage]:
    """Makes a store that reaches its empty bucket through the proxy."""

    def make(**options: Any) -> S3Storage:
        given = {
            "endpoint": proxy.endpoint,
            "part_size": PART,
            "bucket": bucket,
            **options,
        }
        return store_on(seaweed, **given)

    return make


@pytest.fixture
def store(behind: Callable[..., S3Storage]) -> Iterator[S3Storage]:
    store = behind()
    yield store
    store.close()


@pytest.fixture
def direct(seaweed: SeaweedServer, bucket: str) -> Iterator[S3Storage]:
    """The same bucket, not through the proxy."""
    store = store_on(seaweed, bucket)
    yield store
    store.close()


def put(store: S3Storage, size: int = 1000, **options: Any) -> Entry:
    return store.put(KEY, io.BytesIO(bytes(size)), **options)


def read(store: S3Storage, start: int = 0, length: int | None = None) -> bytes:
    with store.open(KEY, start, length) as stream:
        return stream.read()


EVERYTHING: list[Callable[[S3Storage], object]] = [
    lambda store: store.check(),
    put,
    lambda store: put(store, exclusive=True),
    lambda store: put(store, LARGE),
    read,
    lambda store: read(store, 10, 20),
    lambda store: read(store, 10),
    lambda store: store.stat(KEY),
    lambda store: list(store.list()),
    lambda store: store.delete(KEY),
    lambda store: store.unfinished(),
]
NAMES = [
    "check",
    "put",
    "exclusive",
    "parts",
    "read",
    "range",
    "rest",
    "stat",
    "list",
    "delete",
    "unfinished",
]
each_method = pytest.mark.parametrize("attempt", EVERYTHING, ids=NAMES)


def told(attempt: Callable[[S3Storage], object], store: S3Storage) -> MtnError:
    with pytest.raises(MtnError) as raised:
        attempt(store)
    assert raised.value.title
    assert raised.value.hint
    return raised.value


@each_method
def test_a_server_that_refuses_connections_is_unavailable(
    store: S3Storage, proxy: FaultProxy, attempt: Callable[[S3Storage], object]
) -> None:
    proxy.refuse()
    error = told(attempt, store)
    assert type(error) is StorageUnavailable
    assert "refused" in error.title
    assert store.bucket in error.title


@pytest.mark.sample("put", "list", "check")
@each_method
def test_a_server_that_hangs_is_unavailable_after_a_few_timeouts(
    behind: Callable[..., S3Storage], proxy: FaultProxy, attempt: Callable[[S3Storage], object]
) -> None:
    store = behind(read_timeout=PATIENCE)
    proxy.hang()
    began = time.monotonic()
    error = told(attempt, store)
    assert type(error) is StorageUnavailable
    assert "no answer in time" in error.title
    assert time.monotonic() - began < 30 * PATIENCE


@each_method
def test_a_server_that_answers_503_is_unavailable(
    store: S3Storage, proxy: FaultProxy, attempt: Callable[[S3Storage], object]
) -> None:
    proxy.answer(503, "SlowDown")
    error = told(attempt, store)
    assert type(error) is StorageUnavailable


@each_method
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_balancers_page_instead_of_s3_is_unavailable(
    store: S3Storage, proxy: FaultProxy, attempt: Callable[[S3Storage], object], status: int
) -> None:
    proxy.answer(status, code="")
    assert type(told(attempt, store)) is StorageUnavailable


@each_method
def test_a_connection_that_is_cut_at_once_is_unavailable(
    store: S3Storage, proxy: FaultProxy, attempt: Callable[[S3Storage], object]
) -> None:
    proxy.cut(down=10)
    assert type(told(attempt, store)) is StorageUnavailable


def test_a_name_that_cannot_be_resolved_is_unavailable(behind: Callable[..., S3Storage]) -> None:
    error = told(S3Storage.check, behind(endpoint="no-such-host.invalid:9000"))
    assert type(error) is StorageUnavailable
    assert "no-such-host.invalid:9000" in error.title


@each_method
def test_wrong_keys_are_named_as_such(
    behind: Callable[..., S3Storage], attempt: Callable[[S3Storage], object]
) -> None:
    secret = "not the right secret"
    error = told(attempt, behind(secret_key=secret))
    assert type(error) is StorageError
    assert "refused our keys" in error.title
    assert "MINIO_ACCESS_KEY" in error.hint
    assert secret not in repr(error.__cause__) + str(error.__cause__) + error.title


@each_method
def test_an_unknown_access_key_is_named_as_such(
    behind: Callable[..., S3Storage], attempt: Callable[[S3Storage], object]
) -> None:
    error = told(attempt, behind(access_key="somebody-else"))
    assert type(error) is StorageError
    assert "refused our keys" in error.title


@each_method
def test_a_bucket_that_is_gone_is_named_with_its_setting(
    behind: Callable[..., S3Storage], attempt: Callable[[S3Storage], object]
) -> None:
    error = told(attempt, behind(bucket="mtn-is-gone"))
    assert type(error) is StorageError
    assert "mtn-is-gone" in error.title
    assert "MINIO_BUCKET" in error.hint


@each_method
@pytest.mark.parametrize("minutes", [17, -17])
def test_a_clock_that_is_wrong_is_told_by_how_much(
    behind: Callable[..., S3Storage],
    proxy: FaultProxy,
    attempt: Callable[[S3Storage], object],
    minutes: int,
) -> None:
    proxy.shift_date(timedelta(minutes=minutes))
    error = told(attempt, behind(secret_key="as a server sees a signature of another time"))
    assert type(error) is StorageError
    assert "clock" in error.title
    assert "17 min behind" in error.title if minutes > 0 else "17 min ahead" in error.title


def test_our_own_clock_that_is_wrong_is_told_too(behind: Callable[..., S3Storage], proxy: FaultProxy) -> None:
    proxy.answer(403, "RequestTimeTooSkewed")
    error = told(S3Storage.check, behind(clock=FixedClock(timedelta(minutes=42))))
    assert "42 min ahead" in error.title


def test_a_server_that_complains_of_the_time_is_believed(store: S3Storage, proxy: FaultProxy) -> None:
    proxy.answer(403, "RequestTimeTooSkewed")
    assert "clock" in told(put, store).title


def test_a_small_difference_of_clocks_is_not_blamed_for_wrong_keys(
    behind: Callable[..., S3Storage], proxy: FaultProxy
) -> None:
    proxy.shift_date(timedelta(minutes=4))
    assert "refused our keys" in told(S3Storage.check, behind(secret_key="wrong")).title


def test_a_wrong_clock_is_not_blamed_while_the_server_accepts(store: S3Storage, proxy: FaultProxy) -> None:
    proxy.shift_date(timedelta(hours=3))
    put(store)
    assert read(store) == bytes(1000)


@pytest.mark.parametrize(
    ("status", "code"),
    [(507, "InsufficientStorage"), (507, "XMinioStorageFull"), (400, "QuotaExceeded"), (507, "")],
)
@pytest.mark.parametrize("size", [1000, LARGE])
def test_a_full_server_is_told_as_full(
    store: S3Storage, proxy: FaultProxy, status: int, code: str, size: int
) -> None:
    proxy.answer(status, code, of=lambda method, _path: method == "PUT")
    assert type(told(lambda store: put(store, size), store)) is NoSpace
    proxy.heal()
    assert store.unfinished() == ()


def test_a_page_that_is_no_s3_is_permanent_and_says_what_to_check(
    store: S3Storage, proxy: FaultProxy
) -> None:
    proxy.answer(404, code="")
    error = told(S3Storage.check, store)
    assert type(error) is StorageError
    assert "console" in error.hint


def sorry(method: str, path: str) -> bool:
    return method == "PUT" and "partNumber=3" in path


@pytest.mark.parametrize(
    "fault",
    [
        lambda: Fault(status=503, of=sorry),
        lambda: Fault(status=500, code="InternalError", of=sorry),
        lambda: Fault(status=502, code="", of=sorry),
        lambda: Fault(cut_up=PART // 2),
        lambda: Fault(cut_up=PART // 2, cuts=1),
        lambda: Fault(cut_down=200, cuts=1),
        lambda: Fault(status=503, of=lambda method, path: method == "POST" and "uploads=" in path),
        lambda: Fault(status=503, of=lambda method, path: method == "POST" and "uploadId=" in path),
    ],
    ids=["503", "500", "502 page", "all cut", "one cut", "answer cut", "no begin", "no end"],
)
def test_a_put_that_fails_midway_leaves_no_object_and_no_upload(
    store: S3Storage, direct: S3Storage, proxy: FaultProxy, fault: Callable[[], Fault]
) -> None:
    store.check()
    proxy.set(fault())
    assert type(told(lambda store: put(store, LARGE), store)) is StorageUnavailable
    proxy.heal()
    assert list(direct.list()) == []
    # A request that was cut may still be at work in the server when it is asked to abort.
    assert eventually(lambda: direct.abort_unfinished(lambda upload: upload.key == KEY) == ())
    assert direct.unfinished() == ()


def eventually(condition: Callable[[], bool], seconds: float = 30) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


class Dying:
    """A source in whose middle the world changes."""

    def __init__(self, size: int, at: int, happens: Callable[[], None]) -> None:
        self.left = size
        self.at = at
        self.happens = happens
        self.asked = 0

    def read(self, size: int = -1, /) -> bytes:
        self.asked += 1
        piece = bytes(min(size, self.left, 1 << 18))
        if self.left > self.at >= self.left - len(piece):
            self.happens()
        self.left -= len(piece)
        return piece


@pytest.mark.parametrize("how", ["refuse", "hang"])
def test_a_server_that_dies_midway_leaves_an_upload_that_is_swept_once_it_is_back(
    behind: Callable[..., S3Storage], direct: S3Storage, proxy: FaultProxy, how: str
) -> None:
    store = behind(read_timeout=3 * PATIENCE)
    source = Dying(LARGE, LARGE // 3, getattr(proxy, how))
    with pytest.raises(StorageUnavailable):
        store.put(KEY, source)
    assert list(direct.list()) == []
    proxy.heal()
    assert [upload.key for upload in direct.unfinished()] == [KEY]
    assert direct.abort_unfinished(lambda upload: upload.key.startswith("differential/")) == ()
    assert [upload.key for upload in store.abort_unfinished(lambda upload: upload.key == KEY)] == [KEY]
    assert store.unfinished() == ()
    put(direct, LARGE)
    assert store.stat(KEY).size == LARGE


def test_a_put_stops_reading_its_source_soon_after_the_server_has_died(
    store: S3Storage, proxy: FaultProxy
) -> None:
    source = Dying(40 * PART, 38 * PART, proxy.refuse)
    with pytest.raises(StorageUnavailable):
        store.put(KEY, source)
    assert source.left > 20 * PART


def test_a_put_reads_one_part_ahead_of_those_under_way_and_no_more(
    behind: Callable[..., S3Storage], proxy: FaultProxy
) -> None:
    store = behind(read_timeout=2 * PATIENCE, uploads_at_once=2)
    source = Dying(20 * PART, 18 * PART + PART // 2, proxy.hang)
    with pytest.raises(StorageUnavailable):
        store.put(KEY, source)
    assert 2 * PART < 20 * PART - source.left <= 4 * PART + 1


def test_a_server_that_stalls_and_goes_on_within_its_timeout_loses_nothing(
    behind: Callable[..., S3Storage], proxy: FaultProxy
) -> None:
    store = behind()
    data = os.urandom(LARGE)
    healer = threading.Timer(0.5, proxy.heal)
    proxy.hang()
    healer.start()
    store.put(KEY, io.BytesIO(data))
    healer.join()
    assert read(store) == data


def test_a_cancelled_put_ends_while_a_part_is_on_its_way(
    behind: Callable[..., S3Storage], direct: S3Storage, proxy: FaultProxy
) -> None:
    token = CancelToken()
    store = behind()
    with pytest.raises(Cancelled):
        store.put(KEY, Dying(LARGE, LARGE // 2, token.cancel), cancel=token)
    assert list(direct.list()) == []
    assert direct.unfinished() == ()


def test_an_error_of_the_source_comes_through_although_the_abort_fails(
    store: S3Storage, proxy: FaultProxy
) -> None:
    class OfTheSource(Exception):
        pass

    def dies() -> None:
        proxy.refuse()
        raise OfTheSource

    with pytest.raises(OfTheSource):
        store.put(KEY, Dying(LARGE, LARGE // 3, dies))


@pytest.mark.sample("300-0", "15727640")
@pytest.mark.parametrize(("start", "length"), [(0, None), (1000, None), (1000, LARGE - 2000)])
@pytest.mark.parametrize("after", [300, 100_000, LARGE // 2])
def test_a_read_that_is_cut_is_told_and_never_looks_like_the_end(
    store: S3Storage, direct: S3Storage, proxy: FaultProxy, start: int, length: int | None, after: int
) -> None:
    put(direct, LARGE)
    proxy.cut(down=after, cuts=1)
    got: list[int] = []
    with pytest.raises(StorageUnavailable):
        got.extend(map(len, pieces(store, start, length)))
    assert sum(got) < (LARGE - start if length is None else length)
    assert len(read(store, start, length)) == (LARGE - start if length is None else length)


def test_a_stream_that_broke_goes_on_telling_so(
    store: S3Storage, direct: S3Storage, proxy: FaultProxy
) -> None:
    put(direct, LARGE)
    proxy.cut(down=100_000, cuts=1)
    with store.open(KEY) as stream:
        for _ in range(3):
            with pytest.raises(StorageUnavailable):
                drain(stream)


def pieces(store: S3Storage, start: int, length: int | None) -> Iterator[bytes]:
    with store.open(KEY, start, length) as stream:
        while piece := stream.read(65_536):
            yield piece


def drain(stream: BinaryIO) -> None:
    while stream.read(1 << 20):
        pass


def test_a_read_that_hangs_midway_is_told(
    behind: Callable[..., S3Storage], direct: S3Storage, proxy: FaultProxy
) -> None:
    put(direct, LARGE)
    store = behind(read_timeout=3 * PATIENCE)
    with store.open(KEY) as stream:
        assert stream.read(1000)
        proxy.hang()
        with pytest.raises(StorageUnavailable, match="no answer in time"):
            drain(stream)


def test_a_slow_server_is_waited_for(behind: Callable[..., S3Storage], proxy: FaultProxy) -> None:
    store = behind()
    proxy.delay(0.1)
    put(store)
    assert read(store) == bytes(1000)


def test_each_third_request_failing_is_told_and_a_later_try_succeeds(
    store: S3Storage, proxy: FaultProxy
) -> None:
    proxy.answer(503, every=3)
    failures = 0

    def stored() -> bool:
        nonlocal failures
        try:
            put(store)
        except StorageUnavailable:
            failures += 1
            return False
        return True

    assert eventually(stored)
    assert sum(eventually(stored) for _ in range(4)) == 4
    assert failures


def test_a_name_that_was_taken_meanwhile_is_told_where_the_server_looks(
    store: S3Storage, direct: S3Storage
) -> None:
    def is_taken() -> None:
        direct.put(KEY, io.BytesIO(b"the other's"))

    source = Dying(1000, 500, is_taken)
    with pytest.raises(AlreadyThere):
        store.put(KEY, source, exclusive=True)
    with direct.open(KEY) as stream:
        assert stream.read() == b"the other's"


def test_a_missing_object_is_told_from_a_missing_bucket(
    store: S3Storage, behind: Callable[..., S3Storage]
) -> None:
    assert type(told(lambda store: store.stat(KEY), store)) is NotFound
    gone = behind(bucket=f"mtn-{secrets.token_hex(4)}")
    assert type(told(lambda store: store.stat(KEY), gone)) is StorageError
