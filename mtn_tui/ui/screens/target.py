"""Asks which database a backup is restored into."""

from __future__ import annotations

from typing import cast

from textual import on
from textual.widgets import Input

from mtn_tui.core.errors import MtnError, Refused, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.operations.inventory.model import Backup, CopyStatus
from mtn_tui.operations.restore.plan import look_at
from mtn_tui.operations.restore.preflight.preflight import check_request
from mtn_tui.ui.host import Host
from mtn_tui.ui.screens.prompt import TextPrompt
from mtn_tui.ui.text import backup as backup_text


class Target(TextPrompt):
    """Dismissed with the name of a database that does not exist yet; offers the staging database."""

    def __init__(self, backup: Backup) -> None:
        super().__init__()
        self._backup = backup
        self._refusal: MtnError | None = None
        self._asking = False

    @property
    def host(self) -> Host:
        """The app, as far as screens need it."""
        return cast("Host", self.app)

    def filled(self) -> str:
        """The name of the staging database."""
        return self.host.context.settings.staging_db_name

    @on(Input.Changed)
    def _typed(self) -> None:
        self._refusal = None
        self.draw()

    @on(Input.Submitted)
    def _given(self, event: Input.Submitted) -> None:
        """Accept no name that a restore would refuse."""
        if self._asking:
            return
        host, target = self.host, event.value
        try:
            check_request(host.context, self._backup, target, legacy_allowed=True)
        except UsageError as error:
            self._refused(error)
            return
        self._asking = True
        host.run_in_background(
            lambda: look_at(host.context, target).existing is not None,
            # An esc that was pressed while the server was asked still counts.
            lambda exists: host.after_keys(lambda: self._answered(target, exists=exists)),
            self._failed,
        )
        self.draw()

    def _answered(self, target: str, *, exists: bool) -> None:
        self._asking = False
        if not self.is_current:
            return
        if not exists:
            self.dismiss(target)
            return
        self._refused(
            Refused(
                _("The database {target} exists already.").format(target=target),
                _("Choose another name: nothing is replaced from here."),
            )
        )

    def _failed(self, error: MtnError) -> None:
        self._asking = False
        if self.is_current:
            self._refused(error)

    def _refused(self, error: MtnError) -> None:
        self._refusal = error
        self.draw()

    def draw(self) -> None:
        """Show the backup, what a restore does, and why a name was refused."""
        said = [
            (backup_text.headline(self._backup), ""),
            (
                _("It is loaded beside, verified, and only then gets the name. Production is not touched."),
                "",
            ),
        ]
        if any(copy.standing is CopyStatus.LEGACY for copy in self._backup.copies):
            text = _("The scripts made it: nothing vouches for its contents. [enter] loads it all the same.")
            said.append((text, ""))
        if self._asking:
            said.append((_("Asking the server …"), "dim"))
        if self._refusal is not None:
            said.append((f"✖ {self._refusal.title} {self._refusal.hint}", "bad"))
        self.say(_("Restore into which database?"), said, _("[enter] restores, [esc] goes back"))
