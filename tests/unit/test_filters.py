"""The filter language of the list of backups."""

from __future__ import annotations

import operator
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.archive.proof import Mark, Proof
from mtn_tui.cli.inventory import list_backups
from mtn_tui.core.errors import UsageError
from mtn_tui.core.models import BackupName, Kind, Rung
from mtn_tui.operations.inventory.filters import ALLOWED, parse
from mtn_tui.operations.inventory.model import Backup, Copy, CopyStatus
from mtn_tui.storage.local import LocalStorage
from tests.archive_fixtures import patient
from tests.chains import inventory, made, minutes

EXAMPLES = tuple(
    word.rstrip(",")
    for option in list_backups.params
    for word in (getattr(option, "help", None) or "").split()
    if re.fullmatch(r"!?\w+:\S+", word)
)
"""Those of the command's help."""

NOW = datetime(2026, 9, 15, 12, tzinfo=UTC)
MARK = Mark(NOW, "ana")


class Bucket(LocalStorage):
    name = "bucket"


DISK, BUCKET = LocalStorage(Path("/disk")), Bucket(Path("/bucket"))


def backup(
    *stores, kind=Kind.FULL, age=timedelta(0), size=10**9, standing=CopyStatus.LEGACY, suspect="", **marks
):
    stamp = (NOW - age).astimezone().replace(tzinfo=None, microsecond=0)
    name = BackupName(stamp, "admision_mtn", kind, "db-1")
    proof = Proof("", **marks)
    copies = [Copy(store, str(name), size, standing, None, proof) for store in stores or (DISK, BUCKET)]
    return Backup(name, tuple(copies), suspect)


def fits(text, one):
    return parse(text, NOW)(one)


def reached(rung):
    return {"rungs": {rung: NOW}}


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "one", "expected"),
    [
        ("", backup(), True),
        ("  ", backup(), True),
        ("kind:full", backup(), True),
        ("KIND:Full", backup(), True),
        ("kind:diff", backup(), False),
        ("!kind:diff", backup(), True),
        ("-kind:full", backup(), False),
        ("age:<7d", backup(age=6 * DAY), True),
        ("age:<7d", backup(age=7 * DAY), False),
        ("age:<=7d", backup(age=7 * DAY), True),
        ("age:>90min", backup(age=DAY), True),
        ("age:>1.5h", backup(age=timedelta(hours=1)), False),
        ("age:>1w", backup(age=8 * DAY), True),
        ("age:<1m", backup(age=-DAY), True),
        ("proof:complete", backup(**reached(Rung.COMPLETE)), True),
        ("proof:complete", backup(**reached(Rung.QUERIED)), True),
        ("proof:complete", backup(**reached(Rung.INFLATES)), False),
        ("proof:=complete", backup(**reached(Rung.QUERIED)), False),
        ("proof:<complete", backup(), True),
        ("size:>1GB", backup(size=10**9 + 1), True),
        ("size:>1gb", backup(size=10**9), False),
        ("size:>=1.5kB", backup(size=1500), True),
        ("size:=20", backup(size=20), True),
        ("where:disk", backup(BUCKET), False),
        ("where:bucket", backup(BUCKET), True),
        ("where:both", backup(BUCKET), False),
        ("where:both", backup(), True),
        ("is:suspect", backup(suspect="smaller"), True),
        ("is:suspect", backup(), False),
        ("is:pinned", backup(pinned=MARK), True),
        ("!is:pinned", backup(pinned=MARK), False),
        ("is:accepted", backup(accepted=MARK), True),
        ("is:legacy", backup(), True),
        ("is:whole", backup(), False),
        ("is:broken", backup(failed="changed"), True),
        ("is:broken", backup(standing=CopyStatus.BROKEN), True),
        ("is:proven", backup(**reached(Rung.COMPLETE)), True),
        ("MISION", backup(), True),
        ("db-2", backup(), False),
        ("!db-2", backup(), True),
        ("kind:full age:<7d !is:pinned db-1", backup(age=DAY), True),
        ("kind:full age:<7d is:pinned db-1", backup(age=DAY), False),
        ('"db-1_2026"', backup(), True),
        ('is:"legacy"', backup(), True),
        ("!", backup(), False),
        ("it's", backup(), False),
        ("#", backup(), False),
    ],
)
def test_what_fits(text, one, expected):
    assert fits(text, one) is expected


