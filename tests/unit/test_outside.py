"""What the environment changes of a configuration: it is known, and takes no guard away."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtn_tui.core import outside
from mtn_tui.core.errors import ConfigError
from mtn_tui.core.settings import KEYS, SECRET_KEYS
from mtn_tui.core.settings_file import Loaded, interpret
from mtn_tui.core.shellconf import quote
from mtn_tui.operations.common.production import is_practice, is_production

PLACE = Path("/srv/backup-system/config/backup.conf")

OTHERWISE = {
    **dict.fromkeys(KEYS, "something-else"),
    **dict.fromkeys(
        ("DB_PORT", "SMTP_PORT", "FULL_BACKUP_RETENTION_DAYS", "DIFF_BACKUP_RETENTION_DAYS"), "17"
    ),
    **dict.fromkeys(("KEEP_REPLACED_DAYS", "KEEP_WEEKLY", "KEEP_MONTHLY"), "17"),
    **dict.fromkeys(("TARGET_RPO_HOURS", "TARGET_RTO_HOURS"), "17"),
    **dict.fromkeys(("DIFF_EVERY_MINUTES", "UPLOAD_DEADLINE_MINUTES"), "17"),
    **dict.fromkeys(("DEFLATE_LEVEL", "COMPRESSION_LEVEL"), "7"),
    **dict.fromkeys(
        ("ENABLE_ENCRYPTION", "ENABLE_POST_BACKUP_VERIFY", "ENABLE_POST_RESTORE_VERIFY", "ENABLE_TEST_LOAD"),
        "false",
    ),
    **dict.fromkeys(("USE_MINIO", "ENABLE_MONITORING"), "false"),
    "MINIO_ENDPOINT": "http://other:9000",
    "WEBHOOK_URL": "https://other.example/a-secret-path",
    "PING_URL": "https://other.example/another-secret-path",
    "SERVICE_HEALTH_URLS": "http://other:1/health",
    "ALERT_EMAIL": "other@mtn.cl",
    "MAIL_FROM": "sender@mtn.cl",
}
"""Something that each key may be, and that the file does not say."""


def read(text: str, environment: dict[str, str] | None = None) -> Loaded:
    return interpret("DB_NAME=ProdX\nDB_USER=admin\n" + text, PLACE, environment or {})


def told(loaded: Loaded) -> list[str]:
    return [notice.title for notice in outside.notices(loaded.outside, PLACE)]


def test_what_the_file_names_stays_production_under_an_exported_name():
    settings = read("PRODUCTION_DATABASES=old,older", {"DB_NAME": "Otra"}).settings
    assert settings.db_name == "Otra"
    assert [is_production(settings, one) for one in ("ProdX", "Otra", "old", "older")] == [True] * 4


def test_an_exported_list_of_production_databases_adds_and_takes_none_away():
    settings = read("PRODUCTION_DATABASES=old", {"PRODUCTION_DATABASES": "new"}).settings
    assert all(is_production(settings, one) for one in ("ProdX", "old", "new"))


def test_a_default_that_the_file_writes_into_a_reference_stays_production():
    settings = interpret('DB_NAME="${DB_NAME:-ProdX}"\nDB_USER=a\n', PLACE, {"DB_NAME": "Otra"}).settings
    assert settings.db_name == "Otra"
    assert is_production(settings, "ProdX")


def test_an_exported_staging_name_can_not_be_what_the_file_calls_production():
    with pytest.raises(ConfigError, match="is production itself"):
        read("", {"DB_NAME": "Otra", "STAGING_DB_NAME": "ProdX"})


names = st.sampled_from(["ProdX", "Otra", "a", "b", "Niños", "x_test"])


@given(names, st.lists(names), names | st.none(), st.lists(names) | st.none())
def test_whatever_is_exported_nothing_that_was_production_ceases_to_be(name, more, exported, exported_more):
    text = f"DB_NAME={quote(name)}\nDB_USER=a\nSTAGING_DB_NAME=stage\n"
    text += f"PRODUCTION_DATABASES={quote(','.join(more))}\n"
    environment = {"DB_NAME": exported} if exported else {}
    if exported_more:
        environment["PRODUCTION_DATABASES"] = ",".join(exported_more)
    settings = interpret(text, PLACE, environment).settings
    for one in {name, *more, *([exported] if exported else []), *(exported_more or [])}:
        assert is_production(settings, one)
        assert not is_practice(settings, one)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_that_is_exported_otherwise_is_said_with_its_name(key):
    in_file = {"DB_NAME": "ProdX", "DB_USER": "admin"}.get(key)
    loaded = read(
        "MINIO_ACCESS_KEY=k\nMINIO_SECRET_KEY=the-files-own\nMINIO_ENDPOINT=\n", {key: OTHERWISE[key]}
    )
    (one,) = loaded.outside
    assert (one.key, one.value) == (key, OTHERWISE[key])
    if in_file:
        (said,) = told(loaded)
        assert key in said
        assert in_file in said


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_of_a_secret_only_its_name_is_said(key):
    value = OTHERWISE[key]
    text = f"{key}=https://files-own.example/0123456789\nMINIO_ACCESS_KEY=k\nMINIO_ENDPOINT=\n"
    (said,) = told(read(text, {key: value}))
    assert key in said
    assert value not in said
    assert "files-own" not in said


def test_what_is_exported_as_the_file_has_it_is_not_said():
    loaded = read("DB_PORT=6000", {"DB_NAME": "ProdX", "DB_PORT": "6000", "PATH": "/bin"})
    assert loaded.outside == ()


def test_what_the_file_leaves_open_is_named_and_contradicts_nothing():
    loaded = read("", {"DB_PASSWORD": "only-in-the-environment"})
    assert outside.named(loaded.outside) == "DB_PASSWORD"
    assert told(loaded) == []


def test_a_key_that_takes_its_value_from_another_exported_one_is_said_too():
    loaded = read('BACKUP_DIR="/srv/${BACKUP_PREFIX}"\nBACKUP_PREFIX=school', {"BACKUP_PREFIX": "other"})
    assert outside.named(loaded.outside) == "BACKUP_DIR, BACKUP_PREFIX"
