"""``mtn pin`` and ``mtn accept``: what a person says of a backup, kept beside each of its copies.

A pin is of the backup and only ever keeps it from being deleted: it counts
where any copy has it, and outlives the bytes it was set on. An acceptance is of
the bytes that somebody looked at, and ends with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from mtn_tui.archive.proof import Mark, Proof
from mtn_tui.core.errors import Locked, MtnError, Refused, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.operations.audit.record import record
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Backup, Copy, CopyStatus
from mtn_tui.operations.inventory.proof_file import amend


@dataclass(frozen=True)
class Marked:
    """Where a mark was written."""

    stores: tuple[str, ...]
    failed: dict[str, MtnError] = field(default_factory=dict)
    """Stores whose copy could not be marked, and why; ``audit`` if the trail could not be written."""


def pin(context: Context, backup: Backup, on: bool = True, note: str = "") -> Marked:
    """Keep a backup whatever retention says, or no longer. Raises Refused, StorageError or Locked.

    Also one that is broken may be pinned, to be looked at; one that was never
    finished may not. Raises only if no copy at all could be marked.
    """
    mark = Mark(context.clock.now(), context.operator, note) if on else None
    copies = [copy for copy in backup.copies if copy.standing is not CopyStatus.UNFINISHED]
    if not copies:
        raise Refused(
            _("{name} was never finished: there is nothing to keep.").format(name=backup.name),
            _("mtn list shows what there is."),
        )

    def change(proof: Proof) -> Proof:
        return replace(proof, pinned=mark and (proof.pinned or mark))

    return _write(context, "pinned" if on else "unpinned", backup, copies, change, note)


def accept(context: Context, backup: Backup, note: str = "") -> Marked:
    """Say of a suspect backup that somebody looked and it is right. Raises as ``pin`` does.

    The reason for the suspicion is kept as the note where none is given.
    """
    if not backup.suspect and not backup.accepted:
        raise Refused(
            _("{name} is not suspect: there is nothing to accept.").format(name=backup.name),
            _("See which are: mtn list --filter is:suspect"),
        )
    mark = Mark(context.clock.now(), context.operator, note or backup.suspect)
    copies = [copy for copy in backup.copies if copy.manifest is not None]

    def change(proof: Proof) -> Proof:
        return replace(proof, accepted=proof.accepted or mark)

    return _write(context, "accepted", backup, copies, change, mark.note)


def _write(
    context: Context,
    action: str,
    backup: Backup,
    copies: Iterable[Copy],
    change: Callable[[Proof], Proof],
    note: str,
) -> Marked:
    done: list[str] = []
    failed: dict[str, MtnError] = {}
    for copy in copies:
        try:
            amend(context, copy, change)
            done.append(copy.store.name)
        except (StorageError, Locked) as error:
            failed[copy.store.name] = error
    if failed and not done:
        raise next(iter(failed.values()))
    if trouble := record(context, action, str(backup.name), stores=done, note=note):
        failed["audit"] = trouble
    return Marked(tuple(done), failed)
