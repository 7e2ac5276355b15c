"""What backups there are, in both stores, and how far each is proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum

from mtn_tui.archive.proof import Mark, Proof, Tried
from mtn_tui.archive.summary import Summary
from mtn_tui.core.errors import ArchiveError, MtnError, StorageUnavailable, UsageError, WrongKey
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.core.lazy import lazy
from mtn_tui.core.models import BackupName, Kind, Rung
from mtn_tui.operations.inventory.joined import chained, marked
from mtn_tui.storage.base import Storage


class CopyStatus(StrEnum):
    """What a copy is, told without reading its payload."""

    WHOLE = "whole"
    """Its manifest is there, signed with our key, and of its size."""
    UNFINISHED = "unfinished"
    """It was being written when something stopped: no manifest, but companions of ours."""
    LEGACY = "legacy"
    """The scripts made it: no manifest, and nothing that could vouch for it."""
    BROKEN = "broken"
    """Its manifest can't be believed, or does not fit it."""
    ANOTHER_KEY = "another-key"
    """Its manifest says that another key signed it: with that one it may be whole."""
    UNCHECKED = "unchecked"
    """Its manifest is there, and without the key nobody can tell."""


@dataclass(frozen=True)
class Copy:
    """A backup in one store."""

    store: Storage
    key: str
    size: int
    standing: CopyStatus
    manifest: Summary | None
    proof: Proof
    trouble: ArchiveError | None = None
    """Why it is broken."""
    cut_off: bool = False
    """Whether it is a file of the scripts that is broken, as its size alone tells."""

    @property
    def condition(self) -> CopyStatus:
        """Its standing; or broken, where that was seen when it was last read through."""
        return CopyStatus.BROKEN if self.proof.failed else self.standing

    @property
    def rung(self) -> Rung:
        """The highest rung proven; PRESENT for a copy that can't be restored as it is."""
        return self.proof.rung if self.standing in (CopyStatus.WHOLE, CopyStatus.LEGACY) else Rung.PRESENT


