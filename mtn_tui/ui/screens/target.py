"""Which database a backup is restored into."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import on
from textual.widgets import Input

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.operations.inventory import Backup, Standing
from mtn_tui.operations.preflight import check_request
from mtn_tui.ui import telling
from mtn_tui.ui.screens.field import Field

if TYPE_CHECKING:
    from mtn_tui.ui.app import MtnApp


class Target(Field):
    def __init__(self, backup: Backup) -> None:
        super().__init__()
        self._backup = backup
        self._refusal: UsageError | None = None

    def filled(self) -> str:
        return cast("MtnApp", self.app).context.settings.staging_db_name

    @on(Input.Changed)
    def _typed(self) -> None:
        self._refusal = None
        self.draw()

    @on(Input.Submitted)
    def _given(self, event: Input.Submitted) -> None:
        """Nothing is begun that can be seen to be refused."""
        try:
            check_request(cast("MtnApp", self.app).context, self._backup, event.value, legacy_allowed=True)
        except UsageError as error:
            self._refusal = error
            self.draw()
            return
        self.dismiss(event.value)

    def draw(self) -> None:
        said = [
            (telling.headline(self._backup), ""),
            (
                _("It is loaded beside, verified, and only then gets the name. Production is not touched."),
                "",
            ),
        ]
        if any(copy.standing is Standing.LEGACY for copy in self._backup.copies):
            text = _("The scripts made it: nothing vouches for its contents. enter loads it all the same.")
            said.append((text, ""))
        if self._refusal is not None:
            said.append((f"✖ {self._refusal.title} {self._refusal.hint}", "bad"))
        self.say(_("Restore into which database?"), said, _("enter restores, esc goes back"))
