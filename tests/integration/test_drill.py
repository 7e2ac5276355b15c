"""Drills: what was restored is queried, measured and dropped, and says so in every place that reads of it."""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from mtn_tui.core.models import JobState, Kind
from mtn_tui.operations.restore import rto_log
from tests.faults.aftermath import assert_no_session, begin, wait_for
from tests.operation_fixtures import Practice, install


@pytest.fixture
def school(pg18, new_school):
    return new_school(pg18)


def drills(practice: Practice) -> set[str]:
    """Databases of drills that are on the server."""
    return {name for name in practice.databases() if "__drilling_" in name}


def figures(practice: Practice) -> dict[str, object]:
    """What the last drill left for people's tools."""
    return json.loads((practice.root / "logs" / "metrics" / "drill_latest.json").read_text())


def told(practice: Practice) -> list[str]:
    return (practice.root / "logs" / rto_log.NAME).read_text().splitlines()


def rungs(practice: Practice) -> set[str]:
    return {copy.rung.word for one in practice.inventory.backups for copy in one.copies}


def test_a_drill_restores_the_newest_chain_queries_it_and_drops_it(any_pg, new_school, practise):
    school = new_school(any_pg)
    practice = practise(school)
    practice.back_up()
    school.psql(
        "UPDATE users SET email = email || 'x' WHERE id % 7 = 0; DELETE FROM interviews WHERE id % 5 = 0"
    )
    made = practice.back_up_changes()
    assert made.manifest.kind is Kind.DIFF
    before = practice.databases()
    facts = json.loads(practice.here("drill", "--json").stdout)
    assert practice.databases() == before
    assert rungs(practice) == {"queried"}
    assert (facts["id"], facts["stores"]) == (made.manifest.id, ["disk", "disk"])
    assert facts["rows"] == sum(made.manifest.rows().values())
    assert {one["status"] for one in facts["checks"]} == {"ok"}
    assert {one["id"] for one in facts["checks"]} == {
        "tables",
        "newest",
        "counts",
        "sequences",
        "foreign-keys",
    }
    kept = figures(practice)
    assert kept["checksum"] == facts["checksum"] != ""
    phases = ("check", "load", "keys", "changes", "count", "query", "drop", "total")
    assert [name for name in phases if not kept[f"{name}_duration_seconds"]] == []
    assert kept["rto_seconds"] < kept["total_duration_seconds"]
    assert kept["raw_size_bytes"] == sum(one.manifest.raw for one in practice.inventory.backups)
    assert (kept["status"], practice.jobs[0].kind) == ("success", "drill")


def test_of_a_full_alone_it_says_how_long_the_restore_took_and_of_what(school, practise):
    practice = practise(school)
    manifest = practice.ready_made()
    said = practice.here("drill").stdout
    assert manifest.payload in said
    assert re.search(r"RTO \d+ s, of 4 h", said)
    assert figures(practice)["changes_duration_seconds"] is None
    (line,) = told(practice)
    assert re.fullmatch(
        r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \S+ \d{4}: RTO Test - Duration: \d+\.\d minutes; "
        rf"seconds=\d+\.\d target_hours=4 backup={re.escape(manifest.payload)}"
        r" database=\S+ job=[a-z2-7]{8}",
        line,
    )


@pytest.mark.slow
def test_the_checksum_of_the_same_backup_is_the_same_again(school, practise):
    practice = practise(school)
    practice.ready_made()
    practice.here("drill")
    first = figures(practice)["checksum"]
    school.psql("UPDATE users SET email = 'another' WHERE id = 1")
    facts = json.loads(practice.here("drill", "--json").stdout)
    assert figures(practice)["checksum"] == first
    assert [one["status"] for one in facts["checks"] if one["id"] == "as-before"] == ["ok"]


def test_other_rows_than_the_last_drill_of_the_same_backup_found_are_a_doubt(school, practise):
    practice = practise(school)
    first, second = practice.ready_made(), practice.ready_made()
    practice.here("drill", second.id)
    assert "as-before" not in practice.here("drill", first.id, "--json").stdout
    found = figures(practice)["checksum"]
    for path in (practice.root / "logs" / "metrics").glob("drill_*.json"):
        path.write_text(path.read_text().replace(found, "0" * 64))
    done = practice.here("drill", first.id, check=1)
    assert "Its rows are not those of the drill of" in done.stderr
    assert practice.inventory.find(first.id).rung.word == "queried"


