"""What this machine has for schedules: its places, and the programs that change them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from mtn_tui.core.errors import ConfigError, Refused
from mtn_tui.core.i18n import _
from mtn_tui.postgres.their_words import tool_said

_RUNBOOK = "3.3"
_EMPTY = ("no crontab", "no such file")
"""What ``crontab -l`` says where there is none yet: vixie's, cronie's and macOS's; busybox's."""


class System(StrEnum):
    """What starts the runs."""

    CRON = "cron"
    SYSTEMD = "systemd"
    LAUNCHD = "launchd"


@dataclass(frozen=True)
class Machine:
    """The places of this machine, and who asks."""

    home: Path = field(default_factory=Path.home)
    root: bool = field(default_factory=lambda: os.geteuid() == 0)
    mac: bool = sys.platform == "darwin"
    booted: Path = Path("/run/systemd/system")
    """Is there where systemd runs."""
    crontabs: tuple[Path, ...] = (Path("/etc/crontab"), Path("/etc/cron.d"))
    """The system's own, a file and a folder of files; each line names a user."""
    system_units: Path = Path("/etc/systemd/system")
    system_plists: Path = Path("/Library/LaunchDaemons")

    @property
    def user_units(self) -> Path:
        """Where a user's own units lie."""
        return self.home / ".config" / "systemd" / "user"

    @property
    def units(self) -> Path:
        """Where this user's units go."""
        return self.system_units if self.root else self.user_units

    @property
    def user_plists(self) -> Path:
        """Where a user's own property lists lie."""
        return self.home / "Library" / "LaunchAgents"

    @property
    def plists(self) -> Path:
        """Where this user's property lists go."""
        return self.system_plists if self.root else self.user_plists

    @property
    def systemctl(self) -> tuple[str, ...]:
        """The command that manages the units of this user."""
        return ("systemctl",) if self.root else ("systemctl", "--user")

    def fitting(self) -> System:
        """The system that fits: launchd on a Mac, systemd for root, else cron. Raises ConfigError."""
        if self.mac:
            return System.LAUNCHD
        has_systemd = self.booted.is_dir() and shutil.which("systemctl") is not None
        if has_systemd and self.root:
            return System.SYSTEMD
        if shutil.which("crontab"):
            return System.CRON
        if has_systemd:
            return System.SYSTEMD
        raise ConfigError(
            _("Nothing on this machine can start runs: there is neither cron nor systemd."),
            _("Install cron, or see what another needs: mtn schedule show --system cron"),
            _RUNBOOK,
        )


def read_crontab() -> bytes:
    """This user's crontab; empty if there is none.

    Raises ConfigError if it can't be read: it must not be written then.
    """
    done = _crontab("-l")
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode(errors="replace").strip()
    if not done.stdout and any(one in said.lower() for one in _EMPTY):
        return b""
    raise ConfigError(
        _("The crontab can't be read.") + " " + tool_said("crontab", said or str(done.returncode)),
        _("Try: crontab -l. cron.allow and cron.deny say who may use it."),
        _RUNBOOK,
    )


def write_crontab(before: bytes, after: bytes) -> None:
    """Replace this user's crontab, which has to be ``before`` still. Raises ConfigError, Refused."""
    if read_crontab() != before:
        raise Refused(
            _("The crontab was changed meanwhile, and is left as it is."), _("Run it again, and look again.")
        )
    done = _crontab("-", given=after)
    if done.returncode != 0 or read_crontab() != after:
        said = done.stderr.decode(errors="replace").strip()
        raise ConfigError(
            _("The crontab could not be written.")
            + " "
            + (tool_said("crontab", said) if said else _("It is not what was written.")),
            _("See what it is now: crontab -l"),
            _RUNBOOK,
        )


def _crontab(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return run_program(("crontab", *arguments), given)
    except FileNotFoundError:
        raise ConfigError(
            _("There is no crontab program on this machine."),
            _("Install cron, or choose another: --system systemd"),
            _RUNBOOK,
        ) from None


def run_program(command: Sequence[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run one of the system's programs, in English. Raises FileNotFoundError if it is not there."""
    environment: Mapping[str, str] = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(command, input=given, capture_output=True, env=environment, check=False)
