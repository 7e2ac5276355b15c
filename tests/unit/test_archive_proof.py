"""What has been proven of a copy, and for which bytes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.archive.proof import Mark, Proof, decode, encode
from mtn_tui.core.models import Rung
from tests.archive_fixtures import patient

SHA = "ab" * 32
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)

moments = st.datetimes(datetime(1970, 1, 1), datetime(8999, 12, 31), timezones=st.just(UTC))
any_text = st.text(max_size=20) | st.binary(max_size=8).map(
    lambda data: data.decode(errors="surrogateescape")
)
marks = st.none() | st.builds(Mark, moments, any_text, any_text)
proofs = st.builds(
    Proof,
    st.just(SHA),
    st.dictionaries(st.sampled_from(Rung), moments),
    any_text,
    st.none() | moments,
    marks,
    marks,
)


@patient
@given(proof=proofs)
def test_what_is_encoded_is_decoded_the_same(proof: Proof) -> None:
    assert decode(encode(proof), SHA) == proof


@patient
@given(proof=proofs)
def test_a_proof_of_other_bytes_proves_nothing_and_keeps_the_pin(proof: Proof) -> None:
    assert decode(encode(proof), "cd" * 32) == Proof("cd" * 32, pinned=proof.pinned)
    assert decode(encode(proof), "") == Proof("", pinned=proof.pinned)


def test_climbing_proves_all_the_rungs_below() -> None:
    proof = Proof(SHA).climbed(Rung.COMPLETE, NOON)
    assert proof.rung is Rung.COMPLETE
    assert proof.rung.proven
    assert proof.rungs == {rung: NOON for rung in Rung if rung <= Rung.COMPLETE}


def test_climbing_lower_again_keeps_what_was_proven_above() -> None:
    proof = Proof(SHA).climbed(Rung.QUERIED, NOON).climbed(Rung.HASHED, LATER)
    assert proof.rung is Rung.QUERIED
    assert proof.rungs[Rung.HASHED] == LATER
    assert proof.rungs[Rung.QUERIED] == NOON


def test_falling_takes_away_what_was_proven_above_and_says_why() -> None:
    pin = Mark(NOON, "ana", "before the migration")
    proof = Proof(SHA, pinned=pin).climbed(Rung.RESTORED, NOON).fell(Rung.PRESENT, "changed", LATER)
    assert proof.rung is Rung.PRESENT
    assert not proof.rung.proven
    assert (proof.failed, proof.failed_at, proof.pinned) == ("changed", LATER, pin)
    assert proof.climbed(Rung.COMPLETE, LATER).failed == ""


@patient
@given(rung=st.sampled_from(Rung), fallen=st.sampled_from(Rung))
def test_after_a_fall_nothing_above_is_left(rung: Rung, fallen: Rung) -> None:
    assert Proof(SHA).climbed(rung, NOON).fell(fallen, "x", LATER).rung is fallen


BODY: dict[str, Any] = json.loads(encode(Proof(SHA).climbed(Rung.COMPLETE, NOON)))


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\0" * 100,
        b"{",
        b"[]",
        b"null",
        b"5",
        b'"sha256"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        *(
            json.dumps(body).encode()
            for body in (
                {"sha256": SHA},
                {**BODY, "rungs": []},
                {**BODY, "rungs": {"proven": NOON.isoformat()}},
                {**BODY, "rungs": {"complete": "yesterday"}},
                {**BODY, "rungs": {"complete": None}},
                {**BODY, "pinned": "yes"},
                {**BODY, "pinned": {"at": NOON.isoformat()}},
                {**BODY, "failed_at": 5},
                {**BODY, "failed_at": "0001-01-01T00:00:00+00:00"},
                {**BODY, "rungs": {"complete": "9999-12-31T23:59:59+00:00"}},
            )
        ),
    ],
)
def test_a_proof_that_cannot_be_read_proves_nothing(garbage: bytes) -> None:
    assert decode(garbage, SHA) == Proof(SHA)


@patient
@given(data=st.data())
def test_a_proof_cut_off_or_changed_is_never_an_error(data: st.DataObject) -> None:
    whole = bytearray(encode(Proof(SHA, pinned=Mark(NOON, "ana")).climbed(Rung.COMPLETE, NOON)))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    decode(bytes(whole), SHA)
    decode(bytes(whole[: data.draw(st.integers(0, len(whole)))]), SHA)


def test_whatever_stands_for_a_name_is_read_as_text() -> None:
    mark = {"at": NOON.isoformat(), "operator": 5, "note": ["x"]}
    found = decode(json.dumps({**BODY, "failed": 7, "pinned": mark}).encode(), SHA)
    assert (found.failed, found.pinned) == ("7", Mark(NOON, "5", "['x']"))
