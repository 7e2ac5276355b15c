"""A report in words: sections of lines and tables, from which Markdown and HTML are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mtn_tui.core.i18n import Figure, _, ngettext, written
from mtn_tui.core.models import Kind
from mtn_tui.operations.alerts.message import Level
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.reports.facts import Facts
from mtn_tui.operations.reports.figures import Due, Figures, Held, OfKind
from mtn_tui.operations.reports.period import Span

_MOST = 10
"""Lines of a list; of more only the number."""


@dataclass(frozen=True)
class Line:
    """A sentence, and how it is."""

    text: str
    status: Status | None = None


@dataclass(frozen=True)
class Bar:
    """A cell with a bar: its text, and the parts of the bar that are good and unknown; the rest is bad."""

    text: str
    good: float
    unknown: float = 0.0


Cell = str | Bar


@dataclass(frozen=True)
class Table:
    """Columns after the first hold figures."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Section:
    """A part of the report."""

    title: str
    lines: tuple[Line, ...] = ()
    table: Table | None = None


@dataclass(frozen=True)
class Document:
    """A report."""

    title: str
    about: str
    sections: tuple[Section, ...]


def document(facts: Facts, figures: Figures) -> Document:
    """Put the figures into words, in the language in use."""
    titles = {Span.WEEK: _("Weekly report: {period}"), Span.MONTH: _("Monthly report: {period}")}
    sections = [Section(_("In short"), tuple(_in_short(facts, figures)))]
    if not figures.empty:
        sections += [_backups(figures), _days(figures)]
    unsaid = _("no reason is on record")
    failed = [
        Line(f"{labels.moment(one.started)}, {_kind(one.kind)}: {one.reason or unsaid}")
        for one in figures.failed
    ]
    warned = [Line(f"{count} × {text}" if count > 1 else text) for text, count in figures.warnings]
    lists = (
        Section(_("Failed backups"), _cut(failed)),
        Section(_("Warnings"), _cut(warned)),
        Section(_("Restore drills"), _cut(list(_drills(facts)))),
        Section(_("Alerts"), _cut(list(_alerts(facts)))),
        Section(_("Incidents"), _cut(list(_emergencies(facts)))),
        Section(_("Not known"), tuple(Line(text, Status.UNKNOWN) for text in facts.unknown)),
    )
    about = _("Database {database}, machine {host}. Made {moment}.")
    return Document(
        titles[facts.period.span].format(period=facts.period.name),
        about.format(database=facts.database, host=facts.host, moment=labels.moment(facts.now)),
        (*sections, *(one for one in lists if one.lines)),
    )


def subject(facts: Facts, figures: Figures) -> str:
    """The subject of its mail."""
    titles = {
        Span.WEEK: _("Weekly report {period}: RPO held {share} of the time"),
        Span.MONTH: _("Monthly report {period}: RPO held {share} of the time"),
    }
    if figures.empty:
        titles = {
            Span.WEEK: _("Weekly report {period}: no backups on record"),
            Span.MONTH: _("Monthly report {period}: no backups on record"),
        }
    return titles[facts.period.span].format(period=facts.period.name, share=_percent(figures.rpo.share))


def level(figures: Figures) -> Level:
    """The level of its mail."""
    return Level.SUCCESS if figures.well else Level.WARNING


