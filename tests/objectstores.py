"""Object stores for tests: fsspec's own memory, and a server of S3's protocol."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

__all__ = ["bucket", "s3_url"]


@pytest.fixture
def bucket() -> Iterator[Any]:
    """An empty object store in memory; ``pipe_file`` writes an object."""
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    files.store.clear()
    yield files
    files.store.clear()


@pytest.fixture
def s3_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty server of S3, which the environment names."""
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server", reason="needs pip install 'moto[server]' s3fs")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    yield url
    server.stop()
