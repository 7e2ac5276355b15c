"""One registry makes the keys, the footer, ``?`` and ``:``."""

from __future__ import annotations

import re
from itertools import combinations
from types import SimpleNamespace

import pytest
from rich.cells import cell_len

from mtn_tui.core import i18n
from mtn_tui.ui import actions
from mtn_tui.ui.actions import AnyAction
from mtn_tui.ui.app import MtnApp
from mtn_tui.ui.host import Practice
from mtn_tui.ui.named_screens import every_action
from mtn_tui.ui.screens import command
from mtn_tui.ui.screens.backups import Backups
from mtn_tui.ui.screens.check_history import CheckHistory
from mtn_tui.ui.screens.checklist import Checklist
from mtn_tui.ui.screens.details import Details
from mtn_tui.ui.screens.framed import Framed
from mtn_tui.ui.screens.help import Help
from mtn_tui.ui.screens.jobs import JobDetails, Jobs
from mtn_tui.ui.screens.logs import Logs
from mtn_tui.ui.screens.pruning import Pruning
from mtn_tui.ui.text.cells import width_of
from mtn_tui.ui.wizard.as_it_was import AsItWas
from mtn_tui.ui.wizard.difference import Difference
from mtn_tui.ui.wizard.report_screen import IncidentReport
from mtn_tui.ui.wizard.screen import Emergency
from tests.ui.pilots import nothing_begins, operate

SCREENS: list[type[Framed]] = [
    Checklist,
    CheckHistory,
    Backups,
    Details,
    Logs,
    Jobs,
    JobDetails,
    Pruning,
    Help,
    Emergency,
    IncidentReport,
    Difference,
    AsItWas,
]
every_screen = pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.where)


def listed(screen: type[Framed]) -> tuple[AnyAction, ...]:
    return actions.in_order(screen.own_actions())


@pytest.fixture(params=i18n.LANGUAGES)
def language(request):
    i18n.use(request.param)
    return request.param


def test_every_action_has_a_name_a_key_and_a_sentence(language):
    names = [one.id for one in every_action()]
    assert len(set(names)) == len(names)
    for one in every_action():
        assert one.keys, one.id
        assert one.label, one.id
        assert one.help.endswith((".", "complete")), one.id
        names = (one.id, one.label, without_accents(one.label), one.label.upper())
        assert [command.matching(name, every_action())[0].id for name in names] == [one.id] * 4


def without_accents(text: str) -> str:
    return text.translate(str.maketrans("áéíóúÁÉÍÓÚ", "aeiouAEIOU"))


def test_the_palette_shows_the_name_in_the_language_in_use_before_that_of_every_language(language):
    here = SimpleNamespace(actions=(), where="backups")
    for one in every_action():
        words = "".join(text for text, _tone in command._row(here, one, 66)).strip()
        assert words.startswith(one.label.lower())
        assert one.id in words[len(one.label) :]


def test_a_name_comes_before_its_beginning_and_other_words_last(language):
    every = [*every_action(), *command._checks()]
    for one in every:
        names = [one.id.removeprefix(command.CHECK), one.label.casefold()]
        for name in names:
            for typed in {name, name[:5].strip(), name[-4:].strip()}:
                found = command.matching(typed, every)
                named = [any(typed in text for text in names_of(other)) for other in found]
                assert named == sorted(named, reverse=True), typed
                assert typed != name or typed in names_of(found[0]), typed
                begins = [any(text.startswith(typed) for text in names_of(other)) for other in found]
                assert begins == sorted(begins, reverse=True), typed


def names_of(one: AnyAction) -> set[str]:
    return {one.id.removeprefix(command.CHECK), one.label.casefold(), without_accents(one.label.casefold())}


def test_keys_are_those_that_any_terminal_and_multiplexer_lets_through():
    plain = re.compile(r"[A-Za-z0-9?/:]|f[1-9]|enter|escape|backspace|space")
    assert [key for one in every_action() for key in one.keys if not plain.fullmatch(key)] == []


def test_the_key_that_verifies_does_nothing_else_on_any_screen():
    assert {one.id for one in every_action() if "v" in one.keys} == {"verify"}


@every_screen
def test_no_key_means_two_things_on_a_screen(screen):
    keys = [key for one in listed(screen) for key in one.keys]
    assert len(set(keys)) == len(keys)


@every_screen
def test_every_action_of_a_screen_is_among_those_that_help_and_palette_list(screen):
    assert {one.id for one in listed(screen)} <= {one.id for one in every_action()}


