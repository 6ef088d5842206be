"""Vectors on a server: never a wrong answer, nothing lost by a crash, and no call to the dead."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.errors import BadServer, CannotPromise, IndexCorrupt, VectorsUnavailable
from indexer.vectors.contract import Targets
from indexer.vectors.numpy_backend import NumpyBackend
from indexer.vectors.position_mask import PositionMask
from indexer.vectors.remote import remote_backend
from indexer.vectors.remote.access import ACCESS, ServerAccess
from indexer.vectors.remote.address import ServerAddress
from indexer.vectors.remote.breaker import FAILURES, CircuitBreaker
from indexer.vectors.remote.choosing import choose_on_server
from indexer.vectors.remote.connection import Connection
from indexer.vectors.remote.descriptor import read_descriptor
from indexer.vectors.remote.remote_backend import MilvusBackend
from tests.remoteserver import ADDRESS, server
from tests.vectorserver import MemoryDriver

__all__ = ["server"]  # fixtures


pytestmark = pytest.mark.usefixtures("server")

N, DIM, K = 300, 8, 10


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return unit(np.random.default_rng(1).normal(size=(N, DIM)))


@pytest.fixture
def folder(vectors, tmp_path) -> Path:
    """The folder of a saved index."""
    MilvusBackend.build(vectors, np.arange(N)).save(tmp_path)
    return tmp_path


def held_by(server: MemoryDriver, folder: Path) -> dict[int, np.ndarray]:
    return server.collections[read_descriptor(folder, "milvus").collection]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("faiss", None),
        ("milvus:http://10.0.0.5:19530", ("milvus", "http://10.0.0.5:19530")),
        ("qdrant:https://vectors.shop.example", ("qdrant", "https://vectors.shop.example")),
        ("qdrant::memory:", ("qdrant", ":memory:")),
        ("milvus:/data/milvus.db", ("milvus", "/data/milvus.db")),
        ("milvus:milvus.db", ("milvus", str(Path("milvus.db").absolute()))),
    ],
)
def test_an_address_is_an_engine_and_a_url_or_a_path(text, address):
    assert ServerAddress.parse(text) == address


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected faiss, milvus:URI or qdrant:URI"),
        ("redis:http://x", "expected faiss, milvus:URI or qdrant:URI"),
        ("milvus:", "expected faiss, milvus:URI or qdrant:URI"),
        ("milvus:http://root:secret@host:19530", "VITRINE_VECTORS_TOKEN"),
        ("milvus:ftp://host", "expected http or https"),
        ("qdrant:http://", "names no host"),
        ("qdrant:http://host:99999999", "no valid URL"),
    ],
)
def test_another_address_is_refused_by_name(text, message):
    with pytest.raises(BadServer, match=message) as refused:
        ServerAddress.parse(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("engine", "extra"), [("milvus", "pymilvus"), ("qdrant", "qdrant_client")])
def test_a_missing_client_names_the_extra(engine, extra, monkeypatch):
    from indexer.vectors.remote.milvus import MilvusDriver
    from indexer.vectors.remote.qdrant import QdrantDriver

    monkeypatch.setitem(sys.modules, extra, None)
    driver = {"milvus": MilvusDriver, "qdrant": QdrantDriver}[engine]
    with pytest.raises(BadServer, match=rf"pip install 'vitrine\[{engine}\]'"):
        driver(ServerAddress(engine, "http://x"), ServerAccess())


# The breaker


def test_after_failures_in_a_row_no_call_reaches_the_server_for_a_while(server):
    now = [100.0]
    breaker = CircuitBreaker(clock=lambda: now[0])
    reached = Connection(ADDRESS, lambda _address: server, breaker, clock=lambda: now[0])
    server.is_down = True
    for _ in range(FAILURES):
        with pytest.raises(VectorsUnavailable, match="connection refused"):
            reached.call(lambda driver: driver.ping())
    calls = len(server.calls)
    with pytest.raises(VectorsUnavailable, match=r"the next try is in 1 s"):
        reached.call(lambda driver: driver.ping())
    assert len(server.calls) == calls
    now[0] += 1
    with pytest.raises(VectorsUnavailable, match="connection refused"):
        reached.check()  # a single try, which doubles the pause
    with pytest.raises(VectorsUnavailable, match=r"the next try is in 2 s"):
        reached.check()
    server.is_down = False
    now[0] += 2
    reached.check()
    assert not breaker.is_open
    assert breaker.wait_s() == 0


def test_searches_that_the_server_does_not_answer_are_soon_refused_at_once(server, vectors, folder):
    index = MilvusBackend.open(folder)
    server.is_down = True
    for _ in range(FAILURES):
        with pytest.raises(VectorsUnavailable, match="connection refused"):
            index.nearest(vectors[0], K, None)
    calls = len(server.calls)
    with pytest.raises(VectorsUnavailable, match="has not answered several times"):
        index.nearest(vectors[0], K, None)
    assert len(server.calls) == calls


def test_a_batch_of_queries_is_asked_in_parts_that_one_time_limit_fits(server, vectors, folder):
    index = MilvusBackend.open(folder)
    server.calls.clear()
    positions, _ = index.search_with_depth(vectors[:120], 1, 0)
    assert positions[:, 0].tolist() == list(range(120))
    assert server.calls.count("search") == 3


def test_one_call_at_a_time_tries_a_server_that_was_down():
    now = [0.0]
    breaker = CircuitBreaker(clock=lambda: now[0])
    for _ in range(FAILURES):
        assert breaker.wait_s() == 0
        breaker.failed()
    now[0] = 5.0
    assert breaker.wait_s() == 0
    assert breaker.wait_s() > 0  # another thread, while the first waits for its answer
    breaker.succeeded()
    assert breaker.wait_s() == 0


def test_a_health_check_asks_the_server_at_most_every_two_seconds(server):
    now = [100.0]
    reached = Connection(ADDRESS, lambda _address: server, clock=lambda: now[0])
    for _ in range(5):
        reached.check()
    assert server.calls == ["ping"]
    now[0] += 2
    reached.check()
    assert server.calls == ["ping", "ping"]


# Searches


@pytest.mark.parametrize("share", [1.0, 0.98, 0.5, 0.05, 0.0])
@pytest.mark.parametrize("local_rows", [0, 10_000])
def test_a_filter_finds_what_numpy_finds(folder, vectors, share, local_rows, monkeypatch):
    """Wherever the search runs: ids left out by the server, more rows, or in this process."""
    monkeypatch.setattr(remote_backend, "LOCAL_ROWS", local_rows)
    monkeypatch.setattr(remote_backend, "PUSHED_IDS", 10)
    mask = np.random.default_rng(2).random(N) < share
    opened, reference = MilvusBackend.open(folder), NumpyBackend.build(vectors, np.arange(N))
    for query in vectors[::50]:
        for k in (1, K, N):
            found = opened.nearest(query, k, PositionMask(mask))
            expected = reference.nearest(query, k, PositionMask(mask))
            assert found.positions.tolist() == expected.positions.tolist()
            assert found.scores == pytest.approx(expected.scores, abs=1e-6)


@pytest.mark.parametrize("share", [None, 0.98])
def test_a_server_that_is_down_is_named_and_no_answer_is_made_up(folder, server, vectors, share):
    opened = MilvusBackend.open(folder)
    server.is_down = True
    mask = None if share is None else PositionMask(np.arange(N) < share * N)
    with pytest.raises(VectorsUnavailable, match=r"milvus:http://vectors.test:19530 did not"):
        opened.nearest(vectors[0], K, mask)
    with pytest.raises(VectorsUnavailable):
        opened.check_ready()


def test_a_collection_that_another_program_changed_gives_no_answer(folder, server, vectors):
    opened = MilvusBackend.open(folder)
    held = held_by(server, folder)
    lost = held.pop(7)
    opened.nearest(vectors[0], K, None)  # it asks for more rows than there are only if k is large
    with pytest.raises(VectorsUnavailable, match="found 299 of 300 vectors"):
        opened.nearest(vectors[0], N, None)
    held[7] = lost
    held[N + 4] = vectors[0]
    with pytest.raises(VectorsUnavailable, match="found position 304 of 300"):
        opened.nearest(vectors[0], K, None)
    del held[N + 4]
    held[0], held[1] = held[1], held[0]
    with pytest.raises(VectorsUnavailable, match="the score of another vector"):
        opened.nearest(vectors[0], K, None)
    server.collections.clear()
    with pytest.raises(VectorsUnavailable, match="no collection"):
        opened.nearest(vectors[0], K, None)


# Reconciliation


def drop_some(held: dict[int, np.ndarray], vectors: np.ndarray) -> None:
    for position in (*range(40, 90), N - 1):
        del held[position]


def add_some(held: dict[int, np.ndarray], vectors: np.ndarray) -> None:
    held[N], held[10**9] = vectors[0], vectors[1]


def change_all(held: dict[int, np.ndarray], vectors: np.ndarray) -> None:
    held |= dict(enumerate(np.roll(vectors, 1, axis=0)))


def lose_all(held: dict[int, np.ndarray], vectors: np.ndarray) -> None:
    held.clear()


@pytest.mark.parametrize("damage", [drop_some, add_some, change_all, lose_all])
def test_opening_mends_a_collection_that_differs(folder, server, vectors, damage):
    damage(held_by(server, folder), vectors)
    opened = MilvusBackend.open(folder)
    held = held_by(server, folder)
    assert sorted(held) == list(range(N))
    assert np.array([held[position] for position in range(N)]).tolist() == vectors.tolist()
    assert opened.nearest(vectors[N - 1], 1, None).positions.tolist() == [N - 1]


def test_a_collection_that_is_gone_is_filled_again_and_one_that_is_right_is_not(folder, server):
    puts = server.calls.count("put")
    MilvusBackend.open(folder)
    assert server.calls.count("put") == puts
    server.collections.clear()
    MilvusBackend.open(folder)
    assert sorted(held_by(server, folder)) == list(range(N))


def test_a_replica_never_changes_a_collection(folder, server):
    ACCESS.use(lambda: ServerAccess(read_only=True))
    MilvusBackend.open(folder)
    MilvusBackend.announce(folder, folder)
    assert server.aliases == {}
    del held_by(server, folder)[3]
    with pytest.raises(VectorsUnavailable, match="VITRINE_VECTORS_READ_ONLY"):
        MilvusBackend.open(folder)
    assert len(held_by(server, folder)) == N - 1
    MilvusBackend.drop(folder)
    assert len(server.collections) == 1


def test_a_server_that_stays_wrong_is_corrupt(folder, server, monkeypatch):
    monkeypatch.setattr(server, "count", lambda _name: N + 1)
    with pytest.raises(IndexCorrupt, match="still differs"):
        MilvusBackend.open(folder)


def test_saving_without_a_server_says_what_to_set(vectors, tmp_path):
    ACCESS.use(ServerAccess)
    with pytest.raises(VectorsUnavailable, match="set VITRINE_VECTORS to milvus:URI"):
        MilvusBackend.build(vectors, np.arange(N)).save(tmp_path)


# Building


def test_a_server_keeps_what_its_index_promises(vectors, tmp_path):
    built = choose_on_server(
        ADDRESS, tmp_path / ".draft", vectors, np.arange(N), Targets(exact_below=10)
    )
    assert built.promise is not None
    assert (built.promise.promised, built.promise.measured) == (0.98, 1.0)
    assert built.contract.met
    assert built.nearest(vectors[5], K, None).mode == "ann"
    built.save(tmp_path)
    assert not (tmp_path / ".draft").exists()
    opened = MilvusBackend.open(tmp_path, built.contract)
    assert opened.promise == built.promise


def test_a_target_that_the_server_misses_leaves_no_collection(vectors, tmp_path, server):
    with pytest.raises(CannotPromise, match="within 1e-09 ms"):
        choose_on_server(ADDRESS, tmp_path, vectors, np.arange(N), Targets(p95_ms=1e-9))
    assert server.collections == {}
