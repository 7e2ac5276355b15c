"""Which copies of backups are kept, which may be deleted, and the one reason for each.

A copy is judged by its own store's rules, and by what the others hold. Deleted is
only what this installation has made itself of its own database, what it believes,
and what no rule and no other backup needs:

- Days count by ``snapshot_at``, back from the newest backup, not from the clock: where
  no backups are made, or the clock has run away, nothing more grows old.
- The last two proven fulls stay, of all and in each store, and so do backups of the
  future: after a clock that was set back, these are no measure of anything.
- A differential keeps its full: its last proven copy in any store, and all of them where none
  is proven.
- Where a store's contents are not known, no full is deleted anywhere: a differential in
  there may need it.
- Nothing is deleted at all while the newest backup is not to be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from mtn_tui.archive.summary import Summary
from mtn_tui.core.models import Kind
from mtn_tui.core.settings import Settings
from mtn_tui.operations.common.stores import key_in
from mtn_tui.operations.inventory.model import Backup, Copy, CopyStatus, Inventory
from mtn_tui.operations.retention import reasons
from mtn_tui.operations.retention.reasons import Reason, Why
from mtn_tui.storage.base import Storage

BUCKET_FULL_DAYS = 90
"""Days that fulls stay in the bucket (runbook, appendix C), at least."""
_LAST = 2
"""Proven fulls that always stay."""

Place = tuple[str, str]
"""A copy: the name of its store, and its key there."""


@dataclass(frozen=True)
class Known:
    """What counts besides the backups themselves."""

    now: datetime
    settings: Settings
    host: str
    """As it stands in the names of this installation's backups."""
    servers: frozenset[int]
    """The system identifiers of the servers on which this installation has seen the database."""
    held: Mapping[Place, Reason] = field(default_factory=dict)
    """Copies that can't be deleted now, and why: they are read, or locked, or another installation's."""
    blind: Mapping[str, Reason] = field(default_factory=dict)
    """Stores of which nobody knows what they hold, and why."""
    waits: Reason | None = None
    """Why nothing is deleted at all."""
    being_made: frozenset[str] = frozenset()
    """The ids of backups that a job is still at: not proven yet, and no sign of trouble."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of one copy, and why."""

    backup: Backup
    copy: Copy
    reason: Reason
    instead: Copy | None = None
    """Of a full that is deleted though a differential needs it: the copy that it is restored from."""

    @property
    def kept(self) -> bool:
        """Whether it stays."""
        return self.reason.why is not Why.EXPIRED

    @property
    def place(self) -> Place:
        """Where the copy is."""
        return place_of(self.copy)


@dataclass(frozen=True)
class Missing:
    """A store that lacks a backup which it would keep."""

    backup: Backup
    source: Copy
    """The best copy that there is."""
    store: Storage


def place_of(copy: Copy) -> Place:
    """Where a copy is."""
    return copy.store.name, copy.key


def kept_days(settings: Settings, kind: Kind, store: str) -> int:
    """For how many days a store keeps backups of that kind."""
    if kind is Kind.DIFF:
        return settings.diff_backup_retention_days
    days = settings.full_backup_retention_days
    return days if store == "disk" else max(days, BUCKET_FULL_DAYS)


def judge(inventory: Inventory, known: Known) -> tuple[Verdict, ...]:
    """Judge every copy of an inventory, in its order: the newest backup first."""
    blind = dict(known.blind)
    for store, error in inventory.unreachable.items():
        blind.setdefault(store, reasons.silent(store, error.title))
    return _Judgement(inventory.backups, replace(known, blind=blind)).verdicts


def missing(inventory: Inventory, known: Known, stores: Iterable[Storage]) -> tuple[Missing, ...]:
    """The backups that a store lacks and would keep if it had them, the newest first.

    An unfinished copy is none. Stores that are not known to be as they were lack nothing,
    and what a job is still at is not missing yet.
    """
    blind = {*known.blind, *inventory.unreachable}
    wanting = [store for store in stores if store.name not in blind]
    found: dict[Place, Missing] = {}
    backups = []
    for one in inventory.backups:
        added = [store for store in wanting if _lacks(store.name, one) and one.id not in known.being_made]
        sources = [copy for copy in one.sound if copy.standing is CopyStatus.WHOLE] if added else []
        if not sources:
            backups.append(one)
            continue
        copies = [replace(sources[0], store=store, key=key_in(store, one.name)) for store in added]
        found |= {place_of(copy): Missing(one, sources[0], copy.store) for copy in copies}
        there = [copy for copy in one.copies if copy.store not in added]
        backups.append(replace(one, copies=(*there, *copies)))
    if not found:
        return ()
    free = replace(known, held={}, waits=None)
    return tuple(
        found[verdict.place]
        for verdict in _Judgement(backups, free).verdicts
        if verdict.place in found and verdict.reason.why.wanted
    )


