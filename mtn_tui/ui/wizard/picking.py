"""The choice of a moment on the timeline: stepped to or typed, with the plan for its restore."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from mtn_tui.core import i18n
from mtn_tui.core.errors import MtnError, UsageError
from mtn_tui.core.i18n import Figure, _
from mtn_tui.core.models import Kind
from mtn_tui.core.moments import read_moment
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.incident.state import RecoveryMode
from mtn_tui.operations.incident.steps import not_had, plan_staging
from mtn_tui.operations.inventory.fallback import newer_broken
from mtn_tui.operations.inventory.key_check import newer_of_another_key, passed_over
from mtn_tui.operations.inventory.model import Backup, Inventory
from mtn_tui.operations.restore.fuller import fuller
from mtn_tui.operations.restore.plan import Plan, Target
from mtn_tui.ui.data.points import Points, beside, both_clocks, made_of, standing, told_apart, why_not
from mtn_tui.ui.screens.ask import Answer, Ask
from mtn_tui.ui.text import backup as backup_text
from mtn_tui.ui.text.timeline import DAY, SPANS
from mtn_tui.ui.wizard import planned
from mtn_tui.ui.wizard.difference import Difference
from mtn_tui.ui.wizard.moment_prompt import MomentPrompt
from mtn_tui.ui.wizard.page import PageBuilder
from mtn_tui.ui.wizard.session import IncidentSession
from mtn_tui.ui.wizard.step import problem


class Picking:
    """The points on offer, which of them is chosen, and the plan for it; asks in the background."""

    points: Points | None = None
    """What is on offer, the newest first; None until it is known, or where it can't be told."""
    asked: datetime | None = None
    """The moment that was typed."""

    def __init__(self, session: IncidentSession, wanted: Backup | None = None) -> None:
        """The cursor is on ``wanted`` at first, if that is on offer."""
        self.session = session
        self._wanted = wanted
        self.index = 0
        """The point that the cursor is on, counted from the newest."""
        self.plans: dict[str, Plan | MtnError] = {}
        """By the handle of the backup: its plan, or why there can't be one."""
        self.production: dict[str, Target] = {}
        """By the same: production as it is, beside the backup."""
        self._planning = False
        self._language = i18n.language()
        """The language of the plans: in another they are made again."""
        self._of: Inventory | None = None
        self._zoom = DAY

    @property
    def way(self) -> RecoveryMode:
        """What it is restored for: that decides the name of the database."""
        return RecoveryMode.BESIDE

    @property
    def over(self) -> bool:
        """Whether nothing has to be planned any more."""
        return False

    @property
    def until(self) -> datetime | None:
        """Up to when a later point may be better than the chosen one; None where none is."""
        return None

    @property
    def knows_loss(self) -> bool:
        """Whether ``until`` is known to be before the loss."""
        return self.asked is not None

    def jumped(self) -> None:
        """Called when the cursor is elsewhere because a moment was typed."""

    def opens(self) -> None:
        """Offer points, the cursor on the first to look at; plan again once the language was switched."""
        if self._language != i18n.language():
            self._language = i18n.language()
            self.plans, self.production = {}, {}
            self.moved()
        inventory, before = self._inventory, self.backup
        if inventory is None or inventory is self._of:
            return
        self._of = inventory
        try:
            self.points = Points(self.session.host.context, inventory)
        except MtnError:
            self.points = None
            return
        names = [one.name for one in self.points.offered]
        wanted = before or self._wanted
        known = wanted is not None and wanted.name in names
        self.index = names.index(wanted.name) if wanted and known else self.first(self.points)
        self.moved()

    @property
    def passed_over(self) -> str:
        """Says that another point than the wanted backup's is proposed; empty if that is on offer."""
        if self._wanted is None or self.points is None or self.asked is not None:
            return ""
        if self._wanted.name in [one.name for one in self.points.offered]:
            return ""
        text = _("{name} is no point that can be restored; another one is chosen here.")
        return text.format(name=self._wanted.name)

    def first(self, points: Points) -> int:
        """The point that the cursor is on at first: the newest that may be used without asking."""
        return points.best

    def look(self) -> None:
        """Plan the restore of the chosen backup again."""
        if self.backup is not None:
            self.plans.pop(self.backup.handle, None)
            self.moved()

    def moved(self) -> None:
        """Plan the restore of the backup under the cursor, after the one that is being planned."""
        backup, session = self.backup, self.session
        if self.over or backup is None or backup.handle in self.plans or self._planning:
            return
        self._planning = True
        context, operations, way = session.host.context, session.operations, self.way
        plans, production = self.plans, self.production

        def look() -> tuple[Plan, Target]:
            beside = plan_staging(context, way, backup, operations.plan)
            return beside, operations.target(context, context.settings.db_name, backup)

        def came(found: tuple[Plan, Target]) -> None:
            beside, there = found
            production[backup.handle] = there
            ended(beside)

        def ended(plan: Plan | MtnError) -> None:
            plans[backup.handle] = plan  # where the language was switched meanwhile, nobody reads them
            self._planning = False
            self.moved()  # the cursor may be elsewhere by now

        session.run_in_background(look, came, failed=ended)

    @property
    def backup(self) -> Backup | None:
        """The backup under the cursor."""
        offered = self.points.offered if self.points else ()
        return offered[self.index] if self.index < len(offered) else None

    def type_moment(self) -> None:
        """Ask for a moment, and put the cursor on the nearest point before it."""

        def given(typed: str | None) -> None:
            if typed is None or self.points is None:
                return
            asked = read_moment(typed)
            try:
                nearest: Backup | UsageError = self.points.nearest(asked)
            except UsageError as error:
                nearest = error
            within = self.points.in_minute(asked)
            if within is not None:
                self._ask_which(asked, nearest, within)
            elif isinstance(nearest, UsageError):
                self.session.host.show_error(nearest)
            else:
                self._go_to(nearest, asked)

        self.session.host.open_screen(MomentPrompt(self.backup), given)

    def _go_to(self, point: Backup, asked: datetime) -> None:
        assert self.points is not None  # noqa: S101 - it is one of them
        self.asked, self.index = asked, self.points.offered.index(point)
        self.moved()
        self.jumped()
        self.session.host.draw()

    def _ask_which(self, asked: datetime, nearest: Backup | UsageError, within: Backup) -> None:
        """A minute was typed that has a point of its own: ask whether that is meant, or the one before."""
        text = _("The last one before it: {moment}")
        before = nearest if isinstance(nearest, Backup) else None
        first = text.format(moment=beside(before, within)) if before else _("Back")
        text = _("The one within that minute: {time}")
        alike = f" ({told_apart(within)})" if before and beside(within, before).endswith(")") else ""
        second = text.format(time=f"{within.moment.astimezone():%H:%M:%S}{alike}")
        answers = [Answer[Backup | None](first, before), Answer[Backup | None](second, within)]
        said = _("{time} after it there is a point: what was written up to then is in it too.")
        after = said.format(time=labels.between(asked, within.moment))
        none = [] if before else [_("Before it there is none that can be taken.")]

        def chosen(point: Backup | None) -> None:
            if point is not None:
                self._go_to(point, within.moment if point is within else asked)

        title = _("Which point of {moment}?").format(moment=labels.moment(asked))
        self.session.host.open_screen(Ask[Backup | None](title, [after, *none], answers), chosen)

    def show_difference(self) -> None:
        """Show what has become of the tables since the chosen point."""
        backup, context, operations = self.backup, self.session.host.context, self.session.operations
        if backup is not None:
            self.session.host.open_screen(Difference(backup, lambda: operations.rows(context, backup)))

    def zoom(self) -> None:
        """Show a longer stretch of time; after the longest, the shortest."""
        self._zoom = (self._zoom + 1) % len(SPANS)

    @property
    def plan(self) -> Plan | MtnError | None:
        """The plan for that backup, or why there can't be one; None until it is known."""
        return self.plans.get(self.backup.handle) if self.backup and self._inventory else None

    @property
    def _inventory(self) -> Inventory | None:
        return self.session.host.state.whole

    def write_points(self, sheet: PageBuilder) -> None:
        """Write the axis, and the plan for the chosen point."""
        session, inventory, backup = self.session, self._inventory, self.backup
        if inventory is None:
            sheet.say(_("Asking the stores what they hold …"), "dim")
            return
        doubt = self.points.doubt if self.points else ""
        for text in (*backup_text.missing(inventory), *filter(None, [doubt])):
            sheet.say(text, "warn")
        if backup is None or self.points is None:
            sheet.item("✖", _("There is no full backup that could be restored."), "bad")
            unread = [one for one in inventory.backups if one.kind is Kind.FULL and one.needs_another_key]
            if unread:
                sheet.item("⚠", passed_over(unread[0]), "warn")
            sheet.say(
                _("Look for one: the bucket, a copy elsewhere. Call level 3. [r] asks the stores again.")
            )
            return
        now = session.host.context.clock.now()
        typed = None if self._is_point_typed(backup) else self.asked
        sheet.lines += self.points.drawn(backup, typed, now, sheet.width, self._zoom)
        sheet.points = len(self.points.offered)
        sheet.say(_("[←] [→] point  [t] type a time  [d] difference  [z] zoom"), "dim")
        sheet.gap()
        self._chosen(sheet, self.points, backup)
        if self.way is RecoveryMode.BESIDE:
            self._fuller(sheet, self.points, backup)
        self._broken(sheet, inventory, backup)
        self._plan(sheet, backup)

    def _is_point_typed(self, backup: Backup) -> bool:
        """Whether the moment that was typed reads the same as the point's own."""
        return self.asked is not None and both_clocks(self.asked) == both_clocks(backup.moment)

    def _chosen(self, sheet: PageBuilder, points: Points, backup: Backup) -> None:
        """Write which moment was typed, unless it is the point's own, and which point is chosen."""
        name = _("Chosen point")
        nearer = None
        if self.asked is not None and not self._is_point_typed(backup):
            sheet.fact("✖ " + _("Moment typed"), both_clocks(self.asked))
            nearer = points.nearer(backup, self.asked)
            if backup.moment <= self.asked and (nearer is None or not nearer.trusted):
                name = _("Nearest point")
        sheet.fact(name, both_clocks(backup.moment))
        if self.asked is not None and self.asked > backup.moment and not self._is_point_typed(backup):
            text = _("{time} before the moment typed")
            sheet.fact("", text.format(time=labels.between(backup.moment, self.asked)))
        said = f"{made_of(backup)}, {standing(backup)}, {told_apart(backup)}"
        sheet.fact("", said, "" if backup.trusted else "warn")
        if not (backup.trusted or backup.legacy):
            sheet.item("⚠", _("Doubtful: {reason}").format(reason=why_not(backup)), "warn")
        if nearer is not None and not nearer.trusted:
            text = _("A nearer one, of {moment}, is skipped: {reason}")
            said = text.format(moment=beside(nearer, backup), reason=why_not(nearer))
            sheet.item("⚠", said, "warn")

    def _fuller(self, sheet: PageBuilder, points: Points, backup: Backup) -> None:
        """Warn that another one has rows that this one lacks, and say which one to take."""
        if (found := fuller(points.offered, backup, self.until)) is None:
            return
        said = _(
            "{table}: {here:,} rows here, {there:,} in the earlier one of {time}: this one lacks {count:,}."
        )
        advice = _("Take that one: [←] steps towards it.")
        if found.later:
            said = _(
                "{table}: {here:,} rows here, {there:,} in the later one of {time}: this one lacks {count:,}."
            )
            advice = _("Take that one: [→] steps towards it.")
            if not self.knows_loss:
                advice = _("If it is from before the loss, take that one: [→] steps towards it.")
        said = said.format(
            table=found.table,
            here=Figure(found.here),
            there=Figure(found.there),
            count=Figure(found.lacks),
            time=beside(found.backup, backup),
        )
        sheet.item("⚠", f"{said} {advice}", "warn")

    def _broken(self, sheet: PageBuilder, inventory: Inventory, backup: Backup) -> None:
        """Warn of newer backups that need another key, or are broken, with what falling back costs."""
        database = self.session.host.database
        unread = newer_of_another_key(inventory, backup, database)
        if unread is not None and (self.asked is None or unread.moment <= self.asked):
            sheet.item("⚠", passed_over(unread), "warn")
        other = newer_broken(inventory, backup, kind=None, until=self.asked)
        if other is None:
            return
        text = _("The backup of {moment} is broken. Falling back loses {time} more (runbook 5.3).")
        sheet.item(
            "⚠",
            text.format(
                moment=labels.moment(other.moment, seconds=True),
                time=labels.between(backup.moment, other.moment),
            ),
            "warn",
            hint=_("Its file: {name}").format(name=other.name),
        )

    def _plan(self, sheet: PageBuilder, backup: Backup) -> None:
        made = self.plan
        if made is None:
            sheet.say(_("Looking whether it will restore here …"), "dim")
        elif isinstance(made, MtnError):
            problem(sheet, made)
        else:
            beside = self.way is RecoveryMode.BESIDE
            planned.write(sheet, made, self.production.get(backup.handle), beside=beside)

    def write_passed(self, sheet: PageBuilder) -> None:
        """Write which checks the plan has passed, for the end of the page."""
        if isinstance(self.plan, Plan):
            planned.write_passed(sheet, self.plan)

    @property
    def ready(self) -> Plan | None:
        """The plan for the chosen point, if no check stops it."""
        made = self.plan
        if not isinstance(made, Plan) or any(check.status is Status.STOP for check in made.checks):
            return None
        return made

    def agree(self, made: Plan, then: Callable[[], None]) -> None:
        """Do ``then``; asks first if not everything in the backup can be restored here."""
        request, host = made.request, self.session.host
        if not (request.no_owner or request.without):
            then()
            return

        def agreed(without: bool | None) -> None:
            if without:
                then()

        said = not_had(made)
        done_without = list(request.without)
        if request.no_owner:
            said.append(_("All of it will belong to {user}.").format(user=host.context.settings.db_user))
            said.append(_("The services may need rights that it will lack: better let a superuser restore."))
            done_without.append(_("owners and rights"))
        go_on = _("Restore without {names}").format(names=", ".join(done_without))
        answers = [Answer(_("Back"), False), Answer(go_on, True)]
        host.open_screen(Ask(_("This user can't restore everything."), said, answers), agreed)
