"""What happens to a full, its keys, or another run while a differential is made: none is ever wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.core.models import KEYS, MANIFEST, ROLES, Kind
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.engine.locks import claim
from mtn_tui.operations.backup.make import MadeBackup
from mtn_tui.operations.common.stores import Stores
from tests.faults.aftermath import (
    PATIENCE,
    HangsWhen,
    Running,
    assert_no_session,
    assert_nothing_half_made,
    ballast,
    begin,
    objects,
    wait_for,
)
from tests.faults.proxy import FaultProxy
from tests.faults.test_bucket_faults import (
    READ_TIMEOUT,
    SOON,
    hang,
    hang_from_the_first_put_on,
    hang_from_the_payload_on,
    store_of,
)
from tests.integration.test_differential import assert_same
from tests.operation_fixtures import Bucket, Practice
from tests.pg_fixtures import Database, NewDatabase

MORE = "DELETE FROM big WHERE id BETWEEN 100 AND 110; UPDATE big SET told = 'new' WHERE id = 15000"


@pytest.fixture
def source(pg18: PostgresServer, new_database: NewDatabase) -> Database:
    """A table whose keys are kept beside a full."""
    database = new_database(pg18)
    database.psql("""
        CREATE TABLE big (id int PRIMARY KEY, told text);
        INSERT INTO big SELECT n, repeat('x', 20) || n FROM generate_series(1, 20000) AS n;
        DELETE FROM big WHERE id = 3;
    """)
    while database.psql("SELECT n_tup_del FROM pg_stat_user_tables") != b"1\n":
        pass  # a session tells what it did as it ends
    return database


@pytest.fixture
def proxy(seaweed: SeaweedServer) -> Iterator[FaultProxy]:
    """Before the bucket."""
    with FaultProxy("127.0.0.1", seaweed.port) as proxy:
        yield proxy


@pytest.fixture
def slow(source: Database) -> Iterator[FaultProxy]:
    """Before the server, for commands that are to hang."""
    with FaultProxy(source.server.host, source.server.port) as proxy:
        yield proxy


@pytest.fixture
def behind(source: Database, practise: Callable[..., Practice], s3: Bucket, proxy: FaultProxy) -> Practice:
    """An installation that reaches its bucket through the proxy."""
    bucket = Bucket(proxy.endpoint, s3.name, s3.access_key, s3.secret_key)
    practice: Practice = practise(source, bucket)
    return practice


@pytest.fixture
def impatient(behind: Practice, proxy: FaultProxy, s3: Bucket) -> Iterator[Callable[[], MadeBackup]]:
    """Makes a differential with short timeouts towards the bucket."""
    store = store_of(proxy.endpoint, s3, connect_timeout=READ_TIMEOUT, read_timeout=READ_TIMEOUT)

    def made() -> MadeBackup:
        behind.configure(UPLOAD_DEADLINE_MINUTES=SOON)
        context = behind.context
        return behind.back_up_changes(replace(context, stores=Stores(context.stores.disk, lambda: store)))

    yield made
    store.close()


def differential(practice: Practice) -> MadeBackup:
    """A differential, which restores to what the source is."""
    made = practice.back_up_changes()
    assert made.manifest.kind is Kind.DIFF, made.instead
    assert_same(practice.source, practice.restore(backup=practice.inventory.find(made.manifest.id)))
    return made


def hanging(practice: Practice, slow: FaultProxy, *command: str) -> Running:
    """A command half-way through the rows of ``ballast``, which gets no further until ``slow`` heals."""
    enough = slow.down + (4 << 20)
    slow.set(HangsWhen(lambda: slow.down > enough))
    running = begin(practice, *command, DB_PORT=str(slow.port))
    wait_for(lambda: slow.down > enough, "rows on their way")
    assert running.view.phase == "dump"
    return running


def keys_of(practice: Practice, made: MadeBackup) -> bytes:
    return (practice.backups / (made.manifest.payload + KEYS)).read_bytes()


BAD_KEYS: dict[str, Callable[[bytes, bytes], bytes | None]] = {
    "missing": lambda keys, other: None,
    "empty": lambda keys, other: b"",
    "cut off": lambda keys, other: keys[:-16],
    "a flipped bit": lambda keys, other: keys[:2000] + bytes([keys[2000] ^ 1]) + keys[2001:],
    "of another full": lambda keys, other: other,
}


@pytest.mark.sample("a flipped bit")
@pytest.mark.parametrize("state", BAD_KEYS)
def test_without_its_keys_a_table_that_lost_rows_is_written_whole(
    source: Database, practise: Callable[..., Practice], state: str
) -> None:
    practice: Practice = practise(source)
    other = keys_of(practice, practice.back_up())
    source.psql("UPDATE big SET id = 3 WHERE id = 4")
    full = practice.back_up()
    path = practice.backups / (full.manifest.payload + KEYS)
    keys = BAD_KEYS[state](path.read_bytes(), other)
    path.unlink()
    if keys is not None:
        path.write_bytes(keys)
    source.psql(MORE)
    made = differential(practice)
    assert made.manifest.base == full.manifest.id
    assert made.manifest.raw > 400_000


def test_a_full_that_is_only_in_the_bucket_is_a_base_and_so_are_its_keys(behind: Practice) -> None:
    full = behind.back_up()
    for path in list(behind.backups.iterdir()):
        if path.name.startswith(full.manifest.payload):
            path.unlink()
    behind.source.psql(MORE)
    made = differential(behind)
    assert made.manifest.base == full.manifest.id
    assert made.manifest.raw < 20_000


def takes_keys(method: str, path: str) -> bool:
    return method in ("PUT", "POST") and KEYS in path


class LeapsAtTheKeys(SystemClock):
    """A clock that stands an hour later once a bucket has been asked to take keys."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy

    def monotonic(self) -> float:
        asked = any(takes_keys(method, path) for method, path in self.proxy.requests)
        return super().monotonic() + (3600 if asked else 0)


