"""The two places that backups are kept in, made from the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtn_tui.core.models import BackupName
from mtn_tui.core.settings import Settings
from mtn_tui.storage.base import Storage
from mtn_tui.storage.local import LocalStorage

if TYPE_CHECKING:
    from mtn_tui.storage.s3 import S3Storage


@dataclass(frozen=True)
class Stores:
    """The disk, and the bucket where one is configured."""

    disk: LocalStorage
    bucket: S3Storage | None

    def __iter__(self) -> Iterator[Storage]:
        yield self.disk
        if self.bucket is not None:
            yield self.bucket


def key_in(store: Storage, name: BackupName, suffix: str = "") -> str:
    """Where the scripts keep a backup in a store: flat on disk, by kind in a bucket."""
    return (name.key if store.name == "bucket" else str(name)) + suffix


def open_stores(settings: Settings) -> Stores:
    """Nothing is contacted yet. Raises ConfigError where the bucket's address can't be one."""
    disk = LocalStorage(settings.backup_dir)
    if settings.bucket is None:
        return Stores(disk, None)
    from mtn_tui.operations.bucket import open_bucket  # a quarter of a command's start

    return Stores(disk, open_bucket(settings))
