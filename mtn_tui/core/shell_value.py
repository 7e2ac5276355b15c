"""Reads the value of one shell assignment as bash would, without executing anything.

Part of ``shellconf``, which documents the supported syntax.
"""

from __future__ import annotations

import os
import pwd
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from mtn_tui.core.errors import ConfigError
from mtn_tui.core.i18n import _

BLANK = " \t"
WORD_END = ("", "\n", ";", *BLANK)
_NAME_START = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_NAME = _NAME_START | frozenset("0123456789")
_USER = re.compile(r"(?:[A-Za-z_][A-Za-z0-9_.-]*)?")
_DEEPEST = 20

BASH_OWN = re.compile(
    "BASH.*|COMP_WORDBREAKS|COPROC|DIRSTACK|EPOCHREALTIME|EPOCHSECONDS|EUID|FUNCNAME|GROUPS|HISTCMD|HOSTTYPE"
    "|IFS|LINENO|MACHTYPE|MAPFILE|OLDPWD|OPTARG|OPTERR|OPTIND|OSTYPE|PIPESTATUS|POSIXLY_CORRECT|PPID|PS4|PWD"
    "|RANDOM|REPLY|SECONDS|SHELLOPTS|SHLVL|SRANDOM|TMOUT|UID|_"
)
"""Variables that bash sets itself, or refuses to set."""

_BASH_PRESETS = ("HOSTNAME", "PATH", "SHELL", "TERM")
"""Variables that bash sets only if the environment does not."""


@dataclass(frozen=True)
class Assigned:
    """The final value of a key, and the line, from 1, of the assignment that set it."""

    value: str
    line: int
    refers: frozenset[str] = frozenset()
    """Variables that the value refers to."""
    unset: frozenset[str] = frozenset()
    """Those of them that are set nowhere, and so are empty."""


def home_folder(user: str) -> str | None:
    """Return the home folder of ``user``, or of the current user if empty; None if unknown."""
    try:
        return (pwd.getpwnam(user) if user else pwd.getpwuid(os.getuid())).pw_dir
    except KeyError:
        return None


