"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from mtn_tui.core.i18n import _

F = TypeVar("F", bound=Callable[..., Any])  # any command's function


def as_json(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help=_("Print JSON on stdout."))(command)


def confirm(command: F) -> F:
    return click.option(
        "--confirm",
        default="",
        metavar=_("WORDS"),
        help=_("For production, without a terminal: CONFIRM DELETE PRODUCTION <system identifier>."),
    )(command)
