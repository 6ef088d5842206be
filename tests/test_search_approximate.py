"""A shop whose index is approximate answers like one whose index is exact, written to or not."""

from __future__ import annotations

import faiss
import numpy as np
import pytest

from indexer.arrays import unit
from indexer.encoders.color import ColorEncoder
from indexer.items import Item
from indexer.jobs.job import open_job
from indexer.jobs.publishing import publish
from indexer.progress import no_progress
from indexer.shop.checkup import check_shop
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.vectors.contract import BuildTargets, Targets
from indexer.vectors.faiss_backend import FaissBackend
from indexer.vectors.gpu.placing import copy_to_gpus
from indexer.writing.writes import Draft, ImageInput, delete_items, put_items
from search.engine import SearchEngine
from search.filters.grammar import parse_filter
from search.query import EmbeddingPart, Query

N = 3000
ENCODER = ColorEncoder()


def draft(number, vector):
    item_id = f"item-{number:04d}"
    item = Item(item_id=item_id, product_id=item_id, price=float(number))
    return Draft(item_id, lambda _: item, [ImageInput("view.jpg")], vector[None])


@pytest.fixture(scope="module")
def vectors():
    rng = np.random.default_rng(5)
    centers = unit(rng.normal(size=(40, ENCODER.dim)))
    noise = 0.08 * rng.normal(size=(N, ENCODER.dim))
    return unit(centers[rng.integers(0, 40, N)] + noise)


@pytest.fixture(scope="module")
def built(vectors, tmp_path_factory):
    """3,000 items priced 0 to 2,999, indexed as if that were many: only a graph is on offer."""
    shop = ShopFolder(tmp_path_factory.mktemp("large") / "shop")
    shop.path.mkdir()
    store = Store(shop.store, create=True)
    put_items(store, ENCODER, [draft(n, vector) for n, vector in enumerate(vectors)])
    targets = BuildTargets(asked=Targets(recall=0.99, exact_below=1000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("indexer.vectors.tuning._fits", lambda name, *_: name == "HNSW32-fp16")
        with open_job(shop, "vitrine rebuild") as job:
            publish(job, ENCODER, catalog=shop.path, skipped=0, targets=targets)
    yield shop, store
    store.close()


@pytest.fixture
def engine(built, monkeypatch):
    """Approximate search is made to look cheap, whatever this machine says."""
    monkeypatch.setattr("indexer.vectors.planner._EXACT_CALL_US", 1e6)
    with SearchEngine.open(built[0].path, encoder=ENCODER, recall_sample=1.0) as opened:
        yield opened


def ask(engine, vector, where=None):
    query = Query(parts=[EmbeddingPart(vector)], filter=parse_filter(where) if where else None)
    reply = engine.search(query)
    return reply.mode, [hit.item_id for hit in reply.hits]


def best(vectors, query, among):
    order = np.argsort(-np.where(among, vectors @ query, -2))[:10]
    return [f"item-{n:04d}" for n in order if among[n]]


def test_it_is_approximate_and_finds_what_is_there(engine, vectors):
    found = approximate = 0
    for query in vectors[:50]:
        mode, hits = ask(engine, query)
        approximate += mode == "ann"  # where too few rows come back, it is done again exactly
        found += len(set(hits) & set(best(vectors, query, np.ones(N, np.bool_))))
    assert found / 500 >= 0.95
    assert approximate >= 40


@pytest.mark.parametrize("price", [1500, 300, 30, 3])
def test_a_filter_costs_no_answer(engine, vectors, price):
    among = np.arange(N) < price
    found = wanted = 0
    for query in vectors[-30:]:
        _, hits = ask(engine, query, f"price < {price}")
        right = best(vectors, query, among)
        assert len(hits) == len(right)
        found, wanted = found + len(set(hits) & set(right)), wanted + len(right)
    assert found / wanted >= 0.95


def test_what_is_written_and_deleted_counts_at_once(built, engine, vectors):
    _, store = built
    try:
        delete_items(store, ["item-0007"])
        put_items(store, ENCODER, [draft(9999, vectors[7])])
        engine.refresh()
        mode, hits = ask(engine, vectors[7])
        assert mode == "ann", (engine._manifest.contract.note, engine._manifest.contract.recipe)
        assert hits[0] == "item-9999"
        assert "item-0007" not in hits
    finally:
        delete_items(store, ["item-9999"])
        put_items(store, ENCODER, [draft(7, vectors[7])])


def test_status_tells_the_promise_and_what_serves(engine):
    status = engine.status()
    assert status.recipe == "HNSW32-fp16"
    assert status.recall.promised == 0.99
    assert status.recall.measured >= 0.99
    assert status.device == "cpu"
    assert engine.vitals().indexed_rows == N


class Gpu:
    """One GPU that is a CPU index."""

    has_cagra = False

    def free_bytes(self):
        return [100 << 30]

    def copy_to(self, index, _gpu):
        return faiss.clone_index(index)


def test_on_a_gpu_it_is_exact_under_filters_and_after_deletions_too(built, vectors, monkeypatch):
    monkeypatch.setattr(
        "indexer.vectors.faiss_backend.copy_to_gpus", lambda index: copy_to_gpus(index, Gpu())
    )
    monkeypatch.setattr(
        "indexer.vectors.gpu.placing.DEFAULT_P95_MS", 1e6
    )  # whatever this machine says
    monkeypatch.setattr("indexer.vectors.planner._EXACT_CALL_US", 1e6)
    shop, store = built
    among = np.arange(N) < 1500
    among[7] = False
    try:
        with SearchEngine.open(shop.path, encoder=ENCODER) as engine:
            assert engine.status().device.startswith("gpu: flat fp16, 0.00 GB; recall@10 1.0000")
            delete_items(store, ["item-0007"])
            engine.refresh()
            device = engine._live.view.segments[0].vectors.index.device
            searched = []
            monkeypatch.setattr(
                device, "search_with_effort", counting(device.search_with_effort, searched)
            )
            for query in vectors[:20]:
                mode, hits = ask(engine, query, "price < 1500")
                assert (mode, hits) == ("exact", best(vectors, query, among))
            assert len(searched) >= 20
    finally:
        put_items(store, ENCODER, [draft(7, vectors[7])])


def counting(near, searched):
    """The same search, noted."""

    def noted(queries, k, effort):
        searched.append(k)
        return near(queries, k, effort)

    return noted


def test_the_graph_has_an_order_of_its_own_and_the_check_finds_each_row(built):
    shop, _ = built
    name = shop.current()
    rows = FaissBackend.open(shop.generations / name, shop.manifest(name).contract).rows
    assert rows.tolist() != list(range(N))
    assert sorted(rows.tolist()) == list(range(N))
    assert check_shop(shop, progress=no_progress).problems == []


def test_a_file_beside_the_index_is_verified_like_any_other(built):
    shop, _ = built
    files = shop.manifest(shop.current()).files
    assert {"vectors.faiss", "rows.npy"} <= set(files)
