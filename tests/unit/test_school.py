from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.demo.rut import rut
from mtn_tui.demo.school_families import Families
from mtn_tui.demo.school_rows import TABLES
from mtn_tui.demo.school_words import plain

NEWEST = datetime(2026, 3, 2, 15, 30, tzinfo=UTC)


def rows_of(rows: int, seed: int = 1, newest: datetime = NEWEST) -> dict[str, list[dict[str, str]]]:
    families = Families(rows, seed, newest)
    return {
        table.name: [
            dict(zip(table.columns.split(), line.rstrip("\n").split("\t"), strict=True))
            for line in table.rows(families)
        ]
        for table in TABLES
    }


@pytest.fixture(scope="module")
def school() -> dict[str, list[dict[str, str]]]:
    return rows_of(6000)


@pytest.mark.parametrize("known", ["12345678-5", "11111111-1", "7654321-6", "10000013-K", "76086428-5"])
def test_the_check_digit_is_the_civil_registry_s(known: str) -> None:
    assert rut(int(known.split("-", maxsplit=1)[0])) == known


@given(st.integers(1, 99_999_999))
def test_the_check_digit_makes_the_weighted_sum_divisible_by_eleven(number: int) -> None:
    digits, check = rut(number).split("-")
    weighted = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(digits)))
    assert (weighted + (10 if check == "K" else int(check))) % 11 == 0


def test_the_same_seed_makes_the_same_school_and_another_seed_another() -> None:
    assert rows_of(500, seed=3) == rows_of(500, seed=3)
    assert rows_of(500, seed=3) != rows_of(500, seed=4)


@pytest.mark.parametrize("wanted", [1, 200, 1000, 5000, 40_000])
def test_there_are_about_as_many_rows_as_were_asked_for(wanted: int) -> None:
    made = sum(len(rows) for rows in rows_of(wanted).values())
    assert abs(made - wanted) < max(320, wanted * 0.04)


def test_nobody_s_number_or_address_comes_twice(school: dict[str, list[dict[str, str]]]) -> None:
    for table, column in [
        ("users", "email"),
        ("guardians", "rut"),
        ("students", "rut"),
        ("applications", "folio"),
    ]:
        values = [row[column].lower() for row in school[table]]
        assert len(set(values)) == len(values)
    pairs = {(row["student_id"], row["year"]) for row in school["applications"]}
    assert len(pairs) == len(school["applications"])


def test_numbers_stay_unique_in_the_millions() -> None:
    count = 2_000_000
    students = {Families.student_rut(number) for number in range(0, count, 7)}
    assert len(students) == len(range(0, count, 7))


def test_every_reference_leads_somewhere(school: dict[str, list[dict[str, str]]]) -> None:
    references = {
        "user_id": "users",
        "guardian_id": "guardians",
        "student_id": "students",
        "application_id": "applications",
        "level_id": "school_levels",
        "comuna_id": "comunas",
        "interviewer_id": "users",
        "evaluator_id": "users",
        "reviewed_by": "users",
        "decided_by": "users",
    }
    known = {name: {row["id"] for row in rows if "id" in row} for name, rows in school.items()}
    for rows in school.values():
        for row in rows:
            for column, target in references.items():
                if column in row and row[column] != "\\N":
                    assert row[column] in known[target]


def test_children_bear_their_guardian_s_surname(school: dict[str, list[dict[str, str]]]) -> None:
    guardians = {row["id"]: row for row in school["guardians"]}
    for student in school["students"]:
        guardian = guardians[student["guardian_id"]]
        surname = "maternal_surname" if guardian["relationship"] == "madre" else "paternal_surname"
        assert student[surname] == guardian["paternal_surname"]


@pytest.mark.parametrize(
    "newest", [NEWEST, datetime(2026, 1, 1, tzinfo=UTC), datetime(2028, 2, 29, 23, 59, tzinfo=UTC)]
)
def test_nothing_happens_after_the_newest_moment_and_something_just_before(newest: datetime) -> None:
    limit = f"{newest:%Y-%m-%d %H:%M:%S.%f}+00"
    moments = [
        value
        for rows in rows_of(3000, newest=newest).values()
        for row in rows
        for value in row.values()
        if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00", value)
    ]
    assert max(moments) <= limit
    assert max(moments)[:10] == limit[:10]


def test_things_happen_in_order(school: dict[str, list[dict[str, str]]]) -> None:
    for rows in school.values():
        for row in rows:
            if "updated_at" in row:
                assert row["created_at"] <= row["updated_at"]
    for row in school["applications"]:
        known = [
            row[column] for column in ("created_at", "submitted_at", "decided_at") if row[column] != "\\N"
        ]
        assert known == sorted(known)
        assert (row["decided_at"] == "\\N") == (row["decided_by"] == "\\N")


def test_children_are_of_an_age_for_their_level(school: dict[str, list[dict[str, str]]]) -> None:
    born = {row["id"]: int(row["birth_date"][:4]) for row in school["students"]}
    for row in school["applications"]:
        age = int(row["year"]) - born[row["student_id"]]
        assert age - int(row["level_id"]) in (3, 4, 5)


def test_sentences_are_spanish_without_gaps(school: dict[str, list[dict[str, str]]]) -> None:
    for row in school["interviews"] + school["evaluations"] + school["applications"]:
        text = row.get("notes") or row.get("observations") or row.get("motivation") or ""
        assert "{" not in text
        assert not re.search(r"\b(a|de) el [a-z]", text, re.IGNORECASE), text


def test_it_compresses_like_a_real_school_s_data() -> None:
    families = Families(30_000, 1, NEWEST)
    text = "".join("".join(table.rows(families)) for table in TABLES).encode()
    assert 0.2 <= len(gzip.compress(text, 9)) / len(text) <= 0.35


def test_an_address_is_made_of_plain_letters() -> None:
    assert plain("Ñancupil") == "nancupil"
    assert plain("O'Higgins") == "ohiggins"
    assert plain("Ruiz-Tagle") == "ruiztagle"
