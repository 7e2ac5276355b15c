"""Step 1: looks what is wrong and proposes what to do; the operator decides."""

from __future__ import annotations

from mtn_tui.core import i18n
from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.redact import redact
from mtn_tui.engine.jobview import JobView
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.incident import loss, memory, report
from mtn_tui.operations.incident.assess import Assessment
from mtn_tui.operations.incident.escalation import severity_of
from mtn_tui.operations.incident.state import Record, RecoveryMode, Step, StepStatus
from mtn_tui.operations.incident.steps import start_arguments
from mtn_tui.postgres.their_words import split
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.wizard.notifying import says_otherwise
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.step import StepView, progress

_WAYS = tuple(RecoveryMode)

_WAYS_IF_GONE = (RecoveryMode.RESTORE, RecoveryMode.LEAVE, RecoveryMode.BESIDE)
"""The one that does not fit comes last."""


class Assessing(StepView):
    """What was found, and the ways to go on."""

    step = Step.ASSESS

    looking = False
    """Whether checks are running."""
    found: Assessment | None = None
    """None until all checks are done."""
    heard: tuple[Check, ...] = ()
    """The results so far."""
    _ended: frozenset[str] = frozenset()
    """Starts of the server that were over at the last look."""
    _language = ""
    """The language of what was found: in another it looks again."""
    _tried = False
    """Whether a start was tried or declined: until then enter offers it."""

    def opens(self) -> None:
        """Look; once more if the server was started or the language switched meanwhile."""
        again = self.found is None or self.ended != self._ended or self._language != i18n.language()
        if again and not self.looking and not self.state.standing.over:
            self.look()

    @property
    def _ways(self) -> tuple[RecoveryMode, ...]:
        """The ways to choose from, in order."""
        return _WAYS_IF_GONE if self.found is not None and self.found.is_gone else _WAYS

    @property
    def starting(self) -> JobView | None:
        """The job that starts the server, while it runs."""
        return next((job for job in self.session.host.state.live if job.kind == memory.STARTS), None)

    @property
    def ended(self) -> frozenset[str]:
        """The starts of the server that are over."""
        jobs = self.session.host.state.jobs
        return frozenset(job.id for job in jobs if job.kind == memory.STARTS and job.state.over)

    def look(self) -> None:
        """Run all checks in the background, showing each result as it comes."""
        session, self._ended = self.session, self.ended
        reworded = self._language not in ("", i18n.language())
        self._language = i18n.language()
        self.looking, self.heard, self.found = True, (), None
        context, running = session.host.context, self.state.standing is StepStatus.RUNNING

        def heard(one: Check) -> None:
            session.host.run_on_ui_thread(lambda: self._hear(one))

        def came(found: Assessment) -> None:
            started = memory.starts(session.present, session.host.state.jobs)
            is_new = not reworded and memory.is_new(session.present, found)
            if not session.mine or not (started or is_new):
                shown(found)
                return

            def failed(error: MtnError) -> None:
                shown(found)
                session.host.show_error(error)

            session.write(
                lambda file: memory.remember(file, found, started), lambda: shown(found), failed=failed
            )

        def shown(found: Assessment) -> None:
            self.looking, self.found = False, memory.in_view_of(session.present, found)
            self.index = self._ways.index(found.proposal.way)
            if session.view.is_showing(self):
                session.view.changed()

        def ask() -> None:
            session.run_in_background(lambda: session.operations.assess(context, heard), came)

        if running:
            ask()
        else:
            session.write(lambda file: file.begin(Step.ASSESS), ask)

    def _hear(self, one: Check) -> None:
        self.heard = (*self.heard, one)
        self.session.host.draw()

    def write(self, sheet: PageBuilder) -> None:
        """Write results as they come; then the proposal, the ways to choose from, and all results."""
        found = self.found
        if found is None:
            sheet.title(_("What is wrong?"))
            sheet.say(
                _("Asking the server, its disk, the services and the stores. It takes some seconds."), "dim"
            )
            sheet.gap()
            for one in self.heard:
                sheet.check(one)
            return
        sheet.title(_("What to do?"))
        sheet.say(split(found.proposal.why)[0], "strong")
        if found.proposal.instead:
            sheet.say(found.proposal.instead)
        sheet.gap()
        sheet.say(_("★ is proposed; the arrows choose."), "dim")
        for way in self._ways:
            mark = "★ " if way is found.proposal.way else "  "
            said = report.way(way)
            if way is RecoveryMode.BESIDE and found.is_gone:
                said = _("restore beside it: but no database is left to copy to")
            sheet.choice(way.value, mark + said)
        sheet.gap()
        self._starting(sheet, found)
        for one in found.findings:
            sheet.check(one)
        sheet.gap()
        sheet.say(
            _("Severity: {severity} ([g] changes it). It decides whom to call. [a] looks again.").format(
                severity=report.severity(severity_of(self.session.present))
            ),
            "dim",
        )
        changes = _("Nothing is changed by this step; you can come back to it from every later one.")
        if self.session.host.context.settings.database_start_command and _down(found):
            changes = _("Only starting the server changes anything; it asks first. You can come back later.")
        sheet.say(changes, "dim")

    def _starting(self, sheet: PageBuilder, found: Assessment) -> None:
        """Write how to start the server, if it is down."""
        command = self.session.host.context.settings.database_start_command
        if not _down(found):
            return
        if self.starting is not None:
            progress(sheet, self.session.host, self.starting, "")
        elif command:
            sheet.say(_("[u] starts the server: {command}").format(command=redact(command)), "strong")
        else:
            sheet.say(_("Start it by hand: DATABASE_START_COMMAND is not set."), "dim")
        sheet.gap()

    def next(self) -> str:
        """Start the server, or go the chosen way; nothing until all checks are done."""
        if self.found is None or self.starting is not None:
            return ""
        if self._starts_first(self.found):
            return _("start the server, and look again")
        way = self._ways[self.index]
        if way is RecoveryMode.BESIDE and self.found.is_gone:
            return _("restore beside it; there is no production to copy to")
        return {
            RecoveryMode.RESTORE: _("restore all of it; nothing is replaced yet"),
            RecoveryMode.BESIDE: _("restore beside it; production is left as it is"),
            RecoveryMode.LEAVE: _("no restore: on to step {step}, {name}"),
        }[way].format(step=int(self._then), name=report.title(self._then))

    @property
    def _then(self) -> Step:
        """The step that comes next if nothing is restored."""
        session = self.session
        leaves = Record(
            session.host.context.clock.now(),
            "done",
            session.actor,
            Step.ASSESS,
            {"way": RecoveryMode.LEAVE.value},
        )
        incident = session.present.after(leaves)
        return Step.NOTIFY if says_otherwise(incident) else incident.step

    def enter(self) -> None:
        """Record the chosen way and the findings; or ask first whether to start the server."""
        found, session = self.found, self.session
        if found is None or self.starting is not None:
            return
        if self._starts_first(found):
            session.host.perform("start")
            return
        way = self._ways[self.index]
        proposed = way is found.proposal.way
        facts = {
            "way": way.value,
            "severity": session.present.severity,
            "why": found.proposal.why if proposed else _("The operator has decided so."),
            "hint": found.proposal.instead if proposed else "",
            "findings": [one.line for one in found.findings],
            **loss.recorded(found.tables),
        }
        session.write(lambda file: file.done(Step.ASSESS, **facts), self._recorded)

    def _recorded(self) -> None:
        """Go on; where people were told of another way, show first what they were told."""
        session = self.session
        session.view.follow()
        if says_otherwise(session.present):
            session.view.go(Step.NOTIFY)
            session.host.show_status(_("They were told otherwise. [a] tells them how it goes on."), "warn")

    def _starts_first(self, found: Assessment) -> bool:
        """Whether enter offers to start the server before it is left down."""
        command = self.session.host.context.settings.database_start_command
        return (
            bool(command)
            and _down(found)
            and self._ways[self.index] is RecoveryMode.LEAVE
            and not self._tried
        )

    @property
    def can_start(self) -> bool:
        """Whether the server does not answer."""
        return self.found is not None and _down(self.found)

    def ask_to_start(self) -> None:
        """Ask whether the server is to be started."""

        def chosen(start: bool | None) -> None:
            if start is not None:
                self.session.decide(lambda: do(start))

        def do(start: bool) -> None:
            self._tried = True
            if start:
                self.session.host.start_job(start_arguments(), _("start of the database"))
            else:
                self.enter()

        command = self.session.host.context.settings.database_start_command or ""
        answers: list[Answer[bool | None]] = [Answer(_("Not yet"), None), Answer(_("Run it"), True)]
        if self.found is not None and self._starts_first(self.found):
            text = _("Leave it down, and go on to step {step}, {name}")
            there = text.format(step=int(self._then), name=report.title(self._then))
            answers.append(Answer(there, False))
        said = [command, _("Then it is looked at again.")]
        title = _("Start the database server?")
        self.session.host.open_screen(Ask[bool | None](title, said, answers), chosen)


def _down(found: Assessment) -> bool:
    return any(one.id == "server" and one.status is Status.FAIL for one in found.findings)
