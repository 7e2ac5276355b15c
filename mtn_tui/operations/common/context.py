"""What every operation is given: the configuration, the stores, who asks, and the time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mtn_tui.archive.keys import Key, read_key
from mtn_tui.core.clock import Clock, SystemClock
from mtn_tui.core.outside import Outside
from mtn_tui.core.settings import Settings
from mtn_tui.engine import recordplace
from mtn_tui.engine.recordplace import RecordPlace
from mtn_tui.operations.common.manifest_cache import Cache
from mtn_tui.operations.common.stores import Stores
from mtn_tui.postgres.server import Server


def server_of(settings: Settings) -> Server:
    """The database server of a configuration, with the user and password to log in with."""
    password = settings.db_password.get_secret_value() if settings.db_password else None
    return Server(settings.db_host, settings.db_port, settings.db_user, password)


@dataclass(frozen=True)
class Context:
    """What one run of an operation works with."""

    settings: Settings
    stores: Stores
    state: Path
    """The folder of journals and locks."""
    operator: str
    host: str
    """As it stands in the names of backups."""
    clock: Clock = field(default_factory=SystemClock)
    cache: Cache = field(default_factory=Cache)
    """Manifests and proofs that were fetched before."""
    outside: tuple[Outside, ...] = ()
    """The keys whose values come from the environment."""
    configuration: Path | None = None
    """The file that the settings were read from."""
    scheduled: bool = False
    """Whether cron, systemd or launchd has started it: nobody waits for what it says."""

    @property
    def server(self) -> Server:
        """The database server, with the user and password to log in with."""
        return server_of(self.settings)

    @cached_property
    def key(self) -> Key:
        """The encryption key. Raises KeyFileError."""
        return read_key(self.settings.encryption_key_file)

    @cached_property
    def record_place(self) -> RecordPlace:
        """Where new journals and locks go. Tried out once, by writing."""
        return recordplace.choose(self.state, self.settings.temp_dir)

    @property
    def spare_folders(self) -> list[Path]:
        """Where a journal continues when its own folder takes no more."""
        return recordplace.spare_folders(self.state, self.settings.temp_dir)

    @property
    def jobs(self) -> Path:
        """Where a new job's journal goes."""
        return (self.record_place.folder or self.state) / "jobs"

    @property
    def job_folders(self) -> tuple[Path, ...]:
        """Where there may be journals."""
        return recordplace.jobs_in(recordplace.folders(self.state, self.settings.temp_dir))

    @property
    def locks(self) -> Path | None:
        """Where locks go; None if no folder can be written."""
        folder = self.record_place.folder
        return None if folder is None else folder / "locks"

    @property
    def lock_folders(self) -> tuple[Path, ...]:
        """Where locks may be held: the disk of one may have filled up, or got room again, meanwhile."""
        return tuple(one / "locks" for one in recordplace.folders(self.state, self.settings.temp_dir))
