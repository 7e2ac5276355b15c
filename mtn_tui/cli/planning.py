"""Describes a plan and its checks, and asks for confirmation in production."""

from __future__ import annotations

import click

from mtn_tui.cli import diagnostics
from mtn_tui.core.errors import Refused
from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.core.models import Kind
from mtn_tui.core.printable import printable
from mtn_tui.operations.common import labels, production
from mtn_tui.operations.common.checks import Check, Status, each_once
from mtn_tui.operations.restore.plan import Plan, Target
from mtn_tui.postgres.search_path import with_catalog

_SHOWN = 12
"""Tables whose rows differ that are named."""


def lines(plan: Plan, *, doubts_only: bool = False) -> list[str]:
    """Describe a plan, then each check, with its fix unless ok; with ``doubts_only``, only those not ok."""
    checks = [one for one in plan.checks if not doubts_only or one.status is not Status.OK]
    told = [*_backup(plan), *_target(plan), *_loss(plan)]
    width = max(len(name) for name, _value in told)
    said = [f"{name.ljust(width)}  {value}" for name, value in told]
    return [*said, "", *(line for check in each_once(checks) for line in check_lines(check))]


def check_lines(check: Check) -> list[str]:
    """Describe a check, and below it its hint."""
    hint = check.hint
    if hint and check.runbook:
        hint += " " + _("Runbook, section {section}.").format(section=check.runbook)
    return [f"{check.status.glyph} {check.says}", *([f"    {hint}"] if hint else [])]


def _backup(plan: Plan) -> list[tuple[str, str]]:
    backup = plan.backup
    made_of = labels.made_of(backup.manifest) if backup.manifest else []
    return [
        (_("Backup"), f"{backup.short} {backup.name}".strip()),
        *(one for one in made_of if one[0] in (_("Database"), _("Server"))),
        *_moments(plan),
        *_read(plan),
        (_("Takes about"), plan.rto.says),
    ]


def _moments(plan: Plan) -> list[tuple[str, str]]:
    here, utc, there = labels.three_clocks(plan.backup.moment, plan.zone, plan.moment_there)
    told = [(_("Moment"), f"{here}  ({utc} · {there})")]
    if plan.request.asked is not None:
        here, utc, there = labels.three_clocks(plan.request.asked, plan.zone, plan.asked_there)
        told.insert(0, (_("Asked for"), f"{here}  ({utc} · {there})"))
    return told


def _read(plan: Plan) -> list[tuple[str, str]]:
    """Where each of the chain is read from."""
    if not plan.copies:
        return [(_("Read from"), _("nothing can be read"))]
    if len(plan.copies) == 1:
        (copy,) = plan.copies
        return [(_("Read from"), f"{copy.store.place}, {labels.size(copy.size)}")]
    told = [
        (
            {Kind.FULL: _("Full"), Kind.DIFF: _("Differential")}[one.kind],
            f"{one.id}, {labels.moment(one.moment)}: {copy.store.place}, {labels.size(copy.size)}",
        )
        for one, copy in zip(plan.backup.chain, plan.copies, strict=True)
    ]
    return [*told, (_("In all"), labels.size(sum(copy.size for copy in plan.copies)))]


def _target(plan: Plan) -> list[tuple[str, str]]:
    target = plan.target
    what = {
        "new": _("is made again"),
        "existing": _("exists, and is replaced"),
        "production": _("is PRODUCTION, and is replaced"),
    }[target.standing]
    server = f"{target.host}:{target.port}, PostgreSQL {target.version}, {target.system_identifier}"
    told = [(_("Target"), f"{target.name} {what}"), (_("Server"), server)]
    if plan.request.search_path:
        told.append((_("Search path"), with_catalog(plan.request.search_path)))
    if target.existing is not None:
        newest = target.newer.newest if target.newer else None
        now = _("{size}, sessions: {sessions}, newest row {moment}").format(
            size=labels.size(target.existing.size),
            sessions=target.existing.sessions,
            moment="—" if newest is None else labels.moment(newest),
        )
        told.append((_("As it is now"), now))
        after = _("it is dropped") if not plan.kept else _("kept as {name}").format(name=plan.kept)
        if plan.request.in_place:
            after = _("it is backed up, then dropped")
        told.append((_("And then"), after))
    if plan.request.without:
        told.append((_("Left out"), ", ".join(plan.request.without)))
    if plan.request.keep_going:
        text = _("is listed; the rest is kept beside it, and {target} stays as it is")
        told.append((_("What fails"), text.format(target=target.name)))
    return told


