"""How figures, moments and states are said to people."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import mtn_tui
from mtn_tui.cli.output import printable
from mtn_tui.core import i18n
from mtn_tui.core.models import JobState, Rung
from mtn_tui.operations.common import labels
from mtn_tui.operations.inventory import labels as copy_labels
from mtn_tui.operations.inventory.model import CopyStatus

NOW = datetime(2026, 9, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (None, "—"),
        (0, "0 Bytes"),
        (1, "1 Byte"),
        (999, "999 Bytes"),
        (4_200_000_000, "4.2 GB"),
        (10**15, "1.0 PB"),
    ],
)
def test_sizes_are_in_powers_of_ten(count, said):
    assert labels.size(count) == said


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(0), "0 min"),
        (timedelta(seconds=59), "0 min"),
        (timedelta(minutes=119, seconds=59), "119 min"),
        (timedelta(minutes=120), "2 h"),
        (timedelta(hours=47, minutes=59), "47 h"),
        (timedelta(hours=48), "2 d"),
        (timedelta(days=400), "400 d"),
        (timedelta(seconds=-1), "in the future"),
    ],
)
def test_an_age_is_in_the_unit_one_thinks_in(passed, said):
    assert labels.age(NOW - passed, NOW) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0:00"), (11, "0:11"), (59.6, "1:00"), (3599.7, "1:00:00"), (3723, "1:02:03"), (90061, "25:01:01")],
)
def test_a_wait_is_said_as_clocks_show_it(seconds, said):
    assert labels.clock(seconds) == said


def test_a_moment_is_local_and_has_its_offset():
    said = labels.moment(NOW)
    assert re.fullmatch(r"2026-09-1\d \d\d:\d\d [+-]\d\d(\d\d)?", said)
    local, _blank, offset = said.rpartition(" ")
    assert datetime.fromisoformat(local + offset) == NOW


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_rung_standing_and_state_has_a_word(language):
    i18n.use(language)
    said = [labels.rung(one) for one in Rung]
    said += [copy_labels.standing(one) for one in CopyStatus]
    said += [labels.state(one) for one in JobState]
    assert all(said)


def test_every_phase_of_every_operation_has_a_word():
    """A phase that is forgotten in the list is shown as the journal names it: with a hyphen, in English."""
    folder = Path(mtn_tui.__file__).parent / "operations"
    source = "\n".join(path.read_text("utf-8") for path in folder.rglob("*.py"))
    phases = set(re.findall(r'\.phase\(\s*"([^"]+)"', source))
    for stem in re.findall(r'\.phase\(\s*f"([a-z]+)-\{', source):
        phases |= {f"{stem}-disk", f"{stem}-bucket"}
    assert len(phases) >= 10
    assert [name for name in sorted(phases) if labels.phase(name) == name] == []


def test_an_unknown_phase_or_store_is_shown_as_it_is_named():
    assert (labels.phase("swap"), labels.store("tape")) == ("swap", "tape")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Admisión_MTN_DB ✔ 学校", "Admisión_MTN_DB ✔ 学校"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("two\nlines\r\t", "two\\nlines\\r\\t"),
        ("\x07\x7f\x9b\u2028\u202e", "\\x07\\x7f\\x9b\\u2028\\u202e"),
        ("\udcff", "\\udcff"),
    ],
)
def test_nothing_that_a_terminal_obeys_reaches_it(text, shown):
    assert printable(text) == shown
