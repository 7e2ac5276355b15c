"""Work on several threads, with results in order and no thread left behind.

One thread reads the source, several work, and the results come out in the
source's order on the caller's own thread:

    with closing(ordered_map(blocks, compress, workers=2, depth=8, token=token)) as members:
        for member in members:
            write(member)

An item is *in flight* from before it is read until the caller asks for the
result after its own; ``depth`` limits how many are. So memory is limited to
``depth`` items and results, however slow the caller is.

The first error wins, wherever it occurs: in the source, the work, the token
(Cancelled) or the caller (who closes the iterator or raises). It stops every
stage and is raised in the caller as the same object, with its traceback. Errors
of other stages after that are consequences, and are dropped. So is an error of a
stage after ``token.cancel()``: a child that was killed by the cancellation must
not be reported as a child that died.

A source in a blocking read can't be woken from here. ``on_stop`` is called, on
the caller's thread, when the run ends early, and has to make such a read return
(kill the child, close the socket), since the run waits for its threads. It may
be called after a callback of the token did the same, and must not raise.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import Generic, TypeVar

from mtn_tui.core.cancel import CancelToken

T = TypeVar("T")
R = TypeVar("R")

_LISTEN_EVERY = 0.1
"""Seconds. A main thread that waits without a timeout may miss signals in quick succession, and handlers run
on no other thread (seen with CPython 3.11, once in fifteen bursts)."""


def ordered_map(
    source: Iterable[T],
    work: Callable[[T], R],
    *,
    workers: int,
    depth: int,
    token: CancelToken,
    on_stop: Callable[[], None] | None = None,
) -> Generator[R, None, None]:
    """Yield ``work(item)`` for every item of ``source``, in order.

    ``source`` is iterated on a thread of its own and, if it is a generator, closed
    on that thread. Nothing starts before the first result is requested; when the
    iterator has ended, failed or been closed, every thread has ended. Close it
    (``contextlib.closing``) if the caller may leave early.
    """
    if workers < 1 or depth < 1:
        raise ValueError("workers and depth are counted from 1")
    return _run(_Line(source, work, depth, token), min(workers, depth), on_stop)


def _run(line: _Line[T, R], workers: int, on_stop: Callable[[], None] | None) -> Generator[R, None, None]:
    threads = [threading.Thread(target=line.feed, name="mtn-source", daemon=True)]
    threads += [
        threading.Thread(target=line.labour, name=f"mtn-work-{number}", daemon=True)
        for number in range(1, workers + 1)
    ]
    with line.token.calling(line.halt):
        try:
            for thread in threads:
                thread.start()
            while line.await_result():
                yield line.take()
                line.give_back()
        except BaseException:
            line.halt()
            if on_stop is not None:
                on_stop()
            raise
        finally:
            line.halt()
            for thread in threads:
                if thread.ident is not None:
                    thread.join()


class _Slot(Generic[T, R]):
    """One item in flight. ``item`` exists until it is worked on, ``result`` afterwards."""

    __slots__ = ("done", "item", "result")

    def __init__(self, item: T) -> None:
        self.item = item
        self.result: R
        self.done = False


class _Line(Generic[T, R]):
    """The state shared by the stages: one lock, with one condition for each kind of waiting.

    The lock is reentrant because ``halt`` may be called by a signal handler that
    interrupts its holder.
    """

    def __init__(self, source: Iterable[T], work: Callable[[T], R], depth: int, token: CancelToken) -> None:
        self.token = token
        self._source = source
        self._work = work
        lock = threading.RLock()
        self._lock = lock
        self._room = threading.Condition(lock)
        self._waiting_work = threading.Condition(lock)
        self._head_done = threading.Condition(lock)
        self._free = depth
        self._todo: deque[_Slot[T, R]] = deque()
        self._order: deque[_Slot[T, R]] = deque()
        self._exhausted = False
        self._halted = False
        self._failure: BaseException | None = None

    # The source's thread

    def feed(self) -> None:
        try:
            iterator = iter(self._source)
            try:
                while self._claim():
                    try:
                        # The item is never bound here: a name would keep it alive while waiting for room.
                        self._enqueue(next(iterator))
                    except StopIteration:
                        break
            finally:
                if isinstance(iterator, Generator):
                    iterator.close()
        except BaseException as error:  # noqa: BLE001 - handed to the caller, who raises it
            self._fail(error)
        with self._lock:
            self._exhausted = True
            self._waiting_work.notify_all()
            self._head_done.notify()

    def _claim(self) -> bool:
        with self._lock:
            while not self._free and not self._halted:
                self._room.wait()
            self._free -= 1
            return not self._halted

    def _enqueue(self, item: T) -> None:
        slot: _Slot[T, R] = _Slot(item)
        with self._lock:
            self._todo.append(slot)
            self._order.append(slot)
            self._waiting_work.notify()

    # The workers' threads

    def labour(self) -> None:
        while (slot := self._pick()) is not None:
            try:
                slot.result = self._work(slot.item)
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who raises it
                self._fail(error)
                return
            del slot.item
            with self._lock:
                slot.done = True
                if self._order and self._order[0] is slot:
                    self._head_done.notify()
            del slot

    def _pick(self) -> _Slot[T, R] | None:
        with self._lock:
            while not self._halted:
                if self._todo:
                    return self._todo.popleft()
                if self._exhausted:
                    return None
                self._waiting_work.wait()
        return None

    # The caller's thread

    def await_result(self) -> bool:
        """Block until the next result is ready, then return True; False at the end. Raises any error."""
        with self._lock:
            while True:
                if self._failure is not None:
                    self._raise_failure()
                self.token.check()
                if self._order and self._order[0].done:
                    return True
                if self._exhausted and not self._order:
                    return False
                self._head_done.wait()

    def take(self) -> R:
        with self._lock:
            return self._order.popleft().result

    def give_back(self) -> None:
        with self._lock:
            self._free += 1
            self._room.notify()

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        try:
            assert failure is not None  # noqa: S101 - for the type checker
            raise failure
        finally:
            # Its traceback holds this frame: without this the two would keep each other alive.
            del failure

    # Any thread

    def halt(self) -> None:
        with self._lock:
            self._halted = True
            for condition in (self._room, self._waiting_work, self._head_done):
                condition.notify_all()

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            if not self._halted and not self.token.cancelled:
                self._failure = error
            self.halt()


class Handle(Generic[R]):
    """Work running on its own thread.

    Leaving the block, or asking for the result, waits for the thread to end. If
    the result is never asked for, its error is never raised.
    """

    def __init__(self, work: Callable[[], R], name: str) -> None:
        self._work = work
        self._result: R
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._perform, name=name, daemon=True)
        self._thread.start()

    def _perform(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:  # noqa: BLE001 - result() raises it
            self._error = error

    @property
    def done(self) -> bool:
        """Whether the thread has ended."""
        return not self._thread.is_alive()

    def join(self, timeout: float | None = None) -> bool:
        """Wait up to ``timeout`` seconds for the end; return whether it was reached. Raises nothing."""
        if timeout is None:
            while not self.done:
                self._thread.join(_LISTEN_EVERY)
        else:
            self._thread.join(timeout)
        return self.done

    def result(self, timeout: float | None = None) -> R:
        """Wait, then return what the work returned, or raise what it raised.

        Raises TimeoutError after ``timeout`` seconds; the work goes on.
        """
        if not self.join(timeout):
            raise TimeoutError(f"{self._thread.name} goes on after {timeout} s")
        if self._error is not None:
            raise self._error
        return self._result

    def __enter__(self) -> Handle[R]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.join()


def background(work: Callable[[], R], name: str) -> Handle[R]:
    """Start ``work`` on a new thread called ``name``."""
    return Handle(work, name)


def within(seconds: float, work: Callable[[], R], name: str) -> R:
    """Do ``work`` on a thread; wait so many seconds for its result. Raises TimeoutError, and what it raises.

    Where the system gives no thread, it is done here, however long that takes.
    """
    try:
        handle = background(work, name)
    except RuntimeError:
        return work()
    return handle.result(seconds)
