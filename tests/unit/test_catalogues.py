"""Every text that a person may read is there in every language, and fits its English."""

from __future__ import annotations

import ast
import gettext
import re
from string import Formatter

import pytest
from babel.messages.catalog import Message

from mtn_tui.core.i18n import LANGUAGES
from tests.package_source import PACKAGE, catalogue, extracted, nodes

TRANSLATED = [language for language in LANGUAGES if language != "en"]


def forms(text: str | tuple[str, ...] | list[str]) -> list[str]:
    return [text] if isinstance(text, str) else list(text)


def fields(text: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_compiled_is_what_was_translated(language):
    """Else pictures are approved in another language than they say: ``pip install -e .`` compiles."""
    with (PACKAGE / "locale" / language / "LC_MESSAGES" / "mtn.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in catalogue(language):
        if isinstance(message.id, str) and message.id:
            assert compiled.gettext(message.id) == message.string


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_is_missing_fuzzy_or_left_over(language):
    ours, theirs = extracted(), catalogue(language)
    wanted = {str(message.id) for message in ours if message.id}
    there = {str(message.id) for message in theirs if message.id}
    assert sorted(wanted - there) == []
    assert sorted(there - wanted) == []
    empty = [message.id for message in theirs if message.id and not all(forms(message.string))]
    assert empty == []
    assert [message.id for message in theirs if message.id and message.fuzzy] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_fields_of_its_english(language):
    def wrong(message: Message) -> bool:
        wanted = set().union(*(fields(text) for text in forms(message.id)))
        needed = set.intersection(*(fields(text) for text in forms(message.id)))
        return any(not needed <= fields(text) <= wanted for text in forms(message.string))

    assert [message.id for message in catalogue(language) if message.id and wrong(message)] == []


def test_no_text_is_asked_for_inside_an_f_string():
    """What reads the sources for texts may pass over those."""
    for path, node in nodes():
        if not isinstance(node, ast.JoinedStr):
            continue
        calls = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
        names = {one.id for one in calls if isinstance(one, ast.Name)}
        assert not names & {"_", "ngettext"}, f"{path}:{node.lineno}"


def test_no_text_is_built_before_it_is_translated():
    sources = [path for path in PACKAGE.rglob("*.py") if re.search(r"\b_\(\s*f[\"']", path.read_text())]
    assert sources == []


_NAMED_KEYS = r"(?<![\w\[])(?:enter|esc|backspace)(?![\w\]])"
_LETTERS = (
    r"(?<![\w\[{<'’/.%+*=-])[b-zB-Z](?![\w\]}>'’/=-]|\.\w)|(?<![\w-])a (?:looks|does|chooses|in step)\b"
)
_PRESSED = r"\b[Pp]ress [^ \[]"
_UNITS = r"\{[\w:.,]*\} [dhs]\b| -f "
"""Letters that are no keys: a unit, an option."""


def test_every_text_in_both_languages_writes_a_key_in_brackets():
    bare = [
        text
        for message in extracted()
        for text in forms(message.id)
        if re.search(f"{_NAMED_KEYS}|{_LETTERS}|{_PRESSED}", re.sub(_UNITS, "", text))
    ]
    assert bare == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_names_the_keys_of_its_english(language):
    """An article or a conjunction that looks like a key is one only in brackets: ``[a]``, ``[y]``."""
    key = re.compile(r"\[(?:\w|[:/?←→]|enter|esc|backspace)\]")
    wrong = [
        message.id
        for message in catalogue(language)
        if message.id
        and key.findall("".join(forms(message.id)[:1])) != key.findall("".join(forms(message.string)[:1]))
    ]
    assert wrong == []
    named = [text for m in catalogue(language) for text in forms(m.string) if re.search(_NAMED_KEYS, text)]
    assert named == []


_COMMANDS = r"mtn [a-z]+( [a-z]+)?|--?[\w-]+( [a-z]+)?|\{[^}]*\}|\blogs/"
_SPANISH = (
    (r"\bdrills?\b", r"[Ss]imulacro", r"restauraci[oó]n(es)?,? de prueba"),
    (r"\bwarnings?\b", r"advertencia|ADVERTENCIA|warning", r"\baviso:|con avisos"),
    (r"\blogs?\b", r"", r"\b[Ll]ogs?\b"),
    (r"\b(token|TOKEN)\b", r"token|TOKEN", r"clave|CLAVE"),
    (r"", r"", r"resultó|dentro de un año|\(name|phone"),
)
"""Of an English word: what its Spanish has, and has not."""


@pytest.mark.parametrize(("english", "has", "has_not"), _SPANISH, ids=[one[0] or "any" for one in _SPANISH])
def test_in_spanish_one_thing_has_one_word(english, has, has_not):
    wrong = []
    for message in catalogue("es"):
        asked = re.sub(_COMMANDS, "", forms(message.id)[0])
        if not message.id or not re.search(english, asked):
            continue
        for text in forms(message.string):
            said = re.sub(_COMMANDS, "", text)
            if not re.search(has, said) or re.search(has_not, said):
                wrong.append(text)
    assert wrong == []
