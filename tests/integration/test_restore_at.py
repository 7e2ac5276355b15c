"""``mtn restore --at``: one full and at most one differential, chosen by when they were taken."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from mtn_tui.core.models import Kind
from mtn_tui.operations.restore.preflight.requirements import needs_of_backup
from tests.operation_fixtures import Practice, install
from tests.pg_fixtures import Database

DAY = "CREATE TABLE t (x int PRIMARY KEY, told text); INSERT INTO t VALUES (0, 'first')"


def work(practice: Practice, number: int) -> None:
    practice.source.psql(
        f"INSERT INTO t VALUES ({number}, 'new'); UPDATE t SET told = '{number}' WHERE x = 0"
    )


def rows(database: Database) -> bytes:
    return database.psql("SELECT * FROM t ORDER BY x")


def just(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


class Day:
    """Full, two differentials, full, differential; one more row in each, and what each of them held."""

    def __init__(self, practice: Practice) -> None:
        self.practice = practice
        self.made, self.held = [], []
        for number, make in enumerate(
            [practice.back_up, *[practice.back_up_changes] * 2, practice.back_up, practice.back_up_changes]
        ):
            if number:
                work(practice, number)
            self.made.append(make().manifest)
            self.held.append(rows(practice.source))
        assert [one.kind for one in self.made] == [Kind.FULL, Kind.DIFF, Kind.DIFF, Kind.FULL, Kind.DIFF]

    def planned(self, *options: str, check: int | None = None) -> dict:
        done = self.practice.here(
            "restore", *options, "-t", "mtn_planned", "--dry-run", "--json", check=check
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def chosen(self, *options: str) -> int:
        """The number of the backup that a restore would take."""
        return [one.id for one in self.made].index(self.planned(*options)["backup"])

    def refused(self, *options: str) -> str:
        done = self.practice.here("restore", *options, "-t", "mtn_planned", "--dry-run", check=64)
        return " ".join(done.stderr.split())


@pytest.fixture(scope="module")
def day(pg18, tmp_path_factory):
    name = f"mtn_day_{os.getpid()}"
    pg18.create_database(name)
    source = Database(pg18, name)
    source.psql(DAY)
    practice = install(tmp_path_factory.mktemp("day"), source)
    yield Day(practice)
    for one in (name, *practice.made):
        pg18.drop_database(one)


def test_every_moment_has_the_last_point_before_it(day):
    for number, one in enumerate(day.made):
        assert day.chosen("--at", just(one.snapshot_at)) == number
        if number:
            before = just(one.snapshot_at - timedelta(microseconds=1))
            assert day.chosen("--at", before, "--latest") == number - 1


@pytest.mark.parametrize("number", [1, 4])
def test_the_restored_database_is_as_it_was_at_that_moment(day, number):
    target = f"mtn_at_{os.getpid()}"
    day.practice.made.append(target)
    done = day.practice.here(
        "restore", "--at", just(day.made[number].snapshot_at), "-t", target, "--drop", check=None
    )
    assert done.returncode == 0, done.stderr
    assert f"{day.made[number].payload} is the last point up to" in " ".join(done.stderr.split())
    assert rows(Database(day.practice.source.server, target)) == day.held[number]
    assert day.practice.jobs[0].result["backup"] == day.made[number].id


def test_before_the_first_point_there_is_none_and_the_first_is_named(day):
    said = day.refused("--at", just(day.made[0].snapshot_at - timedelta(seconds=1)))
    assert "There is no backup of" in said
    assert day.made[0].id in said


def test_latest_is_the_newest_of_all_and_with_type_full_the_newest_full(day):
    assert day.chosen("--latest") == 4
    assert day.chosen("--latest", "--type", "full") == 3
    assert day.chosen("--latest", "--type", "differential") == 4
    assert day.chosen("--at", just(day.made[2].snapshot_at), "--type", "full") == 0


@pytest.mark.parametrize("named", ["id", "name", "path"])
def test_a_full_that_is_named_is_that_one_and_with_type_differential_its_newest_or_the_last_before(
    day, named
):
    full = day.made[0]
    by = {
        "id": [full.id],
        "name": ["--file", full.payload],
        "path": ["--file", str(day.practice.payload(full))],
    }[named]
    assert day.chosen(*by) == 0
    assert day.chosen(*by, "--type", "full") == 0
    assert day.chosen(*by, "--type", "differential") == 2
    between = just(day.made[2].snapshot_at - timedelta(microseconds=1))
    assert day.chosen(*by, "--type", "differential", "--at", between) == 1
    assert day.chosen(*by, "--at", between) == 1
    assert day.chosen(*by, "--at", just(full.snapshot_at)) == 0
    told = day.practice.here("restore", *by, "--type", "differential", "-t", "mtn_planned", "--dry-run")
    assert "No time was given" in told.stderr
    too_early = day.refused(*by, "--type", "differential", "--at", just(full.snapshot_at))
    assert "No differential on" in too_early
    assert "is of" in day.refused(*by, "--at", just(full.snapshot_at - timedelta(seconds=1)))


def test_a_differential_that_is_named_is_exactly_its_chain(day):
    for number in (1, 2, 4):
        facts = day.planned(day.made[number].id)
        full = day.made[0 if number < 3 else 3]
        assert [one["backup"] for one in facts["chain"]] == [full.id, day.made[number].id]
    assert "is a differential" in day.refused(day.made[1].id, "--type", "full")
    assert "after" in day.refused(day.made[1].id, "--at", just(day.made[0].snapshot_at))


def test_a_folder_elsewhere_is_enough_for_a_chain(day, tmp_path):
    for one in day.made[:2]:
        for path in day.practice.backups.glob(f"{one.payload}*"):
            shutil.copy(path, tmp_path)
    other = day.practice.root / "aside"
    day.practice.backups.rename(other)
    try:
        day.practice.backups.mkdir()
        full, differential = (str(tmp_path / one.payload) for one in day.made[:2])
        assert day.chosen("--file", differential) == 1
        assert day.chosen("--file", full, "--type", "differential") == 1
        target = f"mtn_elsewhere_{os.getpid()}"
        day.practice.made.append(target)
        day.practice.here("restore", "--file", full, "--type", "differential", "-t", target, check=None)
        assert rows(Database(day.practice.source.server, target)) == day.held[1]
    finally:
        shutil.rmtree(day.practice.backups)
        other.rename(day.practice.backups)


def test_what_a_chain_needs_of_the_server_is_what_its_full_does(day):
    full, differential = (day.practice.inventory.find(one.id) for one in day.made[:2])
    key = day.practice.context.key
    needs = needs_of_backup(differential, key)
    assert needs == needs_of_backup(full, key)
    assert "public.t" in needs.tables


def test_the_plan_shows_both_moments_on_three_clocks_and_the_chain(day):
    source, made = day.practice.source, day.made[1]
    source.psql(f"ALTER DATABASE \"{source.name}\" SET TimeZone = 'America/Santiago'")
    asked = made.snapshot_at + timedelta(microseconds=10)
    facts = day.planned("--at", just(asked))
    assert datetime.fromisoformat(facts["asked"]["utc"]) == asked
    assert datetime.fromisoformat(facts["moment"]["utc"]) == made.snapshot_at
    for clocks in (facts["asked"], facts["moment"]):
        assert set(clocks) == {"utc", "here", "database", "zone"}
        assert clocks["database"]
    full = day.made[0]
    assert [(one["backup"], one["kind"], one["bytes"]) for one in facts["chain"]] == [
        (full.id, "full", full.size),
        (made.id, "diff", made.size),
    ]
    assert facts["bytes"] == full.size + made.size
    assert facts["raw_size"] == full.raw + made.raw
    assert facts["lost"]["minutes_before_asked"] == 0
    told = day.practice.here("restore", "--at", just(asked), "-t", "mtn_planned", "--dry-run").stdout
    for one in (full, made):
        assert one.id in told
    assert "Asked for" in told
    assert told.count(" UTC · ") == 2
    assert "before the moment asked for" in told


def test_the_plan_compares_each_table_with_the_live_database(day):
    facts = day.planned("--at", just(day.made[1].snapshot_at))
    live = facts["lost"]["live"]
    assert live["database"] == day.practice.source.name
    assert live["tables"] == {"public.t": {"then": 2, "now": 5, "exact": True}}
    told = day.practice.here("restore", day.made[1].id, "-t", "mtn_planned", "--dry-run").stdout
    assert "public.t: 2 in the backup, 5 now" in told
    told = day.practice.here("restore", day.made[4].id, "-t", "mtn_planned", "--dry-run").stdout
    assert "every table has as many as in the backup" in told


def test_without_the_live_database_the_plan_says_no_rows(day):
    day.practice.configure(DB_NAME="mtn_gone")
    try:
        facts = day.planned(day.made[1].id)
        assert facts["lost"]["live"] is None
    finally:
        day.practice.configure(DB_NAME=day.practice.source.name)


@pytest.mark.parametrize(("zone", "text"), [("America/Santiago", "2026-04-04 23:30")])
def test_an_hour_that_occurred_twice_asks_which_and_without_a_terminal_names_both(day, zone, text):
    done = day.practice.mtn("restore", "--at", text, "-t", "mtn_planned", "--dry-run", check=64, TZ=zone)
    said = " ".join(done.stderr.split())
    assert f"{text} occurred twice" in said
    assert "23:30 -03" in said
    assert "23:30 -04" in said


def flip(practice: Practice, manifest) -> None:
    path = practice.payload(manifest)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_differential_that_does_not_hold_gives_way_to_the_point_before_and_a_full_with_all_of_its(
    pg18, new_database, practise
):
    practice: Practice = practise(new_database(pg18, script=DAY))
    made, held = [practice.back_up().manifest], [rows(practice.source)]
    for number, make in enumerate([practice.back_up, *[practice.back_up_changes] * 2], 1):
        work(practice, number)
        made.append(make().manifest)
        held.append(rows(practice.source))
    now = just(datetime.now(UTC))
    target = Database(pg18, f"mtn_gives_way_{os.getpid()}")
    practice.made.append(target.name)
    for broken, left in ((3, 2), (1, 0)):
        flip(practice, made[broken])
        done = practice.here("restore", "--at", now, "-t", target.name, "--drop", check=1)
        assert rows(target) == held[left]
        assert f"{made[left].payload} is used instead" in " ".join(done.stderr.split())
    # The last differential was known to be broken; what builds on the broken full is not read once more.
    journal = (practice.root / "state" / "jobs" / f"{practice.jobs[0].id}.jsonl").read_text()
    assert journal.count('"name": "backup-fallen-back"') == 2
    # It is known by now, so that the newest is told to be unusable.
    done = practice.here("restore", "--latest", "-t", target.name, "--drop", check=1)
    assert rows(target) == held[0]
    assert "is used instead" in " ".join(done.stderr.split())


def test_the_newest_legacy_differential_of_a_legacy_full_is_restored_alone_as_a_whole_dump(
    pg18, new_database, practise
):
    practice: Practice = practise(new_database(pg18, script=DAY))
    full = practice.legacy_backup("20251003_020000")
    held = []
    for number, stamp in enumerate(("20251003_103000", "20251003_143000"), 1):
        work(practice, number)
        made = practice.legacy_backup(stamp)
        made.rename(made.with_name(made.name.replace("_full_", "_diff_")))
        held.append(rows(practice.source))
    target = Database(pg18, f"mtn_legacy_{os.getpid()}")
    practice.made.append(target.name)
    options = ["restore", "--file", str(full), "--type", "differential", "-t", target.name, "--drop"]
    refused = practice.here(*options, check=64).stderr
    assert "is a whole dump" in refused
    assert "--legacy" in refused
    practice.here(*options, "--legacy", check=None)
    assert rows(target) == held[1]
    at = datetime(2025, 10, 3, 12).astimezone().isoformat()
    practice.here(*options, "--legacy", "--at", at, check=None)
    assert rows(target) == held[0]


def test_the_list_indents_differentials_and_tells_those_whose_full_is_gone(pg18, new_database, practise):
    practice: Practice = practise(new_database(pg18, script=DAY))
    full, other = practice.back_up().manifest, practice.back_up_changes().manifest
    listed = practice.here("list").stdout.splitlines()[1:]
    assert [line.split()[0] for line in listed] == [full.id, other.id]
    assert f"{other.id}    diff" in listed[1]
    assert f"On the full  {full.id}" in " ".join(practice.here("show", other.id).stdout.split("\n"))
    for path in practice.backups.glob(f"{full.payload}*"):
        path.unlink()
    told = practice.here("list", "--filter", "is:unusable").stdout
    assert f"UNUSABLE: its full {full.id} is not there" in told
    assert "is not there" in practice.here("show", other.id).stdout
    facts = json.loads(practice.here("show", other.id, "--json").stdout)
    assert facts["base"] == {"id": full.id, "name": None}
    assert facts["unusable"] == f"its full {full.id} is not there"
    refused = practice.here("restore", other.id, "-t", "mtn_never_made", check=64).stderr
    assert "is a differential, and its full" in refused
