"""Reduces a statement to its kind and object.

A statement may contain a password, a connection string or personal data, so messages, logs and journals
never show one, but ``CREATE SUBSCRIPTION nightly``, ``COPY public.users``, ``ALTER TABLE ONLY public.x
ADD CONSTRAINT y``. Only known keywords and the names that follow them are returned.
"""

from __future__ import annotations

import re

from mtn_tui.core.i18n import _

LONGEST = 160
"""Maximum characters of the result."""

_READ = 8192
"""Maximum characters read of a statement."""

PLAIN_NAME = r"[^\W\d][\w$]*"
NAME = rf'(?:"(?:[^"\n]|"")+"|{PLAIN_NAME})'
_PATH = rf"{NAME}(?:\.{NAME}){{0,2}}"
_EXISTS = r"(?:IF (?:NOT )?EXISTS )?"
_TYPES = (
    r"(?:ACCESS METHOD|COLLATION|COLUMN|CONVERSION|DATABASE|DOMAIN|EVENT TRIGGER|EXTENSION|"
    r"FOREIGN DATA WRAPPER|FOREIGN TABLE|GROUP|INDEX|LANGUAGE|MATERIALIZED VIEW|OPERATOR CLASS|"
    r"OPERATOR FAMILY|PUBLICATION|ROLE|SCHEMA|SEQUENCE|SERVER|STATISTICS|SUBSCRIPTION|TABLESPACE|TABLE|"
    r"TEXT SEARCH (?:CONFIGURATION|DICTIONARY|PARSER|TEMPLATE)|TYPE|USER(?! MAPPING)|VIEW)"
)
_MODIFIERS = (
    r"(?:(?:OR REPLACE|GLOBAL|LOCAL|TEMP|TEMPORARY|UNLOGGED|RECURSIVE|TRUSTED|PROCEDURAL|DEFAULT|UNIQUE) )*"
)
_ROUTINE = r"(?:FUNCTION|PROCEDURE|AGGREGATE|ROUTINE)"
_ALTERED = (
    rf"(?: (?:ADD CONSTRAINT {NAME}|ADD COLUMN {NAME}|ALTER COLUMN {NAME}|VALIDATE CONSTRAINT {NAME}|"
    rf"DROP CONSTRAINT {NAME}|ATTACH PARTITION {_PATH}|CLUSTER ON {NAME}|OWNER TO {NAME}|"
    rf"(?:IN DATABASE {NAME} )?(?:SET|RESET) {_PATH}|(?:DISABLE|ENABLE|FORCE) ROW LEVEL SECURITY|"
    r"REPLICA IDENTITY|CONNECTION LIMIT|IS_TEMPLATE|ALLOW_CONNECTIONS|INHERIT))?"
)
_OBJECT = rf"(?:(?:{_TYPES}|LARGE OBJECT|{_ROUTINE}) )?{_PATH}"
_PRIVILEGES = r"(?:[A-Z]+(?:, ?| )){1,12}?"

