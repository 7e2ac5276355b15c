"""What pruning would delete, in lines: the sum of it, and a row for each copy and each old record."""

from __future__ import annotations

from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.retention import labels as retention_labels
from mtn_tui.operations.retention.hindrances import hindrances
from mtn_tui.operations.retention.policy import Verdict
from mtn_tui.operations.retention.preview import Preview
from mtn_tui.operations.retention.prune import freed
from mtn_tui.operations.retention.records import Record
from mtn_tui.ui.text.cells import Span, fit, width_of

_STORE, _KIND, _MOMENT, _SIZE = 7, 9, 21, 9
"""Cells: with the reason, in either language, they fill 80."""


def summary(would: Preview) -> list[Span]:
    """How much would go and stay, and what is in the way; each a paragraph with its tone."""
    found = would.survey
    going, kept = found.expired, Figure(len(would.kept))
    if going:
        text = ngettext(
            "{count} copy would be deleted, {kept} kept",
            "{count} copies would be deleted, {kept} kept",
            len(going),
        )
        said: list[Span] = [(text.format(count=Figure(len(going)), kept=kept), "strong")]
        sizes = freed(going).items()
        said.append(("; ".join(retention_labels.would_free(store, size) for store, size in sizes), ""))
    elif found.verdicts:
        said = [(_("No copy would be deleted, {kept} kept").format(kept=kept), "strong")]
    else:
        said = [(_("No copy would be deleted: no backup is known."), "strong")]
    if would.records:
        said.append((retention_labels.old_records(would.records), ""))
    said += [(f"⚠ {one.says}", "warn") for one in hindrances(found)]
    reasons = [one.reason.says for one in found.left]
    for reason in dict.fromkeys(reasons):
        count = reasons.count(reason)
        text = ngettext(
            "{count} copy stays for now: {reason}", "{count} copies stay for now: {reason}", count
        )
        said.append((text.format(count=Figure(count), reason=reason), ""))
    return said


def heading(width: int) -> str:
    """The names of the columns."""
    head = " " + fit(_("Store"), _STORE) + fit(_("Kind"), _KIND) + fit(_("Moment"), _MOMENT)
    return fit(head + fit(_("Size"), _SIZE, right=True) + " " + _("Why"), width)


def heading_of_records(width: int) -> str:
    """The names of the columns, where the list has old logs and records first."""
    name = " " + fit(_("Log or record"), _STORE + _KIND + _MOMENT)
    return fit(name + fit(_("Size"), _SIZE, right=True) + " " + _("Why"), width)


def record_row(one: Record, width: int) -> list[Span]:
    """One old log or record that would be deleted."""
    pieces: list[Span] = [
        (" " + fit(one.path.name, _STORE + _KIND + _MOMENT), ""),
        (fit(labels.size(one.size), _SIZE, right=True) + " ", ""),
    ]
    return [*pieces, (fit(one.why, max(width - width_of(pieces), 0)), "")]


def told_of_record(one: Record) -> list[str]:
    """What there is to say of an old log or record: where it is, and why it goes."""
    return [str(one.path), one.why]


def details_of_record(one: Record) -> list[str]:
    """All of it: where it is, how large, and why it goes."""
    return [str(one.path), labels.size(one.size), one.why]


def row(one: Verdict, width: int, *, seconds: bool = False) -> list[Span]:
    """One copy, dimmed where it is kept; with ``seconds`` where another backup is of the same minute."""
    tone = "dim" if one.kept else ""
    pieces: list[Span] = [
        (" " + fit(labels.store(one.copy.store.name), _STORE), tone),
        (fit(labels.kind(one.backup.kind), _KIND), tone),
        (fit(labels.moment(one.backup.moment, seconds=seconds), _MOMENT), tone),
        (fit(labels.size(one.copy.size), _SIZE, right=True) + " ", tone),
    ]
    return [*pieces, (fit(one.reason.says, max(width - width_of(pieces), 0)), tone)]


def told(one: Verdict) -> list[str]:
    """What there is to say of one copy: its name, the reason, and what differentials are restored with."""
    said = [str(one.backup.name), one.reason.says]
    if one.instead is not None:
        text = _("Differentials that need it are restored with the copy in the {store}.")
        said.append(text.format(store=labels.store(one.instead.store.name)))
    return said
