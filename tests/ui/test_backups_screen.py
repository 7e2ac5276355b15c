"""The list of backups: what it says of them, and what can be done from it."""

from __future__ import annotations

import os
from contextlib import closing

import pytest
from textual.events import Key
from textual.keys import _character_to_key
from textual.screen import ModalScreen

from mtn_tui.core.models import MANIFEST, JobState, Rung
from mtn_tui.operations.common import labels
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.data.points import Points
from mtn_tui.ui.screens.ask import ErrorDialog
from mtn_tui.ui.screens.backups import Backups
from mtn_tui.ui.screens.details import Details
from mtn_tui.ui.screens.logs import Logs
from mtn_tui.ui.screens.target import Target
from mtn_tui.ui.widgets.field import TextField
from tests.aged import aged, context_of, names
from tests.ui.looks import REAL
from tests.ui.pilots import LARGE, Begun, nothing_begins, operate


def test_both_stores_are_one_list_with_what_is_proven_of_each(pg18, new_school, practise, s3):
    practice = practise(new_school(pg18), s3)
    first = practice.ready_made()
    second = practice.ready_made()
    practice.legacy_backup()
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        assert len(operator.rows) == 3
        assert all(row.startswith(" full ") for row in operator.rows)
        assert [row.count("✔") for row in operator.rows] == [2, 2, 1]
        assert len({row[10:31] for row in operator.rows}) == 3, "also those of one minute"
        assert "complete" in operator.rows[0]
        assert "legacy" in operator.rows[2]
        await operator.sees("fulls: 3", second.id, "disk, bucket", "applications 245")
        await operator.press("down")
        await operator.sees(first.id)
        await operator.press("down")
        await operator.sees("The scripts made it: nothing vouches for its contents.")

    operate(app, flow)


def test_details_tell_the_rows_of_every_table_beside_those_before(pg18, new_school, practise):
    school = new_school(pg18)
    practice = practise(school)
    practice.ready_made()
    school.psql("DELETE FROM interviews")
    practice.back_up()
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.sees("interviews 0 (was 314)")
        await operator.press("enter")
        await operator.until(lambda: isinstance(app.screen, Details))
        await operator.sees("public.interviews 0 314", "PostgreSQL 18")
        await operator.press("backspace")
        assert isinstance(app.screen, Backups)

    operate(app, flow, LARGE)


def test_what_is_broken_or_unfinished_says_so_and_what_to_do(pg18, new_school, practise, looks):
    looks |= REAL
    practice = practise(new_school(pg18))
    broken = practice.payload(practice.ready_made())
    unfinished = practice.payload(practice.ready_made())
    os.truncate(broken, broken.stat().st_size - 16)
    unfinished.with_name(unfinished.name + MANIFEST).unlink()
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.sees("✖ Full backup", "✖ broken", "unfinished")
        rows = operator.rows
        if "broken" not in rows[0]:
            await operator.press("down")
        await operator.sees("bytes", "(runbook 5.3)")
        await operator.press("up" if "broken" not in rows[0] else "down")
        await operator.sees("does not count. [b] makes another.")
        await operator.press("R")
        await operator.sees("No copy of it can be restored: unfinished.")

    operate(app, flow)


def test_backups_of_another_database_in_the_same_stores_are_no_comfort(pg18, new_school, practise, looks):
    looks |= REAL
    practice = practise(new_school(pg18))
    practice.ready_made()
    other = new_school(pg18)
    practice.configure(DB_NAME=other.name)
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        assert len(operator.rows) == 1
        await operator.sees("✖ Full backup")

    operate(app, flow)


def test_a_store_that_does_not_answer_is_said_on_the_screen(pg18, new_school, practise, s3):
    practice = practise(new_school(pg18), s3)
    practice.ready_made()
    practice.configure(MINIO_ENDPOINT="http://127.0.0.1:9")
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.sees("⚠ What the bucket holds is not in this list:", "⚠ bucket unreachable")
        assert "?" in operator.rows[0]

    operate(app, flow)


def test_without_the_key_the_list_is_shown_and_says_what_that_means(pg18, new_school, practise, looks):
    looks |= REAL
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.key_file.unlink()
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.sees("✖ Encryption key", "Without the key nothing vouches for it.")
        assert "unchecked" in operator.rows[0]

    operate(app, flow)