@pytest.mark.parametrize("status", [403, 503])
def test_keys_that_the_bucket_does_not_take_cost_no_backup(
    behind: Practice, proxy: FaultProxy, status: int
) -> None:
    behind.configure(UPLOAD_DEADLINE_MINUTES="10")
    code = "AccessDenied" if status == 403 else "SlowDown"
    proxy.answer(status, code, of=takes_keys)
    full = behind.back_up(replace(behind.context, clock=LeapsAtTheKeys(proxy)))
    proxy.heal()
    bucket = behind.context.stores.bucket
    assert bucket is not None
    assert full.in_bucket
    assert behind.job is not None
    assert behind.job.exit_code == 0
    assert set(objects(bucket)) >= {
        f"full/{full.manifest.payload}{suffix}" for suffix in ("", MANIFEST, ROLES)
    }
    assert f"full/{full.manifest.payload}{KEYS}" not in objects(bucket)
    assert_nothing_half_made(behind)


def refuse(proxy: FaultProxy) -> None:
    proxy.refuse()


def cut(proxy: FaultProxy) -> None:
    proxy.cut(up=2_000)


def be_busy(proxy: FaultProxy) -> None:
    proxy.answer(503, of=lambda method, path: method == "PUT")


@pytest.mark.sample("cut")
@pytest.mark.parametrize("fault", [refuse, cut, be_busy], ids=lambda fault: fault.__name__)
def test_a_differential_that_the_bucket_does_not_take_is_kept_on_disk_and_so_told(
    behind: Practice, proxy: FaultProxy, fault: Callable[[FaultProxy], None]
) -> None:
    behind.configure(UPLOAD_DEADLINE_MINUTES="0.02")
    behind.back_up()
    behind.source.psql(MORE)
    fault(proxy)
    told = behind.here("backup", "diff", check=1).stderr
    proxy.heal()
    assert "kept on disk only" in told
    newest = behind.inventory.backups[0]
    assert newest.kind is Kind.DIFF
    assert [copy.store.name for copy in newest.copies] == ["disk"]
    assert_nothing_half_made(behind)


def hang_from_the_keys_on(proxy: FaultProxy) -> None:
    proxy.set(HangsWhen(lambda: any(KEYS in path for _method, path in proxy.requests)))


def remove(practice: Practice, *names: str) -> None:
    """From the disk."""
    for name in names:
        (practice.backups / name).unlink()


def made_meanwhile(
    behind: Practice,
    proxy: FaultProxy,
    impatient: Callable[[], MadeBackup],
    fault: Callable[[FaultProxy], None],
) -> MadeBackup:
    """What is made after some work while the bucket has that fault: within its patience."""
    behind.source.psql(MORE)
    proxy.requests.clear()
    fault(proxy)
    began = time.monotonic()
    made = impatient()
    assert time.monotonic() - began < PATIENCE
    proxy.heal()
    return made


@pytest.mark.sample("hang_from_the_payload_on")
@pytest.mark.parametrize(
    "fault", [hang, hang_from_the_first_put_on, hang_from_the_payload_on], ids=lambda fault: fault.__name__
)
def test_while_the_bucket_hangs_a_differential_is_made_on_the_disks_full_and_kept_there(
    behind: Practice,
    proxy: FaultProxy,
    impatient: Callable[[], MadeBackup],
    fault: Callable[[FaultProxy], None],
) -> None:
    full = behind.back_up()
    made = made_meanwhile(behind, proxy, impatient, fault)
    assert (made.manifest.kind, made.manifest.base) == (Kind.DIFF, full.manifest.id), made.instead
    assert made.manifest.raw < 20_000, "with the keys beside the full"
    assert not made.in_bucket
    assert behind.job is not None
    assert any("kept on disk only" in text for text in behind.job.warnings)


