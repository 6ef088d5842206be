"""A server of vectors in memory, which every connection of a test reaches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from indexer.vectors.remote import connection
from indexer.vectors.remote.access import ACCESS, ServerAccess
from indexer.vectors.remote.address import ServerAddress
from indexer.vectors.remote.connection import close_connections
from tests.vectorserver import MemoryDriver

ADDRESS = ServerAddress("milvus", "http://vectors.test:19530")


@pytest.fixture
def server(monkeypatch) -> Iterator[MemoryDriver]:
    """The server that every connection of the test reaches."""
    driver = MemoryDriver()
    monkeypatch.setattr(connection, "_connect", lambda _address: driver)
    close_connections()
    ACCESS.use(lambda: ServerAccess(default=ADDRESS))
    yield driver
    ACCESS.use(ServerAccess)
    close_connections()