@dataclass(frozen=True)
class Backup:
    """One backup and its copies, the disk's first."""

    name: BackupName
    copies: tuple[Copy, ...]
    suspect: str = ""
    """Why it should be looked at before it is relied upon."""
    base: Backup | None = None
    """Of a differential of ours: the full that it is applied to, where that is known."""

    @lazy
    def manifest(self) -> Summary | None:
        """The manifest's summary, from the first copy that has one we believe."""
        return next((copy.manifest for copy in self.copies if copy.manifest), None)

    @property
    def id(self) -> str:
        """Its id; empty if no manifest is believed."""
        return self.manifest.id if self.manifest else ""

    @property
    def handle(self) -> str:
        """What commands call it: its id or, without one, its file's name."""
        return self.id or str(self.name)

    @property
    def short(self) -> str:
        """What a person types for it: its id or, without one, as long a word made of its file's name."""
        return self.id or self.name.word

    @property
    def legacy(self) -> bool:
        """Whether the scripts made every copy of it."""
        return all(copy.standing is CopyStatus.LEGACY or copy.cut_off for copy in self.copies)

    @property
    def chain(self) -> tuple[Backup, ...]:
        """What is loaded to restore it, in this order: its full, where it has one, and itself."""
        return (self,) if self.base is None else (self.base, self)

    @property
    def unusable(self) -> str:
        """Why a differential can't be used though it is whole; empty for a full, and where it can."""
        if not (self.kind is Kind.DIFF and self.manifest):
            return ""
        if self.base is None:
            return _("its full {id} is not there").format(id=self.manifest.base)
        if not self.base.sound:
            return _("its full {name} can't be restored").format(name=self.base.name)
        return ""

    @property
    def is_point(self) -> bool:
        """Whether a moment is restored from it: not from the scripts' differentials, dumps of their own."""
        return self.kind is Kind.FULL or not self.legacy

    @lazy
    def proven(self) -> bool:
        """Whether each of its chain has a copy that is proven and not known to be damaged."""
        return all(one.sound and one.sound[0].rung.proven for one in self.chain)

    @property
    def trusted(self) -> bool:
        """Whether it may be used without asking: proven, not suspect, and no restore of it was refused."""
        return self.proven and not any(one.suspect or one.refused for one in self.chain)

    @property
    def needs_another_key(self) -> bool:
        """Whether no copy can be read because another key is needed."""
        return not self.usable and any(copy.standing is CopyStatus.ANOTHER_KEY for copy in self.copies)

    @property
    def broken(self) -> bool:
        """Whether any copy is broken, or its last verification failed."""
        return bool(self.damaged)

    @property
    def damaged(self) -> tuple[Copy, ...]:
        """The copies that are broken, or whose last verification failed."""
        return tuple(copy for copy in self.copies if copy.condition is CopyStatus.BROKEN)

    @lazy
    def doubtful(self) -> bool:
        """Whether somebody should look: it is suspect, broken, unusable, or made with another key."""
        return bool(self.suspect or self.broken or self.unusable or self.needs_another_key)

    @property
    def database(self) -> str:
        """The database that it is of, also where another key is needed to believe it; empty if unknown."""
        if self.manifest is not None:
            return self.manifest.database
        troubles = (copy.trouble for copy in self.copies)
        return next((one.database for one in troubles if isinstance(one, WrongKey)), "")

    def may_be_of(self, database: str) -> bool:
        """Whether it is of that database, or does not say of which."""
        return self.manifest is None or self.manifest.database == database

    @property
    def kind(self) -> Kind:
        """Full or differential, as its name says."""
        return self.name.kind

    @lazy
    def moment(self) -> datetime:
        """What it holds the database as of: aware; a legacy one's stamp is taken as local time."""
        return self.manifest.snapshot_at if self.manifest else self.name.stamp.astimezone(UTC)

    @property
    def size(self) -> int:
        """Bytes of the largest copy."""
        return max(copy.size for copy in self.copies)

    @property
    def raw(self) -> int | None:
        """Bytes of SQL that restoring it runs, of the whole chain; None where that is not known."""
        known = [one.manifest.raw for one in self.chain if one.manifest]
        return sum(known) if len(known) == len(self.chain) else None

    @property
    def rung(self) -> Rung:
        """What is proven of every copy and, of a differential, of its full as well."""
        own = min(copy.rung for copy in self.copies)
        return own if self.base is None else min(own, max(copy.rung for copy in self.base.copies))

    @property
    def told_rung(self) -> Rung:
        """What is said of it: ``rung``; of one that is proven, the highest that any copy has reached.

        All copies have the same bytes, so one that was restored speaks for the backup.
        """
        best = max((copy.rung for copy in self.sound), default=Rung.PRESENT)
        return max(self.rung, best) if self.rung.proven else self.rung

    @property
    def pinned(self) -> Mark | None:
        """The pin of any copy, which keeps all copies from being deleted."""
        return next((copy.proof.pinned for copy in self.copies if copy.proof.pinned), None)

    @property
    def accepted(self) -> Mark | None:
        """The acceptance of any copy: somebody looked at it when it was suspect."""
        return next((copy.proof.accepted for copy in self.copies if copy.proof.accepted), None)

    @property
    def refused(self) -> Tried | None:
        """The last restore of any copy that failed for what is in the backup."""
        return next((copy.proof.refused for copy in self.copies if copy.proof.refused), None)

    @property
    def loads(self) -> Tried | None:
        """The last test load of any copy."""
        return next((copy.proof.loads for copy in self.copies if copy.proof.loads), None)

    def copy_in(self, store: str) -> Copy | None:
        """Its copy in ``disk`` or ``bucket``; None if there is none."""
        return next((copy for copy in self.copies if copy.store.name == store), None)

    @lazy
    def usable(self) -> tuple[Copy, ...]:
        """Copies that could be restored, the best proven first, the disk before the bucket."""
        if self.unusable:
            return ()
        good = [copy for copy in self.copies if copy.standing in (CopyStatus.WHOLE, CopyStatus.LEGACY)]
        return tuple(sorted(good, key=lambda copy: copy.rung, reverse=True))

    @lazy
    def sound(self) -> tuple[Copy, ...]:
        """Those of the usable ones that are not known to be damaged."""
        return tuple(copy for copy in self.usable if not copy.proof.failed)


class Pending(StorageUnavailable):
    """A store was asked and has not answered in full yet."""

    def __init__(self) -> None:
        super().__init__(_("It was asked, and has not answered yet."))


