"""What the clocks show where a test runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest


@pytest.fixture
def about_noon() -> Iterator[None]:
    """In the test and in what it starts it is between twelve and one, whatever the hour elsewhere.

    What is made one after the other is of one day so, and of one week.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", f"NOON{datetime.now(UTC).hour - 12:+d}")
        time.tzset()
        yield
    time.tzset()
