"""In which order, and how many at once, a backup's post-data statements are executed.

Indexes and keys come as soon as their table is in; the rest in its order after
all of them, foreign keys and the filling of views side by side. Of small tables many statements go into
one task and to the server in one go, so that thousands of them cost little more
than their work; a large table's have a task each, and so all connections there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from mtn_tui.archive.statements import Event, Statement
from mtn_tui.engine.tasks import Task
from mtn_tui.postgres import statistics
from mtn_tui.postgres.closers import Closer, Closing, closer
from mtn_tui.postgres.load import LoadConnection, is_setting
from mtn_tui.postgres.statement_kind import parts

_FOREIGN_KEYS = 50
"""Foreign keys of small tables in one task, which keeps other tasks from all their tables."""

_STATISTICS = 30
"""Statements that set statistics in one task."""

Settings = tuple[bytes, ...]
Close = Callable[[Sequence[bytes], Settings, LoadConnection], None]
"""Executes statements under their settings."""
Analyze = Callable[[Sequence[str], LoadConnection], None]


@dataclass(frozen=True)
class Filled:
    """One large table, or several small ones, and the tasks that bring their rows."""

    tables: tuple[str, ...]
    after: tuple[str, ...]
    """Names of the tasks."""
    size: int
    """Bytes of SQL."""
    small: bool
    empty: frozenset[str]
    """Those of the tables that get no rows."""


@dataclass(frozen=True)
class _Run:
    """Statements of post-data, in its order, that are of one kind and under the same settings."""

    what: Closing
    settings: Settings
    closers: list[Closer]


def _nothing(_connection: LoadConnection) -> None:
    pass


class ClosingTasks:
    """Sorts post-data while it is read; ``tasks`` makes tasks of it, with each statement in one task."""

    def __init__(
        self, post_data: Iterable[Event], filled: Sequence[Filled], settings: Mapping[bytes, bytes]
    ) -> None:
        """``settings``, by what stands before their value, are those in effect where ``post_data`` begins."""
        self._filled = filled
        self._where = {table: number for number, one in enumerate(filled) for table in one.tables}
        self._keys: dict[tuple[int, Settings], list[bytes]] = defaultdict(list)
        self._statistics = _Statistics()
        self._runs: list[_Run] = []
        self._post_data = 0
        self._sort(post_data, settings)

    @property
    def steps(self) -> int:
        """Statements to execute, and tables to analyze."""
        return self._post_data + sum(len(self._to_analyze(one)) for one in self._filled)

    def _to_analyze(self, filled: Filled) -> list[str]:
        return [
            table for table in filled.tables if table not in filled.empty and not self._statistics.of(table)
        ]

    def _sort(self, post_data: Iterable[Event], before: Mapping[bytes, bytes]) -> None:
        comments: list[Closer] = []
        made: set[str] = set()
        for one, settings in _closers(post_data, before):
            self._post_data += 1
            if self._statistics.take(one, in_place=bool(made)):
                continue
            if one.what is Closing.STATISTICS:
                one = replace(one, what=Closing.OTHER)  # noqa: PLW2901 - the same, elsewhere
            if one.what is Closing.OTHER:
                made.update(one.tables)
            elif one.what is Closing.KEY and one.tables[0] in made:
                # On a view that is made in post-data, since its query relies on a key.
                one = replace(one, what=Closing.OTHER)  # noqa: PLW2901 - the same, elsewhere
            last = self._runs[-1] if self._runs else None
            if one.what is Closing.KEY:
                self._keys[self._where.get(one.tables[0], -1), settings].append(one.sql)
                continue
            if one.what is Closing.COMMENT and last and last.what is Closing.FOREIGN_KEY:
                comments.append(one)  # in its place it would hold up the next foreign key
                continue
            what = Closing.OTHER if one.what is Closing.COMMENT else one.what
            if comments and what is not Closing.FOREIGN_KEY:
                self._runs.append(last := _Run(Closing.OTHER, settings, comments))
                comments = []
            if last and last.what is what and last.settings == settings:
                last.closers.append(one)
            else:
                self._runs.append(_Run(what, settings, [one]))
        if comments:
            self._runs.append(_Run(Closing.OTHER, (), comments))

    def tasks(self, close: Close, analyze: Analyze) -> Iterator[Task[LoadConnection]]:
        """Keys after their table's rows, those of tables without rows after all rows; then the rest.

        Statistics that the script holds are set after their table's keys. For tables without
        them ANALYZE fills the gaps between foreign keys, after whatever else would
        wait for its lock or tells it what to gather; what queries the tables waits for it.
        """
        rows = _Gate("all rows", [name for one in self._filled for name in one.after])
        yield rows.task
        keys: dict[int, list[str]] = defaultdict(list)
        for where, task in self._key_tasks(close, rows.name):
            keys[where].append(task.name)
            yield task
        keyed = _Gate("all keys", [rows.name, *chain.from_iterable(keys.values())])
        yield keyed.task
        told = [*self._statistics_tasks(close, keys, keyed.name)]
        yield from told
        planned = _Gate("all statistics", [keyed.name, *(task.name for task in told)])
        yield planned.task
        analyses = [f"analyze {number}" for number in range(len(self._filled))]
        before, beside, refreshed = planned.name, list[str](), list[str]()
        analyzed_after = ""
        analyzed: _Gate | None = None
        for number, run in enumerate(self._runs):
            if run.what in (Closing.FOREIGN_KEY, Closing.REFRESH):
                analyzed_after = analyzed_after or before
            if run.what is Closing.FOREIGN_KEY:
                for task in self._foreign_keys(run, number, close, before):
                    beside.append(task.name)
                    yield task
                continue
            name = f"close {number}"
            if run.what is Closing.REFRESH and analyzed is None:
                yield (analyzed := _Gate("analyzed", analyses)).task
            after = [before, *refreshed, *([analyzed.name] if analyzed else ())]
            if run.what is Closing.REFRESH:
                refreshed = [name]
                beside.append(name)
            else:
                after += beside
                before, beside = name, []
            yield Task(name, partial(close, [one.sql for one in run.closers], run.settings), after)
        for name, one in zip(analyses, self._filled, strict=True):
            tables = self._to_analyze(one)
            work = partial(analyze, tables) if tables else _nothing
            yield Task(name, work, (analyzed_after or before,), frozenset(tables), -1)

    def _statistics_tasks(
        self, close: Close, keys: Mapping[int, Sequence[str]], keyed: str
    ) -> Iterator[Task[LoadConnection]]:
        """After the keys of their tables; those of an index after all keys, for its table is not known."""
        where = {parts(table): number for table, number in self._where.items()}
        by_place: dict[int, list[Closer]] = defaultdict(list)
        for one in self._statistics.early:
            by_place[where.get(statistics.whose(one.sql), -1)].append(one)
        number = 0
        for place, closers in by_place.items():
            after = (*self._filled[place].after, *keys.get(place, ())) if place >= 0 else (keyed,)
            for batch in _cut(closers, _STATISTICS):
                yield Task(f"statistics {number}", partial(close, [one.sql for one in batch], ()), after)
                number += 1

    def _key_tasks(self, close: Close, rows: str) -> Iterator[tuple[int, Task[LoadConnection]]]:
        """Each with the place among what is filled of its table; -1 if it gets no rows."""
        filled: dict[int, str] = {}
        number = 0
        for (where, settings), statements in self._keys.items():
            one = self._filled[where] if where >= 0 else None
            after = rows
            if one and len(one.after) == 1:
                (after,) = one.after
            elif one:
                if where not in filled:
                    yield where, (gate := _Gate(f"rows {where}", one.after)).task
                    filled[where] = gate.name
                after = filled[where]
            alone = one is not None and not one.small
            for batch in [[one] for one in statements] if alone else [statements]:
                weight = one.size if one else 0
                work = partial(close, batch, settings)
                yield where, Task(f"key {number}", work, (after,), weight=weight)
                number += 1

    def _foreign_keys(
        self, run: _Run, number: int, close: Close, before: str
    ) -> Iterator[Task[LoadConnection]]:
        """One task for each; those of small tables share tasks, by the table that they refer to."""
        large: list[list[Closer]] = []
        small: dict[str, list[Closer]] = defaultdict(list)
        for one in run.closers:
            if self._is_small(one.tables[0]):
                small[one.tables[1]].append(one)
            else:
                large.append([one])
        together = _cut([one for each in small.values() for one in each], _FOREIGN_KEYS)
        for batch_number, batch in enumerate([*large, *together]):
            weight = max(self._size(table) for one in batch for table in one.tables)
            words = frozenset(table for one in batch for table in one.tables)
            work = partial(close, [one.sql for one in batch], run.settings)
            yield Task(f"foreign keys {number}.{batch_number}", work, (before,), words, weight)

    def _is_small(self, table: str) -> bool:
        where = self._where.get(table)
        return where is None or self._filled[where].small

    def _size(self, table: str) -> int:
        where = self._where.get(table)
        return 0 if where is None else self._filled[where].size


class _Statistics:
    """Statistics that the script sets, and of which tables."""

    def __init__(self) -> None:
        self.early: list[Closer] = []
        """To be set once the keys are there."""
        self._known: set[tuple[str, ...]] = set()
        self._extended: set[tuple[str, ...]] = set()
        self._refreshed: set[tuple[str, ...]] = set()

    def of(self, table: str) -> bool:
        """Whether the script holds all of a table's."""
        name = parts(table)
        return name in self._known and name not in self._extended

    def take(self, one: Closer, *, in_place: bool) -> bool:
        """Take note of a statement; return whether it is set early.

        Those of a view that post-data fills keep their place, and all do ``in_place``:
        where one might be of what post-data makes.
        """
        if one.what is Closing.REFRESH:
            self._refreshed.add(parts(one.tables[0]))
        self._extended.add(statistics.extended(one.sql))
        if one.what is not Closing.STATISTICS:
            return False
        whose = statistics.whose(one.sql)
        if statistics.of_a_column(one.sql):
            self._known.add(whose)
        if in_place or whose in self._refreshed:
            return False
        self.early.append(one)
        return True


class _Gate:
    """An empty task that waits for many, so that tasks which need them all wait for one."""

    def __init__(self, name: str, after: Sequence[str]) -> None:
        self.name = name
        self.task: Task[LoadConnection] = Task(name, _nothing, after)


def _cut(closers: Sequence[Closer], length: int) -> Iterator[Sequence[Closer]]:
    for start in range(0, len(closers), length):
        yield closers[start : start + length]


def _closers(events: Iterable[Event], before: Mapping[bytes, bytes]) -> Iterator[tuple[Closer, Settings]]:
    """Post-data's statements, each with the settings that stand before it."""
    settings = dict(before)
    now: Settings = tuple(settings.values())
    for event in events:
        if not isinstance(event, Statement):
            continue
        if is_setting(event.sql):
            settings[event.sql.partition(b"=")[0]] = event.sql
            now = tuple(settings.values())
        else:
            yield closer(event.sql), now