def test_the_list_is_filtered_while_the_filter_is_typed_and_esc_shows_all_again(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.legacy_backup()
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("/")
        await operator.type("proof:complete")
        await operator.until(lambda: len(operator.rows) == 1)
        await operator.press("enter")
        await operator.sees("1 of 2: proof:complete", "[esc] shows all")
        await operator.press("escape")
        await operator.until(lambda: len(operator.rows) == 2)
        await operator.press("/")
        await operator.type("proof:nonsense")
        await operator.sees("nonsense", "Allowed: proof:present")
        assert len(operator.rows) == 2, "the list is as it was before"
        assert "No backups match" not in operator.text()
        await operator.press("escape")
        await operator.sees("fulls: 2")
        await operator.press("/")
        await operator.type("nowhere")
        await operator.press("enter")
        await operator.sees("No backups match. [esc] clears the filter.")

    operate(app, flow)


def test_the_order_changes_and_the_cursor_stays_on_its_backup(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.legacy_backup()
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        chosen = app.here.backup.name
        await operator.press("o", "o")
        await operator.sees("least proven first")
        assert "legacy" in operator.rows[0]
        assert app.here.backup.name == chosen
        await operator.press("o")
        assert "legacy" in operator.rows[1]

    operate(app, flow)


def test_a_backup_made_verified_restored_and_drilled_from_the_screen(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    target = f"staging_{os.getpid()}"
    practice.made.append(target)

    async def flow(operator):
        await operator.has_list()
        await operator.sees("There is no backup yet. [b] makes the first one.")
        await operator.press("b")
        await operator.sees("Full: the whole database.", "There is no full yet: it makes one.")
        await operator.press("down", "enter")
        await operator.sees("Started: full backup, job")
        await operator.until(lambda: len(operator.app.state.inventory.backups) == 1, "the new backup")
        await operator.until(lambda: not operator.app.state.live)
        await operator.press("v")
        await operator.until(lambda: len(operator.app.state.jobs) == 2 and not operator.app.state.live)
        await operator.press("R")
        await operator.until(lambda: isinstance(operator.app.screen, Target))
        await operator.press("end", *["backspace"] * 40)
        await operator.type(practice.source.name)
        await operator.press("enter")
        await operator.sees("is production.")
        await operator.press(*["backspace"] * 40)
        await operator.type(target)
        await operator.press("enter")
        await operator.until(lambda: len(operator.app.state.jobs) == 3 and not operator.app.state.live)
        await operator.press("D")
        await operator.sees("Run a restore drill with this backup?")
        await operator.press("down", "enter")
        await operator.until(lambda: len(operator.app.state.jobs) == 4 and not operator.app.state.live)
        assert {job.state for job in operator.app.state.jobs} == {JobState.SUCCEEDED}

    with closing(Begun(practice)) as begun:
        operate(MtnApp(practice.context, begun), flow)
    made = practice.inventory.backups[0]
    assert begun.asked == [
        ["backup", "full"],
        ["verify", made.id],
        ["restore", made.id, "--target", target],
        ["drill", made.id],
    ]
    assert made.rung is Rung.QUERIED
    assert target in practice.databases()


def test_a_backup_is_pinned_and_a_suspect_one_accepted(pg18, new_school, practise, looks):
    looks |= REAL
    school = new_school(pg18)
    practice = practise(school)
    practice.ready_made()
    school.psql("TRUNCATE applications, documents, evaluations, interviews, notifications CASCADE")
    practice.back_up()
    assert practice.inventory.backups[0].suspect
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.sees("⚠ suspect", "It evicts nothing until someone has looked", "⚠ 1 warning")
        await operator.press("p")
        await operator.until(lambda: "★" in operator.rows[0], "the star")
        await operator.press("a")
        await operator.sees("Accepted: no longer suspect (disk).", "✔ ok")
        await operator.press("a")
        await operator.sees("It is not suspect: there is nothing to accept.")
        await operator.press("p")
        await operator.until(lambda: "★" not in operator.rows[0], "no star")

    operate(app, flow)
    assert not practice.inventory.backups[0].suspect


def test_read_only_dims_what_changes_and_says_why(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    app = MtnApp(practice.context, nothing_begins, read_only=True)

    async def flow(operator):
        await operator.has_list()
        for key in "bvRpa":
            await operator.press(key)
            await operator.sees("READ-ONLY", "This screen was opened with --read-only")
            assert isinstance(app.screen, Backups)
        await operator.press(":")
        await operator.type("verify")
        assert app.screen.lines("why").texts() == [
            "This screen was opened with --read-only: it changes nothing."
        ]

    operate(app, flow)


def test_s_brings_the_bucket_what_it_lacks_and_without_a_bucket_says_so(pg18, new_school, practise, s3):
    practice = practise(new_school(pg18), s3)
    aged(practice, 0)
    alone = aged(practice, 1, stores=["disk"])

    async def flow(operator):
        await operator.has_list()
        await operator.press("s")
        place = practice.context.stores.bucket.place
        await operator.sees(
            "Copy what the stores lack?", "1 backup, 64 Bytes, into the bucket (", place[-12:]
        )
        await operator.press("enter")  # the harmless answer
        assert begun.asked == []
        await operator.press("s")
        await operator.sees("Copy what the stores lack?")
        await operator.press("down", "enter")
        await operator.sees("Started: copying between the stores, job")
        await operator.until(lambda: operator.app.state.jobs and not operator.app.state.live, "the job")
        await operator.press("s")
        await operator.sees("Disk and bucket have all the backups they should.")
        assert len(begun.asked) == 1

    with closing(Begun(practice)) as begun:
        operate(MtnApp(context_of(practice), begun), flow)
    assert ("bucket", alone.id) in names(practice)

    async def none(operator):
        await operator.has_list()
        await operator.press("s")
        await operator.sees("There is no bucket in the configuration.")

    practice.configure(MINIO_ENDPOINT="")
    operate(MtnApp(practice.context, begun), none)


def test_what_could_not_begin_is_told_with_what_to_do(pg18, new_school, practise):
    from mtn_tui.core.errors import JobError

    def refuse(_arguments):
        raise JobError("It could not begin.", "Do this.", "7.1")

    app = MtnApp(practise(new_school(pg18)).context, refuse)

    async def flow(operator):
        await operator.has_list()
        await operator.press("b", "down", "enter")
        await operator.until(lambda: isinstance(app.screen, ErrorDialog))
        await operator.sees("✖ It could not begin.", "Do this.", "Runbook, section 7.1.")
        await operator.press("escape")
        assert isinstance(app.screen, Backups)

    operate(app, flow)


def test_before_a_backup_with_a_swapped_key_it_is_asked_and_no_is_the_first_answer(
    pg18, new_school, practise
):
    practice = practise(new_school(pg18))
    practice.ready_made()
    with closing(Begun(practice)) as begun:
        app = MtnApp(practice.context, begun)

        async def flow(operator):
            await operator.has_list()
            practice.key_file.write_text("swapped while the screens are open\n")
            for answer in ("enter", "escape"):
                await operator.press("b", "down", "enter")
                await operator.sees("Make a backup with this key all the same?", "Put back the key")
                await operator.press(answer)
                await operator.until(lambda: isinstance(app.screen, Backups))
            assert not begun.asked
            at_one_stroke(app, "b", "b", "down", "enter")
            await operator.sees("Make a backup with this key all the same?")
            await operator.press("down", "enter")
            await operator.until(lambda: begun.jobs, "the backup")

        operate(app, flow)
    assert begun.asked == [["backup", "full", "--key-is-meant"]]
    assert [(job.look().state, job.look().warnings) for job in begun.jobs] == [(JobState.SUCCEEDED, ())]


def at_one_stroke(app, *keys):
    """As a line delivers them that has hung for a moment."""
    for key in keys:
        letter = key if len(key) == 1 else None
        app.post_message(Key(_character_to_key(key) if letter else key, letter))


STROKES = [
    (("R", "enter", "enter"), ["mtn_test_staging"]),
    (("R", "enter", "escape"), []),
    (("R", "escape", "escape"), []),
    (("enter", "R", "enter", "enter"), ["mtn_test_staging"]),
    (("enter", "R", "enter", "escape"), []),
    (("R", "ctrl+u", *"pruebaR", "enter"), ["pruebaR"]),
    ((":", *"restore", "enter", "ctrl+u", *"qabv", "enter"), ["qabv"]),
    (("/", *"kind:full p q b R", "escape"), []),
    ((":", *"sort", "enter", "R", "ctrl+u", "x", "enter"), ["x"]),
]
"""Keys, and the databases that are restored into by them."""


@pytest.mark.slow
def test_keys_that_come_as_one_do_as_they_do_one_by_one(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.configure(STAGING_DB_NAME="mtn_test_staging")
    practice.ready_made()
    for keys, asked in STROKES:
        begun = []

        def start(arguments, begun=begun):
            begun.append(arguments[arguments.index("--target") + 1])
            return "aaaaaaaa"

        app = MtnApp(practice.context, start)

        async def flow(operator, app=app, keys=keys, asked=asked, begun=begun):
            await operator.has_list()
            at_one_stroke(app, *keys)
            await operator.until(lambda: not app._waiting and app._at is None)
            await operator.until(lambda: begun == asked)
            await operator.pilot.pause()
            await operator.until(lambda: not isinstance(app.screen, ModalScreen))
            assert not app.state.inventory.backups[0].pinned

        operate(app, flow)
        assert app.fault is None
        assert begun == asked, keys


def test_what_is_typed_after_a_slash_filters_and_begins_nothing(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        at_one_stroke(app, "/", *"proof:complete")
        await operator.until(lambda: app.screen.query(TextField) and app.screen.query_one(TextField).value)
        await operator.until(lambda: app.screen.query_one(TextField).value == "proof:complete")
        at_one_stroke(app, "enter", "4", "/", *"follow", "enter")
        await operator.until(lambda: isinstance(app.screen, Logs))
        await operator.until(lambda: not app._waiting and not app.screen.query(TextField))
        await operator.sees("follow")
        at_one_stroke(app, "2", "escape")
        await operator.until(lambda: isinstance(app.screen, Backups))

    operate(app, flow)
    assert not practice.inventory.backups[0].pinned


def test_a_database_that_is_there_is_not_restored_over(pg18, new_school, practise):
    practice, there = practise(new_school(pg18)), new_school(pg18)
    practice.ready_made()
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("R", "ctrl+u", *there.name, "enter")
        await operator.sees(f"The database {there.name} exists already.", "nothing is replaced from here")
        assert isinstance(app.screen, Target)
        await operator.press("x")
        await operator.until(lambda: "exists already" not in operator.text())
        production = practice.source.name
        await operator.press("ctrl+u", *production, "enter")
        await operator.sees(f"{production} is production.", "press [3]")
        assert "--drop" not in operator.text()
        await operator.press("escape")
        assert isinstance(app.screen, Backups)

    operate(app, flow, LARGE)


def test_a_copy_that_was_found_corrupt_is_not_called_whole(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    payload = practice.context.settings.backup_dir / str(practice.inventory.backups[0].name)
    data = bytearray(payload.read_bytes())
    data[len(data) // 2] ^= 1
    payload.write_bytes(data)
    practice.mtn("verify", "--all", check=None)
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.press("enter")
        await operator.until(lambda: isinstance(app.screen, Details))
        await operator.sees(": broken")
        assert "whole" not in operator.text()

    operate(app, flow, LARGE)


def test_what_is_backed_up_is_asked_and_nothing_is_the_first_answer(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.back_up()
    made = practice.inventory.latest()
    with closing(Begun(practice)) as begun:
        app = MtnApp(practice.context, begun)

        async def flow(operator):
            await operator.has_list()
            for answer in ("enter", "escape"):
                await operator.press("b")
                await operator.sees(
                    f"Full: the whole database. The last one, of {labels.moment(made.moment)}"
                )
                await operator.sees("The database is only read.")
                await operator.press(answer)
                await operator.until(lambda: isinstance(app.screen, Backups))
            assert not begun.asked
            await operator.press("b", "down", "down", "enter")
            await operator.until(lambda: begun.jobs, "the differential")
            await operator.until(lambda: len(app.state.inventory.backups) == 2, "it in the list")

        operate(app, flow)
    assert begun.asked == [["backup", "diff"]]
    assert [job.look().state for job in begun.jobs] == [JobState.SUCCEEDED]


def test_a_key_that_comes_twice_begins_one_backup(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    with closing(Begun(practice)) as begun:
        app = MtnApp(practice.context, begun)

        async def flow(operator):
            await operator.has_list()
            at_one_stroke(app, "b", "b", "down", "enter")
            await operator.until(lambda: app.state.last)
            assert len(begun.asked) == 1
            await operator.press("b", "down", "enter")
            await operator.until(lambda: len(begun.asked) == 2 and len(app.state.jobs) == 2)

        operate(app, flow)
    assert [job.look().state for job in begun.jobs] == [JobState.SUCCEEDED] * 2


def test_a_broken_file_of_the_scripts_is_offered_by_no_key(pg18, new_school, practise):
    """Neither one whose size tells that it was cut off, nor one that was read and found so."""
    practice = practise(new_school(pg18))
    for stamp, size in (("20251003_203400", 1001), ("20251002_203400", 1008), ("20251001_203400", 0)):
        os.truncate(practice.legacy_backup(stamp), size)
    practice.mtn("verify", "--all", check=2)
    assert not Points(practice.context, practice.inventory).offered  # in step 3 of the wizard
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        for _row in range(3):
            await operator.sees("✖ broken")
            await operator.press("R")
            await operator.sees("No copy of it can be restored: broken.")
            await operator.press("down")
        assert "decrypts" not in operator.text()

    operate(app, flow)
