"""Backups in the order of their chains: each full, and below it the differentials on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mtn_tui.archive.summary import Summary
from mtn_tui.core.models import BackupName
from mtn_tui.operations.inventory.anomalies import chain_of
from mtn_tui.operations.inventory.model import Backup


@dataclass(frozen=True)
class Chain:
    """A backup, and what builds on it."""

    head: Backup
    """A full; or a differential whose full is not among those in question."""
    differentials: tuple[Backup, ...]
    """In the order that they came in."""


def chains(backups: Iterable[Backup]) -> tuple[Chain, ...]:
    """Join what belongs together. Heads keep their order, and so do the differentials of each."""
    backups = tuple(backups)
    below: dict[BackupName, list[Backup]] = {one.name: [] for one in backups if one.base is None}
    heads = []
    for one in backups:
        if one.base is not None and one.base.name in below:
            below[one.base.name].append(one)
        else:
            heads.append(one)
    return tuple(Chain(one, tuple(below.get(one.name, ()))) for one in heads)


def before_in_chain(backups: Iterable[Backup], base: str) -> list[Summary]:
    """What a new differential on that full is compared with: its chain, back to what was accepted last."""
    found = []
    for one in backups:
        if one.manifest is not None and chain_of(one.manifest) == base:
            found.append(one.manifest)
            if one.accepted:
                break
    return found
