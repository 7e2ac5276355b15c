"""Figures and states in words, for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from mtn_tui.archive.manifest import About
from mtn_tui.archive.proof import Tried
from mtn_tui.core import i18n
from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState, Kind, Rung
from mtn_tui.core.moments import with_offset
from mtn_tui.core.printable import one_line
from mtn_tui.core.suggested import command
from mtn_tui.engine.jobview import JobView
from mtn_tui.engine.progress import Progress
from mtn_tui.operations.common.context import Context

_NAMED = 8
"""Tables that are named where there may be many."""


def size(count: int | None) -> str:
    """Bytes, in powers of ten, as disks are sold and filled."""
    return "—" if count is None else i18n.size(count)


def kind(of: Kind) -> str:
    """The kind of a backup, for a narrow column."""
    return {Kind.FULL: _("full"), Kind.DIFF: _("diff")}[of]


def moment(when: datetime, *, seconds: bool = False) -> str:
    """``2026-11-24 02:00 -03``: local time with its offset, so that nobody has to guess the zone.

    With ``seconds``, these stand in place of the offset: ``2026-11-24 02:00:11``.
    """
    if seconds:
        return f"{when.astimezone():%Y-%m-%d %H:%M:%S}"
    return with_offset(minute(when))


def three_clocks(when: datetime, zone: str, there: str) -> tuple[str, str, str]:
    """One moment in local time, in UTC and in the database's zone, each with its offset.

    ``zone`` and ``there`` are what ``postgres.newest.in_zone`` returns.
    """
    return with_offset(when), f"{with_offset(when, UTC).rpartition(' ')[0]} UTC", f"{there} {zone}"


def minute(when: datetime) -> datetime:
    """Its minute, without the seconds."""
    return when.replace(second=0, microsecond=0)


def shared_minutes(moments: Iterable[datetime]) -> frozenset[datetime]:
    """The minutes that hold more than one of the moments: in a list, these are shown with seconds."""
    counted = Counter(map(minute, moments))
    return frozenset(one for one, count in counted.items() if count > 1)


def told_apart(*moments: datetime) -> list[str]:
    """Moments that are shown beside each other: with seconds where two of them are of one minute."""
    shared = shared_minutes({*moments})
    return [with_offset(one) if minute(one) in shared else moment(one) for one in moments]


def clock_after(when: datetime, shown: datetime) -> str:
    """The local time of day beside an earlier moment that is shown whole: with seconds in the same minute."""
    return f"{when.astimezone():{'%H:%M:%S' if minute(when) == minute(shown) else '%H:%M'}}"


def age(when: datetime, now: datetime) -> str:
    """How long before ``now`` it was: minutes, from 2 h on hours, from 2 days on days."""
    passed = now - when
    if passed < timedelta(0):
        return _("in the future")
    minutes = int(passed.total_seconds() // 60)
    if minutes < 120:
        return _("{count} min").format(count=minutes)
    if minutes < 48 * 60:
        return _("{count} h").format(count=minutes // 60)
    return _("{count} d").format(count=minutes // 1440)


def last_heard(job: JobView, here: str, now: datetime) -> str:
    """How long nothing was heard of a job of another machine than ``here``; empty if that is usual."""
    silent = job.silent_since(here, now)
    return _("last heard of {age} ago").format(age=age(silent, now)) if silent else ""


def duration(seconds: float) -> str:
    """``12 s``, ``6 min 51 s``, ``2 h 5 min``, ``3 d 4 h``: its two largest units."""
    left = round(seconds)
    units = ((86400, _("{count} d")), (3600, _("{count} h")), (60, _("{count} min")), (1, _("{count} s")))
    size, text = next((one for one in units if left >= one[0]), units[-1])
    smaller, text_of_smaller = units[min(units.index((size, text)) + 1, len(units) - 1)]
    said = [text.format(count=left // size)]
    if rest := left % size // smaller:
        said.append(text_of_smaller.format(count=rest))
    return " ".join(said)


def minutes(count: int) -> str:
    """Whole minutes; from 2 h on with hours or days. What takes less than one is not nothing."""
    if not count:
        return _("<1 min")
    return _("{count} min").format(count=count) if count < 120 else duration(count * 60)


def between(earlier: datetime, later: datetime) -> str:
    """How far two moments are apart, in the two largest units: the same wherever it is said."""
    seconds = (later - earlier).total_seconds()
    return duration(seconds) if round(seconds) > 0 else "<" + _("{count} s").format(count=1)


def roughly(seconds: float) -> str:
    """Whole minutes, ``41 min``, ``2 h 5 min``; of less than one the seconds."""
    return duration(seconds) if seconds < 60 else minutes(int(seconds // 60))


def clock(seconds: float) -> str:
    """``0:11``, ``1:02:03``: for columns and for what counts on. Sentences take ``duration``."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def seconds(value: float) -> str:
    """Seconds with one decimal, as in ``1.5 s``."""
    return _("{count} s").format(count=i18n.written(f"{value:.1f}"))


