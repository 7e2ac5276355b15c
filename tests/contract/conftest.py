"""A store whose server answers as the test says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.storage.s3 import LEAST_PART, S3Storage
from tests.picky_server import PickyServer
from tests.s3_fixtures import store_on


@pytest.fixture
def store(picky: PickyServer, seaweed: SeaweedServer, bucket: str) -> Iterator[S3Storage]:
    """It sends the smallest parts that there are."""
    store = store_on(seaweed, bucket, endpoint=picky.endpoint, part_size=LEAST_PART)
    yield store
    picky.oblige()
    store.close()
