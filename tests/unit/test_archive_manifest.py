"""The manifest: what is signed comes back as it was, and nothing else is believed."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.archive import summary as summaries
from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import Baseline, KeyFile, Manifest, Section, canonical, decode, encode, peek
from mtn_tui.archive.sections import Part
from mtn_tui.core.errors import ArchiveError, Changed, ForeignManifest, WrongKey
from mtn_tui.core.identity import DatabaseProperties, Extension, Grant, ServerIdentity
from mtn_tui.core.json_reader import read_json
from mtn_tui.core.models import Kind
from tests.archive_fixtures import KEY, OTHER_KEY, OTHER_PAYLOAD, PAYLOAD, manifest_of, patient

SECTION = Section(
    Part.TABLE, 0, 120, 400, 3, "cd" * 32, 'public."ñ"', 'COPY public."ñ" (id) FROM stdin;', joined=True
)
MANIFEST = replace(manifest_of(PAYLOAD, KEY), size=160, sections=(SECTION,))
ENCODED = encode(MANIFEST, KEY)


def signed(body: dict[str, Any], key: Key = KEY) -> bytes:
    """By the format's description: canonical JSON of all but ``mac``, signed; then with it, and a newline."""

    def canonical(value: dict[str, Any]) -> bytes:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    body = {name: value for name, value in body.items() if name != "mac"}
    mac = hmac.digest(key.mac, canonical(body), "sha256").hex()
    return canonical({**body, "mac": mac}) + b"\n"


text = st.text(max_size=20)
raw_names = st.binary(max_size=12).map(lambda data: data.decode(errors="surrogateescape"))
counts = st.integers(0, 2**63)
hexes = st.binary(min_size=32, max_size=32).map(bytes.hex)
texts = st.lists(text, max_size=3).map(tuple)
moments = st.datetimes(timezones=st.just(UTC))
sections = st.lists(
    st.builds(
        Section,
        st.sampled_from(Part),
        counts,
        counts,
        counts,
        counts,
        hexes,
        raw_names,
        raw_names,
        st.booleans(),
    ),
    max_size=4,
).map(tuple)

manifests = st.builds(
    Manifest,
    id=text,
    kind=st.sampled_from(Kind),
    database=text,
    host=text,
    payload=st.just(PAYLOAD),
    snapshot_at=moments,
    started_at=moments,
    ended_at=moments,
    lsn=text,
    horizon=counts,
    server=st.builds(ServerIdentity, counts, counts, counts, text, counts, text, text, text, text, text),
    properties=st.builds(
        DatabaseProperties,
        text,
        st.none() | st.lists(st.builds(Grant, text, text, st.booleans()), max_size=2).map(tuple),
        text,
        st.integers(-1, 1000),
        texts,
        st.dictionaries(text, texts, max_size=3),
    ),
    tools=st.dictionaries(text, text, max_size=3),
    roles=texts,
    extensions=st.lists(st.builds(Extension, text, text, text), max_size=2).map(tuple),
    schema_hash=hexes,
    size=counts,
    sha256=hexes,
    salt=st.binary(min_size=8, max_size=8).map(bytes.hex),
    key=st.just(KEY.fingerprint),
    sections=sections,
    base=text,
    baseline=st.none()
    | st.builds(
        Baseline,
        counts,
        st.lists(st.tuples(counts, st.booleans()), max_size=3).map(tuple),
        st.dictionaries(raw_names, counts, max_size=3),
        st.dictionaries(text, hexes, max_size=3),
        st.none() | st.builds(KeyFile, counts, hexes, hexes, sections),
    ),
    counted=st.lists(st.tuples(raw_names, counts), max_size=3).map(tuple),
)


@patient
@given(manifest=manifests)
def test_what_is_encoded_is_decoded_the_same(manifest: Manifest) -> None:
    data = encode(manifest, KEY)
    assert decode(data, KEY, PAYLOAD) == manifest
    assert peek(data) == manifest
    assert encode(decode(data, KEY, PAYLOAD), KEY) == data
    with pytest.raises(WrongKey):
        decode(data, OTHER_KEY, PAYLOAD)
    with pytest.raises(ForeignManifest):
        decode(data, KEY, OTHER_PAYLOAD)


def test_the_bytes_are_as_the_format_says() -> None:
    body = json.loads(ENCODED)
    assert body["format"] == 3
    assert [*body] == sorted(body)
    assert signed(body) == ENCODED


