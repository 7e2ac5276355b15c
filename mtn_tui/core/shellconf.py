"""Parses shell assignments as bash would, without executing anything.

The scripts loaded ``backup.conf`` with ``source``. Whatever this reader accepts
has exactly the value it had there (a property test compares with bash);
whatever would require a shell is refused, with its line and a fix.

Supported: ``KEY=value`` and ``export KEY=value``, several per line, separated by
blanks or ``;``; single and double quotes, backslashes, adjacent pieces, lines
continued by a backslash; ``$X``, ``${X}``, ``${X:-word}``, ``${X-word}``,
``${X:+word}``, ``${X+word}`` (the word without quotes); ``~`` and ``~user``;
comments. An unset variable is empty.

More lenient than bash in two ways: a byte order mark is skipped, and lines may
end as on Windows.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from typing import NoReturn

from mtn_tui.core.errors import ConfigError
from mtn_tui.core.i18n import _
from mtn_tui.core.shell_value import BASH_OWN, BLANK, WORD_END, Assigned, ValueReader, home_folder

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_PLAIN = re.compile(r"[^\"\\$`!]*")


def parse(
    text: str,
    environment: Mapping[str, str],
    source: str = "backup.conf",
    home_of: Callable[[str], str | None] = home_folder,
) -> dict[str, Assigned]:
    """Parse the assignments in ``text``, in order; a later one replaces an earlier one to the same key.

    ``environment`` provides variables that the text does not set. ``source``
    names the text in messages, which never contain a value. Raises ConfigError
    for the first thing that is not an assignment or would require a shell.
    """
    reader = _Reader(text, environment, source, home_of)
    reader.read()
    return reader.assigned


def quote(value: str) -> str:
    """Quote ``value`` so that bash and ``parse`` read it back exactly.

    Raises ConfigError if that is impossible: for control characters other than
    tab and newline, and for text that UTF-8 cannot encode.
    """
    if _CONTROL.search(value) or re.search(r"[\ud800-\udfff]", value):
        raise ConfigError(
            _("A value holds a control character, which a configuration cannot carry."),
            _("Type it again: it was probably pasted together with something invisible."),
        )
    if _PLAIN.fullmatch(value):
        return f'"{value}"'
    return "'" + value.replace("'", "'\\''") + "'"


class _Reader(ValueReader):
    """Parses one text, once."""

    def read(self) -> None:
        control = _CONTROL.search(self._text)
        if control:
            self._refuse(
                _("there is a control character in this line"),
                _("Delete the line and type it again."),
                control.start(),
            )
        while char := self._next():
            if char in ("\n", *BLANK):
                self._pos += 1
            elif char == "#":
                self._skip_comment()
            else:
                self._command()

    # Commands: assignments up to a newline or a semicolon

    def _command(self) -> None:
        start = self._pos
        exporting = self._take_export()
        # Bash expands all the words of an export before it sets the first.
        pending: dict[str, Assigned] = {}
        words = 0
        while True:
            while self._next() and self._next() in BLANK:
                self._pos += 1
            char = self._next()
            if char == "#":
                self._skip_comment()
                break
            if char in ("", "\n") or (char == ";" and words):
                self._pos += len(char)
                break
            name, value = self._assignment(exporting, words)
            words += 1
            if value is not None:
                (pending if exporting else self.assigned)[name] = value
        if not words:
            self._refuse_word(start, "", words)
        self.assigned.update(pending)

    def _take_export(self) -> bool:
        start = self._pos
        if self._name() == "export" and self._next() in WORD_END:
            return True
        self._pos = start
        return False

    def _assignment(self, exporting: bool, words: int) -> tuple[str, Assigned | None]:
        start = self._pos
        self._key = name = self._name()
        if exporting and name and self._next() in WORD_END:
            return name, None
        if not name or self._next() != "=":
            self._refuse_word(start, name, words)
        if BASH_OWN.fullmatch(name):
            self._refuse(_("{key} belongs to bash itself"), _("Use another name."), start)
        self._pos += 1
        if self._next() == "(":
            self._refuse_array(start)
        self._refers, self._unset = set(), set()
        value = self._value("|&<>(){" if exporting else "|&<>()")
        return name, Assigned(
            value, bisect_left(self._ends, start) + 1, frozenset(self._refers), frozenset(self._unset)
        )

    def _refuse_array(self, start: int) -> NoReturn:
        self._refuse(_("{key} is an array"), _('Write all of it as one value: {key}="first second".'), start)

    def _refuse_word(self, start: int, name: str, words: int) -> NoReturn:
        rest = self._text[self._pos :]
        if name and rest.startswith("+="):
            self._refuse(_("+= is not supported here"), _('Write it out: {key}="${{{key}}}…".'), start)
        if name and rest.startswith("["):
            self._refuse_array(start)
        if name and rest.lstrip(BLANK).startswith("="):
            self._refuse(
                _("there is a space before the = of {key}"),
                _('No space may stand on either side of it: {key}="value".'),
                start,
            )
        if words:
            self._refuse(
                _("what follows the value is neither another KEY=value nor a comment"),
                _("Put quotes around a value that holds spaces, no space after =, and # before a comment."),
                start,
            )
        self._refuse(
            _("this is not KEY=value, and nothing else is ever executed from a configuration"),
            _("Remove the line, or put # in front of it."),
            start,
        )

    def _skip_comment(self) -> None:
        end = self._text.find("\n", self._pos)
        self._pos = len(self._text) if end < 0 else end
