"""Step 7: restarts the services, and has people tick what only they can see (Appendix B)."""

from __future__ import annotations

from rich.cells import cell_len

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.redact import redact
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.file import IncidentFile
from mtn_tui.operations.incident.report import standing, to_be_seen
from mtn_tui.operations.incident.state import Incident, Step, StepStatus
from mtn_tui.operations.incident.steps import services_arguments
from mtn_tui.operations.services.health import Answer, by_name, named_apart, not_healthy
from mtn_tui.operations.services.restart import PATIENCE
from mtn_tui.ui.text.cells import fit
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.step import StepView, about, ask_whether, failure, progress

ASK_EVERY = 2.0
"""Seconds between requests for the services' health."""


class Serving(StepView):
    """The services' health, and the list to be ticked."""

    step = Step.SERVICES

    answers: tuple[Answer, ...] | None = None
    """None until the services were asked."""
    _asking = False

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses that report the services' health."""
        return tuple(self.session.host.context.settings.service_health_urls)

    @property
    def command(self) -> str:
        """What restarts the services; empty if it is not set."""
        return self.session.host.context.settings.services_restart_command or ""

    @property
    def runs(self) -> bool:
        """Whether its job runs."""
        return self.state.standing is StepStatus.RUNNING and bool(self.state.facts.get("job"))

    def opens(self) -> None:
        """Ask for the services' health, again and again while the step is in view."""
        if not self._asking and self.urls:
            self._asking = True
            self._ask()

    def _ask(self) -> None:
        session, context, operations = self.session, self.session.host.context, self.session.operations

        def came(found: tuple[Answer, ...]) -> None:
            self.answers = found
            if session.view.is_showing(self):
                session.host.set_timer(ASK_EVERY, self._ask)
            else:
                self._asking = False

        def failed(error: MtnError) -> None:
            self._asking = False
            session.host.show_error(error)

        session.run_in_background(lambda: operations.health(context), came, failed=failed)

    @property
    def healthy(self) -> bool:
        """Whether all services that can be asked are healthy."""
        return not self.urls or (self.answers is not None and all(one.healthy for one in self.answers))

    @property
    def restarts(self) -> bool:
        """Whether enter runs the command: services that are healthy are left alone."""
        if not self.command or self.state.standing.over:
            return False
        return not self.urls or (self.answers is not None and not self.healthy)

    @property
    def unseen(self) -> dict[str, str]:
        """What has not been ticked, by its key."""
        incident = self.session.incident
        ticked = incident.ticked if incident else {}
        return {key: text for key, text in to_be_seen().items() if key not in ticked}

    def write(self, sheet: PageBuilder) -> None:
        """Write what restarts the services, their health, and the list to be ticked."""
        incident = self.session.present
        sheet.title(_("Do the services work again?"))
        failure(sheet, self.state)
        if self.runs:
            progress(sheet, self.session.host, self.session.job_of(self.step), _("Starting…"))
        elif self.state.standing.over:
            sheet.say("✔ " + standing(StepStatus.DONE), "good")
        elif self.restarts:
            self._what_it_means(sheet)
        elif self.command and self.answers is None:
            pass  # their health is asked for, right below
        elif self.command:
            sheet.say(_("All are healthy: none has to be restarted."), "good")
        else:
            sheet.say(_("Restart them by hand: SERVICES_RESTART_COMMAND is not set."))
        sheet.gap()
        sheet.say(_("What only people can see; try it, and tick it with [x]:"))
        for key, text in to_be_seen().items():
            who = incident.ticked.get(key)
            sheet.choice(key, f"[✔] {text}, {who}" if who else f"[ ] {text}", "good" if who else "")
        if incident.taken_back:
            text = _("Ticked before the services were restarted, or production changed: try it again.")
            sheet.item("⚠", text, "warn")
        sheet.gap()
        self._health(sheet)
        if not self.state.standing.over and not self.restarts:
            sheet.gap()
            sheet.say(_("[s] leaves this step out, with a reason. The database is not changed by it."), "dim")

    def _what_it_means(self, sheet: PageBuilder) -> None:
        about(
            sheet,
            does=_("Restarts them: {command}").format(command=redact(self.command)),
            takes=_("Until all are healthy, {time} at most.").format(time=labels.duration(PATIENCE)),
            wrong=_("Some stay ill: it says which, and [enter] tries again."),
            back=_("None needed; [s] leaves the step out."),
        )

    def _health(self, sheet: PageBuilder) -> None:
        if not self.urls:
            sheet.item("?", _("No service can be asked: SERVICE_HEALTH_URLS is not set."), "warn")
            return
        if self.answers is None:
            sheet.say(_("Asking the services …"), "dim")
            return
        cells = []
        named = [*zip(self.answers, named_apart(self.answers), strict=True)]
        for one, name in sorted(named, key=lambda pair: pair[0].healthy):
            glyph = "✔ " + _("healthy") if one.healthy else "✖ " + _("not healthy")
            cells.append((f"{name} {glyph}", "good" if one.healthy else "bad"))
        room = max(cell_len(text) for text, _tone in cells) + 2
        across = max(sheet.width // room, 1)
        for at in range(0, len(cells), across):
            sheet.lines.append([(fit(text, room), tone) for text, tone in cells[at : at + across]])
        reasons: dict[str, list[str]] = {}
        for one, name in named:
            if not one.healthy and one.text:
                reasons.setdefault(one.text, []).append(name)
        for text, names in reasons.items():  # mostly all say the same
            who = _("all of them") if len(names) == len(self.answers) else ", ".join(names)
            sheet.say(f"{who}: {text}", "dim")

    def next(self) -> str:
        """Restart the services, or go on if all are healthy; nothing while the job runs."""
        if self.runs:
            return ""
        if self.restarts:
            return _("restart the services")
        if not self.healthy:
            return ""
        return _("on to the report, though not all was ticked") if self.unseen else _("on to the report")

    def enter(self) -> None:
        """Start the restart, or go on; asks first if not everything was ticked."""
        if self.runs:
            return
        if self.restarts:
            self.session.begin_job(Step.SERVICES, services_arguments)
        elif self.healthy and self.unseen:
            self._ask_whether()
        elif self.healthy:
            self._on()

    @property
    def down(self) -> tuple[str, ...]:
        """The services that are known to be down."""
        return tuple(not_healthy(self.answers or ()))

    @property
    def why_no_tick(self) -> str:
        """Why nobody can have seen it: the services are being restarted, or are all known to be down."""
        if self.runs:
            return _("The services are being restarted: try it once they are back.")
        if self.answers and len(self.down) == len(self.answers):
            return _("No service is healthy: nobody can have seen that now.")
        return ""

    def tick(self) -> None:
        """Tick what the cursor is on; asks first while some services are known to be down."""
        if not self.down:
            self._tick()
            return
        what = tuple(to_be_seen().values())[self.index]
        said = [
            _("Not healthy: {names}.").format(names=", ".join(self.down)),
            _("Restarting them takes the tick back."),
        ]
        title = _("Have you seen it now, though not all services are healthy: {what}?").format(what=what)
        ask_whether(self.session, title, said, _("Not yet"), _("Yes, seen now"), self._tick)

    def _tick(self) -> None:
        keys, at = tuple(to_be_seen()), self.index

        def onward() -> None:
            """Move on to what is not ticked yet, unless the operator has moved."""
            if self.unseen and self.index == at:
                self.index = keys.index(next(iter(self.unseen)))
                self.session.host.draw()

        self.session.write(lambda file: file.tick(keys[at]), onward)

    def _ask_whether(self) -> None:
        said = [", ".join(self.unseen.values()), _("The report will not say that anybody has seen it.")]
        title, stay = _("Nobody has seen this yet."), _("Stay, and try it")
        ask_whether(self.session, title, said, stay, _("Go on anyway"), self._on)

    def _on(self) -> None:
        session = self.session
        if self.state.standing.over:
            session.view.follow()
            return
        facts = {"services": by_name(self.answers or ())}
        if not session.present.ticked:
            session.skip(self.step, _("Not needed: nothing had to be restarted."))
            return

        def change(file: IncidentFile) -> Incident:
            file.begin(Step.SERVICES)
            return file.done(Step.SERVICES, **facts)

        session.write(change, session.view.follow)
