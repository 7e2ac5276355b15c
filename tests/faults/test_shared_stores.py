"""Installations that share a bucket and a folder, prefix and host name destroy nothing of each other's."""

from __future__ import annotations

import io
import itertools
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from mtn_tui.core.errors import AlreadyThere, Cancelled
from mtn_tui.core.models import MANIFEST, ROLES, Kind
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.backup.make import MadeBackup
from mtn_tui.operations.backup.naming import Claimed, claim, claim_name
from mtn_tui.operations.backup.ownership import LONGEST_RUN
from mtn_tui.operations.backup.publish import put_beside
from mtn_tui.operations.backup.sweep import sweep_parts_and_uploads, sweep_unfinished
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.installation import Mark, installation_id, mark_of
from mtn_tui.storage.s3 import S3Storage
from tests.faults.aftermath import HangsWhen, assert_nothing_half_made, objects, wait_for
from tests.faults.proxy import FaultProxy
from tests.operation_fixtures import Bucket, Practice, install
from tests.pg_fixtures import Database, NewDatabase

CRON = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
"""When all of them begin."""

HOST = "db-host-1"


@dataclass(frozen=True)
class Ahead:
    """A clock that is days ahead."""

    days: float

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self.days)

    def monotonic(self) -> float:
        return 0.0


Install = Callable[..., Context]


@pytest.fixture
def contexts(pg18: PostgresServer, new_database: NewDatabase, s3: Bucket, tmp_path: Path) -> Install:
    """Makes installations that share the folder ``tmp_path/shared`` and the bucket."""
    source = new_database(pg18)
    (tmp_path / "shared").mkdir()
    numbers = itertools.count()

    def new(state: str, database: str = "colegio", host: str = HOST) -> Context:
        root = tmp_path / f"root-{next(numbers)}"
        root.mkdir()
        changed = {"BACKUP_DIR": str(tmp_path / "shared"), "DB_NAME": database}
        context = install(root, source, s3, **changed).context
        return replace(context, state=tmp_path / state, host=host)

    return new


