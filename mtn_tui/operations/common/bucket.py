"""The bucket, made from the configuration."""

from __future__ import annotations

from minio.credentials.providers import Provider, StaticProvider
from pydantic import SecretStr

from mtn_tui.core.settings import Settings
from mtn_tui.storage.s3 import S3Storage
from mtn_tui.storage.s3_keys import aws_keys


def open_bucket(settings: Settings) -> S3Storage | None:
    """The configured bucket, or None; nothing is contacted yet. Raises ConfigError for an invalid address."""
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
            region=settings.s3_region,
            ca_file=settings.s3_ca_file,
        )
    return S3Storage(
        endpoint.host,
        bucket,
        credentials=_aws_keys(settings),
        secure=endpoint.secure,
        region=settings.s3_region or settings.aws_default_region,
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
