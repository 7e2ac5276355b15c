"""Tasks run after those they wait for, never two on one thing, and the first error ends them all."""

from __future__ import annotations

import random
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import Cancelled
from mtn_tui.engine.tasks import Task, run_tasks


class Trouble(Exception):
    pass


@pytest.fixture(autouse=True)
def nobody_is_left_behind():
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("mtn-")] == []


def run(tasks, workers=2, token=None, on_stop=lambda: None):
    run_tasks(tasks, list(range(workers)), token or CancelToken(), on_stop)


class Record:
    """What ran, from when to when, by whom."""

    def __init__(self):
        self.lock = threading.Lock()
        self.clock = 0
        self.began = {}
        self.ended = {}
        self.by = {}

    def task(self, name, after=(), alone_on=(), weight=0):
        def work(worker):
            with self.lock:
                self.clock += 1
                self.began[name] = self.clock
                self.by[name] = worker
            time.sleep(0.0005)
            with self.lock:
                self.clock += 1
                self.ended[name] = self.clock

        return Task(name, work, frozenset(after), frozenset(alone_on), weight)


@given(st.integers(0, 25), st.integers(1, 5), st.randoms(use_true_random=False))
def test_whatever_the_graph_all_is_done_once_in_order_and_alone(count, workers, chance: random.Random):
    record = Record()
    tasks = [
        record.task(
            str(number),
            after=[str(chance.randrange(number)) for _ in range(chance.randrange(3)) if number],
            alone_on=[chance.choice("abc") for _ in range(chance.randrange(3))],
            weight=chance.randrange(5),
        )
        for number in range(count)
    ]
    chance.shuffle(tasks)
    run(tasks, workers)
    assert set(record.ended) == {task.name for task in tasks}
    for task in tasks:
        assert all(record.ended[name] < record.began[task.name] for name in task.after)
        for other in tasks:
            if other is not task and other.alone_on & task.alone_on:
                apart = (
                    record.ended[other.name] < record.began[task.name]
                    or record.ended[task.name] < record.began[other.name]
                )
                assert apart, (task.name, other.name)


def test_the_heaviest_that_can_run_goes_first():
    record = Record()
    run([record.task("light", weight=1), record.task("heavy", weight=9), record.task("mid", weight=5)], 1)
    assert sorted(record.began, key=record.began.get) == ["heavy", "mid", "light"]


def test_tasks_of_equal_weight_keep_their_order():
    record = Record()
    run([record.task(name) for name in "abcd"], 1)
    assert sorted(record.began, key=record.began.get) == list("abcd")


def test_workers_work_at_the_same_time():
    both = threading.Barrier(2)
    run([Task(name, lambda _worker: both.wait(60)) for name in "ab"])


def test_each_worker_has_one_task_at_a_time():
    busy, together = set(), []

    def work(worker):
        together.append(worker in busy)
        busy.add(worker)
        time.sleep(0.001)
        busy.discard(worker)

    run([Task(str(number), work) for number in range(40)], 3)
    assert together == [False] * 40


def test_a_name_that_no_task_has_counts_as_done():
    record = Record()
    run([record.task("a", after=["never heard of"])])
    assert record.ended


def test_nothing_to_do_is_done():
    run([])


def test_a_circle_is_an_error_and_not_a_wait_for_ever():
    record = Record()
    circle = [record.task("a", after=["b"]), record.task("b", after=["a"]), record.task("c")]
    with pytest.raises(ValueError, match="circle"):
        run(circle)
    assert set(record.ended) == {"c"}


def test_a_task_that_waits_for_itself_is_a_circle():
    with pytest.raises(ValueError, match="circle"):
        run([Record().task("a", after=["a"])])


def test_the_first_error_stops_the_others_and_is_raised_whole():
    """The second task ends only because it was stopped; what that does to it is not told."""
    stopped = threading.Event()
    begun = threading.Event()
    trouble = Trouble("first")
    record = Record()

    def fails(_worker):
        assert begun.wait(60)
        raise trouble

    def stops(_worker):
        begun.set()
        assert stopped.wait(60)
        raise Trouble("because it was stopped")

    waiting = record.task("never", after=["fails"])
    with pytest.raises(Trouble) as raised:
        run([Task("fails", fails), Task("stops", stops), waiting], on_stop=stopped.set)
    assert raised.value is trouble
    assert record.began == {}


def test_on_stop_is_called_once():
    calls = []

    def fails(_worker):
        raise Trouble

    with pytest.raises(Trouble):
        run([Task(str(number), fails) for number in range(8)], 4, on_stop=lambda: calls.append(1))
    assert calls == [1]


def test_on_stop_is_not_called_where_all_went_well():
    calls = []
    run([Record().task("a")], on_stop=lambda: calls.append(1))
    assert calls == []


def test_an_interrupt_of_a_task_is_raised_as_well():
    def interrupts(_worker):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([Task("a", interrupts)])


def test_cancelling_stops_what_runs_and_begins_nothing_more():
    token, stopped, begun = CancelToken(), threading.Event(), threading.Event()
    record = Record()

    def works(_worker):
        begun.set()
        assert stopped.wait(60)
        raise Trouble("because it was stopped")

    threading.Thread(target=lambda: (begun.wait(60), token.cancel())).start()
    with pytest.raises(Cancelled):
        run([Task("works", works), record.task("never", after=["works"])], token=token, on_stop=stopped.set)
    assert record.began == {}


def test_a_token_that_is_set_already_begins_nothing():
    token, record = CancelToken(), Record()
    token.cancel()
    with pytest.raises(Cancelled):
        run([record.task("a")], token=token)
    assert record.began == {}