@dataclass
class Maker:
    """A backup that is made step by step, as ``backup.full`` and ``backup.upload`` do."""

    context: Context
    seaweed: SeaweedServer
    began: datetime = CRON
    job: Job = field(init=False)
    claimed: Claimed = field(init=False)
    uploads: list[str] = field(default_factory=list)
    done: int = 0
    alive: bool = True

    def __post_init__(self) -> None:
        self.job = new_job(self.context)
        mark = mark_of(self.job, self.context)
        self.claimed = claim_name(self.job, self.context, Kind.FULL, self.began, mark, bucket_answers=True)
        assert self.claimed.in_bucket

    @property
    def bucket(self) -> S3Storage:
        bucket = self.context.stores.bucket
        assert bucket is not None
        return bucket

    @property
    def key(self) -> str:
        return self.claimed.name.key

    def step(self) -> None:
        STEPS[self.done](self)
        self.done += 1

    @property
    def finished(self) -> bool:
        return self.done == len(STEPS)

    def die(self) -> None:
        self.alive = False
        self.claimed.part._close()  # as the kernel does
        self.job.end(Cancelled(""))

    def end(self) -> None:
        self.alive = False
        self.job.end()

    def send_parts(self) -> None:
        self.uploads.append(self.seaweed.client()._create_multipart_upload(self.bucket.bucket, self.key, {}))
        self.claimed.part.write(self.content)

    def keep_roles(self) -> None:
        put_beside(self.context.stores.disk, self.claimed.name, ROLES, self.content)

    def take_the_name(self) -> None:
        self.claimed.part.commit()

    def keep_manifest(self) -> None:
        put_beside(self.context.stores.disk, self.claimed.name, MANIFEST, self.content)

    def put_payload(self) -> None:
        for upload in self.uploads:
            self.seaweed.client()._abort_multipart_upload(self.bucket.bucket, self.key, upload)
        self.uploads.clear()
        for suffix in (ROLES, ""):
            self.put(suffix)

    def put_manifest(self) -> None:
        self.put(MANIFEST)

    def put(self, suffix: str) -> None:
        self.bucket.put(
            self.key + suffix,
            io.BytesIO(self.content),
            len(self.content),
            exclusive=suffix != ROLES,
            mark=str(mark_of(self.job, self.context)),
        )

    @property
    def content(self) -> bytes:
        return f"what job {self.job.id} has made".encode()

    def assert_all_there(self) -> None:
        """What it has made so far, as it made it."""
        name, disk, made = str(self.claimed.name), self.context.stores.disk.root, self.content
        payload = disk / (name if self.done > 2 else name + ".part")
        assert payload.read_bytes() == (made if self.done else b"")
        assert [one.id for one in self.bucket.unfinished() if one.key == self.key] == self.uploads
        assert self.bucket.mark(self.key + ROLES) == str(mark_of(self.job, self.context))
        there = {name + ROLES: self.done > 1, name + MANIFEST: self.done > 3}
        assert all((disk / one).read_bytes() == made for one, is_there in there.items() if is_there)
        for suffix in ("", ROLES) if self.done > 4 else ():
            with self.bucket.open(self.key + suffix) as stream:
                assert stream.read() == made
        if self.finished:
            assert self.bucket.stat(self.key + MANIFEST).size == len(made)

    def assert_all_gone(self, *, late: bool = False) -> None:
        """All but a backup that is whole on disk and, unless it is ``late``, an upload to go on with."""
        name = str(self.claimed.name)
        left = {path.name for path in self.context.stores.disk.root.iterdir() if path.name.startswith(name)}
        assert left == ({name, name + ROLES, name + MANIFEST} if self.done > 3 else set())
        goes_on = self.done == 4 and not late
        assert [one.key for one in self.bucket.list(self.key)] == ([self.key + ROLES] if goes_on else [])
        there = [one.id for one in self.bucket.unfinished() if one.key == self.key]
        assert there == (self.uploads if goes_on else [])


STEPS = (
    Maker.send_parts,
    Maker.keep_roles,
    Maker.take_the_name,
    Maker.keep_manifest,
    Maker.put_payload,
    Maker.put_manifest,
)
STAGES = {
    "a name that is claimed": 0,
    "a .part and an upload in parts": 1,
    "roles before the payload": 2,
    "a payload on disk without its manifest": 3,
    "a payload whose upload is under way": 4,
    "a payload in the bucket without its manifest": 5,
    "a finished backup": 6,
}
OTHERS: dict[str, dict[str, str]] = {
    "another user of this host, or another host of this name": {"state": "theirs"},
    "another database of another installation": {"state": "theirs", "database": "biblioteca"},
    "another database that shares our state folder": {"state": "ours", "database": "biblioteca"},
    "another host": {"state": "theirs", "host": "db-host-2"},
}


def new_job(context: Context) -> Job:
    return Job.create(context.jobs, kind="backup-full", subject=context.settings.db_name, operator="ana")


def sweep(context: Context, days: float = 0) -> None:
    """All that a backup sweeps."""
    later = replace(context, clock=Ahead(days))
    job = new_job(later)
    assert sweep_parts_and_uploads(job, later)
    sweep_unfinished(job, later, bucket_answers=True)
    job.end()
    assert "not-swept" not in job.journal_path.read_text()


