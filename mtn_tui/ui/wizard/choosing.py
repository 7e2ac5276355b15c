"""Step 3: the operator chooses a backup; says what is lost by it and whether it will restore here."""

from __future__ import annotations

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status, each_once
from mtn_tui.operations.incident.file import IncidentFile
from mtn_tui.operations.incident.state import Incident, RecoveryMode, Step
from mtn_tui.operations.incident.steps import chosen, not_had, plan_staging, roles_of
from mtn_tui.operations.inventory.fallback import newer_broken
from mtn_tui.operations.inventory.key_check import newer_of_another_key, passed_over
from mtn_tui.operations.inventory.model import Backup, Inventory
from mtn_tui.operations.inventory.one_server import of_one_server
from mtn_tui.operations.restore.plan import Plan, Target
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.text import backup as backup_text
from mtn_tui.ui.text.cells import fit
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.session import IncidentSession
from mtn_tui.ui.wizard.step import StepView, failure, problem

SHOWN = 6
"""Full backups offered, at most; mtn restore takes older ones."""


class Choosing(StepView):
    """The backups on offer, and the plan for the one under the cursor."""

    step = Step.CHOOSE

    offered: tuple[Backup, ...] = ()
    """The choices, in their order."""

    def __init__(self, session: IncidentSession) -> None:
        super().__init__(session)
        self.plans: dict[str, Plan | MtnError] = {}
        """By the handle of the backup: its plan, or why there can't be one."""
        self.losses: dict[str, int | None] = {}
        """By the same: rows of production that are newer than the backup; None if unknown."""
        self._asked = ""
        self._of: Inventory | None = None
        self._servers = ""
        """A warning about backups of other servers; empty if there are none."""

    def opens(self) -> None:
        """Offer backups, the cursor on the newest that is proven and not suspect."""
        inventory, database = self._inventory, self.session.host.database
        if inventory is None or inventory is self._of:
            return
        self._of, before = inventory, self.backup
        of_ours = [
            one
            for one in inventory.backups
            if one.kind is Kind.FULL and one.sound and (not one.manifest or one.manifest.database == database)
        ]
        try:
            of_one = of_one_server(self.session.host.context, inventory)
            self._servers = of_one.doubt
            best = of_one.inventory.latest(database=database)
        except MtnError:
            self.offered = ()
            return
        self.offered = tuple(of_ours[:SHOWN]) if best in of_ours[:SHOWN] else (best, *of_ours[: SHOWN - 1])
        names = [one.name for one in self.offered]
        wanted = before.name if before and before.name in names else best.name
        self.index = names.index(wanted)
        self.moved()

    def look(self) -> None:
        """Plan the restore of the chosen backup again."""
        if self.backup is not None:
            self.plans.pop(self.backup.handle, None)
            self._asked = ""
            self.moved()

    def moved(self) -> None:
        """Plan the restore of the backup under the cursor."""
        backup, session = self.backup, self.session
        if backup is None or backup.handle in self.plans or self._asked == backup.handle:
            return
        self._asked = backup.handle
        context, operations, way = session.host.context, session.operations, session.present.way

        def look() -> tuple[Plan, Target]:
            beside = plan_staging(context, way, backup, operations.plan)
            return beside, operations.target(context, context.settings.db_name, backup)

        def came(found: tuple[Plan, Target]) -> None:
            beside, production = found
            self.plans[backup.handle] = beside
            newer = production.newer
            self.losses[backup.handle] = newer.rows if newer else None

        def failed(error: MtnError) -> None:
            self.plans[backup.handle] = error

        session.run_in_background(look, came, failed=failed)

    @property
    def backup(self) -> Backup | None:
        """The backup under the cursor."""
        return self.offered[self.index] if self.index < len(self.offered) else None

    @property
    def plan(self) -> Plan | MtnError | None:
        """The plan for that backup, or why there can't be one; None until it is known."""
        return self.plans.get(self.backup.handle) if self.backup and self._inventory else None

    @property
    def _inventory(self) -> Inventory | None:
        return self.session.host.state.whole

    def write(self, sheet: PageBuilder) -> None:
        """Write the backups on offer, and the plan for the chosen one."""
        session, inventory = self.session, self._inventory
        sheet.title(_("Restore from which backup?"))
        failure(sheet, self.state)
        if inventory is None:
            sheet.say(_("Asking the stores what they hold …"), "dim")
            return
        for text in (*backup_text.missing(inventory), *filter(None, [self._servers])):
            sheet.say(text, "warn")
        if self.backup is None:
            sheet.item("✖", _("There is no full backup that could be restored."), "bad")
            unread = [one for one in inventory.backups if one.kind is Kind.FULL and one.needs_another_key]
            if unread:
                sheet.item("⚠", passed_over(unread[0]), "warn")
            sheet.say(_("Look for one: the bucket, a copy elsewhere. Call level 3. r asks the stores again."))
            return
        now = session.host.context.clock.now()
        shared = labels.shared_minutes(one.moment for one in self.offered)
        for one in self.offered:
            cells = [
                fit(labels.moment(one.moment, seconds=labels.minute(one.moment) in shared), 21),
                fit(labels.age(one.moment, now), 6, right=True) + "  ",
                fit(labels.size(one.size), 9, right=True) + "  ",
                _standing(one),
            ]
            sheet.choice(one.handle, "".join(cells))
        sheet.gap()
        self._broken(sheet, self.backup)
        self._plan(sheet, self.backup)

    def _broken(self, sheet: PageBuilder, backup: Backup) -> None:
        """Warn of a newer backup that is broken, with what falling back costs, or needs another key."""
        inventory = self._inventory
        unread = newer_of_another_key(inventory, backup, self.session.host.database) if inventory else None
        if unread is not None:
            sheet.item("⚠", passed_over(unread), "warn")
        other = newer_broken(inventory, backup) if inventory else None
        if other is None:
            return
        minutes = round((other.moment - backup.moment).total_seconds() / 60)
        text = _("The backup of {moment} is broken. Falling back costs {time} more (runbook 5.3).")
        sheet.item("⚠", text.format(moment=labels.moment(other.moment), time=labels.minutes(minutes)), "warn")

    def _plan(self, sheet: PageBuilder, backup: Backup) -> None:
        made = self.plan
        if made is None:
            sheet.say(_("Looking whether it will restore here …"), "dim")
            return
        if isinstance(made, MtnError):
            problem(sheet, made)
            return
        if backup.legacy:
            told = _("The scripts made it: nothing vouches for its contents. Step 5 can compare nothing.")
            sheet.item("⚠", told, "warn")
        rows = self.losses.get(backup.handle)
        lost = _("what was written in the last {time}").format(time=labels.minutes(made.lost_minutes))
        if rows is not None:
            lost += ", " + _("{rows:,} rows that are still there").format(rows=rows)
        incident = self.session.incident
        beside = incident is not None and incident.way is RecoveryMode.BESIDE
        name = _("It lacks") if beside else _("You lose")
        sheet.fact(name, lost, "warn" if made.lost_minutes > 60 else "")
        sheet.fact(_("Read from"), made.copy.store.place if made.copy else "—")
        takes = (
            _("about {time}, by earlier restores").format(time=labels.duration(made.seconds))
            if made.seconds
            else ""
        )
        sheet.fact(_("Will take"), takes or _("nobody knows: none was restored here before"))
        sheet.fact(_("Goes to"), made.target.name + " " + _("(production is not touched)"))
        sheet.gap()
        good = sum(check.status is Status.OK for check in made.checks)
        sheet.say(_("{good} of {every} checks are good").format(good=good, every=len(made.checks)), "dim")
        for check in each_once(made.checks):
            if check.status is not Status.OK or (check.id == "roles" and roles_of(made)):
                sheet.check(check)

    @property
    def _stops(self) -> Check | None:
        made = self.plan
        if not isinstance(made, Plan):
            return None
        return next((check for check in made.checks if check.status is Status.STOP), None)

    def next(self) -> str:
        """Take the chosen backup; nothing while it has no plan, or a check stops it."""
        if not isinstance(self.plan, Plan):
            return ""
        if self._stops is not None:
            return ""
        if self.plan.request.no_owner or self.plan.request.without:
            return _("take this one, though not everything can be had")
        return _("take this one; step 4 restores it")

    def enter(self) -> None:
        """Record the chosen backup; asks first if not everything in it can be restored here."""
        made, session = self.plan, self.session
        if not isinstance(made, Plan) or self._stops is not None:
            return
        request = made.request
        if not (request.no_owner or request.without):
            self._take(made)
            return

        def agreed(without: bool | None) -> None:
            if without and not session.why_not():
                self._take(made)

        said = not_had(made)
        done_without = list(request.without)
        if request.no_owner:
            said.append(
                _("All of it will belong to {user}.").format(user=session.host.context.settings.db_user)
            )
            said.append(_("The services may need rights that it will lack: better let a superuser restore."))
            done_without.append(_("owners and rights"))
        go_on = _("Restore without {names}").format(names=", ".join(done_without))
        answers = [Answer(_("Not like that"), False), Answer(go_on, True)]
        session.host.open_screen(Ask(_("Not everything can be had here."), said, answers), agreed)

    def _take(self, made: Plan) -> None:
        facts = chosen(made)

        def change(file: IncidentFile) -> Incident:
            file.begin(Step.CHOOSE)
            return file.done(Step.CHOOSE, **facts)

        self.session.write(change, self.session.view.follow)


def _standing(backup: Backup) -> str:
    best = backup.usable[0].rung
    if backup.suspect:
        return "⚠ " + _("suspect")
    return ("✔ " if best.proven else "? ") + labels.rung(best)