def test_how_long_a_restore_takes_is_told_by_drills(school, practise):
    practice = practise(school)
    manifest = practice.ready_made()
    plan = ["restore", "--latest", "--target", "mtn_new", "--dry-run"]
    assert "unknown: no drill and no restore yet" in practice.here(*plan).stdout
    practice.here("drill")
    facts = json.loads(practice.here(*plan, "--json").stdout)
    assert facts["rto"] == {
        "seconds": round(figures(practice)["rto_seconds"], 1),
        "spread_seconds": 0,
        "from": "drills",
        "count": 1,
    }
    practice.here("drill", manifest.id)
    assert ", from 2 drills" in practice.here(*plan).stdout


def test_over_the_rto_is_a_warning(school, practise):
    practice = practise(school, TARGET_RTO_HOURS="0.000001")
    practice.ready_made()
    done = practice.here("drill", check=1)
    assert "over the RTO" in done.stderr
    assert rungs(practice) == {"queried"}


def test_a_copy_that_does_not_hold_is_passed_over_and_the_other_is_drilled(school, practise, s3):
    practice = practise(school, s3)
    manifest = practice.ready_made()
    damage(practice.payload(manifest))
    done = practice.here("drill", check=1)
    assert "can't be used" in done.stderr
    (backup,) = practice.inventory.backups
    assert (backup.copy_in("disk").rung.word, backup.copy_in("bucket").rung.word) == ("present", "queried")


def damage(path) -> None:
    """Change one byte in the middle."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def test_a_backup_that_does_not_hold_fails_the_drill_before_anything_is_made(school, practise):
    practice = practise(school)
    manifest = practice.ready_made()
    damage(practice.payload(manifest))
    practice.here("drill", check=2)
    assert drills(practice) == set()
    assert "Failed after: 0." in told(practice)[0]
    assert figures(practice)["status"] == "failed"
    assert rungs(practice) == {"present"}


def test_the_one_before_is_drilled_with_a_warning_where_the_newest_is_known_not_to_hold(school, practise):
    practice = practise(school)
    first, second = practice.ready_made(), practice.ready_made()
    damage(practice.payload(second))
    practice.here("verify", second.id, check=2)
    done = practice.here("drill", "--json", check=1)
    assert json.loads(done.stdout)["id"] == first.id
    assert second.payload in done.stderr


def test_a_user_who_may_make_no_databases_is_told_before_anything_is_read(school, practise):
    role = f"mtn_plain_{os.getpid()}"
    school.psql(f"CREATE ROLE {role} LOGIN PASSWORD 'x'")
    try:
        practice = practise(school)
        practice.ready_made()
        practice.configure(DB_USER=role, DB_PASSWORD="x")
        done = practice.here("drill", check=2)
        assert f"ALTER ROLE {role} CREATEDB" in done.stderr
        assert figures(practice)["check_duration_seconds"] is None
        school.psql(f"ALTER ROLE {role} CREATEDB")
        practice.here("drill", check=1)  # what belongs to others can't be theirs
        assert rungs(practice) == {"queried"}
    finally:
        school.psql(f"DROP ROLE {role}")


def test_a_drill_that_may_not_count_every_row_proves_no_more_than_that_it_was_restored(
    pg18, new_database, practise
):
    role = f"mtn_owner_{os.getpid()}"
    source = new_database(pg18, script="CREATE TABLE t (x int); INSERT INTO t VALUES (1), (2)")
    source.psql(f"""
        CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'x';
        ALTER TABLE t OWNER TO {role};
        CREATE POLICY one ON t USING (x < 2);
        ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    """)
    try:
        practice = practise(source)
        practice.back_up()
        practice.configure(DB_USER=role, DB_PASSWORD="x")
        done = practice.here("drill", check=1)
        assert "Not counted" in done.stderr
        assert "No table could be counted." in done.stdout
        assert "as the backup says" not in done.stdout
        assert rungs(practice) == {"restored"}
    finally:
        source.psql(f"DROP OWNED BY {role}; DROP ROLE {role}")


BROKEN = """
    SET session_replication_role = replica;
    DELETE FROM applications WHERE id = (SELECT min(application_id) FROM interviews);
