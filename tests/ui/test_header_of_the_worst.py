"""The header speaks of the worst that is known: looked at by the real checks, on threads."""

from __future__ import annotations

import threading

import pytest

from mtn_tui.operations.health import registry
from tests.aged import aged
from tests.ui.emergencies import wizard
from tests.ui.pilots import looked, nothing_begins, operate

REAL = dict(registry.LOOKS)


@pytest.fixture
def threads(looks):
    """The checks look for themselves; in which threads."""
    at = set()

    def on(name):
        def look(inspection):
            at.add(threading.current_thread())
            return REAL[name](inspection)

        return look

    looks |= {name: on(name) for name in ("server", "full", "bucket-answers")}
    return at


@pytest.mark.sample("gone")
@pytest.mark.parametrize("what", ["gone", "down"])
def test_the_database_is_gone_or_does_not_answer(pg18, new_school, practise, threads, what):
    practice = practise(new_school(pg18))
    practice.ready_made()
    app = wizard(practice, nothing_begins, well=True)

    async def flow(operator):
        await looked(operator)
        await operator.sees("✔ ok")
        if what == "gone":
            pg18.drop_database(practice.source.name)
        else:
            object.__setattr__(app.context.settings, "db_port", 9)
        await operator.press("r")
        said = "no database" if what == "gone" else "database down"
        await operator.until(lambda: f"✖ {said}, just now" in operator.lines()[0], "the header")
        assert "✔" not in operator.lines()[0]
        assert threading.main_thread() not in threads

    operate(app, flow, at="1")


def test_the_newest_proven_full_is_older_than_26_hours(pg18, new_school, practise, threads):
    practice = practise(new_school(pg18))
    aged(practice, 2, stores=["disk"])

    async def flow(operator):
        await operator.until(lambda: "✖ Full backup" in operator.lines()[0], "the header")
        assert "✔" not in operator.lines()[0]
        assert threading.main_thread() not in threads

    operate(wizard(practice, nothing_begins, well=True), flow, at="1")


def test_the_bucket_is_silent(pg18, new_school, practise, s3, threads):
    practice = practise(new_school(pg18), s3)
    practice.ready_made()
    practice.configure(MINIO_ENDPOINT="http://127.0.0.1:9")

    async def flow(operator):
        await operator.until(lambda: "⚠ bucket unreachable" in operator.lines()[0], "the header")
        assert "✔" not in operator.lines()[0]
        assert threading.main_thread() not in threads

    operate(wizard(practice, nothing_begins, well=True), flow, at="1")


def test_the_disk_with_the_backups_is_silent(pg18, new_school, practise, threads):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.backups.rename(practice.root / "away")
    practice.backups.write_text("no folder")

    async def flow(operator):
        await operator.until(lambda: "unreachable" in operator.lines()[0], "the header")
        assert "✔" not in operator.lines()[0]

    operate(wizard(practice, nothing_begins, well=True), flow, at="1")
