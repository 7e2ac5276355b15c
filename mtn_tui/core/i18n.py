"""Translation of what people read; machine-readable output is never translated.

English is the source text, so only other languages have a catalogue. The
catalogues are compiled when the package is built or installed.
"""

from __future__ import annotations

import gettext
import locale
import os
from pathlib import Path

import humanize

from mtn_tui.core.suggested import pasteable

LANGUAGES = ("en", "es")
_FOLDER = Path(__file__).parent.parent / "locale"
_translations: gettext.NullTranslations = gettext.NullTranslations()
_language = "en"


def asked_for(arguments: list[str]) -> str | None:
    """Return the value of ``--lang`` in a list of arguments that is not parsed yet; None without one."""
    for option, following in zip(arguments, [*arguments[1:], None], strict=False):
        if option == "--lang":
            return following
        if option.startswith("--lang="):
            return option.removeprefix("--lang=")
    return None


def use(language: str | None = None) -> str:
    """Set the language: ``language``, else ``MTN_LANG``, else the locale's, else English.

    Anything that begins with a known code works (``es_CL.UTF-8``). Returns the
    code in use.
    """
    global _language, _translations  # noqa: PLW0603 - one language a process, as gettext has it
    wanted = (
        language
        or os.environ.get("MTN_LANG")
        or os.environ.get("LC_ALL")
        or os.environ.get("LC_MESSAGES")
        or os.environ.get("LANG")
        or locale.getlocale()[0]
        or "en"
    )
    code = _language = wanted[:2].lower() if wanted[:2].lower() in LANGUAGES else "en"
    fallback = code == "en"
    _translations = gettext.translation("mtn", _FOLDER, [code], fallback=fallback)
    # Our catalogue includes texts of libraries that use gettext's default domain (click's usage and errors).
    os.environ["LANGUAGE"] = code
    gettext.bindtextdomain("mtn", str(_FOLDER))
    gettext.textdomain("mtn")
    if code != "en":
        humanize.i18n.activate(code)
    else:
        humanize.i18n.deactivate()
    return code


def language() -> str:
    """Return the code of the language in use."""
    return _language


def is_utf8(encoding: str) -> bool:
    """Return whether ``encoding`` is UTF-8, in any spelling."""
    return encoding.lower().replace("-", "") == "utf8"


class Figure(int):
    """An integer whose ``{:,}`` uses the thousands separator of the language in use."""

    def __format__(self, spec: str) -> str:
        return written(super().__format__(spec))


def written(number: str) -> str:
    """Convert a number in English notation, 1,234.5, to that of the language in use."""
    return number.translate(_SPANISH_MARKS) if _language == "es" else number


_SPANISH_MARKS = str.maketrans(",.", ".,")


def size(count: int) -> str:
    """Bytes in words, in powers of ten, as disks are sold and filled."""
    return written(humanize.naturalsize(count))


def _(message: str) -> str:
    return pasteable(_translations.gettext(message))


def ngettext(one: str, many: str, count: int) -> str:
    """Translate ``one`` or ``many``, whichever ``count`` calls for."""
    return pasteable(_translations.ngettext(one, many, count))
