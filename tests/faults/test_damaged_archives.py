"""Damaged archives are told, each with its reason, before a byte of them is used.

Single bytes changed anywhere, cuts, additions, other files' payloads and other
keys: by a pass over the whole payload, by reading single sections, and without
a manifest. Of the changes a tenth runs in CI and all of them under ``soak``.
"""

from __future__ import annotations

import gzip
import io
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

import pytest

from mtn_tui.archive import legacy
from mtn_tui.archive.cipher import BLOCK, HEADER, Encryptor
from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import Section, decode, encode
from mtn_tui.archive.reader import Archive, check_complete, check_header, check_size
from mtn_tui.core.errors import (
    ArchiveError,
    Changed,
    ForeignManifest,
    NotABackup,
    Truncated,
    WrongKey,
)
from tests.archive_fixtures import (
    KEY,
    OTHER_KEY,
    OTHER_PAYLOAD,
    OTHER_SALT,
    PAYLOAD,
    MemorySource,
    make,
    some_rows,
)

MADE = make(some_rows(3000), member=2000, section=9000)
OTHER = make(some_rows(3000, seed=2), member=2000, section=9000, salt=OTHER_SALT, name=OTHER_PAYLOAD)
SOURCE = MemorySource(MADE.payload)
ARCHIVE = Archive(SOURCE, KEY, MADE.manifest)

counts = pytest.mark.parametrize(
    "count", [pytest.param(100, id="100"), pytest.param(1000, id="1000", marks=pytest.mark.soak)]
)


def verify(payload: bytes) -> None:
    """What a verification does, but for the comparison of sizes."""
    check_complete([ARCHIVE.check(window) for window in ARCHIVE.windows(io.BytesIO(payload))], MADE.manifest)


def read(payload: bytes, section: Section) -> bytes:
    SOURCE.payload = payload
    try:
        return b"".join(ARCHIVE.sql(section))
    finally:
        SOURCE.payload = MADE.payload


def told(action: Callable[[], object]) -> type[ArchiveError] | None:
    """The class of the error; None where nothing was noticed."""
    try:
        action()
    except ArchiveError as error:
        return type(error)
    return None


