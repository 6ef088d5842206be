"""A shop whose vectors are on a server: builds, writes, and a server that is down or dies."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.encoders.color import ColorEncoder
from indexer.errors import VectorsUnavailable
from indexer.items import Item
from indexer.jobs.job import open_job
from indexer.jobs.publishing import publish
from indexer.shop.folder import ShopFolder
from indexer.shop.promotion import rollback
from indexer.store.store import Store
from indexer.vectors.contract import BuildTargets
from indexer.vectors.remote.connection import close_connections, connection_to
from indexer.writing.writes import Draft, ImageInput, put_items
from search.engine import SearchEngine
from search.query import EmbeddingPart, Query
from tests.remoteserver import ADDRESS, server

__all__ = ["server"]  # fixtures


pytestmark = pytest.mark.usefixtures("server")

ENCODER = ColorEncoder()


def spoke(degrees: int) -> np.ndarray:
    """A vector whose likeness to spoke 0 is the cosine of ``degrees``: (1, dim)."""
    vector = np.zeros((1, ENCODER.dim), dtype=np.float32)
    vector[0, :2] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return vector


def draft(item_id: str, degrees: int) -> Draft:
    item = Item(item_id=item_id, product_id=item_id)
    return Draft(item_id, lambda _: item, [ImageInput("")], spoke(degrees))


def build(shop: ShopFolder, server: str | None = str(ADDRESS)) -> str:
    with open_job(shop, "vitrine rebuild") as job:
        targets = BuildTargets(server=server)
        name = publish(job, ENCODER, catalog=shop.path, skipped=0, targets=targets).name
        job.collect_garbage()
        return name


@pytest.fixture
def shop(tmp_path) -> ShopFolder:
    folder = ShopFolder(tmp_path / "shop")
    folder.path.mkdir()
    with Store(folder.store, create=True) as store:
        put_items(store, ENCODER, [draft(f"i{n}", 10 * n) for n in range(9)])
    build(folder)
    return folder


def nearest(engine: SearchEngine, k: int = 3) -> list[str]:
    query = Query(parts=[EmbeddingPart(spoke(0)[0])], limit=k)
    return [hit.item_id for hit in engine.search(query).hits]


def test_a_shop_on_a_server_is_written_to_rebuilt_and_rolled_back(shop, server):
    with SearchEngine.open(shop.path) as engine:
        assert engine.status().device.startswith("milvus:http://vectors.test:19530, collection")
        assert nearest(engine) == ["i0", "i1", "i2"]
        engine.put([draft("new", 5)])
        engine.delete(["i1"])
        engine.refresh()
        assert nearest(engine) == ["i0", "new", "i2"]
        engine.check_ready()
    first = server.aliases.copy()
    assert build(shop, None) == "000002"  # the server of the last build
    assert len(server.collections) == 2
    second = server.aliases
    assert list(second) == list(first)
    assert second != first
    with SearchEngine.open(shop.path) as engine:
        assert nearest(engine) == ["i0", "new", "i2"]
    rollback(shop)
    assert server.aliases == first
    with SearchEngine.open(shop.path) as engine:
        assert nearest(engine) == ["i0", "new", "i2"]  # rows written since are searched beside it
    assert build(shop, "") == "000003"
    assert shop.manifest("000003").recipe == "Flat"


def test_a_shop_whose_server_is_down_says_so_and_takes_writes(shop, server):
    with SearchEngine.open(shop.path) as engine:
        server.is_down = True
        with pytest.raises(VectorsUnavailable):
            nearest(engine)
        with pytest.raises(VectorsUnavailable):
            engine.check_ready()
        engine.put([draft("new", 5)])
        engine.refresh()
        with pytest.raises(VectorsUnavailable):
            SearchEngine.open(shop.path)
        server.is_down = False
        close_connections()  # as after the pause of the breaker
        assert nearest(engine, 2) == ["i0", "new"]


def test_a_server_that_dies_amid_a_build_leaves_the_old_index_and_no_collection(
    shop, server, monkeypatch
):
    """What was acknowledged is found before and after, and nothing twice."""
    monkeypatch.setattr("indexer.vectors.remote.reconcile._BATCH_BYTES", 4 * ENCODER.dim)
    with Store(shop.store) as store:
        put_items(store, ENCODER, [draft("new", 5)])
    server.puts_left = 4
    with pytest.raises(VectorsUnavailable):
        build(shop)
    assert shop.current() == "000001"
    server.is_down, server.puts_left = False, None
    close_connections()
    assert len(server.collections) == 2  # that of the dead build is half full
    with SearchEngine.open(shop.path) as engine:
        assert nearest(engine, 20) == ["i0", "new", *(f"i{n}" for n in range(1, 9))]
    assert build(shop) == "000002"
    assert sorted(map(len, server.collections.values())) == [9, 10]
    assert [path.name for path in sorted(shop.generations.iterdir())] == ["000001", "000002"]
    with SearchEngine.open(shop.path) as engine:
        assert nearest(engine, 20) == ["i0", "new", *(f"i{n}" for n in range(1, 9))]


def test_collections_of_deleted_generations_go_when_their_server_answers(shop, server):
    with Store(shop.store) as store:
        put_items(store, ENCODER, [draft("new", 5)])
    build(shop)
    server.is_down = True
    assert shop.delete("000001")
    assert [path.name for path in sorted(shop.generations.iterdir())] == [".000001.gone", "000002"]
    server.is_down = False
    close_connections()
    shop.delete_drafts()
    assert [path.name for path in shop.generations.iterdir()] == ["000002"]
    assert len(server.collections) == 1


def test_the_service_replies_503_by_name_while_the_server_is_down(shop, server, serve):
    http = serve(shop=shop.path, vectors="")
    query = {"parts": [{"item_id": "i0"}], "limit": 3}
    assert http.get("/readyz").status_code == 200
    assert [hit["item_id"] for hit in http.post("/v1/search", json=query).json()["hits"]] == [
        "i1", "i2", "i3"
    ]  # fmt: skip
    server.is_down = True
    monitor = connection_to(ADDRESS)
    monitor._answered -= 10  # as two seconds later
    another = {**query, "limit": 4}  # answers that were given before may be repeated
    for reply in (http.get("/readyz"), http.post("/v1/search", json=another)):
        assert (reply.status_code, reply.json()["code"]) == (503, "vectors_unavailable")
        assert "milvus:http://vectors.test:19530" in reply.json()["detail"]
    assert http.get("/livez").status_code == 200
