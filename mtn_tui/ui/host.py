"""What screens and actions need of the app: none of them imports it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from textual.screen import Screen

from mtn_tui.core.errors import MtnError
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.incident.state import Incident
from mtn_tui.ui.data.state import State
from mtn_tui.ui.text.cells import Span

R = TypeVar("R")

CHECKLIST, BACKUPS, EMERGENCY, LOGS = "checklist", "backups", "emergency", "logs"
"""Screens with a tab."""

DETAILS, JOBS, HELP, HISTORY, JOB = "details", "jobs", "help", "history", "job"
INCIDENT, DIFFERENCE, AS_IT_WAS, PRUNING = "incident", "difference", "as-it-was", "pruning"
"""Screens above them."""

PRACTICE = "practice"
"""A dialog: the story of what is practised."""

KEPT = "kept"
"""Dialogs: the databases that restores have replaced or left beside."""


Story = Callable[[], Sequence[str]]
"""Tells in the reader's language what has happened and what is to be done: paragraphs."""


@dataclass(frozen=True)
class Practice:
    """What the screens are tried on: a demo, or an incident on its servers, which go with the program."""

    story: Story
    is_judged: bool = True
    """Whether it is an incident, which is judged at its end; else all is well, and to be looked at."""
    keeps: bool = False
    """Whether the folder with all that was made stays."""


class Place(Protocol):
    """The screen that the operator is on, below any dialog. Actions are performed on it."""

    @property
    def host(self) -> Host:
        """The app that it is a screen of."""

    @property
    def is_open(self) -> bool:
        """Whether it is shown, or beneath what is shown."""

    def back(self) -> None:
        """Go one step back; from the first one, leave the screen."""


class Host(Protocol):
    """The app, as its screens know it. All of it is for the UI thread, save where it says otherwise."""

    context: Context

    @property
    def here(self) -> Place:
        """The screen that the operator is on, below any dialog."""

    database: str
    """The database that is looked after."""
    machine: str
    """This machine's name, as its jobs bear it."""
    read_only: bool
    ascii: bool
    """Whether only characters of ASCII are shown."""
    practice: Practice | None
    """None where the servers are real."""
    state: State
    status: Span | None
    """The message in the job bar, until the next key or for some seconds."""

    @property
    def incident(self) -> Incident | None:
        """The open incident; or the one that was closed while it was on this screen."""

    @property
    def key_age(self) -> float:
        """Seconds since the key that is being handled was pressed; 0 if none is."""

    @property
    def knows_jobs(self) -> bool:
        """Whether the journals of jobs have been read."""

    def draw(self) -> None:
        """Draw the screen that the operator is on."""

    def show_status(self, text: str, tone: str = "") -> None:
        """Show a message in the job bar; a warning that has no room there in a dialog."""

    def show_error(self, error: MtnError) -> None:
        """Open a dialog that says what failed and what to do."""

    def show(self, name: str) -> None:
        """Bring the screen of this name to the front."""

    def show_palette(self) -> None:
        """Open the list of all actions, to choose one by its name."""

    def open_screen(self, screen: Screen[R], then: Callable[[R | None], None] | None = None) -> None:
        """Open a screen or dialog; ``then`` takes its result, None if it is left without any."""

    def perform(self, action_id: str) -> None:
        """Perform an action on the screen that the operator is on, or say why it can't be performed."""

    def run_in_background(
        self,
        work: Callable[[], R],
        then: Callable[[R], None],
        failed: Callable[[MtnError], None] | None = None,
    ) -> None:
        """Run ``work`` on a thread; then ``then`` with its result, or ``failed``, on the UI thread.

        Without ``failed`` an error is shown.
        """

    def write_down(
        self,
        work: Callable[[], R],
        then: Callable[[R], None],
        failed: Callable[[MtnError], None] | None = None,
    ) -> None:
        """The same for work that keeps what the operator has decided: quitting waits for it."""

    def after_keys(self, work: Callable[[], None]) -> None:
        """Run ``work`` once all keys that were pressed before now are handled: one may call it off."""

    def run_on_ui_thread(self, work: Callable[[], None]) -> None:
        """Run on the UI thread. Thread-safe."""

    def set_timer(self, delay: float, callback: Callable[[], None]) -> object:
        """Run ``callback`` in ``delay`` seconds."""

    def start_job(self, arguments: Sequence[str], name: str) -> None:
        """Start a job, which outlives the program, by the arguments of an ``mtn`` command."""

    def check_first(self, said: str, check: Callable[[], str], then: Callable[[str], None]) -> None:
        """Run a check in the background before a job starts, while ``said`` is shown; quitting waits for it.

        ``then`` takes the doubt that it returns; empty if there is none.
        """

    def look_first(self, said: str, look: Callable[[], R], then: Callable[[R], None]) -> None:
        """Look at something in the background, once at a time, before a dialog about it; ``said`` is shown.

        ``then`` takes what was found, after all keys that were pressed meanwhile, unless one of them has
        left the screen; an error is shown.
        """

    def start_now(self, arguments: Sequence[str]) -> str:
        """Start a job and return its id, on a background thread. Raises MtnError if it can't start."""

    def change(self, work: Callable[[], str]) -> None:
        """Change the stores in the background, show the message that it returns, and read them again."""

    def reload(self) -> None:
        """Read the stores again, and look at all health checks."""

    def recheck(self, check_id: str | None = None) -> None:
        """Look at a health check again, at once; at all of them, if none is named."""

    def switch_theme(self) -> None:
        """Draw light instead of dark, or back."""

    def leave(self) -> None:
        """Quit; asks first if a job of this machine is running, and in every practice."""

    def end(self) -> None:
        """Quit, and say so first: the last threads may take a second."""
