"""``mtn recover``: copies rows that production has lost back from a database restored beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import click

from mtn_tui.cli import diagnostics, options, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.planning import yes
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import Refused
from mtn_tui.core.i18n import Figure, _
from mtn_tui.operations.common import labels
from mtn_tui.operations.incident.state import RecoveryMode
from mtn_tui.operations.incident.steps import staging_of
from mtn_tui.operations.recover.found import (
    Recovery,
    Request,
    links_text,
    named,
    question,
    refused_text,
    unfit_text,
)
from mtn_tui.operations.recover.recover import check_asked, look
from mtn_tui.operations.recover.recover import recover as copy_back

_WIDEST = 60
"""Cells of a value that are shown."""


@click.command(
    short_help=_("Copy lost rows back from a database restored beside it."),
    help=_(
        "Copy rows that production has lost back from a database that was restored beside it: those whose "
        "keys are missing, and nothing else. What is there stays. Foreign keys and triggers hold. All rows "
        "come back, or none."
    ),
)
@click.option(
    "--from",
    "source",
    metavar=_("DATABASE"),
    callback=options.bare_name,
    help=_("Restored beside production; <DB_NAME>_recovery unless given."),
)
@click.option(
    "--table",
    "tables",
    metavar=_("TABLE"),
    multiple=True,
    help=_(
        "Its missing rows, what depends on them by foreign keys, and what they depend on. May be repeated."
    ),
)
@click.option(
    "--leave-refused", is_flag=True, help=_("Copy the others where the database refuses some rows.")
)
@click.option(
    "--links",
    is_flag=True,
    help=_(
        "Also set references again that became NULL as the rows were deleted; those too that an earlier run "
        "left NULL."
    ),
)
@click.option(
    "--dry-run",
    is_flag=True,
    help=_("Say what is missing, try it and roll it back, and leave a script that does it."),
)
@click.option("--yes", "sure", is_flag=True, help=_("Do not ask."))
@click.option("--expect", type=int, hidden=True)
@as_json
@click.pass_obj
def recover(
    session: Session,
    source: str | None,
    tables: tuple[str, ...],
    leave_refused: bool,
    links: bool,
    dry_run: bool,
    sure: bool,
    expect: int | None,
    as_json: bool,
) -> int:
    context = session.context
    source = staging_of(context, RecoveryMode.BESIDE) if source is None else source
    request = Request(source, tables, leave_refused, links, expect)
    if dry_run:
        found = look(context, request, keep_script=not session.read_only)
        if as_json:
            output.as_json(found.facts())
        else:
            _print(found, labels.password_of_psql(context))
        return 2 if found.conflicts and not leave_refused else 0
    session.must_not_only_read()
    session.say_database(context.settings.db_name)
    session.look_first(lambda: check_asked(context, request))
    if not sure:
        request = _agreed(session, request)
    arguments = ["recover", f"--from={source}", "--yes", *(f"--table={one}" for one in tables)]
    arguments += ["--leave-refused"] if leave_refused else []
    arguments += ["--links"] if links else []
    arguments += [f"--expect={request.expected}"] if request.expected is not None else []
    facts, code = session.run(
        "recover", context.settings.db_name, arguments, lambda job: copy_back(job, context, request)
    )
    return session.tell_outcome("recover", facts, code, as_json=as_json)


def _agreed(session: Session, request: Request) -> Request:
    """The request for exactly what was shown and agreed to. Raises Refused."""
    if not session.may_ask:
        raise Refused(
            _("Rows would be written into production. That has to be confirmed."), _("Confirm it with --yes.")
        )
    found = look(session.context, request, keep_script=False)
    for line in _lines(found):
        diagnostics.say(line)
    if found.conflicts and not request.leave_refused:
        raise Refused(_("Nothing was changed."), _("--leave-refused copies the others back."), "5.2")
    if not found.changes or not yes(question(found)):
        raise Refused(_("Nothing was changed."))
    return replace(request, expected=found.chosen)


def _print(found: Recovery, password: str) -> None:
    output.prose(_lines(found))
    if found.command:
        output.line()
        output.line(_("In one transaction, tried and rolled back:"))
        output.lines(f"    {one}" for one in found.statements)
        output.line(_("By hand:"))
        output.line(f"    {found.command}")
        output.prose(filter(None, [password]))


def _lines(found: Recovery) -> Iterator[str]:
    """What is missing, with a sample of it; what can't be told; what is refused."""
    if not found.tables:
        yield _("No row of {source} is missing in {target}.").format(source=found.source, target=found.target)
    for one in found.tables:
        text = _("{name}: rows missing: {missing:,}; can be copied back: {written:,}")
        yield text.format(name=one.name, missing=Figure(one.missing), written=Figure(one.written))
        for row in one.sample:
            yield "    " + "  ".join(f"{name}={_cut(value)}" for name, value in row.items())
    if found.keyless:
        yield _without_key(found.keyless)
    if found.unfit:
        yield unfit_text(found)
    if found.gone:
        yield _("Not in {target} at all: {tables}").format(target=found.target, tables=", ".join(found.gone))
    yield from links_text(found)
    if found.links and not found.linked:
        yield "    " + _("--links sets them again.")
    if found.conflicts:
        yield refused_text(found)
        yield from (f"    {line}" for line in named(found.conflicts).split("\n"))


def _without_key(tables: Sequence[str]) -> str:
    return _("Without a key, so what is missing can't be told: {tables}").format(tables=", ".join(tables))


def _cut(value: str | None) -> str:
    if value is None:
        return "NULL"
    line = " ".join(value.split())
    return line if len(line) <= _WIDEST else line[: _WIDEST - 1] + "…"
