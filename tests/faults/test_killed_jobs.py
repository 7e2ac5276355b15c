"""kill -9 at any moment: nothing half-made looks whole, nothing stays locked, and the next run clears up."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

import pytest

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.models import KEYS, ROLES, JobState, Kind
from mtn_tui.core.operator import host_name
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.engine.locks import slug
from mtn_tui.operations.common.installation import Mark, installation_id
from mtn_tui.operations.inventory.model import CopyStatus
from mtn_tui.operations.sync.sync import send_missing
from mtn_tui.operations.verify.read_through import prove
from tests.faults.aftermath import (
    Running,
    asked,
    assert_no_session,
    assert_nothing_half_made,
    ballast,
    begin,
    contents,
    files,
    objects,
    template_busy,
    wait_for,
)
from tests.faults.proxy import FaultProxy
from tests.operation_fixtures import Bucket, Practice
from tests.pg_fixtures import Database, NewDatabase

kills = pytest.mark.parametrize(
    "kills", [3, pytest.param(50, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
)
TARGET = f"mtn_killed_{os.getpid()}_test"
"""Of a name whose former contents are not kept: nothing at all may be left of it."""


@pytest.fixture
def chance() -> random.Random:
    seed = time.time_ns()
    print(f"random.Random({seed})")  # shown with a failure, to look at the same moments again
    return random.Random(seed)


@pytest.fixture
def proxied(seaweed: SeaweedServer, s3: Bucket) -> Iterator[tuple[FaultProxy, Bucket]]:
    with FaultProxy("127.0.0.1", seaweed.port) as proxy:
        yield proxy, Bucket(proxy.endpoint, s3.name, s3.access_key, s3.secret_key)


@pytest.fixture
def target(pg18: PostgresServer) -> Iterator[Database]:
    """A database that a restore is to replace, with something in it."""
    database = Database(pg18, TARGET)
    make_precious(database)
    yield database
    pg18.drop_database(TARGET)


def journal_length(practice: Practice) -> int:
    """Lines in the journal of the last job."""
    return (practice.root / "state" / "jobs" / f"{practice.jobs[0].id}.jsonl").read_text().count("\n")


def make_precious(target: Database) -> None:
    target.server.drop_database(target.name)
    target.server.create_database(target.name)
    target.psql("CREATE TABLE precious AS SELECT 42 AS answer")


def killed(
    practice: Practice,
    command: list[str],
    lines: int,
    share: float,
    chance: random.Random,
    prepare: Callable[[], None] = lambda: None,
) -> Running:
    """Kill a command after that share of the ``lines`` that its journal would have, give or take a moment."""
    while True:
        prepare()
        running = begin(practice, *command)
        running.has_lines(int(lines * share))
        time.sleep(chance.uniform(0, 0.2))
        running.kill()
        if running.view.state is JobState.LOST:
            return running
        share *= chance.random()  # it had ended already: somewhat earlier then


def next_backup(practice: Practice, turn: int) -> None:
    """At once. The first as an operator would; the others in this process, which is quicker.

    What the killed one was sending, if the disk has it whole, is gone on with.
    """
    if not turn:
        practice.mtn("backup", "full")
    else:
        context = replace(practice.context, host=host_name())
        practice.back_up(context)
        practice.run("backup-full", lambda job: send_missing(job, context), context)


def assert_told_as_lost(practice: Practice, running: Running) -> None:
    jobs = asked(practice, "job", "list")
    assert isinstance(jobs, list)
    (told,) = [job for job in jobs if job["id"] == running.path.stem]
    assert told["state"] == "lost"
    assert told["title"]


def assert_whole_or_unfinished(practice: Practice, running: Running) -> None:
    """No copy is half made and looks whole: what says so of the killed job's reads back."""
    for backup in practice.inventory.backups:
        for copy in backup.copies:
            assert copy.standing in (CopyStatus.WHOLE, CopyStatus.UNFINISHED), copy
            if copy.standing is CopyStatus.WHOLE and str(backup.name) in running.view.files:
                prove(copy, practice.context.key, CancelToken(), lambda _count: None)


def remove_but(practice: Practice, on_disk: Collection[str], in_bucket: Collection[str]) -> None:
    """Remove every other file and object."""
    bucket = practice.context.stores.bucket
    assert bucket is not None
    for name in files(practice).keys() - set(on_disk):
        (practice.backups / name).unlink()
    for key in objects(bucket).keys() - set(in_bucket):
        bucket.delete(key)


