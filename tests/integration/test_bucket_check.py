"""mtn doctor does what a backup does: what the bucket's server refuses of it is named."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.common.stores import Stores
from mtn_tui.operations.health.checks.bucket import PROBES, bucket
from tests.picky_server import Answer, Asked, refusal
from tests.s3_fixtures import store_on

DENIED = Answer(403, refusal("AccessDenied"), "text/xml")

REFUSED = {
    "parts": (lambda asked: asked.method == "POST", "s3:PutObject", Status.FAIL),
    "part": (lambda asked: asked.method == "PUT" and "partNumber" in asked.path, "s3:PutObject", Status.FAIL),
    "looking": (
        lambda asked: asked.method == "GET" and "-missing" in asked.path,
        "s3:GetObject",
        Status.FAIL,
    ),
    "uploads": (
        lambda asked: asked.method == "GET" and "uploads=" in asked.path,
        "s3:ListBucketMultipartUploads",
        Status.WARN,
    ),
    "deleting": (lambda asked: asked.method == "DELETE", "s3:DeleteObject", Status.WARN),
}


@pytest.fixture
def context(pg18, new_database, practise, s3, picky, seaweed):
    context = practise(new_database(pg18), s3).context
    store = store_on(seaweed, s3.name, endpoint=picky.endpoint)
    yield replace(context, stores=Stores(context.stores.disk, lambda: store))
    store.close()


@pytest.mark.parametrize("what", REFUSED)
def test_each_right_that_a_backup_needs_and_lacks_is_named(context, picky, what):
    wants, right, status = REFUSED[what]
    picky.rule = lambda asked: DENIED if wants(asked) else None
    (one,) = [found for found in bucket(context) if found.id == "bucket"]
    assert one.status is status
    assert right in one.says
    assert one.hint


def test_a_server_without_conditional_writes_is_good_and_it_is_said(context, picky):
    picky.rule = lambda asked: Answer(501) if "if-none-match" in asked.headers else None
    (one,) = [found for found in bucket(context) if found.id == "bucket"]
    assert one.status is Status.OK
    assert "can't refuse a name that is taken" in one.says


def test_a_clock_that_can_not_be_told_is_unknown(context, picky):
    picky.hidden = ("last-modified",)
    (one,) = [found for found in bucket(context) if found.id == "clock"]
    assert one.status is Status.UNKNOWN


def test_nothing_is_left_and_nothing_of_others_is_touched(context, picky):
    def looks(asked: Asked) -> Answer | None:
        assert "mtn-check/" in asked.path or asked.method == "GET", asked
        return None

    picky.rule = looks
    assert {one.status for one in bucket(context)} == {Status.OK}
    assert list(context.stores.bucket.list()) == []
    assert context.stores.bucket.unfinished() == ()


def test_two_doctors_at_once_do_not_disturb_each_other(context, picky):
    """Each of the other's requests comes between two of this one's."""
    other = {"at_it": False, "found": []}

    def meanwhile(asked: Asked) -> None:
        if not other["at_it"] and asked.method == "GET" and "doctor-" in asked.path:
            other["at_it"] = True
            other["found"] = list(bucket(context))

    picky.rule = meanwhile
    here = list(bucket(context))
    assert other["found"]
    for found in (here, other["found"]):
        assert {one.status for one in found} == {Status.OK}


def test_what_a_doctor_that_was_broken_off_has_left_is_swept_and_not_that_of_one_at_work(context, picky):
    store = context.stores.bucket
    for name in ("doctor", "doctor-0000-parts", "doctor-at-work"):
        store.put(PROBES + name, io.BytesIO(b"x"), 1)

    def old(body: bytes) -> bytes:
        listed = re.split(rb"(?=<Contents>)", body)
        return b"".join(
            re.sub(rb"<LastModified>[^<]*", b"<LastModified>2025-01-01T00:00:00Z", one)
            if b"at-work" not in one
            else one
            for one in listed
        )

    picky.change = old
    assert {one.status for one in bucket(context)} == {Status.OK}
    picky.change = None
    assert [entry.key for entry in store.list()] == [PROBES + "doctor-at-work"]
