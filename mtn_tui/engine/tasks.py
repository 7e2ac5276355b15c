"""Tasks that wait for each other, on a few workers; the first error ends them all.

Where ``ordered_map`` is for a stream, this is for a graph: a table's indexes
after its rows, foreign keys after every index. Each worker is something of the
caller's that only one task at a time may use, a connection for instance.

The work of keeping order is linear in tasks and in the names they wait for, save
for the logarithm of a heap; where many tasks wait for as many others, one that
does nothing between the two groups keeps the names few.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Generic, TypeVar

from mtn_tui.core.cancel import CancelToken

W = TypeVar("W")


@dataclass(frozen=True, slots=True)
class Task(Generic[W]):
    """``work`` is done once all tasks named in ``after`` are done.

    No two tasks that share a word of ``alone_on`` run at the same time. Of
    those that could run, the one of the largest ``weight`` runs first.
    """

    name: str
    work: Callable[[W], None]
    after: Collection[str] = ()
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


_Rank = tuple[int, int]
"""Which goes first: the heaviest, then the one that was given first."""


class _Queue(Generic[W]):
    """The tasks that could run as soon as ``words``, which all of them need, are free."""

    __slots__ = ("tasks", "words")

    def __init__(self, words: frozenset[str]) -> None:
        self.words = words
        self.tasks: list[tuple[_Rank, Task[W]]] = []

    def begins_with(self, rank: _Rank) -> bool:
        return bool(self.tasks) and self.tasks[0][0] == rank


class Agenda(Generic[W]):
    """Which tasks wait for what. For one thread at a time.

    Tasks that need the same words stand in one queue, and one entry for its
    first task stands among what is offered or, where a word is taken, among
    what waits for that word. A word that gets free brings back one entry, not
    all: that one takes the word or, where another word stops it, brings the
    next. So 3,600 keys to one table cost no more than 3,600 keys to as many.
    """

    def __init__(self, tasks: Sequence[Task[W]]) -> None:
        self.undone = len(tasks)
        self.running = 0
        self.looks = 0
        """How many entries and names have been looked at: what keeping order has cost."""
        self._queues: dict[frozenset[str], _Queue[W]] = {}
        self._offered: list[tuple[_Rank, _Queue[W]]] = []
        self._parked: dict[str, list[tuple[_Rank, _Queue[W]]]] = defaultdict(list)
        self._busy: set[str] = set()
        self._tasks = tasks
        numbers = {task.name: number for number, task in enumerate(tasks)}
        self._numbers = numbers
        self._waits_for = [0] * len(tasks)
        self._followers: dict[int, list[int]] = {}
        for number, task in enumerate(tasks):
            for name in task.after:
                self.looks += 1
                if (before := numbers.get(name)) is not None:
                    self._waits_for[number] += 1
                    self._followers.setdefault(before, []).append(number)
        for number, count in enumerate(self._waits_for):
            if not count:
                self._offer(number)

    def take(self) -> Task[W] | None:
        """The next task to run; None where none can run now."""
        while self._offered:
            self.looks += 1
            rank, queue = heappop(self._offered)
            taken = next((word for word in queue.words if word in self._busy), None)
            if taken is None and queue.begins_with(rank):
                return self._begin(queue)
            if taken is not None and queue.begins_with(rank):
                heappush(self._parked[taken], (rank, queue))
            for word in queue.words - self._busy:
                self._bring_back(word)
        return None

    def done(self, task: Task[W]) -> None:
        self.running -= 1
        self.undone -= 1
        self._busy -= task.alone_on
        for word in task.alone_on:
            self._bring_back(word)
        for number in self._followers.pop(self._numbers[task.name], ()):
            self.looks += 1
            self._waits_for[number] -= 1
            if not self._waits_for[number]:
                self._offer(number)

    def one_that_waits(self) -> str:
        """The name of a task that waits for another."""
        return next(task.name for task, count in zip(self._tasks, self._waits_for, strict=True) if count)

    def _offer(self, number: int) -> None:
        task = self._tasks[number]
        queue = self._queues.setdefault(task.alone_on, _Queue(task.alone_on))
        rank = (-task.weight, number)
        heappush(queue.tasks, (rank, task))
        if queue.begins_with(rank):
            heappush(self._offered, (rank, queue))

    def _begin(self, queue: _Queue[W]) -> Task[W]:
        _rank, task = heappop(queue.tasks)
        self._busy |= queue.words
        self.running += 1
        if queue.tasks:
            entry = (queue.tasks[0][0], queue)
            word = next(iter(queue.words), None)
            heappush(self._offered if word is None else self._parked[word], entry)
        return task

    def _bring_back(self, word: str) -> None:
        parked = self._parked.get(word)
        while parked:
            self.looks += 1
            rank, queue = heappop(parked)
            if queue.begins_with(rank):
                heappush(self._offered, (rank, queue))
                return
        self._parked.pop(word, None)


class _Board(Generic[W]):
    """The agenda as threads share it, and what went wrong first."""

    def __init__(self, tasks: Sequence[Task[W]], on_stop: Callable[[], None]) -> None:
        self._changed = threading.Condition()
        self._agenda = Agenda(tasks)
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
                self._agenda.done(task)
                self._changed.notify_all()

    def _take(self) -> Task[W] | None:
        with self._changed:
            while self._agenda.undone and not self._halted:
                if (task := self._agenda.take()) is not None:
                    return task
                if not self._agenda.running:
                    self.error = ValueError(f"tasks wait in a circle: {self._agenda.one_that_waits()}")
                    self._halted = True
                    self._changed.notify_all()
                    return None
                self._changed.wait()
            return None
