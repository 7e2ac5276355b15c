"""Tasks that wait for each other, on a few workers; the first error ends them all.

Where ``ordered_map`` is for a stream, this is for a graph: a table's indexes
after its rows, foreign keys after every index. Each worker is something of the
caller's that only one task at a time may use, a connection for instance.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mtn_tui.core.cancel import CancelToken

W = TypeVar("W")


@dataclass(frozen=True)
class Task(Generic[W]):
    """``work`` is done once all tasks named in ``after`` are done.

    No two tasks that share a word of ``alone_on`` run at the same time. Of
    those that could run, the one of the largest ``weight`` runs first.
    """

    name: str
    work: Callable[[W], None]
    after: frozenset[str] = frozenset()
    alone_on: frozenset[str] = frozenset()
    weight: int = 0


def run_tasks(
    tasks: Sequence[Task[W]],
    workers: Sequence[W],
    token: CancelToken,
    on_stop: Callable[[], None],
) -> None:
    """Do all tasks, one thread a worker; return when no thread is left.

    The first error, Cancelled included, is raised whole. ``on_stop`` is called
    at that moment and must make running work return soon. A name in ``after``
    that no task has counts as done. Raises ValueError where tasks wait for each
    other in a circle.
    """
    board = _Board(tasks, on_stop)
    threads = [
        threading.Thread(target=board.labour, args=[worker], name=f"mtn-task-{number}", daemon=True)
        for number, worker in enumerate(workers, 1)
    ]
    with token.calling(board.halt):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    token.check()
    if board.error is not None:
        raise board.error


class _Board(Generic[W]):
    """Which tasks wait, which run, and what went wrong first."""

    def __init__(self, tasks: Sequence[Task[W]], on_stop: Callable[[], None]) -> None:
        self._changed = threading.Condition()
        self._waiting = sorted(tasks, key=lambda task: task.weight, reverse=True)
        self._undone = {task.name for task in tasks}
        self._busy: set[str] = set()
        self._running = 0
        self._halted = False
        self._on_stop = on_stop
        self.error: BaseException | None = None

    def halt(self) -> None:
        with self._changed:
            if self._halted:
                return
            self._halted = True
            self._changed.notify_all()
        self._on_stop()

    def labour(self, worker: W) -> None:
        while (task := self._take()) is not None:
            try:
                task.work(worker)
            except BaseException as error:  # noqa: BLE001 - raised again by run_tasks
                with self._changed:
                    if self.error is None and not self._halted:
                        self.error = error
                self.halt()
            with self._changed:
                self._running -= 1
                self._busy -= task.alone_on
                self._undone.discard(task.name)
                self._changed.notify_all()

    def _take(self) -> Task[W] | None:
        with self._changed:
            while self._waiting and not self._halted:
                for index, task in enumerate(self._waiting):
                    if task.after.isdisjoint(self._undone) and task.alone_on.isdisjoint(self._busy):
                        del self._waiting[index]
                        self._running += 1
                        self._busy |= task.alone_on
                        return task
                if not self._running:
                    self.error = ValueError(f"tasks wait in a circle: {self._waiting[0].name}")
                    self._halted = True
                    self._changed.notify_all()
                    return None
                self._changed.wait()
            return None