class ValueReader:
    """Reads values from a text. ``_pos`` is the position of the next unread character."""

    def __init__(
        self, text: str, environment: Mapping[str, str], source: str, home_of: Callable[[str], str | None]
    ) -> None:
        self.assigned: dict[str, Assigned] = {}
        self._text = text.removeprefix("\ufeff").replace("\r\n", "\n")
        self._ends = [match.start() for match in re.finditer("\n", self._text)]
        self._pos = 0
        self._environment = environment
        self._source = source
        self._home_of = home_of
        self._key = ""
        self._depth = 0
        self._refers: set[str] = set()
        self._unset: set[str] = set()

    # Position

    def _next(self) -> str:
        """Return the next character without consuming it, continued lines joined; empty at the end."""
        while self._text.startswith("\\\n", self._pos):
            self._pos += 2
        return self._text[self._pos : self._pos + 1]

    def _refuse(self, reason: str, fix: str, position: int | None = None, char: str = "") -> NoReturn:
        """Raise ConfigError; ``{key}`` and ``{char}`` in its texts are the current key and ``char``."""
        line = bisect_left(self._ends, self._pos if position is None else position) + 1
        reason = reason.format(key=self._key, char=char)
        raise ConfigError(
            _("{source}, line {line}: {reason}.").format(source=self._source, line=line, reason=reason),
            fix.format(key=self._key),
        )

    def _name(self) -> str:
        """Consume a variable's name; empty if there is none here."""
        chars: list[str] = []
        while self._next() in (_NAME if chars else _NAME_START):
            chars.append(self._next())
            self._pos += 1
        return "".join(chars)

    # Values

    def _value(self, special: str) -> str:
        """Read a value; characters in ``special`` are refused (bash expands braces in export arguments)."""
        pieces: list[str] = []
        home = True  # ~ means a home folder at the beginning and after a colon
        while (char := self._next()) not in WORD_END:
            if char == "~" and home:
                pieces.append(self._home())
            elif char == "'":
                pieces.append(self._single_quoted())
            elif char == '"':
                pieces.append(self._double_quoted())
            elif char == "$":
                pieces.append(self._dollar(quoted=False))
            elif char == "\\":
                pieces.append(self._escaped())
            elif char == "`":
                self._refuse_command()
            elif char in special:
                self._refuse(_("{char} has a meaning of its own to a shell"), self._quote_it(), char=char)
            else:
                pieces.append(char)
                self._pos += 1
            home = char == ":"
        return "".join(pieces)

    def _quote_it(self) -> str:
        return _("Put the value in single quotes: {key}='…'.")

    def _refuse_command(self, position: int | None = None) -> NoReturn:
        self._refuse(
            _("the value of {key} is the result of a command, and a configuration is never executed"),
            _(
                'Write the result out, as in {key}="/opt/backup-system"; where the characters themselves are'
                " meant, put the value in single quotes."
            ),
            position,
        )

    def _escaped(self) -> str:
        if self._pos + 1 >= len(self._text):
            self._refuse(_("the file ends in a backslash"), _("Remove it."))
        self._pos += 2
        return self._text[self._pos - 1]

    def _single_quoted(self) -> str:
        start = self._pos + 1
        end = self._text.find("'", start)
        if end < 0:
            self._refuse_open("'", self._pos)
        self._pos = end + 1
        return self._text[start:end]

    def _double_quoted(self) -> str:
        start = self._pos
        self._pos += 1
        pieces: list[str] = []
        while (char := self._next()) != '"':
            if not char:
                self._refuse_open('"', start)
            elif char == "$":
                pieces.append(self._dollar(quoted=True))
            elif char == "`":
                self._refuse_command()
            elif char == "\\" and self._pos + 1 < len(self._text):
                after = self._text[self._pos + 1]
                pieces.append(after if after in '$`"\\' else char + after)
                self._pos += 2
            else:
                pieces.append(char)
                self._pos += 1
        self._pos += 1
        return "".join(pieces)

    def _refuse_open(self, mark: str, position: int) -> NoReturn:
        self._refuse(
            _("the {mark} of {key} is never closed").format(mark=mark, key=self._key),
            _("Close it at the end of the value. A quote within quotes is written '\\'' or \\\"."),
            position,
        )

    def _home(self) -> str:
        start = self._pos
        self._pos += 1
        chars: list[str] = []
        while self._next() not in (*WORD_END, "/", ":"):
            chars.append(self._next())
            self._pos += 1
        user = "".join(chars)
        if not _USER.fullmatch(user):
            self._refuse(_("a value that begins with ~ is a home folder to a shell"), self._quote_it(), start)
        if user:
            return self._home_of(user) or f"~{user}"
        known = self._lookup("HOME")
        home = self._home_of("") if known is None else known
        if home is None:
            self._refuse(
                _("~ stands for the home folder, and there is none"), _("Write the folder out."), start
            )
        return home

    # Variables

    def _lookup(self, name: str) -> str | None:
        if name in self.assigned:
            return self.assigned[name].value
        return self._environment.get(name)

    def _variable(self, name: str, position: int) -> str | None:
        """Return the value of ``name``; None if it is set nowhere."""
        value = self._lookup(name)
        if BASH_OWN.fullmatch(name) or (value is None and name in _BASH_PRESETS):
            self._refuse(
                _("${name} has a value only while bash runs").format(name=name),
                _("Write its value out; where the characters themselves are meant, use single quotes."),
                position,
            )
        self._refers.add(name)
        return value

    def _value_of(self, name: str, position: int) -> str:
        value = self._variable(name, position)
        if value is None:
            self._unset.add(name)
        return value or ""

    def _dollar(self, quoted: bool) -> str:
        start = self._pos
        self._pos += 1
        char = self._next()
        if char == "(":
            self._refuse_command(start)
        if char == "{":
            return self._braces(start, quoted)
        if char in _NAME_START:
            return self._value_of(self._name(), start)
        if char and (char in "0123456789@*#?-$![" or (char in "'\"" and not quoted)):
            self._refuse(_("{char} has a meaning of its own to a shell"), self._quote_it(), start, f"${char}")
        return "$"

    def _braces(self, start: int, quoted: bool) -> str:
        self._pos += 1
        name = self._name()
        if not name:
            self._refuse_braces(start)
        if self._next() == "}":
            self._pos += 1
            return self._value_of(name, start)
        value = self._variable(name, start)
        if self._next() == ":":
            self._pos += 1
            value = value or None
        mark = self._next()
        if not mark or mark not in "-+":
            self._refuse_braces(start)
        self._pos += 1
        before = set(self._unset)
        self._depth += 1
        if self._depth > _DEEPEST:
            self._refuse_braces(start)
        word = self._word(start, quoted)
        self._depth -= 1
        if (value is None) == (mark == "-"):
            return word
        self._unset = before
        return "" if value is None or mark == "+" else value

    def _word(self, start: int, quoted: bool) -> str:
        """Read the word of ``${X:-word}``. Quotes follow special rules there, so none are accepted."""
        pieces: list[str] = []
        while (char := self._next()) != "}":
            if not char or char in "'\"\\`~{<>()\n":
                self._refuse_braces(start)
            elif char == "$":
                pieces.append(self._dollar(quoted))
            else:
                pieces.append(char)
                self._pos += 1
        self._pos += 1
        return "".join(pieces)

    def _refuse_braces(self, start: int) -> NoReturn:
        self._refuse(
            _("this form of ${{…}} is not supported here"),
            _("Only ${{X}}, ${{X:-word}} and ${{X:+word}} are. Write the value out, or use single quotes."),
            start,
        )