@pytest.mark.parametrize(
    ("text", "word", "allowed"),
    [
        ("kind:whole", "kind:whole", "kind:diff"),
        ("db-1 !kind:", "!kind:", "kind:full"),
        ("age:7d", "age:7d", "age:<7d"),
        ("age:<7", "age:<7", "min, h, d, w"),
        ("age:<999999999w", "age:<999999999w", "age:<7d"),
        ("age:<-1d", "age:<-1d", "age:<7d"),
        ("proof:good", "proof:good", "proof:complete"),
        ("size:1GB", "size:1GB", "size:>1GB"),
        ("size:>1GiB", "size:>1GiB", "GB"),
        ("where:here", "where:here", "where:both"),
        ("is:nice", "is:nice", "is:suspect"),
        ("base:", "base:", "base:ID"),
        ("database:x", "database:x", "kind:, base:, age:, proof:, size:, where:, is:"),
        (":", ":", "kind:"),
    ],
)
def test_a_word_that_is_not_understood_is_named_with_what_could_stand_there(text, word, allowed):
    with pytest.raises(UsageError) as refused:
        parse(text, NOW)
    assert repr(word) in refused.value.title
    assert allowed in refused.value.hint


def test_the_differentials_on_a_full_are_found_by_its_id_or_name_and_those_without_it_too():
    full, other = made(0), made(1440)
    listed = inventory(full, made(30, full), made(60, full), made(1470, other)).backups

    def found(text):
        return [minutes(one) for one in listed if fits(text, one)]

    assert found(f"base:{full[1].manifest.id.upper()}") == [60, 30]
    assert found(f"base:{full[0]}") == [60, 30]
    assert found("base:admision_mtn_full") == [60, 30]
    assert found(f"base:{other[1].manifest.id}") == [1470]
    assert found("is:unusable") == [1470]
    assert found("kind:diff !is:unusable age:>1000d") == []


def test_an_open_quotation_mark_is_told():
    with pytest.raises(UsageError, match="quotation mark"):
        parse('kind:full "db', NOW)


def test_the_help_has_an_example_of_each():
    assert (
        *("kind:full", "age:<7d", "proof:complete", "size:>1GB"),
        *("where:both", "is:suspect", "!is:pinned"),
    ) == EXAMPLES


def test_every_example_and_all_that_hints_offer_is_understood():
    for text in (*EXAMPLES, *ALLOWED.values()):
        for part in text.split(" (")[0].split(", "):
            parse(part, NOW)


words = st.sampled_from(
    [*EXAMPLES, "db-1", "kind:diff", "is:legacy", "proof:<hashed", "age:>3h", "where:disk"]
)
backups = st.builds(
    lambda stores, **rest: backup(*stores, **rest),
    st.sampled_from([(DISK,), (BUCKET,), (DISK, BUCKET)]),
    kind=st.sampled_from(Kind),
    age=st.timedeltas(timedelta(hours=-5), timedelta(days=400)),
    size=st.integers(0, 10**12),
    standing=st.sampled_from(CopyStatus),
    suspect=st.sampled_from(["", "smaller"]),
    rungs=st.dictionaries(st.sampled_from(Rung), st.just(NOW)),
    pinned=st.none() | st.just(MARK),
)


@patient
@given(one=backups, asked=st.lists(words, max_size=4))
def test_all_words_must_hold_and_a_negated_one_must_not(one, asked):
    assert fits(" ".join(asked), one) == all(fits(word, one) for word in asked)
    for word in asked:
        assert fits(f"!{word}" if word[0] != "!" else word[1:], one) != fits(word, one)


@patient
@given(one=backups, hours=st.integers(0, 10_000), sign=st.sampled_from(["<", "<=", ">", ">=", "="]))
def test_ages_and_sizes_compare_as_numbers_do(one, hours, sign):
    compared = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}
    assert fits(f"age:{sign}{hours}h", one) == compared[sign](NOW - one.moment, timedelta(hours=hours))
    assert fits(f"size:{sign}{hours}MB", one) == compared[sign](one.size, hours * 10**6)


@patient
@given(text=st.text(max_size=30), one=backups)
def test_any_text_is_a_filter_or_a_usage_error(text, one):
    try:
        test = parse(text, NOW)
    except UsageError:
        return
    assert test(one) in (True, False)
