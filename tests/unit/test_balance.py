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


def balance(*changes: int, exact: bool = True) -> str:
    pairs = zip(TABLES, changes, strict=False)
    rows = tuple(TableRows(f"public.{name}", 5000, 5000 + change, exact=exact) for name, change in pairs)
    return balance_text(RowsNow("mtn", rows))


def figures(text: str) -> list[int]:
    return [int(re.sub(r"\D", "", one)) for one in re.findall(r"\d[\d.,]*", text)]


def test_what_was_created_is_told_from_what_is_more_and_from_what_is_fewer():
    assert created(30, 10) == "40 rows created since are still there (30 notifications, 10 documents)"
    assert balance(10, 0, -30) == "10 rows more than then (10 notifications), 30 fewer (30 interviews)"
    assert balance(-30) == "30 rows fewer than then (30 notifications)"


def test_the_same_in_spanish():
    i18n.use("es")
    assert created(1) == "1 fila creada desde entonces sigue ahí (1 notifications)"
    assert created(2000) == "2.000 filas creadas desde entonces siguen ahí (2.000 notifications)"
    assert balance(1, -1200) == "1 fila más que entonces (1 notifications), 1.200 menos (1.200 documents)"
    assert balance(-2) == "2 filas menos que entonces (2 notifications)"


@pytest.mark.parametrize("language", i18n.LANGUAGES)
@pytest.mark.parametrize("rows", [(7,), (2000, 7), (2000, 7, 5), (2000, 7, 5, 3), (2000, 7, 5, 3, 1)])
def test_the_parts_are_the_sum(language, rows):
    i18n.use(language)
    for said in (created(*rows), balance(*rows), balance(*(-one for one in rows))):
        total, *parts = figures(re.sub(r"(in|en otras) \d+ (other )?tabl[ea]s", "", said))
        assert total == sum(parts) == sum(rows), said


def test_an_estimate_is_marked_in_the_sum_and_in_its_part():
    assert balance(7, exact=False) == "≈7 rows more than then (≈7 notifications)"


def test_nothing_is_said_where_nothing_is_known_or_nothing_differs():
    assert created_text(None) == created_text(TARGET) == balance_text(None) == balance(0, 0) == ""
    assert created_text(replace(TARGET, newer=Newer(None, None, "", "", ""))) == ""
    assert created() == ""