def single_changes(data: bytes, values: Iterator[int] | range | list[int]) -> Iterator[bytes]:
    """Every byte replaced by ``values`` and with each of its bits turned, left out, or one put before it."""
    for at, byte in enumerate(data):
        for value in {*values, *(byte ^ 1 << bit for bit in range(8))} - {byte}:
            yield data[:at] + bytes([value]) + data[at + 1 :]
        yield data[:at] + data[at + 1 :]
    for at in range(len(data) + 1):
        for value in values:
            yield data[:at] + bytes([value]) + data[at:]


def refused_as_changed(data: bytes) -> bool:
    try:
        decode(data, KEY, PAYLOAD)
    except ArchiveError as error:
        return type(error) is Changed
    return False


def test_every_single_changed_byte_is_told_as_changed() -> None:
    values = [ord(char) for char in '0"},\n']
    assert [data for data in single_changes(ENCODED, values) if not refused_as_changed(data)] == []


@pytest.mark.soak
def test_every_byte_of_every_value_is_told_as_changed() -> None:
    assert [data for data in single_changes(ENCODED, range(256)) if not refused_as_changed(data)] == []


@pytest.mark.parametrize("length", range(0, len(ENCODED), 7))
def test_a_manifest_cut_off_is_told_as_changed(length: int) -> None:
    assert refused_as_changed(ENCODED[:length])


def test_another_key_is_told_with_both_fingerprints() -> None:
    with pytest.raises(WrongKey) as raised:
        decode(ENCODED, OTHER_KEY, PAYLOAD)
    assert KEY.fingerprint in raised.value.title
    assert OTHER_KEY.fingerprint in raised.value.title
    assert raised.value.runbook == "7.2"


@pytest.mark.parametrize("name", [OTHER_PAYLOAD, "", PAYLOAD + ".part", "full/" + PAYLOAD, PAYLOAD.upper()])
def test_the_manifest_of_another_file_is_foreign(name: str) -> None:
    with pytest.raises(ForeignManifest) as raised:
        decode(ENCODED, KEY, name)
    assert PAYLOAD in raised.value.title


def test_a_newer_format_is_told_as_such() -> None:
    data = signed({**json.loads(ENCODED), "format": 4, "something": "new"})
    with pytest.raises(ArchiveError) as raised:
        decode(data, KEY, PAYLOAD)
    assert type(raised.value) is ArchiveError
    assert raised.value.hint


BODY = json.loads(ENCODED)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(ENCODED[:-1], id="no newline"),
        pytest.param(ENCODED + b"\n", id="two newlines"),
        pytest.param(ENCODED[:-1] + b"\r\n", id="CRLF"),
        pytest.param(b" " + ENCODED, id="a space before"),
        pytest.param(b"\xef\xbb\xbf" + ENCODED, id="a byte order mark"),
        pytest.param(ENCODED + ENCODED, id="twice"),
        pytest.param(ENCODED.replace(b":", b": "), id="spaces"),
        pytest.param(ENCODED.replace(b",", b",\n"), id="lines"),
        pytest.param(json.dumps(BODY).encode() + b"\n", id="escapes"),
        pytest.param(ENCODED.replace("ñ".encode(), b"\\u00f1"), id="one escape"),
        pytest.param(ENCODED.replace("ñ".encode(), b"\xf1"), id="latin-1"),
        pytest.param(ENCODED.decode().encode("utf-16"), id="utf-16"),
        pytest.param(ENCODED.replace(b'"size":160', b'"size":160.0'), id="a float"),
        pytest.param(ENCODED.replace(b'"size":160', b'"size":16e1'), id="an exponent"),
        pytest.param(ENCODED.replace(b'"size":160', b'"size":0160'), id="a leading zero"),
        pytest.param(ENCODED.replace(b'"size":160', b'"size":NaN'), id="NaN"),
        pytest.param(ENCODED.replace(b'"size":160', b'"size":1e999'), id="infinity"),
        pytest.param(ENCODED.replace(b'"size":160', b'"size":' + b"9" * 5000), id="a long number"),
        pytest.param(ENCODED.replace(b'"size":160', b'"size":160,"size":160'), id="a key twice"),
        pytest.param(ENCODED.replace(b'"size":160', b'"size":161,"size":160'), id="a key twice, two values"),
        pytest.param(ENCODED.replace(b'"id":', b'"id":"\\ud800","ie":'), id="half a character"),
        pytest.param(ENCODED.replace(b'"joined":true', b'"joined":1'), id="1 for true"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"[]\n", id="a list"),
        pytest.param(b"{}\n", id="an empty object"),
        pytest.param(b"null\n", id="null"),
        pytest.param(b'"mac"\n', id="a string"),
        pytest.param(b'{"mac":"\xc3\xa9"}\n', id="a mac that is no ASCII"),
        pytest.param(ENCODED.replace(BODY["mac"].encode(), b""), id="an empty mac"),
        pytest.param(ENCODED.replace(BODY["mac"].encode(), "é".encode()), id="a mac of one letter"),
        pytest.param(ENCODED.replace(b'"' + BODY["mac"].encode() + b'"', b"null"), id="no mac"),
        pytest.param(ENCODED.replace(b'"' + BODY["mac"].encode() + b'"', b"[]"), id="a list for a mac"),
        pytest.param(ENCODED.replace(BODY["mac"].encode(), BODY["mac"].upper().encode()), id="upper case"),
    ],
)
def test_other_bytes_for_the_same_are_refused(changed: bytes) -> None:
    assert changed != ENCODED
    assert refused_as_changed(changed)


