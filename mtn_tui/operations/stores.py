"""The two places that backups are kept in, made from the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from minio.credentials.providers import Provider, StaticProvider
from pydantic import SecretStr

from mtn_tui.core.models import BackupName
from mtn_tui.core.settings import Settings
from mtn_tui.storage.base import Storage
from mtn_tui.storage.local import LocalStorage
from mtn_tui.storage.s3 import S3Storage
from mtn_tui.storage.s3_keys import aws_keys


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
    bucket, endpoint = settings.bucket, settings.endpoint
    if bucket is None or endpoint is None:
        return None
    if settings.use_minio:
        return S3Storage(
            endpoint.host,
            bucket,
            access_key=settings.minio_access_key or "",
            secret_key=_secret(settings.minio_secret_key),
            secure=endpoint.secure,
            ca_file=settings.s3_ca_file,
        )
    return S3Storage(
        endpoint.host,
        bucket,
        credentials=_aws_keys(settings),
        secure=endpoint.secure,
        region=settings.aws_default_region,
        ca_file=settings.s3_ca_file,
        storage_class="STANDARD_IA",
        encrypt=True,
    )


def _aws_keys(settings: Settings) -> Provider:
    """The static keys of the configuration or the environment, else those of the profile."""
    if settings.aws_access_key_id and settings.aws_secret_access_key:
        token = _secret(settings.aws_session_token) or None
        return StaticProvider(settings.aws_access_key_id, _secret(settings.aws_secret_access_key), token)
    return aws_keys(settings.aws_profile)


def _secret(value: SecretStr | None) -> str:
    return value.get_secret_value() if value else ""
