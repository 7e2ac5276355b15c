"""The questions of ``mtn init``: each answer is looked at as it is given, database and bucket are tried.

What was answered stays as the default when something is asked again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from mtn_tui.cli import diagnostics, planning
from mtn_tui.core.errors import MtnError, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.settings import Settings
from mtn_tui.core.settings_file import interpret, wrong_value
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.common.context import Context, server_of
from mtn_tui.operations.common.stores import open_stores
from mtn_tui.operations.health.checks.bucket import bucket as look_at_bucket
from mtn_tui.operations.setup import init as installer
from mtn_tui.operations.setup.init import Answers
from mtn_tui.postgres.connection import connect

_PATIENCE = 10.0
"""Seconds that a bucket has to answer."""

_PASSWORD = re.compile(r"://[^/\s]*:[^/\s]*@|password\s*=", re.IGNORECASE)


class Questions:
    """Asks on the terminal, with values of the environment as defaults. Secrets are not echoed."""

    def __init__(
        self, given: Mapping[str, str], path: Path, answers: Callable[[Mapping[str, str]], Answers]
    ) -> None:
        """``path``: where the configuration goes. ``answers`` makes them of the values by their keys."""
        self._said = dict(given)
        self._path = path
        self._answers = answers

    def ask(self, *, here: bool) -> Answers:
        """Ask all of them; ``here``: for a folder of this user's, not for the whole machine."""
        while True:
            self._ask("DB_HOST", _("PostgreSQL's host"), "localhost")
            self._ask("DB_PORT", _("PostgreSQL's port"), "5432")
            self._ask("DB_NAME", _("Database"), "Admisión_MTN_DB")
            self._ask("DB_USER", _("User"), "admin")
            self._ask("DB_PASSWORD", _("Password (empty: from ~/.pgpass)"), secret=True, optional=True)
            if self._works(_("The database answers."), self._try_database):
                break
        if here:
            self._ask("BACKUP_DIR", _("Folder for the backups"), "./backups")
        while True:
            asked = _("MinIO or another S3 server, http://host:port (empty: none)")
            self._ask("MINIO_ENDPOINT", asked, optional=True)
            if not self._said["MINIO_ENDPOINT"]:
                break
            self._ask("MINIO_BUCKET", _("Bucket"), "mtn-backups")
            self._ask("MINIO_ACCESS_KEY", _("Access key"), needed=True)
            self._ask("MINIO_SECRET_KEY", _("Secret key"), secret=True, needed=True)
            if self._works(_("The bucket answers."), self._try_bucket):
                break
        return self._answers(self._said)

    def _ask(
        self,
        name: str,
        question: str,
        default: str = "",
        *,
        secret: bool = False,
        needed: bool = False,
        optional: bool = False,
    ) -> None:
        """Ask for one value, again until it can be used. Enter keeps what is there already.

        An ``optional`` one can be taken away again by a hyphen.
        """
        proposal = self._said.get(name, default)
        if secret and proposal:
            question += " " + _("(Enter: as before)")
        if optional and proposal:
            question += " " + _("(-: none)")
        if _PASSWORD.search(proposal) and not secret:
            proposal = ""  # it would be displayed
        while True:
            value = click.prompt(
                question,
                default=proposal,
                hide_input=secret,
                show_default=bool(proposal) and not secret,
                err=True,
            )
            if optional and proposal and value == "-":
                value = ""
            wrong = wrong_value(name, value) or (_("It is needed.") if needed and not value else "")
            if not wrong:
                self._said[name] = value
                return
            diagnostics.say("✖ " + wrong)

    def _works(self, said: str, attempt: Callable[[Settings], None]) -> bool:
        """Try what was answered. If it does not work: whether to go on with it all the same."""
        try:
            text = installer.render(self._answers(self._said))
            attempt(interpret(text, self._path, {}).settings)
        except MtnError as error:
            diagnostics.error(error)
            return planning.yes(_("Go on with these answers all the same?"))
        diagnostics.say("✔ " + said)
        return True

    def _try_database(self, settings: Settings) -> None:
        connect(server_of(settings), settings.db_name, "mtn init").close()

    def _try_bucket(self, settings: Settings) -> None:
        with open_stores(settings).hurried(_PATIENCE) as stores:
            for check in look_at_bucket(Context(settings, stores, Path(), "", "")):
                if check.status is Status.FAIL:
                    raise StorageError(check.says, check.hint)
                if check.status is Status.WARN:
                    diagnostics.warning(check.says, check.hint)
