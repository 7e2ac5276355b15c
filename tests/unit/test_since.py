"""How a moment in the logs is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mtn_tui.core.errors import UsageError
from mtn_tui.operations.common.logs import since

CHILE = timezone(timedelta(hours=-3))
NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2h", datetime(2026, 11, 24, 4, 30, tzinfo=UTC)),
        (" 90 s ", datetime(2026, 11, 24, 6, 28, 30, tzinfo=UTC)),
        ("7d", datetime(2026, 11, 17, 6, 30, tzinfo=UTC)),
        ("03:00", datetime(2026, 11, 24, 6, 0, tzinfo=UTC)),
        ("23:15", datetime(2026, 11, 24, 2, 15, tzinfo=UTC)),
        ("2026-11-24", datetime(2026, 11, 24, 3, 0, tzinfo=UTC)),
        ("2026-11-24 03:00", datetime(2026, 11, 24, 6, 0, tzinfo=UTC)),
        ("2026-11-24T03:00:10Z", datetime(2026, 11, 24, 3, 0, 10, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_as_people_write_it(text, moment):
    assert since(text, NOW, CHILE) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "25:00", "2026-13-01", "3w", "999999d", "-1h"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(UsageError):
        since(text, NOW, CHILE)
