"""Step 6: puts the validated database in production's place, the one step that changes production."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
from mtn_tui.ui.text.cells import wrapped
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.step import StepView, about, failure, problem, progress
from mtn_tui.ui.wizard.still_there import NEVER, looks_in

_MATTER = ("owner", "sessions", "prepared", "slots", "subscriptions", "running")
"""Checks of a restore that matter for a renaming."""


@dataclass(frozen=True)
class SwapPreview:
    """What would be replaced, and by what."""

    production: Plan
    staging: Target

    @property
    def there(self) -> bool:
        """Whether there is anything to be replaced."""
        return self.production.target.existing is not None

    @property
    def checks(self) -> list[Check]:
        """The checks that matter and are not OK."""
        return [one for one in self.production.checks if one.id in _MATTER and one.status is not Status.OK]


class Promoting(StepView):
    """What would be replaced by what; asks for a phrase, or for y if nothing is replaced."""

    step = Step.PRODUCTION

    looking = False
    """Whether production and staging are being looked at."""
    looked: SwapPreview | MtnError | None = None
    _looked_in = NEVER
    _ended: datetime | None = None
    """When the step had last ended, as of the last look: it looks again after a failure."""

    def entered(self) -> None:
        """Drop the preview: production may have changed."""
        self.looked = None

    def opens(self) -> None:
        """Look, unless it has been done since the last failure, or the job runs or is over."""
        known = self.looked is not None and self._ended == self.state.ended
        known = known and self._looked_in == looks_in(self.session)
        if not self.looking and not known and not self.runs and not self.state.standing.over:
            self.look()

    def look(self) -> None:
        """Look in the background at production and staging; changes nothing."""
        session, context, operations = self.session, self.session.host.context, self.session.operations
        self.looking, self.looked, self._ended = True, None, self.state.ended
        self._looked_in = looks_in(session)
        handle = str(session.present.steps[Step.CHOOSE].facts.get("backup"))
        staging = staging_of(context, RecoveryMode.RESTORE)

        def see() -> SwapPreview:
            backup = operations.find(context, handle)
            instead = Request(backup, context.settings.db_name, drop=True, legacy=backup.legacy)
            return SwapPreview(operations.plan(context, instead), operations.target(context, staging, backup))

        def came(found: SwapPreview) -> None:
            self.looking, self.looked = False, found
            session.view.changed()

        def failed(error: MtnError) -> None:
            self.looking, self.looked = False, error

        session.run_in_background(see, came, failed=failed)

    @property
    def runs(self) -> bool:
        """Whether its job runs."""
        return self.state.standing is StepStatus.RUNNING and bool(self.state.facts.get("job"))

    @property
    def ready(self) -> SwapPreview | None:
        """What was seen, if nothing stands in the way."""
        looked = self.looked
        if self.runs or not isinstance(looked, SwapPreview) or looked.staging.existing is None:
            return None
        return None if any(one.status is Status.STOP for one in looked.checks) else looked

    @property
    def phrase(self) -> str:
        """The phrase, if production would be replaced and nothing stands in the way; else empty."""
        return (
            PHRASE
            if self.ready and self.ready.there and self.session.mine and not self.session.view.looks_back
            else ""
        )

    @property
    def wants_yes(self) -> bool:
        """Whether y puts it in place: nothing is replaced, so no phrase is asked for."""
        return self.ready is not None and not self.ready.there

    @property
    def why_no_yes(self) -> str:
        """Why y puts nothing in place; empty if it does. Names only what the page has then."""
        looked = self.looked
        if self.runs:
            return _("Not now: it is being put in production.")
        if looked is None:
            return _("Not yet: production and staging are being looked at.")
        if isinstance(looked, MtnError):
            return _("Not now: production and staging could not be looked at. [a] looks again.")
        if looked.staging.existing is None:
            return _("The staging database is gone. Go back to step 4 and restore again.")
        if self.ready is None:
            return _("Not now: mend what is marked {mark} first; then [a] looks again.").format(
                mark=Status.STOP.glyph
            )
        return _("Not now: step 6 says what has to be typed.") if self.ready.there else ""

    def write(self, sheet: PageBuilder) -> None:
        """Write what would be replaced by what, or how far the job is."""
        looked = self.looked
        if self.runs:
            sheet.title(_("Putting it in production"))
            progress(sheet, self.session.host, self.session.job_of(self.step), _("Starting…"))
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
            sheet.say(_("[a] looks again."), "dim")
            return
        title = _("Replace PRODUCTION with the database proven in staging?")
        if not looked.there:
            title = _("Put the restored database in production?")
        sheet.say(title, "strong")
        failure(sheet, self.state)
        self._in_the_way(sheet, looked)
        self._table(sheet, looked)
        if looked.staging.existing is not None:
            self._about(sheet, looked)

    def _table(self, sheet: PageBuilder, looked: SwapPreview) -> None:
        target, staging = looked.production.target, looked.staging
        old, new = target.existing, staging.existing
        column = max((sheet.width - 16) // 2, 10)
        widths = (14, column, column)
        nothing = "—"
        tables = (
            self.session.incident.steps[Step.VALIDATE].facts.get("tables") if self.session.incident else None
        )
        where = _("{database} @ {host}, system {identifier}").format(
            database=target.name, host=target.host, identifier=_short(target.system_identifier)
        )
        for index, line in enumerate(wrapped(where, sheet.width - 15)):
            sheet.table([["" if index else _("database"), line]], (14, sheet.width - 15))
        sheet.table([["", _("now") if old else _("is not there"), _("will be")]], widths, "dim")
        rows = [one.newer.newest if one.newer else None for one in (target, staging)]
        told = iter(labels.told_apart(*filter(None, rows)))
        newest = [next(told) if one else nothing for one in rows]
        table = [
            [_("size"), labels.size(old.size) if old else nothing, labels.size(new.size) if new else nothing],
            [_("newest row"), *newest],
            [_("sessions"), _sessions(old.sessions) if old else nothing, "0"],
            [_("validated"), nothing, "✔ " + _("step 5") if tables else nothing],
        ]
        sheet.table(table, widths)

    def _in_the_way(self, sheet: PageBuilder, looked: SwapPreview) -> None:
        made = looked.production
        if looked.staging.existing is None:
            sheet.item("✖", _("The staging database is gone. Go back to step 4 and restore again."), "bad")
            sheet.gap()
            return
        for check in looked.checks:
            sheet.check(check)
        if looked.there and made.overwrites:
            sheet.item("⚠", made.overwrites, "warn")

    def _about(self, sheet: PageBuilder, looked: SwapPreview) -> None:
        """Write what it means, below the comparison: that is read first."""
        made, context = looked.production, self.session.host.context
        command = context.settings.services_stop_command
        does = _("Gives staging the name {database}.").format(database=made.target.name)
        wrong = _("If it fails, the database is not changed.")
        if command:
            does = _("Stops the services ({command}), then renames.").format(command=redact(command))
            wrong = _("If it fails, the database is not changed; services may stay stopped until step 7.")
        takes = _("About a second without a database.")
        back = _("mtn undo; kept as {name}").format(name=made.kept)
        if not looked.there:
            takes = _("About a second.")
            back = _("Nothing is replaced: there is no {database}.").format(database=made.target.name)
        about(sheet, does=does, takes=takes, wrong=wrong, back=back)

    def next(self) -> str:
        """What to type, or y; empty while the job runs or something stands in the way."""
        if self.phrase:
            return _("Type it out: {phrase}").format(phrase=PHRASE)
        return _("[y] puts it in production; [esc] goes back, nothing done") if self.wants_yes else ""

    def enter(self) -> None:
        """Do nothing: enter alone never replaces production."""

    def confirmed(self) -> None:
        """Begin: the phrase was typed out, or y was pressed where nothing is replaced."""
        ready, session, context, incident = (
            self.ready,
            self.session,
            self.session.host.context,
            self.session.incident,
        )
        if ready is None or incident is None:
            return
        words_of_it = confirmation(ready.production.target.system_identifier) if ready.there else ""
        self.looked = None
        session.begin_job(Step.PRODUCTION, lambda: promote_arguments(context, words_of_it, incident))


def _sessions(count: int) -> str:
    return _("{count}, ended").format(count=count) if count else "0"


def _short(identifier: int) -> str:
    text = str(identifier)
    return f"{text[:4]}…{text[-4:]}"
