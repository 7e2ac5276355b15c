"""The incident at this screen: what is known of it, and all that is done to it.

Everything is written by threads and comes back as a call on the screens' own.
Whoever has lost the incident is refused by its file, whatever is drawn here.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from mtn_tui.core import contacts as people
from mtn_tui.core.contacts import Contacts
from mtn_tui.core.errors import MtnError, Refused
from mtn_tui.core.i18n import _
from mtn_tui.engine.jobview import JobView
from mtn_tui.engine.process import Process, this_process
from mtn_tui.operations.incident import escalation
from mtn_tui.operations.incident.escalation import EscalationStatus
from mtn_tui.operations.incident.file import Found, IncidentFile, open_incident, path_of
from mtn_tui.operations.incident.state import Actor, Incident, Step, StepState, StepStatus

if TYPE_CHECKING:
    from mtn_tui.ui.app import MtnApp
    from mtn_tui.ui.wizard.operations import WizardOperations
    from mtn_tui.ui.wizard.step import StepView

QUIET = 0.8
"""Seconds without an Enter, and since a step has changed, after which the next one counts: no terminal
waits longer before it repeats a key that is held down."""


_LONGEST_PID = 20
"""Digits; a session in an incident's file may be anything."""

JOBS = {Step.STAGING: "restore", Step.PRODUCTION: "promote", Step.SERVICES: "services-restart"}
"""The steps that are jobs, and of which kind."""


def new_session() -> str:
    """Names this process and this start of the program, so that others can tell whether it is still there."""
    process = this_process()
    return f"{process.pid}/{process.start}/{secrets.token_hex(4)}"


def is_gone(who: Actor, host: str) -> bool:
    """Whether the screen that ``who`` sat at is certainly no more; that can be told on its own machine."""
    pid, _slash, rest = who.session.partition("/")
    start = rest.rpartition("/")[0]
    is_number = pid.isdecimal() and len(pid) <= _LONGEST_PID
    return who.host == host and is_number and Process(int(pid), start).gone