def counted_from(inventory: Inventory, known: Known) -> datetime:
    """The moment from which days are counted back: our newest backup, or now if there is none."""
    return _Judgement(inventory.backups, known).newest


def is_expired(manifest: Summary, store: str, newest: datetime, settings: Settings) -> bool:
    """Whether a backup is older, beside the ``newest``, than a store keeps those of its kind."""
    return newest - manifest.snapshot_at > timedelta(days=kept_days(settings, manifest.kind, store))


class _Judgement:
    """One look at all backups. What is computed here never changes."""

    def __init__(self, backups: Sequence[Backup], known: Known) -> None:
        self._backups = backups
        self._known = known
        self._settings = known.settings
        self._others = {
            place_of(copy): reason
            for one in backups
            for copy in one.copies
            if (reason := self._foreign(one, copy)) is not None
        }
        """Why copies are none of this installation's business."""
        self._own = [
            (one, copy) for one in backups for copy in one.copies if place_of(copy) not in self._others
        ]

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Of each copy. Fulls are judged by what became of the differentials."""
        every = [Verdict(one, copy, self._alone(one, copy)) for one in self._backups for copy in one.copies]
        needed: dict[str, int] = {}
        for verdict in every:
            manifest = verdict.copy.manifest
            if verdict.kept and manifest is not None and manifest.base:
                needed[manifest.base] = needed.get(manifest.base, 0) + 1
        of: dict[str, list[Verdict]] = {}
        for verdict in every:
            if verdict.backup.id in needed:
                of.setdefault(verdict.backup.id, []).append(verdict)
        bases = {one.place: one for full, own in of.items() for one in self._of_base(own, needed[full])}
        return tuple(bases.get(verdict.place, verdict) for verdict in every)

    def _of_base(self, verdicts: list[Verdict], differentials: int) -> Iterator[Verdict]:
        """Keep what differentials need of their full: the last copy that is proven, or else all."""
        reliable = [one for one in verdicts if self._reliable(one)]
        kept = [one.copy for one in reliable if one.kept]
        going = [one for one in verdicts if not one.kept]
        best = max((one.copy for one in reliable if not one.kept), key=_worth, default=None)
        for one in going:
            if kept:
                yield replace(one, instead=kept[0])
            elif best is None or one.copy is best:
                yield replace(one, reason=reasons.base(differentials))
            else:
                yield replace(one, instead=best)

    def _reliable(self, verdict: Verdict) -> bool:
        """Whether a full can be restored from this copy."""
        copy = verdict.copy
        same = copy.manifest is not None and copy.manifest.id == verdict.backup.id
        return same and _proven(copy) and copy.store.name not in self._known.blind

    def _alone(self, backup: Backup, copy: Copy) -> Reason:
        """Judge a copy but for the differentials that need it."""
        reason = self._others.get(place_of(copy)) or self._wanted(backup, copy)
        if reason is not None:
            return reason
        return self._hindered(backup, copy) or self._expired(copy)

    def _foreign(self, backup: Backup, copy: Copy) -> Reason | None:
        """Why it is none of this installation's business; None if it is."""
        manifest, name = copy.manifest, backup.name
        if copy.standing is CopyStatus.LEGACY:
            return reasons.legacy()
        if copy.standing is CopyStatus.UNFINISHED:
            return reasons.unfinished()
        if copy.standing is CopyStatus.ANOTHER_KEY:
            return reasons.another_key()
        if copy.standing is not CopyStatus.WHOLE or manifest is None:
            return reasons.unbelieved()
        if manifest.database != self._settings.db_name:
            return reasons.of_database(manifest.database)
        if (name.prefix, name.host) != (self._settings.backup_prefix, self._known.host):
            return reasons.of_host(f"{name.prefix}, {name.host or '—'}")
        if manifest.server.system_identifier not in self._known.servers:
            return reasons.of_server(manifest.server.system_identifier)
        if manifest.id != backup.id:
            return reasons.of_same_name()
        return None

    def _wanted(self, backup: Backup, copy: Copy) -> Reason | None:
        """Why retention keeps it; None if it does not."""
        store, kind = copy.store.name, backup.kind
        if backup.pinned is not None:
            return reasons.pinned(backup.pinned)
        if backup.moment > self._known.now:
            return reasons.future()
        days = kept_days(self._settings, kind, store)
        if not self._is_expired(copy):
            return reasons.recent(days)
        if backup.name in self._last or (store, backup.name) in self._last_in_store:
            return reasons.last(_LAST)
        if (store, backup.name) in self._weekly:
            return reasons.weekly(self._settings.keep_weekly)
        if (store, backup.name) in self._monthly:
            return reasons.monthly(self._settings.keep_monthly)
        return None

    def _hindered(self, backup: Backup, copy: Copy) -> Reason | None:
        """Why it is not deleted now, although it may go; None if nothing is in the way."""
        known, store = self._known, copy.store.name
        if known.waits is not None:
            return known.waits
        if self._doubt is not None:
            return self._doubt
        if store in known.blind:
            return known.blind[store]
        if (held := known.held.get(place_of(copy))) is not None:
            return held
        if backup.kind is Kind.FULL and known.blind:
            return reasons.elsewhere(next(iter(known.blind)))
        return None

    @cached_property
    def _doubt(self) -> Reason | None:
        """Why the newest backup is not one that makes older ones dispensable."""
        counted = [one for one in self._backups if self._counts(one)]
        past = [one for one in counted if one.moment <= self._known.now]  # one of the future vouches for none
        newest = next((one for one in (*counted[:1], *past[:1]) if not one.trusted), None)
        if newest is None:
            return None
        if newest.manifest is None:
            return reasons.newest_unbelieved(newest)
        return reasons.newest_suspect(newest) if newest.proven else reasons.newest_unproven(newest)

    def _counts(self, backup: Backup) -> bool:
        """Whether it is ours or, as far as can be told of one that is not believed, may be."""
        if any(place_of(copy) not in self._others for copy in backup.copies):
            return backup.id not in self._known.being_made
        mine = (backup.name.prefix, backup.name.host) == (self._settings.backup_prefix, self._known.host)
        made = (CopyStatus.BROKEN, CopyStatus.ANOTHER_KEY, CopyStatus.UNCHECKED)
        return mine and backup.manifest is None and any(copy.standing in made for copy in backup.copies)

    def _expired(self, copy: Copy) -> Reason:
        assert copy.manifest is not None  # noqa: S101 - else it is not ours
        age = self.newest - copy.manifest.snapshot_at
        return reasons.expired(age, kept_days(self._settings, copy.manifest.kind, copy.store.name))

    def _is_expired(self, copy: Copy) -> bool:
        assert copy.manifest is not None  # noqa: S101 - else it is not ours
        return is_expired(copy.manifest, copy.store.name, self.newest, self._settings)

    @cached_property
    def newest(self) -> datetime:
        """From when days are counted back: our newest backup, unless it is of the future."""
        moments = (one.moment for one, _copy in self._own if one.moment <= self._known.now)
        return max(moments, default=self._known.now)

    @cached_property
    def _fulls(self) -> list[tuple[Backup, Copy]]:
        """Our fulls that are not of the future, the newest first."""
        return [
            (one, copy) for one, copy in self._own if one.kind is Kind.FULL and one.moment <= self._known.now
        ]

    @cached_property
    def _last(self) -> frozenset[object]:
        """The last two fulls that are proven anywhere."""
        return frozenset([*dict.fromkeys(one.name for one, copy in self._fulls if _proven(copy))][:_LAST])

    @cached_property
    def _last_in_store(self) -> frozenset[object]:
        """The same of each store by itself."""
        found: dict[str, list[object]] = {}
        for one, copy in self._fulls:
            if _proven(copy):
                found.setdefault(copy.store.name, []).append((copy.store.name, one.name))
        return frozenset(name for names in found.values() for name in names[:_LAST])

    @cached_property
    def _weekly(self) -> frozenset[object]:
        return self._one_each(lambda local: local.isocalendar()[:2], self._settings.keep_weekly)

    @cached_property
    def _monthly(self) -> frozenset[object]:
        return self._one_each(lambda local: (local.year, local.month), self._settings.keep_monthly)

    def _one_each(self, period: Callable[[datetime], object], count: int) -> frozenset[object]:
        """The last full of each of the last ``count`` periods that have one, in each store.

        One that is proven comes before one that is not.
        """
        if not count:
            return frozenset()
        best: dict[str, dict[object, tuple[Backup, Copy]]] = {}
        for one, copy in self._fulls:
            if copy.proof.failed:
                continue
            of = best.setdefault(copy.store.name, {})
            when = period(one.moment.astimezone())
            if when not in of or (_proven(copy) and not _proven(of[when][1])):
                of[when] = one, copy
        return frozenset(
            (store, one.name) for store, of in best.items() for one, _copy in list(of.values())[:count]
        )


def _lacks(store: str, backup: Backup) -> bool:
    copy = backup.copy_in(store)
    return copy is None or copy.standing is CopyStatus.UNFINISHED


def _proven(copy: Copy) -> bool:
    """Whether a copy is proven, and not known to be damaged."""
    return copy.standing is CopyStatus.WHOLE and copy.rung.proven and not copy.proof.failed


def _worth(copy: Copy) -> tuple[int, bool]:
    """Orders copies by which to keep: of two alike that in the bucket, which outlives this machine."""
    return copy.rung, copy.store.name == "bucket"