def _loss(plan: Plan) -> list[tuple[str, str]]:
    since, until = labels.told_apart(plan.backup.moment, plan.now)
    lost = _("what was written since {moment}: {time} up to {until}").format(
        moment=since, time=labels.minutes(plan.lost_minutes), until=until
    )
    if (asked := plan.request.asked) is not None:
        lost = _("{before} before the moment asked for; {time} in all").format(
            before=labels.between(plan.backup.moment, asked), time=labels.minutes(plan.lost_minutes)
        )
    newer = plan.target.newer
    if newer is not None and newer.rows is not None:
        text = ngettext("{rows:,} row created since", "{rows:,} rows created since", newer.rows)
        lost += ", " + text.format(rows=Figure(newer.rows))
    return [(_("Lost"), lost), *_rows(plan)]


def _rows(plan: Plan) -> list[tuple[str, str]]:
    """The tables that have more or fewer rows by now."""
    if plan.rows is None:
        return []
    differ = plan.rows.different
    told = []
    for one in differ[:_SHOWN]:
        text = _("{table}: {then:,} in the backup, {now:,} now")
        if not one.exact:
            text = _("{table}: {then:,} in the backup, about {now:,} now (an estimate of the server)")
        told.append(text.format(table=one.table, then=Figure(one.then), now=Figure(one.now or 0)))
    if (count := len(differ) - _SHOWN) > 0:
        text = ngettext("{count} more table differs", "{count} more tables differ", count)
        told.append(text.format(count=count))
    if not differ:
        told.append(_("every table has as many as in the backup"))
    if count := plan.rows.unknown:
        text = ngettext("not known for {count} table", "not known for {count} tables", count)
        told.append(text.format(count=count))
    name = _("Rows of {database}").format(database=plan.rows.database)
    return [(name, told[0]), *(("", text) for text in told[1:])]


def who_lines(now: Target) -> list[str]:
    """Describe the database that would be replaced, and its server."""
    lines = [
        _("Server: {host}:{port}, {identifier}").format(
            host=now.host, port=now.port, identifier=now.system_identifier
        )
    ]
    if now.existing is not None:
        text = _("Now: {target}, {size}, sessions: {sessions}; it is kept too")
        size, sessions = labels.size(now.existing.size), now.existing.sessions
        lines.append(text.format(target=now.name, size=size, sessions=sessions))
    return lines


def ask_for_production(question: list[str], now: Target) -> str:
    """Ask to type the phrase, below ``question``; return the confirmation for a job. Raises Refused."""
    for line in question:
        diagnostics.say(line)
    diagnostics.say("")
    text = _("This replaces production, {database}. To go on, type:")
    diagnostics.say(text.format(database=printable(now.name)))
    diagnostics.say("  " + production.PHRASE)
    typed = click.prompt(">", prompt_suffix=" ", default="", show_default=False, err=True)
    if typed.strip() != production.PHRASE:
        raise Refused(
            _("That is not {phrase}. Nothing was changed.").format(phrase=production.PHRASE),
            _("Run it again, if it is meant."),
        )
    return production.confirmation(now.system_identifier)


def yes(question: str) -> bool:
    """Ask a question; only a clear yes, in either language, counts. click.confirm would accept "y" only."""
    asked = printable(question) + _(" [y/N]")
    answer = click.prompt(asked, default="", show_default=False, err=True)
    return answer.strip().lower() in ("y", "yes", "s", "si", "sí")
