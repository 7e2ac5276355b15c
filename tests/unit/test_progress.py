from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.engine.progress import STEADY_AFTER, WINDOW, Meter, Progress, Window
from mtn_tui.ui.text import job as job_text


class Clock:
    def __init__(self):
        self.seconds = 1000.0

    def now(self):
        return datetime(2026, 11, 24, 3, tzinfo=UTC)

    def monotonic(self):
        return self.seconds


def meter(total=None, unit="bytes"):
    clock = Clock()
    return clock, Meter("dump", total=total, unit=unit, clock=clock)


def go(clock, figure, seconds, per_second):
    looks = []
    for _quarter in range(int(seconds * 4)):
        clock.seconds += 0.25
        figure.done += per_second // 4
        looks.append(figure.snapshot())
    return looks


def test_there_is_no_rate_in_the_first_second_and_no_eta_in_the_first_five():
    clock, figure = meter(total=100_000)
    looks = go(clock, figure, 10, 400)
    assert [look.rate for look in looks[:3]] == [None] * 3
    assert looks[3].rate == pytest.approx(400)
    early = int(STEADY_AFTER * 4) - 1
    assert [look.eta for look in looks[:early]] == [None] * early
    assert looks[early].eta == pytest.approx((100_000 - looks[early].done) / 400)


def test_the_rate_forgets_what_is_older_than_two_minutes():
    clock, figure = meter(total=10_000_000)
    go(clock, figure, 600, 40_000)
    looks = go(clock, figure, WINDOW, 400)
    assert looks[-1].rate == pytest.approx(400, rel=0.01)


def test_a_stall_has_a_falling_rate_and_no_eta():
    clock, figure = meter(total=10_000_000)
    go(clock, figure, 60, 4000)
    looks = go(clock, figure, WINDOW + 2, 0)
    rates = [look.rate for look in looks]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 0
    assert looks[len(looks) // 2].eta is None
    assert looks[-1].eta is None


def test_an_eta_is_not_told_while_the_rate_jumps():
    clock, figure = meter(total=10_000_000)
    go(clock, figure, 10, 400)
    assert go(clock, figure, 10, 40_000)[-1].eta is None


def test_without_a_total_there_is_a_rate_and_no_eta():
    clock, figure = meter(unit="rows")
    look = go(clock, figure, 10, 400)[-1]
    assert (look.phase, look.unit, look.total, look.eta) == ("dump", "rows", None, None)
    assert look.rate == pytest.approx(400)


def test_at_its_total_nothing_remains_and_beyond_it_nobody_knows():
    clock, figure = meter(total=400)
    assert go(clock, figure, 1, 400)[-1].eta == 0
    figure.total = 399
    look = figure.snapshot()
    assert (look.done, look.total, look.eta) == (400, None, None)


def test_looks_hours_apart_still_give_the_rate_of_the_last_two_minutes():
    window = Window(0.0)
    window.sample(10_000.0, 1_000_000)
    assert window.rate() == pytest.approx(100)
    window.sample(10_000.0 + WINDOW, 1_000_000)
    assert window.rate() == pytest.approx(0)


@given(st.lists(st.tuples(st.floats(0.0, 500.0), st.integers(0, 10**12)), max_size=60))
def test_a_rate_is_never_negative_and_never_above_the_fastest_moment(steps):
    window = Window(0.0)
    now, done, fastest = 0.0, 0, 0.0
    for seconds, amount in steps:
        now += seconds + 0.01
        done += amount
        fastest = max(fastest, amount / (seconds + 0.01))
        window.sample(now, done)
        rate = window.rate()
        assert rate is None or 0 <= rate <= fastest * 1.0001 + 1e-6
        window.steady()


def test_nothing_done_yet_is_no_figure():
    progress = Progress("dump", 0, 2_000_000, "bytes", None, None)
    assert job_text._figures(progress)[1] == []
