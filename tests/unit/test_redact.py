"""A secret that was made known is in no text that leaves, in whatever form it got there."""

from __future__ import annotations

import json
import shlex
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.cli.output import printable
from mtn_tui.core.redact import _PLAINLY_SECRET, MASK, Redactor

ODD = "p'a\"s s\\w%rd$é\tñ€;&"

FORMS = {
    "as it is": lambda secret: secret,
    "percent-encoded": lambda secret: quote(secret, safe=""),
    "percent-encoded but for slashes": quote,
    "of a form": quote_plus,
    "repr": repr,
    "repr of its bytes": lambda secret: repr(secret.encode()),
    "ascii": ascii,
    "JSON": json.dumps,
    "JSON in UTF-8": lambda secret: json.dumps(secret, ensure_ascii=False),
    "SQL": lambda secret: "'" + secret.replace("'", "''") + "'",
    "libpq": lambda secret: "'" + secret.replace("\\", "\\\\").replace("'", "\\'") + "'",
    "a shell": shlex.quote,
    "a terminal": printable,
}


def letters_left(text):
    return [part for part in ("p'a", "s s", "w%rd", "w%25rd") if part in text]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_masked(form):
    redact = Redactor()
    redact.add(ODD)
    text = redact(f"connecting as {FORMS[form](ODD)} failed")
    assert letters_left(text) == []
    assert text.startswith("connecting as ")
    assert text.endswith(" failed")
    assert MASK in text


secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=30).filter(
    lambda text: len(text.strip()) > 5
)


@given(secrets, st.sampled_from(sorted(FORMS)), st.text(max_size=10), st.text(max_size=10))
def test_any_secret_in_any_form_is_masked(secret, form, before, after):
    redact = Redactor()
    redact.add(secret)
    assert secret not in redact(before + FORMS[form](secret) + after).replace(MASK, "\0")


def test_of_two_secrets_one_within_the_other_nothing_is_left():
    redact = Redactor()
    redact.add("horse")
    redact.add("horse battery")
    assert redact("a horse battery and a horse") == f"a {MASK} and a {MASK}"


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_a_blank_is_no_secret(blank):
    redact = Redactor()
    redact.add(blank)
    assert redact("nothing \t\n to hide") == "nothing \t\n to hide"


def test_a_secret_that_looks_like_a_figure_leaves_json_whole():
    redact = Redactor()
    redact.add("12")
    redact.add("size")
    figures = {"size": 1234, "names": ["a 12 b", ("12",)], "nothing": None, "yes": True, "ratio": 12.5}
    assert redact.within(figures) == {
        "size": 1234,
        "names": [f"a {MASK} b", [MASK]],
        "nothing": None,
        "yes": True,
        "ratio": 12.5,
    }


def test_it_does_not_show_what_it_knows():
    redact = Redactor()
    redact.add("horse battery")
    assert "horse" not in repr(redact)


@pytest.mark.parametrize("secret", ["o", "op", "opy"])
def test_a_short_secret_is_masked_as_a_word_and_never_within_one(secret):
    redact = Redactor()
    redact.add(secret)
    words = "Copy it now: mtn backup full --as-operator --color"
    assert redact(words) == words
    assert redact(f"it is {secret!r}, {secret} or ({secret})") == (f"it is {MASK!r}, {MASK} or ({MASK})")


def test_a_secret_of_four_characters_is_masked_within_words():
    redact = Redactor()
    redact.add("cats")
    assert redact("bobcats") == f"bob{MASK}"


WORDS = ["pass", "paſſ", "PASS", "word", "secret", "SECRET_KEY", "=", "'", "x", "://", "u:", "@"]
PIECES = (*WORDS, "md5", "SCRAM-SHA-256$", " ", "0" * 32)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_no_pattern_is_passed_over_that_would_match(text):
    masked = text
    for _word, pattern in _PLAINLY_SECRET:
        masked = pattern.sub(rf"\1{MASK}", masked)
    assert Redactor()(text) == masked
