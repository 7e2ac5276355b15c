"""``mtn completion``: prints the shell code that completes commands and options."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from mtn_tui.cli import output
from mtn_tui.core.i18n import _

NAME = "mtn"
VARIABLE = "_MTN_COMPLETE"
"""Environment variable by which the shell asks for completions, as click names it for ``mtn``."""

_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command(
    help=_(
        "Print what lets a shell complete commands and options. Put into its start-up file: "
        'eval "$(mtn completion bash)", for zsh the same; for fish: mtn completion fish | source'
    )
)
@click.argument("shell", type=click.Choice([*_SHELLS]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    root = context.find_root().command
    made = _SHELLS[shell](root, {}, NAME, VARIABLE)
    # Not source(), which runs bash to check its version.
    for line in (made.source_template % made.source_vars()).splitlines():
        output.line(line)