@kills
def test_a_backup_killed_at_any_moment_leaves_nothing_that_looks_whole(
    pg18: PostgresServer,
    new_school: NewDatabase,
    practise: Callable[..., Practice],
    s3: Bucket,
    chance: random.Random,
    kills: int,
) -> None:
    source = new_school(pg18)
    ballast(source, 17)  # two parts of an upload
    practice = practise(source, s3)
    bucket = practice.context.stores.bucket
    assert bucket is not None
    practice.mtn("backup", "full")
    length = journal_length(practice)
    proven, there = files(practice), objects(bucket)
    for turn in range(kills):
        share = (turn + chance.random()) / kills
        running = killed(practice, ["backup", "full"], length, share, chance)
        if not turn:
            assert_told_as_lost(practice, running)
        assert_whole_or_unfinished(practice, running)
        next_backup(practice, turn)
        assert_nothing_half_made(practice)
        assert proven.items() <= files(practice).items()
        assert there.items() <= objects(bucket).items()
        assert_no_session(source)
        remove_but(practice, proven, there)


@pytest.mark.slow
@kills
def test_a_differential_killed_at_any_moment_leaves_its_full_and_nothing_that_looks_whole(
    pg18: PostgresServer,
    new_school: NewDatabase,
    practise: Callable[..., Practice],
    s3: Bucket,
    chance: random.Random,
    kills: int,
) -> None:
    source = new_school(pg18)
    ballast(source, 6)
    practice = practise(source, s3)
    bucket = practice.context.stores.bucket
    assert bucket is not None
    practice.mtn("backup", "full")
    proven, there = files(practice), objects(bucket)
    source.psql("UPDATE ballast SET id = -id")
    command = ["backup", "diff"]
    practice.mtn(*command)
    length = journal_length(practice)

    for turn in range(kills):
        remove_but(practice, proven, there)
        running = killed(practice, command, length, (turn + chance.random()) / kills, chance)
        if not turn:
            assert_told_as_lost(practice, running)
        assert_whole_or_unfinished(practice, running)
        made = practice.back_up_changes(replace(practice.context, host=host_name()))
        assert made.manifest.kind is Kind.DIFF, made.instead
        assert_nothing_half_made(practice)
        assert proven.items() <= files(practice).items()
        assert there.items() <= objects(bucket).items()
        assert_no_session(source)


@kills
def test_a_restore_killed_at_any_moment_leaves_its_target_as_it_was_or_replaced_whole(
    pg18: PostgresServer,
    new_school: NewDatabase,
    practise: Callable[..., Practice],
    target: Database,
    chance: random.Random,
    kills: int,
) -> None:
    source = new_school(pg18)
    ballast(source, 6)
    practice = practise(source)
    practice.mtn("backup", "full")
    whole = contents(source)
    command = ["restore", "--latest", "--target", TARGET, "--drop"]
    practice.mtn(*command)
    length = journal_length(practice)
    for turn in range(kills):
        share = (turn + chance.random()) / kills
        running = killed(practice, command, length, share, chance, lambda: make_precious(target))
        if not turn:
            assert_told_as_lost(practice, running)
        if target.psql("SELECT to_regclass('precious')") == b"precious\n":
            assert target.psql("SELECT answer FROM precious") == b"42\n"
        else:
            assert running.view.phase == "put-in-place"
            assert contents(target) == whole
        if not turn:
            practice.mtn(*command)
        else:
            practice.restore(TARGET, drop=True)
        assert contents(target) == whole
        assert [name for name in practice.databases() if name.startswith(TARGET + "_")] == []
        assert_no_session(source)
    practice.mtn("backup", "full")  # sweeps what a kill left of a proof, or of the audit, being written
    assert_nothing_half_made(practice)


