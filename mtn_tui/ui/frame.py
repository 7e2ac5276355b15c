"""What is on every screen: header, tabs, job bar and footer, each one line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.widgets import Input

from mtn_tui.core.i18n import _
from mtn_tui.operations import words
from mtn_tui.ui import actions, jobtext
from mtn_tui.ui.cells import Piece, clipped, spread, width_of
from mtn_tui.ui.state import worst

if TYPE_CHECKING:
    from mtn_tui.ui.app import MtnApp


def header(app: MtnApp, width: int) -> list[Piece]:
    settings = app.context.settings
    where = f" {settings.db_name} @ {settings.db_host}  "
    sure: list[Piece] = [(_("PRODUCTION"), "bad")]
    if app.read_only:
        sure.append(("  " + _("READ-ONLY"), "warn"))
    incident, backups = _incident(app), worst(app.state)
    if incident and backups[1] == "good":
        backups = ("", "")  # nothing is to be called well while production is not
    right: list[Piece] = [*incident, backups, (f"  {app.context.clock.now().astimezone():%H:%M} ", "")]
    name: Piece = (" MTN ", "strong")
    room = width - width_of([name, *sure, *right]) - 2
    middle = clipped(where.rstrip(), max(room - 2, 0)) + "  "
    return spread([name, (middle, ""), *sure], right, width)


def _incident(app: MtnApp) -> list[Piece]:
    """On every screen, since when there is one."""
    one = app.desk.incident
    if one is None or not one.is_open or one.opened_at is None:
        return []
    minutes = max(int((app.context.clock.now() - one.opened_at).total_seconds() // 60), 0)
    age = f"{minutes // 60}:{minutes % 60:02}"
    return [("✖ " + _("incident {number} {age}").format(number=one.number, age=age), "bad"), ("  ", "")]


def tabs(screen: str, width: int) -> list[Piece]:
    """Only of screens that there are; the jobs are shown while one is there."""
    wanted = (actions.BACKUPS, actions.EMERGENCY, actions.LOGS, actions.JOBS)
    shown = [one for one in actions.actions() if one.id in wanted]
    here = {actions.DETAILS: actions.BACKUPS, actions.INCIDENT: actions.EMERGENCY}.get(screen, screen)
    pieces: list[Piece] = [(" ", "")]
    for one in shown:
        name = _("Restore") if one.id == actions.EMERGENCY else one.label
        text = f"{one.keys[0]} {name}"
        pieces.append((f"[{text}]", "strong") if one.id == here else (f" {text} ", "dim"))
        pieces.append((" ", ""))
    return spread(pieces, [], width)


def rule(width: int) -> list[Piece]:
    return [("─" * width, "dim")]


def job_bar(app: MtnApp, width: int) -> list[Piece]:
    """A word to the operator, else what is running, else what ran last."""
    if app.said is not None:
        return spread([(" ", ""), app.said], [], width)
    live = app.state.live
    if live:
        more: list[Piece] = []
        if len(live) > 1:
            more = [("  " + _("and {count} more").format(count=len(live) - 1) + " ", "")]
        keys: Piece = ("  " + _("j shows it") + " ", "dim")
        begin: Piece = (" ▶ ", "good")
        for told in jobtext.at_work(live[0]):
            for right in ([*more, keys], more):
                if width_of([begin, (told, ""), *right]) <= width:
                    return spread([begin, (told, "")], right, width)
        return spread([begin, (told, "")], more, width)
    idle: list[Piece] = [_idle(app)]
    one = app.desk.incident
    if one is not None and one.is_open and app.here.where not in (actions.EMERGENCY, actions.INCIDENT):
        told = _("incident {number} is open: 3 continues it").format(number=one.number)
        return spread([(" " + told, "bad")], [], width)
    last = app.state.last
    if last is None or last.ended is None:
        return spread(idle, [], width)
    today = last.ended.astimezone().date() == app.context.clock.now().astimezone().date()
    when = f"{last.ended.astimezone():{'%H:%M' if today else '%Y-%m-%d %H:%M'}}"
    text = _("last: {job}, {time},").format(job=words.job(last.kind), time=when)
    return spread(idle, [(text + " ", "dim"), jobtext.state(last), (" ", "")], width)


def _idle(app: MtnApp) -> Piece:
    """No job is seen at work."""
    if app.state.jobs_trouble is not None:
        return " ✖ " + _("the jobs can't be seen"), "bad"
    return (" " + _("no job is running") if app.knows_jobs else " … " + _("reading")), "dim"


def footer(app: MtnApp, screen: str, width: int, *, goes_on: bool = False) -> list[Piece]:
    """``goes_on`` says that there is more below, where there is room to say it."""
    if isinstance(app.here.focused, Input):  # not of a dialog above it
        return _keys(app.here.field_keys)
    pieces: list[Piece] = []
    for one in actions.footer(screen):
        dimmed = bool(one.why_not(app))
        pieces += [
            (f" {actions.shown_key(one.keys[0])}", "dim" if dimmed else "strong"),
            (f" {one.label.lower()} ", "dim" if dimmed else ""),
        ]
    below: list[Piece] = [(_("more below") + " ", "dim")] if goes_on else []
    return spread(pieces, below if width_of([*pieces, *below]) <= width else [], width)


def _keys(told: Iterable[tuple[str, str]]) -> list[Piece]:
    """What a field makes of keys, while it takes all others as letters."""
    return [piece for key, word in told for piece in ((f" {key}", "strong"), (f" {word} ", ""))]
