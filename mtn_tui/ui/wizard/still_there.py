"""Which databases that a page names are still on the server: somebody may have dropped one meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from mtn_tui.core import i18n
from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.session import IncidentSession

ASK_EVERY = 10.0
"""Seconds between questions while no job ends: it may be dropped by other means than ours."""

_DROPS = frozenset({"kept-drop", "undo"})
"""Jobs that take databases away which a step of the wizard may have looked at."""


LookedIn = tuple[str, frozenset[str]]
"""The language in use, and jobs that were over: what was found then is found anew in other circumstances."""

NEVER: LookedIn = ("", frozenset())


def looks_in(session: IncidentSession) -> LookedIn:
    """What a step's look at databases depends on: the jobs are those that may have taken one away."""
    jobs = session.host.state.jobs
    return i18n.language(), frozenset(job.id for job in jobs if job.kind in _DROPS and job.state.over)


class StillThere:
    """Asks the server in the background, again after a job has ended, and now and then."""

    def __init__(self, session: IncidentSession, is_shown: Callable[[], bool]) -> None:
        """While it ``is_shown`` it goes on asking."""
        self._session = session
        self._is_shown = is_shown
        self._names: frozenset[str] = frozenset()
        self._there: frozenset[str] | None = None
        self._trouble: MtnError | None = None
        self._asked_in = NEVER
        self._asking = False
        self._waits = False

    def opens(self, names: Iterable[str]) -> None:
        """Ask for these, unless nothing has changed since the last time."""
        wanted = frozenset(names)
        now = i18n.language(), frozenset(job.id for job in self._session.host.state.jobs if job.state.over)
        if (wanted, now) != (self._names, self._asked_in):
            self._names, self._asked_in, self._there = wanted, now, None
            self._ask()

    def is_gone(self, name: str) -> bool:
        """Whether the server was asked, and has no database of this name any more."""
        return self._there is not None and name in self._names and name not in self._there

    def write_trouble(self, sheet: PageBuilder) -> None:
        """Write that it could not be asked, so that what the page says may be old."""
        if self._trouble is not None and self._names:
            text = _("Whether it is still there is not known: {why}")
            sheet.item("?", text.format(why=self._trouble.title), "warn")

    def _ask(self) -> None:
        session, names = self._session, self._names
        if self._asking or not names:
            return
        self._asking = True
        context, operations, asked_in = session.host.context, session.operations, self._asked_in

        def came(found: frozenset[str]) -> None:
            answered(found, None)

        def failed(error: MtnError) -> None:
            answered(None, error)

        def answered(found: frozenset[str] | None, trouble: MtnError | None) -> None:
            self._asking = False
            if (names, asked_in) != (self._names, self._asked_in):
                self._ask()  # another was asked for meanwhile, a job has ended, or the language is another
                return
            self._there, self._trouble = found, trouble
            self._wait()
            session.host.draw()

        session.host.run_in_background(lambda: operations.still_there(context, names), came, failed)

    def _wait(self) -> None:
        if self._waits:
            return
        self._waits = True

        def due() -> None:
            self._waits = False
            if self._is_shown():
                self._ask()
            else:
                self._names = frozenset()  # asked for again once the page is back

        self._session.host.set_timer(ASK_EVERY, due)