def _in_short(facts: Facts, figures: Figures) -> Iterator[Line]:
    if figures.empty:
        yield Line(_("No backups are on record for this time."), Status.UNKNOWN)
        yield Line(_("Make one: mtn backup full. To have them made: mtn schedule install"))
    else:
        yield _rpo(facts, figures)
        yield _due(_("Full backups"), figures.kinds[Kind.FULL])
        yield _due(_("Differentials"), figures.kinds[Kind.DIFF])
    if growth := figures.growth:
        text = _("The full backup has grown from {before} to {after} ({share}) since {moment}.")
        if growth.after < growth.before:
            text = _("The full backup has shrunk from {before} to {after} ({share}) since {moment}.")
        yield Line(
            text.format(
                before=labels.size(growth.before),
                after=labels.size(growth.after),
                share=written(f"{100 * growth.share:+.1f} %"),
                moment=labels.moment(growth.since),
            )
        )
    for one in facts.stored:
        text = ngettext(
            "Now in the {store}: {count} backup, {size}.",
            "Now in the {store}: {count} backups, {size}.",
            one.count,
        )
        yield Line(text.format(store=labels.store(one.store), count=one.count, size=labels.size(one.size)))
    yield _drilled(facts, figures)
    yield _alerted(facts)
    count = len(facts.emergencies)
    yield Line(_("Incidents: {count}.").format(count=count), Status.WARN if count else Status.OK)


def _rpo(facts: Facts, figures: Figures) -> Line:
    rpo, gap = figures.rpo, figures.gap
    told = [
        _("RPO of {target} held {share} of the time.").format(
            target=labels.duration(facts.rpo.total_seconds()), share=_percent(rpo.share)
        )
    ]
    if gap is not None:
        told.append(
            _("Longest time without a newer backup: {time}, from {moment}.").format(
                time=labels.duration(gap.seconds), moment=labels.moment(gap.since)
            )
        )
    if rpo.unknown:
        told.append(
            _("Not known for {time}: no record reaches that far back.").format(
                time=labels.duration(rpo.unknown)
            )
        )
    status = Status.FAIL if rpo.missed else Status.UNKNOWN if rpo.unknown else Status.OK
    return Line(" ".join(told), status)


def _due(name: str, of: OfKind) -> Line:
    told = [_("{name}: {done} of {due} that were due.").format(name=name, done=of.due.done, due=of.due.due)]
    for count, text in (
        (of.due.missed, _("Missed: {count}.")),
        (of.due.unknown, _("Not known: {count}.")),
        (of.failed, _("Failed: {count}.")),
        (of.cancelled, _("Cancelled: {count}.")),
        (of.passed_over, _("Not begun, as another was running: {count}.")),
        (of.warned, _("With warnings: {count}.")),
    ):
        if count:
            told.append(text.format(count=count))
    bad = of.due.missed or of.failed
    status = Status.FAIL if bad else Status.UNKNOWN if of.due.unknown else Status.OK
    if status is Status.OK and (of.warned or of.cancelled):
        status = Status.WARN
    return Line(" ".join(told), status)


def _drilled(facts: Facts, figures: Figures) -> Line:
    drills, target = figures.drills, facts.rto.total_seconds()
    if not drills.passed and not drills.failed:
        return Line(_("Restore drills: none."), Status.WARN if facts.period.span is Span.MONTH else None)
    text = _("Restore drills: {passed} passed, {failed} failed.").format(
        passed=drills.passed, failed=drills.failed
    )
    if drills.usual is None or drills.shortest is None or drills.longest is None:
        return Line(text, Status.FAIL if drills.failed else Status.UNKNOWN)
    rto = _("RTO {time} of {target}.")
    if drills.passed > 1:
        rto = _("RTO {time} of {target} (from {shortest} to {longest}).")
    text += " " + rto.format(
        time=labels.duration(drills.usual),
        target=labels.duration(target),
        shortest=labels.duration(drills.shortest),
        longest=labels.duration(drills.longest),
    )
    late = Status.WARN if drills.longest > target else Status.OK
    return Line(text, Status.FAIL if drills.failed else late)


def _alerted(facts: Facts) -> Line:
    if not facts.alerts:
        return Line(_("Alerts sent: none."))
    grave = sum(1 for one in facts.alerts if one.level in (Level.ERROR, Level.WARNING))
    unsent = sum(1 for one in facts.alerts if one.unsent)
    text = _("Alerts sent: {count}, of which errors and warnings: {grave}.").format(
        count=len(facts.alerts), grave=grave
    )
    if unsent:
        text += " " + _("Not delivered to everybody: {count}.").format(count=unsent)
    return Line(text, Status.FAIL if unsent else Status.WARN if grave else Status.OK)


