"""What step 3 says of the rows that a backup lacks: what was created, and what is more or fewer, by table."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mtn_tui.core import i18n
from mtn_tui.operations.restore.lost_rows import RowsNow, TableRows
from mtn_tui.operations.restore.plan import Target
from mtn_tui.postgres.newest import Newer
from mtn_tui.ui.wizard.balance import balance_text, created_text

TARGET = Target("mtn", "db-1", 5432, 1, "15.14", "production", None, None)
TABLES = ("notifications", "documents", "interviews", "visits", "applications")


def created(*rows: int) -> str:
    parts = tuple(zip((f"public.{name}" for name in TABLES), rows, strict=False))
    return created_text(replace(TARGET, newer=Newer(sum(rows), None, "", "", "", parts)))


def balance(*changes: tuple[int, int], exact: bool = True, dated: bool = True) -> str:
    """Of each table how many rows are gone, and how many are new since."""
    pairs = [(f"public.{name}", *change) for name, change in zip(TABLES, changes, strict=False)]
    rows = tuple(TableRows(name, 5000, 5000 - gone + new, exact=exact) for name, gone, new in pairs)
    made = tuple((name, new) for name, _gone, new in pairs if new)
    known = frozenset(name for name, *_change in pairs)
    newer = Newer(sum(new for _name, new in made), None, "", "", "", made, known)
    return balance_text(RowsNow("mtn", rows), newer if dated else None)


def figures(text: str) -> list[int]:
    return [int(re.sub(r"\D", "", one)) for one in re.findall(r"\d[\d.,]*", text)]


def test_what_was_created_is_told_from_what_is_more_and_from_what_is_fewer():
    assert created(30, 10) == "40 rows created since are still there (30 notifications, 10 documents)"
    said = "656 rows that were there are gone (644 documents, 12 visits), 12 new since (12 documents)"
    assert balance((0, 0), (644, 12), (0, 0), (12, 0)) == said
    assert balance((1, 0)) == "1 row that was there is gone (1 notifications), 0 new since"
    assert balance((0, 7)) == "0 rows that were there are gone, 7 new since (7 notifications)"


def test_where_rows_have_no_date_the_difference_is_the_least():
    assert balance((30, 10), dated=False) == (
        "at least: 20 rows that were there are gone (20 notifications), 0 new since"
    )


def test_the_same_in_spanish():
    i18n.use("es")
    assert created(1) == "1 fila creada desde entonces sigue ahí (1 notifications)"
    assert created(2000) == "2.000 filas creadas desde entonces siguen ahí (2.000 notifications)"
    said = "faltan 1.200 filas que estaban (1.200 documents), 1 nuevas desde entonces (1 notifications)"
    assert balance((0, 1), (1200, 0)) == said


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("rows", [(7,), (2000, 7), (2000, 7, 5), (2000, 7, 5, 3), (2000, 7, 5, 3, 1)])
def test_the_parts_are_the_sum(language, rows):
    i18n.use(language)
    gone, new = balance(*((one, 0) for one in rows)), balance(*((0, one) for one in rows))
    for said in (created(*rows), gone.rpartition(", ")[0], new.partition(", ")[2]):
        total, *parts = figures(re.sub(r"(in|en otras) \d+ (other )?tabl[ea]s", "", said))
        assert total == sum(parts) == sum(rows), said


def test_an_estimate_is_marked_in_the_sum_and_in_its_part():
    assert balance((7, 0), exact=False) == "≈7 rows that were there are gone (≈7 notifications), 0 new since"


def test_nothing_is_said_where_nothing_is_known_or_nothing_differs():
    assert created_text(None) == created_text(TARGET) == balance_text(None) == balance((0, 0)) == ""
    assert created_text(replace(TARGET, newer=Newer(None, None, "", "", ""))) == ""
    assert created() == ""