@pytest.mark.sample("another host of this name")
@pytest.mark.parametrize("who", OTHERS)
def test_whatever_others_are_at_stays_and_goes_by_their_own_hand_alone(
    contexts: Install, seaweed: SeaweedServer, who: str
) -> None:
    """Each stage of theirs, while they live and after they died. All began in one second."""
    ours, theirs = contexts("ours"), contexts(**OTHERS[who])
    makers = []
    for stage in STAGES.values():
        makers += [Maker(theirs, seaweed), Maker(theirs, seaweed)]
        for maker in makers[-2:]:
            for _step in range(stage):
                maker.step()
    own = Maker(ours, seaweed)
    for _step in STEPS:
        own.step()
    own.end()
    for maker in makers:
        maker.assert_all_there()
    sweep(ours)
    for maker in (*makers, own):
        maker.assert_all_there()
    dead = makers[1::2]
    for maker in dead:
        maker.end() if maker.finished else maker.die()
    if theirs.state != ours.state:
        sweep(ours)
        for maker in makers:
            maker.assert_all_there()
    sweep(theirs)
    for maker in (*makers[::2], own):
        maker.assert_all_there()
    for maker in dead:
        maker.assert_all_there() if maker.finished else maker.assert_all_gone()
    sweep(theirs, days=LONGEST_RUN.days + 2)
    for maker in dead:
        maker.assert_all_there() if maker.finished else maker.assert_all_gone(late=True)


@pytest.mark.sample("0", "1")
@pytest.mark.parametrize("seed", range(6))
def test_in_whatever_order_installations_take_turns_each_backup_that_goes_on_ends_whole(
    contexts: Install, seaweed: SeaweedServer, seed: int
) -> None:
    chance = random.Random(seed)
    installations = [contexts("one"), contexts("two"), contexts("two", "biblioteca")]
    makers: list[Maker] = []
    now = CRON
    for _turn in range(25):
        living = [maker for maker in makers if maker.alive]
        act = chance.choice(["begin", "step", "step", "step", "step", "die", "sweep"])
        if act == "begin" or not living:
            makers.append(Maker(chance.choice(installations), seaweed, now))
        elif act == "sweep":
            now += timedelta(minutes=1)
            sweep(chance.choice(installations))
        elif act == "die":
            chance.choice(living).die()
        else:
            maker = chance.choice(living)
            maker.step()
            if maker.finished:
                maker.end()
        for maker in makers:
            if maker.alive or maker.finished:
                maker.assert_all_there()
    for maker in makers:
        while maker.alive:
            maker.step()
            if maker.finished:
                maker.end()
    for context in installations:
        sweep(context)
    for maker in makers:
        maker.assert_all_there() if maker.finished else maker.assert_all_gone()


def test_what_no_journal_names_goes_once_no_upload_can_last_as_long_and_never_the_newest(
    contexts: Install, seaweed: SeaweedServer, tmp_path: Path
) -> None:
    ours = contexts("ours")
    whole = Maker(ours, seaweed)
    for _step in STEPS:
        whole.step()
    whole.end()
    makers = [Maker(ours, seaweed) for _number in range(4)]
    for number, maker in enumerate(makers):
        for _step in range(number):
            maker.step()
        maker.die()
        maker.job.journal_path.unlink()
    soon = LONGEST_RUN.days
    sweep(ours, days=soon)
    sweep(ours, days=soon + 2)  # the only backup that is finished is older
    for maker in makers:
        maker.assert_all_there()
    another = contexts("theirs")
    newer = Maker(another, seaweed)
    for _step in STEPS:
        newer.step()
    newer.end()
    sweep(another, days=soon + 2)  # in the bucket they bear our mark
    for maker in makers:
        assert maker.bucket.mark(maker.key + ROLES)
    sweep(ours, days=soon)
    sweep(ours, days=soon + 2)
    for maker in makers:
        maker.assert_all_gone()
    for maker in (whole, newer):
        maker.assert_all_there()


def test_a_name_that_comes_again_when_the_clock_is_set_back_is_not_taken_for_our_own(
    contexts: Install, seaweed: SeaweedServer
) -> None:
    ours, theirs = contexts("ours"), contexts("theirs")
    gone = Maker(ours, seaweed)
    gone.die()
    sweep(ours)
    gone.assert_all_gone()
    again = Maker(theirs, seaweed)
    assert again.claimed.name == gone.claimed.name
    for _step in range(3):
        again.step()
    hour = (datetime.now(UTC) + timedelta(hours=1)).timestamp()
    for path in ours.stores.disk.root.iterdir():
        os.utime(path, (hour, hour))
    sweep(ours)
    again.assert_all_there()


