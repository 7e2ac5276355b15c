"""The language is the one asked for; a missing one is English, never an error."""

from __future__ import annotations

import gettext
import os

import pytest

from mtn_tui.core import i18n
from mtn_tui.core.i18n import _, asked_for, ngettext, use
from mtn_tui.operations.common import labels

LOCALES = ("MTN_LANG", "LC_ALL", "LC_MESSAGES", "LANG", "LANGUAGE")


@pytest.fixture(autouse=True)
def as_it_was():
    before = {name: os.environ.get(name) for name in LOCALES}
    spoken = i18n._translations
    for name in LOCALES:
        os.environ.pop(name, None)
    yield
    use("en")
    i18n._translations = spoken
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


@pytest.mark.parametrize(
    ("arguments", "language"),
    [
        ([], None),
        (["list"], None),
        (["--lang", "es", "list"], "es"),
        (["--lang=es", "list"], "es"),
        (["--config", "x", "--lang", "en"], "en"),
        (["--lang"], None),
        (["--language", "es"], None),
    ],
)
def test_the_option_is_found_before_anything_is_parsed(arguments, language):
    assert asked_for(arguments) == language


@pytest.mark.parametrize(
    ("asked", "environment", "spoken"),
    [
        ("es", {}, "es"),
        ("es", {"MTN_LANG": "en", "LANG": "en_US.UTF-8"}, "es"),
        (None, {"MTN_LANG": "es", "LANG": "en_US.UTF-8"}, "es"),
        (None, {"LANG": "es_CL.UTF-8"}, "es"),
        (None, {"LC_ALL": "es_CL", "LANG": "en_US"}, "es"),
        (None, {"LC_ALL": "C", "LANG": "es_CL"}, "en"),
        (None, {"LC_MESSAGES": "es_ES", "LANG": "en_US"}, "es"),
        (None, {"LANG": "de_DE.UTF-8"}, "en"),
        (None, {"LANG": "C.UTF-8"}, "en"),
        (None, {"LANG": "POSIX"}, "en"),
        ("ES", {}, "es"),
        ("klingon", {}, "en"),
        ("", {"MTN_LANG": "es"}, "es"),
    ],
)
def test_option_then_variable_then_locale(asked, environment, spoken):
    os.environ.update(environment)
    assert use(asked) == spoken


def test_spanish_is_spoken_where_the_catalogue_has_it():
    catalogue = gettext.translation("mtn", i18n._FOLDER, ["es"])
    use("es")
    assert _("Make a backup.") == catalogue.gettext("Make a backup.")
    use("en")
    assert _("Make a backup.") == "Make a backup."


def test_english_counts_one_and_many():
    use("en")
    assert [ngettext("{count} row", "{count} rows", count).format(count=count) for count in (0, 1, 2)] == [
        "0 rows",
        "1 row",
        "2 rows",
    ]


def test_numbers_are_written_as_the_language_does():
    i18n.use("es")
    try:
        assert f"{i18n.Figure(1234567):,}" == "1.234.567"
        assert labels.size(4_234_567_890) == "4,2 GB"
        assert labels.seconds(3.25) == "3,2 s"
    finally:
        i18n.use("en")
    assert f"{i18n.Figure(1234567):,}" == "1,234,567"
    assert labels.size(4_234_567_890) == "4.2 GB"
