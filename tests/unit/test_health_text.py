"""The header's verdict is the worst thing known, and nothing is called well that is not known to be so."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mtn_tui.core import i18n
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health import checks, labels
from mtn_tui.operations.health.catalogue import BY_ID, CHECKS
from mtn_tui.operations.health.last_known import merged
from mtn_tui.operations.health.picture import Picture
from mtn_tui.operations.health.runner import Result
from mtn_tui.operations.health.sign_off import SignOff
from mtn_tui.ui.text import health
from mtn_tui.ui.text.cells import width_of

NOW = datetime(2026, 11, 28, 7, 58, tzinfo=UTC)


def picture(ago: timedelta = timedelta(0), **statuses: Status) -> Picture:
    figures = {"rpo_seconds": 41 * 60.0, "rpo_target_seconds": 3600.0}
    results = [
        Result(
            one,
            (Check(one.id, statuses.get(one.id.replace("-", "_"), Status.OK), "so", figures=figures),),
            NOW - ago,
            0.1,
        )
        for one in CHECKS
    ]
    return Picture.of(merged({}, results))


@pytest.mark.parametrize(
    ("statuses", "silent", "said"),
    [
        ({}, (), ("✔ ok", "good")),
        ({"alerts": Status.WARN}, (), ("⚠ 1 warning", "warn")),
        ({"alerts": Status.WARN, "pg_dump": Status.UNKNOWN}, (), ("⚠ 2 warnings", "warn")),
        ({"full": Status.FAIL, "alerts": Status.WARN}, (), ("✖ Full backup", "bad")),
        ({"full": Status.FAIL, "key": Status.FAIL}, (), ("✖ Full backup +1", "bad")),
        ({"server": Status.FAIL, "full": Status.FAIL}, ("bucket",), ("✖ database down, just now", "bad")),
        ({}, ("bucket",), ("⚠ bucket unreachable", "warn")),
        ({"alerts": Status.WARN, "stores": Status.UNKNOWN}, ("bucket",), ("⚠ bucket unreachable +1", "warn")),
        ({"full": Status.FAIL}, ("bucket",), ("✖ Full backup", "bad")),
    ],
)
def test_the_header_speaks_of_the_worst_thing_known(statuses, silent, said):
    assert health.verdict(picture(**statuses), silent, NOW) == said


def test_nothing_old_is_green_and_what_was_bad_is_still_told():
    hours = timedelta(hours=3)
    assert health.verdict(picture(hours), (), NOW) == ("… reading", "dim")
    assert health.verdict(None, (), NOW) == ("… reading", "dim")
    assert health.verdict(picture(hours, server=Status.FAIL), (), NOW) == ("✖ database down for 3 h", "bad")
    assert health.verdict(picture(hours, full=Status.FAIL), (), NOW) == ("✖ Full backup", "bad")
    row = picture(hours).row("full")
    assert health.row(row, NOW, 80, 20)[0][1] == "dim"
    assert health.row(picture().row("full"), NOW, 80, 20)[0][1] == "good"


def test_the_rpo_is_as_the_check_has_found_it_and_red_past_its_target():
    forms = [("RPO 41 min of 1 h", ""), ("RPO 41 min/1 h", ""), ("RPO 41 min", "")]
    assert health.rpo(picture(), NOW) == forms
    assert health.rpo(picture(), NOW + timedelta(seconds=100)) == forms
    late = Result(
        BY_ID["objectives"],
        (Check("rpo", Status.FAIL, "", figures={"rpo_seconds": 7200.0, "rpo_target_seconds": 3600.0}),),
        NOW,
        0.1,
    )
    assert health.rpo(Picture.of(merged({}, [late])), NOW)[0] == ("RPO 2 h of 1 h", "bad")
    never = Result(BY_ID["objectives"], (Check("rpo", Status.FAIL, "nothing"),), NOW, 0.1)
    assert health.rpo(Picture.of(merged({}, [never])), NOW) == [("RPO —", "bad")]
    assert health.rpo(picture(timedelta(hours=3)), NOW) == [("RPO …", "dim")]
    assert health.rpo(None, NOW) == []


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_row_is_as_wide_as_the_screen(language, width):
    i18n.use(language)
    for one in picture().rows:
        for row in (one, Picture.of({}).row(one.check.id)):
            assert width_of(health.row(row, NOW, width, 25)) == width


def test_a_sparkline_shows_the_highest_of_what_it_has_no_room_for():
    assert health.sparkline([0, 7], 10) == "▁█"
    assert health.sparkline([5, 5, 5], 10) == "▁▁▁"
    assert health.sparkline([0, 7], 10, plain=True) == "_#"
    spike = [0.0] * 300
    spike[151] = 9.0
    line = health.sparkline(spike, 60)
    assert len(line) == 60
    assert line.count("█") == 1


@pytest.mark.parametrize(
    ("command", "kind", "asks"),
    [
        (("backup", "full"), "backup-full", True),
        (("backup", "diff"), "backup-diff", False),
        (("verify", "q7kx2maa"), "verify", False),
        (("drill",), "drill", True),
        (("prune",), "prune", True),
        (("sync",), "sync", False),
        (("restore", "x", "--target", "y"), "restore", True),
    ],
)
def test_what_costs_something_is_asked_first(command, kind, asks):
    assert (health.job_kind(command), health.asks_first(command)) == (kind, asks)
    assert health.cost(command)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_the_name_of_no_check_is_cut_at_80_columns(language):
    i18n.use(language)
    names = max(len(one.title()) for one in CHECKS)
    for one in picture().rows:
        assert one.check.title() in "".join(text for text, _tone in health.row(one, NOW, 80, names))


def figures_in(path: Path) -> Iterator[str]:
    """The names of figures in a module of checks: what is put into a dict of that name, or given as one."""
    for node in ast.walk(ast.parse(path.read_text())):
        given = [node.value] if isinstance(node, ast.keyword) and node.arg == "figures" else []
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and target.id == "figures" and node.value is not None:
                    given.append(node.value)
                if isinstance(target, ast.Subscript) and ast.unparse(target.value) == "figures":
                    yield ast.unparse(target.slice)
        for one in [part for value in given for part in ast.walk(value)]:
            if isinstance(one, ast.Dict):
                yield from (ast.unparse(key) for key in one.keys if key is not None)
            elif isinstance(one, ast.DictComp):
                yield ast.unparse(one.key)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_every_figure_has_a_name_in_both_languages(language):
    i18n.use(language)
    found = {name for path in Path(checks.__file__).parent.glob("*.py") for name in figures_in(path)}
    named = {"{store.name}": "bucket", "{name}": "disk", "{one.id}": "prune"}
    names = [ast.literal_eval(one.removeprefix("f")) for one in found]
    for before, after in named.items():
        names = [one.replace(before, after) for one in names]
    assert {"full_age_seconds", "log_errors", "bucket_fulls_bytes", "services_down", "rto_seconds"} <= {
        *names
    }
    for name in names:
        told = labels.figure(name)
        assert told
        assert told != name.replace("_", " "), f"{name} has no name"


def test_a_figure_of_another_version_is_called_by_its_name():
    assert labels.figure("cats_on_the_roof") == "cats on the roof"


def test_the_warnings_of_each_group_are_counted_where_it_stands():
    shown = picture(errors=Status.WARN, alerts=Status.WARN, disk=Status.FAIL, pg_dump=Status.UNKNOWN)
    assert labels.morning(picture(errors=Status.WARN), NOW).startswith("4 of 5 ok")
    assert labels.others(shown) == "Also watched: 1 fails, 2 warnings"
    assert labels.others(picture()) == "Also watched"


def test_a_check_names_the_runbook_whole_in_its_details():
    (row,) = (one for one in picture().rows if one.check.id == "full")
    assert labels.since(row, NOW).endswith(" · runbook §4.1")


def test_the_heading_says_first_what_is_gone_and_since_when_and_how_long_ago_all_was_looked_at():
    gone = picture(server=Status.FAIL, suspect=Status.FAIL)
    since = f"{NOW.astimezone():%H:%M}"
    assert labels.morning(gone, NOW) == f"✖ Database: fail since {since} · 5 of 5 ok · all looked at just now"
    assert labels.morning(gone, NOW, 45) == f"✖ Database: fail since {since} · 5 of 5 ok"
    only_set_up = picture(schedule=Status.FAIL)
    assert labels.morning(only_set_up, NOW).startswith("5 of 5 ok"), "only what decides is so grave"


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_what_was_signed_stays_as_it_was_when_all_is_well_later(language):
    i18n.use(language)
    as_signed = picture(monitoring=Status.WARN)
    signed = SignOff(NOW - timedelta(minutes=2), "root", "root", "see later", as_signed.statuses)
    later = replace(picture(), signed=signed)
    title, time = BY_ID["monitoring"].title(), f"{signed.at.astimezone():%H:%M}"
    whole = labels.morning(later, NOW)
    with_them = i18n._("with {count} of {all}").format(count=4, all=5)
    assert f"{time} {with_them} ({title})" in whole
    assert whole.endswith("root: see later")
    for room in (90, 75, 57, 50):
        told = labels.morning(later, NOW, room)
        assert len(told) <= room
        assert with_them in told
        assert i18n._("just now") in told or i18n._("all looked at just now") in told


def test_since_when_is_when_the_limit_was_passed_else_only_when_it_was_first_seen():
    limit = NOW - timedelta(hours=22)
    for since, said in ((limit, "fail since 2026-11-27 "), (None, "fail, first seen 2026-11-28 ")):
        found = Check("full", Status.FAIL, "2 d old", since=since)
        known = merged({}, [Result(BY_ID["full"], (found,), NOW, 0.1)])
        assert labels.since(Picture.of(known).row("full"), NOW).startswith(said)
    well = merged({}, [Result(BY_ID["full"], (Check("full", Status.OK, "so"),), NOW, 0.1)])
    seen = merged(well, [Result(BY_ID["full"], (found,), NOW + timedelta(minutes=1), 0.1)])
    assert labels.since(Picture.of(seen).row("full"), NOW).startswith("fail since 2026-11-28 ")


def test_a_figure_of_the_last_look_that_had_one_is_told_with_its_moment_and_never_as_of_now():
    def looked(minutes, *findings):
        return Result(BY_ID["server"], findings, NOW - timedelta(minutes=minutes), 0.1)

    size = {"database_size_bytes": 12_100_000.0}
    known = merged({}, [looked(30, Check("server", Status.OK, "so", figures=size))])
    known = merged(known, [looked(20, Check("server", Status.OK, "so", figures=size))])
    known = merged(known, [looked(0, Check("server", Status.FAIL, "gone"))])
    lines = health.history(Picture.of(known).row("server"), NOW, 200, plain=False)
    (told,) = [text for text, _tone in lines if "Size of the database" in text]
    last = NOW - timedelta(minutes=20)
    assert told.endswith(f"always 12.1 MB, the last time at {last.astimezone():%H:%M}")
    assert "now" not in told


def test_ages_are_those_of_the_moment_when_they_are_shown_in_header_row_and_details_alike():
    made = NOW - timedelta(seconds=1)
    figures = {"rpo_seconds": 1.0, "rpo_target_seconds": 3600.0}
    rpo = Check(
        "rpo", Status.OK, "RPO 1 s of 1 h: so.", figures=figures, short="RPO 1 s", aged=made, age="1 s"
    )
    full = Check("full", Status.OK, "0 min old, of then.", short="0 min old", aged=made, age="0 min")
    results = [Result(BY_ID[name], (one,), NOW, 0.1) for name, one in (("objectives", rpo), ("full", full))]
    shown, later = Picture.of(merged({}, results)), NOW + timedelta(seconds=70)
    assert health.rpo(shown, later)[0][0] == "RPO 1 min of 1 h"
    for name, said in (("objectives", "RPO 1 min"), ("full", "1 min old")):
        row = shown.row(name)
        assert labels.evidence(row, later) == said
        assert health.told(row, later, 70)[0][0].startswith(said)
    row = shown.row("full")
    assert labels.evidence(row, NOW + timedelta(hours=3)) == "3 h ago: 0 min old", "as it was seen then"
