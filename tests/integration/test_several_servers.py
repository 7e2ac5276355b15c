"""Two servers with a database of one name, and one bucket: the latest is never the other's unsaid."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from mtn_tui.archive.manifest import Manifest
from mtn_tui.core.errors import UsageError
from mtn_tui.core.models import MANIFEST, PROOF, ROLES
from mtn_tui.operations.backup.publish import put_beside, signed
from mtn_tui.operations.inventory.one_server import of_one_server
from mtn_tui.operations.inventory.select import choose
from mtn_tui.operations.restore.choice import Wanted, choose_point
from tests.operation_fixtures import Practice

OURS, THEIRS, ELDER = 1, 2, 3

Make = Callable[[int, int], str]


@pytest.fixture
def here(pg18, new_database, practise) -> Practice:
    return practise(new_database(pg18))


@pytest.fixture
def make(here: Practice) -> Make:
    """Puts a backup made in that minute on that server beside the others; returns its name.

    ``OURS`` is the server that the installation knows.
    """
    made = here.back_up().manifest
    first = here.payload(made)
    (here.backups / (made.payload + PROOF)).unlink()  # none of them is proven: the newest is the latest

    def new(minute: int, server: int) -> str:
        name = made.name.later(60 * minute)
        number = made.server.system_identifier + server - OURS
        manifest: Manifest = replace(
            made,
            id=f"aaaaaa{'abcdefgh'[minute]}a",
            payload=str(name),
            snapshot_at=made.snapshot_at + timedelta(minutes=minute),
            server=replace(made.server, system_identifier=number),
        )
        shutil.copy(first, here.backups / str(name))
        shutil.copy(f"{first}{ROLES}", here.backups / (str(name) + ROLES))
        context = here.context
        put_beside(context.stores.disk, name, MANIFEST, signed(manifest, context.key).data)
        return str(name)

    return new


def forget_the_server(here: Practice) -> None:
    """As on a new machine."""
    shutil.rmtree(here.root / "state")


def test_a_newer_one_of_another_server_is_passed_over_and_named(here, make):
    make(1, THEIRS)
    ours, theirs = make(2, OURS), make(3, THEIRS)
    chosen = choose_point(here.context, Wanted(latest=True))
    assert str(chosen.backup.name) == ours
    assert theirs in chosen.another_server
    assert all(one.manifest.server == chosen.backup.manifest.server for one in chosen.earlier)
    assert str(choose(here.context, wanted=theirs).backup.name) == theirs
    told = here.here("restore", "--latest", "--target", "mtn_never_made", "--dry-run", check=None)
    assert ours in told.stdout
    assert "is of another server" in told.stderr


def test_an_older_one_of_another_server_that_is_at_work_as_well_is_nothing_to_fall_back_on(here, make):
    theirs, ours = make(1, THEIRS), make(2, OURS)
    chosen = choose_point(here.context, Wanted(latest=True))
    assert (str(chosen.backup.name), chosen.another_server) == (ours, "")
    left = of_one_server(here.context, here.inventory).inventory
    assert theirs not in [str(one.name) for one in left.backups]


def test_a_new_machine_that_can_not_tell_whose_are_meant_asks(here, make):
    make(1, THEIRS)
    ours, theirs = make(2, OURS), make(3, THEIRS)
    forget_the_server(here)
    with pytest.raises(UsageError) as caught:
        choose_point(here.context, Wanted(latest=True))
    assert ours in caught.value.title
    assert theirs in caught.value.title
    assert "instead of --latest" in caught.value.hint
    inventory = here.inventory
    assert of_one_server(here.context, inventory).inventory is inventory, "for lists nothing is left out"


def test_after_a_move_the_new_servers_are_the_latest_and_the_old_ones_count_as_well(here, make):
    newest = [make(minute, THEIRS) for minute in (1, 2)][-1]
    forget_the_server(here)
    chosen = choose_point(here.context, Wanted(latest=True))
    assert (str(chosen.backup.name), chosen.another_server) == (newest, "")
    found = of_one_server(here.context, here.inventory)
    assert len(found.inventory.backups) == 3
    assert found.doubt == ""
