"""What is on every screen: header, tabs, job bar and footer, each one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.widgets import Input

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.ui import actions
from mtn_tui.ui.data.state import worst
from mtn_tui.ui.text import job as job_text
from mtn_tui.ui.text.cells import Span, clipped, spread, width_of

if TYPE_CHECKING:
    from mtn_tui.ui.app import MtnApp


def header(app: MtnApp, width: int) -> list[Span]:
    settings = app.context.settings
    where = f" {settings.db_name} @ {settings.db_host}  "
    sure: list[Span] = [(_("PRODUCTION"), "bad")]
    if app.read_only:
        sure.append(("  " + _("READ-ONLY"), "warn"))
    incident, backups = _incident(app), worst(app.state)
    if incident and backups[1] == "good":
        backups = ("", "")  # nothing is to be called well while production is not
    right: list[Span] = [*incident, backups, (f"  {app.context.clock.now().astimezone():%H:%M} ", "")]
    name: Span = (" MTN ", "strong")
    room = width - width_of([name, *sure, *right]) - 2
    middle = clipped(where.rstrip(), max(room - 2, 0)) + "  "
    return spread([name, (middle, ""), *sure], right, width)


def _incident(app: MtnApp) -> list[Span]:
    """On every screen, since when there is one."""
    one = app.desk.incident
    if one is None or not one.is_open or one.opened_at is None:
        return []
    minutes = max(int((app.context.clock.now() - one.opened_at).total_seconds() // 60), 0)
    age = f"{minutes // 60}:{minutes % 60:02}"
    return [("✖ " + _("incident {number} {age}").format(number=one.number, age=age), "bad"), ("  ", "")]


def tabs(screen: str, width: int) -> list[Span]:
    """Only of screens that there are; the jobs are shown while one is there."""
    wanted = (actions.BACKUPS, actions.EMERGENCY, actions.LOGS, actions.JOBS)
    shown = [one for one in actions.actions() if one.id in wanted]
    here = {actions.DETAILS: actions.BACKUPS, actions.INCIDENT: actions.EMERGENCY}.get(screen, screen)
    pieces: list[Span] = [(" ", "")]
    for one in shown:
        name = _("Restore") if one.id == actions.EMERGENCY else one.label
        text = f"{one.keys[0]} {name}"
        pieces.append((f"[{text}]", "strong") if one.id == here else (f" {text} ", "dim"))
        pieces.append((" ", ""))
    return spread(pieces, [], width)


def rule(width: int) -> list[Span]:
    return [("─" * width, "dim")]


def job_bar(app: MtnApp, width: int) -> list[Span]:
    """A word to the operator, else what is running, else what ran last."""
    if app.said is not None:
        return spread([(" ", ""), app.said], [], width)
    live = app.state.live
    if live:
        more: list[Span] = []
        if len(live) > 1:
            more = [("  " + _("and {count} more").format(count=len(live) - 1) + " ", "")]
        keys: Span = ("  " + _("j shows it") + " ", "dim")
        begin: Span = (" ▶ ", "good")
        for told in job_text.at_work(live[0]):
            for right in ([*more, keys], more):
                if width_of([begin, (told, ""), *right]) <= width:
                    return spread([begin, (told, "")], right, width)
        return spread([begin, (told, "")], more, width)
    idle: list[Span] = [_idle(app)]
    one = app.desk.incident
    if one is not None and one.is_open and app.here.where not in (actions.EMERGENCY, actions.INCIDENT):
        told = _("incident {number} is open: 3 continues it").format(number=one.number)
        return spread([(" " + told, "bad")], [], width)
    last = app.state.last
    if last is None or last.ended is None:
        return spread(idle, [], width)
    today = last.ended.astimezone().date() == app.context.clock.now().astimezone().date()
    when = f"{last.ended.astimezone():{'%H:%M' if today else '%Y-%m-%d %H:%M'}}"
    text = _("last: {job}, {time},").format(job=labels.job(last.kind), time=when)
    return spread(idle, [(text + " ", "dim"), job_text.state(last), (" ", "")], width)


def _idle(app: MtnApp) -> Span:
    """No job is seen at work."""
    if app.state.jobs_trouble is not None:
        return " ✖ " + _("the jobs can't be seen"), "bad"
    return (" " + _("no job is running") if app.knows_jobs else " … " + _("reading")), "dim"


def footer(app: MtnApp, screen: str, width: int, *, goes_on: bool = False) -> list[Span]:
    """``goes_on`` says that there is more below, where there is room to say it."""
    if isinstance(app.here.focused, Input):  # not of a dialog above it
        return _keys(app.here.field_keys)
    pieces: list[Span] = []
    for one in actions.footer(screen):
        dimmed = bool(one.why_not(app))
        pieces += [
            (f" {actions.shown_key(one.keys[0])}", "dim" if dimmed else "strong"),
            (f" {one.label.lower()} ", "dim" if dimmed else ""),
        ]
    below: list[Span] = [(_("more below") + " ", "dim")] if goes_on else []
    return spread(pieces, below if width_of([*pieces, *below]) <= width else [], width)


def _keys(told: Iterable[tuple[str, str]]) -> list[Span]:
    """What a field makes of keys, while it takes all others as letters."""
    return [piece for key, word in told for piece in ((f" {key}", "strong"), (f" {word} ", ""))]
