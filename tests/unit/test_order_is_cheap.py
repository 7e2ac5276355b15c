"""Keeping order costs in proportion to statements, in steps and in memory, whatever the keys lead to."""

from __future__ import annotations

import tracemalloc

import pytest

from mtn_tui.archive.statements import Statement
from mtn_tui.engine.tasks import Agenda, Task
from mtn_tui.operations.restore.post_data import ClosingTasks, Filled


def nothing(_worker):
    pass


def run_all(tasks, workers=3):
    """As so many workers do, in turn; the looks that it took."""
    agenda = Agenda(tasks)
    running = []
    while agenda.undone:
        while len(running) < workers and (task := agenda.take()) is not None:
            busy = [word for other in running for word in other.alone_on]
            assert task.alone_on.isdisjoint(busy)
            running.append(task)
        agenda.done(running.pop(0))
    assert agenda.take() is None
    return agenda.looks


def to_one_table(count):
    return [
        Task(f"key {n}", nothing, ("rows",), frozenset([f"t{n % (count // 4)}", "users"]), n % 7)
        for n in range(count)
    ] + [Task("rows", nothing)]


def two_tables_in_all_ways(count):
    words = [("a",), ("b",), ("a", "b")]
    return [Task(str(n), nothing, (), frozenset(words[n % 3]), n % 5) for n in range(count)]


def each_behind_all_rows(count):
    rows = [Task(f"rows {n}", nothing) for n in range(count)]
    gate = Task("all", nothing, [task.name for task in rows])
    return [*rows, gate, *(Task(f"key {n}", nothing, ("all",)) for n in range(count))]


def a_chain(count):
    return [Task(str(n), nothing, (str(n - 1),)) for n in range(count)]


SHAPES = [to_one_table, two_tables_in_all_ways, each_behind_all_rows, a_chain]


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_the_tasks_are_four_times_the_looks(shape):
    few, many = run_all(shape(500)), run_all(shape(2000))
    assert many < few * 5


def post_data(tables):
    for n in range(tables):
        table = f"public.t{n}"
        yield f"ALTER TABLE ONLY {table}\n    ADD CONSTRAINT p{n} PRIMARY KEY (id)"
        yield f"COMMENT ON INDEX public.p{n} IS 'one of many'"
    for n in range(4 * tables):
        table = f"public.t{n % tables}"
        yield (
            f"ALTER TABLE ONLY {table}\n    ADD CONSTRAINT f{n} FOREIGN KEY (u) REFERENCES public.users(id)"
        )
        yield f"COMMENT ON CONSTRAINT f{n} ON {table} IS 'one of many'"
    for n in range(4 * tables):
        yield f"GRANT SELECT ON TABLE public.t{n % tables} TO somebody"


def closing_tasks(tables, *, small, closed):
    size = 100 if small else 1
    filled = [
        Filled(
            tuple(f"public.t{n}" for n in range(start, start + size)),
            (f"data {start}", f"data {start} again"),
            start,
            small,
            frozenset(),
        )
        for start in range(0, tables, size)
    ]
    rows = [Task(name, nothing) for one in filled for name in one.after]
    events = (Statement(sql.encode()) for sql in post_data(tables))
    closing = ClosingTasks(events, filled, {})
    return [
        *rows,
        *closing.tasks(
            lambda several, _settings, _connection: closed.extend(several), lambda _tables, _connection: None
        ),
    ]


@pytest.mark.sample("small tables")
@pytest.mark.parametrize("small", [True, False], ids=["small tables", "large tables"])
def test_four_times_the_statements_are_four_times_the_looks_and_the_memory(small):
    """Keys to one table, with a comment each, and rights after them: memory is asked of the allocator."""
    looks, bytes_held = {}, {}
    for tables in (400, 1600):
        tracemalloc.start()
        tasks = closing_tasks(tables, small=small, closed=[])
        bytes_held[tables] = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        looks[tables] = run_all(tasks)
    assert looks[1600] < looks[400] * 5
    assert bytes_held[1600] < bytes_held[400] * 5
    statements = 14 * 1600
    assert bytes_held[1600] / statements < 1200


@pytest.mark.parametrize("small", [True, False], ids=["small tables", "large tables"])
def test_every_statement_is_executed_once_keys_before_comments_and_rights_last(small):
    closed = []
    for task in in_order(closing_tasks(400, small=small, closed=closed)):
        task.work(None)
    assert sorted(closed) == sorted(sql.encode() for sql in post_data(400))
    kinds = [sql.split()[0] for sql in closed]
    last_key = max(n for n, sql in enumerate(closed) if b"ADD CONSTRAINT" in sql)
    assert kinds.index(b"GRANT") > last_key
    assert closed.index(b"COMMENT ON INDEX public.p7 IS 'one of many'") > closed.index(
        b"ALTER TABLE ONLY public.t7\n    ADD CONSTRAINT p7 PRIMARY KEY (id)"
    )


def in_order(tasks):
    agenda = Agenda(tasks)
    while agenda.undone:
        yield (task := agenda.take())
        agenda.done(task)


def test_a_comment_between_foreign_keys_holds_none_of_them_up():
    tasks = closing_tasks(400, small=False, closed=[])
    foreign = [task for task in tasks if task.name.startswith("foreign")]
    assert len(foreign) == 1600
    assert len({task.after for task in foreign}) == 1