def pace(progress: Progress) -> list[str]:
    """The rate and the time left, as far as they are known."""
    return [*rate(progress), *left(progress)]


def rate(progress: Progress) -> list[str]:
    """Bytes per second, in a list of one; empty if not known."""
    return [f"{size(int(progress.rate))}/s"] if progress.rate else []


def left(progress: Progress) -> list[str]:
    """The time left, in a list of one; empty if not known."""
    return [_("{time} left").format(time=clock(progress.eta))] if progress.eta is not None else []


def made_of(manifest: About) -> list[tuple[str, str]]:
    """What a backup is of and was made with: names and values."""
    return [
        (_("SQL"), size(manifest.raw)),
        (_("Database"), f"{manifest.database} @ {manifest.host}"),
        (_("Server"), f"PostgreSQL {manifest.server.version}, {manifest.server.system_identifier}"),
        ("LSN", manifest.lsn),
        (_("Made with"), ", ".join(f"{name} {version}" for name, version in manifest.tools.items())),
    ]


def whole(error: MtnError) -> str:
    """What an error says, what to do about it, and the runbook's section."""
    section = _("(runbook {section})").format(section=error.runbook) if error.runbook else ""
    return " ".join(filter(None, (one_line("\n".join((error.title, error.hint))), section)))


def tried(one: Tried) -> str:
    """When and where it was loaded, or could not be, and why not."""
    return f"{moment(one.at)}, {one.where}" + (f": {one.reason}" if one.reason else "")


def rung(reached: Rung) -> str:
    """A rung, in the reader's language."""
    return {
        Rung.PRESENT: _("present"),
        Rung.HASHED: _("hashed"),
        Rung.DECRYPTS: _("decrypts"),
        Rung.INFLATES: _("inflates"),
        Rung.COMPLETE: _("complete"),
        Rung.RESTORED: _("restored"),
        Rung.QUERIED: _("queried"),
    }[reached]


def proven(reached: Rung) -> str:
    """What a rung says of a backup, for a sentence; ``rung`` is for a column."""
    return {
        Rung.PRESENT: _("nothing yet"),
        Rung.HASHED: _("its bytes are those that were written"),
        Rung.DECRYPTS: _("it decrypts"),
        Rung.INFLATES: _("it decrypts and inflates"),
        Rung.COMPLETE: _("read back whole"),
        Rung.RESTORED: _("it was restored"),
        Rung.QUERIED: _("it was restored and queried"),
    }[reached]


def not_counted(tables: Sequence[str]) -> str:
    """A warning that names tables whose rows were not counted."""
    return _(
        "Not counted, for this user may not see every row of them (row security or missing rights): {tables}"
    ).format(tables=", ".join(tables))


def inserted(tables: Sequence[str]) -> str:
    """Says of tables of a script why their rows were not counted."""
    named = ", ".join(tables[:_NAMED]) + (" …" if len(tables) > _NAMED else "")
    text = _("Not counted, for the file brings their rows by INSERT, not by COPY: {tables}")
    return text.format(tables=named)


def state(of_job: JobState) -> str:
    """A job's state, in the reader's language."""
    return {
        JobState.QUEUED: _("queued"),
        JobState.RUNNING: _("running"),
        JobState.CANCELLING: _("cancelling"),
        JobState.SUCCEEDED: _("succeeded"),
        JobState.FAILED: _("failed"),
        JobState.CANCELLED: _("cancelled"),
        JobState.LOST: _("lost"),
    }[of_job]


