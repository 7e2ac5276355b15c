"""``mtn verify``: climbs the ladder of evidence for each copy, and records the rung."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from mtn_tui.archive.proof import Proof
from mtn_tui.core.errors import ArchiveError, Locked, StorageError, WrongKey
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Rung
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import lease
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Backup, Copy, CopyStatus
from mtn_tui.operations.inventory.proof_file import amend
from mtn_tui.operations.verify.read_through import prove


@dataclass(frozen=True)
class Verdict:
    """What verifying one copy has shown."""

    backup: Backup
    copy: Copy
    rung: Rung
    trouble: str = ""
    """What is wrong with it; empty when it holds."""
    unknown: bool = False
    """It could not be read to its end, or not with this key, so nothing new is known."""

    def facts(self) -> dict[str, object]:
        """For the journal, and for ``--json``."""
        return {
            "id": self.backup.id,
            "name": str(self.backup.name),
            "store": self.copy.store.name,
            "rung": self.rung.word,
            "trouble": self.trouble,
            "unknown": self.unknown,
        }


def verify(job: Job, context: Context, backups: Sequence[Backup]) -> list[Verdict]:
    """Read every copy of ``backups`` through and record how far it holds.

    A copy that does not hold is a verdict, not an error: the others are looked
    at all the same.
    """
    key = context.key
    verdicts = []
    advised = False  # what to do about another key: once, not for each of a thousand copies
    with ExitStack() as leases:
        for backup in backups:
            leases.enter_context(lease(context.locks, str(backup.name)))
        for backup in backups:
            for copy in backup.copies:
                job.files(str(backup.name), of=backup.id)
                job.phase(f"verify-{copy.store.name}", total=copy.size)
                try:
                    _require_believable(copy)
                    prove(copy, key, job.token, job.advance)
                    verdict = Verdict(backup, copy, record(job, context, copy, Rung.COMPLETE))
                except ArchiveError as error:
                    unread = copy.standing is CopyStatus.ANOTHER_KEY  # nothing is known against its bytes
                    rung = record_fall(job, context, copy, error)
                    verdict = Verdict(backup, copy, rung, error.title, unknown=unread)
                    if isinstance(error, WrongKey) and not advised:
                        advised = True
                        verdict = replace(verdict, trouble=labels.whole(error))
                except StorageError as error:
                    verdict = Verdict(backup, copy, copy.rung, error.title, unknown=True)
                _note(job, verdict)
                verdicts.append(verdict)
    job.result({"copies": [verdict.facts() for verdict in verdicts]})
    return verdicts


def record(job: Job, context: Context, copy: Copy, rung: Rung) -> Rung:
    """Write down beside a copy that it has reached ``rung``; return the highest it has."""
    now = context.clock.now()
    return _write(job, context, copy, lambda proof: proof.climbed(rung, now)).rung


def record_fall(job: Job, context: Context, copy: Copy, error: ArchiveError) -> Rung:
    """Write down what was found wrong with a copy; return the rung that still holds: that it is present.

    Nothing is written where no manifest is believed, as with a wrong key: what
    was proven of those bytes, and pins, stay for when it is believed again.
    """
    if copy.manifest is not None or copy.standing is CopyStatus.LEGACY:
        now = context.clock.now()
        _write(job, context, copy, lambda proof: proof.fell(Rung.PRESENT, error.title, now))
    return Rung.PRESENT


def record_tried(job: Job, context: Context, backup: Backup, change: Callable[[Proof], Proof]) -> None:
    """Write down beside each copy that can be restored what came of loading one of them."""
    for copy in backup.usable:
        if copy.manifest is not None:
            _write(job, context, copy, change)


def _write(job: Job, context: Context, copy: Copy, change: Callable[[Proof], Proof]) -> Proof:
    """Change a copy's proof. If that can't be written, warn, and return the proof all the same."""
    try:
        return amend(context, copy, change)
    except (StorageError, Locked) as error:
        job.warn(
            "rung-not-recorded",
            _("The proof of {key} could not be recorded: {reason}").format(key=copy.key, reason=error.title),
        )
        return change(copy.proof)


def _require_believable(copy: Copy) -> None:
    if copy.trouble is not None:
        raise copy.trouble
    if copy.standing is CopyStatus.UNFINISHED:
        raise ArchiveError(_("It was never finished: it has no manifest."))


def _note(job: Job, verdict: Verdict) -> None:
    fields = {"name": str(verdict.backup.name), "store": verdict.copy.store.name, "rung": verdict.rung.word}
    if verdict.trouble:
        job.warn("copy-unknown" if verdict.unknown else "copy-bad", verdict.trouble, **fields)
    else:
        job.note("info", "copy-proven", **fields)
