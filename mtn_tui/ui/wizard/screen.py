"""``3 Restore``: the steps at the left, the one to be done at the right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from mtn_tui.core.i18n import _
from mtn_tui.operations.incident.state import Step, StepStatus
from mtn_tui.ui import actions
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.text.cells import fit
from mtn_tui.ui.widgets.field import TextField
from mtn_tui.ui.widgets.lines import LineView, StyledLine
from mtn_tui.ui.wizard import evidence, outside, steplist
from mtn_tui.ui.wizard.assessing import Assessing
from mtn_tui.ui.wizard.page import Page, PageBuilder
from mtn_tui.ui.wizard.promoting import Promoting
from mtn_tui.ui.wizard.sentence import SentencePrompt
from mtn_tui.ui.wizard.serving import Serving
from mtn_tui.ui.wizard.session import Desk


class Emergency(Framed):
    BINDINGS: ClassVar = actions.bindings([actions.EMERGENCY])
    where = actions.EMERGENCY

    _seen: tuple[object, ...] = ()
    """What was drawn last: another step is read from its beginning."""

    @property
    def desk(self) -> Desk:
        return self.mtn.desk

    @property
    def page(self) -> Page:
        return self.query_one(Page)

    @property
    def field_keys(self) -> tuple[tuple[str, str], ...]:
        return (("enter", _("replace it, once it is exact")), ("esc", _("back, nothing done")))

    def body(self) -> Iterable[Widget]:
        with Horizontal(id="wizard"):
            yield LineView(id="steps")
            yield Page(self._moved, id="page")
        yield LineView(id="next")

    def opened(self) -> None:
        self.set_focus(self.page)
        self.desk.on_screen = True
        self.desk.changed()
        self.desk.attend()
        self.draw()

    def on_screen_resume(self) -> None:
        """The key that closed what was before it may still be down."""
        self.desk.changed()

    def on_unmount(self) -> None:
        self.desk.on_screen = False

    def draw(self) -> None:
        if self.desk.mine:
            self.desk.view.opens()
        width = self.app.size.width - steplist.WIDTH - 1
        sheet = PageBuilder(width)
        index = self._write(sheet)
        seen = (self.desk.incident.number if self.desk.incident else 0, self.desk.viewing, self.desk.mine)
        if seen != self._seen:
            self._seen = seen
            self.page.top()
        self.page.show_sheet(sheet, index)
        self._draw_steps()
        self.lines("next").show([self._next()])
        self._draw_field()
        self.draw_frame()
        if not self.desk.drawn:
            self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        self.desk.drawn = True

    def _write(self, sheet: PageBuilder) -> int:
        """Returns which choice the cursor is on."""
        desk, incident = self.desk, self.desk.incident
        if incident is None:
            outside.nothing_open(sheet, desk)
        elif not incident.is_open:
            outside.over(sheet, desk, incident)
        elif not desk.mine:
            outside.another_has_it(sheet, desk, incident)
        elif desk.looks_back and not self._still_live:
            evidence.write(sheet, desk.viewing, desk.state)
        else:
            desk.view.write(sheet)
            return desk.view.index
        return 0

    @property
    def _still_live(self) -> bool:
        """Step 7 goes on being looked at once its job is over: people have to tick what they see."""
        return self.desk.viewing is Step.SERVICES and self.desk.state.standing is StepStatus.DONE

    def _draw_steps(self) -> None:
        desk, incident = self.desk, self.desk.incident
        lines: list[StyledLine] = []
        if incident is not None:
            lines = [*steplist.steps(incident, desk.viewing), *steplist.escalation(desk)]
        self.lines("steps").show(lines)

    def _next(self) -> list[tuple[str, str]]:
        """What the next key does, always in the same place."""
        desk, width = self.desk, self.app.size.width
        said, tone = self._what_enter_does(), "strong"
        if desk.busy:
            said, tone = f"… {desk.busy}", "dim"
        elif said and not self._is_typed:
            said = "enter  " + said
        return [(" " * (steplist.WIDTH + 1), ""), (fit(said, width - steplist.WIDTH - 1), tone)]

    @property
    def _is_typed(self) -> bool:
        view = self.desk.view if self.desk.mine and not self.desk.looks_back else None
        return isinstance(view, Promoting) and bool(view.phrase or view.wants_yes)

    def _what_enter_does(self) -> str:
        desk, incident = self.desk, self.desk.incident
        if incident is None:
            return "" if self.mtn.read_only else _("opens an incident, and looks at what is wrong")
        if not incident.is_open:
            return _("puts it away")
        if not desk.mine:
            return _("continues it") if desk.holder_gone and not self.mtn.read_only else ""
        if desk.looks_back and not self._still_live:
            on = _("on to step {step} · a does this one again")
            if desk.viewing is Step.PRODUCTION:
                on = _("on to step {step}")
            return on.format(step=int(incident.step))
        return desk.view.next()

    def _draw_field(self) -> None:
        """The field is there exactly while there is something to be typed out."""
        wanted = self.desk.mine and not self.desk.looks_back and not self.desk.busy and self.desk.view.phrase
        there = self.query("#phrase")
        if wanted and not there:
            self.mount(TextField(id="phrase"), after="#next")
        elif not wanted and there:
            there.remove()
            self.page.focus()

    # Keys

    def do_next(self) -> None:
        desk, incident = self.desk, self.desk.incident
        if not desk.takes_enter():
            self.mtn.say(_("Let enter go for a second, then it counts."), "warn")
            return
        if incident is None:
            desk.open()
        elif not incident.is_open:
            desk.put_away()
        elif not desk.mine:
            desk.take()
        elif desk.looks_back and not self._still_live:
            desk.follow()
        else:
            desk.view.enter()

    @on(Input.Submitted, "#phrase")
    def _phrase_given(self, event: Input.Submitted) -> None:
        desk, view = self.desk, self.desk.view
        counts = desk.takes_enter()
        if not isinstance(view, Promoting) or desk.why_not():
            return
        if event.value != view.phrase or not view.phrase:
            self.mtn.say(_("That is not the phrase. Nothing was done."), "warn")
        elif not counts:
            self.mtn.say(_("Let enter go for a second, then it counts."), "warn")
        else:
            view.confirmed()
            self.draw()

    def do_yes(self) -> None:
        view = self.desk.view
        if isinstance(view, Promoting) and self.desk.has_been_read():
            view.confirmed()

    def do_back(self) -> None:
        """One step back, to be looked at; nothing is undone by looking. From the first one, away."""
        desk, incident = self.desk, self.desk.incident
        before = [
            step
            for step in Step
            if incident is not None and step < desk.viewing and incident.steps[step].began is not None
        ]
        if incident is not None and incident.is_open and desk.mine and before:
            desk.go(before[-1])
        else:
            self.app.pop_screen()

    def do_again(self) -> None:
        """Look once more; or, of a step that is over, do it once more, and with it all that rests on it."""
        desk, incident, step = self.desk, self.desk.incident, self.desk.viewing
        assert incident is not None  # noqa: S101 - the registry has looked
        if not desk.looks_back:
            desk.view.look()
            return
        if step is Step.PRODUCTION:
            self.mtn.say(_("Production was replaced. mtn undo brings back what was there."), "warn")
            return
        said = _("What was done after it rests on it, and has to be done again. Nothing is dropped.")
        if step is Step.NOTIFY:
            said = _("Everybody gets it once more. Nothing else is done again.")

        def chosen(again: bool | None) -> None:
            if again and not desk.why_not():
                desk.once_more(step)

        answers = [Answer(_("Leave it as it is"), False), Answer(_("Do it again"), True)]
        self.app.push_screen(Ask(_("Do step {step} again?").format(step=int(step)), [said], answers), chosen)

    def do_note(self) -> None:
        def given(text: str | None) -> None:
            if text:
                self.desk.write(lambda file: file.note(text))

        self.app.push_screen(
            SentencePrompt(_("A note"), _("It stands in the report, with the time and your name.")), given
        )

    def do_skip(self) -> None:
        def given(reason: str | None) -> None:
            if reason and not self.desk.why_not():
                self.desk.leave_out(reason)

        title = _("Why is step {step} left out?").format(step=int(self.desk.viewing))
        self.app.push_screen(SentencePrompt(title, _("It stands in the report.")), given)

    def do_called(self) -> None:
        desk, calls = self.desk, self.desk.calls()
        assert calls is not None  # noqa: S101 - the registry has looked

        def chosen(person: str | None) -> None:
            if person and not desk.why_not():
                desk.write(lambda file: file.called(person))

        answers: list[Answer[str]] = [Answer(_("Nobody yet"), "")]
        for call in (*calls.due, *calls.next_calls, *calls.passed_over):
            person = call.person
            told = f"{person.name}, {person.role}, {person.phone or person.email}"
            answers.append(Answer(told, person.key))
        self.app.push_screen(Ask(_("Whom have you called?"), [], answers), chosen)

    def do_take(self) -> None:
        desk, incident = self.desk, self.desk.incident
        assert incident is not None  # noqa: S101 - the registry has looked

        def chosen(take: bool | None) -> None:
            if take:
                desk.take()

        said = [
            _("They are told at once on their screen, and their keys do nothing to it any more."),
            _("What is running goes on."),
        ]
        answers = [Answer(_("Follow it only"), False), Answer(_("Take it over"), True)]
        title = _("Take incident {number} over from {who}?")
        self.app.push_screen(
            Ask(title.format(number=incident.number, who=incident.holder), said, answers), chosen
        )

    def do_incident(self) -> None:
        from mtn_tui.ui.wizard.report_screen import IncidentReport

        self.app.push_screen(IncidentReport())

    def do_tick(self) -> None:
        view = self.desk.view
        if isinstance(view, Serving):
            view.tick()

    def do_severity(self) -> None:
        view = self.desk.view
        if isinstance(view, Assessing):
            view.other_severity()

    def do_start(self) -> None:
        view = self.desk.view
        if isinstance(view, Assessing):
            view.ask_to_start()

    def _moved(self) -> None:
        if self.desk.mine and (not self.desk.looks_back or self._still_live):
            self.desk.view.index = self.page.index
            self.desk.view.moved()
        self.draw()
