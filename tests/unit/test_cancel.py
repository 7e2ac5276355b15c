"""A token is set once, seen by all, and its callbacks run once."""

from __future__ import annotations

import threading
import time

import pytest

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import Cancelled


def test_check_raises_once_it_was_cancelled_and_not_before():
    token = CancelToken()
    token.check()
    assert not token.cancelled
    token.cancel()
    assert token.cancelled
    with pytest.raises(Cancelled):
        token.check()


def test_a_callback_runs_once_however_often_it_is_cancelled():
    token, calls = CancelToken(), []
    with token.calling(lambda: calls.append(1)):
        token.cancel()
        token.cancel()
    assert calls == [1]


def test_a_callback_that_comes_too_late_runs_at_once():
    token, calls = CancelToken(), []
    token.cancel()
    with token.calling(lambda: calls.append(1)):
        assert calls == [1]
    assert calls == [1]


def test_after_the_block_nothing_is_called():
    token, calls = CancelToken(), []
    with token.calling(lambda: calls.append(1)):
        pass
    token.cancel()
    assert calls == []


def test_a_block_that_fails_is_forgotten_as_well():
    token, calls = CancelToken(), []
    with pytest.raises(ZeroDivisionError), token.calling(lambda: calls.append(1)):
        raise ZeroDivisionError
    token.cancel()
    assert calls == []


def test_nested_blocks_are_all_called():
    token, calls = CancelToken(), []
    with token.calling(lambda: calls.append("outer")), token.calling(lambda: calls.append("inner")):
        token.cancel()
    assert sorted(calls) == ["inner", "outer"]


def test_the_same_callback_in_two_blocks_leaves_with_each():
    token, calls = CancelToken(), []

    def callback():
        calls.append(1)

    with token.calling(callback):
        with token.calling(callback):
            pass
        token.cancel()
    assert calls == [1]


def test_a_callback_may_use_the_token():
    token, seen = CancelToken(), []
    with token.calling(lambda: (token.cancel(), seen.append(token.cancelled))):
        token.cancel()
    assert seen == [True]


def test_wait_tells_whether_it_was_cancelled():
    token = CancelToken()
    assert token.wait(0.001) is False
    token.cancel()
    assert token.wait(1000) is True


def test_a_waiter_wakes_when_another_thread_cancels():
    token = CancelToken()
    woken = []
    waiter = threading.Thread(target=lambda: woken.append(token.wait(1000)))
    waiter.start()
    token.cancel()
    waiter.join(60)
    assert woken == [True]


def test_no_callback_is_lost_between_threads_that_enter_and_one_that_cancels():
    token, called = CancelToken(), []
    started = threading.Barrier(9)

    def enter(number):
        started.wait()
        for turn in range(200):
            with token.calling(lambda turn=turn: called.append((number, turn))):
                if token.cancelled:
                    # Whoever is inside when it is set must have been told, at the latest just now.
                    deadline = time.monotonic() + 60
                    while (number, turn) not in called and time.monotonic() < deadline:
                        time.sleep(0.001)
                    assert (number, turn) in called
                    return

    threads = [threading.Thread(target=enter, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    started.wait()
    token.cancel()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert {number for number, _turn in called} == set(range(8))
