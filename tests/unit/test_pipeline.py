import gc
import os
import random
import threading
import time
import traceback
import weakref
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import Cancelled
from mtn_tui.engine.pipeline import background, ordered_map


class Trouble(Exception):
    pass


def ours():
    return [thread for thread in threading.enumerate() if thread.name.startswith("mtn-")]


@pytest.fixture(autouse=True)
def nobody_is_left_behind():
    assert ours() == []
    yield
    assert ours() == []


def each(results, act):
    for result in results:
        act(result)


def run(source, work, *, workers=2, depth=4, token=None, on_stop=None):
    return ordered_map(
        source, work, workers=workers, depth=depth, token=token or CancelToken(), on_stop=on_stop
    )


@given(
    st.lists(st.integers(min_value=0, max_value=3), max_size=40),
    st.integers(min_value=1, max_value=5),
    st.integers(min_value=1, max_value=9),
)
def test_results_come_out_in_the_sources_order(pauses, workers, depth):
    def work(numbered):
        number, pause = numbered
        time.sleep(pause / 5000)
        return number

    assert list(run(enumerate(pauses), work, workers=workers, depth=depth)) == list(range(len(pauses)))
    assert ours() == []


def test_each_stage_has_its_own_threads_and_the_source_is_closed_on_its_own():
    seen = {}

    def source():
        try:
            for number in range(20):
                seen.setdefault("source", threading.current_thread())
                yield number
        finally:
            seen["closed"] = threading.current_thread()

    def work(number):
        seen.setdefault("work", threading.current_thread())
        return number

    with closing(run(source(), work)) as results:
        assert next(results) == 0
    assert seen["source"] is seen["closed"]
    assert len({seen["source"], seen["work"], threading.current_thread()}) == 3


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_never_more_than_depth_items_are_in_flight(depth):
    lock = threading.Lock()
    begun = ended = most = 0

    def source():
        nonlocal begun, most
        for number in range(200):
            with lock:
                begun += 1
                most = max(most, begun - ended)
            yield number

    for _number in run(source(), lambda number: number, workers=3, depth=depth):
        if random.random() < 0.1:
            time.sleep(0.001)
        with lock:
            ended += 1
    assert most <= depth
    assert begun == 200


def test_what_was_handed_out_is_not_kept_alive():
    class Block:
        pass

    born = []

    def source():
        for _number in range(3):
            block = Block()
            born.append(weakref.ref(block))
            yield block
            del block

    for block in run(source(), lambda block: block, depth=1):
        del block
    gc.collect()
    assert [ref() for ref in born] == [None, None, None]


def test_nothing_starts_before_the_first_result_is_asked_for():
    started = []
    results = run((started.append(1) for _ in range(3)), lambda item: item)
    assert ours() == []
    results.close()
    assert started == []


def test_an_empty_source_gives_nothing():
    assert list(run([], lambda item: item)) == []


@pytest.mark.parametrize(("workers", "depth"), [(0, 1), (1, 0)])
def test_no_workers_or_no_room_is_refused(workers, depth):
    with pytest.raises(ValueError, match="counted from 1"):
        run([], lambda item: item, workers=workers, depth=depth)


def test_the_sources_error_reaches_the_caller_whole():
    trouble = Trouble("the child died")

    def reading_that_fails():
        yield 1
        raise trouble

    with pytest.raises(Trouble) as caught:
        list(run(reading_that_fails(), lambda item: item))
    assert caught.value is trouble
    assert "reading_that_fails" in "".join(traceback.format_exception(caught.value))


def test_the_works_error_reaches_the_caller_whole_and_closes_the_source():
    trouble = Trouble()
    closed = threading.Event()

    def source():
        try:
            yield from range(1000)
        finally:
            closed.set()

    def work_that_fails(number):
        if number == 7:
            raise trouble
        return number

    got = []
    with pytest.raises(Trouble) as caught:
        each(run(source(), work_that_fails), got.append)
    assert caught.value is trouble
    assert "work_that_fails" in "".join(traceback.format_exception(caught.value))
    assert closed.is_set()
    assert got == list(range(len(got)))


def test_a_source_that_cannot_be_iterated_is_the_callers_error():
    with pytest.raises(TypeError):
        list(run(3, lambda item: item))


def test_a_read_that_blocks_is_freed_by_on_stop_when_the_work_fails():
    reading, writing = os.pipe()
    stops = []

    def source():
        yield b"first"
        while piece := os.read(reading, 10):
            yield piece
        raise Trouble("a consequence, which nobody should hear of")

    def work(piece):
        raise KeyError(piece)

    def on_stop():
        stops.append(threading.current_thread())
        os.close(writing)

    with pytest.raises(KeyError):
        list(run(source(), work, on_stop=on_stop))
    os.close(reading)
    assert stops == [threading.current_thread()]


def test_on_stop_is_not_called_after_a_good_end():
    assert list(run(range(9), str, on_stop=lambda: pytest.fail("it was called"))) == [*"012345678"]


