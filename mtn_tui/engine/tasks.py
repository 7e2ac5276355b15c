"""Runs tasks that depend on each other, on a few workers; the first error ends them all.

``ordered_map`` is for a stream, this is for a graph: a table's indexes after its
rows, foreign keys after every index. Each worker is an object of the caller's
that only one task at a time may use, for instance a connection.

Scheduling is linear in the tasks and dependencies, apart from the logarithm of a
heap. If many tasks depend on as many others, an empty task between the two
groups keeps the number of dependencies small.
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
    """``work`` runs once all tasks named in ``after`` are done.

    Two tasks that share a word of ``alone_on`` never run at the same time. Of the
    tasks that are ready, the one with the largest ``weight`` runs first.
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
    """Run all tasks, one thread per worker; return when all threads have ended.

    Raises the first error, including Cancelled. ``on_stop`` is called when that
    happens and must make running work return soon. Unknown names in ``after`` count
    as done. Raises ValueError if tasks depend on each other in a circle.
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
"""Order of tasks: the heaviest first, then as given."""


class _Queue(Generic[W]):
    """Tasks that are ready as soon as ``words``, which all of them need, are free."""

    __slots__ = ("tasks", "words")

    def __init__(self, words: frozenset[str]) -> None:
        self.words = words
        self.tasks: list[tuple[_Rank, Task[W]]] = []

    def begins_with(self, rank: _Rank) -> bool:
        return bool(self.tasks) and self.tasks[0][0] == rank


class Agenda(Generic[W]):
    """Keeps track of which tasks can run. Not thread-safe.

    Tasks that need the same words are in one queue, represented by one entry for
    its first task: among those offered or, if a word is taken, among those parked
    at that word. A word that becomes free brings back one entry, not all: it takes
    the word or, if another word blocks it, brings back the next. So 3,600 keys to
    one table cost no more than 3,600 keys to as many tables.
    """

    def __init__(self, tasks: Sequence[Task[W]]) -> None:
        self.undone = len(tasks)
        self.running = 0
        self.looks = 0
        """Entries and names looked at so far: the cost of scheduling."""
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
        """Return the next task to run, and mark it as running; None if none is ready."""
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
        """Mark a task as done, and release its words and the tasks that wait for it."""
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
        """Return the name of a task that waits for another."""
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
    """An Agenda shared by threads, with the first error."""

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
