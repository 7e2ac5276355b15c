"""Nothing is cut, nothing is obeyed, and every word is in the language of the moment."""

from __future__ import annotations

from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from mtn_tui.core import i18n
from mtn_tui.core.i18n import _
from mtn_tui.engine.jobs import Job
from mtn_tui.ui import actions
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.ascii import folded
from mtn_tui.ui.cells import MORE, fit, wrapped
from mtn_tui.ui.screens.backups import Backups
from tests.ui.pilots import LARGE, SMALL, nothing_begins, operate

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07[bold red]x[/bold red]\n\r\tline two \u202etxt.exe\u202c אבג " + "long " * 60
)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_nothing_is_cut_on_any_screen(pg18, new_school, practise, size, language):
    practice = practise(new_school(pg18))
    practice.back_up()
    practice.legacy_backup()
    app = MtnApp(practice.context, nothing_begins)

    async def flow(operator):
        i18n.use(language)
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
            where = app.here.where
            for one in actions.footer(where):
                assert f"{actions.shown_key(one.keys[0])} {one.label.lower()} " in lines[-1] + " "
            assert _("PRODUCTION") in lines[0]
        i18n.use("en")

    operate(app, flow, size)


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
        i18n.use("en")
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
