"""The audit trail: nothing in it can be changed, taken out, put in or cut off without being told."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mtn_tui.core.errors import JobError, StorageError
from mtn_tui.core.redact import redact
from mtn_tui.core.settings import Settings
from mtn_tui.engine import host
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import read_job
from mtn_tui.operations.audit import trail
from mtn_tui.operations.audit.record import audited, record
from mtn_tui.operations.audit.trail import HEAD, NAME, Entry, append, last, verify
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import open_stores

WHEN = datetime(2026, 11, 28, 15, 0, tzinfo=UTC)


def entry(number: int = 0, **changes: object) -> Entry:
    return replace(Entry(WHEN, "ana", "db1", "pinned", f"backup {number}", {"note": "mañana"}), **changes)


@pytest.fixture
def state(tmp_path) -> Path:
    for number in range(5):
        append(tmp_path, entry(number))
    return tmp_path


def lines(state: Path) -> list[bytes]:
    return (state / NAME).read_bytes().splitlines(keepends=True)


def rewrite(state: Path, changed: list[bytes]) -> None:
    (state / NAME).write_bytes(b"".join(changed))


@pytest.fixture
def context(tmp_path) -> Context:
    settings = Settings(db_name="school", db_user="admin", backup_dir=tmp_path / "backups", temp_dir=tmp_path)
    return Context(settings, open_stores(settings), tmp_path / "state", "ana", "db1")


def test_what_is_recorded_is_read_back_and_all_of_it_fits(state):
    assert last(state, 3) == [entry(2), entry(3), entry(4)]
    found = verify(state)
    assert (found.lines, found.wrong, found.torn) == (5, None, ())
    first, second = (json.loads(line) for line in lines(state)[:2])
    assert list(first) == ["when", "who", "host", "action", "subject", "facts", "prev"]
    assert (first["prev"], first["when"]) == ("", "2026-11-28T15:00:00.000000Z")
    assert len(second["prev"]) == 64


def test_where_there_is_none_yet_nothing_is_wrong(tmp_path):
    assert (verify(tmp_path).lines, verify(tmp_path).wrong, last(tmp_path, 5)) == (0, None, [])


@pytest.mark.parametrize("number", range(5))
def test_a_line_that_is_changed_is_told_by_the_one_after_it_and_the_last_by_the_head(state, number):
    changed = lines(state)
    changed[number] = changed[number].replace(b"ana", b"eva")
    rewrite(state, changed)
    assert verify(state).wrong == min(number + 2, 5)


@pytest.mark.parametrize("number", range(5))
def test_a_line_that_is_taken_out_is_told(state, number):
    changed = lines(state)
    del changed[number]
    rewrite(state, changed)
    assert verify(state).wrong == number + 1


def test_a_line_that_is_put_in_or_moved_is_told(state):
    whole = lines(state)
    rewrite(state, [*whole[:2], whole[1], *whole[2:]])
    assert verify(state).wrong == 3
    rewrite(state, [whole[0], whole[2], whole[1], *whole[3:]])
    assert verify(state).wrong == 2


def test_lines_that_are_cut_off_at_the_end_are_told(state):
    rewrite(state, lines(state)[:3])
    assert (verify(state).lines, verify(state).wrong) == (3, 4)
    (state / NAME).unlink()
    assert verify(state).wrong == 1


def test_a_line_that_was_never_finished_is_told_and_the_next_one_follows_it(state):
    with (state / NAME).open("ab") as file:
        file.write(b'{"when": "2026-11-28T15:00:00')
    assert (verify(state).wrong, verify(state).torn) == (None, (6,))
    append(state, entry(7))
    found = verify(state)
    assert (found.lines, found.wrong, found.torn) == (7, None, (6,))
    assert last(state, 1) == [entry(7)]


def test_a_crash_before_the_head_was_written_is_no_fault_of_the_trail(state):
    before = (state / HEAD).read_bytes()
    append(state, entry(6))
    (state / HEAD).write_bytes(before)
    assert verify(state).wrong is None


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"size": "x"}'])
def test_without_a_head_only_the_chain_is_looked_at(state, text):
    (state / HEAD).write_bytes(text)
    rewrite(state, lines(state)[:3])
    assert verify(state).wrong is None


def test_many_at_once_make_one_chain(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: append(tmp_path, entry(number)), range(40)))
    assert (verify(tmp_path).lines, verify(tmp_path).wrong) == (40, None)


def test_a_process_that_is_killed_leaves_a_trail_that_goes_on(tmp_path):
    script = (
        "import sys; from pathlib import Path; from datetime import datetime, UTC\n"
        "from mtn_tui.operations.audit.trail import Entry, append\n"
        "print('go', flush=True)\n"
        "while True: append(Path(sys.argv[1]), Entry(datetime.now(UTC), 'ana', 'db1', 'pinned'))\n"
    )
    for _round in range(3):
        process = subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        size = (tmp_path / NAME).stat().st_size if (tmp_path / NAME).exists() else 0
        while not (tmp_path / NAME).exists() or (tmp_path / NAME).stat().st_size < size + 2000:
            pass
        process.kill()
        process.communicate()
        assert verify(tmp_path).wrong is None
    append(tmp_path, entry())
    assert last(tmp_path, 1) == [entry()]


def test_it_is_its_owners_or_the_groups_as_its_folder_is(tmp_path):
    append(tmp_path, entry())
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2770)
    append(shared, entry())
    assert {stat.S_IMODE((shared / name).stat().st_mode) for name in (NAME, HEAD)} == {0o660}


def test_secrets_are_masked_and_bytes_of_any_kind_stay_on_one_line(tmp_path):
    redact.add("trail-secret")
    append(tmp_path, entry(subject="trail-secret", facts={"note": "a\nb trail-secret \ud800", "count": 3}))
    text = (tmp_path / NAME).read_text()
    assert "trail-secret" not in text
    assert text.count("\n") == 1
    assert last(tmp_path, 1)[0].facts == {"note": "a\nb ••• \ud800", "count": 3}


def test_a_folder_that_is_a_file_or_a_trail_that_is_a_link_is_an_error(tmp_path):
    (tmp_path / "elsewhere").touch()
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError):
        append(tmp_path, entry())
    with pytest.raises(StorageError):
        append(tmp_path / "elsewhere", entry())


def test_a_job_s_beginning_and_end_are_recorded(context):
    def run(error: Exception | None = None) -> None:
        def body(job: Job) -> None:
            job.result({"id": "abc", "rows": {"users": 3}})
            if error:
                raise error

        job = Job.create(context.jobs, kind="backup-full", subject="school", operator="ana")
        host.run(job, audited(context, body))

    run()
    with pytest.raises(JobError):
        run(JobError("the server refused"))
    begun, ended, _again, failed = last(context.state, 9)
    assert (begun.action, begun.subject, begun.facts["kind"]) == ("job-begun", "school", "backup-full")
    assert (ended.action, ended.facts["state"], ended.facts["id"]) == ("job-ended", "succeeded", "abc")
    assert "rows" not in ended.facts
    assert (failed.facts["state"], failed.facts["reason"]) == ("failed", "the server refused")


def test_a_trail_that_can_t_be_written_is_a_warning_and_stops_nothing(context):
    context.state.mkdir()
    (context.state / NAME).mkdir()
    assert isinstance(record(context, "pinned", "x"), StorageError)
    job = Job.create(context.jobs, kind="backup-full", subject="school", operator="ana")
    assert host.run(job, audited(context, lambda _job: 7)) == 7
    view = read_job(job.journal_path)
    assert (view.state.value, len(view.warnings)) == ("succeeded", 2)


def test_a_trail_that_others_hold_is_not_waited_for_without_end(tmp_path, monkeypatch):
    import fcntl

    append(tmp_path, entry())
    monkeypatch.setattr(trail, "_WAIT", 0.05)
    with (tmp_path / NAME).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(StorageError):
            append(tmp_path, entry())
    append(tmp_path, entry())
    assert len(lines(tmp_path)) == 2