def job(kind: str) -> str:
    """A kind of job as the journal names it, in the reader's language."""
    known = {
        "backup-full": _("full backup"),
        "backup-diff": _("differential"),
        "verify": _("verify"),
        "restore": _("restore"),
        "test-load": _("test load"),
        "drill": _("restore drill"),
        "undo": _("undo"),
        "promote": _("put in production"),
        "recover": _("recovery of rows"),
        "kept-drop": _("drop of a kept database"),
        "prune": _("deletion of old backups"),
        "sync": _("copying between the stores"),
        "services-restart": _("restart of the services"),
        "monitor": _("monitor run"),
        "database-start": _("start of the database"),
    }
    return known.get(kind, kind)


def phase(name: str) -> str:
    """A phase as the journal names it, in the reader's language."""
    known = {
        "prepare": _("preparing"),
        "look": _("looking at all checks"),
        "scan": _("comparing with the full"),
        "dump": _("dumping"),
        "verify-disk": _("reading back from disk"),
        "verify-bucket": _("reading back from the bucket"),
        "upload": _("waiting for the bucket"),
        "check-disk": _("checking the copy on disk"),
        "check-bucket": _("checking the copy in the bucket"),
        "load": _("loading"),
        "keys": _("making keys and indexes"),
        "changes": _("applying the differential"),
        "count": _("counting rows"),
        "compare": _("comparing with what was restored"),
        "copy-back": _("copying rows back"),
        "query": _("querying"),
        "drop": _("dropping the restored one"),
        "delete": _("deleting old backups"),
        "compare-stores": _("comparing both stores"),
        "copy": _("copying between the stores"),
        "put-in-place": _("putting in place"),
        "notify": _("telling people"),
        "services-stop": _("stopping the services"),
        "services-restart": _("starting the services"),
        "wait-healthy": _("waiting for the services"),
        "database-start": _("starting the database"),
        "wait-server": _("waiting for the server"),
    }
    return known.get(name, name)


def store(name: str) -> str:
    """A store's name, in the reader's language."""
    return {"disk": _("disk"), "bucket": _("bucket"), "audit": _("audit trail")}.get(name, name)


def stores(names: Iterable[str]) -> str:
    """Names of stores, sorted, with commas between them."""
    return ", ".join(map(store, sorted(names)))


def versions_kept() -> str:
    """Says why deleting in a bucket may free nothing yet."""
    return _("The bucket keeps versions: their room is free once its lifecycle removes what was deleted.")


def kept_past(name: str) -> str:
    """Names a replaced database that need not be kept any longer."""
    return _("Kept for longer than KEEP_REPLACED_DAYS: {name}. See what is kept: mtn kept").format(name=name)


def stays(name: str) -> tuple[str, str]:
    """Says that a database restored read-only is there until it is dropped; and the command that does it."""
    text = _("{name} stays, read-only, until somebody drops it. When nobody needs it:")
    return text.format(name=name), command("kept", "drop", name)


def set_aside(name: str) -> tuple[str, str]:
    """Says that a database which a restore beside production replaced is kept; and what drops it."""
    text = _("{name} was there before, and is kept until somebody drops it. When nobody needs it:")
    return text.format(name=name), command("kept", "drop", name)


def dropped(name: str) -> str:
    """Says that a database which a restore or a swap had left was dropped since."""
    return _("{name} was dropped meanwhile: nothing is left to be done about it.").format(name=name)


def channel(name: str) -> str:
    """A channel of alerts, in the reader's language."""
    return {"mail": _("e-mail"), "webhook": _("webhook"), "syslog": _("system log")}.get(name, name)


def password_of_psql(context: Context) -> str:
    """Which password a psql line asks for, and where it stands; empty if it asks for none."""
    if context.settings.db_password is None:
        return ""
    if context.configuration is None:
        return _("psql asks for a password: DB_PASSWORD.")
    return _("psql asks for a password: DB_PASSWORD in {file}.").format(file=context.configuration)
