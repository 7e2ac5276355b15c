"""The keys that requests are signed with, and where they come from."""

from __future__ import annotations

from minio.credentials.credentials import Credentials
from minio.credentials.providers import (
    AWSConfigProvider,
    ChainedProvider,
    EnvAWSProvider,
    Provider,
    StaticProvider,
)

from mtn_tui.core.errors import StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.redact import redact
from mtn_tui.storage.base import BUCKETS


class Keys(Provider):
    """Another provider's keys, masked in all output before they are used, and never in its errors."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def retrieve(self) -> Credentials:
        """Return the keys. Raises StorageError if there are none."""
        try:
            keys = self._provider.retrieve()
        except Exception as error:  # noqa: BLE001  # raised again, without what it may quote
            # Not its text and not as a cause: a parser's error quotes the line it stumbled over.
            raise StorageError(
                _("No keys for the bucket were found ({kind}).").format(kind=type(error).__name__),
                _("Set MINIO_ACCESS_KEY and MINIO_SECRET_KEY, or on AWS AWS_PROFILE."),
                BUCKETS,
            ) from None
        redact.add(keys.secret_key)
        redact.add(keys.session_token or "")
        return keys


class _Given(Provider):
    def __init__(self, access_key: str, secret_key: str) -> None:
        self._access_key = access_key
        self._secret_key = secret_key

    def retrieve(self) -> Credentials:
        return StaticProvider(self._access_key, self._secret_key).retrieve()


def static_keys(access_key: str, secret_key: str) -> Provider:
    """Return a provider of these keys."""
    return Keys(_Given(access_key, secret_key))


def aws_keys(profile: str | None = None) -> Provider:
    """Return a provider of the keys of ``profile`` in AWS's credentials file.

    Without one, the environment's (``AWS_ACCESS_KEY_ID``), else the default profile's.
    """
    if profile:
        return Keys(AWSConfigProvider(profile=profile))
    return Keys(ChainedProvider([EnvAWSProvider(), AWSConfigProvider()]))
