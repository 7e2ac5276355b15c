"""Which error of ours each answer of an S3 server is. Only what no server here can be made to say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from minio.credentials.providers import AWSConfigProvider

from mtn_tui.core.errors import AlreadyThere, NoSpace, NotFound, StorageError, StorageUnavailable
from mtn_tui.core.redact import MASK, redact
from mtn_tui.storage.s3_answers import Refused
from mtn_tui.storage.s3_errors import Bucket, http_date
from mtn_tui.storage.s3_keys import Keys, aws_keys, static_keys

NOW = datetime(2026, 3, 2, 2, 0, 0, tzinfo=UTC)


class FixedClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def bucket(*, aws: bool = False) -> Bucket:
    return Bucket("mtn-backups", "s3.example:9000", aws, FixedClock())


def answer(code: str, status: int, date: str = "Mon, 02 Mar 2026 02:00:00 GMT") -> Refused:
    return Refused(code, "as the server says it", status, date)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("SlowDown", 503, StorageUnavailable),
        ("ServiceUnavailable", 503, StorageUnavailable),
        ("InternalError", 500, StorageUnavailable),
        ("SomethingNew", 500, StorageUnavailable),
        ("TooManyRequests", 429, StorageUnavailable),
        ("RequestTimeout", 400, StorageUnavailable),
        ("IncompleteBody", 400, StorageUnavailable),
        ("NoSuchUpload", 404, StorageUnavailable),
        ("ConditionalRequestConflict", 409, StorageUnavailable),
        ("NoSuchBucket", 404, StorageError),
        ("NoSuchKey", 404, NotFound),
        ("PreconditionFailed", 412, AlreadyThere),
        ("AccessDenied", 403, StorageError),
        ("ExpiredToken", 400, StorageError),
        ("PermanentRedirect", 301, StorageError),
        ("QuotaExceeded", 400, NoSpace),
        ("XMinioStorageFull", 507, NoSpace),
        ("SomethingNew", 507, NoSpace),
        ("SomethingNew", 400, StorageError),
    ],
)
def test_each_code_has_its_class_and_a_hint(code: str, status: int, kind: type[StorageError]) -> None:
    error = bucket().error(answer(code, status), "full/x")
    assert type(error) is kind
    assert error.hint


@pytest.mark.parametrize(("status", "kind"), [(503, StorageUnavailable), (507, NoSpace), (304, StorageError)])
def test_a_status_without_a_body_is_enough(status: int, kind: type[StorageError]) -> None:
    assert type(bucket().error(Refused(f"HTTP {status}", "", status))) is kind


@pytest.mark.parametrize(
    ("aws", "setting", "key"),
    [(False, "MINIO_BUCKET", "MINIO_ACCESS_KEY"), (True, "S3_BUCKET", "AWS_PROFILE")],
)
def test_a_fix_names_the_settings_of_the_kind_of_server(aws: bool, setting: str, key: str) -> None:
    where = bucket(aws=aws)
    assert setting in where.error(answer("NoSuchBucket", 404)).hint
    assert key in where.error(answer("InvalidAccessKeyId", 403)).hint


@pytest.mark.parametrize(
    ("apart", "told"),
    [
        (timedelta(minutes=20), "20 min behind"),
        (timedelta(minutes=-20), "20 min ahead"),
        (timedelta(minutes=6), "6 min behind"),
        (timedelta(days=1), "1440 min behind"),
        (timedelta(minutes=4), ""),
        (timedelta(), ""),
    ],
)
def test_a_403_from_another_time_is_a_wrong_clock(apart: timedelta, told: str) -> None:
    date = (NOW + apart).strftime("%a, %d %b %Y %H:%M:%S GMT")
    error = bucket().error(answer("SignatureDoesNotMatch", 403, date))
    assert (f"{told} " in error.title) if told else ("clock" not in error.title)


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Mon, 32 Mar 2026 02:00:00 GMT", "Mon, 02 Mar 2026 02:00:00"]
)
def test_a_date_that_cannot_be_read_accuses_nobody(date: str) -> None:
    assert http_date(date) is None
    assert "clock" not in bucket().error(answer("AccessDenied", 403, date)).title
    assert "clock" in bucket().error(answer("RequestTimeTooSkewed", 403, date)).title


def test_what_an_unknown_answer_quotes_is_redacted() -> None:
    secret = "s3cret-of-this-test"
    redact.add(secret)
    error = bucket().error(Refused("Odd", f"you said {secret}", 400))
    assert secret not in error.title
    assert MASK in error.title


def test_keys_are_known_to_the_redactor_once_they_are_used() -> None:
    keys = static_keys("mtn", "another-s3cret-of-this-test").retrieve()
    assert keys.access_key == "mtn"
    assert redact("it is another-s3cret-of-this-test.") == f"it is {MASK}."


def test_missing_keys_are_told_with_their_settings() -> None:
    with pytest.raises(StorageError, match="No keys") as raised:
        static_keys("", "").retrieve()
    assert "MINIO_ACCESS_KEY" in raised.value.hint


def test_a_credentials_file_that_cannot_be_read_never_shows_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    path.write_text("[default]\naws_access_key_id = A\ntop-s3cret without a key\n")
    with pytest.raises(StorageError) as raised:
        Keys(AWSConfigProvider(str(path), "default")).retrieve()
    assert "s3cret" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_profile_of_aws_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "credentials"
    path.write_text("[mtn]\naws_access_key_id = A\naws_secret_access_key = s3cret-in-a-profile\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("AWS_ACCESS_KEY", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    assert aws_keys("mtn").retrieve().secret_key == "s3cret-in-a-profile"
    with pytest.raises(StorageError):
        aws_keys().retrieve()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "B")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret-of-the-environment")
    assert aws_keys().retrieve().access_key == "B"
