"""Logs and journals as one stream: read from any place, in both directions, while they change."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mtn_tui.core.errors import UsageError
from mtn_tui.engine.logs.file import BLOCK, LONGEST, LogFile
from mtn_tui.engine.logs.lines import read_line
from mtn_tui.engine.logs.stream import EVERYTHING, Level, Logs, Pattern, Wanted

CHILE = timezone(timedelta(hours=-3))
START = datetime(2026, 11, 24, 3, 0, 0, tzinfo=CHILE)


class Later:
    """A clock that is ten seconds ahead of whatever a test writes: nothing is waited for."""

    ahead = 10.0
    fixed: float | None = None

    def now(self):
        return datetime.now(UTC) + timedelta(seconds=self.ahead)

    def monotonic(self):
        return time.monotonic() if self.fixed is None else self.fixed


class Place:
    """A folder of logs and one of journals."""

    def __init__(self, root: Path):
        self.logs, self.jobs = root / "logs", root / "jobs"
        self.logs.mkdir(parents=True)
        self.jobs.mkdir()
        self.clock = Later()

    def open(self) -> Logs:
        return Logs(self.logs, self.jobs, self.clock, CHILE)

    def write(self, name: str, *lines: str | bytes, end: bytes = b"\n") -> Path:
        path = self.logs / name
        data = [line if isinstance(line, bytes) else line.encode() for line in lines]
        with path.open("ab") as file:
            file.write(b"".join(line + b"\n" for line in data).removesuffix(b"\n") + end if data else b"")
        return path

    def journal(self, job: str, *records: dict, at: datetime = START, kind: str = "verify") -> Path:
        path = self.jobs / f"{job}.jsonl"
        first = {"event": "job", "id": job, "kind": kind}
        with path.open("a") as file:
            for number, record in enumerate([first, *records]):
                moment = (at + timedelta(seconds=number)).astimezone(UTC).isoformat().replace("+00:00", "Z")
                file.write(json.dumps({"at": moment, **record}) + "\n")
        return path


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def at(seconds: float, text: str, level: str = "INFO") -> str:
    return f"{(START + timedelta(seconds=seconds)).isoformat(timespec='seconds')} {level:<5} {text}"


def texts(lines):
    return [line.text for line in lines]


def everything(logs: Logs):
    page = logs.after({}, 1_000_000)
    assert page.ended
    return page.lines


# One file, in both directions

PIECES = st.one_of(
    st.integers(0, 9999).map(lambda second: at(second, "x").encode()),
    st.sampled_from(
        [b"", b"\0", b"  traceback", b"ERROR: y", b"pg_dump: error: z", b"\xff\xfe", b"warning: w"]
    ),
    st.binary(max_size=50).map(lambda raw: raw.replace(b"\n", b"")),
    st.sampled_from([b"a" * 5000, b"b" * (BLOCK - 1), b"c" * (BLOCK + 9)]),
)


def one_file(path: Path) -> LogFile:
    return LogFile(
        1,
        path,
        path.stat(),
        source="x",
        stamp=None,
        understand=lambda raw, length: read_line(raw, length, CHILE),
        skips=True,
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=30), st.booleans(), st.data())
def test_reading_backwards_is_reading_forwards(tmp_path, pieces, ended, data):
    path = tmp_path / "x.log"
    raw = b"\n".join(pieces) + (b"\n" if ended and pieces else b"")
    path.write_bytes(raw)
    file = one_file(path)
    forwards = list(file.on(0, len(raw)))
    assert list(file.back(len(raw)))[::-1] == forwards
    assert [(line.start, line.end) for line in forwards] == spans(raw)
    if forwards:
        middle = data.draw(st.sampled_from(forwards)).start
        assert list(file.on(middle, len(raw))) == [line for line in forwards if line.start >= middle]
        assert list(file.back(middle))[::-1] == [line for line in forwards if line.start < middle]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PIECES, max_size=30), st.sampled_from(Level))
def test_stretches_passed_over_hold_nothing_that_was_asked_for(tmp_path, pieces, level):
    path = tmp_path / "x.log"
    path.write_bytes(b"\n".join(pieces))
    file = one_file(path)
    size = path.stat().st_size
    grave = [line for line in file.on(0, size) if line.level >= level]

    def found(items):
        return [item for item in items if hasattr(item, "text") and item.level >= level]

    assert found(file.on(0, size, level)) == grave
    assert found(file.back(size, level))[::-1] == grave


def spans(raw: bytes):
    """Where lines begin and end, said the slow way."""
    found, start = [], 0
    for piece in raw.split(b"\n"):
        end = min(start + len(piece) + 1, len(raw))
        if end > start:
            found.append((start, end))
        start = end
    return found


@pytest.mark.parametrize("size", [LONGEST - 1, LONGEST, LONGEST + 1, 2 * LONGEST, 3 * LONGEST + 70_000])
@pytest.mark.parametrize("before", [0, 1, BLOCK, LONGEST - 3])
def test_a_line_without_end_is_cut_at_the_same_places_from_both_sides(place, size, before):
    path = place.write("x.log", b"-" * before, b"z" * size, at(1, "after"))
    whole = path.stat().st_size
    file = one_file(path)
    forwards = list(file.on(0, whole))
    assert list(file.back(whole))[::-1] == forwards
    assert [line.start for line in forwards] == [0, *(line.end for line in forwards[:-1])]
    assert max(line.end - line.start for line in forwards) <= 2 * LONGEST
    assert max(len(line.text) for line in forwards) < 4200
    assert forwards[-1].text == "after"
    for line in forwards:
        assert list(file.on(line.start, whole)) == forwards[forwards.index(line) :]


def test_a_traceback_belongs_to_the_line_before_it(place):
    place.write("restore.log", at(0, "began"), at(5, "failed", "ERROR"), "Traceback:", "  in x", at(6, "bye"))
    lines = everything(place.open())
    assert texts(lines) == ["began", "failed", "Traceback:", "  in x", "bye"]
    assert [line.level.name for line in lines] == ["INFO", "ERROR", "ERROR", "ERROR", "INFO"]
    assert [line.follows for line in lines] == [False, False, True, True, False]
    assert lines[2].moment == lines[3].moment == START + timedelta(seconds=5)


def test_lines_before_any_time_have_the_stamp_of_the_name_or_the_first_time(place):
    place.write("full-backup_20261124_025959.log", "=== banner ===", at(3, "a"))
    place.write("other.log", "=== other ===", at(2, "b"))
    stamp = datetime(2026, 11, 24, 2, 59, 59).astimezone()
    lines = {line.text: line for line in everything(place.open())}
    assert lines["=== banner ==="].moment == stamp
    assert lines["=== other ==="].moment == START + timedelta(seconds=2)
    assert lines["=== banner ==="].source == "full-backup"


def test_a_file_without_any_time_stands_where_it_was_last_written(place):
    path = place.write("rto-tests.log", "RTO test: 9 minutes")
    os.utime(path, (START.timestamp(), START.timestamp()))
    place.write("a.log", at(-1, "before"), at(1, "after"))
    assert texts(everything(place.open())) == ["before", "RTO test: 9 minutes", "after"]


# Merging

MOMENTS = st.lists(st.lists(st.integers(0, 50), max_size=15), min_size=1, max_size=5)


def write_all(root: Path, files) -> Place:
    place = Place(root)
    for number, moments in enumerate(files):
        place.write(
            f"log{number}.log", *(at(second, f"{number} {index}") for index, second in enumerate(moments))
        )
    return place


@given(MOMENTS)
def test_merging_is_sorting(tmp_path_factory, files):
    place = write_all(tmp_path_factory.mktemp("merge"), [sorted(moments) for moments in files])
    logs = place.open()
    lines = everything(logs)
    assert lines == sorted(lines, key=lambda line: (line.moment, line.file, line.start))
    assert len(lines) == sum(map(len, files))
    assert logs.last(1000).lines == lines


@given(MOMENTS, st.integers(1, 7), st.lists(st.booleans(), max_size=30))
def test_no_line_is_lost_or_doubled_wherever_one_goes_though_clocks_were_set_back(
    tmp_path_factory, files, count, turns
):
    place = write_all(tmp_path_factory.mktemp("walk"), files)
    logs = place.open()
    whole = {(line.file, line.start) for line in everything(logs)}
    cursor = logs.end()
    for forwards in turns:
        cursor = (logs.after if forwards else logs.before)(cursor, count).cursor
        before, after = logs.before(cursor, 1000).lines, logs.after(cursor, 1000).lines
        assert {(line.file, line.start) for line in before + after} == whole
        assert len(before) + len(after) == len(whole)
        for lines in (before, after):
            for file in {line.file for line in lines}:
                starts = [line.start for line in lines if line.file == file]
                assert starts == sorted(starts)


@given(MOMENTS, st.integers(-2, 52))
def test_a_moment_is_found(tmp_path_factory, files, second):
    place = write_all(tmp_path_factory.mktemp("seek"), [sorted(moments) for moments in files])
    logs = place.open()
    moment = START + timedelta(seconds=second)
    found = logs.seek(moment)
    assert logs.after(found, 1000).lines == [line for line in everything(logs) if line.moment >= moment]
    for line in everything(logs)[::5]:
        assert logs.before(logs.behind(line), 1).lines[0].moment == line.moment
        assert line in logs.before(logs.behind(line), 100).lines


def test_a_moment_is_found_in_a_long_file_without_reading_it(place):
    place.write("x.log", *(at(second, "y" * 80) for second in range(40_000)))
    logs = place.open()
    lines = logs.after(logs.seek(START + timedelta(seconds=31_000)), 1).lines
    assert lines[0].moment == START + timedelta(seconds=31_000)
    assert logs.bytes_read < 10 * BLOCK


# How much is read


def test_a_huge_log_opens_by_its_last_page(place):
    path = place.logs / "huge.log"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with path.open("ab") as file:
        file.write(b"\n" + b"".join(at(second, f"line {second}").encode() + b"\n" for second in range(9999)))
    logs = place.open()
    page = logs.last(50)
    assert texts(page.lines) == [f"line {number}" for number in range(9949, 9999)]
    assert logs.bytes_read <= BLOCK
    page = logs.before(page.cursor, 500)
    assert page.lines[-1].text == "line 9948"
    assert logs.bytes_read <= 3 * BLOCK


def test_old_logs_are_not_opened_for_the_last_page(place):
    for day in range(1, 200):
        moment = START - timedelta(days=day)
        path = place.write(f"full-backup_{moment:%Y%m%d_%H%M%S}.log", at(-86400 * day, f"day {day}"))
        os.utime(path, (moment.timestamp() + 60, moment.timestamp() + 60))
    logs = place.open()
    assert texts(logs.last(3).lines) == ["day 3", "day 2", "day 1"]
    assert logs.bytes_read < 1000
    assert len(everything(logs)) == 199


def test_a_search_stops_where_it_was_told_to_and_goes_on_from_there(place):
    place.write("x.log", at(0, "failed", "ERROR"), *(at(second, "fine " * 20) for second in range(20_000)))
    logs = place.open()
    page = logs.previous_error(logs.end(), limit=BLOCK)
    assert (page.lines, page.ended) == ([], False)
    steps = 1
    while not page.lines and not page.ended:
        page = logs.previous_error(page.cursor, limit=BLOCK)
        steps += 1
    assert texts(page.lines) == ["failed"]
    assert steps > 10


# What is asked for


def test_levels_sources_and_patterns_are_filters(place):
    place.write("restore.log", at(0, "phase name=load"), at(2, "skipped", "WARN"), at(4, "failed", "ERROR"))
    place.write("full-backup.log", at(1, "phase name=dump"), at(3, "upload-failed", "WARN"))
    logs = place.open()

    def found(wanted):
        return texts(logs.last(10, wanted).lines)

    assert found(Wanted(Level.WARN)) == ["skipped", "upload-failed", "failed"]
    assert found(Wanted(sources=frozenset({"restore"}))) == ["phase name=load", "skipped", "failed"]
    assert found(Wanted(pattern=Pattern("name=(dump|x)"))) == ["phase name=dump"]
    assert found(Wanted(pattern=Pattern("WARN"))) == ["skipped", "upload-failed"]
    assert found(Wanted(pattern=Pattern("warn"))) == ["skipped", "upload-failed"]
    assert found(Wanted(pattern=Pattern("full-backup INFO"))) == ["phase name=dump"]
    assert found(Wanted(pattern=Pattern("dump full-backup phase"))) == ["phase name=dump"]
    assert found(Wanted(pattern=Pattern("dump restore"))) == []
    assert found(Wanted(pattern=Pattern("name=l.* INFO"))) == []
    assert logs.sources == ["full-backup", "restore"]


def test_a_pattern_that_would_look_for_ever_gives_up(place):
    place.write("a.log", at(0, "a" * 200))
    with pytest.raises(UsageError, match="takes too long"):
        place.open().last(10, Wanted(pattern=Pattern("(a|aa)+b")))


def test_a_pattern_with_flags_of_its_own_that_do_not_go_together_is_refused():
    with pytest.raises(UsageError, match="not a regular expression"):
        Pattern("(?V1)x")


def test_an_invalid_pattern_is_refused_with_the_reason():
    with pytest.raises(UsageError, match="missing \\)"):
        Pattern("(")


def test_the_next_error_and_the_one_before_it(place):
    place.write("a.log", at(0, "one", "ERROR"), "  trace", at(9, "three", "ERROR"))
    place.write("b.log", at(1, "fine"), "pg_dump: error: two", at(5, "fine"))
    logs = place.open()
    page = logs.next_error({})
    seen = []
    while page.lines:
        seen += page.lines
        page = logs.next_error(logs.behind(seen[-1]))
    assert texts(seen) == ["one", "pg_dump: error: two", "three"]
    assert texts(logs.previous_error(logs.end()).lines) == ["three"]


# While they change


def followed(logs: Logs, cursor, changes, wanted=EVERYTHING):
    """What following shows after each change."""
    shown, left = [], list(changes)

    def wait(_seconds):
        if not left:
            return True
        left.pop(0)()
        shown.append([])
        return False

    shown.append([])
    for lines in logs.follow(cursor, wanted, wait):
        shown[-1] += texts(lines)
    return shown


def test_following_sees_files_grow_appear_rotate_shrink_and_vanish(place):
    path = place.write("cron.log", at(0, "old one, quite long"), at(1, "old two"))
    logs = place.open()

    def rotate():
        place.write("cron.log", at(4, "last words"))
        path.rename(place.logs / "cron.log.1")
        place.write("cron.log", at(5, "fresh"))

    def cut_off():
        path.write_text(at(6, "anew") + "\n")

    def rewrite_longer():
        path.write_text("\n".join([at(7, "written anew, and longer"), at(8, "than before"), ""]))

    changes = [
        lambda: place.write("cron.log", at(2, "grown")),
        lambda: place.write("restore_20261124_030003.log", at(3, "appeared")),
        rotate,
        cut_off,
        rewrite_longer,
        path.unlink,
        lambda: place.write("cron.log", at(9, "and back, under whatever inode")),
    ]
    assert followed(logs, logs.end(), changes) == [
        [],
        ["grown"],
        ["appeared"],
        ["last words", "fresh"],
        ["anew"],
        ["written anew, and longer", "than before"],
        [],
        ["and back, under whatever inode"],
    ]


def test_ten_thousand_new_lines_come_whole_and_in_order_and_are_read_once(place):
    place.write("x.log", at(0, "old " * 25_000))
    logs = place.open()
    end, before = logs.end(), logs.bytes_read
    new = [at(1 + number // 1000, f"line {number}") for number in range(10_000)]
    shown = followed(logs, end, [lambda: place.write("x.log", *new)])
    assert shown == [[], [f"line {number}" for number in range(10_000)]]
    assert logs.bytes_read - before < 1.5 * sum(len(line) + 1 for line in new)


def test_a_torn_line_is_waited_for_until_nobody_writes(place):
    place.clock.ahead = 0.0
    place.write("x.log", at(0, "whole"), at(1, "to"), end=b"")
    logs = place.open()

    def go_on():
        place.write("x.log", "rn")

    assert texts(logs.last(9).lines) == ["whole"]
    assert followed(logs, logs.end(), [go_on]) == [[], ["torn"]]
    place.write("x.log", at(2, "torn for good"), end=b"")
    logs.look()
    place.clock.ahead = 10.0
    assert texts(logs.last(1).lines) == ["torn for good"]


def test_a_quick_look_sees_files_that_are_written_to_grow_and_shrink_and_new_ones(place):
    place.clock.fixed = 0.0
    path = place.write("x.log", at(0, "one, quite long"))
    old = place.write("old.log", at(0, "old"))
    os.utime(old, (START.timestamp(), START.timestamp()))
    logs = place.open()
    seen = []

    def news():
        logs.look()
        new = [text for text in sorted(texts(everything(logs))) if text not in seen]
        seen.extend(new)
        return new

    assert news() == ["old", "one, quite long"]
    place.clock.fixed = 10.0
    assert news() == []
    place.clock.fixed = 11.0  # from here on looks are quick
    place.write("x.log", at(1, "grown"))
    place.write("old.log", at(9, "after years"))
    os.utime(old, (START.timestamp(), START.timestamp()))
    assert news() == ["grown"]
    path.write_text(at(2, "cut off") + "\n")
    assert news() == ["after years", "cut off"]  # where one is not itself, all are looked at
    place.write("old.log", at(10, "and again"))
    os.utime(old, (START.timestamp(), START.timestamp()))
    place.write("new.log", at(3, "appeared"))
    assert news() == ["and again", "appeared"]
    place.clock.fixed = 14.0
    place.write("old.log", at(11, "at last"))
    os.utime(old, (START.timestamp(), START.timestamp()))
    assert news() == ["at last"]


def test_a_cursor_holds_while_files_grow(place):
    place.write("a.log", *(at(second, f"a{second}") for second in range(0, 40, 2)))
    place.write("b.log", *(at(second, f"b{second}") for second in range(1, 40, 2)))
    logs = place.open()
    page = logs.last(10)
    older = logs.before(page.cursor, 10).lines
    place.write("a.log", at(50, "new"))
    place.write("c.log", at(51, "newer"))
    logs.look()
    assert logs.before(page.cursor, 10).lines == older
    assert texts(logs.after(page.cursor, 100).lines) == [*texts(page.lines), "new", "newer"]


# What can't be read

LOOK_AS_NOBODY = """
import os, sys
from pathlib import Path
os.chdir(sys.argv[1])
if os.getuid() == 0:
    os.setgroups([])
    os.setuid(65534)
