"""``3 Emergency``: the steps at the left, the one in view at the right."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from mtn_tui.core.i18n import _
from mtn_tui.operations.incident import remains
from mtn_tui.operations.incident.state import RecoveryMode, Step
from mtn_tui.ui.actions import AnyAction, shown_key
from mtn_tui.ui.host import EMERGENCY
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.text.cells import fit
from mtn_tui.ui.widgets.lines import LineView, StyledLine, paging_keys
from mtn_tui.ui.wizard import evidence, outside, steplist
from mtn_tui.ui.wizard.actions import digit_of_moment, wizard_actions
from mtn_tui.ui.wizard.navigator import Navigator
from mtn_tui.ui.wizard.page import Page, PageBuilder
from mtn_tui.ui.wizard.phrase import PhraseField
from mtn_tui.ui.wizard.still_there import StillThere


class Emergency(Framed):
    """The wizard: draws the step in view, and the field for the phrase of step 6."""

    where = EMERGENCY
    not_in_footer = ("jobs", "command")

    _seen: tuple[object, ...] = ()
    """What was drawn last: another step is read from its beginning, and so is what one has come to."""

    def __init__(self, navigator: Navigator) -> None:
        super().__init__()
        self.navigator = navigator
        self.session = navigator.session
        self._there = StillThere(self.session, lambda: self.is_current)

    @classmethod
    def own_actions(cls) -> tuple[AnyAction, ...]:
        """What can be done to the incident."""
        return wizard_actions()

    @property
    def page(self) -> Page:
        """The right side."""
        return self.query_one(Page)

    @property
    def field_keys(self) -> tuple[tuple[str, str], ...]:
        """Keys of the field for the phrase, and what each does."""
        return (("enter", _("replace it, once the phrase is exact")), ("escape", _("back, nothing done")))

    def does_nothing(self, key: str) -> str:
        """Say of a digit in step 3, too, which key lets one type a moment."""
        here = self.session.mine and self.navigator.viewing is Step.CHOOSE and not self.navigator.looks_back
        return (digit_of_moment(key) if here else "") or super().does_nothing(key)

    def body(self) -> Iterable[Widget]:
        """The steps, the page beside them, and below what enter does."""
        with Horizontal(id="wizard"):
            yield LineView(id="steps")
            yield Page(self._moved, id="page")
        yield LineView(id="next")

    def opened(self) -> None:
        """Give the page the focus, and tell the navigator."""
        self.set_focus(self.page)
        self.navigator.opened()
        self.draw()

    def on_screen_resume(self) -> None:
        """Let no key count at first: the one that closed a dialog may still be down."""
        self.navigator.changed()

    def on_unmount(self) -> None:
        """Tell the navigator: steps stop asking."""
        self.navigator.on_screen = False

    def draw(self) -> None:
        """Let the step in view begin what needs no decision, then draw all; what is new from its top."""
        if self.session.mine:
            self.navigator.step_view.opens()
        if self.session.incident is not None:
            self._there.opens(remains.names(self.session.incident))
        width = self.app.size.width - steplist.WIDTH - 1
        sheet = PageBuilder(width)
        index = self._write(sheet)
        incident = self.session.incident
        standing = incident.steps[self.navigator.viewing].standing if incident else None
        opened = incident.is_open if incident else False
        number = incident.number if incident else 0
        seen = (number, opened, self.navigator.viewing, standing, self.session.mine)
        if seen != self._seen:
            self._seen = seen
            self.page.top()
        self.page.scrolled_by = paging_keys() if self._wants_phrase else ("", "")
        self.page.show_page(sheet, index)
        self._draw_steps()
        self.draw_keys()
        self._draw_field()
        self.draw_frame()
        if not self.navigator.drawn:
            self.call_after_refresh(self._painted)

    def draw_keys(self) -> None:
        """Draw what enter does, and the footer."""
        super().draw_keys()
        self.lines("next").show([[] if self.is_covered else self._next()])

    def _painted(self) -> None:
        self.navigator.drawn = True

    def _write(self, sheet: PageBuilder) -> int:
        """Write the page, and return the choice that the cursor is on."""
        session, navigator, incident = self.session, self.navigator, self.session.incident
        if incident is None:
            outside.nothing_open(sheet, session)
        elif not incident.is_open:
            outside.over(sheet, incident, self._there)
        elif not session.mine:
            outside.another_has_it(sheet, session, incident, self._there)
        elif navigator.shows_evidence:
            evidence.write(sheet, incident, navigator.viewing, self._there)
        else:
            navigator.step_view.write(sheet)
            return navigator.step_view.index
        return 0

    def _draw_steps(self) -> None:
        incident, lines = self.session.incident, list[StyledLine]()
        if incident is not None:
            lines = [*steplist.steps(incident, self.navigator.viewing), *steplist.escalation(self.session)]
        self.lines("steps").show(lines)

    def _next(self) -> list[tuple[str, str]]:
        """What enter does, always in the same place."""
        width = self.app.size.width
        said, tone = self._what_enter_does(), "strong"
        if self.session.busy:
            said, tone = f"… {self.session.busy}", "dim"
        elif said and not self._is_typed:
            said = f"{shown_key('enter')} {said}"
        return [(" " * (steplist.WIDTH + 1), ""), (fit(said, width - steplist.WIDTH - 1), tone)]

    @property
    def _is_typed(self) -> bool:
        if not self.session.mine or self.navigator.looks_back:
            return False
        view = self.navigator.step_view
        return bool(view.phrase or view.wants_yes)

    def _what_enter_does(self) -> str:
        session, navigator, incident = self.session, self.navigator, self.session.incident
        if incident is None:
            return "" if self.host.read_only else _("opens an incident, and looks at what is wrong")
        if not incident.is_open:
            return _("leaves it; the next one is begun from there")
        if not session.mine:
            return _("continues it") if session.holder_gone and not self.host.read_only else ""
        if navigator.shows_evidence:
            on = _("on to step {step} · [a] does this one again")
            if navigator.viewing is Step.PRODUCTION and incident.way is not RecoveryMode.BESIDE:
                on = _("on to step {step}")
            return on.format(step=int(incident.step))
        return navigator.step_view.next()

    @property
    def _wants_phrase(self) -> bool:
        session, navigator = self.session, self.navigator
        asks = session.mine and not navigator.looks_back and not session.busy
        return bool(asks and navigator.step_view.phrase)

    def _draw_field(self) -> None:
        """Open the field while there is something to be typed out, and close it afterwards."""
        wanted, there = self._wants_phrase, self.query("#phrase")
        if wanted and not there:
            self.mount(PhraseField(self.page), after="#next")
        elif not wanted and there:
            there.remove()
            self.page.focus()

    @on(Input.Submitted, "#phrase")
    def _phrase_given(self, event: Input.Submitted) -> None:
        view, counts = self.navigator.step_view, self.navigator.takes_enter()
        if self.navigator.viewing is not Step.PRODUCTION or self.session.why_not():
            return
        if event.value != view.phrase or not view.phrase:
            self.host.show_status(_("That is not the phrase; capitals count. Nothing was done."), "warn")
        elif not counts:
            self.host.show_status(_("Wait one second, then press [enter]."), "warn")
        else:
            view.confirmed()
            self.draw()

    def back(self) -> None:
        """Show the step before; nothing is undone by looking. From the first one, leave the screen."""
        if not self.navigator.go_back():
            super().back()

    def _moved(self) -> None:
        if self.session.mine and not self.navigator.shows_evidence:
            self.navigator.step_view.index = self.page.index
            self.navigator.step_view.moved()
        self.draw()
