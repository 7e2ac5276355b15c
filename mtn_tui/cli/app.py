"""The ``mtn`` command: its options and subcommands, and the translation of errors into exit codes."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

from mtn_tui import __version__
from mtn_tui.cli import diagnostics, output, screens
from mtn_tui.cli.groups import Group, below, take_anywhere, without_risk
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import Locked, MtnError
from mtn_tui.core.garbage import uncollected
from mtn_tui.core.i18n import LANGUAGES, _
from mtn_tui.core.suggested import name_configuration

FAILED = 2
USAGE = 64
CANCELLED = 130

_EXIT_CODES = _(
    "Exit codes: 0 done, 1 done with a warning, 2 failed or critical, 3 unknown, 64 "
    "usage, 75 already running, 130 cancelled."
)


_COMMANDS = {
    "accept": "marks.accept",
    "audit": "audit.audit",
    "backup": "backup.backup",
    "check": "check.check",
    "completion": "completion.completion",
    "demo": "demo.demo",
    "doctor": "doctor.doctor",
    "drill": "drill.drill",
    "help": "help.help_command",
    "incident": "incident.incident",
    "init": "setup.init",
    "job": "jobs.job",
    "kept": "kept.kept",
    "list": "inventory.list_backups",
    "logs": "logs.logs",
    "monitor": "monitor.monitor_command",
    "notify": "notify.notify",
    "pin": "marks.pin",
    "promote": "promote.promote",
    "prune": "prune.prune",
    "recover": "recover.recover",
    "report": "report.report",
    "restore": "restore.restore",
    "schedule": "schedule.schedule",
    "services": "services.services",
    "show": "inventory.show",
    "sync": "sync.sync",
    "undo": "kept.undo",
    "verify": "verify.verify",
}
"""Module and function of each command."""


class _Commands(Group):
    """Imports a command only when it is used: importing all would take half as long again."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        module, _dot, command = _COMMANDS[name].partition(".")
        with uncollected():
            found: click.Command = getattr(import_module(f"mtn_tui.cli.{module}"), command)
        return take_anywhere(
            found, [one for one in mtn.params if isinstance(one, click.Option) and one.expose_value]
        )

    def invoke(self, context: click.Context) -> object:
        """Run the command; one of the schedule that finds another at it ends quietly."""
        try:
            return super().invoke(context)
        except Locked as error:
            if not context.obj.scheduled:
                raise
            output.line(error.title)
            return error.exit_code


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EXIT_CODES,
    help=_(
        "Backups of a PostgreSQL database that are proven to restore. Without a command, "
        "on a terminal, it opens the screens."
    ),
)
@click.version_option(__version__, prog_name="mtn", help=_("Show the version and exit."))
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar=_("FILE"),
    help=_("Use this backup.conf instead of looking for one."),
)
@click.option("--lang", type=click.Choice(LANGUAGES), help=_("Use this language."))
@click.option("--no-input", is_flag=True, help=_("Never ask; fail where an answer would be needed."))
@click.option("--read-only", is_flag=True, help=_("Look, and change nothing."))
@click.option("--ascii", is_flag=True, help=_("Draw the screens with plain characters."))
@click.option("--light", is_flag=True, help=_("Draw the screens for a light terminal."))
@click.option(
    "--scheduled",
    is_flag=True,
    help=_("Started by a schedule: do what is due, tell on stderr only what went wrong."),
)
@click.option("--quiet", is_flag=True, help=_("Print only what is not well, and what --json asks for."))
@click.option(
    "--verbose",
    is_flag=True,
    help=_("Tell how it goes also where nobody watches; a full's log gets all that pg_dump tells."),
)
@click.pass_context
def mtn(
    context: click.Context,
    config: Path | None,
    lang: str | None,
    no_input: bool,
    read_only: bool,
    ascii: bool,
    light: bool,
    scheduled: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    name_configuration(config)
    session = context.obj = Session(
        config, lang, no_input, read_only, ascii, light, scheduled=scheduled, quiet=quiet, verbose=verbose
    )
    if context.invoked_subcommand is not None:
        return 0
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.exceptions.NoArgsIsHelpError(context)
    screens.must_be_able_to_draw()
    return screens.show(session)


def run(arguments: list[str] | None = None) -> int:
    """Run a command line and return its exit code; errors are reported on stderr."""
    try:
        result = _main(arguments)
    except click.exceptions.NoArgsIsHelpError as error:
        diagnostics.say(error.format_message())
        if commands := below(error.ctx):
            diagnostics.say("")
            diagnostics.say(
                _("error: {text}").format(
                    text=_("Say which: {commands}").format(commands=", ".join(commands))
                )
            )
        return USAGE
    except click.ClickException as error:
        if isinstance(error, click.NoSuchOption):
            without_risk(error)
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "mtn"
        diagnostics.say(_("error: {text}").format(text=error.format_message()))
        diagnostics.say("  " + _("See: {command} --help").format(command=command))
        return USAGE
    except (click.Abort, KeyboardInterrupt):
        diagnostics.say(_("Cancelled: nothing was changed."))
        return CANCELLED
    except MtnError as error:
        diagnostics.error(error)
        return error.exit_code
    except output.ReaderGone:
        return CANCELLED
    except Exception as error:  # noqa: BLE001 - the outermost level: shown with its traceback, secrets masked
        diagnostics.fault(error)
        return FAILED
    return result if isinstance(result, int) else 0


def _main(arguments: list[str] | None) -> object:
    """Run click, reporting failures to write its own texts (``--help``) as those of ``output``."""
    try:
        return mtn.main(args=arguments, prog_name="mtn", standalone_mode=False)
    except OSError:
        output.flush()
        raise
