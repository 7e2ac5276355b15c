"""How approved pictures are kept: in ``snapshots/`` at the top, each under the name that its test bears."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_textual_snapshot
from pytest_textual_snapshot import SVGImageExtension

FOLDER = Path(__file__).parents[2] / "snapshots"


class Pictures(SVGImageExtension):
    @classmethod
    def dirname(cls, *, test_location) -> str:
        return str(FOLDER)

    @classmethod
    def get_snapshot_name(cls, *, test_location, index=0) -> str:
        """Of ``test_x[name]``, the name."""
        return test_location.testname.partition("[")[2].removesuffix("]")


@pytest.fixture
def pictured(monkeypatch, request):
    """``snap_compare`` with our folder: the plugin takes no other extension than the one it names."""
    monkeypatch.setattr(pytest_textual_snapshot, "SVGImageExtension", Pictures)
    return request.getfixturevalue("snap_compare")
