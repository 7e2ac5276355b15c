"""Every screen in every state, as approved pictures in ``snapshots/``: 80x24, Spanish, dark.

One normal state of each also in English, large and light, in ASCII, and without colour.
After a change that is meant: ``pytest tests/ui/test_snapshots.py --snapshot-update``,
then look at each.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mtn_tui.archive.proof import Mark
from mtn_tui.core import i18n
from mtn_tui.core.errors import JobError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import MANIFEST, Rung
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens.logs import Logs
from tests.ui.installed import ABSENT, MACHINE, NOW, ROWS, ZONE, Folder, Installed, night, stamped
from tests.ui.pictures import FOLDER, pictured
from tests.ui.pilots import LARGE, SMALL, Operator

__all__ = ["pictured"]

Flow = Callable[[Operator], Awaitable[None]]
MB, GB = 10**6, 10**9


# What there is to see


def nothing(_made: Installed) -> None:
    """A machine on its first day."""


def usual(made: Installed) -> None:
    """Two weeks of good nights."""
    for day in range(14):
        pinned = Mark(night(4), "bruno", "cierre de postulaciones") if day == 5 else None
        rung = Rung.RESTORED if day in (3, 10) else Rung.COMPLETE
        rows = {table: count - day * (count // 300) for table, count in ROWS.items()}
        made.full(night(day), 42 * GB // 10 - day * 13 * MB, rung, rows=rows, pinned=pinned)
    made.succeeded("m4zt7kqa", "backup-full", 62)


def shrunk(made: Installed) -> None:
    """Last night most applications were gone."""
    for day in range(1, 5):
        made.full(night(day))
    made.full(night(0), 11 * GB // 10, rows={**ROWS, "public.applications": 1204, "public.interviews": 902})
    made.succeeded("m4zt7kqa", "backup-full", 62)


def spoilt(made: Installed) -> None:
    """A copy cut short, one that was read and found wrong, one that was never finished."""
    (disk, _bucket) = made.full(night(0))
    with disk.open("r+b") as file:
        file.truncate(31 * GB // 10)
    made.full(night(1), stores="disk", failed="Sección 7 (public.documents): los bytes cambiaron.")
    (unfinished,) = made.full(night(2), stores="disk")
    unfinished.with_name(unfinished.name + MANIFEST).unlink()
    made.full(night(3))


def unproven(made: Installed) -> None:
    for day in range(3):
        made.full(night(day), rung=Rung.PRESENT if day else Rung.HASHED)


def scripts(made: Installed) -> None:
    """The scripts' backups beside the first of ours."""
    made.full(night(0))
    made.legacy("admision_mtn_full_MacBook-Pro-de-Jorge-4_20251003_203400.sql.gz.gpg", 20_480, Rung.INFLATES)
    made.legacy("admision_mtn_full_db1_20261122_020000.sql.gz.gpg", 41 * GB // 10)
    made.legacy("admision_mtn_diff_db1_20261123_140000.sql.gz.gpg", 38 * MB)


def at_work(made: Installed) -> None:
    usual(made)
    made.running()


def two_at_work(made: Installed) -> None:
    at_work(made)
    made.job("n5pw3rte", "restore", 3).close()
    made.clock.at = NOW


def stopping(made: Installed) -> None:
    usual(made)
    made.running(cancelling=True)


def elsewhere(made: Installed) -> None:
    usual(made)
    made.running(host="db2")


def failed(made: Installed) -> None:
    usual(made)
    made.failed()


def lost(made: Installed) -> None:
    usual(made)
    made.lost(ago=20)


def warned(made: Installed) -> None:
    usual(made)
    reason = _("The disk that holds {path} is full.").format(path=ABSENT / "logs")
    text = _("There is no log of this run: {reason}").format(reason=reason)
    made.succeeded("w6hx4pzs", "backup-full", 30, text)


def history(made: Installed) -> None:
    """Jobs of every end."""
    at_work(made)
    made.failed()
    made.cancelled()
    made.lost()
    made.succeeded("d2vx6nqb", "verify", 500, operator="bruno")
    made.succeeded("d3vx6nqb", "restore", 1600, operator="ana")


HOSTILE = "\x1b[2J\x1b]0;owned\x07[bold red]x[/]\n\u202etxt.exe\u202c אבג " + "long " * 12


def hostile(made: Installed) -> None:
    made.full(night(0), rows={**ROWS, f"public.{HOSTILE}": 999_999_999})
    made.legacy("\u202e[bold]evil[x]_full_[link=x]_20261123_203400.sql.gz.gpg", 20_480)
    with_job = made.job("h7kq2mbx", HOSTILE[:60], 3, HOSTILE, HOSTILE)
    with_job.warn("hostile", HOSTILE)
    with_job.files(HOSTILE)
    with_job.end()
    with_job.close()
    made.clock.at = NOW
    made.log("restore_20261124_025800.log", *(stamped("02:58:00", "WARN", one) for one in (HOSTILE, "[/x]")))


def logged(made: Installed) -> None:
    """A night with trouble."""
    usual(made)
    job = f"kind=backup-full database=Admisión_MTN_DB operator=root host={MACHINE} pid=4711"
    name = f"admision_mtn_full_{MACHINE}_20261124_020004.sql.gz.gpg"
    made.log(
        "full-backup_20261124_020002.log",
        stamped("02:00:02", "INFO", f"job id=m4zt7kqa {job}"),
        stamped("02:00:02", "INFO", "phase name=prepare"),
        stamped("02:00:04", "INFO", "phase name=dump bytes=4187000000"),
        stamped("02:00:33", "INFO", f"kept-on-disk name={name} bytes=4200000000"),
        stamped("02:00:34", "WARN", 'upload-failed attempt=1 reason="El bucket no responde." pause=2'),
        stamped("02:00:38", "WARN", 'upload-failed attempt=2 reason="El bucket no responde." pause=4'),
        stamped("02:01:10", "INFO", f"kept-in-bucket name={name} bytes=4200000000"),
        stamped("02:01:52", "INFO", f"copy-proven name={name} store=disk rung=complete"),
        stamped("02:02:40", "INFO", f"copy-proven name={name} store=bucket rung=complete"),
        stamped("02:02:40", "INFO", "succeeded warnings=0"),
    )
    made.log(
        "restore_20261124_021500.log",
        stamped("02:15:00", "INFO", "job id=n5pw3rte kind=restore database=prueba operator=ana pid=4822"),
        stamped("02:15:01", "INFO", "phase name=load bytes=13400000000"),
        stamped("02:19:47", "ERROR", 'failed error=ServerLost title="El servidor se fue."'),
    )
    made.log(
        "diff-backup_20261123_211700.log",
        "[2026-11-23 21:17:03] [INFO] Starting differential backup",
        "[2026-11-23 21:17:09] [ERROR] pg_dump: error: connection to server at db1 (10.0.0.7) failed",
        "    Is the server running on that host and accepting TCP/IP connections?",
        "[2026-11-23 21:17:09] [WARNING] Differential backup skipped",
    )


def unreadable(made: Installed) -> None:
    """Something else lies where the journals should."""
    logged(made)
    shutil.rmtree(made.root / "state" / "jobs")
    (made.root / "state" / "jobs").touch()


# What the operator does


async def looks(_operator: Operator) -> None:
    """Only looks."""


def presses(*keys: str) -> Flow:
    async def flow(operator: Operator) -> None:
        for key in keys:
            await operator.press(key)
            await settled(operator)

    return flow


def types(before: str, text: str, *after: str) -> Flow:
    async def flow(operator: Operator) -> None:
        await presses(*before.split())(operator)
        operator.app.focused.insert_text_at_cursor(text)
        await presses(*after)(operator)

    return flow


async def settled(operator: Operator) -> None:
    """What was asked of a thread has come."""
    screen = operator.app.screen
    if isinstance(screen, Logs):
        await operator.until(lambda: screen._view is not None and not screen._searching, "the logs")
        await operator.pilot.pause()


def says(text: Callable[[], str], flow: Flow) -> Flow:
    """What is done by a thread is done once the job bar says so."""

    async def then(operator: Operator) -> None:
        await flow(operator)
        await operator.sees(text())

    return then


async def which_logs(operator: Operator) -> None:
    await presses("4", "s")(operator)
    await operator.sees(_("Which logs?"))


# The pictures


@dataclass(frozen=True)
class Picture:
    name: str
    made: Callable[[Installed], None] = usual
    flow: Flow = looks
    bucket: str = "folder"
    disk_gone: bool = False
    no_key: bool = False
    read_only: bool = False
    refused: bool = False
    """Whether no job can begin."""
    database: str = "Admisión_MTN_DB"
    size: tuple[int, int] = SMALL
    language: str = "es"
    look: str = "dark"

    @property
    def id(self) -> str:
        width, height = self.size
        return f"{self.name}_{width}x{height}_{self.language}_{self.look}"

    def others(self) -> list[Picture]:
        """The same state, as others see it."""
        return [
            replace(self, language="en"),
            replace(self, size=LARGE, look="light"),
            *(replace(self, look=look) for look in ("ascii", "nocolor")),
        ]


NORMAL = [
    Picture("backups_normal"),
    Picture("details_normal", flow=presses("enter")),
    Picture("logs_normal", logged, presses("4")),
    Picture("jobs_normal", history, presses("j")),
    Picture("help_normal", flow=presses("?")),
]

COMMAND = Picture("command_open", flow=presses(":"))
QUIT = Picture("quit_running", at_work, presses("q"))

PICTURES = [
    *NORMAL,
    *(other for picture in NORMAL for other in picture.others()),
    *(one for picture in (COMMAND, QUIT) for one in (picture, replace(picture, size=LARGE, language="en"))),
    *(replace(picture, look="nocolor") for picture in (COMMAND, QUIT)),
    # Backups
    Picture("backups_empty", nothing),
    Picture("backups_no_bucket", bucket=""),
    Picture("backups_bucket_silent", bucket="silent"),
    Picture("backups_disk_gone", disk_gone=True),
    Picture("backups_no_key", no_key=True),
    Picture("backups_suspect", shrunk),
    Picture("backups_accepted", shrunk, says(lambda: _("Accepted: no longer suspect"), presses("a"))),
    Picture("backups_copy_cut_short", spoilt),
    Picture("backups_found_changed", spoilt, presses("down")),
    Picture("backups_unfinished", spoilt, presses("down", "down")),
    Picture("backups_unproven", unproven),
    Picture("backups_legacy", scripts, presses("down", "down")),
    Picture("backups_legacy_read", scripts, presses("end")),
    Picture("backups_pinned", flow=says(lambda: _("Pinned: kept whatever its age"), presses("p"))),
    Picture("backups_end_of_list", flow=presses("end")),
    Picture("backups_largest_first", flow=presses("o")),
    Picture("backups_least_proven_first", spoilt, presses("o", "o")),
    Picture("backups_filter_begun", flow=presses("/")),
    Picture("backups_filter_typed", flow=types("/", "age:<3d")),
    Picture("backups_filter_wrong", flow=types("/", "proof:good")),
    Picture("backups_filter_kept", flow=types("/", "proof:restored", "enter")),
    Picture("backups_filter_nothing", flow=types("/", "kind:diff", "enter")),
    Picture("backups_read_only", read_only=True, flow=presses("b")),
    Picture("backups_job_running", at_work),
    Picture("backups_two_jobs_running", two_at_work),
    Picture("backups_job_failed", failed),
    Picture("backups_job_lost", lost),
    Picture("backups_job_warned", warned),
    Picture("backups_job_begun", flow=says(lambda: "q2nr5tdw", presses("b"))),
    Picture("backups_backup_refused", at_work, presses("b")),
    Picture("backups_hostile", hostile, presses("down"), database=HOSTILE[:40]),
    # Details
    Picture("details_suspect", shrunk, presses("enter")),
    Picture("details_pinned", flow=presses("down", "down", "down", "down", "down", "enter")),
    Picture("details_copy_cut_short", spoilt, presses("enter")),
    Picture("details_unfinished", spoilt, presses("down", "down", "enter")),
    Picture("details_legacy", scripts, presses("end", "enter")),
    Picture("details_hostile", hostile, presses("enter", "pagedown")),
    # Logs
    Picture("logs_none", nothing, presses("4")),
    Picture("logs_not_followed", logged, presses("4", "f")),
    Picture("logs_warnings", logged, presses("4", "l")),
    Picture("logs_errors", logged, presses("4", "l", "l")),
    Picture("logs_next_error", logged, presses("4", "E")),
    Picture("logs_first_error", logged, says(lambda: _("No error before this one."), presses(*"4EEE"))),
    Picture("logs_wrapped", logged, presses("4", "w")),
    Picture("logs_search_typed", logged, types("4 /", "upload|pg_dump")),
    Picture("logs_search_wrong", logged, types("4 /", "(", "enter")),
    Picture("logs_search_kept", logged, types("4 /", "upload|pg_dump", "enter")),
    Picture("logs_search_nothing", logged, types("4 /", "zzz", "enter")),
    Picture("logs_sources", logged, which_logs),
    Picture("logs_copied", logged, presses("4", "y")),
    Picture("logs_unreadable", unreadable, presses("4")),
    Picture("logs_hostile", hostile, presses("4")),
    # Jobs
    Picture("jobs_none", nothing, presses("j")),
    Picture("jobs_done", history, presses("j", "end")),
    Picture("jobs_failed", failed, presses("j")),
    Picture("jobs_cancelling", stopping, presses("j")),
    Picture("jobs_cancelled", history, presses("j", "down", "down", "down")),
    Picture("jobs_lost", lost, presses("j")),
    Picture("jobs_warned", warned, presses("j")),
    Picture("jobs_elsewhere", elsewhere, presses("j", "c")),
    Picture("jobs_cancel_asked", at_work, presses("j", "c")),
    Picture("jobs_hostile", hostile, presses("j")),
    # Over the screens
    Picture("help_end", flow=presses("?", "end")),
    Picture("help_of_logs", logged, presses("4", "?")),
    Picture("command_typed", flow=types(":", "re")),
    Picture("command_unknown", flow=types(":", "zzz")),
    Picture("restore_target", flow=presses("R")),
    Picture("restore_target_refused", flow=presses("R", *["backspace"] * 8, "enter")),
    Picture("restore_target_legacy", scripts, presses("end", "R")),
    Picture("told_error", refused=True, flow=says(lambda: "7.1", presses("b"))),
    Picture("quit_read_only", at_work, presses("q"), read_only=True),
]


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The operator's, whoever runs the tests: a time zone, and a terminal that shows colours."""
    with monkeypatch.context() as environment:
        environment.setenv("TZ", ZONE)
        environment.delenv("NO_COLOR", raising=False)
        time.tzset()
        yield
    time.tzset()
    i18n.use("en")


def app_of(picture: Picture, made: Installed) -> MtnApp:
    def begin(_arguments: object) -> str:
        if picture.refused:
            title = _("The job could not be started: its command ended with exit code {code}.")
            raise JobError(title.format(code=2), _("It said nothing."), "7.1")
        return "q2nr5tdw"

    app = MtnApp(
        made.context,
        begin,
        read_only=picture.read_only,
        ascii=picture.look == "ascii",
        light=picture.look == "light",
        machine=MACHINE,
    )
    app.title = "mtn"
    return app


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.id)
def test_a_screen_looks_as_approved(picture, tmp_path, monkeypatch, pictured):
    monkeypatch.chdir(tmp_path)  # a path on a picture is the same wherever this runs
    i18n.use(picture.language)
    if picture.look == "nocolor":
        monkeypatch.setenv("NO_COLOR", "1")
    made = Installed(
        Path("mtn"),
        bucket=picture.bucket,
        disk=ABSENT / "backups" if picture.disk_gone else None,
        key_file=ABSENT / "config" / ".encryption.key" if picture.no_key else None,
        database=picture.database,
    )
    picture.made(made)
    app = app_of(picture, made)
    jobs = len(list((made.root / "state" / "jobs").glob("*")))

    async def flow(pilot) -> None:
        operator = Operator(app, pilot)
        await operator.has_list()
        await operator.until(lambda: len(app.state.jobs) == jobs, "its jobs")
        await picture.flow(operator)
        await settled(operator)

    looks_as_approved = pictured(app, terminal_size=picture.size, run_before=flow)
    assert app.fault is None
    assert looks_as_approved, f"snapshots/{picture.id}.svg is another: see the report named below"


@pytest.mark.parametrize("picture", [Picture("backups_reading")], ids=lambda picture: picture.id)
def test_the_list_before_the_stores_have_answered(picture, tmp_path, pictured):
    i18n.use(picture.language)
    made = Installed(tmp_path / "mtn")
    usual(made)
    app = app_of(picture, made)
    answers = threading.Event()

    class Slow(Folder):
        def list(self, prefix: str = ""):
            answers.wait()
            return super().list(prefix)

    slow = Slow(made.root / "bucket", "bucket", "mtn-backups @ s3.mtn.cl")
    app.context = replace(app.context, stores=replace(app.context.stores, bucket=slow))
    app._bridge._context = app.context

    async def flow(pilot) -> None:
        await Operator(app, pilot).until(lambda: app.state.jobs)

    try:
        assert pictured(app, terminal_size=picture.size, run_before=flow)
    finally:
        answers.set()


def test_there_is_no_picture_of_what_is_no_state_any_more():
    states = {f"{picture.id}.svg" for picture in (*PICTURES, Picture("backups_reading"))}
    assert {path.name for path in FOLDER.glob("*")} <= states
