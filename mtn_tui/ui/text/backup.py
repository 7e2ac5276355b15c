"""A backup in words: a row of the list, and what there is to say of one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from itertools import islice

from mtn_tui.archive.manifest import About
from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.core.models import Kind, Rung
from mtn_tui.operations.common import labels
from mtn_tui.operations.inventory import labels as copy_labels
from mtn_tui.operations.inventory.labels import Presence
from mtn_tui.operations.inventory.model import Backup, Copy, CopyStatus, Inventory
from mtn_tui.ui.text.cells import Span, fit, width_of, wrapped

KIND, MOMENT, AGE, SIZE, STORE = 8, 21, 6, 9, 6
"""Cells of the columns; what is proven has the rest."""

_BEFORE_PROVEN = 1 + KIND + 1 + MOMENT + AGE + 1 + SIZE + 2 + STORE + 1 + STORE + 1


_FOLD = 3
"""Cells before the kind where the list has chains: the glyph of a full, or what indents a differential."""


class Fold(StrEnum):
    """How a row stands in a chain, as its glyph."""

    OPEN = "▾"
    """A full whose differentials are listed below it."""
    FOLDED = "▸"
    ALONE = " "
    """A backup on which nothing builds."""
    BELOW = ""
    """A differential below its full."""


def heading(width: int, *, chains: bool = False) -> list[Span]:
    """The line of column names above the list; with ``chains`` there is room for their glyphs."""
    before = _FOLD if chains else 0
    cells = [
        " " * (1 + before),
        fit(_("Kind"), KIND + 1),
        fit(_("Moment"), MOMENT),
        fit(_("Age"), AGE, right=True),
        " ",
        fit(_("Size"), SIZE, right=True),
        "  ",
        fit(_("Disk"), STORE + 1),
        fit(_("Bucket"), STORE + 1),
        fit(_("Proven to"), max(width - _BEFORE_PROVEN - before, 0)),
    ]
    return [("".join(cells), "dim")]


def row(
    backup: Backup,
    unreachable: frozenset[str],
    now: datetime,
    width: int,
    *,
    seconds: bool = False,
    fold: Fold | None = None,
    hides_doubts: bool = False,
) -> list[Span]:
    """One line of the list. ``unreachable`` names the stores that did not answer.

    ``fold`` is None where the list has no chains. ``hides_doubts``: something is
    wrong with a differential that is folded away below it.
    """
    age = labels.age(backup.moment, now)
    kind, room_for_kind = labels.kind(backup.kind), KIND + 1
    if fold is not None:
        kind, room_for_kind = (fold + " " if fold else "   ") + kind, KIND + 1 + _FOLD
    start = [
        " ",
        fit(kind, room_for_kind),
        fit(labels.moment(backup.moment, seconds=seconds), MOMENT),
        fit(age if backup.moment <= now else "—", AGE, right=True),
        " ",
        fit(labels.size(backup.size), SIZE, right=True),
        "  ",
    ]
    pieces: list[Span] = [("".join(start), "")]
    for store in ("disk", "bucket"):
        seen = copy_labels.presence(backup, store, unreachable=store in unreachable)
        pieces.append((fit(seen.value, STORE + 1), _TONES[seen]))
    room = max(width - width_of(pieces), 0)
    mark = (" ★" if backup.pinned else "") + (" ⚠" if hides_doubts else "")
    said, tone = next(
        ((one, tone) for one, tone in _proven(backup) if len(one + mark) < room), _proven(backup)[-1]
    )
    return [*pieces, (fit(said + mark, room), tone)]


_TONES = {
    Presence.GOOD: "good",
    Presence.BROKEN: "bad",
    Presence.UNFINISHED: "warn",
    Presence.UNSURE: "warn",
    Presence.ABSENT: "dim",
}


def _proven(backup: Backup) -> list[Span]:
    """The last column, in longer and shorter words."""
    if backup.broken:
        return [("✖ " + copy_labels.standing(CopyStatus.BROKEN), "bad")]
    if backup.unusable:
        return [("✖ " + _("unusable"), "bad")]
    if backup.refused:
        return [("✖ " + _("restore failed"), "bad")]
    if backup.loads and backup.loads.reason:
        return [("⚠ " + _("does not load here"), "warn"), ("⚠", "warn")]
    if backup.suspect:
        return [("⚠ " + _("suspect"), "warn")]
    if status := copy_labels.status(backup):
        word = copy_labels.standing(status)
        if status is CopyStatus.LEGACY and backup.rung > Rung.PRESENT:
            return [(f"{word}, {labels.rung(backup.rung)}", ""), (word, "")]
        return [(word, "" if status is CopyStatus.LEGACY else "warn")]
    return [(labels.rung(backup.told_rung), "good" if backup.rung.proven else "warn")]


def headline(backup: Backup) -> str:
    """Kind, moment and ID of a backup."""
    kind = {Kind.FULL: _("full"), Kind.DIFF: _("differential")}[backup.kind]
    moment = labels.moment(backup.moment)
    if not backup.id:
        return _("{kind} of {moment}, {name}").format(kind=kind, moment=moment, name=backup.name)
    return _("{kind} of {moment}, ID {id}").format(kind=kind, moment=moment, id=backup.id)


def chain(backup: Backup, inventory: Inventory) -> list[Span]:
    """A sentence on what a differential is applied to, or on the differentials on a full."""
    if backup.base is not None:
        text = _("Restored on the full of {moment}, ID {id}.")
        return [(text.format(moment=labels.moment(backup.base.moment), id=backup.base.id), "")]
    on_it = inventory.differentials_on(backup)
    if not on_it:
        return []
    text = ngettext(
        "{count} differential on it, of {moment}.",
        "{count} differentials on it, the last of {moment}.",
        len(on_it),
    )
    return [(text.format(count=len(on_it), moment=labels.moment(on_it[0].moment)), "")]


def troubles(backup: Backup, inventory: Inventory) -> list[Span]:
    """Sentences: what is wrong with a backup and what to do; or how far it is proven."""
    said: list[Span] = []
    for number, copy in enumerate(backup.copies):
        before = [one.trouble.hint for one in backup.copies[:number] if one.trouble]
        said += _copy_troubles(copy, advised=copy.trouble is not None and copy.trouble.hint in before)
    if backup.unusable:
        said.append((_("It can't be restored: {reason}.").format(reason=backup.unusable), "bad"))
        said.append((_("Another moment near it may do: the backups before and after it."), ""))
    whole = backup.sound
    if len(backup.damaged) == len(backup.copies) and not backup.legacy:
        said.append((_("No copy of it can be restored: take the backup before it."), "bad"))
    if said and whole:
        text = _("The copy in the {store} can be restored: [R].").format(
            store=labels.store(whole[0].store.name)
        )
        said.append((text, ""))
    if backup.refused:
        said.append((_("Restoring it failed: {what}").format(what=labels.tried(backup.refused)), "bad"))
    if backup.loads:
        text = _("Does not load here: {what}") if backup.loads.reason else _("Loads here: {what}")
        said.append((text.format(what=labels.tried(backup.loads)), "warn" if backup.loads.reason else "good"))
    if backup.suspect:
        said.append((_("Suspect: {reason}.").format(reason=backup.suspect), "warn"))
        said.append((_("It evicts nothing until someone has looked: [R] restores it, [a] accepts it."), ""))
    if backup.legacy and whole:
        said.append((_("The scripts made it: nothing vouches for its contents. [v] reads it through."), ""))
    fine = not said or (backup.loads is not None and not backup.loads.reason and len(said) == 1)
    if whole and (fine or (backup.legacy and backup.rung > Rung.PRESENT)):
        said.append(_evidence(whole))
    for store, error in inventory.unreachable.items():
        if backup.copy_in(store) is None:
            text = _("It is not known whether the {store} has it: {reason}")
            said.append((text.format(store=labels.store(store), reason=error.title), "warn"))
    return said


def _copy_troubles(copy: Copy, *, advised: bool) -> list[Span]:
    """What is wrong with one copy; without what to do if that was ``advised`` for another copy."""
    store = labels.store(copy.store.name)
    if copy.trouble is not None:
        text = copy.trouble.title if advised else labels.whole(copy.trouble)
        return [(f"{store}: {text}", "warn" if copy.standing is CopyStatus.ANOTHER_KEY else "bad")]
    if copy.proof.failed:
        return [(f"{store}: {copy.proof.failed} " + _("[v] looks again."), "bad")]
    if copy.standing is CopyStatus.UNFINISHED:
        text = _("{store}: it was never finished, and does not count. [b] makes another.")
        return [(text.format(store=store), "warn")]
    return []


def _evidence(whole: Sequence[Copy]) -> Span:
    lowest = min(whole, key=lambda copy: copy.rung)
    at = lowest.proof.rungs.get(lowest.rung)
    places = ", ".join(labels.store(copy.store.name) for copy in whole)
    if at is None or lowest.rung is Rung.PRESENT:
        return _("Not proven yet ({stores}): [v] reads it through.").format(stores=places), "warn"
    text = _("Proven: {what}, {moment} ({stores}).").format(
        what=labels.proven(lowest.rung), moment=labels.moment(at), stores=places
    )
    best = max(whole, key=lambda copy: copy.rung)
    restored = best.proof.rungs.get(best.rung)
    if best.rung > lowest.rung and lowest.rung.proven and restored is not None:
        text += " " + _("The copy in the {store}: {rung}, {moment}.").format(
            store=labels.store(best.store.name), rung=labels.rung(best.rung), moment=labels.moment(restored)
        )
    return text, "good" if lowest.rung.proven else "warn"


def missing(inventory: Inventory) -> list[str]:
    """What a list lacks, and why: a sentence for each store that did not answer."""
    text = _("⚠ What the {store} holds is not in this list: {reason}")
    return [
        text.format(store=labels.store(store), reason=error.title)
        for store, error in inventory.unreachable.items()
    ]


def before(backup: Backup, inventory: Inventory) -> About | None:
    """The backup before it, of the same kind and database; None if there is none, or stores are unread.

    Before a differential it is the last of its chain; there is none where its full is gone.
    """
    if inventory.is_partial:
        return None
    manifest = backup.manifest
    if manifest is None:
        return None
    like: Sequence[Backup] = inventory.backups
    if backup.kind is Kind.DIFF:
        like = () if backup.base is None else [*inventory.differentials_on(backup.base), backup.base]
    older = bisect_right(like, -backup.moment.timestamp(), key=lambda one: -one.moment.timestamp())
    for one in islice(like, older, None):
        if one.kind is backup.kind or one is backup.base:
            other = one.manifest
            if other is not None and other.database == manifest.database:
                return other
    return None


def tables(manifest: About, earlier: About | None) -> list[tuple[str, int, int | None]]:
    """Each table, its rows and those before; what has changed most first."""
    rows, was = manifest.rows(), earlier.rows() if earlier else {}
    listed = [(table, count, was.get(table, 0) if earlier else None) for table, count in rows.items()]
    listed += [(table, 0, count) for table, count in was.items() if table not in rows]
    return sorted(listed, key=lambda one: (-abs(one[1] - (one[1] if one[2] is None else one[2])), -one[1]))


def tables_in_short(manifest: About, earlier: About | None) -> str:
    """The rows of every table in a line, and what they were in an earlier backup."""
    parts = []
    for table, count, was in tables(manifest, earlier):
        if was is None or was == count:
            parts.append(f"{_bare(table)} {Figure(count):,}")
        else:
            parts.append(
                f"{_bare(table)} {Figure(count):,} " + _("(was {count})").format(count=f"{Figure(was):,}")
            )
    return _("Rows: {tables}").format(tables=" · ".join(parts))


def _bare(table: str) -> str:
    return table.removeprefix("public.")


def pane(backup: Backup, inventory: Inventory, width: int, height: int) -> list[list[Span]]:
    """A backup's summary beneath the list: exactly ``height`` lines."""
    room = width - 2
    lines: list[Span] = [(line, "strong") for line in wrapped(headline(backup), room)[:2]]
    for text, tone in [*chain(backup, inventory), *troubles(backup, inventory)]:
        lines += [(line, tone) for line in wrapped(text, room)]
    if backup.manifest:
        earlier = before(backup, inventory)
        lines += [(line, "") for line in wrapped(tables_in_short(backup.manifest, earlier), room)]
    if len(lines) > height:
        lines = [*lines[: height - 1], (_("[enter] shows the rest"), "dim")]
    lines += [("", "")] * (height - len(lines))
    return [[(" ", ""), line] for line in lines]
