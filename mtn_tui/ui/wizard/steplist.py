"""The left side of the wizard: the steps, and whom to call when."""

from __future__ import annotations

from datetime import datetime

from mtn_tui.core.contacts import Person
from mtn_tui.core.i18n import _
from mtn_tui.operations.incident.report import title
from mtn_tui.operations.incident.state import Incident, Step, StepStatus
from mtn_tui.ui.text.cells import fit, wrapped
from mtn_tui.ui.widgets.lines import StyledLine
from mtn_tui.ui.wizard.evidence import LOOKS
from mtn_tui.ui.wizard.session import IncidentSession

WIDTH = 21
_ROOM = WIDTH - 2
_INDENT = " "
"""Before all but the first line of what belongs together: no blank lines fit between them at 80x24."""


def steps(incident: Incident, viewing: Step) -> list[StyledLine]:
    """The steps and their states; ``viewing`` is the one in view."""
    lines: list[StyledLine] = []
    for step, state in incident.steps.items():
        glyph, tone = LOOKS[state.standing]
        if step is incident.step and state.standing in (StepStatus.PENDING, StepStatus.RUNNING):
            glyph, tone = "▶", "good"
        if not incident.is_open and state.standing is StepStatus.PENDING:
            glyph, tone = "·", "dim"
        said = "strong" if step is viewing else "dim" if glyph == "·" else ""
        text = fit(f"{int(step)} {title(step)}", _ROOM - 2)
        lines.append([(f" {glyph} ", tone), (text, said)])
    return lines


def escalation(session: IncidentSession) -> list[StyledLine]:
    """Whom to call now, whom next and when, and who is off duty."""
    lines: list[StyledLine] = [[]]

    def say(text: str, tone: str = "") -> None:
        first, *more = wrapped(text, _ROOM - len(_INDENT))
        lines.append([(" " + first, tone)])
        lines.extend([[(" " + _INDENT + line, tone)] for line in more])

    calls = session.calls()
    if session.incident is None or not session.incident.is_open:
        return []
    if calls is None:
        if session.no_contacts is not None:
            say(_("There is nobody to call: see CONTACTS_FILE."), "warn")
        return lines
    named = [call.person for call in calls.due if not _is_nobody(call.person)]
    if named:
        say(_("call now [c]"), "warn")
    for person in named:
        lines += _person(person)
    if roles := [call.person.called for call in calls.due if _is_nobody(call.person)]:
        text = _("call now: {roles}; contacts.toml has no name and number for it")
        say(text.format(roles=", ".join(dict.fromkeys(roles))), "warn")
    later = [call.person.called for call in calls.next_calls if call.reachable]
    if calls.next_at is not None and later:
        say(_("{time} call {names}").format(time=_clock(calls.next_at), names=", ".join(later)))
    off = [call.person.called for call in (*calls.next_calls, *calls.passed_over) if not call.reachable]
    if off:
        say(_("off duty, do not call: {names}").format(names=", ".join(dict.fromkeys(off))), "dim")
    if not calls.due and calls.next_at is None:
        say(_("Nobody is left to be called."), "dim")
    return lines


def _is_nobody(person: Person) -> bool:
    """Whether contacts.toml has neither who it is nor how to call them: only the role is known."""
    return person.is_role and not person.number


def _person(person: Person) -> list[StyledLine]:
    told = [person.called, person.reached_by]
    width = _ROOM - len(_INDENT)
    return [
        [(f" {_INDENT}{line}", "strong" if one == person.called else "")]
        for one in told
        if one
        for line in wrapped(one, width)
    ]


def _clock(at: datetime) -> str:
    return f"{at.astimezone():%H:%M}"
