"""``mtn help``: what ``--help`` prints, for who looks for it there."""

from __future__ import annotations

import click

from mtn_tui.cli import output
from mtn_tui.core.i18n import _


@click.command("help", help=_("Explain a command, as its --help does."))
@click.argument("words", metavar="[" + _("COMMAND") + "]...", nargs=-1)
@click.pass_context
def help_command(context: click.Context, words: tuple[str, ...]) -> None:
    context = context.find_root()
    for word in words:
        group = context.command
        if not isinstance(group, click.Group):
            raise click.UsageError(
                _("{command} has no commands below it.").format(command=context.command_path), context
            )
        name, command, _rest = group.resolve_command(context, [word])
        assert command is not None  # noqa: S101 - resolve_command raises where there is none
        context = click.Context(command, info_name=name, parent=context)
    output.lines(context.get_help().splitlines())
