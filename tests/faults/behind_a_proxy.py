"""Backups of a database that need not be there, in a folder and in a bucket behind a proxy."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.seaweed import SeaweedServer
from tests.faults.proxy import FaultProxy
from tests.operation_fixtures import Bucket, Practice
from tests.pg_fixtures import Database

kills = pytest.mark.parametrize(
    "kills", [2, pytest.param(50, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
)
"""How often a test kills: twice, and in the soak fifty times."""


@pytest.fixture
def proxy(seaweed: SeaweedServer) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", seaweed.port) as one:
        yield one


@pytest.fixture
def practice(
    pg18: PostgresServer, practise: Callable[..., Practice], s3: Bucket, proxy: FaultProxy
) -> Practice:
    behind = Bucket(proxy.endpoint, s3.name, s3.access_key, s3.secret_key)
    return practise(Database(pg18, f"mtn_behind_a_proxy_{os.getpid()}"), behind)
