"""mtn backup full: what it leaves, that it is true, and what it refuses."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import re
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mtn_tui.core.errors import ConfigError, NoSpace
from mtn_tui.core.identity import Extension
from mtn_tui.core.models import BackupName, Kind, Rung
from mtn_tui.demo.postgres_binaries import major_version, system_binaries
from mtn_tui.operations.backup.restore_card import TEXT as CARD
from mtn_tui.operations.inventory.model import CopyStatus
from mtn_tui.postgres.compare import compare
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database


class FixedClock:
    """Always the same moment; seconds go by all the same."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return time.monotonic()


NOON = datetime(2026, 9, 15, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def school(pg18, new_school) -> Database:
    return new_school(pg18)


@pytest.fixture
def small(pg18, new_database) -> Database:
    """A database with two tables and few rows."""
    database = new_database(pg18)
    database.psql(
        "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users SELECT g, 'u' || g"
        " FROM generate_series(1, 2000) g; CREATE TABLE visits (id int REFERENCES users); "
        "INSERT INTO visits SELECT g % 2000 + 1 FROM generate_series(1, 10) g"
    )
    return database


def open_to_others(root):
    """Files below ``root`` that anybody could read or change."""
    return [
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and stat.S_IMODE(path.stat().st_mode) & 0o007
    ]


def test_a_backup_leaves_the_scripts_names_in_both_stores_and_nothing_for_others(small, practise, s3):
    practice: Practice = practise(small, s3)
    before = os.umask(0)
    try:
        made = practice.back_up()
    finally:
        os.umask(before)
    name = made.manifest.payload
    assert re.fullmatch(r"admision_mtn_full_db-host-1_\d{8}_\d{6}\.sql\.gz\.gpg", name)
    stamp = name.removesuffix(".sql.gz.gpg").partition("db-host-1_")[2]
    files = {name + ending for ending in ("", ".manifest.json", ".proof.json", ".roles.enc")}
    assert {path.name for path in practice.backups.iterdir()} == {*files, "RESTORE-CARD.txt"}
    with closing(practice.context.stores.bucket) as bucket:
        assert {entry.key for entry in bucket.list()} == {
            *(f"full/{file}" for file in files),
            "RESTORE-CARD.txt",
        }
        for key in (name, name + ".manifest.json", name + ".roles.enc"):
            with bucket.open(f"full/{key}") as stream:
                assert stream.read() == (practice.backups / key).read_bytes()
        with bucket.open("RESTORE-CARD.txt") as stream:
            assert stream.read() == (practice.backups / "RESTORE-CARD.txt").read_bytes() == CARD.encode()
    assert {path.name for path in (practice.root / "logs").iterdir()} == {
        f"full-backup_{stamp}.log",
        "metrics",
    }
    metrics = practice.root / "logs" / "metrics"
    latest = metrics / "full-backup_latest.json"
    assert latest.read_bytes() == (metrics / f"full-backup_{stamp}.json").read_bytes()
    assert open_to_others(practice.root) == []
    assert (made.rung, made.in_bucket, practice.job.exit_code) == (Rung.COMPLETE, True, 0)


def test_the_figures_stand_under_the_keys_that_their_readers_know(small, practise, s3):
    practice: Practice = practise(small, s3)
    made = practice.back_up()
    figures = json.loads((practice.root / "logs/metrics/full-backup_latest.json").read_text())
    payload = practice.payload(made.manifest)
    script = practice.script(payload)
    assert figures["backup_type"] == "full"
    assert figures["hostname"] == "db-host-1"
    assert figures["status"] == "success"
    assert figures["encrypted_size_bytes"] == payload.stat().st_size
    assert figures["raw_size_bytes"] == len(script)
    assert figures["compression_ratio_percent"] == pytest.approx(
        100 * figures["compressed_size_bytes"] / len(script), abs=0.01
    )
    assert figures["wal_lsn"] == made.manifest.lsn
    datetime.fromisoformat(figures["timestamp"])
    seconds = [figures[f"{phase}_duration_seconds"] for phase in ("dump", "upload", "total")]
    assert all(0 < second <= seconds[-1] for second in seconds)


def test_a_backup_that_failed_leaves_valid_figures_too(small, practise):
    practice: Practice = practise(small, ENABLE_ENCRYPTION="false")
    with pytest.raises(ConfigError):
        practice.back_up()
    figures = json.loads((practice.root / "logs/metrics/full-backup_latest.json").read_text())
    assert (figures["status"], figures["backup_type"]) == ("failed", "full")


def test_the_manifest_is_true(pg18, new_database, practise):
    source = new_database(pg18, name="Año «uno» y dos")
    role = f"mtn_reader_{os.getpid()}"
    source.psql(
        f"""
        CREATE EXTENSION citext SCHEMA public;
        CREATE EXTENSION pg_trgm;
        CREATE ROLE "{role}";
        CREATE TABLE users (id int, name text); INSERT INTO users SELECT g, E'a\\nb'
            FROM generate_series(1, 77) g;
        CREATE TABLE "Año (1)" (x int); INSERT INTO "Año (1)" VALUES (1), (2);
        CREATE TABLE nothing (); CREATE TABLE empty (x int);
        INSERT INTO nothing SELECT FROM generate_series(1, 3);
        GRANT SELECT ON users TO "{role}";
        """
    )
    try:
        practice: Practice = practise(source)
        with source.connect() as connection:
            before = connection.execute("SELECT clock_timestamp(), pg_current_wal_insert_lsn()").fetchone()
            manifest = practice.back_up().manifest
            after = connection.execute("SELECT clock_timestamp(), pg_current_wal_insert_lsn()").fetchone()
            within = connection.execute(
                "SELECT %s::pg_lsn BETWEEN %s AND %s", [manifest.lsn, before[1], after[1]]
            ).fetchone()
            system, oid = connection.execute(
                "SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database())"
                " FROM pg_control_system()"
            ).fetchone()
        assert before[0] < manifest.snapshot_at < after[0]
        assert manifest.snapshot_at.utcoffset() == timedelta(0)
        assert manifest.started_at <= manifest.ended_at
        assert within == (True,)
        assert manifest.rows() == {
            "public.users": 77,
            'public."Año (1)"': 2,
            "public.nothing": 3,
            "public.empty": 0,
        }
        assert {role, pg18.user} <= set(manifest.roles)
        assert {(one.name, one.schema) for one in manifest.extensions} == {
            ("citext", "public"),
            ("pg_trgm", "public"),
        }
        assert (manifest.database, manifest.host, manifest.kind) == (source.name, "db-host-1", Kind.FULL)
        assert (manifest.server.system_identifier, manifest.server.database_oid) == (system, int(oid))
        assert (manifest.server.major, manifest.server.encoding) == (18, "UTF8")
        assert manifest.tools["pg_dump"].startswith("18")
        assert manifest.id == practice.job.id
        payload = practice.payload(manifest).read_bytes()
        assert manifest.size == len(payload)
        assert manifest.sha256 == hashlib.sha256(payload).hexdigest()
        assert manifest.salt == payload[8:16].hex()
        assert manifest.key == practice.context.key.fingerprint
        assert manifest.raw == len(practice.script(practice.payload(manifest)))
    finally:
        source.psql(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')


def test_the_schema_hash_follows_the_schema_and_nothing_else(small, practise):
    """And backups of one second get names of their own, one second apart each."""
    practice: Practice = practise(small)
    context = replace(practice.context, clock=FixedClock(NOON))
    first = practice.back_up(context).manifest
    small.psql("INSERT INTO users VALUES (5000, 'one more')")
    second = practice.back_up(context).manifest
    small.psql("ALTER TABLE visits ADD COLUMN at date")
    third = practice.back_up(context).manifest
    assert first.schema_hash == second.schema_hash != third.schema_hash
    assert [one.name.stamp - first.name.stamp for one in (second, third)] == [
        timedelta(seconds=1),
        timedelta(seconds=2),
    ]
    assert len(practice.inventory.backups) == 3


def test_a_name_that_either_store_has_already_is_never_taken(small, practise, s3):
    practice: Practice = practise(small, s3)
    context = replace(practice.context, clock=FixedClock(NOON))
    stamp = NOON.astimezone().replace(tzinfo=None, microsecond=0)
    wanted = BackupName(stamp, "admision_mtn", Kind.FULL, "db-host-1")
    context.stores.bucket.put(wanted.key, io.BytesIO(b"another host's"), 14)
    (practice.backups / str(wanted.later())).write_bytes(b"the scripts'")
    made = practice.back_up(context)
    assert made.manifest.name == wanted.later(2)
    with context.stores.bucket.open(wanted.key) as stream:
        assert stream.read() == b"another host's"
    assert (practice.backups / str(wanted.later())).read_bytes() == b"the scripts'"
    context.stores.bucket.close()


def test_the_hour_that_comes_twice_gets_two_names(small, practise):
    """Santiago leaves summer time at 24:00 of 2026-04-04: 23:30 comes at 02:30 and at 03:30 UTC."""
    santiago = "<-04>4<-03>,M9.1.6/24,M4.1.6/24"
    practice: Practice = practise(small)
    script = """
import sys
from dataclasses import replace
from datetime import datetime, UTC
from pathlib import Path
from mtn_tui.core.models import Kind
from mtn_tui.core.settings_file import load
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.installation import mark_of
from mtn_tui.operations.backup.naming import claim_name
from mtn_tui.operations.common.stores import open_stores

settings = load(Path(sys.argv[1]), {}).settings
context = Context(settings, open_stores(settings), Path(sys.argv[2]), "ana", "db")
job = Job.create(context.jobs, kind="backup-full", subject="x", operator="ana")
for hour in (2, 3):
    started = datetime(2026, 4, 5, hour, 30, tzinfo=UTC)
    claimed = claim_name(job, context, Kind.FULL, started, mark_of(job, context), bucket_answers=True)
    claimed.part.commit()
    print(claimed.name)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, practice.config, practice.root / "state"],
        env={**practice.environment, "TZ": santiago},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        "admision_mtn_full_db_20260404_233000.sql.gz.gpg",
        "admision_mtn_full_db_20260404_233001.sql.gz.gpg",
    ]


def test_the_lines_of_the_restore_card_work_as_they_stand(small, practise, tmp_path):
    practice: Practice = practise(small)
    made = practice.back_up()
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "KEY").symlink_to(practice.key_file)
    for ending in ("", ".roles.enc"):
        target = practice.backups / (made.manifest.payload + ending)
        (folder / f"BACKUP.sql.gz.gpg{ending}").symlink_to(target)
    card = (practice.backups / "RESTORE-CARD.txt").read_text()
    paragraphs = card.replace("\\\n", " ").split("\n\n")
    commands = [paragraph.strip() for paragraph in paragraphs if paragraph.startswith("    ")]
    commands = [command for command in commands if not command.startswith("grep")]  # for differentials
    assert len(commands) == 4
    practice.made.append("RECOVERED")
    said = [
        subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=folder,
            env={
                **small.login.environment("postgres"),
                "PATH": f"{small.server.binaries}:{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        for command in commands
    ]
    assert [done.returncode for done in said] == [0, 0, 0, 0], [done.stderr for done in said]
    _create, _restore, roles, whole = said
    assert "already exists" in roles.stderr
    assert "dump complete" in whole.stdout
    assert compare(small.login, small.name, "RECOVERED").equal
    assert Database(small.server, "RECOVERED").dump() == small.dump()


def test_the_roles_lie_beside_and_openssl_reads_them(small, practise):
    practice: Practice = practise(small)
    role = f'mtn_odd "role" {os.getpid()}'
    quoted = '"' + role.replace('"', '""') + '"'
    small.psql(f"CREATE ROLE {quoted} LOGIN PASSWORD 'hash me' VALID UNTIL '2030-01-01'")
    try:
        made = practice.back_up()
    finally:
        small.psql(f"DROP ROLE {quoted}")
    path = practice.backups / (made.manifest.payload + ".roles.enc")
    assert b"CREATE ROLE" not in path.read_bytes()
    openssl = ["openssl", "enc", "-d", "-aes-256-cbc", "-pbkdf2", "-iter", "100000"]
    text = subprocess.run(
        [*openssl, "-pass", f"file:{practice.key_file}", "-in", path], capture_output=True, check=True
    ).stdout.decode()
    assert f"CREATE ROLE {quoted};" in text
    assert "SCRAM-SHA-256$" in text


def test_a_table_that_was_emptied_makes_the_backup_suspect(small, practise):
    practice: Practice = practise(small)
    good = practice.back_up()
    small.psql("DELETE FROM visits; DELETE FROM users")
    done = practice.mtn("backup", "full", "--json", check=1)
    facts = json.loads(done.stdout)
    assert facts["suspect"] == "public.users has 0 rows, had 2,000"
    assert "suspect" in done.stderr
    odd, kept = practice.inventory.backups
    assert (odd.suspect, kept.suspect) == (facts["suspect"], "")
    assert practice.inventory.latest().id == good.manifest.id
    assert "SUSPECT" in practice.mtn("list").stdout
    assert json.loads((practice.root / "logs/metrics/full-backup_latest.json").read_text())["suspect"]


def test_a_database_that_shrank_to_half_makes_the_backup_suspect(pg18, new_database, practise):
    source = new_database(pg18)
    source.psql("CREATE TABLE t AS SELECT md5(g::text) FROM generate_series(1, 900) g")
    practice: Practice = practise(source)
    practice.back_up()
    source.psql("DELETE FROM t WHERE ctid > '(0,20)'")
    assert "smaller than the 1 before it" in practice.back_up().suspect
    assert practice.job.exit_code == 1


def test_a_backup_in_clear_is_refused_before_anything_is_asked(small, practise):
    practice: Practice = practise(small, ENABLE_ENCRYPTION="false", DB_PORT="1")
    done = practice.mtn("backup", "full", check=2)
    assert "ENABLE_ENCRYPTION" in done.stderr
    assert "ENABLE_ENCRYPTION=true" in done.stderr
    assert list(practice.backups.iterdir()) == []


def test_without_verification_a_backup_counts_as_present_only(small, practise, s3):
    practice: Practice = practise(small, s3, ENABLE_POST_BACKUP_VERIFY="false")
    made = practice.back_up()
    assert made.rung is Rung.PRESENT
    backup = practice.inventory.latest()
    assert [copy.rung for copy in backup.copies] == [Rung.PRESENT, Rung.PRESENT]
    assert [copy.standing for copy in backup.copies] == [CopyStatus.WHOLE, CopyStatus.WHOLE]


def test_a_pg_dump_older_than_the_server_is_refused_with_the_fix(small, practise):
    binaries = system_binaries()
    if binaries is None or major_version(binaries) >= 18:
        pytest.skip("no PostgreSQL older than 18 is installed on this machine")
    practice: Practice = practise(small, PG_DUMP=str(binaries / "pg_dump"))
    with pytest.raises(ConfigError) as refused:
        practice.back_up()
    assert "the server is 18" in refused.value.title
    assert "Install the client programs of version 18" in refused.value.hint
    assert list(practice.backups.iterdir()) == []


def test_a_first_backup_that_might_not_have_fit_is_no_warning_and_a_later_one_that_would_not_is_refused(
    small, practise, tmp_path
):
    disk = tmp_path / "little"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "mtn-test", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        practice: Practice = practise(small, BACKUP_DIR=str(disk))
        practice.back_up()
        assert practice.job.warnings == (), "it does fit"
        journal = practice.root / "state" / "jobs" / f"{practice.job.id}.jsonl"
        assert "may not fit" in journal.read_text()
        there = sorted(disk.iterdir())
        with pytest.raises(NoSpace) as refused:
            practice.back_up()
        assert "MB are needed" in refused.value.title
        assert sorted(disk.iterdir()) == there
    finally:
        subprocess.run(["umount", disk], check=True)


CHANGES = {
    "drops it": "DROP TABLE s.one",
    "drops its schema": "DROP SCHEMA s CASCADE",
    "empties it": "TRUNCATE s.one",
    "alters it": "ALTER TABLE s.one ADD COLUMN more text",
    "renames it": "ALTER TABLE s.one RENAME TO other",
    "replaces it": "DROP TABLE s.one; CREATE TABLE s.one AS SELECT 7 AS x, 8 AS y",
}


@pytest.mark.sample("empties it", "replaces it")
@pytest.mark.parametrize("change", CHANGES)
def test_tables_that_change_while_they_are_being_locked_are_seen_as_they_became(
    pg18, new_database, practise, change
):
    source = new_database(pg18)
    source.psql("CREATE SCHEMA s; CREATE TABLE s.one AS SELECT g AS x FROM generate_series(1, 5) g")
    practice: Practice = practise(source)
    with source.connect() as other, source.connect() as looking:
        other.execute("BEGIN")
        other.execute(CHANGES[change])
        made = []
        backup = threading.Thread(target=lambda: made.append(practice.back_up()))
        backup.start()
        deadline = time.monotonic() + 60
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND database = %s::oid"
        oid = looking.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
        while not looking.execute(waiting, oid).fetchone():
            assert time.monotonic() < deadline, "the backup never waited for the table"
            assert backup.is_alive()
            time.sleep(0.01)
        other.execute("COMMIT")
        backup.join(120)
    assert len(made) == 1, practice.job
    tables = (
        source.psql("SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND oid >= 16384")
        .decode()
        .split()
    )
    expected = {table: int(source.psql(f"SELECT count(*) FROM {table}")) for table in tables}
    assert made[0].manifest.rows() == expected


def test_what_is_written_meanwhile_is_seen_whole_or_not_at_all(pg18, new_database, practise):
    """Money moves between two tables all the time; in the copy not a peso is missing."""
    source = new_database(pg18)
    source.psql(
        "CREATE TABLE a (id int PRIMARY KEY, pesos int); CREATE TABLE z (LIKE a INCLUDING ALL);"
        "INSERT INTO a SELECT g, 1000 FROM generate_series(1, 500) g; INSERT INTO z SELECT * FROM a"
    )
    practice: Practice = practise(source)
    stop = threading.Event()
    moved = []

    def move():
        chance = random.Random(1)
        with source.connect() as connection:
            while not stop.is_set():
                pesos, one, other = chance.randrange(100), chance.randrange(1, 501), chance.randrange(1, 501)
                with connection.transaction():
                    connection.execute("UPDATE a SET pesos = pesos - %s WHERE id = %s", [pesos, one])
                    connection.execute("UPDATE z SET pesos = pesos + %s WHERE id = %s", [pesos, other])
                moved.append(pesos)

    mover = threading.Thread(target=move)
    mover.start()
    try:
        while len(moved) < 50:
            time.sleep(0.01)
        practice.back_up()
        at_the_end = len(moved)
    finally:
        stop.set()
        mover.join()
    assert at_the_end > 50
    restored = practice.restore()
    total = "SELECT (SELECT sum(pesos) FROM a) + (SELECT sum(pesos) FROM z), (SELECT sum(pesos) FROM a)"
    pesos, in_a = restored.psql(total).decode().strip().split("|")
    assert int(pesos) == 1_000_000
    assert int(in_a) < 500_000


HOSTILE = [
    'it\'s a "two"  %s {x} \\',
    '"; DROP DATABASE postgres; --',
    "Admisión ñ 学校 🎓",
    "host=127.0.0.9 dbname=postgres",
    "-d $(touch gone) `x` ../..",
    "[red]markup[/]\nand\tmore",
]


@pytest.mark.sample('a "two"', "host=")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_database_of_any_name_is_backed_up_and_restored(pg18, new_database, practise, name):
    source = new_database(pg18, name=name)
    source.psql("CREATE TABLE t AS SELECT 1 AS x")
    practice: Practice = practise(source)
    before = practice.databases()  # others may have left something that they could not drop
    made = practice.back_up()
    assert made.manifest.database == name
    target = name[:40] + "' \"2"
    restored = practice.restore(target)
    assert restored.dump() == source.dump()
    with source.connect() as connection:
        there = {found for (found,) in connection.execute("SELECT datname FROM pg_database")}
    assert {name, target, "postgres"} <= there
    assert not [found for found in there - before if "__re" in found]


@pytest.mark.parametrize("script", ["", "CREATE EXTENSION hstore"])
def test_an_empty_database_and_one_with_only_an_extension(pg18, new_database, practise, script):
    source = new_database(pg18)
    source.psql(script)
    practice: Practice = practise(source)
    manifest = practice.back_up().manifest
    assert manifest.rows() == {}
    assert [one.name for one in manifest.extensions if isinstance(one, Extension)] == script.split()[2:]
    assert practice.restore().dump() == source.dump()


def test_an_owner_who_is_no_superuser_can_do_it_all(pg18, new_database, practise):
    source = new_database(pg18)
    owner = f"mtn_owner_{os.getpid()}"
    source.psql(
        f"""
        CREATE ROLE {owner} LOGIN CREATEDB PASSWORD 'its own';
        ALTER DATABASE "{source.name}" OWNER TO {owner};
        SET ROLE {owner};
        CREATE EXTENSION citext; COMMENT ON EXTENSION citext IS 'ours';
        CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail citext UNIQUE);
        INSERT INTO users (mail) VALUES ('Ana@mtn.cl'), ('juan@mtn.cl');
        CREATE VIEW mails AS SELECT mail FROM users;
        SELECT lo_from_bytea(0, 'a large object');
        COMMENT ON DATABASE "{source.name}" IS 'Admisión';
        """
    )
    try:
        practice: Practice = practise(source, DB_USER=owner, DB_PASSWORD="its own")
        practice.back_up()
        assert practice.job.warnings == ()
        journal = practice.root / "state" / "jobs" / f"{practice.job.id}.jsonl"
        assert "roles-without-passwords" in journal.read_text()
        restored = practice.restore(f"mtn_owned_{os.getpid()}_test")  # of which nothing is kept
        assert restored.dump() == source.dump()
        practice.restore(restored.name, drop=True)
        owned = restored.psql(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        )
        assert owned.decode().strip() == owner
    finally:
        source.psql(
            f'REASSIGN OWNED BY {owner} TO {pg18.user}; ALTER DATABASE "{source.name}" OWNER TO {pg18.user}'
        )
        for name in practice.made:
            pg18.drop_database(name)
        source.psql(f"DROP OWNED BY {owner}; DROP ROLE {owner}")


def test_the_log_tells_what_pg_dump_does_when_asked(small, practise):
    practice: Practice = practise(small)
    practice.mtn("backup", "full", "--verbose")
    (log,) = (practice.root / "logs").glob("*.log")
    assert 'dumping contents of table \\"public.users\\"' in log.read_text()
