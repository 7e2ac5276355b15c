"""What would be deleted is seen before it is: from the check, by ``:``, and whatever is in the way."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import timedelta

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Rung
from mtn_tui.demo.ports import free_port
from mtn_tui.engine.locks import lease
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.incident.file import open_incident
from mtn_tui.operations.incident.state import Actor
from mtn_tui.operations.inventory import marks
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens.ask import Ask, Said
from mtn_tui.ui.screens.checklist import Checklist
from mtn_tui.ui.screens.details import Details
from mtn_tui.ui.screens.pruning import Pruning
from mtn_tui.ui.widgets.lines import LineView
from tests import aged as aged_backups
from tests.aged import aged, context_of, names
from tests.pg_fixtures import Database
from tests.ui.looks import saying
from tests.ui.pilots import Begun, looked, nothing_begins, operate

LATE = Check("retention", Status.WARN, "6 copies are late.", "See what would go.", "4.3", fix=("prune",))


@pytest.fixture
def practice(pg18, practise, s3):
    return practise(Database(pg18, f"mtn_to_prune_{os.getpid()}"), s3)


def app_of(practice, begin=nothing_begins, **options):
    return MtnApp(context_of(practice), begin, **options)


async def opened(operator):
    """By its name, and what would be deleted is known."""
    await operator.press(":", *"prune", "enter")
    await surveyed(operator)


async def surveyed(operator):
    await operator.until(lambda: isinstance(operator.app.screen, Pruning), "the screen")
    screen = operator.app.screen
    await operator.until(lambda: screen._would or screen._trouble, "what would be deleted")
    await operator.pilot.pause()


def of_ten_weeks(practice):
    """Those of the last days, an old one, and one whose differential is in its time."""
    for days in (0, 1, 2):
        aged(practice, days)
    aged(practice, 40)
    base = aged(practice, 60)
    aged(practice, 59, base)
    aged(practice, 119, aged(practice, 120))


@pytest.mark.parametrize("check", ["retention", "disk"])
def test_the_check_leads_to_it_and_from_there_it_is_deleted_once_that_is_confirmed(practice, looks, check):
    of_ten_weeks(practice)
    before = names(practice)
    looks |= saying(check, LATE)
    begun = Begun(practice)
    app = app_of(practice, begun)

    async def flow(operator):
        await looked(operator)
        await operator.press("f")
        await operator.until(lambda: isinstance(app.screen, Ask))
        labels = [one.label for one in app.screen._answers]
        assert labels == ["Not now", "See first what would go", "Delete them"]
        assert "dry-run" not in operator.text()
        await operator.press("down", "enter")
        await surveyed(operator)
        await shows_what_the_dry_run_says(operator)
        await operator.press("escape")
        assert isinstance(app.screen, Checklist)
        await operator.press("f", "down", "enter")
        await surveyed(operator)
        await operator.press("d", "enter")
        assert isinstance(app.screen, Pruning)
        assert (begun.asked, names(practice)) == ([], before)
        await operator.press("d")
        await operator.sees("Run it now: deletion of old backups?", "mtn can't bring it back.")
        await operator.press("down", "enter")
        await operator.until(lambda: begun.asked, "the job")
        await operator.sees("No copy would be deleted, 10 kept")
        assert len(operator.rows) == 10
        assert "[d]" not in operator.lines()[-1]
        await operator.press("d")
        await operator.sees("Nothing would be deleted.")

    async def shows_what_the_dry_run_says(operator):
        told = practice.here("prune", "--dry-run").stdout.splitlines()
        going, kept = (
            {(line.split()[1], *line.split()[3:]) for line in told if line.startswith(word)}
            for word in ("deleted", "kept")
        )
        rows = [tuple(row.replace("›", " ").split()) for row in operator.rows]
        assert (len(going), len(kept), rows[6]) == (6, 10, ("Kept",))
        assert set(rows[:6]) == going
        assert {row[:6] for row in rows[7:]} == {line[:6] for line in kept}
        assert "[d]" in operator.lines()[-1]
        await operator.sees("6 copies would be deleted, 10 kept", *[one for one in told if "freed" in one])
        assert "⚠" not in app.screen.query_one("#summary", LineView).texts()[0]

    with closing(begun):
        operate(app, flow, at="1")
    assert begun.asked == [["prune"]]
    assert len(names(practice)) == 10


def test_what_is_told_of_the_chosen_one_is_all_of_it(practice):
    for days in (0, 1, 2, 40):
        aged(practice, days)
    base = aged(practice, 60)
    aged(practice, 5, base)
    app = app_of(practice)

    async def flow(operator):
        await operator.has_list()
        await opened(operator)
        told = app.screen.query_one("#told", LineView)
        assert told.texts()[0].strip() == base.payload
        assert "60 d old, kept for 30 days" in told.texts()[1]
        await operator.sees("Differentials that need it are restored with the copy in the bucket.")
        at = next(index for index, row in enumerate(operator.rows) if "40 d old" in row)
        await operator.press(*["down"] * at)
        assert "40 d old" in told.texts()[1]
        assert not told.texts()[2].strip()
        await operator.press("enter")
        await operator.until(lambda: isinstance(app.screen, Details), "what is known of the copy")
        assert app.screen.backup.moment == aged_backups.NOW - timedelta(days=40)
        await operator.press("escape")
        await operator.until(lambda: isinstance(app.screen, Pruning), "the list again")
        await operator.press("end")
        assert operator.rows[-1].split()[0] in ("disk", "bucket")
        assert told.texts()[0].strip()
        assert "60 d old" not in told.texts()[1]

    operate(app, flow)


def test_backups_of_one_minute_are_listed_with_seconds(practice, monkeypatch):
    monkeypatch.setattr(aged_backups, "NOW", aged_backups.NOW.replace(second=30))
    for days in (0, 1, 2):
        aged(practice, days)
    pair = [aged(practice, 40 + seconds / 86400, stores=["disk"]).snapshot_at for seconds in (5, -5)]
    other = aged(practice, 41, stores=["disk"]).snapshot_at
    app = app_of(practice)
    told = [*(labels.moment(one, seconds=True) for one in pair), labels.moment(other)]

    async def flow(operator):
        await operator.has_list()
        await opened(operator)
        await operator.sees(*told)

    operate(app, flow)
    assert len(set(told)) == 3


def incident(practice):
    context = practice.context
    open_incident(context.state, practice.source.name, Actor("ana", "db-host-1", "1"), context.clock)


def silent_bucket(practice):
    practice.configure(MINIO_ENDPOINT=f"http://127.0.0.1:{free_port()}")


def no_key(practice):
    practice.key_file.unlink()


IN_THE_WAY = {
    "an incident": (incident, "⚠ Nothing is deleted now: an incident is open.", 8),
    "the bucket": (silent_bucket, "⚠ Nothing is deleted in the bucket, and no full in another store:", 4),
    "no key": (no_key, "✖ The encryption key", 0),
}


@pytest.mark.parametrize("what", IN_THE_WAY)
def test_what_is_in_the_way_is_said_and_nothing_is_offered(practice, what):
    happens, said, kept = IN_THE_WAY[what]
    for days in (0, 1, 2, 40):
        aged(practice, days)
    happens(practice)
    app = app_of(practice)

    async def flow(operator):
        await opened(operator)
        assert said in operator.text()
        assert len(operator.rows) == kept
        assert "[d]" not in operator.lines()[-1]
        await operator.press("d")
        if not isinstance(app.screen, Said):  # a path may be too long for the line
            assert isinstance(app.screen, Pruning)
            assert app.status
            assert app.status[1] == "warn"

    operate(app, flow, at="1")


def test_a_newest_backup_that_is_not_proven_is_named(practice):
    for days in (1, 2, 3, 40):
        aged(practice, days)
    newest = aged(practice, 0, rung=Rung.HASHED)
    app = app_of(practice)

    async def flow(operator):
        await operator.has_list()
        await opened(operator)
        said = " ".join(app.screen.query_one("#summary", LineView).texts()).replace("  ", " ")
        assert f"the newest backup, {newest.payload}, is not proven." in said
        assert "No copy would be deleted, 10 kept" in said

    operate(app, flow)


def test_copies_that_stay_for_now_are_counted_by_their_reason_and_a_pin_is_seen_on_looking_again(practice):
    for days in (0, 1):
        aged(practice, days)
    aged(practice, 41)
    used, pinned = aged(practice, 40), aged(practice, 42)
    app = app_of(practice)

    async def flow(operator):
        await operator.has_list()
        await opened(operator)
        await operator.sees("2 copies would be deleted, 8 kept", "1 copy stays for now: in use just now")
        (backup,) = (one for one in practice.inventory.backups if one.id == pinned.id)
        marks.pin(practice.context, backup, "for the court")
        await operator.press("r")
        await operator.sees("1 copy would be deleted, 9 kept")

    with lease(practice.context.locks, used.payload):
        operate(app, flow)


def test_read_only_shows_it_and_offers_no_deleting(practice):
    of_ten_weeks(practice)
    app = app_of(practice, read_only=True)

    async def flow(operator):
        await operator.has_list()
        await opened(operator)
        await operator.sees("6 copies would be deleted, 10 kept")
        await operator.press("d")
        assert isinstance(app.screen, Pruning)
        await operator.sees("This screen was opened with --read-only")

    operate(app, flow)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("copies", [0, 1], ids=["nothing else goes", "a copy goes too"])
def test_old_records_are_named_with_their_sizes_and_can_be_deleted_alone(practice, language, copies):
    for days in (0, 1, *((40,) if copies else ())):
        aged(practice, days)
    if copies:
        aged(practice, 2)
    i18n.use(language)
    logs = practice.root / "logs"
    logs.mkdir(exist_ok=True)
    old = [logs / "full-backup_20200101_020000.log", logs / "services-restart_20200102_020000.json"]
    for path, size in zip(old, (3_000_000, 1_000_000), strict=True):
        path.touch()
        os.truncate(path, size)
        os.utime(path, (1e9, 1e9))
    app = app_of(practice)
    told = "3.0 MB", "1.0 MB", "4.0 MB"
    if language == "es":
        told = tuple(one.replace(".", ",") for one in told)

    async def flow(operator):
        await operator.has_list()
        await opened(operator)
        summary = " ".join(app.screen.query_one("#summary", LineView).texts())
        assert told[2] in summary
        names = [path.name for path in old]
        first = next(index for index, row in enumerate(operator.rows) if names[0] in row)
        assert first == (copies + 1 if copies else 0)
        for row, name, size in zip(operator.rows[first:], names, told, strict=False):
            assert name in row
            assert size in row
        assert len(operator.rows) == first + 2 + 1 + (7 if copies else 4)
        await operator.press(*["down"] * copies)
        shown = app.screen.query_one("#told", LineView)
        assert " ".join(shown.texts()).replace(" ", "").replace("\\", "").startswith(str(old[0]))
        kept = operator.rows[first + 3 :]
        assert not any(name in row for row in kept for name in names)
        assert "[d]" in operator.lines()[-1]
        await operator.press("enter")
        await operator.until(lambda: isinstance(app.screen, Said), "what is known of the log")
        assert old[0].name in operator.text()
        await operator.press("escape", "d")
        await operator.until(lambda: isinstance(app.screen, Ask))
        backups_go = _("Run it now: {job}?").format(job=labels.job("prune"))
        only_records = (
            _("Delete old logs and records?"),
            _("No backup is old enough. If that is too little room, remove other files from the disk."),
        )
        shown = {backups_go} if copies else {*only_records}
        await operator.sees(*shown)
        assert not any(text in operator.text() for text in {backups_go, *only_records} - shown)
        await operator.press("escape")

    operate(app, flow)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_where_nothing_would_go_every_copy_is_listed_with_why_it_stays(practice, language):
    for days in (0, 1, 2):
        aged(practice, days)
    i18n.use(language)
    app = app_of(practice)

    async def flow(operator):
        await operator.has_list()
        await opened(operator)
        assert app.status is None
        verdicts = app.screen._would.survey.verdicts
        assert len(operator.rows) == len(verdicts) == 6
        for row, one in zip(operator.rows, verdicts, strict=True):
            assert one.kept
            assert one.reason.says[:30] in row
        assert "[d]" not in operator.lines()[-1]
        told = app.screen.query_one("#told", LineView)
        await operator.press("end")
        assert told.texts()[0].strip() == str(verdicts[-1].backup.name)

    operate(app, flow)


def test_it_is_told_in_the_language_that_is_switched_to(practice):
    for days in (0, 1, 40):
        aged(practice, days)
    app = app_of(practice)

    async def flow(operator):
        await operator.has_list()
        await opened(operator)
        await operator.sees("40 d old, kept for 30 days")
        await operator.press("L")
        await operator.until(lambda: "Se borraría 1 copia" in operator.text(), "Spanish")
        await operator.until(lambda: "kept for" not in operator.text(), "reasons in Spanish")
        i18n.use("en")

    operate(app, flow)
