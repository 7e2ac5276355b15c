"""Describes the outcome of a job, from the facts in its journal."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from mtn_tui.core.i18n import Figure, _, ngettext, written
from mtn_tui.core.models import Rung
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Status

Facts = Mapping[str, Any]
"""As returned by an operation's ``facts()`` and stored as JSON."""


def lines(kind: str, facts: Facts) -> list[str]:
    """Return the lines for stdout; empty if the kind has no outcome, or without facts."""
    tell = {
        "backup-full": _backup,
        "backup-diff": _backup,
        "verify": _verify,
        "restore": _restore,
        "drill": _drill,
        "undo": _undo,
        "promote": _promote,
        "recover": _recover,
        "kept-drop": _dropped,
        "prune": _prune,
        "test-load": _test_load,
        "sync": _sync,
    }.get(kind)
    return tell(facts) if tell and facts else []


def of_journal(kind: str, facts: Facts) -> list[str]:
    """Return the lines of a job of any version; empty also if its facts are not those of this one.

    Another version may have recorded fewer facts, or others under these keys, and what it came
    to can't be said from them. The journal still tells how the job ended and what it warned of.
    """
    try:
        return lines(kind, facts)
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError):
        return []


def exit_code(kind: str, facts: Facts, warned: int) -> int:
    """Return a successful job's exit code: 2 if a copy is bad, 3 if one was not read, else ``warned``."""
    copies = facts.get("copies", []) if kind == "verify" else []
    if any(copy.get("trouble") and not copy.get("unknown") for copy in copies):
        return 2
    return 3 if any(copy.get("unknown") for copy in copies) else warned


def _backup(facts: Facts) -> list[str]:
    said = _("{size} for {raw} of SQL, {seconds}, proven: {what}").format(
        size=labels.size(facts["size"]),
        raw=labels.size(facts["raw_size"]),
        seconds=labels.seconds(facts["seconds"]["total"]),
        what=labels.proven(Rung.of(facts["rung"])),
    )
    lines = [f"{facts['id']}  {facts['name']}", said]
    if instead := facts.get("instead_of_differential"):
        lines.append(_("A full was made instead of a differential: {reason}.").format(reason=instead))
    return lines


def _restore(facts: Facts) -> list[str]:
    target, seconds = facts["target"], labels.seconds(facts["seconds"]["total"])
    if facts["rows"] is None:
        said = _("{target} restored in {seconds}, rows not counted").format(target=target, seconds=seconds)
    else:
        said = _("{target} restored in {seconds}; rows counted: {rows:,}, tables: {tables}").format(
            target=target, seconds=seconds, rows=Figure(facts["rows"]), tables=facts["tables"]
        )
    hidden = [labels.not_counted(facts["not_counted"])] if facts.get("not_counted") else []
    hidden += [labels.inserted(facts["inserted"])] if facts.get("inserted") else []
    gone = _left_out(facts["left_out"]) if facts.get("left_out") else []
    stays = labels.stays(target) if facts.get("stays") else ()
    return [
        f"{facts['name']}  {labels.store(facts['store'])}",
        said,
        *hidden,
        *gone,
        *_swapped(facts),
        *stays,
    ]


def _left_out(facts: Facts) -> list[str]:
    from mtn_tui.operations.restore.preflight.extensions import (
        told,  # imports much more, and is needed here only
    )

    return told(facts)


def _drill(facts: Facts) -> list[str]:
    spent = {
        "check": _("reading"),
        "load": _("loading"),
        "changes": _("differential"),
        "verify": _("counting"),
        "query": _("querying"),
        "drop": _("dropping"),
    }
    seconds = facts["seconds"]
    parts = [f"{name} {labels.seconds(seconds[key])}" for key, name in spent.items() if key in seconds]
    rto = _("RTO {time}, of {target}").format(
        time=labels.duration(facts["rto_seconds"]), target=labels.duration(facts["target_rto_hours"] * 3600)
    )
    counted = _("rows counted: {rows:,}, tables: {tables}").format(
        rows=Figure(facts["rows"]), tables=facts["tables"]
    )
    return [
        *(
            f"{name}  {labels.store(store)}"
            for name, store in zip(facts["chain"], facts["stores"], strict=True)
        ),
        f"{rto} ({', '.join(parts)})",
        counted,
        *(f"{Status(one['status']).glyph} {one['says']}" for one in facts["checks"]),
        *([_("Checksum: {sum}").format(sum=facts["checksum"])] if facts["checksum"] else []),
    ]


