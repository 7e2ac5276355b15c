"""A real S3 server for tests: one SeaweedFS per run, an empty bucket for each test that wants one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.storage.s3 import S3Storage
from tests.picky_server import PickyServer


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedServer]:
    """The server, with the bucket ``seaweed.bucket`` in it. Shared: use ``bucket`` for what must be empty."""
    server = SeaweedServer(tmp_path_factory.mktemp("seaweed"))
    server.start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def bucket(seaweed: SeaweedServer) -> Iterator[str]:
    """The name of a bucket that is empty, and emptied after the test.

    Not made anew for each test: its first object would cost SeaweedFS 0.2 s.
    """
    name = "mtn-test"
    client = seaweed.client()
    if not client.bucket_exists(name):
        client.make_bucket(name)
    yield name
    if not client.bucket_exists(name):
        return
    store = store_on(seaweed, name)
    store.abort_unfinished(lambda _upload: True)
    store.close()
    for item in client.list_objects(name, recursive=True):
        assert item.object_name
        client.remove_object(name, item.object_name)


@pytest.fixture
def picky(seaweed: SeaweedServer) -> Iterator[PickyServer]:
    """A server before it that answers some requests by itself."""
    server = PickyServer(seaweed)
    yield server
    server.close()


def store_on(seaweed: SeaweedServer, bucket: str, **options: Any) -> S3Storage:
    """The bucket as we use it. ``options`` replace what the constructor is given."""
    given: dict[str, Any] = {
        "endpoint": seaweed.endpoint,
        "bucket": bucket,
        "access_key": seaweed.access_key,
        "secret_key": seaweed.secret_key,
        "secure": False,
        **options,
    }
    return S3Storage(**given)
