"""The checklist: what is true, at once; keys that are answered whatever hangs; and what can be done."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from mtn_tui.core import i18n, suggested
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Rung
from mtn_tui.operations.audit import trail
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health import last_known
from mtn_tui.operations.health.catalogue import BY_ID
from mtn_tui.operations.health.runner import Result
from mtn_tui.operations.health.sign_off import last_sign_off
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens.checklist import Checklist
from tests.ui.installed import MACHINE, NOW, Installed
from tests.ui.looks import lifelike, saying
from tests.ui.pilots import LARGE, SMALL, looked, nothing_begins, operate
from tests.ui.states import usual

OLD = "2 d old, of 2026-11-22 02:00 -03, 4.2 GB; the limit is 26 h."
NO_FULL = Check("full", Status.FAIL, OLD, "Make one now: mtn backup full", "6.2", fix=("backup", "full"))
NO_DIFF = Check("differentials", Status.WARN, "None today.", "Make one now.", "7.6", fix=("backup", "diff"))
SILENT = Check(
    "server", Status.FAIL, "PostgreSQL at db1:5432 does not answer.", "See whether it runs.", "7.3"
)


@pytest.fixture
def made(tmp_path):
    made = Installed(tmp_path / "mtn")
    usual(made)
    return made


def app_of(made, begin=nothing_begins, **options):
    return MtnApp(made.context, begin, machine=MACHINE, **options)


def asked(arguments):
    def begin(given):
        arguments.append(list(given))
        return "q2nr5tdw"

    return begin


def at_the_checklist(app, flow, size=SMALL):
    async def then(operator):
        await looked(operator)
        await flow(operator)

    operate(app, then, size, at="1")


def row_of(operator, title):
    (line,) = (line for line in operator.rows if title in line)
    return line


def test_it_opens_first_and_shows_the_last_known_state_with_its_age_while_every_check_hangs(made, looks):
    hours_ago = NOW - timedelta(hours=3)
    known = [Result(BY_ID[name], (Check(name, Status.OK, "fine"),), hours_ago, 0.1) for name in looks]
    last_known.keep(made.context, [one for one in known if one.check.id != "full"])
    last_known.keep(made.context, [Result(BY_ID["full"], (NO_FULL,), hours_ago, 0.1)])
    freed, hung = threading.Event(), set()

    def hangs(name):
        def look(_inspection):
            hung.add(name)
            freed.wait(60)
            return [Check(name, Status.OK, "fine")]

        return look

    looks |= {name: hangs(name) for name in looks}
    app = app_of(made)

    async def flow(operator):
        assert isinstance(app.screen, Checklist)
        await operator.until(lambda: len(hung) >= 6, "looks")
        await operator.sees("checked 3 h ago, looking …", "3 h ago: 2 d old", "✖ Full backup")
        for key, seen in (("2", "▸2 Backups"), ("j", "▸j Jobs"), ("4", "▸4 Logs"), ("1", "▸1 Checklist")):
            await operator.press(key)
            assert seen in operator.text()
        await operator.press("down", "down", "r", "enter")
        assert "Changes, the newest first" in operator.text()
        await operator.press("escape", "?", "escape", ":", "escape", "a", "escape", "L", "L")
        assert "▸1 Checklist" in operator.text()
        assert not freed.is_set()
        freed.set()
        await operator.sees("all looked at just now")

    try:
        operate(app, flow, at="1")
    finally:
        freed.set()


@pytest.mark.parametrize("rung", [rung for rung in Rung if rung.proven], ids=lambda rung: rung.name.lower())
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_the_row_of_the_full_says_how_far_it_is_proven_and_its_details_say_what_that_is(
    tmp_path, looks, language, rung
):
    i18n.use(language)
    looks.update(lifelike())
    made = Installed(tmp_path / "widest")
    made.full(NOW - timedelta(minutes=119), rung=rung)

    async def flow(operator):
        await operator.until(lambda: f"✔ {labels.rung(rung)}, " in operator.text(), "the rung")
        row = row_of(operator, BY_ID["full"].title())
        assert f" 119 min{' old' if language == 'en' else ''}, ✔ {labels.rung(rung)}, l" in row
        assert "26 h" in row, "all of it fits"
        says = {"en": "Proven: {proven}.", "es": "Probado: {proven}."}[language]
        await operator.sees(says.format(proven=labels.proven(rung)))

    at_the_checklist(app_of(made), flow)


def test_the_first_time_nothing_is_called_well_before_it_was_looked_at(made, looks):
    freed = threading.Event()
    original = dict(looks)

    def held(name):
        return lambda inspection: freed.wait(60) and original[name](inspection)

    looks |= {name: held(name) for name in original}
    app = app_of(made)

    async def flow(operator):
        await operator.sees("Morning checklist", "looking …", "… reading")
        assert "✔" not in "".join(operator.lines()[:-2])
        freed.set()
        await operator.sees("✔ ok RPO 41 min of 1 h")

    try:
        operate(app, flow, at="1")
    finally:
        freed.set()


def test_the_worst_is_first_in_its_group_and_under_the_cursor(made, looks):
    looks |= saying("differentials", NO_DIFF) | saying("server", SILENT)

    async def flow(operator):
        assert "Differentials" in operator.rows[0]
        also = next(number for number, row in enumerate(operator.rows) if "Also watched" in row)
        assert "✖ fail" in operator.rows[also + 1]
        assert "§7.3" in operator.rows[also + 1]
        await operator.sees("PostgreSQL at db1:5432 does not answer.", "[3] leads through the emergency")
        await operator.sees("✖ database down, just now")

    at_the_checklist(app_of(made), flow)


def test_the_cursor_passes_over_the_line_between_the_groups(made, looks):
    async def flow(operator):
        rows = operator.app.screen.checks
        also = next(number for number, row in enumerate(operator.rows) if "Also watched" in row)
        for key, steps, index in (
            ("down", also, also + 1),
            ("up", 1, also - 1),
            ("end", 1, len(operator.rows) - 1),
        ):
            await operator.press(*[key] * steps)
            assert rows.index == index
        await operator.press("home")
        assert rows.index == 0

    at_the_checklist(app_of(made), flow)


def test_rows_stay_where_they_are_while_the_cursor_moves(made, looks):
    app = app_of(made)

    async def flow(operator):
        await operator.press("down")
        titles = [one.check.title() for one in app.state.health.morning]
        looks.update(saying("objectives", Check("rpo", Status.FAIL, "Too old.")))
        app.recheck("objectives")
        await operator.sees("✖ fail")
        assert [title in row for title, row in zip(titles, operator.rows, strict=False)] == [True] * len(
            titles
        )
        made.clock.on(4)
        app.draw()
        await operator.until(lambda: "✖ fail" in operator.rows[0])
        assert app.screen.row.check.id == "differentials", "the cursor stays on its check"

    at_the_checklist(app, flow)


def test_r_looks_again_at_the_chosen_one(made, looks):
    looks |= saying("full", NO_FULL)

    async def flow(operator):
        await operator.sees(OLD[:20], "✖ Full backup")
        looks.update(saying("full", Check("full", Status.OK, "1 h old, of 2026-11-24 02:00 -03.")))
        await operator.press("r")
        assert "[r] recheck this" in operator.text()
        await operator.sees("Looking again: Full backup. [R] looks at all.")
        await operator.sees("1 h old", "✔ ok RPO 41 min of 1 h")
        looks.update(saying("full", NO_FULL) | saying("differentials", NO_DIFF))
        await operator.press("R")
        await operator.sees("Looking at every check again.")
        await operator.sees(OLD[:20], "None today.")

    at_the_checklist(app_of(made), flow)


def test_a_check_that_writes_is_not_run_by_r(made, looks):
    async def flow(operator):
        screen = operator.app.screen
        screen.checks.go_to(screen._keys.index("bucket"))
        await operator.press("r")
        await operator.sees("It writes a few bytes into the store: mtn doctor does that.")

    at_the_checklist(app_of(made), flow)


def test_what_costs_nothing_is_run_at_once_and_what_costs_something_is_asked_first(made, looks):
    begun = []
    looks |= saying("full", NO_FULL) | saying("differentials", NO_DIFF)

    async def flow(operator):
        await operator.sees("[f] runs: full backup (mtn backup full)")
        await operator.press("f")
        await operator.sees("Run it now: full backup?", "The whole database is read")
        await operator.press("enter")
        assert begun == []
        await operator.press("f", "down", "enter")
        await operator.until(lambda: begun == [["backup", "full"]], "a full backup")
        await operator.press("down", "f")
        await operator.until(lambda: begun[1:] == [["backup", "diff"]], "a differential")

    at_the_checklist(app_of(made, asked(begun)), flow, LARGE)


def test_a_draw_that_comes_right_after_the_cursor_was_moved_does_not_take_it_back_to_the_worst(made, looks):
    looks |= saying("full", NO_FULL)

    async def flow(operator):
        screen = operator.app.screen
        assert screen.row.check.id == "full"
        screen.checks.action_go(1)
        operator.app.draw()
        assert screen.row.check.id == "differentials"

    at_the_checklist(app_of(made), flow)


def test_f_says_why_it_does_nothing(made, looks):
    looks |= saying("server", SILENT)

    async def flow(operator):
        await operator.press("f")
        await operator.sees("[3] leads through the emergency, step by step")
        await operator.press("home", "f")
        await operator.sees("Nothing to mend: it is ok.")

    at_the_checklist(app_of(made), flow)


def test_f_runs_the_monitor_and_says_what_to_type_where_it_would_change_the_machine(made, looks):
    begun = []
    absent = Check("schedule", Status.WARN, "Not started by itself.", "Have it: mtn schedule install", "3.3")
    old = Check("monitoring", Status.WARN, "7 h old.", "Run it: mtn monitor", "4.1", fix=("monitor",))
    looks |= saying("schedule", absent) | saying("monitoring", old)

    async def flow(operator):
        await operator.sees("[f] runs: monitor run (mtn monitor)")
        assert "[f] fix" in operator.lines()[-1]
        await operator.press("f")
        await operator.until(lambda: begun == [["monitor"]], "the monitor")
        screen = operator.app.screen
        screen.choose("schedule")
        await operator.sees("Have it: mtn schedule install")
        assert "[f]" not in operator.lines()[-1], "it only says what to type"
        await operator.press("f")
        await operator.sees("It changes what this machine starts; type it yourself: mtn schedule install")

    at_the_checklist(app_of(made, asked(begun)), flow)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_where_the_list_ends_it_names_what_is_below_first_of_all_what_decides(made, looks, language):
    i18n.use(language)

    async def flow(operator):
        (fold,) = [line for line in operator.lines() if "▾" in line]
        shown = " ".join(operator.lines()[: operator.lines().index(fold) + 1])
        for one in ("disk", "server-disk", "drill"):
            assert BY_ID[one].title() in shown, fold
        await operator.press("end")
        assert "▾" not in operator.text()

    at_the_checklist(app_of(made), flow)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_what_is_not_well_is_named_first_out_of_view_and_the_list_opens_at_it_again(made, looks, language):
    i18n.use(language)
    looks |= saying("server", SILENT) | saying("alerts", Check("alerts", Status.WARN, "So."))
    app = app_of(made)

    async def flow(operator):
        assert app.screen.row.check.id == "server"
        await operator.press("end")
        (fold,) = [line for line in operator.lines() if "▴" in line]
        assert fold.index(f"✖ {BY_ID['server'].title()}") < fold.index(f"⚠ {BY_ID['alerts'].title()}")
        await operator.press("2", "1")
        assert app.screen.row.check.id == "server"
        assert app.screen.checks.scroll_offset.y == 0
        await operator.press("home")
        assert f"✖ {BY_ID['server'].title()}: " in operator.text(), "the heading says it wherever the list is"

    at_the_checklist(app, flow)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_a_command_to_type_is_whole_on_80_columns_however_long_its_configuration(made, looks, language):
    i18n.use(language)
    path = Path("/srv/admision") / "respaldos-de-la-base-de-datos" / "configuracion" / "backup.conf"
    suggested.name_configuration(path)
    hint = _("Have them started: mtn schedule install")
    suggested.name_configuration(None)
    looks |= saying("schedule", Check("schedule", Status.WARN, "x", hint, "3.3"))

    async def flow(operator):
        screen = operator.app.screen
        screen.checks.go_to(screen._keys.index("schedule"))
        await operator.press("f")
        await operator.until(lambda: operator.app.screen is not screen, "the dialog")
        shown = "".join(line.strip(" │┃┆▌▐█▀▄") for line in operator.lines())
        assert f"mtn--config{path}scheduleinstall" in shown.replace(" ", ""), operator.text()
        await operator.press("enter")
        await operator.until(lambda: operator.app.screen is screen, "its end")

    at_the_checklist(app_of(made), flow)


def test_read_only_nothing_is_run_signed_or_kept(made, looks):
    looks |= saying("full", NO_FULL)

    async def flow(operator):
        for key in "fa":
            await operator.press(key)
            await operator.sees("--read-only: it changes nothing")
        await operator.press("r")
        await operator.sees("Looking again")

    at_the_checklist(app_of(made, read_only=True), flow)
    assert last_known.load(made.context) == {}


@pytest.mark.parametrize("ascii", [False, True], ids=["blocks", "ascii"])
def test_enter_shows_its_last_changes_and_a_line_of_its_first_figure(made, looks, ascii):
    for hour in range(8, 0, -1):
        status = Status.FAIL if hour == 3 else Status.OK
        figures = {"full_age_seconds": (8 - hour) * 3600.0}
        found = Check("full", status, f"{hour} hours ago", figures=figures)
        last_known.keep(made.context, [Result(BY_ID["full"], (found,), NOW - timedelta(hours=hour), 0.1)])
    looks |= saying("full", Check("full", Status.OK, "now", figures={"full_age_seconds": 8 * 3600.0}))

    async def flow(operator):
        await operator.press("enter")
        await operator.sees(
            "Full backup",
            "Age of the newest full since",
            f"0 s to 8 h; the last one, of {NOW.astimezone():%H:%M}: 8 h",
        )
        told = operator.text()
        assert ("_.-=++*%#" if ascii else "▁▂▃▄▅▅▆▇█") in told
        assert told.index("2 hours ago") < told.index("3 hours ago") < told.index("8 hours ago")
        await operator.press("escape")
        await operator.sees("1 Checklist", "Also watched")

    at_the_checklist(app_of(made, ascii=ascii), flow)


def test_a_signs_the_morning_off_with_name_and_note_until_the_next_day(made, looks):
    looks |= saying("full", NO_FULL) | saying("schedule", Check("schedule", Status.WARN, "none"))
    app = app_of(made)

    async def flow(operator):
        await operator.sees("Also watched: 1 warning")
        await operator.press("a")
        await operator.sees("Sign this morning's checklist off?", "Not ok: Full backup")
        await operator.sees("Not ok of what is also watched: Schedule")
        await operator.type("eva rojas")  # in place of the account that is offered
        await operator.press("enter")
        await operator.sees("eva rojas signs off. A note?")
        await operator.type("full in work" + ", and more" * 3)
        await operator.press("enter")
        time = f"{NOW.astimezone():%H:%M}"
        await operator.sees(
            "Signed off by eva rojas.",
            f"signed off {time} with 4 of 5 (Full backup) by eva rojas: full in work",
        )
        (line,) = (line for line in operator.lines() if "Morning checklist" in line)
        assert line.startswith(" Morning checklist  ")
        assert line.rstrip().endswith(f"4 of 5 ok, just now · signed off {time} with 4 of 5")
        assert "full in work" + ", and more" * 3 in operator.text()  # whole, below the list
        made.clock.on(24 * 3600)
        app.draw()
        await operator.until(lambda: "full in work" not in operator.text(), "the next day")

    at_the_checklist(app, flow)
    assert [one.action for one in trail.last(made.context.state, 9)] == ["signed-off"]
    signed = last_sign_off(made.context)
    assert (signed.operator, signed.name, signed.note) == (
        "ana",
        "eva rojas",
        "full in work" + ", and more" * 3,
    )
    assert (signed.statuses["full"], signed.statuses["server"]) == (Status.FAIL, Status.OK)


def test_a_morning_left_with_esc_is_not_signed(made, looks):
    async def flow(operator):
        await operator.press("a", "escape", "a", "enter", "escape")
        await operator.sees("all looked at")

    at_the_checklist(app_of(made), flow)
    assert last_sign_off(made.context) is None


def test_the_end_of_a_job_is_looked_at_at_once(made, looks):
    seen = []
    calm = looks["full"]
    looks["full"] = lambda inspection: seen.append(1) or calm(inspection)

    async def flow(operator):
        before = len(seen)
        made.succeeded("d2vx6nqb", "backup-full", 1)
        await operator.until(lambda: len(seen) > before, "another look")

    at_the_checklist(app_of(made), flow)


def test_another_language_is_spoken_by_the_checks_too(made, looks):
    looks["key"] = lambda _inspection: [Check("key", Status.OK, i18n.language())]

    async def flow(operator):
        assert " en " in row_of(operator, "Encryption key")
        await operator.press("L")
        await operator.until(lambda: " es " in row_of(operator, "Clave de cifrado"), "Spanish")

    at_the_checklist(app_of(made), flow)


def test_a_store_that_did_not_answer_is_named_in_the_header(made, looks):
    silent = Installed(made.root.parent / "silent", bucket="silent")
    usual(silent)

    async def flow(operator):
        await operator.sees("⚠ bucket unreachable")

    at_the_checklist(app_of(silent), flow)
