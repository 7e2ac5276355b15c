"""Sorts what the server says in an error by who may read it. This is decided nowhere else.

A message, its DETAIL and its CONTEXT may contain rows of the database, and statements contain passwords.
Journals, logs, mails and reports may contain neither: only names of objects, line numbers, kinds of
statements. Rows are for the operator's terminal and the job's own file. What may contain a password is for
nobody. The server uses its configured language, so this relies not on its words, but on SQLSTATE, quotes,
and the form of object names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import psycopg

from mtn_tui.core.i18n import _
from mtn_tui.core.redact import redact
from mtn_tui.postgres.statement_kind import NAME, PLAIN_NAME, kind_of

_OPENS, _CLOSES = '"«»“„', '"«»”“'
_QUOTED = re.compile(rf"[{_OPENS}].*[{_CLOSES}]", re.DOTALL)

_NAMES_ONLY = ("0A", "23", "25", "26", "28", "2B", "34", "3B", "3D", "3F", "40", "42", "44", "53", "54", "55")
_NAMES_ONLY_TOO = ("57", "58", "72", "F0", "22012", "22021", "22P04", "22P05")
"""SQLSTATEs, or their prefixes, whose messages quote names but no values."""

_QUOTES_THE_STATEMENT = ("42601", "42602", "42622", "22023")
_MAY_QUOTE_SECRETS = ("08", "28", "38", "39", "HV", "XX", *_QUOTES_THE_STATEMENT)

_RAISING_FUNCTIONS = frozenset({"exec_stmt_raise", "exec_stmt_assert"})
_RAISING_FILES = frozenset({"plperl.c", "plpy_elog.c", "plpy_plpymodule.c", "pltcl.c"})
"""Source locations where PostgreSQL raises messages and SQLSTATEs chosen by a function of the database."""

_PATH = rf"{NAME}(?:\.{NAME})*"
_WORD = r"[^\W\d][\w-]*"
_WORDS = rf"(?:,? {_WORD}){{0,6}}"
_COPY = re.compile(rf"COPY {_PATH}, {_WORD} \d+(?:, {_WORD} {NAME}(?=[: ,]|\Z))?")
_ROUTINE = re.compile(
    rf"(?:{_WORD} )?PL/{_WORD}(?: {_WORD})? (?:{_PATH}\([^()\n]*\)|inline_code_block)"
    rf"(?:{_WORDS} \d+{_WORDS})?"
)
_SQL_ROUTINE = re.compile(
    rf"(?:{_WORD} )?(?:SQL|PL/){_WORDS}-?\w* [{_OPENS}]\s?{PLAIN_NAME}\s?[{_CLOSES}],?"
    rf"(?: {_WORD}){{1,4}}(?: \d+)?"
)
_STATEMENT = re.compile(rf"((?:{_WORD} )?(?:SQL|PL/\w+)(?:[ -]{_WORD})?):? ?[{_OPENS}]\s?(.*)", re.DOTALL)
_TUPLE = re.compile(rf'{_WORD}(?: {_WORD})* \(\d+,\d+\)(?: {_WORD})* ["«»„“]\s?{PLAIN_NAME}\s?["«»“”]')
_LAST_VALUE = re.compile(rf": ([{_OPENS}].*[{_CLOSES}])\s*\Z")
_OF_A_FUNCTION = re.compile(r"^(?!COPY ).*(?:SQL|PL/)", re.MULTILINE)


@dataclass(frozen=True)
class ServerError:
    """An error of the server, split by audience."""

    says: str
    """The message without values, for everybody."""
    context: str
    """Where it occurred: functions and lines, tables and row numbers, kinds of statements."""
    hint: str
    private: str
    """Values and rows, for the operator's terminal and the job's own file."""


def read(error: psycopg.Error) -> ServerError:
    """Split the text of a psycopg error by audience."""
    diag, state = error.diag, error.sqlstate or ""
    message = redact(diag.message_primary or str(error)).strip()
    context = diag.context or ""
    raised = diag.source_function in _RAISING_FUNCTIONS or diag.source_file in _RAISING_FILES
    hidden: list[str] = []
    if raised:
        says = _("a function of the database raised an error ({state})").format(state=state)
        hidden += [message, *([f"HINT: {redact(diag.message_hint)}"] if diag.message_hint else [])]
    else:
        says = _without_values(message, state, context)
        if says != message and not state.startswith(_MAY_QUOTE_SECRETS):
            hidden.append(message)
    if diag.message_detail:
        detail = redact(diag.message_detail)
        hidden.append("DETAIL: " + (_masked(detail) if state.startswith(_MAY_QUOTE_SECRETS) else detail))
    hidden += [
        f"CONTEXT: {redact(line)}"
        for line in context.split("\n")
        if (found := _COPY.match(line)) and found[0] != line
    ]
    hint = "" if raised else redact(diag.message_hint or "")
    where = [*_context(context)]
    if diag.internal_query:
        where.append(kind_of(diag.internal_query))
    return ServerError(_line(says), "; ".join(dict.fromkeys(where)), _line(hint), "\n".join(hidden))


def context_of(text: str) -> str:
    """Return the part of a CONTEXT that may be shown."""
    return "; ".join(_context(text))


def without_last_value(line: str) -> str:
    """Mask the quoted value at the end of a line, as in ``type integer: "x"``."""
    return _LAST_VALUE.sub(lambda found: f": {found[1][0]}…{found[1][-1]}", line)


def in_a_function(error: psycopg.Error) -> bool:
    """Return whether the error occurred inside a function of the database."""
    return _OF_A_FUNCTION.search(error.diag.context or "") is not None


def _without_values(message: str, state: str, context: str) -> str:
    if not state or (state.startswith("08") and "connection to server" in message):
        return message  # libpq's and psycopg's own words, which name hosts and users
    built = "EXECUTE" in context  # names in a dynamic statement may be values
    names_only = state.startswith((*_NAMES_ONLY, *_NAMES_ONLY_TOO)) and not state.startswith(
        _QUOTES_THE_STATEMENT
    )
    if names_only and not (built and state.startswith("42")):
        return message
    return _masked(message)


def _masked(text: str) -> str:
    """Mask everything from the first to the last quote, since a value may contain quotes."""
    return _QUOTED.sub(lambda found: f"{found[0][0]}…{found[0][-1]}", text)


def _context(text: str) -> list[str]:
    """Return the functions, tables, lines and kinds of statements in a CONTEXT, without the rest."""
    kept = []
    for number, line in enumerate(lines := text.split("\n")):
        whole = _ROUTINE.fullmatch(line) or _SQL_ROUTINE.fullmatch(line) or _TUPLE.fullmatch(line)
        if found := whole or _COPY.match(line):
            kept.append(found[0])
        elif found := _STATEMENT.match(line):
            statement = "\n".join([found[2], *lines[number + 1 :]])
            kept.append(f"{found[1]}: {kind_of(statement)}")
        elif found := _ROUTINE.match(line):
            kept.append(found[0])
    return kept


def _line(text: str) -> str:
    return " ".join(text.split())