class Desk:
    """``viewing`` is the step to be seen, which may be one before that where the incident stands."""

    def __init__(self, app: MtnApp, work: WizardOperations | None, session: str) -> None:
        self.app = app
        self._work = work
        self.who = Actor(app.context.operator, app.machine, session)
        self.incident: Incident | None = None
        """The open one; or the one that was closed while it was at this desk."""
        self.past: tuple[Incident, ...] = ()
        self.troubles: tuple[MtnError, ...] = ()
        """Why incidents, or some of them, can't be read."""
        self.contacts: Contacts | None = None
        self.no_contacts: MtnError | None = None
        self.viewing = Step.ASSESS
        self.busy = ""
        """What is being done that the next key would disturb."""
        self.on_screen = False
        self.drawn = False
        """Whether what is to be seen now has been painted since it changed."""
        self._views: dict[Step, StepView] = {}
        self._entered = self._moved = float("-inf")
        self._settled: set[tuple[str, bool]] = set()
        """Jobs whose end was written down, or was looked for though they were not to be seen."""

    @property
    def work(self) -> WizardOperations:
        """The real one, where none was given; loaded once there is an emergency, not at every start."""
        if self._work is None:
            from mtn_tui.ui.wizard.operations import WizardOperations

            self._work = WizardOperations()
        return self._work

    # What is so

    @property
    def mine(self) -> bool:
        incident = self.incident
        return (
            incident is not None
            and incident.is_open
            and incident.holder is not None
            and incident.holder.session == self.who.session
        )

    @property
    def holder_gone(self) -> bool:
        holder = self.incident.holder if self.incident else None
        return holder is not None and is_gone(holder, self.app.machine)

    @property
    def state(self) -> StepState:
        """Of the step that is to be seen."""
        assert self.incident is not None  # noqa: S101 - steps are only seen of an incident
        return self.incident.steps[self.viewing]

    @property
    def view(self) -> StepView:
        return self.view_of(self.viewing)

    def view_of(self, step: Step) -> StepView:
        if step not in self._views:
            from mtn_tui.ui.wizard.steps import VIEWS

            self._views[step] = VIEWS[step](self)
        return self._views[step]

    @property
    def looks_back(self) -> bool:
        """Whether a step is to be seen that is over already."""
        return self.incident is not None and self.viewing < self.incident.step and self.state.standing.over

    def job_of(self, step: Step) -> JobView | None:
        wanted = self.incident.steps[step].facts.get("job") if self.incident else None
        return next((job for job in self.app.state.jobs if job.id == wanted), None) if wanted else None

    def calls(self) -> EscalationStatus | None:
        if self.contacts is None or self.incident is None:
            return None
        return escalation.clock(self.contacts, self.incident, self.app.context.clock.now())

    def why_not(self) -> str:
        """Why nothing can be done to the incident from here; empty where something can."""
        if self.app.read_only:
            return _("This screen was opened with --read-only: it changes nothing.")
        if self.incident is None or not self.incident.is_open:
            return _("No incident is open.")
        if not self.mine:
            return _("{who} has this incident. t takes it over.").format(who=self.incident.holder)
        return self.busy

    # Enter

    def takes_enter(self) -> bool:
        """Whether an Enter counts: it was pressed anew, and what it is about has been on the screen."""
        now = self.app.context.clock.monotonic()
        anew = now - self._entered >= QUIET
        self._entered = now
        return anew and self.has_been_read()

    def has_been_read(self) -> bool:
        """Whether what is to be seen has been there for a moment."""
        return self.drawn and self.app.context.clock.monotonic() - self._moved >= QUIET

    def changed(self) -> None:
        """Something else is to be decided now."""
        self._moved = self.app.context.clock.monotonic()
        self.drawn = False

    # What is done

    def errand(
        self,
        work: Callable[[], object],
        then: Callable[[object], None],
        saying: str = "",
        failed: Callable[[MtnError], None] | None = None,
    ) -> None:
        """Do it on a thread. While ``saying`` is shown no key disturbs it."""
        if saying:
            self.busy = saying

        def back(what: object, error: MtnError | None) -> None:
            if saying:
                self.busy = ""
            if error is None:
                then(what)
                self.jobs_seen()  # while it was busy, what has ended was passed over
            elif failed is not None:
                failed(error)
            else:
                self.app.tell(error)
            self.app.draw()

        self.app.errand(work, back)

    def write(
        self,
        change: Callable[[IncidentFile], Incident],
        then: Callable[[], None] = lambda: None,
        saying: str = "",
        failed: Callable[[MtnError], None] | None = None,
    ) -> None:
        """Write down what happened, on a thread, and show where the incident stands by then."""
        incident, context = self.incident, self.app.context
        assert incident is not None  # noqa: S101 - the registry has looked
        path = path_of(context.state, incident)

        def work() -> Incident:
            return change(IncidentFile(path, self.who, context.clock, context.spare_folders))

        def done(found: object) -> None:
            assert isinstance(found, Incident)  # noqa: S101 - for the type checker
            self.now(found)
            then()

        self.errand(work, done, saying or _("Writing it down."), failed)

    def open(self) -> None:
        context, database = self.app.context, self.app.database

        def work() -> Incident:
            spares = context.spare_folders
            return open_incident(context.state, database, self.who, context.clock, spares).state

        def done(found: object) -> None:
            assert isinstance(found, Incident)  # noqa: S101 - for the type checker
            self.now(found)

        self.errand(work, done, _("Opening the incident."))

    def take(self) -> None:
        self.write(lambda file: file.take())

    def begin_job(self, step: Step, arguments: Callable[[], list[str]]) -> None:
        """Begin a step that is a job. The step is claimed first: nobody begins it twice."""
        start = self.app.start_now

        def change(file: IncidentFile) -> Incident:
            file.begin(step, job="")
            try:
                job_id = start(arguments())
            except MtnError as error:
                return file.failed(step, error)
            return file.begin(step, job=job_id)

        self.write(change, saying=_("Beginning."))

    def once_more(self, step: Step) -> None:
        """Do a step that is over again. What it has shown is to be looked at anew, and all after it."""
        if step is Step.NOTIFY:
            self.view_of(step).enter()
            return
        self._views = {one: view for one, view in self._views.items() if one < step}
        no_job = {"job": ""} if step in JOBS else {}
        self.write(lambda file: file.begin(step, **no_job), self.follow)

    def leave_out(self, reason: str) -> None:
        step = self.viewing
        self.write(lambda file: file.skip(step, reason), self.follow)

    # What is to be seen

    def go(self, step: Step) -> None:
        if step is not self.viewing:
            self.viewing = step
            self.view.entered()
        self.changed()
        self.attend()

    def follow(self) -> None:
        """Show the step where the incident stands."""
        if self.incident is not None:
            self.go(self.incident.step)

    def put_away(self) -> None:
        """The incident is over, and has been seen."""
        self.incident = None
        self.changed()

    def attend(self) -> None:
        """Let what needs no decision begin by itself, where the operator is there to see it."""
        incident = self.incident
        if not self.on_screen or incident is None or self.busy or self.app.read_only or not incident.is_open:
            return
        holder = incident.holder
        if not self.mine and self.holder_gone and holder is not None and holder.operator == self.who.operator:
            self.take()  # it was this operator's, and their screen is no more
        elif self.mine:
            self.view.opens()

    # What has come

    def seen(self, found: Found | MtnError) -> None:
        """What all incidents are by now, by their files."""
        if isinstance(found, MtnError):
            self.troubles = (found,)
            return
        self.troubles = tuple(found.unread.values())
        ours = [one for one in found.incidents if one.database == self.app.database]
        self.past = tuple(one for one in ours if not one.is_open)
        opened = next((one for one in ours if one.is_open), None)
        known = self.incident
        if opened is not None:
            self.now(opened)
        elif known is not None:
            # It was closed, here or by somebody else: how it ended is still to be read.
            self.now(next((one for one in ours if one.number == known.number), known))

    def now(self, found: Incident) -> None:
        """Where the incident stands."""
        known = self.incident
        same = known is not None and known.number == found.number
        if same and known is not None and len(found.records) <= len(known.records):
            return
        was_mine, before = self.mine, (known.step, known.steps[known.step].standing) if known else None
        self.incident = found
        if not same:
            self._views = {}
            self.viewing = found.step
            self.changed()
            self.read_contacts()
        if was_mine != self.mine or before != (found.step, found.steps[found.step].standing):
            self.changed()
        if not self.mine:
            self._views = {}
            self.viewing = found.step
        elif not was_mine:
            self.viewing = found.step
        if was_mine and not self.mine and found.is_open:
            self._lost(found)
        self.attend()

    def jobs_seen(self) -> None:
        """A step that is a job ends with it."""
        incident = self.incident
        if incident is None or not self.mine or self.busy or not self.app.knows_jobs:
            return
        step, state = incident.step, incident.steps[incident.step]
        if state.standing is not StepStatus.RUNNING or step not in JOBS:
            return
        if not state.facts.get("job"):
            self._adopt(step, state)
            return
        job = self.job_of(step)
        sign = (str(state.facts["job"]), job is not None)
        if (job is None or job.state.over) and sign not in self._settled:
            self._settled.add(sign)
            self.settle(sign)

    def _adopt(self, step: Step, state: StepState) -> None:
        """Whoever began the step was killed before they could write down its job."""
        began, kind = state.began, JOBS[step]
        from mtn_tui.operations.incident.steps import staging_of

        assert self.incident is not None  # noqa: S101 - it is its step
        context, about = self.app.context, self.app.database
        if step is Step.STAGING:
            about = staging_of(context, self.incident.way)
        ours = [one for one in self.app.state.jobs if (one.kind, one.subject) == (kind, about)]
        found = next((one.id for one in ours if one.started and began and one.started >= began), None)
        if found is not None:
            self.write(lambda file: file.begin(step, job=found))

    def settle(self, sign: tuple[str, bool]) -> None:
        from mtn_tui.operations.incident import steps

        context = self.app.context

        def failed(error: MtnError) -> None:
            self._settled.discard(sign)  # whatever comes next, it is tried again
            self.app.tell(error)

        self.write(lambda file: steps.settle(file, context), saying=_("Reading how it ended."), failed=failed)

    def read_contacts(self) -> None:
        path = self.app.context.settings.contacts_file

        def done(found: object) -> None:
            assert isinstance(found, Contacts)  # noqa: S101 - for the type checker
            self.contacts, self.no_contacts = found, None

        def failed(error: MtnError) -> None:
            self.contacts, self.no_contacts = None, error

        self.errand(lambda: people.load(path), done, failed=failed)

    def _lost(self, found: Incident) -> None:
        self.busy = ""
        self.app.tell(
            Refused(
                _("{who} has taken the incident over.").format(who=found.holder),
                _("Your keys do nothing to it any more. 3 follows it; talk to them before you take it back."),
            )
        )
