"""What a restore of the chosen point would be: what it loses, how long it takes, whether it restores here."""

from __future__ import annotations

from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status, each_once
from mtn_tui.operations.incident.steps import roles_of
from mtn_tui.operations.restore.plan import Plan, Target
from mtn_tui.ui.wizard.balance import balance_text, created_text
from mtn_tui.ui.wizard.page import PageBuilder


def write(sheet: PageBuilder, made: Plan, production: Target | None, *, beside: bool) -> None:
    """Write the plan, with each check that has something to say; ``beside`` production nothing is lost."""
    backup = made.backup
    if backup.legacy:
        told = _("The scripts made it: nothing vouches for its contents. Step 5 can compare nothing.")
        sheet.item("⚠", told, "warn")
    local, there = f"{backup.moment.astimezone():%z}", made.moment_there
    if there and not there.replace(":", "").endswith(local):
        sheet.fact(_("In its zone"), f"{there} {made.zone}")
    _write_lost(sheet, made, production, beside=beside)
    sheet.fact(_("Will take"), made.rto.says)
    good = sum(check.status is Status.OK for check in made.checks)
    said = _("{good} of {every} checks passed, listed below").format(good=good, every=len(made.checks))
    sheet.fact(_("Restores here?"), said)
    for check in each_once(made.checks):
        if _is_above(made, check):
            sheet.check(check)
    sheet.fact(_("Goes to"), made.target.name + " " + _("(production is not touched)"))
    sheet.fact(_("Read from"), made.copy.store.place if made.copy else "—")


def write_passed(sheet: PageBuilder, made: Plan) -> None:
    """Write which checks have passed: at the end, for only who wants to know it reads on to there."""
    passed = [check for check in each_once(made.checks) if not _is_above(made, check)]
    sheet.gap()
    sheet.say(_("Checks that passed"), "dim")
    for check in passed:
        sheet.check(check)


def _is_above(made: Plan, check: Check) -> bool:
    """Whether it stands where the plan is read first: it did not pass, or says which roles are made."""
    return check.status is not Status.OK or (check.id == "roles" and bool(roles_of(made)))


def _write_lost(sheet: PageBuilder, made: Plan, production: Target | None, *, beside: bool) -> None:
    """Write what was written after the point, until now."""
    said = _("what was written since, {time} up to {until}")
    if not beside:  # nobody knows when the last row was written
        said = _("at most {time} of changes, up to {until}")
        if not made.lost_minutes:  # "<1 min" says of itself that it is the most
            said = _("{time} of changes, up to {until}")
    lost = said.format(
        time=labels.minutes(made.lost_minutes), until=labels.clock_after(made.now, made.backup.moment)
    )
    if made.rows is None and (created := created_text(production)):
        lost += ": " + created
    sheet.fact(_("It lacks") if beside else _("You lose"), lost, "warn" if made.lost_minutes > 60 else "")
    if balance := balance_text(made.rows, production.newer if production else None):
        sheet.fact(_("Since then"), balance)
