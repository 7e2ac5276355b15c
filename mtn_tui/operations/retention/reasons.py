"""Why a copy is kept or deleted: a word for programs, and a sentence for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mtn_tui.archive.proof import Mark
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.inventory.model import Backup


class Why(StrEnum):
    """The kinds of reasons; the words in JSON."""

    EXPIRED = "expired"
    """The one for which a copy is deleted."""

    RECENT = "recent"
    FUTURE = "future"
    LAST = "last"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    PINNED = "pinned"
    BASE = "base"

    LEGACY = "legacy"
    UNFINISHED = "unfinished"
    ANOTHER_KEY = "another-key"
    UNBELIEVED = "unbelieved"
    OTHERS = "others"

    INCIDENT = "incident"
    NEWEST = "newest"
    STORE = "store"
    ELSEWHERE = "elsewhere"
    IN_USE = "in-use"
    LOCKED = "locked"
    FAILED = "failed"

    @property
    def wanted(self) -> bool:
        """Whether the store wants it; else it is not ours, or only stays for now."""
        return self in _WANTED


_WANTED = frozenset({Why.RECENT, Why.FUTURE, Why.LAST, Why.WEEKLY, Why.MONTHLY, Why.PINNED, Why.BASE})


@dataclass(frozen=True)
class Reason:
    """One reason."""

    why: Why
    says: str


def expired(age: timedelta, days: int) -> Reason:
    """It is older than its store keeps it."""
    text = ngettext("{age} d old, kept for {days} day", "{age} d old, kept for {days} days", days)
    return Reason(Why.EXPIRED, text.format(age=age.days, days=days))


def recent(days: int) -> Reason:
    """It is not that old yet."""
    text = ngettext("within {days} day of the newest", "within {days} days of the newest", days)
    return Reason(Why.RECENT, text.format(days=days))


def future() -> Reason:
    """It is dated later than now."""
    return Reason(Why.FUTURE, _("dated in the future"))


def last(count: int) -> Reason:
    """It is one of the last proven fulls."""
    return Reason(Why.LAST, _("one of the last {count} proven fulls").format(count=count))


def weekly(count: int) -> Reason:
    """It stands for its week."""
    return Reason(Why.WEEKLY, _("the full of its week (KEEP_WEEKLY={count})").format(count=count))


def monthly(count: int) -> Reason:
    """It stands for its month."""
    return Reason(Why.MONTHLY, _("the full of its month (KEEP_MONTHLY={count})").format(count=count))


def pinned(mark: Mark) -> Reason:
    """Somebody pinned it."""
    by = _("pinned by {operator}").format(operator=mark.operator)
    return Reason(Why.PINNED, f"{by}: {mark.note}" if mark.note else by)


def base(differentials: int) -> Reason:
    """Differentials that are kept need it."""
    text = ngettext(
        "{count} copy of a differential needs it",
        "{count} copies of differentials need it",
        differentials,
    )
    return Reason(Why.BASE, text.format(count=differentials))


def legacy() -> Reason:
    """The scripts made it."""
    return Reason(Why.LEGACY, _("made by the scripts: it does not say of which database"))


def unfinished() -> Reason:
    """It has no manifest."""
    return Reason(Why.UNFINISHED, _("unfinished: a later backup clears it up"))


def another_key() -> Reason:
    """The key does not vouch for its manifest."""
    return Reason(Why.ANOTHER_KEY, _("made with another key, without which nothing vouches for it"))


def unbelieved() -> Reason:
    """Its manifest is broken."""
    return Reason(Why.UNBELIEVED, _("its manifest can't be trusted"))


def of_database(name: str) -> Reason:
    """It is of another database."""
    return Reason(Why.OTHERS, _("of another database: {name}").format(name=name))


def of_host(name: str) -> Reason:
    """It has another prefix or host in its name."""
    return Reason(Why.OTHERS, _("of another installation: {name}").format(name=name))


def of_server(identifier: int) -> Reason:
    """It is of a server on which the database was never seen from here."""
    return Reason(Why.OTHERS, _("of a server not known here: {server}").format(server=identifier))


def of_same_name() -> Reason:
    """The other store has another backup of its name."""
    return Reason(Why.OTHERS, _("the other store has another backup of this name"))


def of_installation(name: str) -> Reason:
    """Its mark in the bucket is another's."""
    return Reason(Why.OTHERS, _("put there by another installation: {name}").format(name=name[:8]))


def incident() -> Reason:
    """Somebody may need any of them now."""
    return Reason(Why.INCIDENT, _("an incident is open"))


def newest_suspect(backup: Backup) -> Reason:
    """The newest backup should be looked at first."""
    said = _("the newest backup, {name}, is suspect").format(name=backup.name)
    return Reason(Why.NEWEST, said)


def newest_unproven(backup: Backup) -> Reason:
    """The newest backup was not read back."""
    return Reason(Why.NEWEST, _("the newest backup, {name}, is not proven").format(name=backup.name))


def newest_unbelieved(backup: Backup) -> Reason:
    """The newest backup may be anything."""
    return Reason(Why.NEWEST, _("the newest backup, {name}, can't be read").format(name=backup.name))


def silent(store: str, reason: str) -> Reason:
    """Its store does not answer, or not in full."""
    return Reason(Why.STORE, _("{store}: {reason}").format(store=labels.store(store), reason=reason))


def elsewhere(store: str) -> Reason:
    """Another store may hold a differential that needs it."""
    text = _("a differential in the other store ({store}) may need it, and it can't be looked at now")
    return Reason(Why.ELSEWHERE, text.format(store=labels.store(store)))


def in_use() -> Reason:
    """A job reads it."""
    return Reason(Why.IN_USE, _("in use just now"))


def locked(until: datetime | None) -> Reason:
    """The bucket's Object Lock keeps it."""
    if until is None:
        return Reason(Why.LOCKED, _("locked by the bucket (legal hold)"))
    return Reason(Why.LOCKED, _("locked by the bucket until {moment}").format(moment=labels.moment(until)))


def failed(reason: str) -> Reason:
    """It was tried, and its store refused."""
    return Reason(Why.FAILED, reason)
