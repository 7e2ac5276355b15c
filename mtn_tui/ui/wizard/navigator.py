"""Which step of the incident is in view, and whether an Enter counts."""

from __future__ import annotations

from mtn_tui.operations.incident.state import Incident, Step, StepState, StepStatus
from mtn_tui.ui.wizard.session import IncidentSession
from mtn_tui.ui.wizard.step import StepView

QUIET = 0.8
"""Seconds without an Enter, and since a step has changed, after which the next one counts.

No terminal waits longer before it repeats a key that is held down.
"""


class Navigator:
    """Keeps which step of the session's incident is in view: where it stands, or an earlier one."""

    def __init__(self, session: IncidentSession) -> None:
        self.session = session
        session.view = self
        self.viewing = Step.ASSESS
        """The step in view."""
        self.on_screen = False
        """Whether the wizard is opened."""
        self.drawn = False
        """Whether the present decision has been painted."""
        self._views: dict[Step, StepView] = {}
        self._entered = self._changed = float("-inf")

    @property
    def state(self) -> StepState:
        """The state of the step in view."""
        return self.session.present.steps[self.viewing]

    @property
    def step_view(self) -> StepView:
        """The view of the step in view."""
        return self._view_of(self.viewing)

    def _view_of(self, step: Step) -> StepView:
        if step not in self._views:
            from mtn_tui.ui.wizard.steps import view_of  # late: with them comes all that restores

            self._views[step] = view_of(step, self.session)
        return self._views[step]

    @property
    def looks_back(self) -> bool:
        """Whether the step in view is over, and comes before the one where the incident stands."""
        incident = self.session.incident
        return incident is not None and self.viewing < incident.step and self.state.standing.over

    @property
    def shows_evidence(self) -> bool:
        """Whether the step in view is only looked at: it is over, and nothing of it goes on.

        Step 7 goes on once its job is over: people tick what they see.
        """
        if not self.looks_back:
            return False
        return self.viewing is not Step.SERVICES or self.state.standing is not StepStatus.DONE

    def is_showing(self, step_view: object) -> bool:
        """Whether this view is the one on the screen, in an incident held here."""
        return self.on_screen and self.session.mine and self._views.get(self.viewing) is step_view

    # The guard of Enter

    def takes_enter(self) -> bool:
        """Whether an Enter counts: it was pressed anew, and what it is about has been on the screen."""
        pressed = self._pressed()
        anew = pressed - self._entered >= QUIET
        self._entered = pressed
        return anew and self.has_been_read()

    def has_been_read(self) -> bool:
        """Whether what is to be decided has been on the screen for a moment."""
        return self.drawn and self._pressed() - self._changed >= QUIET

    def _pressed(self) -> float:
        """When the key was pressed, not when its turn came: a held one repeats while a screen is slow."""
        return self.session.host.context.clock.monotonic() - self.session.host.key_age

    def changed(self) -> None:
        """Let no Enter count until the screen has been drawn and ``QUIET`` seconds have passed."""
        self._changed = self.session.host.context.clock.monotonic()
        self.drawn = False

    # The step in view

    def opened(self) -> None:
        """Called when the wizard is opened."""
        self.on_screen = True
        self.changed()
        self.attend()

    def go(self, step: Step) -> None:
        """Show a step."""
        if step is not self.viewing:
            self.viewing = step
            self.step_view.entered()
        self.changed()
        self.attend()

    def go_back(self) -> bool:
        """Show the step before, of those that have begun; False if there is none."""
        incident = self.session.incident
        if incident is None or not incident.is_open or not self.session.mine:
            return False
        before = [step for step in Step if step < self.viewing and incident.steps[step].began is not None]
        if before:
            self.go(before[-1])
        return bool(before)

    def follow(self) -> None:
        """Show the step where the incident stands."""
        if self.session.incident is not None:
            self.go(self.session.incident.step)

    def redo(self, step: Step) -> None:
        """Do a step that is over again; drops what it and those after it have found."""
        if step is Step.NOTIFY:
            self._view_of(step).enter()
            return
        self._views = {one: view for one, view in self._views.items() if one < step}
        self.session.begin_again(step)

    def attend(self) -> None:
        """Begin what needs no decision, if the wizard is open and the incident is this operator's."""
        session, incident = self.session, self.session.incident
        if not self.on_screen or incident is None or session.busy:
            return
        if session.host.read_only or not incident.is_open:
            return
        holder = incident.holder
        if session.mine:
            self.step_view.opens()
        elif session.holder_gone and holder is not None and holder.operator == session.actor.operator:
            session.take()  # it was this operator's, and their screen has ended

    def incident_changed(self, before: Incident | None, *, was_mine: bool) -> None:
        """Called by the session; shows where the incident stands, unless it was and is held here."""
        incident, mine = self.session.present, self.session.mine
        same = before is not None and before.number == incident.number
        if not same:
            self._views = {}
            self.viewing = incident.step
        if not same or was_mine != mine or _stand(before) != _stand(incident):
            self.changed()
        if not mine:
            self._views = {}
        if not (mine and was_mine):
            self.viewing = incident.step
        self.attend()


def _stand(incident: Incident | None) -> tuple[Step, StepStatus] | None:
    """The step where an incident stands, and how."""
    return (incident.step, incident.steps[incident.step].standing) if incident else None
