"""What the wizard shows while no step can be done: nothing is open, it is closed, another has it."""

from __future__ import annotations

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident import report
from mtn_tui.operations.incident.memory import findings_of
from mtn_tui.operations.incident.remains import remains
from mtn_tui.operations.incident.state import Incident, Step, StepStatus
from mtn_tui.ui.wizard import evidence
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.session import IncidentSession
from mtn_tui.ui.wizard.step import progress
from mtn_tui.ui.wizard.still_there import StillThere

_SHOWN = 5


def nothing_open(sheet: PageBuilder, session: IncidentSession) -> None:
    """Write what an emergency is, and which incidents there were."""
    sheet.title(_("Emergency: database or rows lost, damaged, or no answer"))
    sheet.say(
        _(
            "Eight steps, as in the runbook (5.1): see what is wrong, tell people, choose a backup, restore "
            "it beside production, validate it, put it in production's place, see the services come back, "
            "report. Where production is there, it is replaced only once you have typed a phrase that says "
            "so."
        )
    )
    sheet.gap()
    sheet.say(
        _(
            "Every step is written down. If you leave, or the connection breaks, it goes on where it was; "
            "another operator can take it over."
        )
    )
    sheet.gap()
    for trouble in session.troubles[:_SHOWN]:
        sheet.item("✖", trouble.title, "bad", hint=trouble.hint)
    if not session.past:
        if not session.troubles:
            sheet.say(_("There was no incident yet."), "dim")
        return
    sheet.say(_("Incidents before"), "strong")
    shown = session.past[:_SHOWN]
    opened = [one.opened_at for one in shown if one.opened_at]
    moments = dict(zip(opened, labels.told_apart(*opened), strict=True))
    for one in shown:
        sheet.say(_past(one, moments[one.opened_at] if one.opened_at else "—"))


def _past(one: Incident, when: str) -> str:
    lasted = "—"
    if one.opened_at and one.closed_at:
        lasted = labels.duration((one.closed_at - one.opened_at).total_seconds())
    return f"{one.number}  {when}  {lasted}  {report.way(one.way)}"


def over(sheet: PageBuilder, incident: Incident, there: StillThere) -> None:
    """Write how a closed incident has ended."""
    facts = incident.steps[Step.REPORT].facts
    sheet.title(_("Incident {number} is closed").format(number=incident.number))
    if incident.records:
        sheet.say(incident.records[-1].text, "strong")
    sheet.gap()
    for one in findings_of(facts):
        sheet.check(one)
    kept = str(incident.steps[Step.PRODUCTION].facts.get("kept") or "")
    if kept and there.is_gone(kept):
        sheet.say(_("What was there before was kept as {name}, and was dropped meanwhile.").format(name=kept))
    elif kept:
        sheet.say(_("What was there before is kept as {name}; mtn undo brings it back.").format(name=kept))
    stays = remains(incident, there.is_gone)
    for said, drop in stays:
        sheet.say(said)
        if drop:
            sheet.code("  " + drop)
    there.write_trouble(sheet)
    if any(drop for _said, drop in stays):
        sheet.say(_("[K] lists them here, and drops one after asking."), "dim")
    if path := facts.get("path"):
        sheet.say(_("The report: {path}").format(path=path))
    channels = facts.get("channels")
    if isinstance(channels, dict):
        evidence.delivered(sheet, channels)
    sheet.gap()
    sheet.say(_("[i] reads the report here."), "dim")


def another_has_it(
    sheet: PageBuilder, session: IncidentSession, incident: Incident, there: StillThere
) -> None:
    """Write who holds the incident, and where it stands."""
    state = incident.steps[incident.step]
    since = next(
        (one.at for one in reversed(incident.records) if one.event in ("opened", "took")), incident.opened_at
    )
    text = _("{who} has it since {time}. You follow it here.")
    if session.holder_gone:
        text = _("{who} had it since {time}. Their screen is gone.")
    sheet.say(
        text.format(who=session.holder_told, time=f"{since.astimezone():%H:%M}" if since else "—"), "strong"
    )
    if session.host.read_only:
        sheet.say(session.why_not())
    elif session.holder_gone:
        sheet.say(_("[enter] continues it."))
    else:
        sheet.say(_("[o] takes it over. Talk to them first."))
    sheet.gap()
    evidence.write(sheet, incident, incident.step, there)
    if state.standing is StepStatus.RUNNING and state.facts.get("job"):
        sheet.gap()
        progress(sheet, session.host, session.job_of(incident.step), _("Starting…"))
