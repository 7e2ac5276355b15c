"""All that is known of one backup."""

from __future__ import annotations

from collections.abc import Iterable

from textual.widget import Widget

from mtn_tui.core.i18n import Figure, _
from mtn_tui.core.models import Rung
from mtn_tui.operations.common import labels
from mtn_tui.operations.inventory import labels as copy_labels
from mtn_tui.operations.inventory.model import Backup, Copy
from mtn_tui.ui.actions import AnyAction
from mtn_tui.ui.host import DETAILS
from mtn_tui.ui.screens.backup_actions import BackupScreen, marking, verifying_and_restoring
from mtn_tui.ui.text import backup as backup_text
from mtn_tui.ui.text.cells import Span, beside, fit, wrapped
from mtn_tui.ui.widgets.lines import StyledLine, Text


class Details(BackupScreen):
    """One backup: its copies, what is wrong with it, and the rows of every table."""

    where = DETAILS
    not_in_footer = ("jobs", "command")

    @classmethod
    def own_actions(cls) -> tuple[AnyAction, ...]:
        """What can be done to the backup."""
        return (*verifying_and_restoring(), *marking())

    def __init__(self, backup: Backup) -> None:
        super().__init__()
        self._backup = backup

    @property
    def backup(self) -> Backup:
        """The backup as in the last inventory; if it is gone from there, as it was before."""
        inventory = self.host.state.inventory
        if inventory is not None:
            self._backup = next(
                (one for one in inventory.backups if one.name == self._backup.name), self._backup
            )
        return self._backup

    def body(self) -> Iterable[Widget]:
        """One text, which scrolls."""
        yield Text(id="text")

    def draw(self) -> None:
        """Write the text for the present width."""
        self.query_one("#text", Text).show(self._lines(self.app.size.width - 2))
        self.draw_frame()

    def _lines(self, width: int) -> list[StyledLine]:
        backup, inventory = self.backup, self.host.state.inventory
        assert inventory is not None  # noqa: S101 - the backup comes from there
        said: list[Span] = [(line, "strong") for line in wrapped(backup_text.headline(backup), width)]
        told = [*backup_text.chain(backup, inventory), *backup_text.troubles(backup, inventory)]
        for text, tone in told:
            said += [(line, tone) for line in wrapped(text, width)]
        said.append(("", ""))
        facts = self._facts(backup)
        names = max(len(name) for name, _value in facts) + 2
        for name, value in facts:
            said += [(head + line, "") for head, line in beside(name, value, names, width)]
        if backup.manifest:
            earlier = backup_text.before(backup, inventory)
            said += [("", ""), (_table_line(_("Table"), _("Rows"), _("Before"), width), "dim")]
            for table, count, was in backup_text.tables(backup.manifest, earlier):
                shrunk = was is not None and count < was
                text = _table_line(
                    table, f"{Figure(count):,}", "—" if was is None else f"{Figure(was):,}", width
                )
                said.append((text, "warn" if shrunk else ""))
        return [[(" ", ""), piece] for piece in said]

    def _facts(self, backup: Backup) -> list[tuple[str, str]]:
        now = self.host.context.clock.now()
        facts = [
            (_("Name"), str(backup.name)),
            (_("Age"), labels.age(backup.moment, now)),
            (_("Size"), labels.size(backup.size)),
        ]
        manifest = backup.manifest
        if manifest:
            facts += labels.made_of(manifest)
        for copy in backup.copies:
            facts.append((labels.store(copy.store.name), f"{copy.store.place}: {_standing(copy)}"))
            for what, mark in ((_("pinned"), copy.proof.pinned), (_("accepted"), copy.proof.accepted)):
                if mark:
                    text = f"{what}: {mark.operator}, {labels.moment(mark.at)}"
                    facts.append(("", f"{text}, {mark.note}" if mark.note else text))
        rungs = " → ".join(labels.rung(one) for one in Rung)
        told = _("{rungs}; each proves more than the one before").format(rungs=rungs)
        return [*facts, (_("Steps of proof"), told)]


def _standing(copy: Copy) -> str:
    proven = copy_labels.proven_to(copy)
    return (
        f"{copy_labels.standing(copy.condition)}, {proven}"
        if proven
        else copy_labels.standing(copy.condition)
    )


def _table_line(table: str, rows: str, before: str, width: int) -> str:
    return f"{fit(table, max(width - 30, 8))} {fit(rows, 14, right=True)} {fit(before, 14, right=True)}"
