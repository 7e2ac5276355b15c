"""Which moments the screens offer, and which of them they propose."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from rich.cells import cell_len

from mtn_tui.core import i18n
from mtn_tui.core.errors import UsageError
from mtn_tui.core.models import Rung
from mtn_tui.core.settings import Settings
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import Stores
from mtn_tui.ui.data.points import Points, beside, made_of, standing, told_apart, why_not
from mtn_tui.ui.text.timeline import SPANS
from tests.chains import DATABASE, DISK, at, inventory, made, minutes


def installed(folder, **settings) -> Context:
    known = {"db_name": DATABASE, "db_user": "mtn", "backup_dir": folder, "log_dir": folder}
    known |= {"encryption_key_file": folder / "key"}
    return Context(Settings(**known, **settings), Stores(DISK, lambda: None), folder, "ana", "db-1")


@pytest.fixture
def context(tmp_path):
    return installed(tmp_path)


def offered(found: Points) -> list[float]:
    return [minutes(one) for one in found.offered]


def test_fulls_and_usable_differentials_are_offered_the_newest_first(context):
    full, gone = made(0), made(10)
    found = Points(context, inventory(full, made(30, full), made(40, gone), made(5, database="another")))
    assert offered(found) == [30, 0], "not the one whose full is gone, nor another database's"
    assert [made_of(one) for one in found.offered] == ["full + 1 differential", "full"]


def test_what_is_proposed_is_the_newest_that_is_proven_and_not_refused(context):
    full = made(0)
    found = Points(
        context,
        inventory(full, made(30, full), made(60, full, rung=Rung.PRESENT), made(90, full, refused=True)),
    )
    assert minutes(found.offered[found.best]) == 30
    assert [standing(one) for one in found.offered[:2]] == ["✔ complete", "? present"]
    assert [why_not(one) for one in found.offered[:2]] == [
        "restoring it failed: it can't be loaded",
        "it has not been proven.",
    ]


def test_where_nothing_is_proven_the_newest_is_proposed_and_taken_for_a_moment(context):
    full = made(0, rung=Rung.PRESENT)
    found = Points(context, inventory(full, made(30, full, rung=Rung.PRESENT)))
    assert found.best == 0
    assert minutes(found.nearest(at(29))) == 0
    with pytest.raises(UsageError, match="There is no backup of"):
        found.nearest(at(-1))


def test_the_nearest_is_never_after_the_moment_and_one_in_doubt_is_told(context):
    full = made(0)
    found = Points(context, inventory(full, made(30, full), made(60, full, rung=Rung.PRESENT)))
    assert [minutes(found.nearest(at(asked))) for asked in (0, 29.9, 30, 75)] == [0, 0, 30, 30]
    nearest = found.nearest(at(75))
    assert minutes(found.nearer(nearest, at(75))) == 60
    assert found.nearer(nearest, at(59)) is None


def test_a_gap_is_longer_than_differentials_are_apart_as_configured(context, tmp_path):
    full = made(0)
    found = Points(context, inventory(full, made(60, full)))
    hourly = Points(installed(tmp_path, diff_every_minutes=60), inventory(full, made(60, full)))

    def line(points: Points) -> str:
        now = at(60) + timedelta(minutes=5)
        return "".join(text for text, _tone in points.drawn(points.offered[0], None, now, 60, 0)[1])

    assert "█  " in line(found)
    assert "█──" in line(hourly)


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("zoom", range(len(SPANS)))
def test_no_step_from_point_to_point_leaves_the_axis_as_it_was(context, language, zoom):
    i18n.use(language)
    full = made(0)
    found = Points(context, inventory(full, *(made(at, full) for at in (2, 2.5, 4, 31, 33, 75))))

    def drawn(chosen) -> list[str]:
        lines = found.drawn(chosen, None, at(80), 58, zoom)
        return ["".join(text for text, _tone in line) for line in lines]

    pictures = [drawn(one) for one in found.offered]
    assert all(one != other for one, other in pairwise(pictures)), pictures
    assert all(cell_len(line) <= 58 for picture in pictures for line in picture)


def test_the_moment_says_which_of_several_points_in_one_cell_is_chosen(context):
    full = made(0)
    found = Points(context, inventory(full, made(2, full), made(4, full), made(300, full)))

    def label(chosen) -> str:
        return "".join(text for text, _tone in found.drawn(chosen, None, at(310), 58, 1)[2]).strip()

    said = [label(one).partition(", ")[2] for one in found.offered]
    assert said == ["", *(f"{place} of 3 points here" for place in (3, 2, 1))]


def test_two_points_that_would_read_alike_are_told_apart_by_more_than_their_moments(context):
    same, one, another = Points(context, inventory(full := made(0), made(5, full), made(5.02, full))).offered
    assert beside(one, another) == labels.moment(one.moment, seconds=True)
    assert beside(one, same).endswith(f" ({told_apart(one)})")
    assert beside(same, one).endswith(f" ({told_apart(same)})")
    assert beside(one, same) != beside(same, one)
