"""Nothing is cut, nothing is obeyed, and every word is in the language of the moment."""

from __future__ import annotations

from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mtn_tui.core import i18n
from mtn_tui.core.contacts import Person
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.jobview import JobView
from mtn_tui.engine.progress import Progress
from mtn_tui.ui import actions
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.screens.backups import Backups
from mtn_tui.ui.screens.help import Help
from mtn_tui.ui.terminal.ascii import folded
from mtn_tui.ui.text import job as job_text
from mtn_tui.ui.text.cells import MORE, fit, spread, width_of, wrapped
from mtn_tui.ui.widgets.lines import LineView, Text, VirtualList
from mtn_tui.ui.wizard import steplist
from mtn_tui.ui.wizard.sentence import SentencePrompt
from tests.ui.installed import MACHINE, Installed, night, stamped
from tests.ui.pilots import LARGE, SMALL, nothing_begins, operate

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07[bold red]x[/bold red]\n\r\tline two \u202etxt.exe\u202c אבג " + "long " * 60
)


@pytest.mark.sample("80x24")
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("said", [[], ["All of it is said here. " * 60]], ids=["short", "long"])
def test_of_more_answers_than_lines_the_chosen_one_is_to_be_seen(pg18, new_school, practise, size, said):
    app = MtnApp(practise(new_school(pg18)).context, nothing_begins)
    answers = [Answer(f"contact {number:02}", number) for number in range(1, 61)]
    chosen = []

    async def flow(operator):
        await operator.has_list()
        app.push_screen(Ask("Whom have you called?", said, answers), chosen.append)
        await operator.sees("Whom have you called?", "contact 01", "[enter]: ")
        for keys, seen in (
            (["end"], "contact 60"),
            (["up"] * 45, "contact 15"),
            (["home"], "contact 01"),
            (["down"] * 39, "contact 40"),
        ):
            await operator.press(*keys)
            await operator.sees("Whom have you called?", seen, "[enter]: ")
        await operator.press("enter")
        await operator.until(lambda: chosen, "the answer")

    operate(app, flow, size)
    assert chosen == [40]


@pytest.mark.sample("es")
@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_nothing_is_cut_on_any_screen(pg18, new_school, practise, size, language):
    practice = practise(new_school(pg18))
    practice.ready_made()
    practice.legacy_backup()
    i18n.use(language)
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        for keys in ([], ["enter"], ["escape", "?"], ["escape", "j"], ["escape", "R"], ["escape", "q"]):
            await operator.press(*keys)
            await operator.pilot.pause(0.1)
            if not app.is_running:
                break
            lines = operator.lines()
            assert len(lines) == size[1]
            assert {cell_len(line) for line in lines} == {size[0]}
            assert [line for line in lines if MORE in line] == []
            assert _("PRODUCTION") in lines[0]
            here = app.here
            if here is not app.screen:  # under a dialog no keys but its own are shown
                await operator.until(lambda: not operator.lines()[-1].strip(), "no keys beneath")
                continue
            now = {one.id for one in here.actions if not one.why_not(here)}
            for one in actions.footer(
                here.actions,
                here.not_in_footer,
                size[0],
                lambda one: one.id in now,  # noqa: B023
            ):
                assert actions.in_footer(one) + " " in lines[-1] + " "

    operate(app, flow, size)