@dataclass(frozen=True)
class Inventory:
    """All backups in the stores, and which stores did not answer."""

    backups: tuple[Backup, ...]
    """Newest first."""
    unreachable: dict[str, MtnError] = field(default_factory=dict)
    """Stores of which nothing is known, and why."""
    pending: frozenset[str] = frozenset()
    """Stores that are not done answering."""

    @property
    def is_partial(self) -> bool:
        """Whether a store has not answered yet at all, not even that it can't."""
        return any(isinstance(error, Pending) for error in self.unreachable.values())

    def differentials_on(self, full: Backup) -> Sequence[Backup]:
        """Those that are applied to that full, the newest first."""
        return self._by_base.get(full.name, ())

    @lazy
    def _by_base(self) -> dict[BackupName, list[Backup]]:
        found: dict[BackupName, list[Backup]] = {}
        for one in self.backups:
            if one.base is not None:
                found.setdefault(one.base.name, []).append(one)
        return found

    def files_in(self, store: str) -> frozenset[str]:
        """The names of the backups' files in that store, without their folders."""
        copies = (one.copy_in(store) for one in self.backups)
        return frozenset(copy.key.rpartition("/")[2] for copy in copies if copy is not None)

    def over(self, before: Inventory | None) -> Inventory:
        """This inventory, with what pending stores had answered ``before``, failures included."""
        if before is None or not self.pending:
            return self
        known = self.pending - before.unreachable.keys()
        found = {one.name: list(one.copies) for one in self.backups}
        for one in before.backups:
            found.setdefault(one.name, []).extend(copy for copy in one.copies if copy.store.name in known)
        failed = {name: error for name, error in before.unreachable.items() if name in self.pending}
        unreachable = {name: error for name, error in self.unreachable.items() if name not in known} | failed
        return inventory_of(
            {name: copies for name, copies in found.items() if copies}, unreachable, self.pending
        )

    def find(self, wanted: str) -> Backup:
        """The backup of that id or file name, or that word. Raises UsageError if there is none, or two."""
        found = [one for one in self.backups if wanted in (one.short, str(one.name))]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(
                _("{wanted} may be any of these: {names}").format(
                    wanted=wanted, names=", ".join(str(one.name) for one in found)
                ),
                _("Name the file."),
            )
        hint = _("mtn list shows what there is.")
        if self._troubles():
            hint += " " + _("What can't be trusted has another ID there.")
        if self.unreachable:
            stores = ", ".join(self.unreachable)
            hint += " " + _("No answer, so not looked into: {stores}").format(stores=stores)
        raise UsageError(_("There is no backup {wanted!r}.").format(wanted=wanted), hint)

    def latest(self, kind: Kind | None = Kind.FULL, database: str = "") -> Backup:
        """The newest proven backup that is not suspect; if none is proven, the newest usable one.

        Without a ``kind`` it is a full or a differential, but none of the scripts'.
        One whose restore failed because of its contents is taken only if there is no other.
        ``database`` leaves out those of other databases. If there is none, raises why
        the newest is not believed or why a store could not be asked, else UsageError.
        """
        every = [
            one for one in self.backups if one.usable and (one.is_point if kind is None else one.kind is kind)
        ]
        of_kind = [one for one in every if not database or one.may_be_of(database)]
        if not of_kind:
            for trouble in (*self._troubles(kind or Kind.FULL), *self.unreachable.values()):
                raise trouble
            if every:
                raise _of_others(every, database)
            raise UsageError(
                _("There is no {kind} backup yet.").format(kind=kind or Kind.FULL),
                _("Make one: mtn backup full"),
            )
        return best(of_kind)

    def _troubles(self, *kinds: Kind) -> list[ArchiveError]:
        """Why copies can't be believed, the newest first."""
        of_kind = [one for one in self.backups if not kinds or one.kind in kinds]
        return [copy.trouble for one in of_kind for copy in one.copies if copy.trouble]


def best(backups: Sequence[Backup]) -> Backup:
    """The newest that is trusted; if none is, the newest that is proven and not suspect, else the newest.

    They are usable, and given newest first.
    """
    proven = [one for one in backups if one.proven and not one.suspect]
    return ([one for one in proven if one.trusted] or proven or backups)[0]


def _of_others(others: list[Backup], database: str) -> UsageError:
    """Return the error for a database without a backup where there are some of other databases."""
    names = sorted({one.manifest.database for one in others if one.manifest})
    return UsageError(
        ngettext(
            "There is no backup of {database} yet; there is {count} of another database: {names}.",
            "There is no backup of {database} yet; there are {count} of other databases: {names}.",
            len(others),
        ).format(database=database, count=len(others), names=", ".join(names)),
        _(
            "DB_NAME, from the environment or the configuration, is {database}."
            " If another is meant, correct it; else make one: mtn backup full"
        ).format(database=database),
    )


def inventory_of(
    found: dict[BackupName, list[Copy]], unreachable: dict[str, MtnError], pending: frozenset[str]
) -> Inventory:
    """Make an inventory of copies in any order: the newest backup first, suspect ones marked."""
    backups = [
        Backup(name, tuple(sorted(copies, key=lambda copy: copy.store.name != "disk")))
        for name, copies in found.items()
    ]
    backups.sort(key=lambda backup: (backup.moment, backup.name), reverse=True)
    taken = Inventory(tuple(backups), unreachable, pending)
    # The backups to compare with may lie in the store that has not answered yet.
    known = backups if taken.is_partial else marked(backups)
    return replace(taken, backups=tuple(chained(known)))
