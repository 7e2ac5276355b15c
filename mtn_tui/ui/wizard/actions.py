"""What can be done to the incident, and why not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from mtn_tui.core.contacts import Person
from mtn_tui.core.i18n import _
from mtn_tui.operations.incident.state import NEVER_SKIPPED, RecoveryMode, Step
from mtn_tui.ui.actions import Action, read_only, shown_key
from mtn_tui.ui.host import Place
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.wizard import severity
from mtn_tui.ui.wizard.navigator import Navigator
from mtn_tui.ui.wizard.page import Page
from mtn_tui.ui.wizard.sentence import SentencePrompt
from mtn_tui.ui.wizard.step import ask_whether
from mtn_tui.ui.wizard.whole_message import whole_message


class Wizard(Place, Protocol):
    """The screen that these actions are performed on."""

    @property
    def page(self) -> Page:
        """What is shown of the step in view."""

    @property
    def navigator(self) -> Navigator:
        """Where the wizard is; its ``session`` has the incident."""


class Moments(Protocol):
    """What a moment is chosen on."""

    def type_moment(self) -> None:
        """Ask for a moment."""

    def show_difference(self) -> None:
        """Show what has changed since the chosen point."""

    def zoom(self) -> None:
        """Show another stretch of time."""


P = TypeVar("P")


def wizard_actions() -> tuple[Action[Wizard], ...]:
    """The actions of the wizard, in the order of the footer and of the help."""
    return (
        Action(
            "next",
            ("enter",),
            _("Next"),
            _("Does what the line above the job bar says: each step's next thing."),
            _next,
            why_not=_no_next,
        ),
        Action(
            "note",
            ("n",),
            _("Note"),
            _("Writes a line into the incident's report, with the time and your name."),
            _note,
            footer=True,
            why_not=_not_at_it,
        ),
        Action(
            "called",
            ("c",),
            _("Record a call"),
            _("Records a call; asks to whom."),
            _called,
            footer=True,
            why_not=_no_calling,
        ),
        Action(
            "incident",
            ("i",),
            _("Incident"),
            _("Shows all that has happened in the incident, as its report will have it."),
            _report,
            footer=True,
            why_not=_no_report,
        ),
        Action(
            "again",
            ("a",),
            _("Once more"),
            _("Looks again; a step that is over is done again, with all after it. Asks first."),
            _again,
            why_not=_not_at_it,
            footer_when_possible=True,
        ),
        Action(
            "skip",
            ("s",),
            _("Leave out"),
            _("Leaves a step out, with a reason that stands in the report."),
            _skip,
            why_not=_no_skipping,
            footer_when_possible=True,
        ),
        Action(
            "take",
            ("o",),
            _("Take over"),
            _("Takes the incident over from whoever has it; they are told. Asks first."),
            _take,
            why_not=_no_taking,
            footer_when_possible=True,
        ),
        *stepping(_timeline, _no_choosing),
        whole_message(),
        Action(
            "severity",
            ("g",),
            _("Severity"),
            _("Changes how severe it is: that decides whom to call, and when. Asks first."),
            lambda wizard: severity.ask(wizard.navigator.session),
            why_not=_not_at_it,
        ),
        Action(
            "start",
            ("u",),
            _("Start the server"),
            _("In step 1, runs DATABASE_START_COMMAND. Asks first."),
            lambda wizard: wizard.navigator.step_view.ask_to_start(),
            why_not=_no_starting,
            footer_when_possible=True,
        ),
        Action(
            "yes",
            ("y",),
            _("Put in production"),
            _("In step 6, puts the restored database in production, where nothing has its name."),
            _yes,
            why_not=_no_yes,
        ),
        Action(
            "tick",
            ("x",),
            _("Tick"),
            _("In step 7, marks what the cursor is on as seen, with your name."),
            lambda wizard: wizard.navigator.step_view.tick(),
            why_not=lambda wizard: _only_in(wizard, Step.SERVICES) or wizard.navigator.step_view.why_no_tick,
            footer_when_possible=True,
        ),
    )


def digit_of_moment(key: str) -> str:
    """What is said of a digit on a timeline: which key lets one type a moment; empty for other keys."""
    return _("[t] lets you type a moment; then digits are part of it.") if key.isdigit() else ""


def stepping(
    picking: Callable[[P], Moments], why_not: Callable[[P], str], *, footer: bool = False
) -> tuple[Action[P], ...]:
    """The actions of a timeline: of step 3, and of the screen that looks at what was."""
    return (
        Action(
            "time",
            ("t",),
            _("Type a time"),
            _("On the timeline, asks for a moment, and chooses the nearest backup before it."),
            lambda place: picking(place).type_moment(),
            footer=footer,
            why_not=why_not,
        ),
        Action(
            "difference",
            ("d",),
            _("Difference"),
            _("On the timeline, shows how many rows each table has now, and had at the chosen moment."),
            lambda place: picking(place).show_difference(),
            footer=footer,
            why_not=why_not,
        ),
        Action(
            "zoom",
            ("z",),
            _("Zoom"),
            _("On the timeline, shows a longer stretch of time; after the longest, the shortest."),
            lambda place: picking(place).zoom(),
            footer=footer,
            why_not=why_not,
        ),
    )


def _timeline(wizard: Wizard) -> Moments:
    return wizard.navigator.step_view


def _no_choosing(wizard: Wizard) -> str:
    return _only_in(wizard, Step.CHOOSE)


def _not_at_it(wizard: Wizard) -> str:
    return wizard.navigator.session.why_not()


def _no_next(wizard: Wizard) -> str:
    session = wizard.navigator.session
    if session.incident is None:
        return read_only(wizard) or session.busy
    if not session.incident.is_open:
        return ""
    may_continue = session.holder_gone and not wizard.host.read_only
    return "" if may_continue and not session.mine else session.why_not()


def _no_report(wizard: Wizard) -> str:
    session = wizard.navigator.session
    return "" if session.incident or session.past else _("There was no incident yet.")


def _no_calling(wizard: Wizard) -> str:
    session = wizard.navigator.session
    if why := session.why_not():
        return why
    return "" if session.contacts else _("There is nobody to call: see CONTACTS_FILE.")


def _no_skipping(wizard: Wizard) -> str:
    session = wizard.navigator.session
    navigator, step = wizard.navigator, wizard.navigator.viewing
    if why := session.why_not():
        return why
    why = session.present.why_not_skip(step)
    if not why or step not in NEVER_SKIPPED.get(session.present.way, ()):
        return why
    told = _("[s] would leave it out.")
    if not navigator.looks_back and (does := navigator.step_view.next()):
        key = "" if navigator.step_view.phrase or navigator.step_view.wants_yes else shown_key("enter") + " "
        told += " " + key + does
    return f"{why} {told}"


def _no_taking(wizard: Wizard) -> str:
    session = wizard.navigator.session
    if why := read_only(wizard):
        return why
    if session.incident is None or not session.incident.is_open:
        return _("No incident is open.")
    return _("You have it already.") if session.mine else ""


def _only_in(wizard: Wizard, step: Step) -> str:
    navigator = wizard.navigator
    if why := navigator.session.why_not():
        return why
    here = navigator.viewing is step and (step is Step.SERVICES or not navigator.looks_back)
    return "" if here else _("That belongs to step {step}.").format(step=int(step))


def _no_starting(wizard: Wizard) -> str:
    if why := _only_in(wizard, Step.ASSESS):
        return why
    if not wizard.host.context.settings.database_start_command:
        return _("Start it by hand: DATABASE_START_COMMAND is not set.")
    return "" if wizard.navigator.step_view.can_start else _("Nothing says that the server is down.")


def _no_yes(wizard: Wizard) -> str:
    return _only_in(wizard, Step.PRODUCTION) or wizard.navigator.step_view.why_no_yes


def _next(wizard: Wizard) -> None:
    navigator, session = wizard.navigator, wizard.navigator.session
    if not navigator.takes_enter():
        wizard.host.show_status(_("Wait one second, then press [enter]."), "warn")
    elif session.incident is None:
        _open(wizard)
    elif not session.incident.is_open:
        session.put_away()
    elif not session.mine:
        session.take()
    elif navigator.shows_evidence:
        navigator.follow()
    elif navigator.step_view.wants_yes:
        wizard.host.show_status(_("[enter] alone replaces nothing: [y] puts it in production."), "warn")
    else:
        navigator.step_view.enter()


def _open(wizard: Wizard) -> None:
    """Ask first where one was just closed, for one Enter too many opens none; and where all seems well."""
    session, host = wizard.navigator.session, wizard.host
    closed, health = session.put_away_last, host.state.health
    title, said = "", ""
    if closed is not None:
        title = _("Open a new incident?")
        said = _(
            "Incident {number} is closed. A new one begins at step 1; in step 2 people are notified again."
        ).format(number=closed.number)
    elif health is not None and health.seems_well(host.context.clock.now()):
        title = _("Open an incident all the same?")
        said = _("The database answers, and no check is critical. In step 2 people are notified.")
    if not title:
        session.open()
        return

    def chosen(another: bool | None) -> None:
        if another and session.incident is None and not session.busy:
            session.open()

    answers = [Answer(_("No"), False), Answer(_("Open a new incident"), True)]
    host.open_screen(Ask(title, [said], answers), chosen)


def _yes(wizard: Wizard) -> None:
    if wizard.navigator.has_been_read():
        wizard.navigator.step_view.confirmed()


def _again(wizard: Wizard) -> None:
    """Look again; or redo a step that is over, and with it all that depends on it."""
    navigator, session, step = wizard.navigator, wizard.navigator.session, wizard.navigator.viewing
    if not navigator.looks_back:
        navigator.step_view.look()
        return
    if step is Step.PRODUCTION and session.present.way is not RecoveryMode.BESIDE:
        wizard.host.show_status(_("Production was replaced. mtn undo brings back what was there."), "warn")
        return
    said = _("Later steps depend on it and have to be done again. Nothing is dropped.")
    if step is Step.NOTIFY:
        said = _("Everybody gets it once more. Nothing else is done again.")
    title = _("Do step {step} again?").format(step=int(step))
    leave, again = _("Leave it as it is"), _("Do it again")
    ask_whether(session, title, [said], leave, again, lambda: navigator.redo(step))


def _note(wizard: Wizard) -> None:
    def given(text: str | None) -> None:
        if text:
            wizard.navigator.session.write_answer(lambda file: file.note(text))

    said = _("It stands in the report, with the time and your name.")
    wizard.host.open_screen(SentencePrompt(_("A note"), said), given)


def _skip(wizard: Wizard) -> None:
    session, step = wizard.navigator.session, wizard.navigator.viewing

    def given(reason: str | None) -> None:
        if reason:
            session.decide(lambda: session.skip(step, reason))

    title = _("Why is step {step} left out?").format(step=int(step))
    wizard.host.open_screen(SentencePrompt(title, _("It stands in the report.")), given)


def _called(wizard: Wizard) -> None:
    session, calls = wizard.navigator.session, wizard.navigator.session.calls()
    assert calls is not None  # noqa: S101 - why_not has looked

    def chosen(person: Person | None) -> None:
        if person is not None:
            said = _("Written down: {name} was called.").format(name=person.called)
            session.write_answer(
                lambda file: file.called(person.key, person.name), lambda: wizard.host.show_status(said)
            )

    answers: list[Answer[Person | None]] = [Answer(_("Nobody yet"), None)]
    for call in (*calls.due, *calls.next_calls, *calls.passed_over):
        person = call.person
        told = f"{person.reached_by}  {person.called}, {person.role}"  # the number is never cut off
        answers.append(Answer(told, person))
    wizard.host.open_screen(Ask[Person | None](_("Whom have you called?"), [], answers), chosen)


def _take(wizard: Wizard) -> None:
    session, incident = wizard.navigator.session, wizard.navigator.session.present

    def chosen(take: bool | None) -> None:
        if take:
            session.take()

    said = [
        _("Their screen says so at once, and can no longer change it."),
        _("What is running goes on."),
    ]
    answers = [Answer(_("Follow it only"), False), Answer(_("Take it over"), True)]
    title = _("Take incident {number} over from {who}?")
    wizard.host.open_screen(
        Ask(title.format(number=incident.number, who=session.holder_told), said, answers), chosen
    )


def _report(wizard: Wizard) -> None:
    from mtn_tui.ui.wizard.report_screen import IncidentReport

    wizard.host.open_screen(IncidentReport(wizard.navigator.session))
