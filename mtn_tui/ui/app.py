"""``mtn`` on a terminal: the app that the screens run in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual import on
from textual.binding import Binding, BindingType
from textual.screen import Screen

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.settings_file import Loaded
from mtn_tui.engine.process import this_host
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.incident.state import Incident
from mtn_tui.ui import actions, performing, themes
from mtn_tui.ui.data import poller
from mtn_tui.ui.data.state import State
from mtn_tui.ui.host import PRACTICE, Practice
from mtn_tui.ui.job_starter import JobStarter, Start
from mtn_tui.ui.named_screens import bring_to_front, open_palette
from mtn_tui.ui.screens.ask import ErrorDialog, Said
from mtn_tui.ui.screens.base_screen import draw_ready
from mtn_tui.ui.screens.checklist import Checklist
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.screens.practice import begin
from mtn_tui.ui.terminal.base_app import BaseApp
from mtn_tui.ui.text.cells import Span, width_of
from mtn_tui.ui.wizard.navigator import Navigator
from mtn_tui.ui.wizard.session import IncidentSession, new_session

if TYPE_CHECKING:
    from mtn_tui.ui.wizard.operations import WizardOperations

R = TypeVar("R")

_HERE = Path(__file__).parent
_SCREENS = [_HERE / "screens" / name for name in ("base.tcss", "backups.tcss", "ask.tcss")]

_TICK = 1.0
"""Seconds between looks at the clock."""

_STATUS_FOR = 5.0
"""Seconds that a message stays in the job bar, unless a key is pressed."""


class MtnApp(BaseApp):
    """The ``Host`` of all screens: holds the state, opens screens, performs actions and starts jobs."""

    CSS_PATH: ClassVar = [_HERE / "widgets/lines.tcss", *_SCREENS, _HERE / "wizard/wizard.tcss"]
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *actions.bindings(actions.general()),
        Binding("ctrl+c,ctrl+q", "perform('quit')", show=False),
        Binding("ctrl+z", "suspend_process", show=False),
    ]

    def __init__(
        self,
        context: Context,
        start: Start,
        *,
        read_only: bool = False,
        ascii: bool = False,
        light: bool = False,
        machine: str | None = None,
        session: str | None = None,
        operations: WizardOperations | None = None,
        loaded: Loaded | None = None,
        practice: Practice | None = None,
    ) -> None:
        """``machine`` and ``session`` name both; ``operations`` are the wizard's; ``loaded`` was read;
        ``practice`` is told first."""
        super().__init__(ascii=ascii)
        self.animation_level = "none"
        self.context, self.database = context, context.settings.db_name
        self.machine = machine or this_host()
        self.read_only, self.ascii, self.practice = read_only, ascii, practice
        if practice is not None:
            self.bind(actions.PRACTICE_KEY, f"perform('{PRACTICE}')", show=False)
        self.state = State()
        self.status: Span | None = None
        self._status_until = 0.0
        self._jobs = jobs = JobStarter(self, start)
        self._poller = poller.Poller(context, self, self.machine, loaded, keeps=not read_only)
        # Methods of ``Host`` that these objects have:
        self.leave, self.start_job, self.start_now = jobs.leave, jobs.start_job, jobs.start
        self.check_first, self.look_first, self.change = jobs.check_first, jobs.look_first, jobs.change
        self.reload, self.run_on_ui_thread = self._poller.reload, self._poller.run_on_ui_thread
        self.recheck, self.write_down = self._poller.health.recheck, jobs.write_down
        self.session = IncidentSession(self, operations, session or new_session())
        self.navigator = Navigator(self.session)
        self._ended: set[str] | None = None
        """Jobs that had ended by the last look; None before the first."""
        self._minute = ""
        for theme in (themes.DARK, themes.LIGHT):
            self.register_theme(theme)
        self.theme = (themes.LIGHT if light else themes.DARK).name

    @property
    def here(self) -> Framed:
        """The screen that the operator is on, below any dialog."""
        return next(screen for screen in reversed(self.screen_stack) if isinstance(screen, Framed))

    @property
    def incident(self) -> Incident | None:
        """The session's incident: the open one, or one that was closed while it was on this screen."""
        return self.session.incident

    @property
    def knows_jobs(self) -> bool:
        """Whether the journals of jobs have been read once."""
        return self._ended is not None

    def get_default_screen(self) -> Screen[None]:
        """Called by Textual for the first screen: the checklist."""
        return Checklist()

    def on_mount(self) -> None:
        """Start the clock, and once the first screen is painted the threads that read."""
        self.set_interval(_TICK, self._tick)
        self.call_after_refresh(self._poller.start)
        self.call_after_refresh(begin, self)

    def on_unmount(self) -> None:
        """Let the threads that read end, without waiting for them."""
        self._poller.stop()

    def draw(self) -> None:
        """Draw the operator's screen, and the dialog above it: what it is about may have changed."""
        if self.is_running:  # while it ends, its screens are taken apart
            draw_ready(self.here, self.screen)

    def show_status(self, text: str, tone: str = "") -> None:
        """Show a message in the job bar until the next key, or for some seconds; a warning is never cut."""
        if tone == "warn" and width_of([(text, "")]) >= self.size.width:
            self.push_screen(Said(text))
            return
        self.status = (text, tone)
        self._status_until = self.context.clock.monotonic() + _STATUS_FOR
        self.draw()

    def show_error(self, error: MtnError) -> None:
        """Open a dialog with the error's title, hint and section of the runbook."""
        self.push_screen(ErrorDialog(error))

    def open_screen(self, screen: Screen[R], then: Callable[[R | None], None] | None = None) -> None:
        """Push a screen; ``then`` takes its result, None if it is left without any."""
        self.push_screen(screen, then)

    def end(self) -> None:
        """Quit, and say so first: the last threads may take a second."""
        self.show_status(_("Closing …"))
        self.call_after_refresh(self.exit)

    def show(self, name: str) -> None:
        """Bring a screen to the front, closing those above it; Jobs and Help open above any other."""
        if name == self.here.where:
            self.show_status(_("You are there already."))
        else:
            bring_to_front(self, name, self.here, self.navigator)

    def show_palette(self) -> None:
        """Open the list of all actions, and perform the one that is chosen."""
        open_palette(self, self.here, self.perform)

    def switch_theme(self) -> None:
        """Switch between dark and light, until the program ends."""
        self.theme = themes.LIGHT.name if self.theme == themes.DARK.name else themes.DARK.name

    def action_perform(self, action_id: str) -> None:
        """Called by Textual for the keys of actions."""
        self.perform(action_id)

    async def action_quit(self) -> None:
        """Quit as the action does: Textual's own would not ask while a job runs."""
        self.perform("quit")

    def perform(self, action_id: str) -> None:
        """Perform an action of the operator's screen, say why not, or lead to the screen that has it."""
        self.status = None
        self._jobs.stay()
        if performing.perform(self, self.here, action_id) and isinstance(self.screen, Framed):
            self.draw()

    def run_in_background(
        self,
        work: Callable[[], R],
        then: Callable[[R], None],
        failed: Callable[[MtnError], None] | None = None,
    ) -> None:
        """Run ``work`` on a thread; ``then`` or ``failed``, else ``show_error``, on the UI thread."""
        self._poller.run_in_background(work, then, failed or self.show_error)

    @on(poller.JobsSeen)
    def _jobs_seen(self, message: poller.JobsSeen) -> None:
        ended = {job.id for job in message.jobs if job.state.over}
        if self._ended is not None and ended - self._ended:
            self._poller.job_ended()
        self._ended = ended
        self.state = replace(self.state, jobs=message.jobs, jobs_trouble=None)
        self._jobs.seen({job.id for job in message.jobs})
        self.session.jobs_seen()
        self.draw()

    @on(poller.JobsUnseen)
    def _jobs_unseen(self, message: poller.JobsUnseen) -> None:
        self.state = replace(self.state, jobs_trouble=message.trouble)
        self.draw()

    @on(poller.HealthSeen)
    def _health_seen(self, message: poller.HealthSeen) -> None:
        self.state = replace(self.state, health=message.picture)
        self.draw()

    @on(poller.IncidentsSeen)
    def _incidents_seen(self, message: poller.IncidentsSeen) -> None:
        if self.is_running:
            self.session.incidents_seen(message.found)
            self.session.jobs_seen()
            self.draw()

    @on(poller.UiCall)
    def _call(self, message: poller.UiCall) -> None:
        if self.is_running:
            message.work()

    @on(poller.InventoryTaken)
    def _inventory_taken(self, message: poller.InventoryTaken) -> None:
        self.state = self.state.with_inventory(
            message.inventory, message.tally, message.trouble, self.context.clock.now()
        )
        self.draw()

    async def _tick(self) -> None:
        if not await self.look_after_terminal():
            return
        now = self.context.clock.monotonic()
        minute = f"{self.context.clock.now():%H:%M}"
        over = self.status is not None and now >= self._status_until
        if over:
            self.status = None
        if over or minute != self._minute or self.state.live:
            self._minute = minute
            self.draw()
