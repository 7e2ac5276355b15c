"""A backup's file name tells its kind, its moment and its host, and nothing else passes as one."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.core.models import BackupName, Kind, Rung

STAMP = datetime(2025, 10, 3, 20, 34)

# What BACKUP_PREFIX and a host's name can be; neither holds _full_ or _diff_.
words = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789-", min_size=1, max_size=20)
prefixes = st.builds("_".join, st.lists(words, min_size=1, max_size=3)).filter(
    lambda text: not {"full", "diff"} & set(text.split("_"))
)
stamps = st.datetimes(datetime(1970, 1, 1), datetime(8999, 12, 31)).map(
    lambda moment: moment.replace(microsecond=0)
)


@given(prefixes, st.sampled_from(Kind), words | st.just(""), stamps, st.booleans())
def test_every_name_that_is_made_reads_back(prefix, kind, host, stamp, clear):
    name = BackupName(stamp, prefix, kind, host, clear)
    assert BackupName.parse(str(name)) == name


@given(
    st.text(max_size=80) | st.from_regex(r"\w*_(full|diff)_\S*\d{8}_\d{6}\.sql\.gz(\.gpg)?", fullmatch=True)
)
def test_what_reads_as_a_name_is_written_as_it_was(text):
    name = BackupName.parse(text)
    assert name is None or str(name) == text


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("admision_mtn_full_20251003_203400.sql.gz.gpg", ""),
        ("admision_mtn_full_MacBook-Pro-de-Jorge-4_20251003_203400.sql.gz.gpg", "MacBook-Pro-de-Jorge-4"),
        ("admision_mtn_full_db_1_20251003_203400.sql.gz.gpg", "db_1"),
        ("admision_mtn_full_20240101_000000_20251003_203400.sql.gz.gpg", "20240101_000000"),
    ],
)
def test_both_forms_of_the_scripts_are_read(text, host):
    assert BackupName.parse(text) == BackupName(STAMP, "admision_mtn", Kind.FULL, host)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "RESTORE-CARD.txt",
        "admision_mtn_full_db_20251003_203400.sql.gz.gpg.manifest.json",
        "admision_mtn_full_db_20251003_203400.sql.gz.gpg.part",
        "admision_mtn_full_db_20251003_203400.sql.gz.gpg.roles.enc",
        "admision_mtn_full_db_20251003_203400.sql",
        "admision_mtn_full_db_20251003_203400.SQL.GZ.GPG",
        "admision_mtn_full_db_20251003_203400.sql.gz.gpg\n",
        "admision_mtn\n_full_db_20251003_203400.sql.gz.gpg",
        "admision_mtn_incr_db_20251003_203400.sql.gz.gpg",
        "_full_20251003_203400.sql.gz.gpg",
        "admision_mtn_full_db_20251303_203400.sql.gz.gpg",
        "admision_mtn_full_db_20250230_203400.sql.gz.gpg",
        "admision_mtn_full_db_20251003_240000.sql.gz.gpg",
        "admision_mtn_full_db_20251003_250000.sql.gz.gpg",
        "admision_mtn_full_db_١٩٩٩1003_203400.sql.gz.gpg",
        "full/admision_mtn_full_db_20251003_203400.sql.gz.gpg",
        "../admision_mtn_full_db_20251003_203400.sql.gz.gpg",
    ],
)
def test_anything_else_is_no_backup(text):
    assert BackupName.parse(text) is None


@pytest.mark.parametrize("year", ["0000", "0001", "0999", "1969", "9999"])
def test_a_moment_that_is_none_in_some_zone_is_no_backups(year):
    """One such name in a store must not end every listing."""
    assert BackupName.parse(f"admision_mtn_full_db_{year}1231_235959.sql.gz.gpg") is None


def test_a_key_in_a_bucket_is_the_scripts():
    name = BackupName(STAMP, "admision_mtn", Kind.DIFF, "db")
    assert name.key == "differential/admision_mtn_diff_db_20251003_203400.sql.gz.gpg"


def test_later_is_the_next_second_over_midnight():
    name = BackupName(datetime(2025, 12, 31, 23, 59, 59), "admision_mtn", Kind.FULL, "db")
    assert str(name.later()) == "admision_mtn_full_db_20260101_000000.sql.gz.gpg"


def test_names_sort_by_moment():
    earlier = BackupName(STAMP, "zzz", Kind.FULL, "z")
    assert sorted([earlier.later(), earlier]) == [earlier, earlier.later()]


def test_proven_is_complete_and_whatever_is_above():
    assert [rung.word for rung in Rung if rung.proven] == ["complete", "restored", "queried"]
    assert all(Rung.of(rung.word) is rung for rung in Rung)
