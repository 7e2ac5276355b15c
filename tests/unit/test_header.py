"""The header: what matters is not cut on a narrow terminal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product
from types import SimpleNamespace

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.catalogue import CHECKS
from mtn_tui.operations.health.last_known import merged
from mtn_tui.operations.health.picture import Picture
from mtn_tui.operations.health.runner import Result
from mtn_tui.ui.data.state import State
from mtn_tui.ui.screens import frame
from mtn_tui.ui.text import health
from mtn_tui.ui.text.cells import width_of

NOW = datetime(2026, 11, 28, 7, 58, tzinfo=UTC)


@pytest.fixture(autouse=True, params=i18n.LANGUAGES)
def language(request):
    i18n.use(request.param)
    return request.param


def host(
    name="Admisión_MTN_DB", at="db1", *, lost=False, incident=False, read_only=False, server=Status.FAIL
):
    figures = {"rpo_seconds": 41 * 60.0, "rpo_target_seconds": 3600.0}
    results = [
        Result(
            one,
            (Check(one.id, server if lost and one.id == "server" else Status.OK, "", figures=figures),),
            NOW,
            0.1,
        )
        for one in CHECKS
    ]
    opened = SimpleNamespace(is_open=True, opened_at=NOW - timedelta(minutes=12), number=7)
    return SimpleNamespace(
        context=SimpleNamespace(
            settings=SimpleNamespace(db_name=name, db_host=at), clock=SimpleNamespace(now=lambda: NOW)
        ),
        state=State(health=Picture.of(merged({}, results))),
        incident=opened if incident else None,
        read_only=read_only,
    )


def header(width=80, **facts) -> str:
    pieces = frame.header(host(**facts), width)
    assert width_of(pieces) == width
    return "".join(text for text, _tone in pieces)


def test_the_database_how_it_is_and_the_rpo_fit_eighty_cells():
    line = header()
    for part in (
        "Admisión_MTN_DB @ db1 ",
        _("RPO {now} of {target}").format(now="41 min", target="1 h"),
        "✔ ",
    ):
        assert part in line


def test_the_rpo_is_told_in_fewer_cells_before_it_is_left_out():
    line = header(name="Admisión_MTN_DB_2", at="db-1.mtn.cl")
    assert "Admisión_MTN_DB_2 @ db-1.mtn.cl " in line
    assert "RPO 41 min/1 h" in line or "RPO 41 min " in line


def test_without_a_database_it_is_never_green_and_since_when_is_told():
    line = header(lost=True)
    assert "✔" not in line
    assert f"✖ {_('database down, just now')} " in line


def test_a_database_that_takes_too_long_to_answer_is_told_before_all_else():
    line = header(lost=True, server=Status.UNKNOWN)
    assert "✔" not in line
    assert f"? {_('database silent, just now')} " in line


@pytest.mark.parametrize(
    ("at", "read_only"), [("db1", False), ("db1", True), ("db-primary.colegio.cl", False)]
)
def test_during_an_incident_host_and_age_are_not_cut(at, read_only):
    line = header(at=at, lost=True, incident=True, read_only=read_only)
    assert f"@ {at} " in line
    assert _("incident {number}, {time}").format(number=7, time="12 min") in line
    assert "✔" not in line


def test_a_name_that_is_too_long_is_cut_and_not_its_host():
    line = header(name="a" * 63)
    assert "… @ db1 " in line


@pytest.mark.parametrize(
    "facts", [{}, {"lost": True}, {"incident": True}, {"incident": True, "read_only": True}]
)
@pytest.mark.parametrize("at", ["db1", "db-primary.colegio.cl"])
def test_what_is_said_of_production_runs_into_nothing_however_narrow_the_terminal_is(at, facts):
    shown = host(at=at, **facts)
    for width in (24, 40, 50, 56, 60, 64, 70, 76, 80):
        pieces = frame.header(shown, width)
        assert width_of(pieces) == width
        line = "".join(text for text, _tone in pieces)
        mark = next((mark for mark in "✖✔" if mark in line), None)
        assert mark is None or line[line.index(mark) - 1] == " ", line
        if width >= (70 if facts.get("read_only") else 60):
            assert f" {_('PRODUCTION')} " in line
            assert "  ".join([_("PRODUCTION"), _("READ-ONLY")]) + " " in line or not facts.get("read_only")
            assert mark


def test_the_rpo_is_the_figure_of_the_checks_row_until_it_is_looked_at_again():
    now = datetime.now(UTC)
    for lost in (20.0, 45 * 60.0 + 50, 3 * 3600.0):
        row_of = Check("rpo", Status.OK, "", figures={"rpo_seconds": lost, "rpo_target_seconds": 7200.0})
        check = next(one for one in CHECKS if one.id == "objectives")
        picture = Picture.of(merged({}, [Result(check, (row_of,), now, 0.1)]))
        later = now + timedelta(seconds=50)
        of_check = _("RPO {now} of {target}").format(now=labels.roughly(lost), target="2 h")
        assert health.rpo(picture, later)[0][0] == of_check


KINDS = [
    *("backup-full", "backup-diff", "verify", "restore", "test-load", "drill", "undo", "promote", "recover"),
    *("kept-drop", "prune", "sync", "services-restart", "monitor", "database-start"),
]


@pytest.mark.parametrize("state", [one for one in JobState if one.over])
def test_the_bar_of_jobs_is_whole_on_80_columns_whatever_ran_last(state):
    """Today or before, with warnings or without."""
    for kind, ended, warnings in product(KINDS, (NOW, NOW - timedelta(days=5)), ((), ({},) * 12)):
        last = SimpleNamespace(kind=kind, ended=ended, state=state, warnings=warnings, title="A title.")
        shown = host()
        shown.state = SimpleNamespace(live=[], last=last, jobs_trouble=None)
        shown.status, shown.knows_jobs = None, True
        said = "".join(text for text, _tone in frame.job_bar(shown, "checklist", 80))
        assert width_of([(said, "")]) == 80
        assert "…" not in said
        assert labels.job(kind) in said
        before = said.partition(_("last: {job}, {time},").partition("{")[0])[0].strip()
        assert before in (_("no job is running"), _("no jobs"), "")
        assert before or width_of([(said.strip() + _("no jobs"), "")]) > 76, "it had room"
        shown.state.jobs_trouble = object()
        said = "".join(text for text, _tone in frame.job_bar(shown, "checklist", 80))
        assert _("the jobs can't be seen") in said


@pytest.mark.parametrize("server", [Status.FAIL, Status.UNKNOWN])
@pytest.mark.parametrize(
    ("minutes", "said"), [(4, "4 min"), (119, "119 min"), (192, "3 h 12 min"), (6 * 1440, "6 d")]
)
def test_since_when_there_is_no_database_is_said_in_words_and_cuts_no_name(server, minutes, said):
    known = host(lost=True, server=server)
    known.context.clock.now = lambda: NOW + timedelta(minutes=minutes)
    line = "".join(text for text, _tone in frame.header(known, 80))
    for_so_long = _("database down for {time}") if server is Status.FAIL else _("database silent for {time}")
    assert for_so_long.format(time=said) in line
    assert "Admisión_MTN_DB @ db1 " in line