@pytest.mark.sample("hang_from_the_keys_on")
@pytest.mark.parametrize("fault", [hang, hang_from_the_keys_on], ids=lambda fault: fault.__name__)
def test_keys_in_a_bucket_that_hangs_are_done_without(
    behind: Practice,
    proxy: FaultProxy,
    impatient: Callable[[], MadeBackup],
    fault: Callable[[FaultProxy], None],
) -> None:
    full = behind.back_up()
    remove(behind, full.manifest.payload + KEYS)
    made = made_meanwhile(behind, proxy, impatient, fault)
    assert (made.manifest.kind, made.manifest.base) == (Kind.DIFF, full.manifest.id), made.instead
    assert made.manifest.raw > 400_000, "the table is written whole"
    assert_same(behind.source, behind.restore(backup=behind.inventory.find(made.manifest.id)))


@pytest.mark.slow
def test_where_the_only_full_is_in_a_bucket_that_hangs_a_full_is_made_and_says_so(
    behind: Practice, proxy: FaultProxy, impatient: Callable[[], MadeBackup]
) -> None:
    full = behind.back_up()
    remove(behind, *(full.manifest.payload + suffix for suffix in ("", MANIFEST, ROLES, KEYS)))
    hang(proxy)
    made = impatient()
    proxy.heal()
    assert made.manifest.kind is Kind.FULL
    assert "not looked into: bucket" in made.instead


@pytest.mark.slow
def test_of_two_differentials_at_once_one_runs_and_the_other_says_who_is_at_it(
    source: Database, practise: Callable[..., Practice], slow: FaultProxy
) -> None:
    practice: Practice = practise(source)
    ballast(source, 6)
    practice.back_up()
    source.psql("UPDATE ballast SET id = -id")
    first = hanging(practice, slow, "backup", "diff")
    told = practice.here("backup", "diff", check=75).stderr
    assert first.view.id in told
    slow.heal()
    first.ends(0)
    assert_nothing_half_made(practice)


@pytest.mark.sample("diff")
@pytest.mark.parametrize("hangs", ["full", "diff"])
def test_a_differential_and_a_full_may_be_made_at_once_the_differential_on_the_full_before(
    source: Database, practise: Callable[..., Practice], slow: FaultProxy, hangs: str
) -> None:
    practice: Practice = practise(source)
    ballast(source, 6)
    base = practice.back_up()
    source.psql(MORE + "; UPDATE ballast SET id = -id")
    running = hanging(practice, slow, "backup", hangs)
    if hangs == "full":
        made = practice.back_up_changes().manifest
    else:
        practice.back_up()
    slow.heal()
    running.ends(0)
    if hangs == "diff":
        (made,) = [
            one.manifest for one in practice.inventory.backups if one.kind is Kind.DIFF and one.manifest
        ]
    assert (made.kind, made.base) == (Kind.DIFF, base.manifest.id)
    for backup in practice.inventory.backups:
        if backup.manifest and backup.manifest.id != base.manifest.id:
            assert_same(source, practice.restore(backup=backup))
    assert_nothing_half_made(practice)


def test_the_full_of_a_running_differential_is_held_and_if_it_goes_all_the_same_a_full_is_made(
    source: Database, practise: Callable[..., Practice], slow: FaultProxy
) -> None:
    practice: Practice = practise(source)
    ballast(source, 6)
    base = practice.back_up().manifest
    source.psql("UPDATE ballast SET id = -id")
    running = hanging(practice, slow, "backup", "diff")
    locks = practice.context.locks
    assert locks is not None
    with claim(locks, base.payload) as free:
        assert not free
    for path in list(practice.backups.iterdir()):
        if path.name.startswith(base.payload) and not path.name.endswith(".part"):
            path.unlink()
    slow.heal()
    told = running.ends(1)
    assert "was removed meanwhile" in running.journal
    assert "mtn accept --store disk" in told
    (made,) = practice.inventory.backups
    assert made.kind is Kind.FULL
    with claim(locks, base.payload) as free:
        assert free
    assert_nothing_half_made(practice)


def test_a_full_killed_while_its_keys_are_written_is_swept_by_the_next(
    source: Database, practise: Callable[..., Practice], slow: FaultProxy
) -> None:
    practice: Practice = practise(source)
    slow.set(HangsWhen(lambda: bool(list(practice.backups.glob(f"*{KEYS}.part")))))
    running = begin(practice, "backup", "full", DB_PORT=str(slow.port))
    wait_for(lambda: list(practice.backups.glob(f"*{KEYS}.part")), "the file of keys")
    running.kill()
    slow.heal()
    practice.back_up()
    assert len(list(practice.backups.glob(f"*{KEYS}*"))) == 1
    assert_nothing_half_made(practice)
    assert_no_session(source)
