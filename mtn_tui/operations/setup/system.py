"""``mtn init --system``: a machine whose operators share one configuration, one state folder and the backups.

All of it belongs to root and the group ``mtn``: the configuration and the key
may be read by it (0640), the folders written (2770), in which journals, locks
and logs follow their folder.
"""

from __future__ import annotations

import grp
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from mtn_tui.core import paths
from mtn_tui.core.errors import ConfigError, Refused
from mtn_tui.core.i18n import _
from mtn_tui.core.settings import Settings
from mtn_tui.operations.setup.init import Answers, Made, make_folder, set_up_within
from mtn_tui.postgres.their_words import tool_said

_READABLE = 0o640
_WRITABLE = 0o2770


@dataclass(frozen=True)
class Places:
    """Where a machine keeps what its operators share."""

    configuration: Path = paths.SYSTEM_CONFIGURATION / paths.CONFIGURATION
    state: Path = paths.SYSTEM_STATE
    backups: Path = Path("/var/backups/mtn")
    logs: Path = Path("/var/log/mtn")


def must_be_root() -> None:
    """Raise Refused for anyone but root."""
    if os.geteuid() != 0:
        raise Refused(
            _("Only root can set a machine up for several operators."), _("Run: sudo mtn init --system")
        )


def set_up_system(
    answers: Answers,
    environment: Mapping[str, str],
    whose: Callable[[Settings], str],
    places: Places | None = None,
) -> Made:
    """As ``init.set_up``, for all operators. Refused for anyone but root, before anything is made."""
    must_be_root()
    places = places or Places()
    group = _group()
    kept = {
        "STATE_DIR": str(places.state),
        "LOG_DIR": str(places.logs),
        "METRICS_DIR": str(places.logs / "metrics"),
        "TEMP_DIR": str(places.state / "temp"),
        "ENCRYPTION_KEY_FILE": str(places.configuration.parent / ".encryption.key"),
    }
    backups = str(places.backups) if answers.backup_dir == Answers.backup_dir else answers.backup_dir
    answers = replace(answers, backup_dir=backups, others=kept | dict(answers.others))
    with ExitStack() as undo:
        made = set_up_within(undo, places.configuration, answers, environment, whose)
        settings = made.settings
        make_folder(places.state, undo)
        shared = (settings.backup_dir, settings.log_dir, settings.metrics_dir, settings.temp_dir)
        for folder in (places.state, *shared):
            _give(folder, group, _WRITABLE)
        for file in (made.configuration, settings.encryption_key_file, settings.contacts_file):
            if file is not None:
                _give(file, group, _READABLE)
        undo.pop_all()
    return made


def _give(path: Path, group: int, mode: int) -> None:
    os.chown(path, -1, group)
    path.chmod(mode)  # after chown, which takes the set-group-ID bit away


def _group() -> int:
    """The group's number; it is made where it is missing. ConfigError if it can't be."""
    try:
        return grp.getgrnam(paths.GROUP).gr_gid
    except KeyError:
        pass
    said = ""
    if shutil.which("groupadd"):
        command = ["groupadd", "--system", paths.GROUP]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return grp.getgrnam(paths.GROUP).gr_gid
        said = " " + tool_said("groupadd", done.stderr.strip())
    raise ConfigError(
        _("There is no group {group}, and it could not be made.").format(group=paths.GROUP) + said,
        _("Create it with the system's own tools, then run this again."),
    )
