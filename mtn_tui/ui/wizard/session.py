"""The incident on this screen: what is known of it, and all that is done to it.

Its file is written by background threads, which come back on the UI thread. An
operator who has lost the incident is refused by its file, whatever is shown here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from mtn_tui.core import contacts as people
from mtn_tui.core.contacts import Contacts, Severity
from mtn_tui.core.errors import MtnError, Refused
from mtn_tui.core.i18n import _
from mtn_tui.engine.jobview import JobView
from mtn_tui.engine.process import Process, this_process, this_terminal
from mtn_tui.operations.incident import escalation
from mtn_tui.operations.incident.escalation import EscalationStatus
from mtn_tui.operations.incident.file import Found, IncidentFile, open_incident, path_of
from mtn_tui.operations.incident.state import Actor, Incident, RecoveryMode, Step, StepState, StepStatus
from mtn_tui.ui.host import Host

if TYPE_CHECKING:
    from mtn_tui.ui.wizard.operations import WizardOperations

R = TypeVar("R")

_LONGEST_PID = 20
"""Digits; a session in an incident's file may be anything."""

JOBS = {Step.STAGING: "restore", Step.PRODUCTION: "promote", Step.SERVICES: "services-restart"}
"""The steps that are jobs, and of which kind. Beside production step 6 copies rows back."""


def new_session() -> str:
    """A name for this start of the program, by which others can tell whether it still runs, and where."""
    process, terminal = this_process(), this_terminal().replace("/", ".")
    token = f"{terminal}-{secrets.token_hex(4)}" if terminal else secrets.token_hex(4)
    return f"{process.pid}/{process.start}/{token}"


def is_gone(actor: Actor, host: str) -> bool:
    """Whether the screen of ``actor`` has certainly ended; that can be told on its own machine only."""
    pid, start, _last = actor.parts
    is_number = pid.isdecimal() and len(pid) <= _LONGEST_PID
    return actor.host == host and is_number and Process(int(pid), start).gone


class View(Protocol):
    """What shows the incident: the session reports changes to it, steps ask it to go on."""

    @property
    def looks_back(self) -> bool:
        """Whether the step in view is over already."""

    def is_showing(self, step_view: object) -> bool:
        """Whether this view of a step is on the screen."""

    def follow(self) -> None:
        """Show the step where the incident stands."""

    def go(self, step: Step) -> None:
        """Show a step."""

    def changed(self) -> None:
        """Called when another decision is due: keys pressed for the one before do not count."""

    def incident_changed(self, before: Incident | None, *, was_mine: bool) -> None:
        """Called when the session has another incident, or a later state of the same."""

    def redo(self, step: Step) -> None:
        """Do a step again."""


