"""The logs on the screen: followed, narrowed, searched, shown and never obeyed."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta

import pytest

from mtn_tui.core import i18n
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.data.log_reader import LogsSeen
from mtn_tui.ui.screens.logs import Logs
from tests.operation_fixtures import Practice
from tests.ui.pilots import LARGE, SMALL, nothing_begins, operate

START = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


def at(seconds: float, text: str, level: str = "INFO") -> str:
    moment = (START + timedelta(seconds=seconds)).astimezone()
    return f"{moment.isoformat(timespec='seconds')} {level:<5} {text}"


def log(practice: Practice, name: str, *lines: str) -> None:
    with (practice.root / "logs" / name).open("a") as file:
        file.write("".join(line + "\n" for line in lines))


@pytest.fixture
def practice(pg18, new_database, practise) -> Practice:
    made = practise(new_database(pg18), MINIO_ENDPOINT="")
    log(
        made,
        "diff-backup_20261124_030000.log",
        at(0, "started"),
        at(4, "upload-failed reason=refused", "WARN"),
        at(41, "failed error=NoSpace", "ERROR"),
        "  Traceback, line 1",
    )
    log(made, "restore_20261124_030010.log", at(10, "phase name=load"), at(50, "done"))
    return made


def app_of(practice: Practice, **how: bool) -> MtnApp:
    return MtnApp(practice.context, nothing_begins, **how)


def chosen(operator) -> str:
    screen = operator.app.screen
    assert isinstance(screen, Logs)
    return screen.log_line.text if screen.log_line else ""


def drive(practice: Practice, flow, size=SMALL) -> None:
    app = app_of(practice)

    async def begin(operator):
        await operator.press("4")
        await operator.until(lambda: isinstance(app.screen, Logs) and len(operator.rows) > 1, "logs")
        await flow(operator)

    operate(app, begin, size)


def test_all_logs_are_one_list_by_time_with_the_newest_chosen(practice):
    async def flow(operator):
        await operator.sees("follow on", "errors and warnings 2", "▸4 Logs")
        assert [row.split()[1:4] for row in operator.rows[1:]] == [
            ["diff-backup", "INFO", "started"],
            ["diff-backup", "WARN", "The"],
            ["restore", "INFO", "phase"],
            ["diff-backup", "ERROR", "failed"],
            ["line", "1"],
            ["restore", "INFO", "done"],
        ]
        assert f"{START.astimezone():%Y-%m-%d}" in operator.rows[0]
        assert chosen(operator) == "done"

    drive(practice, flow)


def test_new_lines_come_by_themselves_until_one_looks_back(practice):
    async def flow(operator):
        log(practice, "restore_20261124_030010.log", at(60, "more"))
        await operator.until(lambda: chosen(operator) == "more")
        await operator.press("up")
        await operator.sees("follow off")
        log(practice, "full-backup_20261124_040000.log", at(3600, "another run"))
        assert chosen(operator) == "done"
        await operator.press("f")
        await operator.until(lambda: chosen(operator) == "another run")
        await operator.sees("follow on")
        await operator.press("up")
        log(practice, "full-backup_20261124_040000.log", at(3601, "last"))
        await operator.press("end")
        await operator.until(lambda: chosen(operator) == "last")

    drive(practice, flow)


def test_lines_that_come_right_after_one_looked_back_take_nobody_to_the_end(practice):
    async def flow(operator):
        screen = operator.app.screen
        assert chosen(operator) == "done"
        screen.rows.action_go(-1)
        screen._seen(LogsSeen(screen._view, (), None, searching=False))
        assert chosen(operator) != "done"

    drive(practice, flow)


def test_level_source_and_pattern_narrow_it(practice):
    async def flow(operator):
        await operator.press("l")
        await operator.until(lambda: len(operator.rows) == 4)
        await operator.sees("warnings and errors")
        await operator.press("l")
        await operator.until(lambda: len(operator.rows) == 3)
        await operator.press("l")
        await operator.until(lambda: len(operator.rows) == 7)
        await operator.press("slash", *"name=lo(a|x)d", "enter")
        await operator.until(lambda: len(operator.rows) == 2)
        await operator.sees("/ name=lo(a|x)d")
        await operator.press("slash", *"done", "enter")  # in place of what is there
        await operator.sees("/ done ·")
        await operator.press("escape")
        await operator.until(lambda: len(operator.rows) == 7)
        await operator.press("s")
        await operator.sees("Which logs?", "diff-backup", "restore")
        await operator.press("down", "down", "enter")
        await operator.until(lambda: len(operator.rows) == 3)
        await operator.sees("restore · follow on")

    drive(practice, flow)


def test_an_invalid_pattern_is_told_and_changes_nothing(practice):
    async def flow(operator):
        await operator.press("slash", "(", "enter")
        await operator.sees("( is not a regular expression")
        await operator.press("escape")
        assert len(operator.rows) == 7

    drive(practice, flow)


def test_a_pattern_that_takes_too_long_is_given_up_and_all_is_shown_again(practice):
    log(practice, "restore.log", at(30, "a" * 200))

    async def flow(operator):
        await operator.press("slash", *"(a|aa)+b", "enter")
        await operator.sees("(a|aa)+b takes too long.")
        await operator.press("escape")
        await operator.until(lambda: len(operator.rows) == 8, "all lines")
        await operator.sees("follow on")

    drive(practice, flow)


def test_e_goes_to_the_next_error_however_far(practice):
    log(
        practice,
        "restore_20261124_030010.log",
        *(at(100 + second, f"line {second}") for second in range(9000)),
    )
    log(practice, "restore_20261124_030010.log", at(9500, "failed late", "ERROR"), at(9501, "end"))

    async def flow(operator):
        await operator.until(lambda: chosen(operator) == "end")
        await operator.press("E")
        await operator.until(lambda: chosen(operator) == "failed late")
        await operator.press("E")
        await operator.until(lambda: chosen(operator) == "failed error=NoSpace")
        await operator.press("E")
        await operator.sees("No error before this one.")
        await operator.press("e")
        await operator.until(lambda: chosen(operator) == "failed late")
        await operator.press("e")
        await operator.sees("No error after this one.")
        assert chosen(operator) == "failed late"

    drive(practice, flow)


def test_e_finds_an_error_that_came_since_one_looked_back(practice):
    async def flow(operator):
        await operator.until(lambda: chosen(operator) == "done")
        await operator.press("up")
        await operator.sees("follow off")
        log(practice, "restore_20261124_030010.log", at(100, "failed anew", "ERROR"))
        await operator.press("e")
        await operator.until(lambda: chosen(operator) == "failed anew")

    drive(practice, flow)


def test_one_scrolls_back_through_more_than_is_held(practice):
    log(
        practice,
        "restore_20261124_030010.log",
        *(at(100 + second, f"line {second}") for second in range(4000)),
    )

    async def flow(operator):
        await operator.until(lambda: chosen(operator) == "line 3999")
        for _turn in range(1000):
            if chosen(operator) == "started":
                break
            await operator.press("home")
            await operator.pilot.pause(0.02)
            await operator.press("up")
            if operator.app.screen.rows.index == 0:
                await operator.press("down")
        assert chosen(operator) == "started"
        assert len(operator.rows) <= 2010

    drive(practice, flow)


def test_a_hostile_line_is_shown_and_breaks_nothing(practice):
    hostile = "\x1b]52;c;aGk=\x07\x1b[2J[bold red]x[/] \u202erev " + "日本" * 200 + "\x00"
    log(practice, "restore_20261124_030010.log", at(60, hostile, "WARN"), "\r\x9b31m" + "y" * 9000)

    async def flow(operator):
        await operator.sees("\\x1b]52;c;aGk=\\x07", "[bold red]x[/]", "\\u202erev")
        await operator.press("w")
        await operator.pilot.pause()
        await operator.press("up", "up")
        for line in operator.lines():
            assert "\x1b" not in line
            assert "\u202e" not in line
        assert operator.lines()[0].startswith(" MTN ")

    drive(practice, flow)


def test_long_lines_are_wrapped_or_cut(practice):
    log(practice, "restore_20261124_030010.log", at(60, "long " + "word " * 40 + "tail"))

    async def flow(operator):
        await operator.until(lambda: len(operator.rows) == 8)
        assert operator.rows[-1].endswith("…")
        await operator.press("w")
        await operator.until(lambda: operator.rows[-1].rstrip().endswith("tail"))
        assert len(operator.rows) > 9
        assert all(len(row) <= 80 for row in operator.rows)
        await operator.press("w")
        await operator.until(lambda: len(operator.rows) == 8)

    drive(practice, flow)


def test_copying_says_what_was_sent_and_does_not_claim_more(practice):
    async def flow(operator):
        await operator.press("y")
        await operator.sees("Sent to the clipboard:")
        assert operator.app.clipboard.endswith("restore  INFO  done")

    drive(practice, flow, LARGE)


def test_what_cannot_be_read_is_said_beside_the_rest(practice):
    (practice.root / "state").mkdir(exist_ok=True)
    (practice.root / "state" / "jobs").write_text("")

    async def flow(operator):
        await operator.sees("Not readable (Not a directory)", "started")

    drive(practice, flow)


def test_no_logs_at_all(pg18, new_database, practise):
    app = app_of(practise(new_database(pg18), MINIO_ENDPOINT=""))

    async def flow(operator):
        await operator.press("4")
        await operator.sees("Nothing was logged yet.")
        await operator.press("y", "o", "e", "E", "w", "l", "f", "home", "end", "up")
        await operator.sees("4 Logs")

    operate(app, flow)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_footer_and_heading_fit_an_80_column_screen(practice, language):
    async def flow(operator):
        i18n.use(language)
        operator.app.draw()
        await operator.pilot.pause()
        footer = operator.lines()[-1]
        assert footer.count("?") == 1
        assert "[e] " in footer
        assert max(map(len, operator.lines())) <= 80

    drive(practice, flow)


@pytest.mark.slow
def test_any_keys_in_any_order_harm_nothing(practice):
    log(practice, "restore_20261124_030010.log", *(at(60 + second, f"x{second}") for second in range(1200)))
    keys = [
        "up",
        "down",
        "pageup",
        "pagedown",
        "home",
        "end",
        "f",
        "l",
        "s",
        "slash",
        "e",
        "E",
        "w",
        "y",
        "o",
        "enter",
        "escape",
        "backspace",
        "r",
        "4",
        "j",
        "2",
        "x",
        "(",
        "T",
        "L",
    ]
    chance = random.Random(20261124)

    async def flow(operator):
        for turn in range(150):
            if turn % 20 == 0:
                log(practice, "restore_20261124_030010.log", at(5000 + turn, "grows", "ERROR"))
            await operator.press(chance.choice(keys))
        for _turn in range(5):
            await operator.press("escape")
        await operator.press("4")
        await operator.until(lambda: isinstance(operator.app.screen, Logs))
        assert operator.app.fault is None

    drive(practice, flow)


def test_going_to_and_fro_keeps_one_reader(practice):
    def readers():
        return [thread for thread in threading.enumerate() if thread.name == "mtn-ui-logs"]

    async def flow(operator):
        for key in "j4j4j4":
            await operator.press(key)
        assert isinstance(operator.app.screen, Logs)
        assert len(readers()) == 1
        await operator.press("2")
        await operator.until(lambda: not readers())

    drive(practice, flow)


def test_from_a_date_the_next_error_is_the_first_below_it(practice):
    log(practice, "restore_20261124_030010.log", at(86400 * 3, "failed at once", "ERROR"))

    async def flow(operator):
        await operator.until(lambda: chosen(operator) == "failed at once")
        await operator.press("up")
        assert chosen(operator) == ""
        await operator.press("e")
        await operator.until(lambda: chosen(operator) == "failed at once")
        await operator.press("up", "E")
        await operator.until(lambda: chosen(operator) == "failed error=NoSpace")

    drive(practice, flow)


def test_a_flood_of_lines_is_followed_by_its_end(practice):
    async def flow(operator):
        for burst in range(5):
            lines = [at(100 + burst, f"flood {burst} {number}") for number in range(3000)]
            log(practice, "restore_20261124_030010.log", *lines)
        await operator.until(lambda: chosen(operator) == "flood 4 2999")
        assert len(operator.rows) <= 2010
        await operator.press("E")
        await operator.until(lambda: chosen(operator) == "failed error=NoSpace")

    drive(practice, flow)


@pytest.mark.sample("9", "13", "17")
@pytest.mark.parametrize("count", range(9, 18))
def test_what_a_pattern_leaves_is_all_in_view_however_many_lines_it_is(practice, count):
    """Also where they fill the list to the row, while the end of all is followed."""
    log(practice, "sync_20261124_040000.log", *[at(100 + n, f"copied file={n}") for n in range(200)])
    log(practice, "drill_20261124_050000.log", *[at(900 + n, f"tried step={n:03}") for n in range(count)])
    log(practice, "sync_20261124_060000.log", *[at(2000 + n, f"copied file={n}") for n in range(200)])

    async def flow(operator):
        await operator.press("slash", *"tried", "enter")
        await operator.until(lambda: len(operator.rows) == count + 1, "the lines that match")
        await operator.sees(f"tried step={count - 1:03}")
        room = operator.app.screen.rows.rows_of_lines
        drawn = "\n".join(operator.lines()[: room + 4])
        shown = [n for n in range(count) if f"tried step={n:03}" in drawn]
        assert len(shown) >= min(count, room - 1), drawn

    drive(practice, flow)
