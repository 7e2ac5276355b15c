"""What the writer wrote comes back by every path: at random, in one pass, without a manifest, by openssl."""

from __future__ import annotations

import io
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtn_tui.archive import legacy
from mtn_tui.archive.cipher import HEADER
from mtn_tui.archive.manifest import decode, encode
from mtn_tui.archive.reader import Archive, Checked, check_complete, check_size, checked_gzip
from mtn_tui.archive.sections import END, END_WITHIN, Part, Start
from mtn_tui.archive.writer import Member, Writer
from mtn_tui.core.errors import Truncated
from tests.archive_fixtures import (
    DECRYPT,
    KEY,
    PAYLOAD,
    SALT,
    Made,
    MemorySource,
    Run,
    Trickle,
    make,
    manifest_of,
    patient,
    runs,
    shell,
    some_rows,
)
from tests.old_archives import in_three_runs

few = settings(patient, max_examples=8)
"""Each example costs several derivations of a key, of 100,000 rounds."""

DATA = some_rows(2000)


@few
@given(
    run=runs,
    member=st.integers(1, 3000),
    section=st.integers(30, 3000),
    level=st.integers(1, 12),
    step=st.sampled_from([1, 7, 16, 100, 1 << 20]),
    random=st.randoms(use_true_random=False),
)
def test_every_path_gives_the_script_back(
    run: Run, member: int, section: int, level: int, step: int, random: Random
) -> None:
    made = make(run.data, member=member, section=section, level=level)
    assert b"".join(made.slices()) == made.script
    manifest = decode(encode(made.manifest, KEY), KEY, PAYLOAD)
    archive = Archive(MemorySource(made.payload, step), KEY, manifest)

    numbered = [*enumerate(zip(manifest.sections, made.slices(), strict=True))]
    random.shuffle(numbered)
    for _, (one, expected) in numbered:
        assert b"".join(archive.sql(one)) == expected

    check_size(len(made.payload), manifest)
    windows = [*archive.windows(Trickle(made.payload, step))]
    random.shuffle(windows)
    checked = {one.section.offset: one for one in map(archive.check, windows)}
    check_complete([checked[one.offset] for one in manifest.sections], manifest)
    for one, expected in zip(manifest.sections, made.slices(), strict=True):
        assert checked[one.offset].tail == expected[-END_WITHIN:]

    assert b"".join(legacy.sql(Trickle(made.payload, step), KEY)) == made.script


def test_openssl_and_gunzip_alone_read_a_payload(tmp_path: Path) -> None:
    made = make(DATA, member=1000, section=3000)
    key = tmp_path / "key"
    key.write_bytes(KEY.passphrase + b"\n")
    assert len(made.manifest.sections) > 20
    assert shell(DECRYPT.format(key=key) + " | gunzip", made.payload) == made.script


@few
@given(sizes=st.lists(st.integers(1, 70), min_size=1, max_size=12), step=st.sampled_from([1, 5, 1 << 20]))
def test_a_section_may_begin_and_end_anywhere_in_a_cipher_block(sizes: list[int], step: int) -> None:
    """Shorter ones than gzip can make, too: the bytes here are none."""
    written = bytearray()
    writer = Writer(KEY, SALT, written.extend)
    contents = [bytes([number]) * size for number, size in enumerate(sizes)]
    for content in contents:
        writer.append(Member(content, 0, 0, Start(Part.SQL)))
    payload = writer.finish()
    assert payload.size == len(written)
    assert [section.size for section in payload.sections] == sizes
    manifest = replace(
        manifest_of(PAYLOAD, KEY), size=payload.size, sha256=payload.sha256, sections=payload.sections
    )
    archive = Archive(MemorySource(bytes(written)), KEY, manifest)
    windows = [*archive.windows(Trickle(bytes(written), step))]
    assert [bytes(checked_gzip(window)) for window in windows] == contents


def test_sections_begin_at_every_offset_of_a_cipher_block() -> None:
    made = make(DATA, member=300, section=300)
    assert {section.offset % 16 for section in made.manifest.sections} == {*range(16)}
    archive = Archive(MemorySource(made.payload), KEY, made.manifest)
    for section, expected in zip(made.manifest.sections, made.slices(), strict=True):
        assert b"".join(archive.sql(section)) == expected
    for window, expected in zip(archive.windows(io.BytesIO(made.payload)), made.slices(), strict=True):
        assert archive.check(window).tail == expected[-END_WITHIN:]


