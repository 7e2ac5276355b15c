"""Starts a job that outlives the terminal it was asked for from.

The job is hosted by an ordinary ``mtn`` command in a session of its own: no
hangup and no Ctrl-C of the terminal reaches it, and it never reads or writes
there. Whoever started it follows the journal, as anyone else may. What the
command prints goes to ``<state>/jobs/<id>.out``, which tells why there is no
journal where it came to none; it is removed once the journal tells the end.

Where the system's logind kills what a user leaves behind
(``KillUserProcesses=yes``), the command runs in a scope of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mtn_tui.core.errors import JobError
from mtn_tui.core.i18n import _
from mtn_tui.engine.jobs import new_job_id
from mtn_tui.engine.jobview import POLL_EVERY, Follower, JobView
from mtn_tui.engine.journal import journal_path
from mtn_tui.engine.statefiles import make_folder, open_shared, refusal

JOB_ID = "MTN_JOB"
"""The variable that tells the hosting command its job's id."""

JOURNALS = "MTN_JOURNALS"
"""The variable that tells it the folder in which its journal is looked for."""

OUTPUT = ".out"

ASK_LOGIND = (
    "busctl",
    "get-property",
    "org.freedesktop.login1",
    "/org/freedesktop/login1",
    "org.freedesktop.login1.Manager",
    "KillUserProcesses",
)
"""Answers ``b true`` where logind kills what a user leaves behind."""

_ANSWER_WITHIN = 5.0


class Detached:
    """A job on its way. ``look`` is for one thread; ``close`` lets go of the journal, not of the job."""

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
        """The job as its journal has it; queued as long as there is none.

        JobError, with what the command said, where it ended before it had a
        journal; StorageError where that can't be read.
        """
        if self._follower is None:
            ended = self._process.poll() is not None
            if not self._journal.exists():
                if ended:
                    raise self._stillborn()
                return JobView(self.id)
            self._follower = Follower(self._journal, folders=self._folders)
        return self._follower.look()

    def wait_for_journal(self) -> None:
        """Until anybody can find the job. Raises as ``look`` does."""
        while self.look().pid == 0:
            time.sleep(POLL_EVERY)

    def close(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None
        if self._process.poll() is None:
            # It outlives us by design, which Popen would warn of.
            self._process.returncode = 0

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
    """Begin ``mtn <arguments>`` as a job of its own, whose journal will be in ``folder``.

    Where that fills up meanwhile, it is looked for in ``folders``.
    It has the caller's working folder and ``environment``. StorageError where
    its output can't be kept, JobError where no process can be started.
    """
    job_id = new_job_id()
    try:
        make_folder(folder)
        output = open_shared(output_path(folder, job_id), os.O_WRONLY | os.O_APPEND | os.O_EXCL)
    except OSError as error:
        raise refusal(error, folder) from error
    # -P: the working folder is the operator's, and is not where this program is loaded from.
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
    return folder / f"{job_id}{OUTPUT}"


def discard_output(folder: Path, job_id: str) -> None:
    """Remove what the command printed. StorageError where it can't be."""
    path = output_path(folder, job_id)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise refusal(error, path) from error


def logins_take_processes_along() -> bool:
    """Whether logind kills what a user has running when they log out. False where nobody can tell."""
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