class IncidentSession:
    """The open incident as this start of the program takes part in it."""

    view: View
    """Set by what shows the incident, before anything is asked of the session."""

    def __init__(self, host: Host, operations: WizardOperations | None, name: str) -> None:
        """``name`` is that of ``new_session``; ``operations`` are the real ones unless given."""
        self.host = host
        self._operations = operations
        self.actor = Actor(host.context.operator, host.machine, name)
        self.incident: Incident | None = None
        """The open incident; or the one that was closed while it was on this screen."""
        self.put_away_last: Incident | None = None
        """The closed incident that was on this screen, until another is opened."""
        self.past: tuple[Incident, ...] = ()
        """Closed incidents, the newest first."""
        self.troubles: tuple[MtnError, ...] = ()
        """Why incidents, or some of them, can't be read."""
        self.contacts: Contacts | None = None
        self.no_contacts: MtnError | None = None
        """Why contacts can't be read."""
        self.busy = ""
        """What is being done that another key would disturb; empty if nothing is."""
        self._decided: list[Callable[[], object]] = []
        """What was answered in dialogs meanwhile, and is done next."""
        self._settled: set[tuple[str, bool]] = set()
        """Jobs whose end was written down, or was looked for though they could not be seen."""

    @property
    def operations(self) -> WizardOperations:
        """Loaded once there is an emergency, not at every start."""
        if self._operations is None:
            from mtn_tui.ui.wizard.operations import WizardOperations

            self._operations = WizardOperations()
        return self._operations

    # Queries

    @property
    def present(self) -> Incident:
        """The incident, for what is only done while there is one."""
        assert self.incident is not None  # noqa: S101 - a step is of an incident
        return self.incident

    @property
    def mine(self) -> bool:
        """Whether the incident is open and held by this session."""
        incident = self.incident
        return (
            incident is not None
            and incident.is_open
            and incident.holder is not None
            and incident.holder.session == self.actor.session
        )

    @property
    def holder_gone(self) -> bool:
        """Whether the screen of whoever holds the incident has certainly ended."""
        holder = self.incident.holder if self.incident else None
        return holder is not None and is_gone(holder, self.host.machine)

    @property
    def holder_told(self) -> str:
        """Who holds the incident; if that is another screen of this operator's, which."""
        holder = self.present.holder
        return holder.told_to(self.actor) if holder else "—"

    def job_of(self, step: Step) -> JobView | None:
        """The job of a step, if it is among those that are shown."""
        wanted = self.incident.steps[step].facts.get("job") if self.incident else None
        return next((job for job in self.host.state.jobs if job.id == wanted), None) if wanted else None

    def calls(self, severity: Severity | None = None) -> EscalationStatus | None:
        """Whom to call now and next, as severe as it is or would be; None without contacts."""
        if self.contacts is None or self.incident is None:
            return None
        incident = replace(self.incident, severity=severity.value) if severity else self.incident
        return escalation.clock(self.contacts, incident, self.host.context.clock.now())

    def why_not(self) -> str:
        """Why nothing can be done to the incident from here; empty if something can."""
        if self.host.read_only:
            return _("This screen was opened with --read-only: it changes nothing.")
        if self.incident is None or not self.incident.is_open:
            return _("No incident is open.")
        if not self.mine:
            return _("{who} has this incident. [o] takes it over.").format(who=self.holder_told)
        return self.busy

    # Commands

    def run_in_background(
        self,
        work: Callable[[], R],
        then: Callable[[R], None],
        busy: str = "",
        failed: Callable[[MtnError], None] | None = None,
    ) -> None:
        """As the host does it. While ``busy`` is shown no key disturbs it, and quitting waits for it."""
        if busy:
            self.busy = busy

        def over() -> None:
            decided, self._decided = self._decided, []
            for one in decided:
                self.decide(one)
            self.jobs_seen()  # while it was busy, jobs that have ended were passed over
            self.host.draw()

        def done(result: R) -> None:
            if busy:
                self.busy = ""
            then(result)
            over()

        def stopped(error: MtnError) -> None:
            if busy:
                self.busy = ""
            (failed or self.host.show_error)(error)
            over()

        (self.host.write_down if busy else self.host.run_in_background)(work, done, stopped)

    def decide(self, then: Callable[[], object]) -> None:
        """Do what was answered in a dialog: at once, or after what is being done; else say why it was not."""
        if self.busy and self.mine:
            self._decided.append(then)
        elif why := self.why_not():
            self.host.show_status(_("Not done: {why}").format(why=why), "warn")
        else:
            then()

    def write(
        self,
        change: Callable[[IncidentFile], Incident],
        then: Callable[[], None] = lambda: None,
        busy: str = "",
        failed: Callable[[MtnError], None] | None = None,
    ) -> None:
        """Write to the incident's file in the background, and take the state that ``change`` returns."""
        path, context = path_of(self.host.context.state, self.present), self.host.context

        def work() -> Incident:
            return change(IncidentFile(path, self.actor, context.clock, context.spare_folders))

        def done(found: Incident) -> None:
            self.update(found)
            then()

        self.run_in_background(work, done, busy or _("Writing it down."), failed)

    def write_answer(
        self, change: Callable[[IncidentFile], Incident], then: Callable[[], None] = lambda: None
    ) -> None:
        """Write what was answered in a dialog, as ``decide`` does it."""
        self.decide(lambda: self.write(change, then))

    def open(self) -> None:
        """Open an incident."""
        context, database = self.host.context, self.host.database

        def work() -> Incident:
            spares = context.spare_folders
            return open_incident(context.state, database, self.actor, context.clock, spares).state

        self.run_in_background(work, self.update, _("Opening the incident."))

    def take(self) -> None:
        """Take the incident over."""
        self.write(lambda file: file.take())

    def put_away(self) -> None:
        """Show a closed incident no more."""
        self.put_away_last, self.incident = self.incident, None
        self.view.changed()

    def begin_job(self, step: Step, arguments: Callable[[], list[str]]) -> None:
        """Begin a step that is a job. The step is claimed first, so that it begins once."""
        start = self.host.start_now

        def change(file: IncidentFile) -> Incident:
            file.begin(step, job="")
            try:
                job_id = start(arguments())
            except MtnError as error:
                return file.failed(step, error)
            return file.begin(step, job=job_id)

        self.write(change, busy=_("Beginning."))

    def begin_again(self, step: Step) -> None:
        """Begin a step that is over, and with it all that come after it."""
        no_job = {"job": ""} if step in JOBS else {}
        self.write(lambda file: file.begin(step, **no_job), self.view.follow)

    def skip(self, step: Step, reason: str) -> None:
        """Leave a step out."""
        self.write(lambda file: file.skip(step, reason), self.view.follow)

    def _read_contacts(self) -> None:
        path = self.host.context.settings.contacts_file

        def done(found: Contacts) -> None:
            self.contacts, self.no_contacts = found, None

        def failed(error: MtnError) -> None:
            self.contacts, self.no_contacts = None, error

        self.run_in_background(lambda: people.load(path), done, failed=failed)

    # Events

    def incidents_seen(self, found: Found | MtnError) -> None:
        """Called when all incidents were read again, or can't be read."""
        if isinstance(found, MtnError):
            self.troubles = (found,)
            return
        self.troubles = tuple(found.unread.values())
        ours = [one for one in found.incidents if one.database == self.host.database]
        self.past = tuple(one for one in ours if not one.is_open)
        opened = next((one for one in ours if one.is_open), None)
        known = self.incident
        if opened is not None:
            self.update(opened)
        elif known is not None:
            # It was closed, here or by somebody else: how it ended is still to be read.
            self.update(next((one for one in ours if one.number == known.number), known))

    def update(self, found: Incident) -> None:
        """Take a state of the incident, unless a later one is known."""
        before, was_mine = self.incident, self.mine
        same = before is not None and before.number == found.number
        if same and before is not None and len(found.records) <= len(before.records):
            return
        self.incident, self.put_away_last = found, None
        if not same:
            self._read_contacts()
        if was_mine and not self.mine and found.is_open:
            self._lost(found)
        self.view.incident_changed(before, was_mine=was_mine)

    def _lost(self, found: Incident) -> None:
        self.busy = ""
        self.host.show_error(
            Refused(
                _("{who} has taken the incident over.").format(who=self.holder_told),
                _("You can no longer change it. [3] follows it; talk to them before you take it back."),
            )
        )

    def jobs_seen(self) -> None:
        """Called when jobs were read again: ends a step whose job has ended."""
        incident = self.incident
        if incident is None or not self.mine or self.busy or not self.host.knows_jobs:
            return
        step, state = incident.step, incident.steps[incident.step]
        if state.standing is not StepStatus.RUNNING or step not in JOBS:
            return
        if not state.facts.get("job"):
            self._adopt(incident, step, state)
            return
        job = self.job_of(step)
        sign = (str(state.facts["job"]), job is not None)
        if (job is None or job.state.over) and sign not in self._settled:
            self._settled.add(sign)
            self._settle(sign)

    def _adopt(self, incident: Incident, step: Step, state: StepState) -> None:
        """Write down the job of a step whose screen was killed before it could do so."""
        from mtn_tui.operations.incident.steps import staging_of

        began, kind, about = state.began, JOBS[step], self.host.database
        if step is Step.PRODUCTION and incident.way is RecoveryMode.BESIDE:
            kind = "recover"
        if step is Step.STAGING:
            about = staging_of(self.host.context, incident.way)
        ours = [one for one in self.host.state.jobs if (one.kind, one.subject) == (kind, about)]
        found = next((one.id for one in ours if one.started and began and one.started >= began), None)
        if found is not None:
            self.write(lambda file: file.begin(step, job=found))

    def _settle(self, sign: tuple[str, bool]) -> None:
        """Write down how a step's job has ended."""
        from mtn_tui.operations.incident import steps

        context = self.host.context

        def failed(error: MtnError) -> None:
            self._settled.discard(sign)  # try again when jobs or incidents are read next
            self.host.show_error(error)

        self.write(lambda file: steps.settle(file, context), busy=_("Reading how it ended."), failed=failed)
