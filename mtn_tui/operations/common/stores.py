"""The two places that backups are kept in, made from the configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mtn_tui.core.models import SUFFIX, BackupName
from mtn_tui.core.settings import Settings
from mtn_tui.storage.base import Storage
from mtn_tui.storage.local import LocalStorage

if TYPE_CHECKING:
    from mtn_tui.storage.s3 import S3Storage


@dataclass(frozen=True)
class Stores:
    """The disk, and the bucket where one is configured."""

    disk: LocalStorage
    open_bucket: Callable[[], S3Storage | None]

    @cached_property
    def bucket(self) -> S3Storage | None:
        """The bucket; None if none is configured. Raises ConfigError for an invalid address."""
        return self.open_bucket()

    @contextmanager
    def hurried(self, seconds: float) -> Iterator[Stores]:
        """The same stores, waiting at most ``seconds`` for an answer of the bucket."""
        bucket = self.bucket
        if bucket is None:
            yield self
            return
        hurried = bucket.hurried(seconds)
        try:
            yield Stores(self.disk, lambda: hurried)
        finally:
            hurried.close()

    def __iter__(self) -> Iterator[Storage]:
        yield self.disk
        if self.bucket is not None:
            yield self.bucket


def key_in(store: Storage, name: BackupName, suffix: str = "") -> str:
    """Where the scripts keep a backup in a store: flat on disk, by kind in a bucket."""
    return (name.key if store.name == "bucket" else str(name)) + suffix


def open_stores(settings: Settings) -> Stores:
    """The configured stores. Nothing is contacted yet; the bucket is opened on first use."""

    def open_it() -> S3Storage | None:
        if settings.bucket is None:
            return None
        from mtn_tui.operations.common.bucket import open_bucket  # a quarter of a command's start

        return open_bucket(settings)

    return Stores(LocalStorage(settings.backup_dir), open_it)


def any_backup_known(stores: Iterable[Storage]) -> bool:
    """Whether any store holds a backup. Raises StorageError if one does not answer."""
    return any(SUFFIX in entry.key for store in stores for entry in store.list())
