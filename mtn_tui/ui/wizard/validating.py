"""Step 5: is what was restored what should go into production? It looks by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.incident.file import IncidentFile
from mtn_tui.operations.incident.state import OID, Incident, Step, StepStatus
from mtn_tui.operations.incident.steps import staging_of
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.sentence import SentencePrompt
from mtn_tui.ui.wizard.step import StepView, failure, problem

if TYPE_CHECKING:
    from mtn_tui.operations.incident.validate import Validated


class Validating(StepView):
    step = Step.VALIDATE

    looking = False
    found: tuple[Check, ...] | MtnError | None = None
    oid: int | None = None
    """Of the database that was looked at: no other of its name may go into production."""

    def opens(self) -> None:
        if not self.looking and self.found is None and not self.state.standing.over:
            self.look()

    def look(self) -> None:
        desk, context, work, incident = self.desk, self.desk.app.context, self.desk.work, self.desk.incident
        assert incident is not None  # noqa: S101 - a step is of an incident
        self.looking, self.found = True, None
        handle = str(incident.steps[Step.CHOOSE].facts.get("backup"))
        database = staging_of(context, incident.way)

        def validate() -> Validated:
            return work.validate(context, database, work.find(context, handle))

        def came(what: object) -> None:
            validated = cast("Validated", what)
            self.looking, self.found, self.oid = False, validated.checks, validated.oid
            desk.changed()
            if self.wrong:
                self._write_down(MtnError(self.wrong[0].says, self.wrong[0].hint))

        def failed(error: MtnError) -> None:
            self.looking, self.found = False, error
            desk.changed()
            self._write_down(error)

        def ask() -> None:
            desk.errand(validate, came, failed=failed)

        if self.state.standing is StepStatus.RUNNING:
            ask()
        else:
            desk.write(lambda file: file.begin(Step.VALIDATE), ask)

    @property
    def wrong(self) -> list[Check]:
        """What stands in the way."""
        return self._those(Status.FAIL)

    @property
    def doubts(self) -> list[Check]:
        """What people have to decide about."""
        return [*self._those(Status.WARN), *self._those(Status.UNKNOWN)]

    def _those(self, status: Status) -> list[Check]:
        return [one for one in self.found if one.status is status] if isinstance(self.found, tuple) else []

    def _write_down(self, error: MtnError) -> None:
        self.desk.write(lambda file: file.failed(Step.VALIDATE, error))

    def write(self, sheet: PageBuilder) -> None:
        incident = self.desk.incident
        assert incident is not None  # noqa: S101 - a step is of an incident
        database = staging_of(self.desk.app.context, incident.way)
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
            sheet.say(_("a looks again. backspace goes back: in step 3, a chooses another backup."))
        elif self.doubts:
            sheet.say(_("Somebody has to say why that is all right; it stands in the report."), "warn")
        else:
            sheet.say(_("All is as the backup says."), "good")
        sheet.say(_("Nothing is changed by this step."), "dim")

    def next(self) -> str:
        if not isinstance(self.found, tuple) or self.wrong:
            return ""
        return _("accept it, with a reason") if self.doubts else _("accept it, and go on")

    def enter(self) -> None:
        if not isinstance(self.found, tuple) or self.wrong:
            return
        if not self.doubts:
            self._accept("")
            return

        def given(reason: str | None) -> None:
            if reason and not self.desk.why_not():
                self._accept(reason)

        told = "\n".join(one.says for one in self.doubts)
        self.desk.app.push_screen(
            SentencePrompt(_("Why is that all right?"), told.replace("\n", " · ")), given
        )

    def _accept(self, reason: str) -> None:
        desk, found = self.desk, cast("tuple[Check, ...]", self.found)
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

        desk.write(change, desk.follow)
