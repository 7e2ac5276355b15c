"""Starts a job that outlives the terminal from which it was started.

The job runs in an ordinary ``mtn`` command in its own session: neither a hangup
nor Ctrl-C of the terminal reaches it, and it never reads or writes there. The
caller follows the journal, as anyone else can. The command's output goes to
``<state>/jobs/<id>.out``, which explains a missing journal; it is removed once
the journal records the end.

If systemd-logind kills the processes a user leaves behind
(``KillUserProcesses=yes``), the command runs in a scope of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mtn_tui.core.errors import JobError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.engine.jobs import new_job_id
from mtn_tui.engine.jobview import POLL_EVERY, Follower, JobView
from mtn_tui.engine.journal import journal_path
from mtn_tui.engine.statefiles import make_folder, open_shared, refusal

JOB_ID = "MTN_JOB"
"""Environment variable with the job's id, for the hosting command."""

JOURNALS = "MTN_JOURNALS"
"""Environment variable with the folder in which the caller expects the journal."""

OUTPUT = ".out"

ASK_LOGIND = (
    "busctl",
    "get-property",
    "org.freedesktop.login1",
    "/org/freedesktop/login1",
    "org.freedesktop.login1.Manager",
    "KillUserProcesses",
)
"""Prints ``b true`` if logind kills a user's remaining processes."""

_ANSWER_WITHIN = 5.0


class Detached:
    """A job that was started in another process.

    ``look`` is for one thread only. ``close`` closes the journal and leaves the job running.
    """

    def __init__(
        self,
        job_id: str,
        folder: Path,
        process: subprocess.Popen[bytes],
        folders: Callable[[], Sequence[Path]],
    ) -> None:
        self.id = job_id
        self._folders = folders
        self._journal = journal_path(folder, job_id)
        self._output = output_path(folder, job_id)
        self._process = process
        self._follower: Follower | None = None

    def look(self) -> JobView:
        """Return the job as its journal describes it; queued while there is no journal.

        Raises JobError, with the command's output, if it ended before it had a
        journal; StorageError if the journal can't be read.
        """
        if self._follower is None:
            ended = self._process.poll() is not None
            if not self._journal.exists():
                if ended:
                    raise self._stillborn()
                return JobView(self.id)
            self._follower = Follower(self._journal, folders=self._folders)
        view = self._follower.look()
        code = self._process.poll() if view.state is JobState.LOST else None
        return view if code is None or code < 0 else self._unrecorded(view, code)

    def wait_for_journal(self) -> None:
        """Block until the journal exists, so that anybody can find the job. Raises as ``look`` does."""
        while self.look().pid == 0:
            time.sleep(POLL_EVERY)

    def close(self) -> None:
        """Stop following the job, which goes on."""
        if self._follower is not None:
            self._follower.close()
            self._follower = None
        if self._process.poll() is None:
            # It outlives us by design; Popen would warn about that.
            self._process.returncode = 0

    def _unrecorded(self, view: JobView, code: int) -> JobView:
        """The job as its exit code tells: it was not killed, but its journal lacks the end."""
        title = _("The job finished with exit code {code}, but its final state was not recorded.")
        if code > 1:
            title = _("The job failed with exit code {code}, and why was not recorded.")
        hint = _(
            "Its journal could not be written: make room in {folder}. What it has done: mtn list, mtn kept"
        )
        return replace(
            view,
            title=title.format(code=code),
            hint=hint.format(folder=self._journal.parent),
            exit_code=code,
        )

    def _stillborn(self) -> JobError:
        said = self._output.read_text(encoding="utf-8", errors="backslashreplace").strip()
        return JobError(
            _("The job could not be started: its command ended with exit code {code}.").format(
                code=self._process.returncode
            ),
            said or _("It said nothing."),
        )


def start(
    arguments: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    folders: Callable[[], Sequence[Path]] = tuple,
) -> Detached:
    """Start ``mtn <arguments>`` as a job of its own, with its journal in ``folder``.

    If ``folder`` fills up meanwhile, the journal is looked for in ``folders``. The
    job inherits the working folder and gets ``environment``. Raises StorageError
    if its output file can't be made, JobError if no process can be started.
    """
    job_id = new_job_id()
    try:
        make_folder(folder)
        output = open_shared(output_path(folder, job_id), os.O_WRONLY | os.O_APPEND | os.O_EXCL)
    except OSError as error:
        raise refusal(error, folder) from error
    # -P: never import from the working folder, which is the operator's.
    command = [*_beyond_the_login(), sys.executable, "-P", "-m", "mtn_tui", *arguments]
    try:
        process = subprocess.Popen(
            command,
            env={**environment, JOB_ID: job_id, JOURNALS: str(folder.absolute())},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    except OSError as error:
        discard_output(folder, job_id)
        raise JobError(
            _("The job could not be started: {reason}.").format(reason=error.strerror or error)
        ) from error
    finally:
        os.close(output)
    return Detached(job_id, folder, process, folders)


def output_path(folder: Path, job_id: str) -> Path:
    """Return the path of the file with a hosting command's output."""
    return folder / f"{job_id}{OUTPUT}"


def discard_output(folder: Path, job_id: str) -> None:
    """Remove the file with a hosting command's output. Raises StorageError."""
    path = output_path(folder, job_id)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise refusal(error, path) from error


def logins_take_processes_along() -> bool:
    """Return whether logind kills a user's processes at logout; False if unknown."""
    if shutil.which(ASK_LOGIND[0]) is None:
        return False
    try:
        done = subprocess.run(
            ASK_LOGIND, stdin=subprocess.DEVNULL, capture_output=True, timeout=_ANSWER_WITHIN, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.split() == [b"b", b"true"]


def _beyond_the_login() -> list[str]:
    if shutil.which("systemd-run") is None or not logins_take_processes_along():
        return []
    user = [] if os.geteuid() == 0 else ["--user"]
    return ["systemd-run", *user, "--scope", "--quiet", "--collect", "--"]
