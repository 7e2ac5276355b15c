"""What several threads send together stays below a rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import Cancelled, UsageError
from mtn_tui.operations.sync.limit import Limit, parse_rate


class Time(CancelToken):
    """A clock, and a token whose waits move it."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0.0

    def monotonic(self) -> float:
        return self.at

    def now(self):
        raise AssertionError

    def wait(self, seconds: float) -> bool:
        self.at += max(seconds, 0)
        return self.cancelled


@given(st.lists(st.tuples(st.integers(1, 10**7), st.floats(0, 5)), min_size=1), st.floats(1e3, 1e9))
def test_no_more_passes_than_the_rate_allows(pieces, rate):
    time = Time()
    limit = Limit(rate, time, time)
    for count, pause in pieces:
        time.at += pause
        limit.take(count)
    assert sum(count for count, _pause in pieces) <= rate * time.at * (1 + 1e-9)


def test_an_idle_while_is_not_made_up_for():
    time = Time()
    limit = Limit(100, time, time)
    time.at = 1000
    limit.take(500)
    assert time.at == 1005


def test_without_a_rate_nothing_waits_and_a_cancelled_job_stops():
    time = Time()
    limit = Limit(None, time, time)
    limit.take(10**12)
    assert time.at == 0
    time.cancel()
    with pytest.raises(Cancelled):
        limit.take(1)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("500k", 500e3), ("10M", 10e6), ("1.5 MB/s", 1.5e6), ("2g", 2e9), ("800", 800), (" 5MB ", 5e6)],
)
def test_rates_are_read(text, rate):
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "0", "fast", "-1M", "10T", "1,5M"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(UsageError):
        parse_rate(text)
