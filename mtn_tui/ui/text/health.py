"""The health checks in words: a row of the checklist, what there is to say of one, the header's verdict."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import pairwise

from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health import labels as health_labels
from mtn_tui.operations.health.catalogue import GONE
from mtn_tui.operations.health.last_known import Remembered
from mtn_tui.operations.health.picture import Picture, Row
from mtn_tui.operations.health.runner import WORST
from mtn_tui.ui.text.cells import Span, beside, clipped, fit, width_of, wrapped

_SECTION = 6
"""Cells of a section of the runbook."""

_NAME = 19
"""Cells that a check's name has at 80: no title is longer, in either language."""

_CHEAP = (("backup", "diff"), ("verify",), ("sync",), ("monitor",), ("notify",), ("report",))
"""Commands that cost nothing that anybody would want to be asked about."""

_OF_STORES = ("bucket-answers", "stores", "copies", "uploads")
"""Checks that tell of a store that does not answer."""

_BLOCKS = "▁▂▃▄▅▆▇█"
_PLAIN = "_.-=+*%#"
"""As high, in ASCII."""


def tone(status: Status) -> str:
    """The tone of a status."""
    return {Status.OK: "good", Status.WARN: "warn", Status.UNKNOWN: "warn"}.get(status, "bad")


def row(one: Row, now: datetime, width: int, names: int) -> list[Span]:
    """One line of the checklist. ``names`` is the width of the longest title."""
    word = health_labels.word(one.status)
    start: Span = (fit(f" {one.status.glyph} {word}", health_labels.words_width() + 4), tone(one.status))
    if one.known is None:
        start = (fit(" …", health_labels.words_width() + 4), "dim")
    elif one.status is Status.OK and not one.fresh(now):
        start = (start[0], "dim")  # it was so, and nothing green is old
    room = max(width - width_of([start]) - _SECTION - 1, 0)
    name = min(names, max(_NAME, room * 3 // 10))
    evidence = max(room - name - 2, 0)
    told = clipped(health_labels.evidence(one, now), evidence)
    return [
        start,
        (fit(one.check.title(), name) + "  ", ""),
        (fit(told, evidence) + " ", "dim" if one.known is None else ""),
        (fit(health_labels.runbook(one), _SECTION), "dim"),
    ]


def pane(one: Row, now: datetime, width: int, height: int, fix: str, signed: str = "") -> list[list[Span]]:
    """A check's evidence beneath the list, in exactly ``height`` lines; ``fix`` says which key mends it.

    ``signed`` is who has signed the morning off, with a note that has no room above.
    """
    room, last = width - 2, list[Span]()
    if fix:
        last = [(line, "strong") for line in wrapped(fix, room)[:2]]
    lines = told(one, now, room)
    if signed and one.check.morning:
        lines += [(line, "") for line in wrapped(signed, room)]
    if len(lines) + len(last) > height:
        lines = [*lines[: max(height - len(last) - 1, 0)], (_("[enter] shows the rest"), "dim")]
    lines = [*lines, *last][:height]
    lines += [("", "")] * (height - len(lines))
    return [[(" ", ""), line] for line in lines]


def told(one: Row, now: datetime, width: int) -> list[Span]:
    """What a check has found: the worst first, each with its hint; then since when."""
    if one.known is None:
        return [(line, "") for line in wrapped(health_labels.evidence(one, now), width)]
    lines: list[Span] = []
    at = now if one.fresh(now) else one.known.result.at
    findings = [health_labels.as_of(found, at) for found in sorted(one.known.result.findings, key=_rank)]
    for found in findings:
        mark = f"{found.status.glyph} " if len(findings) > 1 else ""
        lines += [(line, _ink(found)) for line in wrapped(mark + found.says, width)]
        for hint in found.hint.splitlines():
            lines += [(line, "") for line in wrapped(hint, width)]
    since = health_labels.since(one, now)
    return [*lines, *((line, "dim") for line in wrapped(since, width))]


def _rank(found: Check) -> int:
    return WORST.index(found.status) if found.status in WORST else len(WORST)


def _ink(found: Check) -> str:
    return "" if found.status is Status.OK else tone(found.status)


# What mends it


def fix_of(one: Row) -> tuple[str, ...]:
    """The command that mends what is worst; empty if no single one does."""
    return one.known.result.leading.fix if one.known else ()


def job_kind(fix: Sequence[str]) -> str:
    """The kind of job that this command is, as journals name it."""
    return (
        "-".join(word.lstrip("-") for word in fix[:2]) if fix[0] in ("backup", "kept", "services") else fix[0]
    )


def asks_first(fix: Sequence[str]) -> bool:
    """Whether it costs something: an operator is asked."""
    return not any(tuple(fix[: len(one)]) == one for one in _CHEAP)


def do_it(fix: Sequence[str]) -> str:
    """The answer that runs it, as a verb."""
    known = {
        "backup-full": _("Make the full backup"),
        "drill": _("Run the drill"),
        "prune": _("Delete them"),
    }
    return known.get(job_kind(fix), _("Run it"))


def cost(fix: Sequence[str]) -> str:
    """What it costs, in a sentence."""
    known = {
        "backup-full": _("The whole database is read, and written to disk and bucket."),
        "drill": _("The whole backup is loaded beside, on the same server, and dropped again."),
        "prune": _("What retention no longer keeps is deleted: backups, logs, records of jobs."),
    }
    return known.get(job_kind(fix), _("It changes something: see the hint of the check first."))


# What a check has been


def history(one: Row, now: datetime, width: int, *, plain: bool) -> list[Span]:
    """All that is known of a check: its findings, its first figure in time, and its last changes."""
    lines: list[Span] = [(line, "strong") for line in wrapped(one.check.title(), width)]
    lines += [("", ""), *told(one, now, width)]
    known = one.known
    if known is None:
        return lines
    if drawn := _series(known, now, width, plain=plain):
        lines += [("", ""), *drawn]
    lines += [("", ""), (_("Changes, the newest first"), "strong")]
    for change in reversed(known.changes):
        head = f"{labels.moment(change.at)}  "
        told_then = beside(head, f"{change.status.glyph} {change.says}", len(head), width)
        lines += [
            (before + line, "" if number else tone(change.status))
            for number, (before, line) in enumerate(told_then)
        ]
    return lines


def _series(known: Remembered, now: datetime, width: int, *, plain: bool) -> list[Span]:
    """The first figure that was measured more than once: its name, the line of blocks, and its range."""
    for name, measured in (known.series or {}).items():
        if len(measured) == 1:
            continue
        values = [value for _at, value in measured]
        low, high, last = (_figure(name, value) for value in (min(values), max(values), values[-1]))
        text = _("{name} since {moment}: {low} to {high}; the last one, of {at}: {last}")
        if low == high:
            text = _("{name} since {moment}: always {last}, the last time at {at}")
        said = text.format(
            name=health_labels.figure(name),
            moment=labels.moment(measured[0][0]),
            low=low,
            high=high,
            last=last,
            at=health_labels.today_or_whole(measured[-1][0], now),
        )
        return [
            (sparkline(values, min(width, 60), plain=plain), ""),
            *((line, "dim") for line in wrapped(said, width)),
        ]
    return []


def sparkline(values: Sequence[float], width: int, *, plain: bool = False) -> str:
    """One character for each value, the newest last; if there are more, for the highest of each few."""
    shown = list(values)
    if len(shown) > width:
        edges = [round(index * len(shown) / width) for index in range(width + 1)]
        shown = [max(shown[a:b]) for a, b in pairwise(edges)]
    low, high = min(shown), max(shown)
    steps = _PLAIN if plain else _BLOCKS
    span = (high - low) or 1
    return "".join(steps[round((value - low) / span * (len(steps) - 1))] for value in shown)


def _figure(name: str, value: float) -> str:
    if name.endswith("_seconds"):
        return labels.duration(value)
    if name.endswith("_bytes"):
        return labels.size(round(value))
    return f"{Figure(round(value)):,}"


# The header


def verdict(picture: Picture | None, silent: Collection[str], now: datetime) -> Span:
    """The worst thing that is known, in few words. ``silent`` are the stores that did not answer.

    Nothing is called well that is not known to be so by now.
    """
    rows = list(picture.rows) if picture else []
    server = picture.row("server") if picture else None
    if server is not None and server.known and server.status in (Status.FAIL, Status.UNKNOWN):
        down = int((now - server.known.since).total_seconds() // 60)
        text = _("database down for {time}") if down > 0 else _("database down, just now")
        if any(found.id == GONE for found in server.known.result.findings):
            text = _("no database for {time}") if down > 0 else _("no database, just now")
        if server.status is Status.UNKNOWN:  # it takes connections, and answers nothing
            text = _("database silent for {time}") if down > 0 else _("database silent, just now")
        return f"{server.status.glyph} {text.format(time=labels.minutes(down))}", "bad"
    known = [one for one in rows if one.known]
    failing = [one for one in known if tone(one.status) == "bad"]
    if failing:
        first = min(failing, key=lambda one: (not one.check.morning, not one.check.decides))
        return f"✖ {clipped(first.check.title(), 20)}{_more(len(failing) - 1)}", "bad"
    doubtful = [one for one in known if not one.well]
    if silent:
        text = _("{stores} unreachable").format(stores=labels.stores(silent))
        others = [one for one in doubtful if one.check.id not in _OF_STORES]
        return f"⚠ {text}{_more(len(others))}", "warn"
    if any(not one.fresh(now) for one in rows if one.check.morning or one.check.id == "server") or not rows:
        return "… " + _("reading"), "dim"
    if doubtful:
        text = ngettext("{count} warning", "{count} warnings", len(doubtful)).format(count=len(doubtful))
        return f"⚠ {text}", "warn"
    return "✔ " + health_labels.word(Status.OK), "good"


def _more(count: int) -> str:
    return f" +{count}" if count else ""


def rpo(picture: Picture | None, now: datetime) -> list[Span]:
    """``RPO 41 min of 1 h``: what would be lost, against the target; then the same in fewer cells.

    It has grown since the check was looked at, as in its row. Empty if nothing is known of it.
    """
    objectives = picture.row("objectives") if picture else None
    if objectives is None or objectives.known is None:
        return []
    result = objectives.known.result
    figures = {name: value for found in result.findings for name, value in found.figures.items()}
    lost, target = figures.get("rpo_seconds"), figures.get("rpo_target_seconds")
    if lost is None or target is None:
        return [("RPO —", "bad" if objectives.status is Status.FAIL else "dim")]
    if not objectives.fresh(now):
        return [("RPO …", "dim")]
    since = next((found.aged for found in result.findings if found.aged), None)
    lost = lost if since is None else max((now - since).total_seconds(), 0.0)
    gone, of, ink = labels.roughly(lost), labels.duration(target), "bad" if lost > target else ""
    long = _("RPO {now} of {target}").format(now=gone, target=of)
    return [(long, ink), (f"RPO {gone}/{of}", ink), (f"RPO {gone}", ink)]
