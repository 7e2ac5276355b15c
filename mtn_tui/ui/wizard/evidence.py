"""Shows the recorded result of a step that is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check
from mtn_tui.operations.incident.remains import remains
from mtn_tui.operations.incident.report import (
    delivery,
    fact_name,
    fact_value,
    for_people,
    health,
    lasted,
    standing,
    title,
)
from mtn_tui.operations.incident.state import Incident, Step, StepStatus
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.still_there import StillThere

LOOKS = {
    StepStatus.PENDING: ("·", "dim"),
    StepStatus.RUNNING: ("▶", "good"),
    StepStatus.DONE: ("✔", "good"),
    StepStatus.SKIPPED: ("·", "dim"),
    StepStatus.FAILED: ("✖", "bad"),
}
"""Glyph and tone."""


def write(sheet: PageBuilder, incident: Incident, step: Step, there: StillThere) -> None:
    """Write the step's state and its facts, and which of its databases was dropped since."""
    state = incident.steps[step]
    glyph, tone = LOOKS[state.standing]
    sheet.title(title(step))
    sheet.say(f"{glyph} {_when(incident, step)}", tone)
    if state.reason:
        sheet.say(state.reason, "bad" if state.standing is StepStatus.FAILED else "")
    sheet.gap()
    for name, value in for_people(state.facts).items():
        if name == "channels" and isinstance(value, Mapping):
            delivered(sheet, value)
        else:
            _fact(sheet, name, value)
    if state.facts.get("kept") and step is Step.PRODUCTION:
        if there.is_gone(str(state.facts["kept"])):
            sheet.say(labels.dropped(str(state.facts["kept"])), "warn")
        else:
            sheet.say(_("mtn undo brings it back."), "dim")
    if step is Step.STAGING:
        for said, drop in remains(incident, there.is_gone):
            if not drop:
                sheet.say(said, "warn")
    if state.facts.get("not_linked"):
        sheet.say(_("[a] looks once more, and asks whether to set the references that are still NULL."))


def _when(incident: Incident, step: Step) -> str:
    state = incident.steps[step]
    said = standing(state.standing)
    at = state.ended or state.began
    if at is not None:
        said += f", {at.astimezone():%H:%M:%S}"
    passed = lasted(incident, step)
    if passed is not None and round(passed.total_seconds()):
        said += ", " + _("took {time}").format(time=labels.duration(passed.total_seconds()))
    return f"{said}, {state.who}" if state.who else said


def delivered(sheet: PageBuilder, channels: Mapping[str, object]) -> None:
    """Write what became of an alert on every channel."""
    for name, what in channels.items():
        good, text, reason = delivery(name, what)
        sheet.item("✔" if good else "⚠", text, "good" if good else "warn", hint=reason)
    if not channels:
        sheet.item("⚠", _("It reached nobody: no channel is configured. Call them [c]."), "warn")


def _fact(sheet: PageBuilder, name: str, value: object) -> None:
    if value in (None, "", [], {}):
        return
    if isinstance(value, Mapping):
        sheet.say(fact_name(name) + ":")
        for inner, one in value.items():
            said = health(one) if isinstance(one, bool) else fact_value(str(inner), one)
            sheet.item("·", f"{inner}: {said}")
    elif isinstance(value, Sequence) and not isinstance(value, str):
        sheet.say(fact_name(name) + ":")
        for one in value:
            if name == "findings":
                sheet.check(Check.of_line(str(one)))
            else:
                sheet.item("·", str(one))
    else:
        sheet.say(f"{fact_name(name)}: {fact_value(name, value)}")
