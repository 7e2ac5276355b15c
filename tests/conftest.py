"""Every fixture that more than one folder uses."""

import gc
import itertools
import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

from mtn_tui.archive import cipher
from mtn_tui.core import i18n
from mtn_tui.core.redact import redact
from mtn_tui.core.suggested import name_configuration
from tests import warm
from tests.in_memory import in_memory
from tests.local_time import about_noon
from tests.operation_fixtures import practise, s3
from tests.pg_fixtures import (
    any_pg,
    catalogue,
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
from tests.s3_fixtures import bucket, picky, seaweed
from tests.swap_fixtures import live, pg_busy

__all__ = [
    "about_noon",
    "any_pg",
    "bucket",
    "catalogue",
    "live",
    "new_database",
    "new_rich",
    "new_school",
    "pg18",
    "pg_busy",
    "pg_system",
    "pg_template",
    "pg_workspace",
    "picky",
    "pooled",
    "practise",
    "rich_db",
    "s3",
    "school_db",
    "seaweed",
]

WORKSPACE = in_memory()

# Under nohup, or behind a shell's &, these would be ignored by every child that is to be ended by them.
for number, usual in {signal.SIGHUP: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}.items():
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


settings.register_profile("quick", max_examples=30, deadline=None)
settings.register_profile("full", deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """As many examples as hypothesis would have are tried where the soak is asked for too."""
    asked = str(config.getoption("markexpr"))
    settings.load_profile("full" if "soak" in asked.replace("not soak", "") else "quick")


def pytest_collection_finish() -> None:
    """Look no more for garbage in what was collected: that is a twentieth of the time."""
    gc.collect()
    gc.freeze()


LONGEST = ("tests/pty/", "tests/faults/", "tests/ui/test_wizard", "tests/integration/test_practice")
"""Where the tests are that take longest: they start first, so that none is left to run alone at the end."""


FAST = ("tests/unit/", "tests/contract/", "tests/ui/test_snapshots.py")
"""What ``-m fast`` runs: hardly any of it needs a database."""


SCREENS = ("tests/ui/", "tests/pty/")
"""Where what shows in Spanish, which the school reads and which is longer, is slow in English, and the first
of other parameters stands for all: a screen takes seconds."""


def _only_fast(config: pytest.Config) -> bool:
    return bool(config.getoption("markexpr") == "fast")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Two for each core, since half of the time a test waits for a server or a process; a fast one never."""
    return (1 if _only_fast(config) else 2) * (os.cpu_count() or 1)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With ``-m fast``, do not even read the files that have no fast test."""
    place = collection_path.relative_to(config.rootpath).as_posix() + "/" * collection_path.is_dir()
    related = any(place.startswith(one) or one.startswith(place) for one in FAST)
    return True if _only_fast(config) and not related else None


def _is_a_double(item: pytest.Item) -> bool:
    """Whether it shows with other parameters, or on another server, what a quick test shows as well."""
    called = getattr(item, "callspec", None)
    if called is None:
        return False
    on_screen = item.nodeid.startswith(SCREENS)
    if on_screen and called.params.get("language") == "en":
        return True
    sample = item.get_closest_marker("sample")
    if sample is not None:
        return not any(part in called.id for part in sample.args)
    if on_screen and any(index for name, index in called.indices.items() if name != "language"):
        return True
    return called.params.get("any_pg") == "pg_system" and not item.get_closest_marker("every_server")


def pytest_itemcollected(item: pytest.Item) -> None:
    if _is_a_double(item):
        item.add_marker("slow")
    if item.nodeid.startswith(FAST) and not any(map(item.get_closest_marker, ("slow", "soak"))):
        item.add_marker("fast")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give each worker's share of the tests its own long ones, at its beginning.

    xdist cuts the list into as many pieces as there are workers.
    """
    long = [item for item in items if item.nodeid.startswith(LONGEST)]
    short = [item for item in items if not item.nodeid.startswith(LONGEST)]
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    items[:] = [
        item
        for number in range(workers)
        for part in (long, short)
        for item in part[len(part) * number // workers : len(part) * (number + 1) // workers]
    ]


_salts = itertools.cycle(warm.SALTS)


@pytest.fixture(autouse=True)
def _few_salts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretching a passphrase anew for each salt takes a tenth of a second: backups share a dozen salts."""
    if not request.node.nodeid.startswith(FAST):
        monkeypatch.setattr(cipher, "token_bytes", lambda _length: next(_salts))


@pytest.fixture(autouse=True)
def _own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test has the process keep secret, a one-letter password perhaps, is not masked in the next."""
    for known in ("_secrets", "_short"):
        monkeypatch.setattr(redact, known, set(getattr(redact, known)))


@pytest.fixture(autouse=True)
def english():
    """Each test begins in English, whatever language the one before it has left in use."""
    yield
    if i18n.language() != "en":
        i18n.use("en")


@pytest.fixture(autouse=True)
def no_named_configuration():
    """What a command line of one test named is not suggested in the texts of another."""
    yield
    name_configuration(None)
