"""Asks for all that retention judges by: both stores, leases, marks and locks in the bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import NotFound, StorageError, UsageError
from mtn_tui.core.models import Kind
from mtn_tui.engine.jobview import find_job
from mtn_tui.engine.locks import is_leased
from mtn_tui.engine.pipeline import ordered_map
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.installation import Mark, installation_id
from mtn_tui.operations.common.production import every_seen
from mtn_tui.operations.inventory.known_stores import changed
from mtn_tui.operations.inventory.model import Copy, Inventory
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.retention import reasons
from mtn_tui.operations.retention.policy import Known, Place, Verdict, judge, place_of
from mtn_tui.operations.retention.reasons import Reason, Why

if TYPE_CHECKING:
    from mtn_tui.storage.s3 import S3Storage

_AT_ONCE = 8
_NEWEST = 4
"""Backups that jobs may be at: a full, a differential, and their like of another configuration."""

_LEFT = (Why.FAILED, Why.LOCKED, Why.IN_USE)

Waits = Callable[[], Reason | None]
"""Says why nothing may be deleted now; None if it may."""


@dataclass(frozen=True)
class Survey:
    """What was found, and the verdicts on it."""

    inventory: Inventory
    known: Known
    verdicts: tuple[Verdict, ...]

    @property
    def expired(self) -> tuple[Verdict, ...]:
        """What is to be deleted: differentials before the fulls that they need, the oldest first."""
        going = [one for one in self.verdicts if not one.kept]
        return tuple(sorted(going, key=lambda one: (one.backup.kind is Kind.FULL, one.backup.moment)))

    @property
    def left(self) -> tuple[Verdict, ...]:
        """Copies that retention does not keep, and that can't be deleted now: in use, locked, or refused."""
        return tuple(one for one in self.verdicts if one.reason.why in _LEFT)

    def holding(self, held: dict[Place, Reason]) -> Survey:
        """The same, with more copies that can't be deleted now."""
        return self._judged(replace(self.known, held={**self.known.held, **held}))

    def waiting(self, reason: Reason) -> Survey:
        """The same, with nothing more to be deleted."""
        return self._judged(replace(self.known, waits=reason))

    def _judged(self, known: Known) -> Survey:
        return replace(self, known=known, verdicts=judge(self.inventory, known))


def survey(context: Context, waits: Waits) -> Survey:
    """Look at both stores and judge. Raises KeyFileError; a store that does not answer is known as such."""
    inventory = take_inventory(context.stores, context.key, context.cache)
    known = circumstances(context, inventory, waits)
    found = Survey(inventory, known, judge(inventory, known))
    asked: set[Place] = set()
    while new := [one.copy for one in found.expired if one.place not in asked]:
        asked |= {place_of(copy) for copy in new}
        found = found.holding(dict(_held(context, new)))
    return found


def circumstances(context: Context, inventory: Inventory, waits: Waits = lambda: None) -> Known:
    """What counts besides the backups of ``inventory``, but for what holds single copies."""
    blind = {}
    for store in context.stores:
        if store.name in inventory.unreachable:
            continue
        try:
            if (another := changed(context, store, partial(inventory.files_in, store.name))) is not None:
                blind[store.name] = reasons.silent(store.name, another.says)
        except StorageError as error:
            blind[store.name] = reasons.silent(store.name, error.title)
    return Known(
        context.clock.now(),
        context.settings,
        context.host,
        frozenset(one.system_identifier for one in every_seen(context)),
        blind=blind,
        waits=waits(),
        being_made=frozenset(_being_made(context, inventory)),
    )


def is_in_use(context: Context, name: str) -> bool:
    """Whether a job of this machine reads that backup. Raises StorageError."""
    return any(is_leased(folder, name) for folder in context.lock_folders)


def held_in_bucket(context: Context, bucket: S3Storage, key: str) -> Reason | None:
    """Why an object can't be deleted; None if it can, or is gone. Raises StorageError."""
    try:
        found = bucket.held(key)
    except NotFound:
        return None
    mark = Mark.parse(found.mark)
    if mark is not None and mark.installation != installation_id(context):
        return reasons.of_installation(mark.installation)
    if found.legal_hold:
        return reasons.locked(None)
    if found.until is not None and found.until > context.clock.now():
        return reasons.locked(found.until)
    return None


def _held(context: Context, copies: list[Copy]) -> Iterable[tuple[Place, Reason]]:
    def look(copy: Copy) -> Reason | None:
        name = copy.key.rpartition("/")[2]
        try:
            if is_in_use(context, name):
                return reasons.in_use()
            bucket = context.stores.bucket
            if bucket is not None and copy.store is bucket:
                return held_in_bucket(context, bucket, copy.key)
        except StorageError as error:
            return reasons.failed(error.title)
        return None

    found = ordered_map(copies, look, workers=_AT_ONCE, depth=2 * _AT_ONCE, token=CancelToken())
    with closing(found) as answers:
        for copy, reason in zip(copies, answers, strict=True):
            if reason is not None:
                yield place_of(copy), reason


def _being_made(context: Context, inventory: Inventory) -> Iterable[str]:
    """The ids of the newest backups whose jobs are not over; a backup has its job's id."""
    for one in inventory.backups[:_NEWEST]:
        if not one.id:
            continue
        try:
            if not find_job(context.job_folders, one.id).state.over:
                yield one.id
        except (StorageError, UsageError):
            continue  # another machine's, or a journal of long ago