def test_of_all_that_begin_in_one_second_each_has_a_name_of_its_own(
    contexts: Install, seaweed: SeaweedServer
) -> None:
    """Also where they come between our look and our claim, with folders of their own."""
    installations = [contexts(f"state-{number}") for number in range(6)]
    for number, context in enumerate(installations[:3]):
        folder = context.state.parent / f"folder-{number}"
        folder.mkdir()
        settings = context.settings.model_copy(update={"backup_dir": folder})
        installations[number] = replace(
            context, settings=settings, stores=replace(context.stores, disk=type(context.stores.disk)(folder))
        )
    makers: list[Maker] = []
    threads = [
        Thread(target=lambda context=context: makers.append(Maker(context, seaweed)))
        for context in installations
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({maker.claimed.name for maker in makers}) == len(installations)
    for maker in makers:
        for _step in STEPS:
            maker.step()
        maker.end()
    for maker in makers:
        maker.assert_all_there()


def test_a_claim_of_ours_whose_answer_was_lost_is_ours_and_anothers_is_not(
    contexts: Install, seaweed: SeaweedServer
) -> None:
    maker = Maker(contexts("ours"), seaweed)
    claim(maker.bucket, maker.key, mark_of(maker.job, maker.context))
    with pytest.raises(AlreadyThere):
        claim(maker.bucket, maker.key, Mark("another", "colegio", maker.job.id))
    maker.assert_all_there()


def test_what_bears_no_mark_beside_our_claim_is_anothers(contexts: Install, seaweed: SeaweedServer) -> None:
    ours = contexts("ours")
    maker = Maker(ours, seaweed)
    maker.bucket.put(maker.key, io.BytesIO(b"of the scripts"))
    maker.die()
    sweep(ours)
    assert maker.bucket.stat(maker.key).size == len(b"of the scripts")


def test_an_installation_is_its_state_folder(contexts: Install) -> None:
    one = contexts("one")
    assert installation_id(one) == installation_id(contexts("one", "biblioteca", "db-host-2"))
    assert installation_id(one) != installation_id(contexts("two"))


@pytest.fixture
def proxy(seaweed: SeaweedServer) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", seaweed.port) as proxy:
        yield proxy


def test_two_backups_at_once_into_one_bucket_and_folder_both_end_whole(
    pg18: PostgresServer, new_school: NewDatabase, s3: Bucket, proxy: FaultProxy, tmp_path: Path
) -> None:
    """One has put its payload and not yet its manifest while the other sweeps, makes one and ends."""
    (tmp_path / "backups").mkdir()
    shared = {"BACKUP_DIR": str(tmp_path / "backups"), "MINIO_BUCKET": s3.name}
    slow, quick = (
        new_practice(tmp_path / name, new_school(pg18), bucket, shared)
        for name, bucket in {"a": replace(s3, endpoint=proxy.endpoint), "b": s3}.items()
    )
    bucket = quick.context.stores.bucket
    assert bucket is not None

    def waits() -> bool:
        return any(".manifest.json" in path for method, path in proxy.requests if method == "PUT")

    held = [True]
    proxy.set(HangsWhen(lambda: held[0] and waits()))
    made: list[MadeBackup] = []
    running = Thread(target=lambda: made.append(slow.back_up()))
    running.start()
    try:
        wait_for(lambda: waits() or not running.is_alive(), "the manifest's put")
        there = objects(bucket)
        assert len(there) == 2
        done = quick.back_up()
        assert done.in_bucket
        assert there.items() <= objects(bucket).items()
    finally:
        held[0] = False
        running.join()
    (late,) = made
    assert late.in_bucket
    assert not (slow.job and slow.job.warnings)
    assert not (quick.job and quick.job.warnings)
    assert_nothing_half_made(quick)
    assert {one.name for one in quick.inventory.backups} == {late.manifest.name, done.manifest.name}


def new_practice(root: Path, source: Database, bucket: Bucket, values: dict[str, str]) -> Practice:
    root.mkdir()
    return install(root, source, bucket, **values)
