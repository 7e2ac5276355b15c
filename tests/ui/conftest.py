"""The screens' tests look at screens: what the health checks find out has tests of its own."""

from __future__ import annotations

import pytest

from mtn_tui.operations.health import registry
from tests.ui.looks import calm


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch):
    """What the checks say: all is well, unless a test says else."""
    said = calm()
    monkeypatch.setattr(registry, "LOOKS", said)
    return said
