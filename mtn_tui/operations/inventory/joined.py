"""What backups say of each other: differentials are joined to their fulls, and what is odd is marked."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from mtn_tui.archive.summary import Summary
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.operations.inventory.anomalies import COMPARED, chain_of, source, why_suspect

if TYPE_CHECKING:
    from mtn_tui.operations.inventory.model import Backup


def chained(backups: list[Backup]) -> list[Backup]:
    """Join differentials to the fulls that they are applied to, by id. On a suspect one they are so too."""
    fulls = {one.id: one for one in backups if one.kind is Kind.FULL and one.id}

    def joined(one: Backup) -> Backup:
        base = fulls.get(one.manifest.base) if one.manifest else None
        if base is None:
            return one
        doubt = one.suspect
        if base.suspect and not (doubt or one.accepted):
            doubt = _("its full is suspect: {reason}").format(reason=base.suspect)
        return replace(one, base=base, suspect=doubt)

    return [joined(one) if one.kind is Kind.DIFF else one for one in backups]


def marked(backups: list[Backup]) -> list[Backup]:
    """Mark what is odd beside the last few backups like it; given and returned newest first."""
    before: dict[tuple[Kind, str, int], deque[Summary]] = {}
    chains: dict[str, tuple[Summary, Summary]] = {}
    """Of each chain the last, and the first or whatever was accepted since."""
    found = []
    for backup in reversed(backups):
        manifest = backup.manifest
        if manifest is not None:
            earlier = before.setdefault(source(manifest), deque(maxlen=COMPARED))
            chain = chain_of(manifest)
            differential = manifest.kind is Kind.DIFF
            reason = why_suspect(manifest, chains.get(chain, ()) if differential else earlier)
            first = chains[chain][1] if chain in chains and not backup.accepted else manifest
            chains[chain] = manifest, first
            earlier.appendleft(manifest)
            if reason and not backup.accepted:
                backup = replace(backup, suspect=reason)  # noqa: PLW2901 - the same one, marked
        found.append(backup)
    return found[::-1]
