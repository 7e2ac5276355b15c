"""Step 6 of a recovery beside: copies lost rows back into production, once it was tried and agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check
from mtn_tui.operations.incident import loss
from mtn_tui.operations.incident.file import IncidentFile
from mtn_tui.operations.incident.state import Incident, RecoveryMode, Step, StepStatus
from mtn_tui.operations.incident.steps import recover_arguments, staging_of
from mtn_tui.operations.recover.found import (
    MissingRows,
    Recovery,
    Request,
    links_found,
    named,
    question,
    refused_text,
    unfit_text,
)
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.text.cells import fit
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.session import IncidentSession
from mtn_tui.ui.wizard.step import StepView, ask_whether, failure, problem, progress
from mtn_tui.ui.wizard.still_there import NEVER, looks_in

_SAMPLE = 3
_COLUMNS = 4
_VALUE = 14
"""Rows, columns and cells of the sample."""

EVERY = ""
"""The choice of all tables: the first one, for a deletion mostly takes rows of several."""


class CopyingBack(StepView):
    """The tables that have lost rows, and what copying back one of them, or all, would do."""

    step = Step.PRODUCTION

    def __init__(self, session: IncidentSession) -> None:
        super().__init__(session)
        self.found: dict[str, Recovery | MtnError] = {}
        """By choice: what was found and tried, or why it could not be."""
        self.choices: tuple[MissingRows, ...] = ()
        """Tables with missing rows."""
        self.rows: Mapping[str, int] = {}
        """How many rows the main tables of production have; those that could not be counted are not there."""
        self._asked: set[str] = set()
        self._looked_in = NEVER
        self._ended: datetime | None = None
        """When the step had last ended, as of the last look: it looks again after a failure."""

    @property
    def beside(self) -> str:
        """The database that was restored beside production."""
        return staging_of(self.session.host.context, RecoveryMode.BESIDE)

    @property
    def runs(self) -> bool:
        """Whether its job runs."""
        return self.state.standing is StepStatus.RUNNING and bool(self.state.facts.get("job"))

    @property
    def choice(self) -> str:
        """The table under the cursor, or EVERY."""
        return self.choices[self.index - 1].name if 0 < self.index <= len(self.choices) else EVERY

    @property
    def looked(self) -> Recovery | MtnError | None:
        """What is known of the choice; None until it is."""
        first = self.found.get(EVERY)
        return first if isinstance(first, MtnError) else self.found.get(self.choice)

    @property
    def short(self) -> list[Check]:
        """The tables of step 1 of which this backup does not bring enough rows back."""
        every = self.found.get(EVERY)
        lost = loss.losses(self.session.present)
        return loss.in_recovery(lost, every, self.rows) if isinstance(every, Recovery) else []

    def entered(self) -> None:
        """Drop what was found: production may have changed."""
        self._forget()

    def opens(self) -> None:
        """Look, unless it has been done since the last failure, or the job runs or is over."""
        if self.runs or self.state.standing.over:
            return
        if self._ended != self.state.ended or self._looked_in != looks_in(self.session):
            self._forget()
        self._look(EVERY)

    def look(self) -> None:
        """Look again; changes nothing."""
        self._forget()
        self.opens()

    def moved(self) -> None:
        """Look at the choice under the cursor."""
        if self.found:
            self._look(self.choice)

    def _forget(self) -> None:
        self.found, self.choices, self._asked, self.index = {}, (), set(), 0
        self._ended, self._looked_in = self.state.ended, looks_in(self.session)

    def _look(self, choice: str) -> None:
        """Compare, and try it out, in the background."""
        session, context, operations = self.session, self.session.host.context, self.session.operations
        if choice in self._asked:
            return
        self._asked.add(choice)
        asked = self._asked
        request = Request(self.beside, (choice,) if choice else ())

        counts = choice == EVERY and bool(loss.losses(session.present))

        def compare() -> tuple[Recovery, Mapping[str, int]]:
            return operations.recovery(context, request), operations.recount(context) if counts else {}

        def came(of_both: tuple[Recovery, Mapping[str, int]]) -> None:
            if self._asked is not asked:
                return  # it was forgotten meanwhile
            found, rows = of_both
            self.found[choice] = found
            session.view.changed()
            if choice == EVERY:
                self.choices, self.rows = found.tables, rows

        def failed(error: MtnError) -> None:
            if self._asked is asked:
                self.found[choice] = error

        session.run_in_background(compare, came, failed=failed)

    def write(self, sheet: PageBuilder) -> None:
        """Write what is missing, a sample of it, and how it comes back; or how far the job is."""
        target, first = self.session.host.database, self.found.get(EVERY)
        if self.runs:
            sheet.title(_("Copying rows back into {database}").format(database=target))
            progress(sheet, self.session.host, self.session.job_of(self.step), _("Starting…"))
            sheet.gap()
            sheet.say(_("It needs neither this screen nor this terminal: leave, and it goes on."), "dim")
            return
        sheet.title(_("Copy which rows back into {database}?").format(database=target))
        failure(sheet, self.state)
        if first is None:
            sheet.say(_("Comparing it with {beside} …").format(beside=self.beside), "dim")
            return
        if isinstance(first, MtnError):
            problem(sheet, first)
            sheet.say(_("[a] looks again."), "dim")
            return
        if not first.tables:
            sheet.say(
                _("No row of {source} is missing in {target}.").format(source=first.source, target=target)
            )
            for line in links_found(first):
                sheet.item("⚠", line, "warn")
            if first.links:
                sheet.say(_("[enter] asks whether to set them again."))
            elif not self.short:
                sheet.say(_("[backspace] goes back: in step 3, [a] chooses a backup from before the loss."))
        for check in self.short:
            sheet.check(check)
        if first.unfit:
            sheet.item("⚠", unfit_text(first), "warn")
        if not first.tables:
            return
        missing = _("{count:,} missing")
        everything = sum(one.missing for one in self.choices)
        sheet.choice(EVERY, fit(_("all tables"), 34) + " " + missing.format(count=Figure(everything)))
        for one in self.choices:
            text = fit(one.name, 34) + " " + missing.format(count=Figure(one.missing))
            sheet.choice(one.name, text)
        sheet.gap()
        self._chosen(sheet)
        if first.keyless:
            text = _("Without a key, so what is missing can't be told: {tables}")
            sheet.item("⚠", text.format(tables=", ".join(first.keyless)), "warn")

    def _chosen(self, sheet: PageBuilder) -> None:
        looked = self.looked
        if looked is None:
            sheet.say(_("Trying it out …"), "dim")
            return
        if isinstance(looked, MtnError):
            problem(sheet, looked)
            return
        written = [one for one in looked.tables if one.written]
        order = ", ".join(f"{one.name} {Figure(one.written):,}" for one in written)
        sheet.fact(_("Comes back"), order or "—")
        if len(written) > 1 and self.choice != EVERY:
            text = _("The rows of {table}, and what belongs to them; nothing else that is missing.")
            sheet.say(text.format(table=self.choice), "dim")
        if looked.conflicts:
            sheet.item("✖", refused_text(looked), "bad")
            for line in named(looked.conflicts).split("\n")[:_SAMPLE]:
                sheet.say("  " + line, "dim")
        for line in links_found(looked):
            sheet.item("⚠", line, "warn")
        table, rows = _sample(looked, self.choice)
        if rows:
            sheet.say(_("Of {table}, for example:").format(table=table), "dim")
        for row in rows:
            cells = [f"{name}={fit(value or 'NULL', _VALUE).rstrip()}" for name, value in row]
            sheet.lines.append([(fit("  " + "  ".join(cells), sheet.width), "dim")])
        sheet.say(
            _("One transaction, tried and rolled back. Keys and triggers hold; what is there stays."), "dim"
        )
        if looked.command:
            sheet.say(_("By hand:"), "dim")
            sheet.code("  " + looked.command)
            sheet.say(labels.password_of_psql(self.session.host.context), "dim")

    def next(self) -> str:
        """Copy the rows back, go on if there are none; nothing while it is looked at or the job runs."""
        looked = self.looked
        if self.runs or not isinstance(looked, Recovery):
            return ""
        if not looked.tables and looked.links:
            return _("set references again, or leave them NULL")
        if not looked.tables:
            return _("go on, though no lost row is back") if self.short else _("go on: nothing is missing")
        if not looked.rows:
            return ""
        text = ngettext("copy {rows:,} row back", "copy {rows:,} rows back", looked.rows)
        if looked.conflicts:
            text = ngettext(
                "copy {rows:,} row back, without those refused",
                "copy {rows:,} rows back, without those refused",
                looked.rows,
            )
        return text.format(rows=Figure(looked.rows))

    def enter(self) -> None:
        """Ask whether; then start the job."""
        session, looked, choice = self.session, self.looked, self.choice
        if self.runs or not isinstance(looked, Recovery):
            return
        if not looked.tables and not looked.links:
            self._leave()
            return
        if looked.tables and not looked.rows:
            return

        def chosen(links: bool | None) -> None:
            if links is not None:
                session.decide(lambda: do(links))

        def do(links: bool) -> None:
            if self.looked is not looked:
                return
            if not looked.rows and not links:
                self._leave()
                return
            tables = (choice,) if choice else ()
            request = Request(looked.source, tables, bool(looked.conflicts), links, looked.chosen)
            session.begin_job(Step.PRODUCTION, lambda: recover_arguments(request))

        said = [
            _("Rows that are there stay as they are, but for references that you have set again.")
            if looked.links
            else _("Rows that are there stay as they are."),
            _("If one row can't be written, none is."),
            *(
                [_("Rows deleted on purpose since that backup come back too: a table can be copied alone.")]
                if looked.rows
                else []
            ),
            *(f"{one.status.glyph} {one.says}" for one in self.short),
            *links_found(looked),
        ]
        session.host.open_screen(Ask[bool | None](question(looked), said, _answers(looked)), chosen)

    def _leave(self) -> None:
        """Go on without copying anything; asks first if rows that were lost are not back."""
        if not self.short:
            self._go_on()
            return
        said = [f"{one.says} {one.hint}" for one in self.short]
        ask_whether(self.session, _("No lost row is back."), said, _("Stay"), _("Go on anyway"), self._go_on)

    def _go_on(self) -> None:
        def change(file: IncidentFile) -> Incident:
            copied = file.begin(Step.PRODUCTION, job="").steps[Step.PRODUCTION].facts.get("rows", 0)
            return file.done(Step.PRODUCTION, rows=copied)

        self.session.write(change, self.session.view.follow)


def _answers(looked: Recovery) -> list[Answer[bool | None]]:
    """What can be done about the rows, and about the references to them: whether these are set again."""
    answers: list[Answer[bool | None]] = [Answer(_("No, change nothing"), None)]
    if not looked.rows:
        answers.append(Answer(_("Set them again"), True))
        answers.append(Answer(_("Go on; the references stay NULL"), False))
    elif looked.links:
        answers.append(Answer(_("Copy them back, and set the references again"), True))
        answers.append(Answer(_("Copy the rows only; [a] can set the references later"), False))
    else:
        answers.append(Answer(_("Copy them back"), False))
    return answers


def _sample(looked: Recovery, choice: str) -> tuple[str, list[list[tuple[str, str | None]]]]:
    """A table, and its first rows of the chosen table, or of the first that has any: some columns of each."""
    tables = [one for one in looked.tables if one.sample and choice in (EVERY, one.name)]
    if not tables:
        return "", []
    return tables[0].name, [list(row.items())[:_COLUMNS] for row in tables[0].sample[:_SAMPLE]]
