"""Advice for a statement of a script that the server refused, by SQLSTATE."""

from __future__ import annotations

import shlex

from mtn_tui.core.errors import PostgresError, ServerLost
from mtn_tui.core.i18n import _

UNRESOLVED = frozenset({"42883", "42P01", "42704", "3F000"})
"""SQLSTATEs of a function, table, type or schema that is missing or not on the search path."""


_OF_ROWS = ("22", "23", "44", "P0")
_OF_SETTINGS = "22023"
_OF_FILES = "F0"
"""A file of the server's installation that can't be read: dictionaries, stop words."""
_MADE_TWICE = frozenset({"42710", "42P06", "42P07", "42723"})
_EXTENSION = "CREATE EXTENSION "


def is_of_an_extension(error: PostgresError) -> bool:
    """Return whether creating an extension failed, whose script is the server's, not the backup's."""
    return error.doing.startswith(_EXTENSION)


def lacks_a_name(error: PostgresError) -> bool:
    """Return whether a function did not find what it names without a schema."""
    return error.in_a_function and error.sqlstate in UNRESOLVED


def lies_in_the_script(error: PostgresError) -> bool:
    """Return whether the cause is in the script itself: its rows, its functions, duplicate objects.

    Not what the server lacks (extensions, roles, privileges, space, connections) or does meanwhile.
    """
    if isinstance(error, ServerLost) or not error.doing or error.sqlstate == _OF_SETTINGS:
        return False
    if is_of_an_extension(error):
        return False
    return lacks_a_name(error) or error.sqlstate in _MADE_TWICE or error.sqlstate.startswith(_OF_ROWS)


def advice(error: PostgresError) -> str:
    """Return advice; empty if the server's message says it all."""
    if not is_of_an_extension(error):
        lacks = error.sqlstate.startswith((_OF_SETTINGS, _OF_FILES)) and not error.doing.startswith("COPY ")
        if lacks and not error.in_a_function:  # a locale, a dictionary, a provider of labels, a parameter
            return _of_a_statement("58P01", False)
        return _of_a_statement(error.sqlstate, error.in_a_function)
    way = _("To do without it, restore again with --without-extension {name}")
    way = way.format(name=shlex.quote(error.doing.rpartition(" ")[2].strip('"')))
    if error.in_a_function or error.sqlstate.startswith("P0"):
        return _("The extension's own script refuses to be run there.") + " " + way
    return f"{_of_a_statement(error.sqlstate, False)} {way}".strip()


def _of_a_statement(sqlstate: str, in_a_function: bool) -> str:
    if sqlstate in UNRESOLVED and in_a_function:
        return _(
            "The function names something without its schema, and a script is loaded with an empty "
            "search_path. Restore again with --search-path public"
        )
    if sqlstate in UNRESOLVED:
        return _("The server lacks something that the script needs: an extension, a role or a schema.")
    if sqlstate.startswith("P0"):
        return _("A function or trigger of the database raised this while it was loaded.")
    if sqlstate.startswith(("22", "23", "44")):
        return _("The rows of the backup do not meet the constraints of the database.")
    if sqlstate.startswith("42501"):
        return _("Load it as a user who may do this (DB_USER), or leave owners and rights out: --no-owner")
    if sqlstate.startswith(("58P01", "0A")):
        return _("Install on the server what it names, or restore to a server of the version it came from.")
    if sqlstate.startswith("53"):
        return _("The server has no room for this. See its configuration and its log.")
    if sqlstate.startswith(("40", "55", "57")):
        return _("Something else was in its way. Start this again.")
    if sqlstate.startswith("XX"):
        return _("The server found something damaged in itself. See its log.")
    if sqlstate == "42601" or sqlstate.startswith("42"):
        return _("The script does not fit this server: it may come from another version.")
    return ""
