"""What every backend of vectors promises; each test is run on all of them."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.errors import IndexCorrupt, IndexMismatch, StoreFull
from indexer.vectors.backend import VectorBackend, rows_at
from indexer.vectors.backends import BACKENDS, backend_of
from indexer.vectors.canary import check_index
from indexer.vectors.contract import Contract, Effort, Level
from indexer.vectors.faiss_backend import FaissBackend
from indexer.vectors.numpy_backend import NumpyBackend
from indexer.vectors.position_mask import PositionMask
from indexer.vectors.remote.access import ACCESS, ServerAccess
from indexer.vectors.remote.address import MEMORY, ServerAddress
from indexer.vectors.remote.connection import close_connections
from indexer.vectors.remote.remote_backend import RemoteBackend
from indexer.vectors.row_table import RowTable

N, DIM = 400, 16
CLIENTS = {"milvus": "milvus_lite", "qdrant": "qdrant_client"}
HALF = 2e-3  # what rounding to half precision moves a score of unit vectors by, at most


class Kind(NamedTuple):
    """A way to build a backend, and how far its scores may be from those of the vectors given."""

    name: str
    recipe: str | None = None
    rounding: float = 1e-6

    def build(self, vectors: np.ndarray, rows: np.ndarray) -> VectorBackend:
        if self.name in CLIENTS:
            return on_server(self.name, vectors, rows)
        if self.recipe is None:
            return BACKENDS[self.name].build(vectors, rows)
        built = FaissBackend.build(vectors, rows, self.recipe).index
        level = Level(effort=Effort(256, 160), recall=0.9, median_us=1.0, p95_us=2.0)
        contract = Contract(recipe=self.recipe, levels=[level], row_us=1.0)
        return FaissBackend(built.with_contract(contract))

    def contract_of(self, built: VectorBackend) -> Contract | None:
        return built.contract if isinstance(built, FaissBackend) else None


KINDS = [
    *(
        pytest.param(
            Kind(name),
            marks=pytest.mark.skipif(
                name in CLIENTS and importlib.util.find_spec(CLIENTS[name]) is None,
                reason=f"needs the extra {name}",
            ),
        )
        for name in BACKENDS
    ),
    Kind("faiss", "HNSW32-fp16", HALF),  # searched approximately
    Kind("faiss", "IVF8-PQ4", HALF),
]


PLACE: list[Path] = []  # of the embedded engines, while the tests of this file run
SAVED: dict[tuple[str, bytes], RemoteBackend] = {}


@pytest.fixture(scope="module", autouse=True)
def servers(tmp_path_factory) -> Iterator[None]:
    PLACE.append(tmp_path_factory.mktemp("servers"))
    yield
    PLACE.clear()
    SAVED.clear()
    ACCESS.use(ServerAccess)
    close_connections()


def on_server(engine: str, vectors: np.ndarray, rows: np.ndarray) -> RemoteBackend:
    """An index that an engine searches, filled once for the same vectors.

    The engine runs embedded, unless VITRINE_TEST_MILVUS or VITRINE_TEST_QDRANT is a server's URL.
    """
    key = (engine, vectors.tobytes() + rows.tobytes())
    if key not in SAVED:
        embedded = MEMORY if engine == "qdrant" else str(PLACE[0] / "milvus.db")
        uri = os.environ.get(f"VITRINE_TEST_{engine.upper()}", embedded)
        address = ServerAddress(engine, uri)
        ACCESS.use(lambda: ServerAccess(default=address, timeout_s=120))
        folder = PLACE[0] / f"{engine}-{len(SAVED)}"
        folder.mkdir()
        backend = BACKENDS[engine]
        backend.build(vectors, rows).save(folder)
        SAVED[key] = backend.open(folder)
    return SAVED[key]


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind.name}-{kind.recipe or 'exact'}")
def kind(request) -> Kind:
    return request.param


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return unit(np.random.default_rng(3).normal(size=(N, DIM)))


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """Row numbers that are no positions, and do not rise."""
    return np.random.default_rng(4).permutation(3 * N)[:N]


@pytest.fixture(scope="module")
def queries() -> np.ndarray:
    return unit(np.random.default_rng(5).normal(size=(12, DIM)))


@pytest.fixture
def built(kind, vectors, rows) -> VectorBackend:
    return kind.build(vectors, rows)


def by_position(built, vectors, rows):
    """The vectors with these rows in the order of an index: (n, dim)."""
    return vectors[RowTable(rows).positions_of(built.rows)]


@pytest.fixture
def ordered(built, vectors, rows) -> np.ndarray:
    return by_position(built, vectors, rows)


def best_scores(vectors, queries, k, mask=None):
    """The k best scores of each query by plain arithmetic: (q, k), -inf where there are fewer."""
    scores = queries @ vectors.T  # (q, n)
    if mask is not None:
        scores[:, ~mask] = -np.inf
    scores = -np.sort(-scores, axis=1)[:, :k]
    return np.pad(scores, ((0, 0), (0, k - scores.shape[1])), constant_values=-np.inf)


def check_answer(kind, vectors, queries, positions, scores, mask=None):
    """Each position is allowed and comes once, with its own score, best first; then only -1."""
    for query, found, said in zip(queries, positions, scores, strict=True):
        there = found[found >= 0]
        assert (found[: len(there)] >= 0).all()
        assert np.isneginf(said[len(there) :]).all()
        assert len(set(there.tolist())) == len(there)
        assert mask is None or mask[there].all()
        assert said[: len(there)] == pytest.approx(vectors[there] @ query, abs=kind.rounding)
        assert (np.diff(said[: len(there)]) <= 0).all()


@pytest.mark.parametrize("share", [None, 1.0, 0.4, 0.02, 0.0])
@pytest.mark.parametrize("k", [1, 10, N + 5])
def test_exact_is_brute_force_among_what_is_allowed(kind, built, ordered, queries, share, k):
    mask = None if share is None else np.random.default_rng(6).random(N) < share
    allowed = None if mask is None else PositionMask(mask)
    positions, scores = built.exact(queries, k, allowed)
    assert positions.shape == scores.shape == (len(queries), k)
    check_answer(kind, ordered, queries, positions, scores, mask)
    assert scores == pytest.approx(best_scores(ordered, queries, k, mask), abs=kind.rounding)


@pytest.mark.parametrize("share", [None, 1.0, 0.4, 0.02, 0.0])
@pytest.mark.parametrize("k", [1, 10, N + 5])
def test_nearest_finds_as_many_as_are_allowed(kind, built, ordered, queries, share, k):
    mask = None if share is None else np.random.default_rng(6).random(N) < share
    allowed = None if mask is None else PositionMask(mask)
    count = N if mask is None else int(mask.sum())
    for query in queries:
        found = built.nearest(query, k, allowed)
        assert found.positions.shape == found.scores.shape == (k,)
        assert (found.positions >= 0).sum() == min(k, count)
        check_answer(kind, ordered, [query], [found.positions], [found.scores], mask)
        if found.mode == "exact":
            best = best_scores(ordered, query[None], k, mask)[0]
            assert found.scores == pytest.approx(best, abs=kind.rounding)


def test_nearest_keeps_what_was_promised(built, vectors, queries):
    """Recall@10 at the promised effort; 1 where nothing is approximate."""
    promised = 1.0 if built.promise is None else built.promise.promised
    for extra_levels in (0, 1, 7):  # more than there are is as many as there are
        found = [built.nearest(query, 10, None, extra_levels=extra_levels) for query in queries]
        right = best_scores(vectors, queries, 10)[:, -1:] - HALF
        recall = np.mean([answer.scores for answer in found] >= right)
        assert recall >= min(promised, 0.9)
    assert {answer.mode for answer in found} == {"exact" if built.promise is None else "ann"}


def test_approximate_searches_many_queries_at_the_promised_effort(kind, built, ordered, queries):
    positions, scores = built.approximate(queries, 10)
    assert positions.shape == scores.shape == (len(queries), 10)
    check_answer(kind, ordered, queries, positions, scores)
    if built.promise is None:
        assert positions.tolist() == built.exact(queries, 10)[0].tolist()


def test_of_equal_vectors_any_is_found_and_none_twice(kind, vectors, rows, queries):
    alike = vectors.copy()
    alike[::2] = vectors[0]
    built = kind.build(alike, rows)
    alike = by_position(built, alike, rows)
    positions, scores = built.exact(vectors[:1], 50)
    assert set(rows_at(built.rows, positions[0]).tolist()) <= set(rows[::2].tolist())
    check_answer(kind, alike, vectors[:1], positions, scores)
    nearest = built.nearest(vectors[0], 50, None)
    check_answer(kind, alike, vectors[:1], [nearest.positions], [nearest.scores])
    assert nearest.scores == pytest.approx(1, abs=kind.rounding)


@pytest.mark.parametrize("kind", KINDS[: len(BACKENDS)], indirect=True)
def test_an_empty_index_finds_nothing(kind):
    built = kind.build(np.empty((0, DIM), np.float32), np.empty(0, np.int64))
    query = np.ones(DIM, np.float32)
    for allowed in (None, PositionMask(np.empty(0, np.bool_))):
        assert built.nearest(query, 3, allowed).positions.tolist() == [-1] * 3
        positions, scores = built.exact(query[None], 3, allowed)
        assert positions.tolist() == [[-1] * 3]
        assert np.isneginf(scores).all()
    assert (len(built), built.rows.shape, built.dim) == (0, (0,), DIM)
    assert built.vectors_at(np.empty(0, np.int64)).shape == (0, DIM)


@pytest.mark.parametrize("shape", [(1, DIM + 1), (DIM,), (1, 1, DIM)])
def test_a_query_of_another_dimension_is_a_mismatch(built, shape):
    with pytest.raises(IndexMismatch, match=f"does not fit an index of dimension {DIM}"):
        built.exact(np.ones(shape, np.float32), 1)


def test_no_query_gives_no_answer(built):
    positions, scores = built.exact(np.empty((0, DIM), np.float32), 3)
    assert positions.shape == scores.shape == (0, 3)


def test_vectors_come_back_as_they_are_stored(kind, built, ordered):
    positions = np.array([7, 0, 399, 7])
    held = built.vectors_at(positions)
    assert held == pytest.approx(ordered[positions], abs=max(1e-7, kind.rounding / 2))
    _, scores = built.exact(held[:1], 1)
    assert scores[0, 0] == pytest.approx(held[0] @ held[0], abs=HALF)


def test_what_a_caller_does_to_its_arrays_does_not_change_an_index(kind, vectors, rows, queries):
    given, numbers = vectors.copy(), rows.copy()
    built = kind.build(given, numbers)
    before = built.exact(queries, 5)[0].tolist()
    given[:] = 0
    assert built.exact(queries, 5)[0].tolist() == before


def test_positions_lead_to_rows(built, vectors, rows):
    assert len(built) == N
    assert sorted(built.rows.tolist()) == sorted(rows.tolist())
    positions, _ = built.exact(vectors[:5], 1)
    assert rows_at(built.rows, positions)[:, 0].tolist() == rows[:5].tolist()
    assert rows_at(built.rows, np.array([[-1, 2]])).tolist() == [[-1, built.rows[2]]]


def test_it_says_where_it_searches(kind, built):
    assert built.note.startswith(f"{kind.name}:" if kind.name in CLIENTS else "cpu")


@pytest.mark.parametrize("serving", [False, True])
def test_what_was_saved_answers_the_same_when_opened(
    kind, built, vectors, queries, tmp_path, serving
):
    built.save(tmp_path)
    contract = kind.contract_of(built)
    again = type(built).open(tmp_path, contract, serving=serving)
    assert (again.rows.tolist(), again.dim) == (built.rows.tolist(), DIM)
    assert again.promise == built.promise
    for one, other in zip(again.exact(queries, 20), built.exact(queries, 20), strict=True):
        assert one.tolist() == other.tolist()
    for query in queries:
        now, before = again.nearest(query, 20, None), built.nearest(query, 20, None)
        assert (now.mode, now.positions.tolist()) == (before.mode, before.positions.tolist())
    everything = np.arange(N)
    assert again.vectors_at(everything).tolist() == built.vectors_at(everything).tolist()


def test_it_passes_the_canary_as_it_is_read_back(kind, tmp_path):
    vectors = unit(np.random.default_rng(8).normal(size=(N, DIM)).astype(np.float16))
    built = kind.build(vectors, np.arange(N))
    built.save(tmp_path)
    again = type(built).open(tmp_path, kind.contract_of(built))
    check_index(again, vectors, np.arange(N))
    with pytest.raises(IndexCorrupt, match="do not find themselves"):
        check_index(again, np.roll(vectors, 1, axis=0), np.arange(N))


def test_drop_deletes_its_files_and_no_others(kind, built, tmp_path):
    (tmp_path / "words.sqlite").write_bytes(b"of somebody else")
    built.save(tmp_path)
    assert len(list(tmp_path.iterdir())) > 1
    type(built).drop(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["words.sqlite"]
    type(built).drop(tmp_path)  # nothing is left to delete
    with pytest.raises(IndexCorrupt, match="cannot be read"):
        type(built).open(tmp_path, kind.contract_of(built))


@pytest.mark.parametrize("damage", ["empty", "rubbish", "missing"])
def test_each_damaged_file_is_corrupt(kind, built, tmp_path, damage):
    built.save(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        whole = path.read_bytes()
        if damage == "missing":
            path.unlink()
        else:
            path.write_bytes(b"" if damage == "empty" else b"rubbish" * 99)
        with pytest.raises(IndexCorrupt, match="cannot be read"):
            type(built).open(tmp_path, kind.contract_of(built))
        path.write_bytes(whole)
    type(built).open(tmp_path, kind.contract_of(built))


def test_a_row_table_of_another_length_is_corrupt(kind, built, tmp_path):
    built.save(tmp_path)
    with (tmp_path / "rows.npy").open("wb") as file:
        np.save(file, built.rows[:-1])
    with pytest.raises(IndexCorrupt, match="row table"):
        type(built).open(tmp_path, kind.contract_of(built))


def test_a_row_table_with_objects_in_it_is_never_unpickled(kind, built, tmp_path):
    built.save(tmp_path)
    with (tmp_path / "rows.npy").open("wb") as file:
        np.save(file, np.array([{}] * N, dtype=object), allow_pickle=True)
    with pytest.raises(IndexCorrupt, match="allow_pickle=False"):
        type(built).open(tmp_path, kind.contract_of(built))


def test_a_folder_that_cannot_be_written_is_store_full(built, tmp_path):
    with pytest.raises(StoreFull, match="cannot write"):
        built.save(tmp_path / "missing")


def test_rows_beside_it_are_exact_and_found_at_once(built, vectors, queries):
    fresh = unit(np.random.default_rng(9).normal(size=(30, DIM)))
    delta = built.build_delta(fresh, np.arange(5000, 5030))
    assert delta.promise is None
    positions, scores = delta.exact(queries, 5)
    assert scores == pytest.approx(best_scores(fresh, queries, 5), abs=1e-6)
    assert rows_at(delta.rows, positions).min() >= 5000


def test_a_generation_names_its_backend_by_its_recipe():
    assert backend_of(Contract(recipe="numpy")) is NumpyBackend
    assert backend_of(Contract(recipe="HNSW32-fp16")) is FaissBackend
    assert backend_of(Contract()) is FaissBackend
