"""What ``mtn_tui.storage.base`` promises, asked of every store there is."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import AlreadyThere, Cancelled, NotFound, StorageError, Truncated
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.storage.base import Entry, Storage, storable
from mtn_tui.storage.local import LocalStorage
from tests.s3_fixtures import store_on

PART = 5 << 20
"""The smallest part S3 allows, so that a few MiB already go up in parts."""
LARGE = 2 * PART + 12_345
KEY = "full/admision_mtn_full_db1_20260302_020000.sql.gz.gpg"

quick = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass
class Kit:
    store: Storage
    left_behind: Callable[[], list[str]]
    """What an operator would not see, but pays for: unfinished files and uploads."""


@pytest.fixture(params=["disk", "bucket"])
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kit]:
    if request.param == "disk":
        local = LocalStorage(tmp_path / "backups")
        local.root.mkdir()
        yield Kit(local, lambda: [str(path) for path in local.root.rglob("*.part")])
    else:
        seaweed: SeaweedServer = request.getfixturevalue("seaweed")
        s3 = store_on(seaweed, request.getfixturevalue("bucket"), part_size=PART)
        yield Kit(s3, lambda: [upload.key for upload in s3.unfinished()])
        s3.close()


@pytest.fixture
def store(kit: Kit) -> Storage:
    return kit.store


class Source:
    """Yields ``data`` in steps; then raises ``error``, where there is one. Looks on while it is read."""

    def __init__(
        self,
        data: bytes,
        *,
        step: int = 1 << 16,
        error: BaseException | None = None,
        look: Callable[[], object] = lambda: None,
    ) -> None:
        self.stream = io.BytesIO(data)
        self.step = step
        self.error = error
        self.look = look
        self.asked = 0

    def read(self, size: int = -1, /) -> bytes:
        self.asked += 1
        self.look()
        piece = self.stream.read(self.step if size < 0 else min(size, self.step))
        if not piece and self.error is not None:
            raise self.error
        return piece


def put(store: Storage, key: str, data: bytes, *, exclusive: bool = False) -> Entry:
    return store.put(key, io.BytesIO(data), len(data), exclusive=exclusive)


def read(store: Storage, key: str, start: int = 0, length: int | None = None) -> bytes:
    with store.open(key, start, length) as stream:
        return stream.read()


def keys(store: Storage, prefix: str = "") -> list[str]:
    return [entry.key for entry in store.list(prefix)]


def test_it_says_which_and_where_it_is_and_that_it_is_ready(store: Storage) -> None:
    store.check()
    assert store.name in ("disk", "bucket")
    assert store.place
    assert store.free() is None or store.free() > 0  # type: ignore[operator]


@pytest.mark.parametrize("size", [0, 1, 65_536, PART - 1, PART, PART + 1, 2 * PART, LARGE])
@pytest.mark.parametrize("known", [True, False])
def test_what_was_put_is_read_back_whatever_its_size(store: Storage, size: int, known: bool) -> None:
    data = os.urandom(size)
    stored = store.put(KEY, io.BytesIO(data), size if known else None)
    assert stored.size == size
    assert read(store, KEY) == data


@quick
@given(data=st.binary(max_size=3000), step=st.integers(1, 700))
def test_a_source_may_come_in_pieces_of_any_size(store: Storage, data: bytes, step: int) -> None:
    store.put(KEY, Source(data, step=step))
    assert read(store, KEY) == data


def test_put_stat_and_list_tell_the_same_of_an_object(store: Storage) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    stored = put(store, KEY, b"abc")
    assert stored == store.stat(KEY) or stored.modified.replace(microsecond=0) == store.stat(KEY).modified
    assert [(entry.key, entry.size) for entry in store.list()] == [(KEY, 3)]
    assert stored.modified.utcoffset() == timedelta()
    assert before <= stored.modified <= datetime.now(UTC) + timedelta(seconds=2)


def test_a_put_replaces_what_was_there(store: Storage) -> None:
    put(store, KEY, b"first, and longer")
    put(store, KEY, b"second")
    assert read(store, KEY) == b"second"
    assert keys(store) == [KEY]


def test_an_exclusive_put_of_a_free_name_stores_it(store: Storage) -> None:
    put(store, KEY, b"first", exclusive=True)
    assert read(store, KEY) == b"first"


def test_an_exclusive_put_never_replaces_and_does_not_read_its_source(store: Storage) -> None:
    put(store, KEY, b"first")
    source = Source(b"second")
    with pytest.raises(AlreadyThere):
        store.put(KEY, source, exclusive=True)
    assert source.asked == 0
    assert read(store, KEY) == b"first"


@pytest.mark.parametrize("size", [100_000, LARGE])
def test_of_several_exclusive_writers_at_once_exactly_one_wins(kit: Kit, size: int) -> None:
    everyone = threading.Barrier(4)

    def write(number: int) -> int | None:
        arrived = False

        def wait_for_the_others() -> None:
            nonlocal arrived
            if not arrived:  # so all have found the name free before one of them ends
                arrived = True
                everyone.wait(60)

        try:
            kit.store.put(KEY, Source(bytes([number]) * size, look=wait_for_the_others), exclusive=True)
        except AlreadyThere:
            return None
        return number

    with ThreadPoolExecutor(4) as pool:
        winners = [number for number in pool.map(write, range(1, 5)) if number is not None]
    # SeaweedFS looks whether the name is free, and then ends an upload in parts: two may pass together.
    assert len(winners) == 1 or (kit.store.name == "bucket" and size == LARGE and winners)
    assert read(kit.store, KEY) in [bytes([number]) * size for number in winners]
    assert kit.left_behind() == []


@pytest.mark.parametrize("size", [0, 10, LARGE])
def test_until_a_put_returns_nobody_sees_the_key(store: Storage, size: int) -> None:
    seen: list[str] = []
    store.put(KEY, Source(bytes(size), step=1 << 20, look=lambda: seen.extend(keys(store))))
    assert seen == []
    assert keys(store) == [KEY]


class OfTheSource(Exception):
    pass


@pytest.mark.parametrize("size", [0, 1000, PART, LARGE])
@pytest.mark.parametrize("known", [True, False])
def test_a_source_that_fails_leaves_nothing_and_its_error_comes_through(
    kit: Kit, size: int, known: bool
) -> None:
    error = OfTheSource()
    with pytest.raises(OfTheSource) as raised:
        kit.store.put(KEY, Source(bytes(size), error=error), size + 1000 if known else None)
    assert raised.value is error
    assert keys(kit.store) == []
    assert kit.left_behind() == []
    with pytest.raises(NotFound):
        kit.store.stat(KEY)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("not the store's"), ValueError("nor this")])
def test_whatever_a_source_raises_is_raised_as_it_is(kit: Kit, error: BaseException) -> None:
    with pytest.raises(type(error)) as raised:
        kit.store.put(KEY, Source(bytes(LARGE), error=error))
    assert raised.value is error
    assert kit.left_behind() == []


def test_a_put_that_fails_leaves_what_was_there_before(kit: Kit) -> None:
    put(kit.store, KEY, b"the last good one")
    with pytest.raises(OfTheSource):
        kit.store.put(KEY, Source(bytes(LARGE), error=OfTheSource()))
    assert read(kit.store, KEY) == b"the last good one"
    assert kit.left_behind() == []


def test_no_thread_is_left_behind_by_a_put_that_fails(kit: Kit) -> None:
    before = set(threading.enumerate())
    for _ in range(3):
        with pytest.raises(OfTheSource):
            kit.store.put(KEY, Source(bytes(LARGE), error=OfTheSource()))
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()


@pytest.mark.parametrize("size", [1000, LARGE])
def test_a_put_is_cancelled_between_two_pieces(kit: Kit, size: int) -> None:
    token = CancelToken()
    source = Source(bytes(size), step=size // 4, look=lambda: token.cancel() if source.asked > 2 else None)
    with pytest.raises(Cancelled):
        kit.store.put(KEY, source, cancel=token)
    assert keys(kit.store) == []
    assert kit.left_behind() == []


@pytest.mark.parametrize("size", [0, 1000, LARGE])
@pytest.mark.parametrize("by", [-1, 1, 70_000])
def test_a_source_that_is_not_of_its_announced_size_is_refused(kit: Kit, size: int, by: int) -> None:
    if size + by < 0:
        return
    with pytest.raises(StorageError) as raised:
        kit.store.put(KEY, Source(bytes(size + by)), size)
    assert str(size) in str(raised.value)
    assert keys(kit.store) == []
    assert kit.left_behind() == []


DATA = bytes(range(256)) * 1200


@quick
@given(start=st.integers(0, len(DATA)), length=st.none() | st.integers(0, len(DATA)))
@example(start=len(DATA), length=None)
@example(start=len(DATA), length=0)
@example(start=0, length=0)
@example(start=0, length=len(DATA))
@example(start=1, length=None)
@example(start=len(DATA) - 1, length=1)
@example(start=len(DATA) - 1, length=2)
@example(start=0, length=len(DATA) + 1)
@example(start=len(DATA), length=1)
@example(start=len(DATA) + 1, length=None)
@example(start=len(DATA) + 1, length=0)
@example(start=len(DATA) + 1, length=1)
def test_a_range_yields_exactly_its_bytes_or_is_told_to_be_cut_short(
    store: Storage, start: int, length: int | None
) -> None:
    if KEY not in keys(store):
        put(store, KEY, DATA)
    if start + (length or 0) > len(DATA):
        with pytest.raises(Truncated):
            read(store, KEY, start, length)
    else:
        assert read(store, KEY, start, length) == DATA[start : None if length is None else start + length]


@pytest.mark.parametrize(("start", "length"), [(0, None), (0, 0), (0, 1), (1, None)])
def test_ranges_of_an_empty_object(store: Storage, start: int, length: int | None) -> None:
    put(store, KEY, b"")
    if start + (length or 0) == 0:
        assert read(store, KEY, start, length) == b""
    else:
        with pytest.raises(Truncated):
            read(store, KEY, start, length)


def test_a_stream_gives_as_much_as_is_asked_for_until_its_end(store: Storage) -> None:
    put(store, KEY, DATA)
    with store.open(KEY, 100, 250_000) as stream:
        assert len(stream.read(1)) == 1
        assert len(stream.read(200_000)) == 200_000
        assert len(stream.read(200_000)) == 49_999
        assert stream.read(1) == b""


def test_streams_may_be_left_before_their_end(store: Storage) -> None:
    put(store, KEY, bytes(LARGE))
    for _ in range(20):
        with store.open(KEY) as stream:
            assert stream.read(10) == bytes(10)


def test_an_error_of_the_reader_comes_through_an_open_stream(store: Storage) -> None:
    put(store, KEY, DATA)
    with pytest.raises(OfTheSource), store.open(KEY):
        raise OfTheSource


def test_several_threads_read_ranges_at_once(store: Storage) -> None:
    data = os.urandom(LARGE)
    put(store, KEY, data)
    step = LARGE // 16 + 1
    with ThreadPoolExecutor(6) as pool:
        parts = pool.map(
            lambda start: read(store, KEY, start, min(step, LARGE - start)), range(0, LARGE, step)
        )
        assert b"".join(parts) == data


def test_what_is_not_there_is_not_found(store: Storage) -> None:
    with pytest.raises(NotFound) as raised:
        store.stat(KEY)
    assert KEY in str(raised.value)
    for start, length in ((0, None), (5, None), (0, 0), (3, 4)):
        with pytest.raises(NotFound):
            read(store, KEY, start, length)


def test_a_folder_is_not_an_object(store: Storage) -> None:
    put(store, KEY, b"abc")
    with pytest.raises(NotFound):
        store.stat("full")
    with pytest.raises(NotFound):
        read(store, "full")
    store.delete("full")
    assert keys(store) == [KEY]


def test_a_deleted_object_is_gone_and_deleting_it_again_is_no_error(store: Storage) -> None:
    put(store, KEY, b"abc")
    put(store, "other", b"abc")
    store.delete(KEY)
    store.delete(KEY)
    store.delete("full/never there")
    store.delete("never/there")
    assert keys(store) == ["other"]
    with pytest.raises(NotFound):
        store.stat(KEY)


def test_a_listing_is_in_key_order_and_by_prefix(store: Storage) -> None:
    names = ["full/b", "full-x", "full.y", "full/a", "zz", "Full", "differential/ñandú", "full/á", "full/z"]
    for name in names:
        put(store, name, name.encode())
    assert keys(store) == sorted(names)
    assert keys(store, "full/") == ["full/a", "full/b", "full/z", "full/á"]
    assert keys(store, "full") == sorted(name for name in names if name.startswith("full"))
    assert keys(store, "full/a") == ["full/a"]
    assert keys(store, "nothing/") == []


@pytest.mark.sample("disk")
def test_a_listing_may_be_longer_than_a_page_of_s3(store: Storage) -> None:
    names = [f"full/{number:05}" for number in range(1100)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: put(store, name, b""), names))
    assert keys(store) == names


names = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="/\\"),
    min_size=1,
    max_size=40,
)


@quick
@given(name=names, folder=st.sampled_from(["", "full/", "ñ ñ/"]))
@example(name="admisión_mtn_full_db1_20260302_020000.sql.gz.gpg", folder="full/")
@example(name="with spaces, and 'quotes' \"both\"", folder="")
@example(name="100%41 + a=b&c;d?e#f", folder="")
@example(name="~*$(){}[]<>|!^`,:@", folder="")
@example(name=" led and trailed ", folder="")
@example(name="-rf", folder="")
@example(name="..two", folder="")
@example(name="emoji 🗄", folder="")
def test_every_name_that_is_allowed_works_everywhere(store: Storage, name: str, folder: str) -> None:
    key = folder + name
    if not storable(key) or len(name.encode()) > 200:
        return
    put(store, key, key.encode())
    try:
        assert keys(store) == [key]
        assert keys(store, key) == [key]
        assert store.stat(key).size == len(key.encode())
        assert read(store, key) == key.encode()
        assert read(store, key, 1) == key.encode()[1:]
    finally:
        store.delete(key)
    assert keys(store) == []


hostile = [
    "",
    ".",
    "..",
    "../outside",
    "full/../../outside",
    "full/..",
    "/etc/passwd",
    "full//x",
    "full/",
    "a/b/c",
    "back\\slash",
    "line\nbreak",
    "nul\0",
    "escape\x1b[31m",
    "c1\x9b31m",
    "separator\u2028",
    "half \ud800 of a pair",
    " ",
    "full/ ",
    KEY + ".part",
    "x" * 901,
    "ñ" * 451,
]


@pytest.mark.parametrize("key", hostile, ids=ascii)
def test_a_name_that_could_leave_the_store_is_refused_by_every_method(store: Storage, key: str) -> None:
    source = Source(b"abc")
    for attempt in (
        lambda: store.put(key, source),
        lambda: store.put(key, source, exclusive=True),
        lambda: store.stat(key),
        lambda: store.delete(key),
        lambda: read(store, key),
    ):
        with pytest.raises(StorageError) as raised:
            attempt()
        assert not isinstance(raised.value, NotFound)
    assert source.asked == 0
    assert keys(store) == []


def test_a_range_that_makes_no_sense_is_the_callers_mistake(store: Storage) -> None:
    put(store, KEY, b"abc")
    for start, length in ((-1, None), (0, -1)):
        with pytest.raises(ValueError, match="range"):
            read(store, KEY, start, length)
