"""Step 5: compares what was restored with the backup; the operator accepts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.incident import loss
from mtn_tui.operations.incident.file import IncidentFile
from mtn_tui.operations.incident.state import OID, Incident, Step, StepStatus
from mtn_tui.operations.incident.steps import staging_of
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.sentence import SentencePrompt
from mtn_tui.ui.wizard.step import StepView, failure, problem
from mtn_tui.ui.wizard.still_there import NEVER, looks_in

if TYPE_CHECKING:
    from mtn_tui.operations.restore.validate import Validated


class Validating(StepView):
    """What was compared, and what people have to decide about."""

    step = Step.VALIDATE

    looking = False
    """Whether the comparison runs."""
    found: tuple[Check, ...] | MtnError | None = None
    """Its results, or why it failed; None until it is done."""
    _looked_in = NEVER
    oid: int | None = None
    """OID of the database that was compared: no other of its name may go into production."""

    def opens(self) -> None:
        """Compare, unless the step is over; again after a database was dropped or the language switched."""
        known = self.found is not None and self._looked_in == looks_in(self.session)
        if not self.looking and not known and not self.state.standing.over:
            self.look()

    def look(self) -> None:
        """Compare in the background, and record a failure."""
        session, context, incident = self.session, self.session.host.context, self.session.present
        operations = session.operations
        self.looking, self.found, self._looked_in = True, None, looks_in(session)
        handle = str(incident.steps[Step.CHOOSE].facts.get("backup"))
        database = staging_of(context, incident.way)

        def validate() -> Validated:
            return operations.validate(context, database, operations.find(context, handle))

        def came(validated: Validated) -> None:
            lost = loss.in_restored(loss.losses(session.present), validated.rows)
            self.looking, self.found, self.oid = False, (*lost, *validated.checks), validated.oid
            session.view.changed()
            if self.wrong:
                self._write_down(MtnError(self.wrong[0].says, self.wrong[0].hint))

        def failed(error: MtnError) -> None:
            self.looking, self.found = False, error
            session.view.changed()
            self._write_down(error)

        def ask() -> None:
            session.run_in_background(validate, came, failed=failed)

        if self.state.standing is StepStatus.RUNNING:
            ask()
        else:
            session.write(lambda file: file.begin(Step.VALIDATE), ask)

    @property
    def wrong(self) -> list[Check]:
        """The checks that keep it from production."""
        return self._those(Status.FAIL)

    @property
    def doubts(self) -> list[Check]:
        """The checks that people have to decide about."""
        return [*self._those(Status.WARN), *self._those(Status.UNKNOWN)]

    def _those(self, status: Status) -> list[Check]:
        return [one for one in self.found if one.status is status] if isinstance(self.found, tuple) else []

    def _write_down(self, error: MtnError) -> None:
        self.session.write(lambda file: file.failed(Step.VALIDATE, error))

    def write(self, sheet: PageBuilder) -> None:
        """Write the result of each check, and what it comes to."""
        incident = self.session.present
        database = staging_of(self.session.host.context, incident.way)
        sheet.title(_("Is {database} as it should be?").format(database=database))
        if self.found is None:
            failure(sheet, self.state)
            sheet.say(_("Counting every table, and looking at dates, indexes and sequences."), "dim")
            return
        if isinstance(self.found, MtnError):
            problem(sheet, self.found)
        else:
            for one in self.found:
                sheet.check(one)
        sheet.gap()
        if self.wrong or isinstance(self.found, MtnError):
            sheet.say(_("It must not go into production."), "bad")
            sheet.say(_("[a] looks again. [backspace] goes back: in step 3, [a] chooses another backup."))
        elif self.doubts:
            sheet.say(_("Accepting it needs a reason, which goes into the report."), "warn")
        else:
            sheet.say(_("All is as the backup says."), "good")
        sheet.say(_("Nothing is changed by this step."), "dim")

    def next(self) -> str:
        """Accept it; nothing if a check has failed or none was made."""
        if not isinstance(self.found, tuple) or self.wrong:
            return ""
        return _("accept it, with a reason") if self.doubts else _("accept it, and go on")

    def enter(self) -> None:
        """Record the result and go on; asks for a reason first if there are doubts."""
        if not isinstance(self.found, tuple) or self.wrong:
            return
        if not self.doubts:
            self._accept("")
            return

        def given(reason: str | None) -> None:
            if reason:
                self.session.decide(lambda: self._accept(reason))

        told = "\n".join(one.says for one in self.doubts)
        self.session.host.open_screen(
            SentencePrompt(_("Why is that all right?"), told.replace("\n", " · ")), given
        )

    def _accept(self, reason: str) -> None:
        session, found = self.session, cast("tuple[Check, ...]", self.found)
        facts: dict[str, object] = {
            "tables": [one.says for one in found if one.id in ("tables", "counts")],
            "newest": next((one.says for one in found if one.id == "newest"), None),
            "problems": [one.says for one in self.doubts],
            OID: self.oid,
        }

        def change(file: IncidentFile) -> Incident:
            if reason:
                file.note(_("Accepted in step 5: {reason}").format(reason=reason))
            return file.done(Step.VALIDATE, **facts)

        session.write(change, session.view.follow)
