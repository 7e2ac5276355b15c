"""The two places that backups are kept in, made from the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider

from mtn_tui.core.models import BackupName
from mtn_tui.core.settings import Settings
from mtn_tui.storage.base import Storage
from mtn_tui.storage.local import LocalStorage
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
    return Stores(LocalStorage(settings.backup_dir), _bucket(settings))


def _bucket(settings: Settings) -> S3Storage | None:
    if settings.bucket is None:
        return None
    if settings.use_minio:
        return S3Storage(
            settings.minio_host,
            settings.bucket,
            access_key=settings.minio_access_key,
            secret_key=settings.minio_secret_key.get_secret_value(),
            secure=settings.minio_secure,
            ca_file=settings.s3_ca_file,
        )
    providers = ChainedProvider([EnvAWSProvider(), AWSConfigProvider(profile=settings.aws_profile or None)])
    return S3Storage(
        "s3.amazonaws.com",
        settings.bucket,
        credentials=providers,
        ca_file=settings.s3_ca_file,
        storage_class="STANDARD_IA",
        encrypt=True,
    )
