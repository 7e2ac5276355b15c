"""The vocabulary of the practice school (``school_words.toml``), and names and sentences made from it."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from importlib.resources import files
from random import Random

_FILE = tomllib.loads(files("mtn_tui.demo").joinpath("school_words.toml").read_text("utf-8"))

GIRLS: list[str] = _FILE["girls"]
BOYS: list[str] = _FILE["boys"]
SURNAMES: list[str] = _FILE["surnames"]
COMUNAS: list[str] = _FILE["comunas"]
LEVELS: list[str] = _FILE["levels"]
STREETS: list[str] = _FILE["streets"]
OCCUPATIONS: list[str] = _FILE["occupations"]
SCHOOLS: list[str] = _FILE["schools"]
NEEDS: list[str] = _FILE["needs"]
ROOMS: list[str] = _FILE["rooms"]

_SLOTS: dict[str, list[str]] = {
    **_FILE["slots"],
    "nombre": GIRLS + BOYS,
    "numero": [str(number) for number in range(3, 98)],
}
_CONTRACTED = {"a el ": "al ", "A el ": "Al ", "de el ": "del ", "De el ": "Del "}


class Texts:
    """Random texts of a kind (motivation, interview, evaluation, remark)."""

    def __init__(self, kind: str, rng: Random, variants: int) -> None:
        """Generate ``variants`` sentences from each of the kind's templates."""
        self._sentences = [
            [_filled(template, rng) for _variant in range(variants)] for template in _FILE["templates"][kind]
        ]
        self._variants = variants
        self._random = rng.random

    def some(self, count: int) -> list[str]:
        """Return ``count`` sentences from consecutive templates."""
        sentences, random, variants = self._sentences, self._random, self._variants
        start = int(random() * len(sentences))
        return [
            sentences[(start + place) % len(sentences)][int(random() * variants)] for place in range(count)
        ]


def _filled(template: str, rng: Random) -> str:
    text = re.sub(r"\{(\w+)\}", lambda slot: rng.choice(_SLOTS[slot[1]]), template)
    text = re.sub(r"\b(a|A|de|De) el ", lambda pair: _CONTRACTED[pair[0]], text)
    return text[0].upper() + text[1:]


def plain(word: str) -> str:
    """Return only lower-case ASCII letters, as in an e-mail address: Ñancupil becomes nancupil."""
    folded = unicodedata.normalize("NFKD", word.lower())
    return "".join(letter for letter in folded if letter.isascii() and letter.isalpha())