def changes(payload: bytes, count: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Where a byte was changed, and the payload with it; always some in the header and at the end."""
    random = Random(seed)
    places = [*range(0, HEADER, 3), *range(len(payload) - BLOCK, len(payload), 5)]
    while len(places) < count:
        places.append(random.randrange(len(payload)))
    for at in places:
        damaged = bytearray(payload)
        damaged[at] ^= random.randrange(1, 256)
        yield at, bytes(damaged)


def touched(section: Section, at: int) -> bool:
    """Whether a changed cipher byte changes the section: its own block, and one byte of the next."""
    first = (at - HEADER) // BLOCK * BLOCK
    own = range(first, first + BLOCK)
    gzip_bytes = range(section.offset, section.offset + section.size)
    return at >= HEADER and (
        (own.start < gzip_bytes.stop and gzip_bytes.start < own.stop) or at - HEADER + BLOCK in gzip_bytes
    )


def cuts(payload: bytes) -> list[int]:
    """Lengths to cut to: at every member's end, the block borders about it, the first bytes, and others."""
    ends = {0, *MADE.members}
    lengths = {HEADER + end + off for end in ends for off in (-BLOCK, -1, 0, 1, -(end % BLOCK), -end % BLOCK)}
    lengths |= {*range(HEADER + 2), len(payload) - 1, len(payload) - BLOCK}
    lengths |= {Random(3).randrange(len(payload)) for _ in range(50)}
    return sorted(length for length in lengths if 0 <= length < len(payload))


@counts
def test_every_changed_byte_is_found_in_one_pass(count: int) -> None:
    missed = [
        at
        for at, damaged in changes(MADE.payload, count, 11)
        if told(lambda d=damaged: verify(d)) is not Changed
    ]
    assert missed == []


@counts
def test_every_changed_byte_is_found_in_the_sections_that_it_touches_and_in_no_other(count: int) -> None:
    for at, damaged in changes(MADE.payload, count, 12):
        for section, expected in zip(MADE.manifest.sections, MADE.slices(), strict=True):
            if touched(section, at):
                assert told(lambda d=damaged, s=section: read(d, s)) is Changed
            else:
                assert read(damaged, section) == expected


def test_nothing_of_a_changed_section_is_handed_out() -> None:
    section = MADE.manifest.sections[2]
    damaged = bytearray(MADE.payload)
    damaged[HEADER + section.offset + section.size - 1] ^= 1
    SOURCE.payload = bytes(damaged)
    try:
        with pytest.raises(Changed):
            ARCHIVE.sql(section)
    finally:
        SOURCE.payload = MADE.payload


def test_blocks_that_changed_places_are_found() -> None:
    """As CBC lets an attacker do without the key."""
    random = Random(5)
    for _ in range(20):
        one, two = (HEADER + BLOCK * random.randrange(len(MADE.payload) // BLOCK - 1) for _ in range(2))
        damaged = bytearray(MADE.payload)
        damaged[one : one + BLOCK], damaged[two : two + BLOCK] = (
            damaged[two : two + BLOCK],
            damaged[one : one + BLOCK],
        )
        if damaged != MADE.payload:
            assert told(lambda d=bytes(damaged): verify(d)) is Changed


def test_zeroed_pages_are_found() -> None:
    for start in range(0, len(MADE.payload), 4096):
        damaged = (
            MADE.payload[:start]
            + bytes(len(MADE.payload[start : start + 4096]))
            + MADE.payload[start + 4096 :]
        )
        assert told(lambda d=damaged: verify(d)) is Changed


def test_every_truncation_is_told_as_truncated_by_its_size_and_in_one_pass() -> None:
    for length in cuts(MADE.payload):
        assert told(lambda n=length: check_size(n, MADE.manifest)) is Truncated
        assert told(lambda n=length: verify(MADE.payload[:n])) is Truncated, length


def test_a_section_that_is_not_all_there_is_told_as_truncated() -> None:
    for section in MADE.manifest.sections:
        first_lost = HEADER + (section.offset + section.size - 1) // BLOCK * BLOCK + BLOCK - 1
        for length in {0, HEADER, HEADER + section.offset, first_lost - BLOCK, first_lost}:
            assert told(lambda n=length, s=section: read(MADE.payload[:n], s)) is Truncated


def test_sections_before_the_cut_are_still_read() -> None:
    for number, section in enumerate(MADE.manifest.sections):
        whole = HEADER + -(-(section.offset + section.size) // BLOCK) * BLOCK
        assert read(MADE.payload[:whole], section) == MADE.slices()[number]


@pytest.mark.parametrize("more", [b"\0", b"x" * 15, b"\0" * 16, b"x" * 5000, MADE.payload], ids=len)
def test_an_extended_payload_is_told_as_changed(more: bytes) -> None:
    longer = MADE.payload + more
    assert told(lambda: check_size(len(longer), MADE.manifest)) is Changed
    assert told(lambda: verify(longer)) is Changed


def test_the_whole_payload_passes() -> None:
    check_size(len(MADE.payload), MADE.manifest)
    verify(MADE.payload)
    check_header(SOURCE, MADE.manifest)


def test_another_files_payload_is_told_as_such_by_every_path() -> None:
    assert told(lambda: verify(OTHER.payload)) is ForeignManifest
    for section in MADE.manifest.sections:
        assert told(lambda s=section: read(OTHER.payload, s)) is ForeignManifest
    SOURCE.payload = OTHER.payload
    try:
        assert told(lambda: check_header(SOURCE, MADE.manifest)) is ForeignManifest
    finally:
        SOURCE.payload = MADE.payload


def test_swapped_manifests_are_told_as_such() -> None:
    for one, name in ((MADE, OTHER_PAYLOAD), (OTHER, PAYLOAD)):
        data = encode(one.manifest, KEY)
        assert told(lambda d=data, n=name: decode(d, KEY, n)) is ForeignManifest


def test_another_key_is_told_by_the_manifest_before_anything_is_read() -> None:
    assert told(lambda: decode(encode(MADE.manifest, KEY), OTHER_KEY, PAYLOAD)) is WrongKey


# --- without a manifest ----------------------------------------------------------------------------

SCRIPT = MADE.script
CLEAR = gzip.compress(SCRIPT, 9, mtime=0)


def encrypted(plain: bytes) -> bytes:
    encryptor = Encryptor(KEY, b"saltsalt")
    return encryptor.header + encryptor.update(plain) + encryptor.finish()


SCRIPTS_OWN = encrypted(CLEAR)
"""One gzip member, as the shell scripts wrote."""


def unsigned(payload: bytes, key: Key | None = KEY) -> bytes:
    return b"".join(legacy.sql(io.BytesIO(payload), key))


legacy_payloads = pytest.mark.parametrize(
    "payload", [SCRIPTS_OWN, MADE.payload], ids=["one member", "members"]
)


@pytest.mark.parametrize(
    "payload", [SCRIPTS_OWN, MADE.payload, CLEAR], ids=["one member", "members", "clear"]
)
def test_the_whole_legacy_file_passes(payload: bytes) -> None:
    assert unsigned(payload) == SCRIPT


@legacy_payloads
@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.soak)])
def test_a_changed_byte_of_a_legacy_file_is_found_or_changes_nothing(payload: bytes, count: int) -> None:
    found: Counter[str] = Counter()
    for at, damaged in changes(payload, count, 13):
        try:
            accepted = unsigned(damaged)
        except (Changed, Truncated, WrongKey) as error:
            found[type(error).__name__] += 1
        except NotABackup:
            assert at < len(b"Salted__")
        else:
            assert accepted == SCRIPT, at
            found["harmless"] += 1
    assert found["Changed"] > count // 4 > found["harmless"]


def test_a_changed_byte_of_a_clear_legacy_file_is_found_or_changes_nothing() -> None:
    for at, damaged in changes(CLEAR, 400, 14):
        try:
            accepted = unsigned(damaged, None)
        except (Changed, Truncated):
            continue
        except NotABackup:
            assert at < 2
            continue
        assert accepted == SCRIPT, at


@legacy_payloads
def test_a_legacy_file_cut_off_is_told_as_truncated(payload: bytes) -> None:
    lengths = sorted({*range(0, 50, 7), 16, 32, len(payload) - 1, len(payload) - BLOCK})
    lengths += Random(7).sample(cuts(MADE.payload), 12)
    for length in lengths:
        if length < len(payload):
            assert told(lambda n=length: unsigned(payload[:n])) is Truncated, length


def test_a_clear_legacy_file_cut_off_is_told_as_truncated() -> None:
    for length in [*range(2, 60), *range(60, len(CLEAR), 97), len(CLEAR) - 1]:
        assert told(lambda n=length: unsigned(CLEAR[:n], None)) is Truncated, length


@legacy_payloads
def test_another_key_is_told_also_without_a_manifest(payload: bytes) -> None:
    for number in range(5):
        assert told(lambda n=number: unsigned(payload, Key(b"guess %d" % n))) is WrongKey
    assert told(lambda: unsigned(payload, None)) is WrongKey


def test_what_is_inside_must_be_a_whole_dump() -> None:
    unfinished = SCRIPT[: len(SCRIPT) // 2]
    for payload in (encrypted(gzip.compress(unfinished)), gzip.compress(unfinished)):
        assert told(lambda p=payload: unsigned(p)) is Truncated
    for text in (b"", b"SELECT 1;\n"):
        assert told(lambda t=text: unsigned(encrypted(gzip.compress(t)))) is Truncated
    assert told(lambda: unsigned(encrypted(gzip.compress(b"SELECT 1;\n" * 1000)))) is NotABackup


@pytest.mark.parametrize("content", [b"PK\x03\x04" + bytes(100), b"-- something else\n" * 99, b"{}"])
def test_other_files_are_no_backups(content: bytes) -> None:
    assert told(lambda: unsigned(content)) is NotABackup
