"""Starts jobs from the screens, each once, and quits only when none is left half started, and
nothing that was decided on the screens is still to be written down.

What a dialog is about is looked at here first, once for each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from mtn_tui.core.errors import MtnError, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.engine.job_watch import JOBS_SHOWN
from mtn_tui.engine.jobview import list_jobs
from mtn_tui.ui.host import Host

R = TypeVar("R")

Start = Callable[[Sequence[str]], str]
"""Starts a job that outlives the program, by the arguments of an ``mtn`` command, and returns its id.

Raises MtnError if it can't start.
"""


class JobStarter:
    """Knows the jobs that were started and not seen yet."""

    def __init__(self, host: Host, start: Start) -> None:
        self._host = host
        self.start = start
        self._starting: dict[tuple[str, ...], str] = {}
        """By their arguments; their ids, once they have one."""
        self._checking = False
        """Whether a check runs before a job."""
        self._writing = 0
        """How much is being written down."""
        self._looking: set[str] = set()
        """What is being looked at before a dialog opens, as it is said."""
        self._quits_then = False
        """Whether to quit as soon as they all have an id, and all is written down."""
        self._told = ("", "")
        """The id of the job that was started last, and what was said of it."""

    @property
    def _is_starting(self) -> bool:
        """Whether a job has no id yet, or a check runs before one."""
        return self._checking or "" in self._starting.values()

    def start_job(self, arguments: Sequence[str], name: str) -> None:
        """Start a job. Until it is seen, no other starts by the same arguments: a key may come twice."""
        asked, host = tuple(arguments), self._host
        if asked in self._starting:
            host.show_status(_("It is just beginning."), "warn")
            return
        self._starting[asked] = ""
        if not self._quits_then:  # else it stays said why the program is still there
            host.show_status(_("Starting: {name} …").format(name=name))

        def begun(job_id: str) -> None:
            self._starting[asked] = job_id
            if any(job.id == job_id for job in host.state.jobs):
                del self._starting[asked]
            said = _("Started: {name}, job {id}. It goes on if you leave.").format(name=name, id=job_id)
            self._told = (job_id, said)
            self.done(said)
            self._forget_what_ended()

        def failed(error: MtnError) -> None:
            del self._starting[asked]
            self.failed(error)

        host.run_in_background(lambda: self.start(arguments), begun, failed)

    def check_first(self, said: str, check: Callable[[], str], then: Callable[[str], None]) -> None:
        """Run a check before a job starts, one at a time. A doubt is for the operator to answer: stay."""
        if self._checking:
            self._host.show_status(_("It is just beginning."), "warn")
            return
        self._checking = True
        self._host.show_status(said)

        def checked(doubt: str) -> None:
            self._checking = False
            self._no_longer(said)
            if doubt:
                self.stay()
            then(doubt)

        def failed(error: MtnError) -> None:
            self._checking = False
            self.failed(error)

        self._host.run_in_background(check, checked, failed)

    def look_first(self, said: str, look: Callable[[], R], then: Callable[[R], None]) -> None:
        """Look at something in the background before a dialog about it opens; a key may come twice.

        ``then`` takes what was found, once all keys that were pressed meanwhile are handled; not if
        one of them has left the screen.
        """
        asked_on = self._host.here
        self._host.show_status(said)
        if said in self._looking:
            return
        self._looking.add(said)

        def looked(found: R) -> None:
            self._looking.discard(said)
            self._no_longer(said)
            if asked_on.is_open:
                then(found)

        def failed(error: MtnError) -> None:
            self._looking.discard(said)
            self._host.show_error(error)

        self._host.run_in_background(look, lambda found: self._host.after_keys(lambda: looked(found)), failed)

    def _no_longer(self, said: str) -> None:
        """Take a message back; another one tells of a key that was pressed meanwhile."""
        if self._host.status and self._host.status[0] == said:
            self._host.status = None
            self._host.draw()

    def write_down(
        self,
        work: Callable[[], R],
        then: Callable[[R], None],
        failed: Callable[[MtnError], None] | None = None,
    ) -> None:
        """Write on a thread what was decided; quitting waits for it, else it would be lost unsaid."""
        self._writing += 1

        def written(result: R) -> None:
            self._writing -= 1
            then(result)
            self._quit_if_asked()

        def not_written(error: MtnError) -> None:
            self._writing -= 1
            self.stay()
            (failed or self._host.show_error)(error)

        self._host.run_in_background(work, written, not_written)

    def change(self, work: Callable[[], str]) -> None:
        """Change the stores on a thread, show the message that ``work`` returns, and read them again."""

        def done(said: str) -> None:
            self._host.reload()
            self.done(said)

        def failed(error: MtnError) -> None:
            self._host.reload()
            self.failed(error)

        self.write_down(work, done, failed)

    def seen(self, job_ids: Collection[str]) -> None:
        """These jobs are among those that are shown."""
        self._starting = {asked: job_id for asked, job_id in self._starting.items() if job_id not in job_ids}

        self._forget_what_ended()

    def _forget_what_ended(self) -> None:
        """Of a job that is over nobody reads that it goes on."""
        job_id, said = self._told
        status = self._host.status
        ended = any(job.id == job_id and job.state.over for job in self._host.state.jobs)
        if ended and status is not None and status[0] == said:
            self._host.status = None
            self._host.draw()

    def done(self, said: str) -> None:
        """Show what was done; then quit, if that was asked for meanwhile."""
        self._host.show_status(said, "good")
        self._quit_if_asked()

    def _quit_if_asked(self) -> None:
        if self._quits_then and not self._is_starting and not self._writing:
            self._host.perform("quit")

    def failed(self, error: MtnError) -> None:
        """Show what failed."""
        self.stay()
        self._host.show_error(error)

    def stay(self) -> None:
        """Do not quit by itself any more: a key was pressed, or something failed."""
        self._quits_then = False

    def leave(self) -> None:
        """Quit, once no job is starting and nothing is being written down.

        Asks if a job is running, and in every practice.
        """
        from mtn_tui.ui.screens.practice import ask_to_end
        from mtn_tui.ui.screens.quit import Quit

        host = self._host
        if self._is_starting:
            self._quits_then = True
            host.show_status(_("A job is starting. You can leave once it is running."), "warn")
            return
        if self._writing:
            self._quits_then = True
            host.show_status(_("Something is still being written down; then it quits."), "warn")
            return
        # From the journals themselves: one that has just begun is not among those that were seen last.
        try:
            known = list_jobs(host.context.job_folders, host.machine, JOBS_SHOWN)
        except StorageError:
            known = list(host.state.jobs)
        mine = [job for job in known if not job.state.over and job.host == host.machine]
        if host.practice is not None:
            ask_to_end(host, mine)
        elif mine:
            host.open_screen(Quit(host, mine))
        else:
            host.end()
