"""Every fixture that more than one folder uses."""

import signal

import pytest

from mtn_tui.core.redact import redact
from tests.operation_fixtures import practise, s3
from tests.pg_fixtures import (
    any_pg,
    new_database,
    new_rich,
    new_school,
    pg18,
    pg_system,
    pg_template,
    pg_workspace,
    rich_db,
    school_db,
)
from tests.pooler_fixtures import pooled
from tests.s3_fixtures import bucket, seaweed
from tests.swap_fixtures import live, pg_busy

__all__ = [
    "any_pg",
    "bucket",
    "live",
    "new_database",
    "new_rich",
    "new_school",
    "pg18",
    "pg_busy",
    "pg_system",
    "pg_template",
    "pg_workspace",
    "pooled",
    "practise",
    "rich_db",
    "s3",
    "school_db",
    "seaweed",
]

# Under nohup, or behind a shell's &, these would be ignored by every child that is to be ended by them.
for number, usual in {signal.SIGHUP: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}.items():
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


@pytest.fixture(autouse=True)
def _own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test has the process keep secret, a one-letter password perhaps, is not masked in the next."""
    monkeypatch.setattr(redact, "_secrets", set(redact._secrets))
