"""Step 7: the services come back, and people see that the system works again (Appendix B)."""

from __future__ import annotations

from typing import cast

from rich.cells import cell_len

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.redact import redact
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.file import IncidentFile
from mtn_tui.operations.incident.report import standing, to_be_seen
from mtn_tui.operations.incident.state import Incident, RecoveryMode, Step, StepStatus
from mtn_tui.operations.incident.steps import services_arguments
from mtn_tui.operations.services.health import Answer
from mtn_tui.operations.services.restart import PATIENCE
from mtn_tui.ui.screens.ask import Answer as Choice
from mtn_tui.ui.screens.ask import Ask
from mtn_tui.ui.text.cells import fit
from mtn_tui.ui.wizard import recovering
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.step import StepView, failure, progress

ASK_EVERY = 2.0
"""Seconds between looks at the services' health."""


class Serving(StepView):
    step = Step.SERVICES

    answers: tuple[Answer, ...] | None = None
    _asking = False

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(self.desk.app.context.settings.service_health_urls)

    @property
    def command(self) -> str:
        return self.desk.app.context.settings.services_restart_command or ""

    @property
    def runs(self) -> bool:
        return self.state.standing is StepStatus.RUNNING and bool(self.state.facts.get("job"))

    def opens(self) -> None:
        if not self._asking and self.urls:
            self._asking = True
            self._ask()

    def _ask(self) -> None:
        desk, context, work = self.desk, self.desk.app.context, self.desk.work

        def came(found: object) -> None:
            self.answers = cast("tuple[Answer, ...]", found)
            if desk.on_screen and desk.mine and desk.viewing is Step.SERVICES and desk.view is self:
                desk.app.set_timer(ASK_EVERY, self._ask)
            else:
                self._asking = False

        def failed(error: MtnError) -> None:
            self._asking = False
            desk.app.tell(error)

        desk.errand(lambda: work.health(context), came, failed=failed)

    @property
    def healthy(self) -> bool:
        """As far as can be asked."""
        return not self.urls or (self.answers is not None and all(one.healthy for one in self.answers))

    @property
    def restarts(self) -> bool:
        """Whether the command is run next: services that are seen to be healthy are left alone."""
        if not self.command or self.state.standing.over:
            return False
        return not self.urls or (self.answers is not None and not self.healthy)

    @property
    def unseen(self) -> dict[str, str]:
        """What nobody has ticked, by its key."""
        incident = self.desk.incident
        ticked = incident.ticked if incident else {}
        return {key: text for key, text in to_be_seen().items() if key not in ticked}

    def write(self, sheet: PageBuilder) -> None:
        incident = self.desk.incident
        assert incident is not None  # noqa: S101 - a step is of an incident
        sheet.title(_("Do the services work again?"))
        failure(sheet, self.state)
        if self.runs:
            progress(sheet, self.desk.job_of(self.step), _("It begins."))
        elif self.state.standing.over:
            sheet.say("✔ " + standing(StepStatus.DONE), "good")
        elif self.restarts:
            sheet.say(_("enter restarts them: {command}").format(command=redact(self.command)), "strong")
        elif self.command and self.answers is None:
            pass  # their health is asked for, right below
        elif self.command:
            sheet.say(_("All are healthy: none has to be restarted."), "good")
        else:
            sheet.say(_("Restart them by hand: SERVICES_RESTART_COMMAND is not set."))
        sheet.gap()
        self._health(sheet)
        sheet.gap()
        sheet.say(_("What only people can see; try it, and tick it with x:"))
        for key, text in to_be_seen().items():
            who = incident.ticked.get(key)
            sheet.choice(key, f"[✔] {text}, {who}" if who else f"[ ] {text}", "good" if who else "")
        if incident.way is RecoveryMode.BESIDE:
            sheet.gap()
            recovering.write(sheet, self.desk.app.context)
        if self.state.standing.over:
            return
        sheet.gap()
        if self.restarts:
            text = _(
                "Takes until all are healthy, {time} at most; else it says which, and enter tries again."
            )
            sheet.say(text.format(time=labels.clock(PATIENCE)), "dim")
        sheet.say(_("s leaves this step out, with a reason. The database is not changed by it."), "dim")

    def _health(self, sheet: PageBuilder) -> None:
        if not self.urls:
            sheet.item("?", _("No service can be asked: SERVICE_HEALTH_URLS is not set."), "warn")
            return
        if self.answers is None:
            sheet.say(_("Asking the services …"), "dim")
            return
        cells = []
        for one in self.answers:
            glyph = "✔ " + _("healthy") if one.healthy else "✖ " + _("not healthy")
            cells.append((f"{one.name} {glyph}", "good" if one.healthy else "bad"))
        room = max(cell_len(text) for text, _tone in cells) + 2
        across = max(sheet.width // room, 1)
        for at in range(0, len(cells), across):
            sheet.lines.append([(fit(text, room), tone) for text, tone in cells[at : at + across]])
        reasons: dict[str, list[str]] = {}
        for one in self.answers:
            if not one.healthy and one.text:
                reasons.setdefault(one.text, []).append(one.name)
        for text, names in reasons.items():  # mostly all say the same
            who = _("all of them") if len(names) == len(self.answers) else ", ".join(names)
            sheet.say(f"{who}: {text}", "dim")

    def next(self) -> str:
        if self.runs:
            return ""
        if self.restarts:
            return _("restart the services")
        if not self.healthy:
            return ""
        return _("on to the report, though not all was ticked") if self.unseen else _("on to the report")

    def enter(self) -> None:
        if self.runs:
            return
        if self.restarts:
            self.desk.begin_job(Step.SERVICES, services_arguments)
        elif self.healthy and self.unseen:
            self._ask_whether()
        elif self.healthy:
            self._on()

    def tick(self) -> None:
        keys, at = tuple(to_be_seen()), self.index

        def onward() -> None:
            """To what is still to be seen, unless the operator has gone there already."""
            if self.unseen and self.index == at:
                self.index = keys.index(next(iter(self.unseen)))
                self.desk.app.draw()

        self.desk.write(lambda file: file.tick(keys[at]), onward)

    def _ask_whether(self) -> None:
        def chosen(on: bool | None) -> None:
            if on and not self.desk.why_not():
                self._on()

        said = [", ".join(self.unseen.values()), _("The report will not say that anybody has seen it.")]
        answers = [Choice(_("Stay, and try it"), False), Choice(_("Go on without"), True)]
        self.desk.app.push_screen(Ask(_("Nobody has seen this yet."), said, answers), chosen)

    def _on(self) -> None:
        desk = self.desk
        if self.state.standing.over:
            desk.follow()
            return
        facts = {"services": {one.name: one.healthy for one in self.answers or ()}}

        def change(file: IncidentFile) -> Incident:
            file.begin(Step.SERVICES)
            return file.done(Step.SERVICES, **facts)

        desk.write(change, desk.follow)
