"""Step 6: what was validated takes production's place. The one step in which production changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.redact import redact
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.production import PHRASE, confirmation
from mtn_tui.operations.incident.state import RecoveryMode, Step, StepStatus
from mtn_tui.operations.incident.steps import promote_arguments, staging_of
from mtn_tui.operations.restore.plan import Plan, Target
from mtn_tui.operations.restore.request import Request
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.step import StepView, failure, problem, progress

_MATTER = ("owner", "sessions", "prepared", "slots", "subscriptions", "running")
"""Of the checks before a restore, those that a renaming can fail of."""


@dataclass(frozen=True)
class SwapPreview:
    production: Plan
    staging: Target

    @property
    def there(self) -> bool:
        """Whether there is anything to be replaced."""
        return self.production.target.existing is not None

    @property
    def checks(self) -> list[Check]:
        return [one for one in self.production.checks if one.id in _MATTER and one.status is not Status.OK]


class Promoting(StepView):
    step = Step.PRODUCTION

    looking = False
    looked: SwapPreview | MtnError | None = None
    _ended: datetime | None = None
    """When the step had failed last, as it was looked."""

    def entered(self) -> None:
        self.looked = None

    def opens(self) -> None:
        known = self.looked is not None and self._ended == self.state.ended
        if not self.looking and not known and not self.runs and not self.state.standing.over:
            self.look()

    def look(self) -> None:
        desk, context, work, incident = self.desk, self.desk.app.context, self.desk.work, self.desk.incident
        assert incident is not None  # noqa: S101 - a step is of an incident
        self.looking, self.looked, self._ended = True, None, self.state.ended
        handle = str(incident.steps[Step.CHOOSE].facts.get("backup"))
        staging = staging_of(context, RecoveryMode.RESTORE)

        def see() -> SwapPreview:
            backup = work.find(context, handle)
            instead = Request(backup, context.settings.db_name, drop=True, legacy=backup.legacy)
            return SwapPreview(work.plan(context, instead), work.target(context, staging, backup))

        def came(found: object) -> None:
            self.looking, self.looked = False, cast("SwapPreview", found)
            desk.changed()

        def failed(error: MtnError) -> None:
            self.looking, self.looked = False, error

        desk.errand(see, came, failed=failed)

    @property
    def runs(self) -> bool:
        return self.state.standing is StepStatus.RUNNING and bool(self.state.facts.get("job"))

    @property
    def ready(self) -> SwapPreview | None:
        """All was looked at, and nothing stands in the way."""
        looked = self.looked
        if self.runs or not isinstance(looked, SwapPreview) or looked.staging.existing is None:
            return None
        return None if any(one.status is Status.STOP for one in looked.checks) else looked

    @property
    def phrase(self) -> str:
        return (
            PHRASE if self.ready and self.ready.there and self.desk.mine and not self.desk.looks_back else ""
        )

    @property
    def wants_yes(self) -> bool:
        """Nothing is there to be replaced: it is asked for, but no phrase."""
        return self.ready is not None and not self.ready.there

    def write(self, sheet: PageBuilder) -> None:
        looked = self.looked
        if self.runs:
            sheet.title(_("Putting it in production's place"))
            progress(sheet, self.desk.job_of(self.step), _("It begins."))
            sheet.gap()
            sheet.say(_("It needs neither this screen nor this terminal: leave, and it goes on."), "dim")
            return
        if looked is None:
            sheet.title(_("Production"))
            failure(sheet, self.state)
            sheet.say(_("Looking at what would be replaced …"), "dim")
            return
        if isinstance(looked, MtnError):
            sheet.title(_("Production"))
            problem(sheet, looked)
            sheet.say(_("a looks again."), "dim")
            return
        title = _("Replace PRODUCTION with what was proven in staging?")
        if not looked.there:
            title = _("Give what was proven in staging production's name?")
        sheet.title(title)
        failure(sheet, self.state)
        self._table(sheet, looked)
        sheet.gap()
        self._what_it_means(sheet, looked)

    def _table(self, sheet: PageBuilder, looked: SwapPreview) -> None:
        target, staging = looked.production.target, looked.staging
        old, new = target.existing, staging.existing
        column = max((sheet.width - 16) // 2, 10)
        widths = (14, column, column)
        nothing = "—"
        tables = self.desk.incident.steps[Step.VALIDATE].facts.get("tables") if self.desk.incident else None
        sheet.table([["", _("now"), _("will be")]], widths, "dim")
        newer, newest = target.newer, staging.newer
        rows = [
            [_("database"), target.name if old else _("is not there"), target.name],
            [_("host, system"), f"{target.host}, {_short(target.system_identifier)}", _("the same")],
            [_("size"), labels.size(old.size) if old else nothing, labels.size(new.size) if new else nothing],
            [
                _("newest row"),
                labels.moment(newer.newest) if newer and newer.newest else nothing,
                labels.moment(newest.newest) if newest and newest.newest else nothing,
            ],
            [_("sessions"), _sessions(old.sessions) if old else nothing, "0"],
            [_("validated"), nothing, "✔ " + _("step 5") if tables else nothing],
        ]
        sheet.table(rows, widths)

    def _what_it_means(self, sheet: PageBuilder, looked: SwapPreview) -> None:
        made, context = looked.production, self.desk.app.context
        if looked.staging.existing is None:
            sheet.item("✖", _("The staging database is gone. Go back to step 4 and restore again."), "bad")
            return
        for check in looked.checks:
            sheet.check(check)
        if looked.there:
            if made.overwrites:
                sheet.item("⚠", made.overwrites, "warn")
            sheet.say(
                _("The present database is kept as {name}; mtn undo brings it back.").format(name=made.kept)
            )
        else:
            sheet.say(_("Nothing is replaced: there is no {database}.").format(database=made.target.name))
        if command := context.settings.services_stop_command:
            sheet.say(_("Before it, the services stop: {command}").format(command=redact(command)))
        fails = _("Takes about a second without a database. If it fails, all is as before.")
        if command:
            fails = _(
                "Takes about a second without a database. If it fails, all is as before, "
                "with the services stopped."
            )
        sheet.say(fails, "dim")

    def next(self) -> str:
        if self.phrase:
            return _("Type it out: {phrase}").format(phrase=PHRASE)
        return _("y puts it in place; esc goes back, nothing done") if self.wants_yes else ""

    def enter(self) -> None:
        """Enter alone never does this."""

    def confirmed(self) -> None:
        """The phrase was typed out; or there is nothing to be replaced, and y was pressed."""
        ready, desk, context, incident = self.ready, self.desk, self.desk.app.context, self.desk.incident
        if ready is None or incident is None:
            return
        words_of_it = confirmation(ready.production.target.system_identifier) if ready.there else ""
        self.looked = None
        desk.begin_job(Step.PRODUCTION, lambda: promote_arguments(context, words_of_it, incident))


def _sessions(count: int) -> str:
    return _("{count}, ended").format(count=count) if count else "0"


def _short(identifier: int) -> str:
    text = str(identifier)
    return f"{text[:4]}…{text[-4:]}"
