"""Gzip members: gunzip reads ours, and we read what gzip, pigz and others write."""

from __future__ import annotations

import gzip
import io
import shutil
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtn_tui.archive.blocks import Inflater, compress
from mtn_tui.core.errors import Changed, Truncated
from tests.archive_fixtures import chunked, patient, shell, some_rows

PIECE = 4 << 20
TEXT = some_rows(3000)
any_chunks = st.lists(st.integers(1, 3000), min_size=1, max_size=4)


def inflated(data: bytes, sizes: list[int]) -> bytes:
    inflater = Inflater()
    made = b"".join(piece for chunk in chunked(data, sizes) for piece in inflater.feed(chunk))
    inflater.finish()
    return made


def members(data: bytes, size: int, level: int) -> bytes:
    return b"".join(compress(data[at : at + size], level) for at in range(0, len(data), size))


@settings(patient, max_examples=25)
@given(parts=st.lists(st.binary(max_size=2000), min_size=1, max_size=8), level=st.integers(1, 12))
def test_gunzip_reads_our_members_as_one_stream(parts: list[bytes], level: int) -> None:
    written = b"".join(compress(part, level) for part in parts)
    assert shell("gunzip", written) == b"".join(parts)


@patient
@given(
    parts=st.lists(st.binary(max_size=300), min_size=1, max_size=8),
    level=st.integers(1, 12),
    sizes=any_chunks,
)
def test_we_read_our_members_in_pieces_of_any_size(parts: list[bytes], level: int, sizes: list[int]) -> None:
    assert inflated(b"".join(compress(part, level) for part in parts), sizes) == b"".join(parts)


@pytest.mark.parametrize(
    "command",
    [
        "gzip -9",
        "gzip -1",
        "pigz -6",
        "pigz -p 4 -b 128 -i",
        "pigz -11 -p 2",
    ],
)
@pytest.mark.parametrize("sizes", [[1], [7, 5000], [1 << 20]], ids=str)
def test_we_read_what_other_programs_write(command: str, sizes: list[int]) -> None:
    if shutil.which(command.split(maxsplit=1)[0]) is None:
        pytest.skip("there is no pigz on this machine")
    written = shell(command, TEXT)
    assert inflated(written, sizes) == TEXT
    assert inflated(written + written, sizes) == TEXT + TEXT


def full_header() -> bytes:
    """A member with every optional field of RFC 1952: extra, name, comment, header CRC."""
    header = b"\x1f\x8b\x08\x1e\x01\x02\x03\x04\x02\x03" + b"\x05\x00extra" + b"name.sql\0" + b"comment\0"
    header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")
    raw = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = raw.compress(TEXT) + raw.flush()
    return header + body + zlib.crc32(TEXT).to_bytes(4, "little") + len(TEXT).to_bytes(4, "little")


def named() -> bytes:
    made = io.BytesIO()
    with gzip.GzipFile("backup.sql", "wb", 9, made, mtime=1) as file:
        file.write(TEXT)
    return made.getvalue()


@pytest.mark.parametrize("written", [named(), gzip.compress(TEXT, 0)], ids=["name", "stored"])
@pytest.mark.parametrize("sizes", [[1], [13, 4000], [1 << 20]], ids=str)
def test_named_members_and_stored_blocks_are_read(written: bytes, sizes: list[int]) -> None:
    assert inflated(written + compress(b"and ours", 6), sizes) == TEXT + b"and ours"


def test_a_header_with_every_field_is_read() -> None:
    assert inflated(full_header() + compress(b"and ours", 6), [1 << 20]) == TEXT + b"and ours"


@pytest.mark.parametrize("length", [PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 40 << 20])
@pytest.mark.parametrize("step", [1000, 1 << 20])
def test_a_bomb_comes_out_in_small_pieces(length: int, step: int) -> None:
    bomb = gzip.compress(bytes(length), 9)
    inflater = Inflater()
    total = 0
    for chunk in chunked(bomb + compress(b"end", 6), [step]):
        for piece in inflater.feed(chunk):
            assert len(piece) <= PIECE
            total += len(piece)
    inflater.finish()
    assert total == length + 3


WRITTEN = members(TEXT[:20_000], 4096, 6)


@pytest.mark.parametrize("sizes", [[1], [1 << 20]], ids=str)
def test_a_stream_cut_anywhere_within_a_member_is_truncated(sizes: list[int]) -> None:
    ends = {0}
    while len(ends) < 6:
        start = max(ends)
        ends.add(start + len(compress(TEXT[:20_000][(len(ends) - 1) * 4096 :][:4096], 6)))
    assert max(ends) == len(WRITTEN)
    for length in [*range(0, 200), *range(200, len(WRITTEN), 101), len(WRITTEN) - 1]:
        if length not in ends - {0}:
            with pytest.raises(Truncated):
                inflated(WRITTEN[:length], sizes)


@patient
@given(at=st.integers(0, len(WRITTEN) - 1), bit=st.integers(0, 7))
def test_a_changed_bit_is_found_or_changes_nothing(at: int, bit: int) -> None:
    damaged = bytearray(WRITTEN)
    damaged[at] ^= 1 << bit
    try:
        found = inflated(bytes(damaged), [1 << 20])
    except (Changed, Truncated):
        return
    assert found == TEXT[:20_000]


@pytest.mark.parametrize("rest", [b"\0", b"\0" * 512, b"x", b"rubbish", b"\x1f", b"\x1f\x8b", b"\x1f\x8bx"])
def test_what_follows_the_last_member_must_be_one(rest: bytes) -> None:
    with pytest.raises((Changed, Truncated)):
        inflated(WRITTEN + rest, [1 << 20])


@pytest.mark.parametrize("nothing", [b"", b"\x1f", b"\x1f\x8b\x08"])
def test_no_member_at_all_is_truncated(nothing: bytes) -> None:
    with pytest.raises(Truncated):
        inflated(nothing, [1])


@patient
@given(data=st.binary(max_size=200), sizes=any_chunks)
def test_bytes_that_are_no_gzip_are_refused(data: bytes, sizes: list[int]) -> None:
    with pytest.raises((Changed, Truncated)):
        inflated(data, sizes)
    with pytest.raises((Changed, Truncated)):
        inflated(b"\x1f\x8b\x08" + data, sizes)