"""


@pytest.mark.sample("diff")
@pytest.mark.parametrize("kind", list(Kind))
def test_rows_that_no_foreign_key_allows_fail_the_drill(school, practise, kind):
    """Of a full by PostgreSQL itself, of a differential by the drill's own question."""
    practice = practise(school)
    if kind is Kind.DIFF:
        practice.back_up()
    school.psql(BROKEN)
    made = practice.back_up() if kind is Kind.FULL else practice.back_up_changes()
    assert made.manifest.kind is kind
    done = practice.here("drill", made.manifest.id, check=2)
    assert "foreign key" in done.stderr, done.stderr
    assert "application_id" in done.stderr, done.stderr
    assert drills(practice) == set()
    assert practice.inventory.find(made.manifest.id).rung.word == (
        "complete" if kind is Kind.FULL else "restored"
    )


@pytest.mark.slow
def test_a_main_table_without_rows_is_a_doubt_and_one_that_is_gone_a_failure(school, practise):
    practice = practise(school)
    school.psql("TRUNCATE interviews CASCADE")
    practice.back_up()
    assert "interviews has 0 rows" in practice.here("drill", check=1).stderr
    school.psql("DROP TABLE interviews CASCADE")
    made = practice.back_up()
    assert "interviews is not there" in practice.here("drill", made.manifest.id, check=2).stderr


def test_a_database_of_another_kind_is_not_asked_for_the_schools_tables(pg18, new_database, practise):
    source = new_database(pg18)
    source.psql("CREATE TABLE things (id int); INSERT INTO things VALUES (1)")
    practice = practise(source)
    practice.back_up()
    facts = json.loads(practice.here("drill", "--json").stdout)
    assert {one["id"] for one in facts["checks"]} == {"counts", "sequences", "foreign-keys"}


@pytest.mark.slow
def test_from_the_bucket_alone_another_host_drills(school, practise, s3, tmp_path):
    practice = practise(school, s3)
    practice.back_up()
    school.psql("DELETE FROM interviews WHERE id % 5 = 0")
    practice.back_up_changes()
    (tmp_path / "other").mkdir()
    other = install(tmp_path / "other", school, s3)
    facts = json.loads(other.here("drill", "--json").stdout)
    assert facts["stores"] == ["bucket", "bucket"]
    assert {one.copy_in("bucket").rung.word for one in other.inventory.backups} == {"queried"}


@pytest.mark.slow
def test_what_a_killed_drill_has_left_is_dropped_by_the_next(school, practise, new_database):
    practice = practise(school)
    brake = new_database(school.server)
    school.psql(
        "CREATE FUNCTION slow(x bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN"
        f" IF EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = ''{brake.name}'')"
        f" AND current_database() <> ''{school.name}'' THEN PERFORM pg_catalog.pg_sleep(600); END IF;"
        " RETURN x; END'; CREATE INDEX waits ON users (public.slow(id))"
    )
    practice.back_up()
    running = begin(practice, "drill")
    wait_for(lambda: drills(practice) and running.view.phase == "keys", "the index that is never done")
    running.kill()
    assert running.view.state is JobState.LOST
    school.server.drop_database(brake.name)
    assert len(drills(practice)) == 1
    practice.here("drill")
    assert drills(practice) == set()
    assert_no_session(school)


def test_a_drills_database_is_no_target_of_a_restore(school, practise):
    practice = practise(school)
    practice.ready_made()
    name = f"{school.name}__drilling_abcdefgh"
    assert "that a restore is working on" in practice.here("restore", "--latest", "-t", name, check=64).stderr


def test_without_any_backup_the_drill_has_failed_and_says_so(school, practise):
    practice = practise(school)
    practice.here("drill", check=64)
    assert practice.jobs[0].state is JobState.FAILED
    assert "Failed after: 0.0 minutes" in told(practice)[0]
    assert figures(practice)["backup_file"] is None


def test_a_script_is_not_drilled_for_nothing_says_what_should_be_in_it(school, practise):
    practice = practise(school)
    name = practice.legacy_backup().name
    assert "of the scripts" in practice.here("drill", name, check=64).stderr


def test_lines_of_several_drills_at_once_are_whole(school, practise):
    practice = practise(school)
    practice.ready_made()
    (backup,) = practice.inventory.backups

    def many(_number: int) -> None:
        practice.run(
            "drill", lambda job: [rto_log.passed(job, practice.context, backup, 61) for _ in range(50)]
        )

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(many, range(4)))
    lines = told(practice)
    assert len(lines) == 200
    whole = re.compile(r"\w{3} .*: RTO Test - Duration: 1\.0 minutes; .* job=[a-z2-7]{8}")
    assert [line for line in lines if not whole.fullmatch(line)] == []
