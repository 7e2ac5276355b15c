"""``mtn logs`` as an operator runs it: the real command over what real runs and the scripts left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from mtn_tui.engine.jobs import Job
from mtn_tui.operations.common.metrics import begin_log
from tests.operation_fixtures import Practice

SCRIPT = """\
[2025-10-03 20:34:00] [INFO] Starting differential backup
[2025-10-03 20:34:01] [ERROR] mc: command not found
pg_dump: error: \x1b]0;owned\x07 connection failed
[2025-10-03 20:34:02] [SUCCESS] done \x1b[31m[bold]
"""


@pytest.fixture
def practice(pg18, new_database, practise) -> Practice:
    made = practise(new_database(pg18), MINIO_ENDPOINT="")
    (made.root / "logs" / "diff-backup_20251003_203400.log").write_text(SCRIPT)
    return made


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    return done.stdout.splitlines()


def log(practice: Practice, name: str, *said: str) -> None:
    with (practice.root / "logs" / name).open("a") as file:
        file.write("".join(line + "\n" for line in said))


def at(seconds: float, text: str, level: str = "INFO") -> str:
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return f"{moment.isoformat(timespec='seconds')} {level:<5} {text}"


def test_runs_scripts_and_jobs_without_a_log_are_one_stream(practice):
    practice.mtn("backup", "full")
    practice.mtn("verify", "--all")
    shown = [json.loads(line) for line in lines(practice.mtn("logs", "--json", "-n", "1000"))]
    moments = [datetime.fromisoformat(line["at"]) for line in shown]
    assert moments == sorted(moments)
    assert list(dict.fromkeys(line["source"] for line in shown)) == ["diff-backup", "full-backup", "verify"]
    begun = [line["text"].split()[1] for line in shown if line["text"].startswith("job id=")]
    assert begun == [f"id={view.id}" for view in reversed(practice.jobs)]
    assert [line["text"] for line in shown if line["source"] == "full-backup"][-1] == "succeeded warnings=0"


def test_a_job_is_shown_as_soon_as_it_has_begun(practice):
    """One that has a log, and one that has none."""
    context = practice.context
    for kind, logs in (("verify", False), ("promote", False), ("restore", True)):
        job = Job.create(context.jobs, kind=kind, subject="x", operator="ana")
        with closing(job):
            if logs:
                begin_log(job, context, kind, context.clock.now())
            shown = [line for line in lines(practice.here("logs")) if job.id in line]
            assert len(shown) == 1, kind
            assert f" {kind} " in shown[0]


def test_nothing_in_a_log_reaches_the_terminal(practice):
    done = practice.mtn("logs")
    assert "\x1b" not in done.stdout
    assert "\x07" not in done.stdout
    assert [line.split(maxsplit=3)[3] for line in lines(done)] == [
        "INFO  Starting differential backup",
        "ERROR mc: command not found",
        "ERROR pg_dump: error: \\x1b]0;owned\\x07 connection failed",
        "INFO  done \\x1b[31m[bold]",
    ]


def test_the_last_lines_of_a_level_a_source_a_pattern_a_time(practice):
    log(practice, "restore.log", *(at(-60 + number, f"phase name=p{number}") for number in range(60)))
    log(practice, "restore.log", at(0, "failed error=NoSpace", "ERROR"))

    def shown(*arguments: str) -> list[str]:
        return [
            line.split("  ", 1)[1].split(maxsplit=1)[1] for line in lines(practice.here("logs", *arguments))
        ]

    assert len(shown()) == 50
    assert len(shown("-n", "10000")) == 65
    assert shown("--level", "error", "-n", "2")[-1] == "failed error=NoSpace"
    assert len(shown("--level", "error")) == 3
    assert shown("--source", "diff-backup", "-n", "1") == ["done \\x1b[31m[bold]"]
    assert shown("--grep", "name=p1\\d$", "-n", "3") == ["phase name=p17", "phase name=p18", "phase name=p19"]
    assert len(shown("--since", "1h")) == 61
    assert len(shown("--since", "1h", "-n", "100")) == 61
    assert len(shown("--since", "1h", "-n", "5")) == 5
    assert shown("-n", "0") == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--grep", "("], "is not a regular expression"),
        (["--source", "no-such"], "There are: diff-backup"),
        (["--since", "once upon a time"], "is not a moment"),
        (["--level", "loud"], "loud"),
        (["-n", "-3"], "-3"),
    ],
)
def test_what_makes_no_sense_is_usage(practice, arguments, said):
    done = practice.here("logs", *arguments, check=64)
    assert said in done.stderr
    assert done.stdout == ""


def test_no_logs_at_all_is_nothing_to_say(pg18, new_database, practise):
    done = practise(new_database(pg18), MINIO_ENDPOINT="").mtn("logs")
    assert (done.stdout, done.stderr) == ("", "")


def test_following_shows_what_comes_and_ends_quietly(practice):
    child = practice.start("logs", "-f", "-n", "1")
    try:
        assert child.stdout.readline().endswith("INFO  done \\x1b[31m[bold]\n")
        log(practice, "diff-backup_20251003_203400.log", at(0, "more"))
        assert child.stdout.readline().endswith("diff-backup  INFO  more\n")
        log(practice, "restore_20261124_030000.log", at(0, "a new file"))
        assert child.stdout.readline().endswith("restore  INFO  a new file\n")
        child.send_signal(signal.SIGINT)
        assert child.communicate(timeout=60) == ("", "")
        assert child.returncode == 130
    finally:
        child.kill()
        child.communicate()


def test_a_reader_that_has_enough_is_no_fault(practice):
    log(practice, "restore.log", *(at(-1, f"line {number} " + "x" * 200) for number in range(5000)))
    command = [
        "bash", "-o", "pipefail", "-c", '"$0" -m mtn_tui logs -n 5000 | head -n 1', sys.executable
    ]  # fmt: skip
    done = subprocess.run(command, env=practice.environment, capture_output=True, text=True, check=False)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_a_log_that_is_none_is_told_beside_the_others(practice):
    (practice.root / "state" / "jobs").parent.mkdir(exist_ok=True)
    (practice.root / "state" / "jobs").write_text("")
    done = practice.mtn("logs")
    assert len(lines(done)) == 4
    assert "could not be read: Not a directory." in done.stderr