@pytest.mark.slow
def test_a_database_that_a_killed_restore_was_still_making_is_not_left_behind(
    pg18: PostgresServer, new_school: NewDatabase, practise: Callable[..., Practice], target: Database
) -> None:
    practice = practise(new_school(pg18))
    practice.mtn("backup", "full")
    command = ["restore", "--latest", "--target", TARGET, "--drop"]

    def making() -> list[str]:
        asked = "SELECT application_name FROM pg_stat_activity WHERE query LIKE 'CREATE DATABASE %'"
        return Database(pg18, "postgres").psql(asked).decode().split()

    with template_busy(target):
        running = begin(practice, *command)
        wait_for(lambda: running.path.stem in str(making()), "CREATE DATABASE")
        running.kill()
        again = begin(practice, *command)
        wait_for(lambda: again.path.stem in str(making()), "the next CREATE DATABASE")
        assert running.path.stem not in str(making())
    again.ends(0)
    assert_no_session(target)
    assert [name for name in practice.databases() if name.startswith(TARGET + "_")] == []


def test_a_payload_whose_manifest_never_reached_the_bucket_is_unfinished_there_until_the_next_backup_sends_it(
    pg18: PostgresServer,
    new_school: NewDatabase,
    practise: Callable[..., Practice],
    proxied: tuple[FaultProxy, Bucket],
) -> None:
    proxy, behind = proxied
    practice = practise(new_school(pg18), behind)
    proxy.answer(503, of=lambda method, path: method == "PUT" and ".manifest.json" in path)
    running = begin(practice, "backup", "full")
    running.says("upload-failed")
    running.kill()
    proxy.heal()
    (backup,) = practice.inventory.backups
    assert {copy.store.name: copy.standing for copy in backup.copies} == {
        "disk": CopyStatus.WHOLE,
        "bucket": CopyStatus.UNFINISHED,
    }
    practice.mtn("backup", "full")
    assert_nothing_half_made(practice)
    kept = [copy.store.name for one in practice.inventory.backups[1:] for copy in one.copies]
    assert kept == ["disk", "bucket"]


def test_what_was_to_lie_beside_a_payload_that_never_came_is_removed(
    pg18: PostgresServer, new_school: NewDatabase, practise: Callable[..., Practice], s3: Bucket
) -> None:
    """On disk once it is older than any backup can last; in the bucket it bears the mark of a job of ours."""
    practice = practise(new_school(pg18), s3)
    practice.back_up()
    assert practice.job is not None
    bucket = practice.context.stores.bucket
    assert bucket is not None
    (roles,) = [path for path in practice.backups.iterdir() if path.name.endswith(ROLES)]
    orphan = "admision_mtn_full_db-host-1_20240101_020000.sql.gz.gpg.roles.enc"
    (practice.backups / orphan).write_bytes(roles.read_bytes())
    with roles.open("rb") as stream:
        mark = Mark(installation_id(practice.context), slug(practice.source.name), practice.job.id)
        bucket.put("full/" + orphan, stream, mark=str(mark))
    keys = orphan.removesuffix(ROLES) + KEYS
    (practice.backups / keys).write_bytes(b"keys")
    with roles.open("rb") as stream:
        bucket.put("full/" + keys, stream, mark=str(mark))
    halves = ("RESTORE-CARD.txt.~0123abcd.part", ".mtn-check-01234567.part", f"{orphan}.~0123abcd.part")
    for half in (*halves, f"{keys}.part"):
        (practice.backups / half).write_bytes(b"half")
    for path in practice.backups.iterdir():
        if path.name.startswith(orphan.removesuffix(ROLES)) or path.name.endswith(".part"):
            os.utime(path, (1e9, 1e9))
    metrics = practice.root / "logs" / "metrics" / "full-backup_latest.json.~0123abcd.part"
    metrics.write_bytes(b"half")
    practice.back_up()
    assert_nothing_half_made(practice)


def test_what_others_keep_in_the_same_folder_is_never_removed(
    pg18: PostgresServer, new_school: NewDatabase, practise: Callable[..., Practice]
) -> None:
    practice = practise(new_school(pg18))
    payload = practice.legacy_backup()
    theirs = "admision_mtn_full_db-host-2_20240101_020000.sql.gz.gpg"
    beside = [theirs + suffix for suffix in ("", ROLES, KEYS, KEYS + ".part")]
    for name in (*beside, "other_full_db-host-1_20240101_020000.sql.gz.gpg.part", "x"):
        (practice.backups / name).write_bytes(b"another's")
    before = files(practice)
    assert payload.name in before
    practice.back_up()
    assert before.items() <= files(practice).items()
