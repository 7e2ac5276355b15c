"""The filter language of the list of backups: ``kind:full age:<7d proof:complete``.

Words stand side by side and all of them must hold; one that begins with ``!``
or ``-`` must not. ``field:value`` asks for a property, any other word for a
part of the name, the id or the database. Blanks within a word are quoted:
``"db one"``. Fields and values are never translated; case does not matter.
"""

from __future__ import annotations

import operator
import re
import shlex
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind, Rung
from mtn_tui.operations.inventory.model import Backup, CopyStatus

Test = Callable[[Backup], bool]

_COMPARED: dict[str, Callable[[Any, Any], bool]] = {  # ages, sizes, rungs
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_AGE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(min|m|h|d|w)")
_UNITS = {
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)(b|kb|mb|gb|tb)?")
_BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
"""Powers of ten, as sizes are shown."""


def parse(text: str, now: datetime) -> Test:
    """Make a test for backups from a filter; ages are counted back from ``now``.

    An empty text means every backup. Raises UsageError, which names the word
    that is not understood and what could stand in its place.
    """
    tests = [_negatable(word, now) for word in _words(text)]
    return lambda backup: all(test(backup) for test in tests)


def _words(text: str) -> list[str]:
    reader = shlex.shlex(text, posix=True)
    reader.whitespace_split, reader.commenters, reader.escape = True, "", ""
    reader.quotes = '"'
    try:
        return list(reader)
    except ValueError:
        raise UsageError(
            _("The filter {text!r} has a quotation mark without its other half.").format(text=text),
            _("Quote a whole word, as in {example}.").format(example='"db one"'),
        ) from None


def _negatable(word: str, now: datetime) -> Test:
    if word[:1] in ("!", "-") and len(word) > 1:
        inner = _one(word[1:], word, now)
        return lambda backup: not inner(backup)
    return _one(word, word, now)


def _one(word: str, shown: str, now: datetime) -> Test:
    field, colon, value = word.partition(":")
    if not colon:
        return _text(word)
    makers: dict[str, Callable[[str], Test | None]] = {
        "kind": _kind,
        "base": _base,
        "age": lambda given: _age(given, now),
        "proof": _proof,
        "size": _size,
        "where": _where,
        "is": _standing,
    }
    maker = makers.get(field.casefold())
    if maker is None:
        raise _not_understood(shown, ", ".join(f"{name}:" for name in makers))
    test = maker(value.casefold())
    if test is None:
        raise _not_understood(shown, ALLOWED[field.casefold()])
    return test


ALLOWED = {
    "kind": "kind:full, kind:diff",
    "base": "base:ID",
    "age": "age:<7d, age:>=36h (min, h, d, w)",
    "proof": ", ".join(f"proof:{rung.word}" for rung in Rung) + ", proof:<complete",
    "size": "size:>1GB, size:<=500MB (B, kB, MB, GB, TB)",
    "where": "where:disk, where:bucket, where:both",
    "is": "is:suspect, is:accepted, is:pinned, is:proven, is:whole, is:unfinished, is:legacy, is:broken, "
    "is:unusable",
}
"""What each field may be, as people would write it."""


def _not_understood(word: str, allowed: str) -> UsageError:
    return UsageError(
        _("The filter word {word!r} is not understood.").format(word=word),
        _("Allowed: {allowed}").format(allowed=allowed),
    )


def _text(word: str) -> Test:
    wanted = word.casefold()

    def test(backup: Backup) -> bool:
        database = backup.manifest.database if backup.manifest else ""
        return any(wanted in text.casefold() for text in (str(backup.name), backup.id, database))

    return test


def _kind(value: str) -> Test | None:
    try:
        wanted = Kind(value)
    except ValueError:
        return None
    return lambda backup: backup.kind is wanted


def _base(value: str) -> Test | None:
    """The differentials on a full, by its id or a part of its name."""
    if not value:
        return None

    def test(backup: Backup) -> bool:
        if backup.kind is not Kind.DIFF or backup.manifest is None:
            return False
        name = str(backup.base.name) if backup.base else ""
        return value == backup.manifest.base.casefold() or value in name.casefold()

    return test


def _age(value: str, now: datetime) -> Test | None:
    sign, bare = _compared(value)
    match = _AGE.fullmatch(bare)
    if match is None or sign is None:
        return None
    try:
        limit = float(match[1]) * _UNITS[match[2]]
    except OverflowError:
        return None
    return lambda backup: _COMPARED[sign](now - backup.moment, limit)


def _size(value: str) -> Test | None:
    sign, bare = _compared(value)
    match = _SIZE.fullmatch(bare)
    if match is None or sign is None:
        return None
    limit = float(match[1]) * _BYTES[match[2] or "b"]
    return lambda backup: _COMPARED[sign](backup.size, limit)


def _proof(value: str) -> Test | None:
    """A bare rung means that or higher, as the ladder is climbed."""
    sign, bare = _compared(value)
    try:
        wanted = Rung.of(bare)
    except KeyError:
        return None
    return lambda backup: _COMPARED[sign or ">="](backup.told_rung, wanted)


def _compared(value: str) -> tuple[str | None, str]:
    """The comparison that a value begins with, and the rest."""
    sign = next((one for one in _COMPARED if value.startswith(one)), None)
    return sign, value.removeprefix(sign or "")


def _where(value: str) -> Test | None:
    if value in ("disk", "bucket"):
        return lambda backup: backup.copy_in(value) is not None
    if value == "both":
        return lambda backup: backup.copy_in("disk") is not None and backup.copy_in("bucket") is not None
    return None


def _standing(value: str) -> Test | None:
    tests: dict[str, Test] = {
        "suspect": lambda backup: bool(backup.suspect),
        "accepted": lambda backup: backup.accepted is not None,
        "pinned": lambda backup: backup.pinned is not None,
        "proven": lambda backup: backup.rung.proven,
        "unusable": lambda backup: bool(backup.unusable),
        **{one.value: _stands(one) for one in CopyStatus},
    }
    return tests.get(value)


def _stands(standing: CopyStatus) -> Test:
    """Test for a copy of that status; one whose last verification failed is broken too."""

    def test(backup: Backup) -> bool:
        return any(
            copy.standing is standing or (standing is CopyStatus.BROKEN and bool(copy.proof.failed))
            for copy in backup.copies
        )

    return test