def test_random_access_reads_no_more_than_the_section_and_two_blocks() -> None:
    made = make(DATA, section=3000)
    source = MemorySource(made.payload)
    archive = Archive(source, KEY, made.manifest)
    for section in made.manifest.sections:
        source.read = 0
        b"".join(archive.sql(section))
        assert section.size <= source.read < section.size + 3 * 16


def test_several_threads_read_one_archive() -> None:
    made = make(DATA, member=1000, section=2000)
    archive = Archive(MemorySource(made.payload, 333), KEY, made.manifest)
    work = [*zip(made.manifest.sections, made.slices(), strict=True)] * 5
    Random(5).shuffle(work)
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda one: b"".join(archive.sql(one[0])), work)]
    assert found == [expected for _, expected in work]
    with ThreadPoolExecutor(8) as pool:
        check_complete([*pool.map(archive.check, archive.windows(io.BytesIO(made.payload)))], made.manifest)


def test_the_writer_tells_what_it_wrote() -> None:
    made = make(DATA, member=1000, section=3000)
    sections = made.manifest.sections
    assert made.manifest.size == len(made.payload)
    assert made.manifest.raw == len(made.script)
    assert made.manifest.rows() == {"public.alumnos": 2000}
    assert made.payload[8:HEADER] == SALT
    assert sections[0].offset == 0
    assert all(one.offset + one.size == next_.offset for one, next_ in pairwise(sections))
    assert sections[-1].offset + sections[-1].size == made.members[-1] == made.manifest.gzip
    assert {section.offset for section in sections} <= {0, *made.members}


@pytest.mark.parametrize("section", [40, 100, 300, 1 << 20])
def test_the_end_marker_is_found_also_where_a_section_border_cuts_it(section: int) -> None:
    for padding in (0, 13, 29):
        filled = DATA.replace(b"SELECT pg_catalog.setval", b"-" * padding + b"\nSELECT pg_catalog.setval")
        made = make(filled, member=section, section=section)
        archive = Archive(MemorySource(made.payload), KEY, made.manifest)
        check_complete([*map(archive.check, archive.windows(io.BytesIO(made.payload)))], made.manifest)


def checked_without(made: Made, part: Part, *, gone: bool) -> list[Checked]:
    archive = Archive(MemorySource(made.payload), KEY, made.manifest)
    found = []
    for one in map(archive.check, archive.windows(io.BytesIO(made.payload))):
        if one.section.part is not part:
            found.append(one)
        elif not gone:
            found.append(replace(one, tail=one.tail.replace(END, b"-" * len(END))))
    return found


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "unmarked"])
@pytest.mark.parametrize(
    ("made", "part"),
    [
        *((make(DATA), part) for part in (Part.POST_DATA, Part.TAIL)),
        *((in_three_runs(DATA), part) for part in (Part.PRE_DATA, Part.SQL, Part.POST_DATA, Part.TAIL)),
    ],
    ids=lambda given: f"format {given.manifest.format}" if isinstance(given, Made) else given,
)
def test_a_script_without_one_of_its_end_markers_is_truncated(made: Made, part: Part, gone: bool) -> None:
    with pytest.raises(Truncated):
        check_complete(checked_without(made, part, gone=gone), made.manifest)
    with pytest.raises(Truncated):
        check_complete([], made.manifest)


def test_a_script_of_three_runs_is_complete_by_the_ends_of_all_three() -> None:
    made = in_three_runs(DATA)
    archive = Archive(MemorySource(made.payload), KEY, made.manifest)
    assert made.script.count(END) == 4
    check_complete([*map(archive.check, archive.windows(io.BytesIO(made.payload)))], made.manifest)


def test_a_dump_without_data_is_complete_by_its_one_end() -> None:
    made = make(b"")
    archive = Archive(MemorySource(made.payload), KEY, made.manifest)
    assert {section.part for section in made.manifest.sections} == {Part.PRE_DATA, Part.TAIL}
    check_complete([*map(archive.check, archive.windows(io.BytesIO(made.payload)))], made.manifest)


def test_a_window_that_was_handed_out_is_not_kept() -> None:
    """However many are on their way, it is their holders who decide how much memory they take."""
    made = make(DATA, section=3000)
    windows = Archive(MemorySource(made.payload), KEY, made.manifest).windows(io.BytesIO(made.payload))
    gone = weakref.ref(next(windows))
    assert gone() is None