@every_screen
def test_a_footer_has_at_most_seven_keys_and_fits_eighty_cells(screen, language):
    shown = actions.footer(listed(screen), screen.not_in_footer, 80, lambda _one: False)
    assert len(shown) <= actions.FOOTER
    assert width_of([(actions.in_footer(one), "") for one in shown]) <= 80
    own = [one.id for one in screen.own_actions() if one.footer and one.id not in screen.not_in_footer]
    assert {"help", *own} - {*screen.not_in_footer, "filter"} <= {one.id for one in shown}


@every_screen
def test_whatever_can_be_done_a_footer_of_eighty_cells_shows_the_way_back(screen, language):
    listed_here = listed(screen)
    sometimes = [one.id for one in listed_here if one.footer_when_possible]
    for count in range(len(sometimes) + 1):
        for now in combinations(sometimes, count):
            shown = actions.footer(listed_here, screen.not_in_footer, 80, lambda one, now=now: one.id in now)
            assert ("back" in [one.id for one in shown]) is (screen is not Checklist), now
            assert len(shown) <= actions.FOOTER
            assert width_of([(actions.in_footer(one), "") for one in shown]) <= 80


def test_a_footer_writes_each_key_in_brackets_and_leaves_general_ones_out_first(language):
    screen = Emergency
    none_now = lambda _one: False  # noqa: E731
    shown = {width: actions.footer(listed(screen), (), width, none_now) for width in (200, 80)}
    assert all(re.match(r" \[\S+\] \w", actions.in_footer(one)) for one in shown[200])
    general = {one.id for one in actions.general()} - {"help", "back"} | {"note", "incident"}
    assert {one.id for one in shown[200]} - {one.id for one in shown[80]} <= general


def test_the_name_of_every_action_is_whole_in_the_palette(language):
    """That of the one that only a practice has too."""
    for judged in (True, False):
        everywhere = SimpleNamespace(practice=Practice(list, judged))
        assert max(cell_len(one.label) for one in every_action(everywhere)) <= command._LABEL


def test_help_tells_every_action_its_key_and_its_sentence(pg18, new_database, practise):
    app = MtnApp(practise(new_database(pg18)).context, nothing_begins)

    async def flow(operator):
        await operator.press("?")
        await operator.until(lambda: isinstance(app.screen, Help))
        await operator.pilot.pause()
        told = " ".join(" ".join(line.split()) for line in app.screen.lines("text").texts())
        for one in every_action():
            assert " ".join(actions.shown_key(key) for key in one.keys) in told, one.id
            assert one.help[:20] in told, one.id
        await operator.press("escape")
        assert isinstance(app.screen, Backups)

    operate(app, flow)


class Recording(MtnApp):
    def __init__(self, context):
        super().__init__(context, nothing_begins)
        self.performed = []

    def perform(self, action_id: str) -> None:
        if action_id == "command":
            super().perform(action_id)
        else:
            self.performed.append(action_id)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_every_action_is_called_by_its_name_and_by_its_key(part, pg18, new_database, practise):
    app = Recording(practise(new_database(pg18)).context)

    async def flow(operator):
        app.performed.clear()
        for one in listed(Checklist):
            if one.id != "command":
                for key in one.keys:
                    await operator.press(key)
                    assert app.performed.pop() == one.id, key
        for one in every_action()[part::4]:
            if one.id != "command":
                await operator.press(":")
                await operator.type(one.id)
                await operator.press("enter")
                await operator.pilot.pause()
                assert app.performed.pop() == one.id
        assert app.performed == []

    operate(app, flow)


def test_a_check_in_the_palette_says_that_it_is_one_and_looks_like_no_action(language):
    here = SimpleNamespace(actions=(), where="backups")
    rows = {"".join(text for text, _tone in command._row(here, one, 66)).strip() for one in command._checks()}
    assert all(row.startswith(i18n._("check: {name}").format(name="")) for row in rows)
    assert len(rows) == len(command._checks())


@pytest.mark.parametrize(
    ("lang", "typed", "leads_to"),
    [
        ("es", "bitácora", "logs"),
        ("es", "correo", "check:alerts"),
        ("es", "reiniciar", "emergency"),
        ("es", "llamar", "emergency"),
        ("es", "informe", "emergency"),
        ("es", "deshacer", "emergency"),
        ("es", "buscar", "search"),
        ("en", "mail", "check:alerts"),
        ("en", "restart", "emergency"),
        ("en", "phone", "check:contacts"),
        ("en", "undo", "emergency"),
    ],
)
def test_other_words_for_it_lead_to_where_it_is(lang, typed, leads_to):
    i18n.use(lang)
    found = command.matching(typed, [*every_action(), *command._checks()])
    assert leads_to in [one.id for one in found], [one.id for one in found]
