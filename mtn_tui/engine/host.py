"""Runs a job in this process, in the foreground.

Three threads: one works; one, the keeper, records progress and passes signals
on; the caller's displays the job, reading the journal as any other process
would. So a stalled terminal holds up neither the work nor its record nor its
cancellation.

SIGINT, SIGTERM and SIGHUP ask the job to stop; repeating them has no effect.
A signal that was already ignored when this process started (``nohup``, a
shell's background job) stays ignored, except SIGTERM, which ``mtn job cancel``
sends.
"""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from mtn_tui.core.errors import Cancelled, JobError, MtnError, Refused
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.core.traces import text_of
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import Follower, JobView
from mtn_tui.engine.memory import give_back_large_buffers
from mtn_tui.engine.pipeline import Handle, background
from mtn_tui.engine.process import this_host

R = TypeVar("R")

BEAT_EVERY = 0.25
"""Seconds between records of progress."""

LOOK_EVERY = 0.1
"""Seconds between looks at the journal for display."""

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_Inbox = queue.SimpleQueue[signal.Signals | None]
"""Signals for the keeper; None ends it. Unlike an Event or a Lock it is safe in a signal handler."""


def run(job: Job, body: Callable[[Job], R], on_view: Callable[[JobView], None] | None = None) -> R:
    """Run ``body`` as ``job`` until its end is recorded, and return its result. Closes the job.

    Raises whatever the body raised; Cancelled if the job was asked to stop and
    did. An error in ``on_view`` ends the display, not the job; it is raised after
    a successful job, unless it is an OSError (a terminal that is gone is no fault)
    or comes from reading the journal. Signals are handled on the main thread only.
    """
    give_back_large_buffers()
    inbox: _Inbox = queue.SimpleQueue()
    try:
        with _signals_to(job, inbox), background(lambda: _keep(job, inbox), "mtn-keeper") as keeper:
            try:
                with background(lambda: _perform(job, body), "mtn-job") as worker:
                    watching = _watch(job, worker, on_view)
            finally:
                inbox.put(None)
    except BaseException as error:
        job.end(error)  # no thread could be started, or the display was interrupted; else it is over already
        raise
    finally:
        job.close()
    result = worker.result()
    keeper.result()
    if watching is not None and not isinstance(watching, OSError | MtnError):
        raise watching
    return result


@contextmanager
def signals_held() -> Iterator[None]:
    """Block the stop signals until the job can handle them; for creating a job and running it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def cancel(view: JobView, host: str | None = None) -> None:
    """Ask a job on this machine to stop, in whatever process. Does not wait for it.

    Raises JobError if the job is over, lost or another user's; Refused if it runs
    on another machine.
    """
    if view.state is JobState.LOST:
        raise JobError(_("Job {id} can't be cancelled: it is lost.").format(id=view.id), view.title)
    over = JobError(
        _("Job {id} can't be cancelled: it is over.").format(id=view.id), _("See how it ended: mtn job list")
    )
    if view.state.over:
        raise over
    if view.host != (host or this_host()):
        raise Refused(
            _("Job {id} runs on {host}, not on this machine.").format(id=view.id, host=view.host),
            _("Run there: mtn job cancel {id}").format(id=view.id),
        )
    try:
        view.process.signal(signal.SIGTERM)
    except ProcessLookupError as error:
        raise over from error
    except PermissionError as error:
        raise JobError(
            _("Job {id} belongs to {operator}, and the system lets only them or root stop it.").format(
                id=view.id, operator=view.operator
            ),
            _("Ask {operator}, or run: sudo mtn job cancel {id}").format(id=view.id, operator=view.operator),
        ) from error


@contextmanager
def _signals_to(job: Job, inbox: _Inbox) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, _frame: FrameType | None) -> None:
        job.stop_asked = True
        inbox.put(signal.Signals(number))

    before = {}
    try:
        for number in _STOPPING:
            if number is signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.getsignal(number)
                signal.signal(number, ask)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        yield
    finally:
        for number, handler in before.items():
            # None: it was not set from Python, and can't be set back to what it was.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _keep(job: Job, inbox: _Inbox) -> None:
    while True:
        try:
            number = inbox.get(timeout=BEAT_EVERY)
        except queue.Empty:
            job.beat()
            continue
        if number is None:
            return
        job.cancel(number.name)


def _perform(job: Job, body: Callable[[Job], R]) -> R:
    try:
        job.start()
        job.token.check()
        result = body(job)
    except BaseException as error:
        told = _understood(job, error)
        job.end(told)
        if told is error:
            raise
        raise told from error
    job.end()
    return result


def _understood(job: Job, error: BaseException) -> BaseException:
    """Return Cancelled for an error after a stop request, its likely cause: ^C reaches children too."""
    asked = job.stop_asked or job.token.cancelled
    if not asked or isinstance(error, Cancelled) or not isinstance(error, Exception):
        return error
    text = error.title if isinstance(error, MtnError) else text_of(error)
    job.note("warn", "failed-while-cancelling", error=type(error).__name__, text=text)
    known = error if isinstance(error, MtnError) else MtnError("")
    return Cancelled(_("Cancelled: it was asked to stop."), known.hint, known.runbook)


def _watch(job: Job, worker: Handle[R], on_view: Callable[[JobView], None] | None) -> Exception | None:
    """Display the job until the worker has ended. Returns the error that ``on_view`` raised, if any."""
    if on_view is None:
        worker.join()
        return None
    try:
        with Follower(job.journal_path, job.host, lambda: (job.journal_path.parent,)) as follower:
            seen = None
            while True:
                ended = worker.join(LOOK_EVERY)
                view = follower.look()
                if view != seen:
                    on_view(view)
                    seen = view
                if ended:
                    return None
    except Exception as error:  # noqa: BLE001 - a display error is not the job's; run() raises it
        worker.join()
        return error
