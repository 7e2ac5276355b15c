"""The screens' tests look at screens: what the health checks find out has tests of its own."""

from __future__ import annotations

import pytest

from mtn_tui.operations.health import registry
from tests.ui.gates import Gate
from tests.ui.installed import Installed
from tests.ui.looks import calm


@pytest.fixture(autouse=True)
def looks():
    """What the checks say: all is well, unless a test says else.

    Changed in place: a module that is first imported meanwhile takes hold of it.
    """
    real = dict(registry.LOOKS)
    registry.LOOKS.update(calm())
    yield registry.LOOKS
    registry.LOOKS.clear()
    registry.LOOKS.update(real)


@pytest.fixture
def made(tmp_path, monkeypatch):
    """An installation whose backups are put there by hand; what is written lands in its folder."""
    monkeypatch.chdir(tmp_path)
    return Installed(tmp_path / "mtn")


@pytest.fixture
def gate():
    """A closed gate, which is open at the end of the test."""
    made = Gate()
    yield made
    made.may.set()