@pytest.mark.parametrize(
    "body",
    [
        {name: value for name, value in BODY.items() if name != "sections"},
        {**BODY, "unheard": "of"},
        {**BODY, "kind": "half"},
        {**BODY, "snapshot_at": "yesterday"},
        {**BODY, "snapshot_at": 5},
        {**BODY, "server": []},
        {**BODY, "properties": {**BODY["properties"], "role_settings": []}},
        {**BODY, "properties": {**BODY["properties"], "grants": ["app=c"]}},
        {**BODY, "properties": {"owner": "a"}},
        {**BODY, "sections": [{}]},
        {**BODY, "sections": [{**BODY["sections"][0], "part": []}]},
        {**BODY, "extensions": 5},
        {**BODY, "roles": None},
    ],
)
def test_a_shape_that_is_not_a_manifests_is_refused_with_and_without_the_key(body: dict[str, Any]) -> None:
    """Its sections when they are asked for: what is signed with our key is of our making."""
    data = signed(body)
    with pytest.raises(Changed):
        _ = decode(data, KEY, PAYLOAD).sections
    with pytest.raises(Changed):
        peek(data)


def test_a_payload_name_that_is_none_is_refused_when_it_is_asked_for() -> None:
    with pytest.raises(Changed):
        _ = replace(MANIFEST, payload="../../etc/passwd").name
    assert str(MANIFEST.name) == PAYLOAD


def test_the_sums_are_those_of_the_sections() -> None:
    table = replace(SECTION, rows=5, joined=False)
    other = replace(SECTION, table="b", rows=0)
    manifest = replace(MANIFEST, sections=(SECTION, other, table, replace(SECTION, part=Part.TAIL, table="")))
    assert manifest.rows() == {'public."ñ"': 8, "b": 0}
    assert [*manifest.rows()] == ['public."ñ"', "b"]
    assert (manifest.raw, manifest.gzip) == (1600, 480)


@given(st.lists(manifests, max_size=4))
def test_summaries_say_all_but_the_sections(many: list[Manifest]) -> None:
    told = [summaries.summary(one) for one in many]
    for _again in range(2):  # the second time of some that share their objects
        told = summaries.from_json(read_json(canonical(summaries.as_json(told))))
        assert told == [summaries.summary(one) for one in many]
        for read, manifest in zip(told, many, strict=True):
            assert list(read.rows().items()) == list(manifest.rows().items())
            assert (read.raw, read.gzip, read.name) == (manifest.raw, manifest.gzip, manifest.name)


def test_what_is_the_same_in_summaries_is_told_once() -> None:
    one = summaries.summary(MANIFEST)
    other = replace(one, id="2", server=replace(one.server), counts={'public."ñ"': 7})
    told = summaries.as_json([one, other, replace(one, tools={"mtn": "2"}), one])
    assert [place for place, _own in told["own"]] == [0, 0, 1, 0]
    assert len(told["shared"]) == 2
    assert [read.counts for read in summaries.from_json(read_json(canonical(told)))] == [
        {'public."ñ"': count} for count in (3, 7, 3, 3)
    ]


@pytest.mark.parametrize(
    ("known", "other"),
    [
        (b'"lsn"', b'"LSN"'),
        (b'{"altered":[]', b'{"added":1,"altered":[]'),
        (b'"counts":[3]', b'"counts":[3,4]'),
        (b'"roles":', b'"users":'),
        (b'"own":[[0,', b'"own":[[1,'),
        (b'"kind":"full"', b'"kind":"incr"'),
    ],
)
def test_summaries_with_other_fields_are_another_versions(known: bytes, other: bytes) -> None:
    told = canonical(summaries.as_json([summaries.summary(MANIFEST)]))
    assert told.count(known) == 1
    with pytest.raises((KeyError, TypeError, ValueError, IndexError, AttributeError)):
        summaries.from_json(json.loads(told.replace(known, other)))
