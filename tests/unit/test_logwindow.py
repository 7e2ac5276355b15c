"""What a screen of logs holds, while it moves and the logs grow."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.engine.logs import window as log_window
from mtn_tui.engine.logs.stream import Level, Pattern, Wanted
from mtn_tui.engine.logs.window import HELD, STEP, LogWindow, Search
from tests.unit.test_logs import Place, at, everything, place, texts

__all__ = ["place"]


def opened(place: Place, wanted: Wanted | None = None) -> LogWindow:
    window = LogWindow(place.open())
    if wanted is not None:
        window.wanted = wanted
    window.to_end()
    while not window.older():
        pass
    return window


def shown(window: LogWindow) -> list[str]:
    return texts(window.view().lines)


def test_it_opens_at_the_end_and_grows_with_it(place):
    place.write("x.log", *(at(second, f"line {second}") for second in range(STEP + 20)))
    window = opened(place)
    assert shown(window) == [f"line {second}" for second in range(20, STEP + 20)]
    assert (window.view().at_start, window.view().at_end) == (False, True)
    assert window.grow() is False
    place.write("x.log", at(9000, "new"))
    assert window.grow() is True
    assert shown(window)[-1] == "new"


@pytest.fixture(scope="module")
def three_logs(tmp_path_factory):
    """A place with three logs whose lines alternate, and all of its lines."""
    place = Place(tmp_path_factory.mktemp("window"))
    levels = ["INFO", "WARN", "ERROR"]
    for number in range(3):
        lines = [at(3 * second + number, f"{number} {second}", levels[second % 3]) for second in range(1100)]
        place.write(f"log{number}.log", *lines)
    return place, everything(place.open())


@given(st.lists(st.sampled_from("onoo"), max_size=25), st.sampled_from(["INFO", "WARN", "ERROR"]))
def test_it_is_always_one_piece_of_the_stream_wherever_it_moves(three_logs, moves, level):
    place, lines = three_logs
    wanted = Wanted(Level[level])
    window = opened(place, wanted)
    whole = [(line.file, line.start) for line in lines if wanted(line)]
    for move in moves:
        done = window.older() if move == "o" else window.newer()
        assert done
        view = window.view()
        held = [(line.file, line.start) for line in view.lines]
        assert 0 < len(held) <= HELD
        first = whole.index(held[0])
        assert held == whole[first : first + len(held)]
        assert not view.at_start or first == 0
        assert not view.at_end or held[-1] == whole[-1]


def test_a_flood_is_not_shown_line_by_line_but_by_its_end(place):
    place.write("x.log", at(0, "calm"))
    window = opened(place)
    place.write("x.log", *(at(second, f"flood {second}") for second in range(3 * HELD)))
    assert window.grow()
    assert shown(window)[-1] == f"flood {3 * HELD - 1}"
    assert len(shown(window)) <= HELD
    assert window.view().at_end
    assert window.grow() is False


def test_a_line_is_in_its_place_when_the_window_goes_there(place):
    place.write("x.log", *(at(second, f"line {second}") for second in range(5000)))
    window = opened(place)
    wanted = next(line for line in everything(place.open()) if line.text == "line 1234")
    window.to_line(wanted)
    window.older()
    assert shown(window)[-1] == "line 1234"
    window.newer()
    assert shown(window) == [f"line {number}" for number in range(1235 - STEP, 1235 + STEP)]


@pytest.mark.parametrize("forwards", [True, False])
def test_errors_of_one_moment_are_found_one_after_the_other(place, forwards):
    for name in ("a", "b", "c"):
        place.write(
            f"{name}.log", at(0, "fine"), at(5, f"{name}1", "ERROR"), "  trace", at(5, f"{name}2", "ERROR")
        )
    logs = place.open()
    errors = [line for line in everything(logs) if line.level is Level.ERROR and not line.follows]
    found, line = [], None
    while True:
        line, over = Search(logs, Wanted(), line, forwards=forwards).step()
        assert over
        if line is None:
            break
        found.append(line)
    assert found == (errors if forwards else errors[::-1])
    assert len(found) == 6


def test_a_search_keeps_to_what_is_asked_for(place):
    place.write("a.log", at(0, "one", "ERROR"), at(1, "two x", "ERROR"), at(2, "x", "WARN"))
    search = Search(place.open(), Wanted(pattern=Pattern("x")), None, forwards=True)
    assert search.step()[0].text == "two x"
    assert search.step() == (None, True)


def test_a_long_search_is_done_in_steps(place, monkeypatch):
    monkeypatch.setattr(log_window, "SEARCH_STEP", 1 << 16)
    place.write("x.log", at(0, "failed", "ERROR"), *(at(second, "fine " * 30) for second in range(5000)))
    logs = place.open()
    search = Search(logs, Wanted(), None, forwards=False)
    steps = 1
    while not (found := search.step())[1]:
        steps += 1
    assert found[0].text == "failed"
    assert steps > 5
    window = LogWindow(logs)
    window.wanted = replace(window.wanted, level=Level.ERROR)
    window.to_end()
    assert window.older() is False
    assert window.view().at_start is False
