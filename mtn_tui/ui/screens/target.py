"""Which database a backup is restored into."""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING, cast

from textual import on
from textual.widgets import Input

from mtn_tui.core.errors import MtnError, Refused, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.operations.inventory.model import Backup, CopyStatus
from mtn_tui.operations.restore.plan import look_at
from mtn_tui.operations.restore.preflight.preflight import check_request
from mtn_tui.ui.screens.prompt import TextPrompt
from mtn_tui.ui.text import backup as backup_text

if TYPE_CHECKING:
    from mtn_tui.ui.app import MtnApp


class Target(TextPrompt):
    def __init__(self, backup: Backup) -> None:
        super().__init__()
        self._backup = backup
        self._refusal: MtnError | None = None
        self._asking = False

    def filled(self) -> str:
        return cast("MtnApp", self.app).context.settings.staging_db_name

    @on(Input.Changed)
    def _typed(self) -> None:
        self._refusal = None
        self.draw()

    @on(Input.Submitted)
    def _given(self, event: Input.Submitted) -> None:
        """Nothing is begun that can be seen to be refused."""
        if self._asking:
            return
        app, target = cast("MtnApp", self.app), event.value
        try:
            check_request(app.context, self._backup, target, legacy_allowed=True)
        except UsageError as error:
            self._refused(error)
            return
        self._asking = True
        app.errand(lambda: look_at(app.context, target).existing, partial(self._seen, target))
        self.draw()

    def _seen(self, target: str, existing: object, error: MtnError | None) -> None:
        """The server was asked for a database of that name."""
        self._asking = False
        if not self.is_current:
            return
        if existing is not None:
            command = shlex.join(["mtn", "restore", self._backup.handle, "--target", target, "--drop"])
            error = Refused(
                _("The database {target} exists already.").format(target=target),
                _("Choose another name; or replace it from the command line: {command}").format(
                    command=command
                ),
            )
        if error is not None:
            self._refused(error)
        else:
            self.dismiss(target)

    def _refused(self, error: MtnError) -> None:
        self._refusal = error
        self.draw()

    def draw(self) -> None:
        said = [
            (backup_text.headline(self._backup), ""),
            (
                _("It is loaded beside, verified, and only then gets the name. Production is not touched."),
                "",
            ),
        ]
        if any(copy.standing is CopyStatus.LEGACY for copy in self._backup.copies):
            text = _("The scripts made it: nothing vouches for its contents. enter loads it all the same.")
            said.append((text, ""))
        if self._asking:
            said.append((_("Asking the server …"), "dim"))
        if self._refusal is not None:
            said.append((f"✖ {self._refusal.title} {self._refusal.hint}", "bad"))
        self.say(_("Restore into which database?"), said, _("enter restores, esc goes back"))
