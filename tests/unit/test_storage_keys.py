"""Which names an object may have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.core.errors import StorageError
from mtn_tui.core.models import BackupName
from mtn_tui.storage.base import checked_key, storable

GOOD = "admision_mtn_full_db1_20260302_020000.sql.gz.gpg"


@pytest.mark.parametrize(
    "key",
    [GOOD, f"full/{GOOD}", f"{GOOD}.manifest.json", "RESTORE-CARD.txt", "admisión á.gpg", "...", "a" * 900],
)
def test_the_names_of_backups_and_their_companions_pass(key: str) -> None:
    assert checked_key(key) == key


def test_the_key_of_every_backup_passes() -> None:
    name = BackupName.parse(GOOD)
    assert name is not None
    assert checked_key(name.key) == f"full/{GOOD}"


@given(st.text(max_size=30))
def test_a_key_that_passes_stays_below_its_root_and_can_be_written_down(key: str) -> None:
    if not storable(key):
        with pytest.raises(StorageError):
            checked_key(key)
        return
    parts = key.split("/")
    assert 1 <= len(parts) <= 2
    assert not {"", ".", ".."} & set(parts)
    assert key.isprintable() or not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in key)
    assert key.encode().decode() == key


@pytest.mark.parametrize("base", ["x", "full/x"])
@pytest.mark.parametrize(
    "bad", ["\n", "\r", "\t", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\ud800", "\\", "\uffff"]
)
def test_one_bad_character_anywhere_is_enough(base: str, bad: str) -> None:
    for position in range(len(base) + 1):
        assert not storable(base[:position] + bad + base[position:])


def test_the_refusal_shows_control_characters_and_does_not_obey_them() -> None:
    with pytest.raises(StorageError) as raised:
        checked_key("x\x1b[31m\n")
    assert "\x1b" not in raised.value.title
    assert "\n" not in raised.value.title