_KINDS = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"COPY {_PATH}",
        rf"CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?{_EXISTS}{NAME} ON (?:ONLY )?{_PATH}",
        rf"(?:CREATE|ALTER|DROP|COMMENT ON) {_MODIFIERS}{_ROUTINE} {_EXISTS}{_PATH}(?= ?\()",
        rf"(?:CREATE|ALTER|DROP) USER MAPPING {_EXISTS}FOR {NAME} SERVER {NAME}",
        rf"(?:CREATE|ALTER|DROP|COMMENT ON) (?:CONSTRAINT )?(?:POLICY|TRIGGER|RULE) {_EXISTS}{NAME} "
        rf"ON {_PATH}",
        rf"(?:CREATE|ALTER|DROP|COMMENT ON) {_MODIFIERS}{_TYPES} {_EXISTS}(?:ONLY )?{_PATH}{_ALTERED}",
        rf"(?:CREATE|ALTER|DROP|COMMENT ON) {_MODIFIERS}(?:CONSTRAINT )?(?:TRIGGER|RULE|POLICY) {NAME}",
        rf"COMMENT ON CONSTRAINT {NAME} ON {_PATH}",
        rf"(?:INSERT INTO|UPDATE(?: ONLY)?|DELETE FROM(?: ONLY)?|TRUNCATE(?: TABLE)?(?: ONLY)?) {_PATH}",
        rf"(?:ANALYZE|REFRESH MATERIALIZED VIEW(?: CONCURRENTLY)?|LOCK TABLE(?: ONLY)?|CLUSTER) {_PATH}",
        rf"(?:IMPORT FOREIGN SCHEMA|REINDEX [A-Z]+) {_PATH}",
        rf"(?:GRANT|REVOKE) {_PRIVILEGES}ON {_OBJECT}",
        rf"GRANT {NAME} TO {NAME}",
        rf"REVOKE {NAME} FROM {NAME}",
        rf"(?:SELECT(?: \* FROM)?|CALL|PERFORM) {_PATH}(?= ?\()",
        r"SET (?:LOCAL |SESSION )?(?:SESSION AUTHORIZATION|TRANSACTION|ROLE)",
        rf"(?:SET (?:LOCAL |SESSION )?|RESET ){_PATH}(?= (?:=|TO))",
        r"ALTER DEFAULT PRIVILEGES|ALTER LARGE OBJECT \d+|ALTER SYSTEM|(?:CREATE|ALTER|COMMENT ON) OPERATOR|"
        r"(?:CREATE|DROP|COMMENT ON) (?:CAST|TRANSFORM)|SECURITY LABEL|COMMENT ON LARGE OBJECT",
        rf"(?:CREATE|ALTER|DROP|COMMENT ON) (?:{_TYPES}|{_ROUTINE}|USER MAPPING|POLICY|TRIGGER|RULE)",
        r"(?:ALTER|ANALYZE|BEGIN|CALL|CLOSE|CLUSTER|COMMENT|COMMIT|COPY|CREATE|DECLARE|DELETE|DO|DROP|EXECUTE|"
        r"EXPLAIN|FETCH|GRANT|INSERT|LISTEN|LOCK|MERGE|NOTIFY|PREPARE|REASSIGN|REFRESH|REINDEX|RELEASE|RESET|"
        r"REVOKE|ROLLBACK|SAVEPOINT|SELECT|SET|SHOW|START|TABLE|TRUNCATE|UPDATE|VACUUM|VALUES|WITH)(?![\w$])",
    )
]
_SPACE = re.compile(r"(?:\s|--[^\n]*(?:\n|\Z)|/\*.*?\*/)+", re.DOTALL)
_TOKEN = re.compile(r"""'[^']*'|"[^"]*"|\$\w*\$|(?:\s|--[^\n]*(?:\n|\Z))+|.""", re.DOTALL)
_DEFAULT = re.compile(r"\s(?:DEFAULT\b|=|:=).*\Z", re.IGNORECASE | re.DOTALL)
_TRIGGERS_TABLE = re.compile(rf'(?:[\w, ]|"[^"]*")*? ON ({_PATH})', re.IGNORECASE)


def kind_of(statement: bytes | str) -> str:
    """Return a statement's kind and object; for a function, with its argument types."""
    text = statement.decode(errors="backslashreplace") if isinstance(statement, bytes) else statement
    text = _folded(text[:_READ])
    for pattern in _KINDS:
        if found := pattern.match(text):
            shown = found[0].strip()
            return _cut(shown + _rest(shown, text[found.end() :]))
    return _("a statement")


def _rest(shown: str, after: str) -> str:
    words = shown.upper()
    if (
        re.match(rf"(?:CREATE|ALTER|DROP|COMMENT ON) (?:OR REPLACE )?{_ROUTINE} ", words)
        and after.lstrip()[:1] == "("
    ):
        return _types(after.lstrip())
    if re.match(r"CREATE (?:CONSTRAINT )?TRIGGER ", words) and (found := _TRIGGERS_TABLE.match(after)):
        return f" ON {found[1]}"
    return ""


def _folded(text: str) -> str:
    """Replace blanks and comments outside quotes by one space."""
    text = _SPACE.sub("", text, count=1) if _SPACE.match(text) else text
    return "".join(" " if one[0].isspace() or one.startswith("--") else one for one in _TOKEN.findall(text))


def _types(arguments: str) -> str:
    """Return the arguments ``(a integer, b text DEFAULT 'x')`` without their defaults."""
    depth, start, parts, quoted = 0, 1, [], ""
    for at, char in enumerate(arguments):
        if quoted:
            quoted = "" if char == quoted else quoted
        elif char in "'\"":
            quoted = char
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        if not quoted and ((char == "," and depth == 1) or depth == 0):
            parts.append(_DEFAULT.sub("", arguments[start:at]).strip())
            start = at + 1
            if depth == 0:
                break
    else:
        return "(…)"  # it is longer than what is read
    return "(…)" if any("'" in part or "$" in part for part in parts) else f"({', '.join(parts)})"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


_PART = re.compile(r'"((?:[^"]|"")*)"|([^".]+)')


def unquoted(quoted: bytes) -> str:
    """Return a name, or a string, as it is without its quotes."""
    text = quoted.decode(errors="surrogateescape").strip()
    for quote in ("'", '"'):
        if text.startswith(quote):
            return text[1:-1].replace(quote * 2, quote)
    return text


def parts(table: str) -> tuple[str, ...]:
    """Split the name of a table into schema and name, without quotes."""
    return tuple(
        found[1].replace('""', '"') if found[1] is not None else found[2] for found in _PART.finditer(table)
    )