def test_on_a_low_terminal_the_list_and_the_footer_are_there(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()
    for height in (11, 12, 15, 16):
        app = MtnApp(practice.context, nothing_begins)

        async def flow(operator):
            await operator.has_list()
            assert operator.rows
            for keys in ([], ["j"], ["4"]):
                await operator.press(*keys)
                await operator.until(lambda: "[?] help" in operator.lines()[-1])
                assert all(cell_len(line) == SMALL[0] for line in operator.lines())

        operate(app, flow, (SMALL[0], height))


def test_hostile_names_are_shown_and_never_obeyed(pg18, new_school, practise):
    school = new_school(pg18)
    with school.connect() as connection:
        connection.execute('CREATE TABLE "[red]\x1b[31m\n\u202eevil" (id int)')
    practice = practise(school)
    practice.back_up()
    payload = practice.legacy_backup()
    payload.rename(payload.with_name("\u202e[bold]evil[x]_full_[link=x]_20251003_203400.sql.gz.gpg"))
    job = Job.create(
        practice.context.jobs, kind=HOSTILE[:200], subject=HOSTILE, operator=HOSTILE, new_id=lambda: "a" * 8
    )
    with closing(job):
        job.start()
        job.warn("hostile", HOSTILE)
        job.files(HOSTILE)
        app = MtnApp(practice.context, nothing_begins)

        async def flow(operator):
            await operator.has_list()
            for keys in ([], ["end"], ["enter"], ["escape", "home", "enter"], ["escape", "j"], ["c"]):
                await operator.press(*keys)
                await operator.pilot.pause(0.1)
                lines = operator.lines()
                assert {cell_len(line) for line in lines} == {80}
                assert all(line.isprintable() for line in lines), lines
                if keys == ["end"]:
                    await operator.sees(r"\u202e[bold]evil[x]_full_[link=x]")
                if keys == ["escape", "j"]:
                    await operator.sees(r"\x1b[2J\x1b]0;owned\x07[bold red]x[/bold red]\n\r\tline")

        operate(app, flow)
        job.end()


def test_the_language_changes_at_once_and_everywhere(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.back_up()
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        await operator.sees("Moment", "Age")
        await operator.press("L")
        await operator.sees("Momento", "Edad", "íntegro")
        await operator.press("j")
        await operator.sees("Estado", "respaldo completo", "exitoso")
        await operator.press("escape", "L")
        await operator.sees("Age", "complete")

    operate(app, flow)


def test_dark_and_light_are_switched_at_once(pg18, new_school, practise):
    app = MtnApp(practise(new_school(pg18)).context, nothing_begins)

    async def flow(operator):
        await operator.has_list()
        dark = app.screen.styles.background
        await operator.press("T")
        await operator.pilot.pause()
        assert app.screen.styles.background != dark
        await operator.press("T")
        await operator.pilot.pause()
        assert app.screen.styles.background == dark
        assert isinstance(app.screen, Backups)

    operate(app, flow)


@given(st.text(), st.integers(1, 100))
def test_a_cell_is_exactly_as_wide_as_it_should_be(text, width):
    assert cell_len(fit(text, width)) == width
    assert fit(text, width).isprintable()


@given(st.text(alphabet=st.sampled_from("ab \n\x1b[é漢א\u0301")), st.integers(2, 40))
def test_wrapped_lines_fit_and_lose_nothing_but_blanks(text, width):
    lines = wrapped(text, width)
    assert all(cell_len(line) <= width for line in lines)
    shown = fit(text, 10_000).replace(" ", "")
    assert "".join(lines).replace(" ", "") == shown


@given(st.text())
def test_ascii_is_ascii_of_the_same_width(text):
    assert folded(text).isascii()
    assert cell_len(folded(fit(text, 50))) == 50


@given(
    st.lists(st.text(max_size=50), max_size=4), st.lists(st.text(max_size=50), max_size=4), st.integers(0, 60)
)
def test_both_ends_of_a_line_fit_and_are_never_obeyed(left, right, width):
    pieces = spread([(text, "") for text in left], [(text, "dim") for text in right], width)
    assert width_of(pieces) == width
    assert all(text.isprintable() for text, _tone in pieces)


def test_how_long_still_is_told_however_little_room_there_is():
    progress = Progress("dump", 26, 42, "bytes", 14, 11)
    job = JobView("a" * 8, kind="backup-full", state=JobState.RUNNING, phase="dump", progress=progress)
    told = job_text.at_work(job)
    assert sorted(told, key=len, reverse=True) == told
    assert all(one.endswith("0:11 left") for one in told)
    assert len(told[-1]) < 40


@pytest.mark.parametrize("name", ["a" * 63, "\x1b[2J" * 9, "漢" * 21])
def test_production_is_named_however_long_the_database_is_called(tmp_path, name):
    app = MtnApp(Installed(tmp_path / "mtn", database=name).context, nothing_begins, read_only=True)

    async def flow(operator):
        await operator.has_list()
        assert "PRODUCTION  READ-ONLY" in operator.lines()[0]
        await operator.until(lambda: "✔ ok" in operator.lines()[0], "the verdict")

    operate(app, flow)


def test_the_cursor_and_the_end_of_a_text_are_always_to_be_seen(tmp_path):
    made = Installed(tmp_path / "mtn")
    for day in range(30):
        made.full(night(day))
    app = MtnApp(made.context, nothing_begins, machine=MACHINE)

    async def flow(operator):
        await operator.has_list()
        for keys in (["end"], ["home"], ["pagedown"], ["down"] * 9, ["up"] * 7):
            await operator.press(*keys)
            await operator.pilot.pause()
            chosen = "›" + operator.rows[app.screen.rows.index][1:].rstrip()
            assert [line for line in operator.lines() if line.rstrip() == chosen], keys
        await operator.press("end", "/")
        await operator.type("age:<2d")
        await operator.until(lambda: len(operator.rows) == 2)
        await operator.pilot.pause()
        shown = [line.replace("›", " ") for line in operator.lines()]
        assert all(row in shown for row in operator.rows)
        await operator.press("escape", "?")
        await operator.until(lambda: isinstance(app.screen, Help))
        last = app.screen.query_one("#text").texts()[-1]
        assert last not in [line.rstrip() for line in operator.lines()]
        await operator.press("end")
        await operator.until(lambda: last in [line.rstrip() for line in operator.lines()], last)

    operate(app, flow)


FOLDED = {
    "checklist": [],
    "backups": ["2"],
    "details": ["2", "enter"],
    "jobs": ["j"],
    "wizard": ["3"],
    "logs": ["4"],
    "help": ["?"],
    "as it was": ["2", "t"],
}
"""What scrolls on a terminal of sixteen lines, and the keys that lead there."""


@pytest.mark.sample("es")
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_every_screen_says_how_many_lines_are_below_and_where_they_end(tmp_path, language):
    made = Installed(tmp_path / "mtn")
    for day in range(30):
        made.full(night(day))
        made.succeeded(f"s5rtq2{day:02}", "backup-full", 60 + day)
    made.log("backup.log", *(stamped(f"05:00:{second:02}", "INFO", "done") for second in range(60)))
    i18n.use(language)

    async def flow(operator):
        await operator.has_list()
        app = operator.app
        for name, keys in FOLDED.items():
            await operator.press(*keys)
            views = [one for one in app.screen.query(LineView) if one.can_focus]
            await operator.until(lambda: all(one._count for one in views), name)  # noqa: B023
            await operator.press("home")
            view = views[0]
            lines = len(view.texts())
            shown = view.region.height - 1
            await operator.sees(_("{count:,} more below").format(count=lines - shown))
            assert operator.lines()[view.region.bottom - 1].strip().startswith("▾ "), name
            await operator.press("end")
            await operator.sees(_("— end —"))
            assert " ".join(view.texts()[-1].split()) in operator.text(), name
            await operator.press("home", "escape", "escape", "1")

    operate(MtnApp(made.context, nothing_begins, machine=MACHINE), flow, (80, 16))


LONG = "All of it is said. " * 90 + "The last."


@pytest.mark.parametrize("arrows", [False, True], ids=["ask", "prompt"])
def test_a_dialog_says_how_much_is_below_and_by_which_keys_and_pages_to_its_end(tmp_path, arrows):
    async def flow(operator):
        await operator.has_list()
        ask = Ask("A question?", [LONG], [Answer("A", 1)])
        operator.app.push_screen(SentencePrompt("A question?", LONG) if arrows else ask)
        await operator.sees("A question?", "more below: [↓] [PgDn]" if arrows else "more below: [PgDn]")
        if arrows:
            await operator.press("down")
            await operator.sees("1 above: [↑] [PgUp]")
        assert "The last." not in operator.text()
        await operator.press("pagedown", "pagedown")
        await operator.sees("The last.", "— end —", "[esc] goes back")

    operate(MtnApp(Installed(tmp_path / "mtn").context, nothing_begins, machine=MACHINE), flow)


def test_a_text_is_paged_through_without_a_line_passed_over(tmp_path):
    app = MtnApp(Installed(tmp_path / "mtn").context, nothing_begins, machine=MACHINE)

    async def flow(operator):
        await operator.has_list()
        await operator.press("?")
        text = app.screen.query_one(Text)
        seen = set()
        while True:
            top = text.scroll_offset.y
            seen |= set(range(top, top + text.rows_of_lines))
            await operator.press("pagedown")
            if text.scroll_offset.y == top:
                break
        assert len(seen) > text.rows_of_lines * 3
        assert seen == set(range(len(text.texts())))

    operate(app, flow)


def test_a_list_is_paged_through_with_its_cursor_and_says_how_much_is_above(tmp_path):
    made = Installed(tmp_path / "mtn")
    for day in range(60):
        made.full(night(day))

    async def flow(operator):
        await operator.has_list()
        rows = operator.app.screen.query_one(VirtualList)
        shown = rows.rows_of_lines
        assert "above" not in operator.text()
        await operator.press("pagedown")
        assert (rows.index, rows.scroll_offset.y) == (shown - 1, shown - 1)
        await operator.sees(f"▴ {shown - 1} above")
        await operator.press("down", "pageup")
        assert (rows.index, rows.scroll_offset.y) == (1, 0)
        assert "above" not in operator.text()
        await operator.press(*["pagedown"] * 9)
        every = len(rows.texts())
        await operator.sees("— end —", f"▴ {every - shown} above")
        assert rows.index == every - 1

    operate(MtnApp(made.context, nothing_begins, machine=MACHINE), flow)


def test_beside_a_dialog_stands_nothing_of_the_screen_below(tmp_path):
    app = MtnApp(Installed(tmp_path / "mtn").context, nothing_begins, machine=MACHINE)

    async def flow(operator):
        await operator.has_list()
        app.push_screen(Ask("A question?", ["Some words."], [Answer("A", 1)]))
        await operator.sees("A question?")
        box = app.screen.query_one("#box").region
        lines = operator.lines()[box.y : box.bottom]
        assert len(lines) >= 6
        for line in lines:
            assert line[:7].strip() == line[73:].strip() == ""
        assert operator.lines()[0].startswith(" MTN ")

    operate(app, flow)


def test_q_says_at_once_that_it_closes(tmp_path, monkeypatch):
    app = MtnApp(Installed(tmp_path / "mtn").context, nothing_begins, machine=MACHINE)
    seen = []

    async def flow(operator):
        await operator.has_list()
        leave = app.exit
        monkeypatch.setattr(app, "exit", lambda: (seen.append(operator.text()), leave()))
        await operator.press("q")
        await operator.until(lambda: seen)

    operate(app, flow)
    assert "Closing …" in seen[0]


def test_a_long_telephone_number_is_whole_beside_the_steps():
    person = Person(key="dba", name="Ana", role="DBA", email="", phone="+56 9 8123 4567 anexo 1234 (noche)")
    told = "".join(text for line in steplist._person(person) for text, _tone in line)
    assert person.phone.replace(" ", "") in told.replace(" ", "")
