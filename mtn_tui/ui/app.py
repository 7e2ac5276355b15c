"""``mtn`` on a terminal: the screens, and what holds on all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.screen import Screen

from mtn_tui.core import i18n
from mtn_tui.core.errors import MtnError, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.engine.job_watch import JOBS_SHOWN
from mtn_tui.engine.jobview import list_jobs
from mtn_tui.engine.process import this_host
from mtn_tui.operations.common.context import Context
from mtn_tui.ui import actions, themes
from mtn_tui.ui.data.poller import (
    Back,
    IncidentsSeen,
    InventoryTaken,
    JobsSeen,
    JobsUnseen,
    Poller,
)
from mtn_tui.ui.data.state import State
from mtn_tui.ui.screens.backups import Backups
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.terminal.base_app import BaseApp
from mtn_tui.ui.text.cells import Span
from mtn_tui.ui.wizard.session import Desk, new_session

if TYPE_CHECKING:
    from mtn_tui.ui.wizard.operations import WizardOperations

Start = Callable[[Sequence[str]], str]
"""Begins a job that outlives this program, from the arguments of an ``mtn`` command; returns its id.

Raises an MtnError where it could not begin.
"""

_HERE = Path(__file__).parent

_TICK = 1.0
"""Seconds between looks at the clock, which is shown by the minute."""

_SAID_FOR = 5.0
"""Seconds that a word to the operator stays, where no key is pressed."""


class MtnApp(BaseApp):
    CSS_PATH: ClassVar = [
        _HERE / "widgets" / "lines.tcss",
        _HERE / "screens" / "base.tcss",
        _HERE / "screens" / "backups.tcss",
        _HERE / "screens" / "ask.tcss",
        _HERE / "wizard" / "wizard.tcss",
    ]
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *actions.bindings(()),
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
        work: WizardOperations | None = None,
    ) -> None:
        """``machine`` is this one's name, as its jobs bear it, ``session`` that of this start of the
        program; the system is asked unless they are given. ``work`` is what the wizard has done."""
        super().__init__(ascii=ascii)
        self.animation_level = "none"
        self.context = context
        self.database = context.settings.db_name
        self.machine = machine or this_host()
        self.read_only = read_only
        self.state = State()
        self.said: Span | None = None
        """A word to the operator, in the job bar until the next key."""
        self._start = start
        self._poller = Poller(context, self, self.machine)
        self.desk = Desk(self, work, session or new_session())
        self._beginning: dict[tuple[str, ...], str] = {}
        """Jobs that were asked for and not seen yet, by their arguments; their ids, once they have one."""
        self._quits_then = False
        """Whether the operator wants to leave as soon as they are."""
        self._over: set[str] | None = None
        """Jobs that had ended when last looked; None before the first look."""
        self._minute = ""
        self._said_until = 0.0
        for theme in (themes.DARK, themes.LIGHT):
            self.register_theme(theme)
        self.theme = (themes.LIGHT if light else themes.DARK).name

    @property
    def here(self) -> Framed:
        """The screen that the operator is on, below any dialog."""
        return next(screen for screen in reversed(self.screen_stack) if isinstance(screen, Framed))

    @property
    def _is_beginning(self) -> bool:
        """Whether a job was asked for that has no id yet."""
        return "" in self._beginning.values()

    @property
    def knows_jobs(self) -> bool:
        """Whether the journals have been looked at."""
        return self._over is not None

    def get_default_screen(self) -> Screen[None]:
        return Backups()

    def on_mount(self) -> None:
        self.set_interval(_TICK, self._tick)
        self.call_after_refresh(self._poller.start)

    def on_unmount(self) -> None:
        self._poller.stop()

    def draw(self) -> None:
        if self.is_running and self.here.ready:  # while it ends, its screens are taken apart
            self.here.draw()

    def say(self, text: str, tone: str = "") -> None:
        """A word in the job bar."""
        self.said = (text, tone)
        self._said_until = self.context.clock.monotonic() + _SAID_FOR
        self.draw()

    def tell(self, error: MtnError) -> None:
        """What went wrong, what it means, what to do."""
        from mtn_tui.ui.screens.ask import ErrorDialog

        self.push_screen(ErrorDialog(error))

    def start_job(self, arguments: Sequence[str], name: str) -> None:
        """Begin a job, which outlives this program; the job bar says that it has begun.

        Until it is seen, no other is begun by the same arguments: a key may come twice.
        """
        asked = tuple(arguments)
        if asked in self._beginning:
            self.say(_("It is just beginning."), "warn")
            return
        self._beginning[asked] = ""

        def begun(what: object, error: MtnError | None) -> None:
            job_id = str(what)
            self._beginning[asked] = job_id
            if error is not None or any(job.id == job_id for job in self.state.jobs):
                del self._beginning[asked]
            self._told(
                _("Begun: {name}, job {id}. It goes on if you leave.").format(name=name, id=job_id), error
            )

        self._poller.errand(lambda: self._start(arguments), begun)

    def start_now(self, arguments: Sequence[str]) -> str:
        """The same, for a thread that waits for the job's id. Raises an MtnError where it can't begin."""
        return self._start(arguments)

    def errand(self, work: Callable[[], object], then: Callable[[object, MtnError | None], None]) -> None:
        """Do ``work`` on a thread, then ``then`` here."""
        self._poller.errand(work, then)

    def later(self, work: Callable[[], None]) -> None:
        """For threads: do it here, soon."""
        self._poller.back(work)

    def change(self, work: Callable[[], str]) -> None:
        """Do something to the stores, say what came of it, and read them again."""
        self._poller.errand(work, partial(self._told, then_reload=True))

    def action_perform(self, action_id: str) -> None:
        self.perform(action_id)

    async def action_quit(self) -> None:
        self.perform("quit")

    def perform(self, action_id: str) -> None:
        """Do an action, or say why it can't be done here or now."""
        action = next(one for one in actions.actions() if one.id == action_id)
        self.said = None
        self._quits_then = False
        if not action.belongs(self.here.where):
            self.say(_("Not on this screen: {action}.").format(action=action.label.lower()), "warn")
            return
        if why := action.why_not(self):
            self.say(why, "warn")
            return
        (getattr(self.here, f"do_{action_id}", None) or getattr(self, f"do_{action_id}"))()
        if isinstance(self.screen, Framed):
            self.draw()

    def do_help(self) -> None:
        from mtn_tui.ui.screens.help import Help

        self.push_screen(Help(self.here.where))

    def do_command(self) -> None:
        from mtn_tui.ui.screens.command import Command

        def chosen(action_id: str | None) -> None:
            if action_id:
                self.perform(action_id)

        self.push_screen(Command(), chosen)

    def do_backups(self) -> None:
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def do_logs(self) -> None:
        from mtn_tui.ui.screens.logs import Logs

        if not any(isinstance(screen, Logs) for screen in self.screen_stack):
            self.push_screen(Logs())
        while not isinstance(self.screen, Logs):
            self.pop_screen()

    def do_emergency(self) -> None:
        from mtn_tui.ui.wizard.screen import Emergency

        if not any(isinstance(screen, Emergency) for screen in self.screen_stack):
            self.push_screen(Emergency())
        while not isinstance(self.screen, Emergency):
            self.pop_screen()

    def do_jobs(self) -> None:
        from mtn_tui.ui.screens.jobs import Jobs

        if not isinstance(self.here, Jobs):
            self.push_screen(Jobs())

    def do_back(self) -> None:
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def do_reload(self) -> None:
        self._poller.reload()
        self.say(_("Asking the stores."))

    def do_language(self) -> None:
        speaking = i18n.use("en" if i18n.language() == "es" else "es")
        self.say({"en": "English", "es": "Español"}[speaking])

    def do_theme(self) -> None:
        self.theme = themes.LIGHT.name if self.theme == themes.DARK.name else themes.DARK.name

    def do_quit(self) -> None:
        from mtn_tui.ui.screens.quit import Quit

        if self._is_beginning:
            self._quits_then = True
            self.say(_("A job is just beginning. Once it has, you can leave."), "warn")
            return
        # From the journals themselves: one that has just begun is not among what was seen last.
        try:
            known = list_jobs(self.context.job_folders, self.machine, JOBS_SHOWN)
        except StorageError:
            known = list(self.state.jobs)
        mine = [job for job in known if not job.state.over and job.host == self.machine]
        if not mine:
            self.exit()
            return
        self.push_screen(Quit(mine, may_cancel=not self.read_only))

    @on(JobsSeen)
    def _jobs_seen(self, message: JobsSeen) -> None:
        over = {job.id for job in message.jobs if job.state.over}
        if self._over is not None and over - self._over:
            self._poller.reload()
        self._over = over
        self.state = replace(self.state, jobs=message.jobs, jobs_trouble=None)
        seen = {job.id for job in message.jobs}
        self._beginning = {asked: job_id for asked, job_id in self._beginning.items() if job_id not in seen}
        self.desk.jobs_seen()
        self.draw()

    @on(JobsUnseen)
    def _jobs_unseen(self, message: JobsUnseen) -> None:
        self.state = replace(self.state, jobs_trouble=message.trouble)
        self.draw()

    @on(IncidentsSeen)
    def _incidents_seen(self, message: IncidentsSeen) -> None:
        if self.is_running:
            self.desk.seen(message.found)
            self.desk.jobs_seen()
            self.draw()

    @on(Back)
    def _back(self, message: Back) -> None:
        if self.is_running:
            message.work()

    @on(InventoryTaken)
    def _inventory_taken(self, message: InventoryTaken) -> None:
        self.state = replace(
            self.state,
            inventory=message.inventory or self.state.inventory,
            tally=message.tally or self.state.tally,
            taken=self.context.clock.now() if message.inventory else self.state.taken,
            trouble=message.trouble,
        )
        self.draw()

    def _told(self, what: object, error: MtnError | None, *, then_reload: bool = False) -> None:
        """Something that was asked for is done, or was refused."""
        if then_reload:
            self._poller.reload()
        if error is not None:
            self._quits_then = False
            self.tell(error)
            return
        self.say(str(what), "good")
        if self._quits_then and not self._is_beginning:
            self.perform("quit")

    async def _tick(self) -> None:
        if not await self.look_after_terminal():
            return
        now = self.context.clock.monotonic()
        minute = f"{self.context.clock.now():%H:%M}"
        over = self.said is not None and now >= self._said_until
        if over:
            self.said = None
        if over or minute != self._minute or self.state.live:
            self._minute = minute
            self.draw()