def _backups(figures: Figures) -> Section:
    head = ("", _("Made"), _("In all"), _("Usual size"), _("Usual time"))
    rows = tuple(
        (
            _kind(kind),
            f"{Figure(one.made):,}",
            labels.size(one.size),
            labels.size(one.usual_size),
            "—" if one.usual_seconds is None else labels.duration(one.usual_seconds),
        )
        for kind, one in figures.kinds.items()
    )
    slowest = [
        Line(
            _("Slowest {kind}: {time}, begun {moment}.").format(
                kind=_kind(kind),
                time=labels.duration(one.slowest.seconds),
                moment=labels.moment(one.slowest.started),
            )
        )
        for kind, one in figures.kinds.items()
        if one.slowest is not None
    ]
    return Section(_("Backups made"), tuple(slowest), Table(head, rows))


def _days(figures: Figures) -> Section:
    head = (_("Day"), _("Full"), _("Differentials"), _("RPO held"))
    rows = tuple(
        (one.day.isoformat(), _of(one.due[Kind.FULL]), _of(one.due[Kind.DIFF]), _bar(one.rpo))
        for one in figures.days
    )
    return Section(_("Day by day"), (), Table(head, rows))


def _of(due: Due) -> str:
    said = _("{done} of {due}").format(done=due.done, due=due.due)
    return f"{said} ?" if due.unknown else said


def _bar(rpo: Held) -> Bar:
    unknown = rpo.unknown / rpo.total if rpo.total else 1.0
    return Bar("?" if unknown == 1 else _percent(rpo.share), rpo.share, unknown)


def _drills(facts: Facts) -> Iterator[Line]:
    for one in facts.drills:
        if not one.passed:
            text = _("{moment}: failed").format(moment=labels.moment(one.at))
        elif one.seconds is None:
            text = _("{moment}: passed").format(moment=labels.moment(one.at))
        else:
            text = _("{moment}: passed, restored in {time}").format(
                moment=labels.moment(one.at), time=labels.duration(one.seconds)
            )
        yield Line(text, Status.OK if one.passed else Status.FAIL)


def _alerts(facts: Facts) -> Iterator[Line]:
    """Errors and warnings, and what did not arrive."""
    for one in facts.alerts:
        if one.unsent:
            text = _("{moment}: {subject} (not delivered: {to})")
        elif one.level in (Level.ERROR, Level.WARNING):
            text = _("{moment}: {subject}")
        else:
            continue
        grave = Status.FAIL if one.level == Level.ERROR else Status.WARN
        said = text.format(moment=labels.moment(one.at), subject=one.subject, to=", ".join(one.unsent))
        yield Line(said, grave)


def _emergencies(facts: Facts) -> Iterator[Line]:
    for one in facts.emergencies:
        opened = labels.moment(one.opened)
        if one.closed is None:
            text = _("Incident {number}: opened {moment}, still open.")
            yield Line(text.format(number=one.number, moment=opened), Status.FAIL)
            continue
        text = _("Incident {number}: opened {moment}, closed after {time}: {outcome}")
        took = labels.duration((one.closed - one.opened).total_seconds())
        said = text.format(number=one.number, moment=opened, time=took, outcome=one.outcome)
        yield Line(said, Status.WARN)


def _cut(lines: Sequence[Line]) -> tuple[Line, ...]:
    more = len(lines) - _MOST
    if more < 1:
        return tuple(lines)
    return (*lines[:_MOST], Line(_("… and {count} more").format(count=more)))


def _kind(kind: Kind) -> str:
    return {Kind.FULL: _("full backup"), Kind.DIFF: _("differential")}[kind]


def _percent(share: float) -> str:
    """With one decimal; 99.97 % does not become 100 %."""
    return written(f"{int(share * 1000) / 10:.1f} %")