def test_a_caller_who_leaves_early_stops_everything():
    stops = []
    with closing(run(iter(int, 1), lambda item: item, on_stop=lambda: stops.append(1))) as results:
        for _number, _item in zip(range(5), results, strict=False):
            pass
    assert stops == [1]
    assert ours() == []


def test_an_error_of_the_caller_stops_everything():
    def trip(_item):
        raise Trouble

    with pytest.raises(Trouble), closing(run(iter(int, 1), lambda item: item)) as results:
        each(results, trip)


def test_cancel_wakes_a_caller_who_waits_for_a_blocked_source():
    reading, writing = os.pipe()
    token = CancelToken()

    def source():
        while piece := os.read(reading, 10):
            yield piece

    timer = threading.Timer(0.05, token.cancel)
    timer.start()
    with pytest.raises(Cancelled):
        list(run(source(), lambda piece: piece, token=token, on_stop=lambda: os.close(writing)))
    timer.join()
    os.close(reading)


@pytest.mark.parametrize("then", ["an error", "an early end"])
def test_what_a_cancelled_source_does_is_told_as_cancelled(then):
    """A child killed by the cancel looks like a child that died, or like one that is through."""
    token = CancelToken()
    killed = threading.Event()

    def source():
        yield 1
        killed.wait(30)
        if then == "an error":
            raise Trouble("pg_dump died")

    with token.calling(killed.set), pytest.raises(Cancelled):
        each(run(source(), lambda item: item, token=token), lambda _item: token.cancel())


def test_a_token_that_was_cancelled_before_lets_nothing_through():
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        list(run(range(5), lambda item: pytest.fail("it was worked on"), token=token, depth=1))


def test_a_failure_before_the_cancel_stays_the_failure():
    token = CancelToken()
    failed = threading.Event()

    def source():
        yield 1
        try:
            raise Trouble
        finally:
            failed.set()

    def cancel_too_late(_item):
        failed.wait(30)
        while any(thread.name == "mtn-source" for thread in threading.enumerate()):
            time.sleep(0.001)
        token.cancel()

    with pytest.raises(Trouble):
        each(run(source(), lambda item: item, token=token), cancel_too_late)


@given(
    where=st.sampled_from(
        ["source", "work", "caller", "cancel in source", "cancel in work", "cancel", "close"]
    ),
    when=st.integers(min_value=0, max_value=60),
    workers=st.integers(min_value=1, max_value=4),
    depth=st.integers(min_value=1, max_value=8),
)
def test_whatever_stops_it_anywhere_nothing_is_left_and_the_order_held(where, when, workers, depth):
    token = CancelToken()
    closed = []
    got = []

    def maybe(stage, number):
        if number == when and where == stage:
            raise Trouble(stage)
        if number == when and where == f"cancel in {stage}":
            token.cancel()

    def source():
        try:
            for number in range(60):
                maybe("source", number)
                yield number
        finally:
            closed.append(threading.current_thread().name)

    def work(number):
        maybe("work", number)
        return number

    ended = "whole"
    try:
        with closing(run(source(), work, workers=workers, depth=depth, token=token)) as results:
            for number in results:
                got.append(number)
                maybe("caller", number)
                if number == when and where == "cancel":
                    token.cancel()
                if number == when and where == "close":
                    break
    except (Trouble, Cancelled) as error:
        ended = type(error).__name__
    assert ours() == []
    assert closed == ["mtn-source"]
    assert got == list(range(len(got)))
    if when >= 60 or where == "close":
        assert ended == "whole"
    elif where.startswith("cancel"):
        assert ended == "Cancelled"
    else:
        assert ended == "Trouble"


def test_cancelled_at_any_moment_it_ends_and_leaves_nobody():
    for _round in range(60):
        token = CancelToken()
        timer = threading.Timer(random.random() / 100, token.cancel)
        timer.start()
        with pytest.raises(Cancelled):
            for _item in run(iter(int, 1), lambda item: item, workers=3, token=token):
                pass
        timer.join()
        assert ours() == []


def test_runs_can_stand_one_in_another():
    inner = run(range(50), lambda number: number + 1)
    assert list(run(inner, lambda number: number * 2)) == [2 * (number + 1) for number in range(50)]


def test_background_work_gives_its_result():
    with background(lambda: 42, "mtn-upload") as handle:
        assert handle.result(30) == 42
    assert handle.done


def test_background_work_gives_its_error_whole():
    trouble = Trouble()

    def failing_upload():
        raise trouble

    with pytest.raises(Trouble) as caught:
        background(failing_upload, "mtn-upload").result(30)
    assert caught.value is trouble
    assert "failing_upload" in "".join(traceback.format_exception(caught.value))


def test_background_work_goes_on_when_its_result_is_late():
    gate = threading.Event()
    handle = background(gate.wait, "mtn-upload")
    with pytest.raises(TimeoutError, match="mtn-upload"):
        handle.result(0.01)
    assert not handle.done
    gate.set()
    assert handle.result(30) is True
