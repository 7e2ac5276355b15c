"""The lines of the frame around every screen: header, tabs, job bar and footer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Protocol

from textual.widget import Widget
from textual.widgets import Input

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.ui import actions
from mtn_tui.ui.actions import AnyAction
from mtn_tui.ui.host import BACKUPS, CHECKLIST, EMERGENCY, INCIDENT, JOBS, LOGS, Host
from mtn_tui.ui.text import health
from mtn_tui.ui.text import job as job_text
from mtn_tui.ui.text.cells import Span, clipped, spread, width_of

TABS = (CHECKLIST, BACKUPS, EMERGENCY, LOGS, JOBS)
"""Screens that have a tab."""

_NAMED, _HOST = 6, 8
"""Cells that a database's name and its host always have in the header; beyond that the host comes first."""


class HasFooter(Protocol):
    """A screen, as its footer shows it."""

    not_in_footer: ClassVar[tuple[str, ...]]

    @property
    def actions(self) -> tuple[AnyAction, ...]:
        """All actions that its keys perform."""

    @property
    def field_keys(self) -> tuple[tuple[str, str], ...]:
        """Keys of a focused field, and what each does."""

    @property
    def focused(self) -> Widget | None:
        """The widget that has the focus; an Input changes the footer."""


def header(host: Host, width: int) -> list[Span]:
    """Which database this is and how it is: an open incident, the worst that is known, the RPO, the time.

    Where not all has room, what matters least is left out first; of a long name the end of it is,
    and not the host.
    """
    settings, state, now = host.context.settings, host.state, host.context.clock.now()
    silent = () if state.whole is None else state.whole.unreachable
    verdict = health.verdict(state.health, silent, now)
    incident = _incident(host)
    if incident and verdict[1] == "good":
        verdict = ("", "")  # nothing is called well while production is not
    bad = bool(incident) or verdict[1] == "bad"
    sure: list[Span] = [(_("PRODUCTION"), "bad" if bad else "strong")]
    if host.read_only:
        sure.append(("  " + _("READ-ONLY"), "warn"))
    name: Span = (" MTN ", "strong")
    wanted = width_of([(f" {settings.db_name} @ {settings.db_host}  ", "")])
    for parts, blank in (
        *(
            ([*incident, verdict, rpo], blank)
            for rpo in health.rpo(state.health, now)
            for blank in ("  ", " ")
        ),
        ([*incident, verdict], "  "),
        (incident or [verdict], "  "),
    ):
        right = [*_apart(parts, blank), (f"{blank}{now.astimezone():%H:%M} ", "")]
        room = width - width_of([name, *sure, *right]) - 1
        if wanted <= room:
            break
    least = 3 + _NAMED + min(width_of([(f" @ {settings.db_host}", "")]), _HOST)
    if room < min(wanted, least):  # narrower than a terminal mostly is: without the time
        right = [*_apart(parts, blank), (" ", "")]
        room = width - width_of([name, *sure, *right]) - 1
    at = clipped(f" @ {settings.db_host}", max(room - 3 - _NAMED, _HOST))
    named = clipped(settings.db_name, max(room - 3 - width_of([(at, "")]), _NAMED))
    return spread([name, (f" {named}{at}  ", ""), *sure], [(" ", ""), *right], width)


def _apart(parts: Iterable[Span], blank: str) -> list[Span]:
    """Those that say something, ``blank`` between them."""
    apart: list[Span] = []
    for one in parts:
        if one[0]:
            apart += [(blank, ""), one] if apart else [one]
    return apart


