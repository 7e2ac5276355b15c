"""What the screens may have to show: installations in good and in bad state, each told in a function."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import timedelta

from mtn_tui.archive.proof import Mark
from mtn_tui.core.i18n import _
from mtn_tui.core.models import MANIFEST, Rung
from mtn_tui.operations.common import labels, production
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health import last_known
from mtn_tui.operations.health.catalogue import BY_ID, CHECKS
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.runner import Result, examine
from mtn_tui.operations.health.sign_off import sign
from mtn_tui.operations.incident.file import open_incident
from mtn_tui.operations.incident.state import Actor
from tests.ui.installed import ABSENT, MACHINE, NOW, ROWS, Hand, Installed, made_up, night, stamped
from tests.ui.looks import amiss

MB, GB = 10**6, 10**9
CHANGED = "Sección 7 (public.documents): los bytes cambiaron."


def signed(made: Installed) -> None:
    """A good night, signed off."""
    usual(made)
    sign(made.context, "Ana Rojas", "todo bien", {})


def known_since(made: Installed) -> None:
    """What the checks came to three hours ago."""
    usual(made)
    ago = replace(made.context, clock=Hand(NOW - timedelta(hours=3)))
    results = examine(Inspection(ago), CHECKS, amiss())
    last_known.keep(made.context, results)


def measured(made: Installed) -> None:
    """A day in which a full came late."""
    usual(made)
    for hour in range(30, 0, -1):
        at = NOW - timedelta(hours=hour)
        age = timedelta(hours=(30 - hour) if hour > 4 else 5 - hour)
        status = Status.FAIL if age > timedelta(hours=24) else Status.OK
        says = _("{age} old, of {moment}, {size}; the limit is {limit} h. Proven: {proven}.").format(
            age=labels.age(at - age, at),
            moment=labels.moment(at - age),
            size=labels.size(4 * GB),
            limit=24,
            proven=labels.proven(Rung.COMPLETE),
        )
        figures = {"full_age_seconds": age.total_seconds()}
        found = Check("full", status, says, figures=figures)
        last_known.keep(made.context, [Result(BY_ID["full"], (found,), at, 0.1)])


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


def chained(made: Installed) -> None:
    """Fulls each night, a differential each half hour since the last, a few before."""
    for day in (3, 2, 1):
        made.full(night(day), 42 * GB // 10 - day * 13 * MB)
        for hour in (9, 15):
            made.diff(night(day, hour=hour), (20 + hour) * MB)
    made.full(night(0))
    for minutes in (30, 58):
        made.diff(night(0) + timedelta(minutes=minutes), minutes * MB // 2)
    made.succeeded("m4zt7kqa", "backup-diff", 4)


def without_its_full(made: Installed) -> None:
    """Somebody has deleted the full of yesterday."""
    chained(made)
    gone = f"admision_mtn_full_{MACHINE}_20261123_020004.sql.gz.gpg"
    for path in made.root.glob(f"*/**/{gone}*"):
        path.unlink()


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
    made.full(night(1), stores="disk", failed=CHANGED)
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
    made.succeeded("d3vx6nqb", "restore", 1600, operator="ana", facts=facts_of_a_restore())


def long_kept(made: Installed) -> None:
    """A quarter of a year of nights, of which retention lets some go; one of them is pinned."""
    for day in (0, 1, 2, 8, 35, 42, 49, 93, 100):
        pinned = Mark(night(4), "bruno", "cierre de postulaciones") if day == 42 else None
        made.full(night(day), 42 * GB // 10 - day * 13 * MB, pinned=pinned)
        if day in (35, 93):
            made.diff(night(day, hour=9), 38 * MB)
    manifest = made_up(0, NOW, 0, ROWS, made.database)
    production.remember(made.context, manifest.server.system_identifier)
    made.log("full-backup_20260101_020002.log", stamped("02:00:02", "INFO", "phase name=prepare"))
    path = made.root / "logs" / "full-backup_20260101_020002.log"
    os.utime(path, (1.7e9, 1.7e9))


def long_kept_in_an_incident(made: Installed) -> None:
    long_kept(made)
    context = made.context
    open_incident(context.state, made.database, Actor("ana", MACHINE, "1"), made.clock)


def long_kept_unproven(made: Installed) -> None:
    """And the last one was not read back."""
    long_kept(made)
    made.full(night(0, hour=6), rung=Rung.HASHED)


def ended(made: Installed) -> None:
    """A deletion of old backups by night, and a verification that found one copy wrong before it."""
    usual(made)
    one = {"store": "bucket", "rung": "complete", "trouble": "", "unknown": False}
    copies = [{**one, "name": name_of(day)} for day in range(3)]
    copies[1] |= {"store": "disk", "trouble": CHANGED}
    made.succeeded("v5kq2wma", "verify", 50, CHANGED, operator="bruno", facts={"copies": copies})
    left = {"name": name_of(93), "store": "bucket", "reason": _("in use just now")}
    made.succeeded(
        "p6wm3tqa",
        "prune",
        40,
        facts={
            "kept": 120,
            "deleted": [{}] * 14,
            "left": [left],
            "freed": {"disk": 3_100_000_000, "bucket": 41 * MB},
            "versions_kept": True,
            "records": 12,
            "databases": [],
        },
    )


def name_of(day: int) -> str:
    """Of a full."""
    return f"admision_mtn_full_{MACHINE}_{night(day):%Y%m%d}_020004.sql.gz.gpg"


def facts_of_a_restore() -> dict[str, object]:
    """As ``Restored.facts`` has them."""
    return {
        "target": "simulacro",
        "name": name_of(1),
        "store": "disk",
        "rows": 614_848,
        "tables": 11,
        "seconds": {"total": 347.0},
    }


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
