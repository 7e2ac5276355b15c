"""Options shared by several commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from mtn_tui.core.errors import Refused
from mtn_tui.core.i18n import _
from mtn_tui.core.values import is_connection_string

F = TypeVar("F", bound=Callable[..., Any])  # any command's function


def as_json(command: F) -> F:
    """Add the option ``--json`` to a command."""
    return click.option("--json", "as_json", is_flag=True, help=_("Print JSON on stdout."))(command)


def file(command: F) -> F:
    """Add the option ``--file`` to a command."""
    text = _("A file, anywhere, or a name in a store.")
    return click.option("-f", "--file", "file", metavar=_("FILE"), help=text)(command)


def bare_name(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Refuse a connection string as the name of a database: it would be shown, with its password."""
    if value is not None and is_connection_string(value):
        raise Refused(
            _("The database name given is a whole connection string, perhaps with a password."),
            _("Give the name alone. The server, the user and the password come from the configuration."),
        )
    return value


def confirm(command: F) -> F:
    """Add the option ``--confirm`` to a command."""
    return click.option(
        "--confirm",
        default="",
        metavar=_("WORDS"),
        help=_("For production, without a terminal: CONFIRM DELETE PRODUCTION <system identifier>."),
    )(command)