from mtn_tui.engine.logs.stream import Logs
logs = Logs(Path("logs"), Path("jobs"))
for line in logs.last(9).lines:
    print(line.text)
for trouble in logs.troubles:
    print(trouble.path, trouble.reason)
"""


def test_a_log_that_may_not_be_read_is_said_and_the_others_are_shown(place):
    place.write("open.log", at(0, "shown"))
    place.write("closed.log", at(1, "hidden")).chmod(0)
    for folder in (place.logs, place.jobs, place.logs.parent):
        folder.chmod(0o755)
    home = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", "import mtn_tui.engine.logs.stream\n" + LOOK_AS_NOBODY, place.logs.parent],
        env={"PYTHONPATH": home, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == ["shown", "logs/closed.log Permission denied"], done.stderr


def test_a_trouble_is_over_once_the_file_can_be_read(place):
    path = place.write("x.log", at(0, "x"))
    logs = place.open()
    logs._found.trouble(path, PermissionError(13, "Permission denied"))
    assert [trouble.path for trouble in logs.troubles] == [path]
    logs.last(1)
    assert logs.troubles == []


def test_a_folder_that_is_none_is_said(place):
    place.logs.rmdir()
    place.logs.write_text("")
    assert [trouble.reason for trouble in place.open().troubles] == ["Not a directory"]


def test_no_folder_at_all_is_no_trouble(tmp_path):
    logs = Logs(tmp_path / "no", tmp_path / "neither")
    assert (logs.last(9).lines, logs.troubles, logs.sources) == ([], [], [])


def test_links_pipes_folders_and_reports_are_no_logs(place):
    path = place.write("x.log", at(0, "once"))
    (place.logs / "latest.log").symlink_to(path)
    (place.logs / "dir.log").mkdir()
    os.mkfifo(place.logs / "pipe.log")
    (place.logs / "backup-report_20261124_030000.txt").write_text("report")
    (place.logs / "x.log.2.gz").write_bytes(b"\x1f\x8b")
    assert texts(everything(place.open())) == ["once"]


def test_a_file_of_two_names_is_one(place):
    path = place.write("x.log", at(0, "once"))
    logs = place.open()
    os.link(path, place.logs / "y.log")
    os.link(path, place.logs / "a.log")
    assert followed(logs, {}, [lambda: None, lambda: place.write("x.log", at(1, "more"))]) == [
        ["once"],
        [],
        ["more"],
    ]


def test_a_hostile_file_name_is_a_printable_source(place):
    place.write("\x1b]0;x\x07[bold]\u202e" + "n" * 200 + ".log", at(0, "x"))
    source = everything(place.open())[0].source
    assert source.isprintable()
    assert len(source) <= 40


# Journals


def job_log(place, job="abcdefgh"):
    return place.write(
        "full-backup_20261124_030000.log",
        at(0, f"job id={job} kind=backup-full"),
        at(2, "copy-proven"),
    )


def test_a_journal_speaks_only_where_its_job_has_no_log(place):
    job_log(place)
    place.journal("abcdefgh", {"event": "note", "level": "info", "name": "copy-proven"}, kind="backup-full")
    place.journal("bcdefghi", {"event": "warning", "name": "copy-bad", "text": "Bad."}, kind="verify")
    lines = everything(place.open())
    assert [(line.source, line.text) for line in lines] == [
        ("full-backup", "job id=abcdefgh kind=backup-full"),
        ("verify", "job id=bcdefghi kind=verify"),
        ("verify", "copy-bad text=Bad."),
        ("full-backup", "copy-proven"),
    ]


def test_where_a_log_was_deleted_its_journal_speaks_in_its_name(place):
    job_log(place).unlink()
    place.journal("abcdefgh", {"event": "state", "state": "succeeded"}, kind="backup-full")
    lines = everything(place.open())
    assert [line.source for line in lines] == ["full-backup", "full-backup"]


def test_a_new_journal_waits_for_its_log(place):
    place.clock.ahead = 0.0
    logs = place.open()
    now = datetime.now(UTC)

    def begin():
        place.journal("abcdefgh", at=now, kind="backup-full")
        place.journal("bcdefghi", at=now, kind="verify")

    def log_it():
        job_log(place)

    def time_passes():
        place.clock.ahead = 10.0

    assert followed(logs, logs.end(), [begin, log_it, time_passes]) == [
        [],
        ["job id=bcdefghi kind=verify"],  # at once: it will have no log
        ["job id=abcdefgh kind=backup-full", "copy-proven"],
        [],
    ]


def test_torn_and_foreign_journals_are_passed_over(place):
    (place.jobs / "cdefghij.jsonl").write_bytes(b'{"at": "2026')
    (place.jobs / "defghijk.jsonl").write_bytes(b"\xff\n[]\n")
    place.journal("bcdefghi")
    assert len(everything(place.open())) == 1
