"""A store that hangs, or is read for the first time: the other one is seen, and nothing untrue is said."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from mtn_tui.archive.proof import Mark
from mtn_tui.core.errors import StorageUnavailable
from mtn_tui.operations.common.stores import Stores
from mtn_tui.operations.incident.state import Step
from mtn_tui.ui.app import MtnApp
from tests.ui.incident_states import SESSION, at
from tests.ui.installed import MACHINE, NOW, Folder, Installed, night
from tests.ui.looks import REAL
from tests.ui.pilots import LARGE, nothing_begins, operate

NOT_DONE = "holds is not in this list: It was asked, and has not answered yet."
AWAY = "holds is not in this list: It is away."


class Slow(Folder):
    """A store that takes its time."""

    def __init__(self, store):
        super().__init__(store.root, store.name, store.place)
        self.answers = threading.Event()
        self.error = None

    def list(self, prefix=""):
        assert self.answers.wait(60)
        if self.error is not None:
            raise self.error
        return super().list(prefix)


@contextmanager
def slow(made, *names):
    """The screens of an installation of which these stores are slow; and those."""
    stores = {"disk": made.context.stores.disk, "bucket": made.context.stores.bucket}
    late = [Slow(stores[name]) for name in names]
    stores |= {one.name: one for one in late}
    context = replace(made.context, stores=Stores(stores["disk"], lambda: stores["bucket"]))
    try:
        yield MtnApp(context, nothing_begins, machine=MACHINE, session=SESSION), *late
    finally:
        for one in late:
            one.answers.set()


@pytest.fixture
def made(tmp_path):
    return Installed(tmp_path / "mtn")


@pytest.mark.parametrize(("late", "seen"), [("bucket", "✔ ?"), ("disk", "? ✔")])
def test_what_one_store_holds_is_seen_while_the_other_takes_its_time(made, late, seen):
    made.full(night(1))
    taken = f"read {NOW.astimezone():%H:%M}"
    with slow(made, late) as (app, store):

        async def flow(operator):
            await operator.sees(f"What the {late} {NOT_DONE}", taken)
            assert seen in " ".join(operator.rows[0].split())
            store.answers.set()
            await operator.has_list()
            await operator.sees("✔ ok", taken)
            assert "not in this list" not in operator.text()

            store.answers.clear()
            await operator.press("r")
            await operator.sees(f"asking the {late} again …", "✔ ok")
            assert operator.rows[0].count("✔") == 2
            store.answers.set()
            await operator.sees(taken)

        operate(app, flow, LARGE)


def test_while_neither_has_answered_nothing_is_said_of_what_there_is(made):
    made.full(night(1))
    with slow(made, "disk", "bucket") as (app, disk, bucket):

        async def flow(operator):
            await operator.sees("Asking the stores what they hold …")
            await operator.pilot.pause(1.5)
            await operator.sees("Asking the stores what they hold …")
            assert app.state.inventory is None
            disk.answers.set()
            await operator.sees("✔ ?", f"What the bucket {NOT_DONE}")
            bucket.answers.set()
            await operator.sees("✔ ok")

        operate(app, flow, LARGE)


def test_what_is_new_on_disk_is_listed_though_the_bucket_hangs(made):
    made.full(night(1))
    with slow(made, "bucket") as (app, bucket):
        bucket.answers.set()

        async def flow(operator):
            await operator.has_list()
            bucket.answers.clear()
            made.full(night(0), stores="disk")
            await operator.press("r")
            await operator.sees("asking the bucket again …", "fulls: 2")
            assert [row.count("✔") for row in operator.rows] == [1, 2]

        operate(app, flow, LARGE)


@pytest.mark.parametrize(("days", "top"), [([9], 0), ([9, 8, 7], 2)], ids=["on top", "chosen"])
def test_the_cursor_is_on_the_newest_unless_another_was_chosen(made, days, top):
    for day in range(1, 7):
        made.full(night(day), stores="bucket")
    for day in days:
        made.full(night(day), stores="disk")
    with slow(made, "bucket") as (app, bucket):

        async def flow(operator):
            await operator.sees(f"What the bucket {NOT_DONE}")
            await operator.press(*["down"] * top)
            chosen = app.screen.backup.name
            bucket.answers.set()
            await operator.has_list()
            await operator.until(lambda: len(operator.rows) == 6 + len(days))
            assert app.screen.backup.name == (chosen if top else app.state.inventory.backups[0].name)

        operate(app, flow, LARGE)


def test_a_store_that_had_failed_is_silent_until_it_answers(made, looks):
    """What is known is judged by, meanwhile: it is asked again after every job."""
    looks |= REAL
    made.full(night(1), rows={"public.users": 100_000})
    made.full(night(0), rows={"public.users": 10})
    with slow(made, "bucket") as (app, bucket):
        bucket.error = StorageUnavailable("It is away.")
        bucket.answers.set()

        async def flow(operator):
            await operator.sees(AWAY, "⚠ bucket unreachable +1", "had 100,000")
            bucket.answers.clear()
            await operator.press("r")
            await operator.sees("asking the bucket again …", AWAY)
            await operator.sees("⚠ bucket unreachable +1", "had 100,000")
            await operator.press("p")
            await operator.sees("Pinned")

        operate(app, flow, LARGE)


def test_a_disk_that_failed_is_told_while_the_bucket_hangs(made):
    with slow(made, "disk", "bucket") as (app, disk, _bucket):
        disk.error = StorageUnavailable("It is away.")
        disk.answers.set()

        async def flow(operator):
            await operator.sees(f"What the disk {AWAY}", f"What the bucket {NOT_DONE}")
            await operator.sees("No backup can be seen.")

        operate(app, flow, LARGE)


def test_of_a_half_it_is_not_said_that_there_is_none(made):
    made.full(night(1), rows={"public.users": 100_000})
    made.full(night(0), rows={"public.users": 10})
    with slow(made, "bucket") as (app, bucket):

        async def flow(operator):
            await operator.sees(f"What the bucket {NOT_DONE}")
            await operator.press("/")
            await operator.type("is:suspect")
            await operator.press("enter")
            await operator.sees("No matches so far")
            assert "(was " not in operator.text()
            bucket.answers.set()
            await operator.sees("users 10 (was 100,000)")

        operate(app, flow, LARGE)


def test_what_was_read_without_the_key_is_not_kept_once_it_is_back(made, looks):
    looks |= REAL
    made.full(night(1), stores="bucket")
    made.full(night(2), stores="disk")
    key = made.root / "key"
    kept = key.rename(made.root / "kept")
    with slow(made, "bucket") as (app, bucket):
        bucket.answers.set()

        async def flow(operator):
            await operator.sees("✖ Encryption key", "Without the key nothing vouches for it.")
            bucket.answers.clear()
            kept.rename(key)
            await operator.press("r")
            await operator.sees(f"What the bucket {NOT_DONE}", "complete")
            assert "Without the key" not in operator.text()
            bucket.answers.set()
            await operator.sees("✔ ok")

        operate(app, flow, LARGE)


@pytest.mark.parametrize("key", ["R", "p", "a"])
def test_nothing_is_judged_or_marked_by_half_of_what_there_is(made, key):
    (on_disk, _in_bucket) = made.full(night(1), pinned=Mark(night(0), "bruno", "x"))
    os.truncate(on_disk, 1000)
    with slow(made, "bucket") as (app, bucket):

        async def flow(operator):
            await operator.sees(f"What the bucket {NOT_DONE}")
            await operator.press(key)
            await operator.sees("bucket: no answer yet")
            bucket.answers.set()
            await operator.has_list()
            await operator.press("R")
            await operator.sees("Restore into which database?")

        operate(app, flow, LARGE)


@pytest.mark.parametrize("left", ["", "2026-11-21"], ids=["none on disk", "older ones on disk"])
def test_the_wizard_offers_nothing_before_both_have_answered(made, tmp_path, monkeypatch, left):
    monkeypatch.chdir(tmp_path)
    at(Step.CHOOSE)(made)
    for path in (made.root / "backups").iterdir():
        if not left or any(day in path.name for day in ("20261122", "20261123", "20261124")):
            path.unlink()
    with slow(made, "bucket") as (app, bucket):

        async def flow(operator):
            await operator.press("3")
            await operator.sees("Restore to which moment?", "Asking the stores what they hold …")
            await operator.pilot.pause(1.5)
            await operator.sees("Restore to which moment?", "Asking the stores what they hold …")
            bucket.answers.set()
            await operator.sees("2026-11-24 02:00" if NOW.astimezone().utcoffset() else "2026-11-24 05:00")
            assert app.navigator.step_view.backup.moment == night(0)

        operate(app, flow, LARGE)


def test_the_wizard_says_which_store_could_not_be_asked(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    at(Step.CHOOSE)(made)
    with slow(made, "bucket") as (app, bucket):
        bucket.error = StorageUnavailable("It is away.")
        bucket.answers.set()

        async def flow(operator):
            await operator.press("3")
            await operator.sees(f"What the bucket {AWAY}", "2026-11-24", "✔ complete")
            bucket.answers.clear()
            await operator.press("2", "r")
            await operator.sees("asking the bucket again …")
            await operator.press("3")
            await operator.sees(f"What the bucket {AWAY}", "2026-11-24", "✔ complete")

        operate(app, flow, LARGE)
