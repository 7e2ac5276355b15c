"""No key and no word that people try leads nowhere without a word."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.i18n import _
from mtn_tui.operations.health.checks.rows import rows
from mtn_tui.operations.restore.kept import every_kept
from mtn_tui.postgres.connection import MAINTENANCE, connect
from mtn_tui.postgres.kept import kept_name
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.screens.ask import Ask
from mtn_tui.ui.screens.backups import Backups
from mtn_tui.ui.screens.checklist import Checklist
from mtn_tui.ui.screens.command import Command
from mtn_tui.ui.screens.pruning import Pruning
from mtn_tui.ui.widgets.lines import VirtualList
from mtn_tui.ui.wizard.as_it_was import AsItWas
from tests.ui.emergencies import at_the_wizard, on_disk, wizard
from tests.ui.installed import MACHINE, Installed
from tests.ui.pilots import Begun, looked, nothing_begins, operate
from tests.ui.states import usual


@pytest.fixture
def made(tmp_path):
    made = Installed(tmp_path / "mtn")
    usual(made)
    return made


def app_of(made):
    return MtnApp(made.context, nothing_begins, machine=MACHINE)


CHECKS = {
    "disk": "disk",
    "rpo": "objectives",
    "retention": "retention",
    "services": "services",
}


def test_what_people_type_after_the_colon_leads_to_where_it_is(made):
    app = app_of(made)

    async def types(operator, word):
        await operator.press("2", ":")
        await operator.until(lambda: isinstance(app.screen, Command))
        await operator.press(*word, "enter")
        await operator.until(lambda: not isinstance(app.screen, Command))

    async def flow(operator):
        await looked(operator)
        for word, check in CHECKS.items():
            await types(operator, word)
            assert isinstance(app.screen, Checklist), word
            assert app.screen.row.check.id == check
        await operator.press("1", ":")
        await operator.until(lambda: isinstance(app.screen, Command))
        await operator.press(*"disk", "enter")
        await operator.until(lambda: isinstance(app.screen, Checklist), "its row, on the same screen")
        assert (app.screen.row.check.id, app.status) == ("disk", None)
        for word in ("status", "health", "warnings"):
            await types(operator, word)
            assert isinstance(app.screen, Checklist), word
        await types(operator, "drill")
        await operator.until(lambda: isinstance(app.screen, Ask), "the question")
        await operator.press("escape")
        await types(operator, "yesterday")
        assert isinstance(app.screen, AsItWas)
        for word in ("reten", "retention"):
            await operator.press("2", ":", *word)
            assert app.screen.query_one(VirtualList).key == "check:retention"
            assert "prune" in [one.id for one in app.screen._found]
            await operator.press("enter")
            assert isinstance(app.screen, Checklist)
            assert app.screen.row.check.id == "retention"
        await types(operator, "prune")
        assert isinstance(app.screen, Pruning)
        assert app.status is None, "whoever comes to look is not sent to the key that deletes"
        await operator.press("1", ":", *"sync", "enter")
        await operator.until(lambda: isinstance(app.screen, Backups))
        await operator.sees("It is done here: [s] synchronize")

    operate(app, flow, at="1")


@pytest.mark.slow
def test_the_spanish_words_lead_there_too(made):
    i18n.use("es")
    app = app_of(made)

    async def flow(operator):
        await looked(operator)
        words = {"estado": Checklist, "advertencias": Checklist, "ayer": AsItWas, "podar": Pruning}
        for word, screen in words.items():
            await operator.press("2", ":", *word, "enter")
            await operator.until(lambda wanted=screen: isinstance(app.screen, wanted), word)
        for word in ("reten", "retención"):
            await operator.press("2", ":", *word)
            assert app.screen.query_one(VirtualList).key == "check:retention"
            await operator.press("escape")

    operate(app, flow, at="1")


def test_with_each_letter_the_cursor_goes_to_what_matches_best_and_what_is_chosen_by_hand_is_done(made):
    app = app_of(made)

    async def flow(operator):
        await operator.press(":", "r")
        await operator.press("down", "down")
        await operator.press(*"etention")
        assert app.screen.query_one(VirtualList).key == "check:retention"
        await operator.press("down")
        assert app.screen.query_one(VirtualList).key == "prune"
        await operator.press("enter")
        await operator.until(lambda: isinstance(app.screen, Pruning), "what the cursor was put on")

    operate(app, flow, at="1")


SENTENCES = {
    "en": {
        "restore the database to yesterday at 14:30": "as-it-was",
        "where are my backups": "backups",
        "please delete the old ones": "prune",
        "show me the logs of tonight": "logs",
        "undo the last restore": "emergency",
        "who deleted the applications": "emergency",
        "is everything okay": "checklist",
    },
    "es": {
        "restaurar la base de datos a ayer a las 14:30": "as-it-was",
        "¿dónde están mis respaldos?": "backups",
        "donde estan los respaldos": "backups",
        "quiero restaurar ayer": "as-it-was",
        "quién borró las postulaciones": "emergency",
        "está todo bien": "checklist",
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_a_sentence_after_the_colon_leads_to_what_most_of_its_words_mean(made, language):
    i18n.use(language)
    app = app_of(made)

    async def flow(operator):
        for sentence, action in SENTENCES[language].items():
            await operator.press(":")
            await operator.until(lambda: isinstance(app.screen, Command))
            await operator.type(sentence)
            assert app.screen.query_one(VirtualList).key == action, (sentence, operator.rows)
            await operator.press("escape")
        await operator.press(":")
        await operator.type("xyzzy the qwerty")
        await operator.sees(_("Unknown command."), "[esc]", "[?]")
        assert not app.screen._found, "no word of it means anything"

    operate(app, flow, at="1")


def test_page_down_works_in_the_list_of_commands(made):
    app = app_of(made)

    async def flow(operator):
        await operator.press(":", "pagedown")
        index = app.screen.query_one(VirtualList).index
        assert index > 5
        await operator.press("pageup")
        assert app.screen.query_one(VirtualList).index < index

    operate(app, flow, at="1")


@pytest.mark.parametrize(("screen", "keys"), [("1", "58#"), ("2", "5w"), ("3", "58v"), ("4", "5")])
def test_a_key_that_does_nothing_says_so_and_one_that_leads_here_too(made, screen, keys):
    async def flow(operator):
        for key in keys:
            await operator.press(key)
            await operator.sees(f"[{key}] does nothing here; [?] shows what does.")
        await operator.press(screen)
        await operator.sees("You are there already.")

    operate(app_of(made), flow, at=screen)


def test_opening_an_incident_on_a_healthy_system_asks(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.ready_made()

    async def flow(operator):
        await looked(operator)
        await operator.press("3")
        await operator.enters()
        await operator.sees("Open an incident all the same?", "no check is critical")
        await operator.press("enter")
        await operator.sees("[enter] opens an incident")
        assert not list((practice.root / "state").glob("incidents/*"))
        await operator.enters()
        await operator.sees("Open an incident all the same?")
        await operator.press("down", "enter")
        await operator.sees("✖ incident 1, <1 min")
        assert on_disk(practice).is_open

    at_the_wizard(wizard(practice, nothing_begins, well=True), flow)


def test_where_rows_are_missing_it_does_not(pg18, new_school, practise, looks):
    practice = practise(new_school(pg18))
    practice.back_up()
    practice.source.psql("DELETE FROM interviews WHERE id % 5 = 0")
    looks["rows"] = rows

    async def flow(operator):
        await looked(operator)
        await operator.press("1")
        await operator.sees("✖ fail Main tables interviews: 62 rows", "[3] leads through the emergency")
        await operator.press("3")
        await operator.enters()
        await operator.sees("✖ incident 1, <1 min")

    at_the_wizard(wizard(practice, nothing_begins, well=True), flow)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("word", ["kept", "drop"])
def test_what_is_kept_is_listed_by_its_name_and_dropped_after_a_question(
    pg18, new_school, new_database, practise, word, language
):
    practice = practise(new_school(pg18))
    name = kept_name(practice.source.name, datetime(2026, 11, 24, 5, 2, 11, tzinfo=UTC))
    i18n.use(language)

    async def flow(operator):
        await operator.has_list()
        new_database(pg18, name=name)
        await operator.press(":", *word, "enter")
        await operator.sees(_("Databases that restores have replaced or left beside"), name)
        await operator.goes_to(name)
        await operator.press("enter")
        await operator.sees(_("Drop it"), "2026-11-24 0")
        await operator.press("enter")  # the harmless answer
        assert begun.asked == []
        await operator.press("K")
        await operator.sees(name)
        await operator.goes_to(name)
        await operator.press("enter", "down", "enter")
        await operator.until(lambda: operator.app.state.jobs and not operator.app.state.live, "the job")

    with closing(Begun(practice)) as begun:
        operate(MtnApp(practice.context, begun), flow)
    assert begun.asked == [["kept", "drop", "--yes", "--", name]]
    with connect(practice.context.server, MAINTENANCE, "test") as server:
        left = every_kept(server, practice.context.settings, [practice.source.name])
    assert name not in [one.name for one in left]


def test_a_screen_that_only_reads_lists_what_is_kept_and_drops_nothing(
    pg18, new_school, new_database, practise
):
    practice = practise(new_school(pg18))
    name = kept_name(practice.source.name, datetime(2026, 11, 24, 5, 2, 11, tzinfo=UTC))
    new_database(pg18, name=name)

    async def flow(operator):
        await operator.press("K")
        await operator.sees("Databases that restores have replaced or left beside")
        said = " ".join(" ".join(operator.app.screen.lines("said").texts()).split())
        assert name in said
        assert "--read-only: it changes nothing." in said
        await operator.press("down", "enter")
        await operator.until(lambda: isinstance(operator.app.screen, Backups), "the list")

    operate(MtnApp(practice.context, nothing_begins, read_only=True), flow)
