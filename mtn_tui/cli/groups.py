"""Groups of commands: global options are taken anywhere, and what is typed wrongly leads on."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable
from typing import NoReturn

import click
from click.core import ParameterSource

from mtn_tui.cli.session import Session
from mtn_tui.core.i18n import _
from mtn_tui.core.suggested import name_configuration

RISKY = frozenset(
    (
        *("--as-operator", "--confirm", "--drop", "--in-place", "--keep-going", "--key-is-meant"),
        *("--leave-refused", "--legacy", "--links", "--no-owner", "--off", "--restart", "--roles"),
        *("--skip-verify", "--start-database", "--stop-services", "--without-extension", "--yes"),
        *("--ack", "--fewer-rows", "--key-elsewhere", "--server-disk", "--sign-off", "--store"),
    )
)
"""Options that destroy, leave out what protects, or vouch for something: never proposed for a wrong one."""

_MEANT = {
    "delete": "prune --dry-run",
    "dump": "backup full",
    "health": "check",
    "history": "job list",
    "jobs": "job list",
    "log": "logs",
    "ls": "list",
    "rollback": "undo --dry-run",
    "status": "check",
}
"""What people type who do not know the commands yet, and the command that they look for."""

_SELDOM = ("ascii", "light", "scheduled")
"""Names of the global options that the help of other commands leaves out."""

_RISKY_COMMANDS = frozenset(("promote", "prune", "undo"))


class Group(click.Group):
    """A group that names what could be meant where a command is missing or unknown."""

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; where there is none, say which one may be meant. Raises UsageError."""
        unknown = not args[0].startswith("-") and self.get_command(context, args[0]) is None
        if unknown and not context.resilient_parsing:
            self._unknown(context, args[0])
        return super().resolve_command(context, args)

    def _unknown(self, context: click.Context, name: str) -> NoReturn:
        text = _("There is no command {name!r}.").format(name=name)
        meant = _MEANT.get(name) if context.parent is None else None
        if meant is None:
            known = [one for one in self.list_commands(context) if one not in _RISKY_COMMANDS]
            meant = next(iter(difflib.get_close_matches(name, known, 1, 0.7)), None)
        if meant is not None:
            text += " " + _("Did you mean: {command}?").format(command=f"{context.command_path} {meant}")
        raise click.UsageError(text, context)


def take_anywhere(command: click.Command, options: Iterable[click.Option]) -> click.Command:
    """Let ``command`` and those below it take these options of ``mtn`` too; they set the session."""
    options = list(options)
    known = {name for one in command.params for name in one.opts}
    command.params += [_again(one) for one in options if known.isdisjoint(one.opts)]
    names = ", ".join(one.opts[0] for one in options if one.name not in _SELDOM)
    command.epilog = command.epilog or _("Also, as any command: {options}; see mtn --help.").format(
        options=names
    )
    if isinstance(command, click.Group):
        for one in command.commands.values():
            take_anywhere(one, options)
    return command


def _again(option: click.Option) -> click.Option:
    """The same option, not listed, which changes the session of the command line that it stands in."""
    again = copy.copy(option)
    again.hidden, again.help, again.expose_value, again.callback = True, None, False, _set
    return again


def _set(context: click.Context, option: click.Parameter, value: object) -> None:
    given = option.name and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
    if given and isinstance(context.obj, Session):
        setattr(context.obj, str(option.name), value)
        name_configuration(context.obj.config)


def without_risk(error: click.NoSuchOption) -> None:
    """Drop from what is proposed for an unknown option what must not be typed by mistake."""
    if error.possibilities:
        error.possibilities[:] = [one for one in error.possibilities if one not in RISKY]


def below(context: click.Context) -> list[str]:
    """The whole command lines of a group's commands; none of ``mtn`` itself, which has too many."""
    group = context.command
    if context.parent is None or not isinstance(group, click.Group):
        return []
    return [f"{context.command_path} {name}" for name in group.list_commands(context)]