def _test_load(facts: Facts) -> list[str]:
    loads, where, rows = facts["loads"], facts["where"], Figure(facts["rows_of_each"])
    if facts["without"]:
        where = _("{where}, without {names}").format(where=where, names=", ".join(facts["without"]))
    tried = _(
        "Tried on {where}, in a database of its own that was dropped again: the schema and the first {count} "
        "rows of each table, without foreign keys, large objects and subscriptions."
    )
    if loads is None:
        came = "? " + _("Whether it loads could not be tried: {reason}").format(reason=facts["reason"])
    elif loads:
        came = "✔ " + _("It loads here.")
    else:
        came = "✖ " + _("It does not load here: {reason}").format(reason=facts["reason"])
    return [str(facts["name"]), tried.format(where=where, count=rows), came]


def _undo(facts: Facts) -> list[str]:
    return [
        _("{target} is again what it was: {name}").format(target=facts["target"], name=facts["put_back"]),
        *_swapped(facts),
    ]


def _promote(facts: Facts) -> list[str]:
    return [
        _("{source} is now {target}").format(source=facts["source"], target=facts["target"]),
        *_swapped(facts),
    ]


def _recover(facts: Facts) -> list[str]:
    text = ngettext(
        "{rows:,} row of {source} is in {target} again",
        "{rows:,} rows of {source} are in {target} again",
        facts["rows"],
    )
    said = text.format(rows=Figure(facts["rows"]), source=facts["from"], target=facts["target"])
    tables = [f"    {Figure(one['written']):>9,}  {one['name']}" for one in facts["tables"] if one["written"]]
    if linked := facts.get("linked"):
        text = ngettext("{count:,} reference is set again", "{count:,} references are set again", linked)
        tables.append(text.format(count=Figure(linked)))
    return [said, *tables]


def _dropped(facts: Facts) -> list[str]:
    return [_("{name} was dropped, {size}").format(name=facts["dropped"], size=labels.size(facts["size"]))]


def _prune(facts: Facts) -> list[str]:
    lines = [
        ngettext(
            "{count} copy deleted, {kept} kept", "{count} copies deleted, {kept} kept", len(facts["deleted"])
        ).format(count=Figure(len(facts["deleted"])), kept=Figure(facts["kept"]))
    ]
    for store, freed in facts["freed"].items():
        lines.append(_("{store}: {size} freed").format(store=labels.store(store), size=labels.size(freed)))
    for one in facts["left"]:
        text = _("Not deleted: {name}, {store}: {reason}")
        lines.append(text.format(name=one["name"], store=labels.store(one["store"]), reason=one["reason"]))
    if facts["versions_kept"]:
        lines.append(labels.versions_kept())
    if facts["records"]:
        text = ngettext(
            "{count} old log or record deleted", "{count} old logs and records deleted", facts["records"]
        )
        lines.append(text.format(count=Figure(facts["records"])))
    lines += [labels.kept_past(name) for name in facts["databases"]]
    return lines


def _sync(facts: Facts) -> list[str]:
    text = ngettext("{count} copy made, {size}", "{count} copies made, {size}", len(facts["copied"]))
    if not (facts["copied"] or facts["failed"]):
        return [_("Nothing is missing.")]
    return [text.format(count=Figure(len(facts["copied"])), size=labels.size(facts["bytes"]))]


def _swapped(facts: Facts) -> list[str]:
    """Describe what became of the replaced database, and for how long there was none."""
    said = []
    if facts.get("kept"):
        said.append(
            _("The one before is kept as {kept}. Bring it back: mtn undo {target}").format(
                kept=facts["kept"], target=shlex.quote(facts["target"])
            )
        )
    if facts.get("safety"):
        said.append(_("The one before was backed up and dropped: {safety}").format(safety=facts["safety"]))
    if facts.get("replaced"):
        said.append(
            _("The swap itself took {seconds} s.").format(seconds=written(f"{facts['seconds_without']:.2f}"))
        )
    if facts.get("fresh_copies"):
        said.append(_("For a fresh copy of what its subscriptions take (the slot at the publisher):"))
        said += [f"    {line}" for line in facts["fresh_copies"]]
    return said


def _verify(facts: Facts) -> list[str]:
    return [_copy(copy) for copy in facts["copies"]]


def _copy(copy: Facts) -> str:
    where = labels.store(copy["store"])
    if copy["unknown"]:
        return f"? {copy['name']}  {where}: " + (copy["trouble"] or _("could not be read"))
    if copy["trouble"]:
        return f"✖ {copy['name']}  {where}: {copy['trouble']}"
    return f"✔ {copy['name']}  {where}: {labels.rung(Rung.of(copy['rung']))}"