def _incident(host: Host) -> list[Span]:
    one = host.incident
    if one is None or not one.is_open or one.opened_at is None:
        return []
    minutes = max(int((host.context.clock.now() - one.opened_at).total_seconds() // 60), 0)
    said = _("incident {number}, {time}").format(number=one.number, time=labels.minutes(minutes))
    return [("✖ " + said, "bad")]


def tabs(here: str, width: int) -> list[Span]:
    """The screens that have a tab, and which one the operator is on."""
    shown = [one for one in actions.general() if one.id in TABS]
    pieces: list[Span] = [(" ", "")]
    for one in shown:
        text = f"{one.keys[0]} {one.label}"
        pieces.append((f"▸{text} ", "here") if one.id == here else (f" {text} ", "dim"))
        pieces.append((" ", ""))
    return spread(pieces, [], width)


def rule(width: int) -> list[Span]:
    """A line across the screen."""
    return [("─" * width, "dim")]


def job_bar(host: Host, where: str, width: int) -> list[Span]:
    """The message to the operator, else what is running, else what ran last."""
    if host.status is not None:
        return spread([(" ", ""), host.status], [], width)
    live = host.state.live
    if live:
        more: list[Span] = []
        if len(live) > 1:
            more = [("  " + _("and {count} more").format(count=len(live) - 1) + " ", "")]
        keys: Span = ("  " + _("[j] shows it") + " ", "dim")
        heard = labels.last_heard(live[0], host.machine, host.context.clock.now())
        begin: Span = (" ? ", "warn") if heard else (" ▶ ", "good")
        for told in job_text.at_work(live[0], heard):
            for right in ([*more, keys], more):
                if width_of([begin, (told, ""), *right]) <= width:
                    return spread([begin, (told, "")], right, width)
        return spread([begin, (told, "")], more, width)
    one = host.incident
    if one is not None and one.is_open and where not in (EMERGENCY, INCIDENT):
        told = _("incident {number} is open: [3] continues it").format(number=one.number)
        return spread([(" " + told, "bad")], [], width)
    last = host.state.last
    if last is None or last.ended is None:
        return spread([_idle(host)[0]], [], width)
    today = last.ended.astimezone().date() == host.context.clock.now().astimezone().date()
    when = f"{last.ended.astimezone():{'%H:%M' if today else '%Y-%m-%d %H:%M'}}"
    text = _("last: {job}, {time},").format(job=labels.job(last.kind), time=when)
    ended: list[Span] = [(text + " ", "dim"), job_text.state(last, counted=True), (" ", "")]
    leads = [*ended, (_("[j] opens it") + " ", "dim")]
    for idle in _idle(host):  # whole, in fewer words or not at all: half a sentence says nothing
        if job_text.has_more(last) and where != JOBS and width_of([idle, *leads]) < width:
            return spread([idle], leads, width)
        if width_of([idle, *ended]) <= width:
            return spread([idle], ended, width)
    return spread([idle], [] if idle[0] else ended, width)


def _idle(host: Host) -> list[Span]:
    """That nothing is running, in ever fewer words; or that this is not known, which is never left out."""
    if host.state.jobs_trouble is not None:
        return [(" ✖ " + _("the jobs can't be seen"), "bad")]
    if not host.knows_jobs:
        return [(" … " + _("reading"), "dim")]
    return [(" " + _("no job is running"), "dim"), (" " + _("no jobs"), "dim"), ("", "dim")]


def footer(screen: HasFooter, width: int) -> list[Span]:
    """The keys of a screen; while a field has the focus, those of the field."""
    if isinstance(screen.focused, Input):
        return _keys((key, word, False) for key, word in screen.field_keys)
    shown = actions.footer(screen.actions, screen.not_in_footer, width, lambda one: not one.why_not(screen))
    pieces = _keys((one.keys[0], one.label.lower(), bool(one.why_not(screen))) for one in shown)
    return spread(pieces, [], width)


def _keys(told: Iterable[tuple[str, str, bool]]) -> list[Span]:
    """Each key and what it does, dimmed where it does nothing now."""
    pieces: list[Span] = []
    for key, word, dimmed in told:
        pieces.append((f" {actions.shown_key(key)}", "dim" if dimmed else "strong"))
        pieces.append((f" {word}", "dim" if dimmed else ""))
    return pieces
