"""Answers as a plain loop gives them, and an index that is behind its store."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.catalog.sources import open_catalog
from indexer.encoders.base import Model
from indexer.encoders.color import ColorEncoder
from indexer.errors import EncoderNotFound, IndexCorrupt, IndexMismatch, StoreFull
from indexer.items import ORIGINAL
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from indexer.store.records import ImageRecord, ItemRecord, PictureKey, Row, content_hash
from indexer.store.store import Store
from search.engine import SearchEngine
from search.filters.grammar import parse_filter
from search.hits import Hit
from search.query import EmbeddingPart, ItemPart, Query
from tests.conftest import COLORS, plain
from tests.hitlists import ids, of_color

# A larger shop of random vectors, so that answers can be compared with a plain loop.


class Vectors(ColorEncoder):
    """Reads its vectors from the pixels: (1, 8, 3) of random bytes are a direction of 24."""

    id = "vectors"
    dim = 24

    def encode_images(self, pixels):
        if not len(pixels):
            return np.empty((0, 24), dtype=np.float32)
        flat = [np.asarray(one)[0, :8].astype(np.float32).ravel() - 128 for one in pixels]
        return unit(np.stack(flat))


def filled(folder: Path, vectors: np.ndarray, items: list[tuple[str, str, dict]]) -> ShopFolder:
    """A shop whose rows are these vectors; row n belongs to the n-th (item, product, fields)."""
    from indexer.items import Item
    from indexer.jobs.job import open_job
    from indexer.jobs.publishing import publish

    shop = ShopFolder(folder)
    folder.mkdir()
    store = Store(shop.store, create=True)
    encoder = Vectors()
    key = Model.of(encoder).key
    by_item: dict[str, ItemRecord] = {}
    with store.write() as writer:
        numbers = writer.new_rows(len(vectors))
        for number, vector, (item_id, product_id, fields) in zip(
            numbers, vectors, items, strict=True
        ):
            content = content_hash(number.to_bytes(8, "big"))
            item = Item(item_id=item_id, product_id=product_id, **fields)
            record = by_item.setdefault(item_id, ItemRecord(item, []))
            image = ImageRecord(f"{number}.jpg", content, 8, 8, {ORIGINAL: number})
            writer.put_row(number, Row(item_id, len(record.images), ORIGINAL, content))
            writer.put_embedding(key, PictureKey(content), vector.astype(np.float16).tobytes())
            record.images.append(image)
        for record in by_item.values():
            writer.put_item(record)
    with open_job(shop, "vitrine rebuild") as job:
        publish(job, encoder, catalog=folder, skipped=0)
    store.close()
    return shop


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """1500 rows of 600 items in 300 products, one of which has 400 images; and an engine."""
    rng = np.random.default_rng(3)
    vectors = unit(rng.normal(size=(1500, 24)))
    items = []
    for row in range(1500):
        number = 0 if row < 400 else 1 + row % 599
        fields = {
            "price": float(number % 50) if number % 7 else None,
            "categories": [f"c{number % 5}/d{number % 3}"],
            "in_stock": number % 4 != 0,
            "attributes": {"size": str(number % 9)},
        }
        items.append((f"item-{number:03d}", f"product-{number // 2:03d}", fields))
    # The 400 images of item 0 all look nearly like the first query.
    vectors[:400] = unit(vectors[0] + 0.05 * vectors[:400])
    shop = filled(tmp_path_factory.mktemp("big") / "shop", vectors, items)
    exact = unit(vectors.astype(np.float16))
    with SearchEngine.open(shop.path, encoder=Vectors()) as engine:
        yield engine, exact, items


def by_brute_force(vectors, items, query, limit, passes=lambda *_: True, by_product=True):
    """(item, score) of the best row of each product (or item), as a loop over all rows."""
    best: dict[str, tuple[float, str]] = {}
    for row, score in enumerate((vectors @ query).tolist()):
        item_id, product_id, fields = items[row]
        if passes(item_id, fields):
            group = product_id if by_product else item_id
            best[group] = max(best.get(group, (-2.0, "")), (score, item_id))
    found = sorted(best.values(), key=lambda pair: -pair[0])[:limit]
    return [(item_id, score) for score, item_id in found]


@pytest.mark.parametrize("limit", [1, 10, 100, 300])
@pytest.mark.parametrize("group", ["product", "item"])
def test_hits_are_those_of_a_plain_loop_even_where_one_product_fills_the_top(big, limit, group):
    engine, vectors, items = big
    for query in (vectors[0], vectors[700], unit(vectors[0] + vectors[900])):
        asked = Query(parts=[EmbeddingPart(query)], limit=limit, group=group)
        hits = engine.search(asked).hits
        expected = by_brute_force(vectors, items, query, limit, by_product=group == "product")
        assert ids(hits) == [item_id for item_id, _ in expected]
        assert [hit.score for hit in hits] == pytest.approx([s for _, s in expected], abs=1e-5)
        groups = {hit.product_id if group == "product" else hit.item_id for hit in hits}
        assert len(groups) == limit


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("price < 10", lambda _, f: f["price"] is not None and f["price"] < 10),
        ("category = c3", lambda _, f: f["categories"][0].startswith("c3/")),
        (
            "in_stock = false and size in [1, 2]",
            lambda _, f: not f["in_stock"] and f["attributes"]["size"] in "12",
        ),
        ("item_id in [item-000, item-007]", lambda i, _: i in ("item-000", "item-007")),
        ("not item_id = item-000", lambda i, _: i != "item-000"),
    ],
)
def test_filters_cost_no_hit(big, text, passes):
    engine, vectors, items = big
    for query in (vectors[0], vectors[1234]):
        asked = Query(parts=[EmbeddingPart(query)], limit=20, filter=parse_filter(text))
        reply = engine.search(asked)
        expected = by_brute_force(vectors, items, query, 20, passes)
        assert ids(reply.hits) == [item_id for item_id, _ in expected]
        assert reply.total == len({i for i, _, f in items if passes(i, f)})


def test_an_item_leaves_out_its_product_or_only_itself(big):
    engine, _, _ = big
    by_product = engine.search(Query(parts=[ItemPart("item-008")], limit=500)).hits
    assert len(by_product) == 299
    assert "product-004" not in {hit.product_id for hit in by_product}
    by_item = engine.search(Query(parts=[ItemPart("item-008")], limit=1000, group="item")).hits
    assert len(by_item) == 599
    assert "item-009" in ids(by_item)


def test_eight_threads_get_what_one_gets(big):
    engine, vectors, _ = big
    queries = [
        Query(
            parts=[EmbeddingPart(vectors[n])],
            limit=10,
            filter=parse_filter("price < 30") if n % 2 else None,
            facets=["size"],
        )
        for n in range(0, 1500, 50)
    ]

    def ask() -> list[tuple[list[Hit], object]]:
        return [(reply.hits, reply.facets) for reply in map(engine.search, queries)]

    alone = ask()
    together: list[object] = []
    threads = [threading.Thread(target=lambda: together.append(ask())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == [alone] * 8


# Opening


def test_another_encoder_than_the_index_was_built_with_is_refused_naming_both(tiny_shop):
    with pytest.raises(IndexMismatch, match="with encoder 'color', not 'vectors'; leave the"):
        SearchEngine.open(tiny_shop, encoder=Vectors())


def test_the_encoder_of_the_index_is_loaded_by_default(tiny_shop):
    with SearchEngine.open(str(tiny_shop)) as engine:
        assert engine.encoder.id == "color"


def test_an_engine_that_cannot_read_its_store_leaves_no_watcher_behind(tiny_shop, monkeypatch):
    def damaged(*_: object, **__: object) -> None:
        raise IndexCorrupt("the store is damaged")

    started: list[object] = []
    monkeypatch.setattr("search.engine.LiveShop", damaged)
    monkeypatch.setattr("search.engine.RecallWatch", lambda *_, **__: started.append(None))
    with pytest.raises(IndexCorrupt, match="the store is damaged"):
        SearchEngine.open(tiny_shop, recall_sample=1.0)
    assert not started


def test_an_encoder_that_is_not_here_is_told(tmp_path, rng):
    shop = filled(tmp_path / "shop", unit(rng.normal(size=(1, 24))), [("a", "a", {})])
    with pytest.raises(EncoderNotFound, match="unknown encoder 'vectors'"):
        SearchEngine.open(shop.path)


# When the store is ahead of the index


def write_items(folder: Path, items: dict[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    lines = []
    for item_id, color in items.items():
        plain(COLORS[color], side=16).save(folder / f"{item_id}.png")
        title = f"Thing in {color}"
        lines.append(json.dumps({"id": item_id, "title": title, "image": f"{item_id}.png"}))
    path = folder / "catalog.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_where_the_store_is_ahead_of_the_index_the_engine_answers_by_the_store(
    tmp_path, monkeypatch, caplog
):
    shop = ShopFolder(tmp_path / "shop")
    first = write_items(tmp_path / "catalog", {"a": "red", "b": "green", "c": "blue"})
    build_index(open_catalog(first), shop, ColorEncoder())
    second = write_items(tmp_path / "catalog", {"a": "yellow", "c": "blue", "d": "red", "e": "red"})

    def full(*_: object) -> None:
        raise StoreFull("no room for a generation")

    with monkeypatch.context() as patched:
        patched.setattr(ShopFolder, "add", full)
        with pytest.raises(StoreFull, match="no room"):
            build_index(open_catalog(second), shop, ColorEncoder())
    assert shop.manifest(shop.current()).items == 3
    with caplog.at_level(logging.WARNING), SearchEngine.open(shop.path) as behind:
        after_failure = everything_asked(behind)
        status = behind.status()
        assert (behind.generation, status.items, status.rows, status.products) == (
            "000001",
            4,
            4,
            4,
        )
    assert caplog.text == ""  # nothing is damaged
    assert after_failure["red"] == ["d", "e", "a", "c"]  # d and e are new, a has changed
    assert after_failure["green words"] == []  # b is gone
    assert after_failure["red words"] == ["d", "e"]
    build_index(open_catalog(second), shop, ColorEncoder())
    with SearchEngine.open(shop.path) as ahead:
        assert ahead.generation == "000002"
        assert everything_asked(ahead) == after_failure


def everything_asked(engine: SearchEngine) -> dict[str, list[str]]:
    asked = {color: ids(engine.by_image(of_color(color))) for color in ("red", "yellow", "blue")}
    asked |= {f"{color} words": ids(engine.by_text(color)) for color in ("red", "green", "yellow")}
    return asked | {"like a": ids(engine.by_item("a"))}


def test_an_open_engine_leaves_out_what_was_deleted_meanwhile(tmp_path):
    shop = ShopFolder(tmp_path / "shop")
    catalog = write_items(tmp_path / "catalog", {"a": "red", "b": "red", "c": "blue"})
    build_index(open_catalog(catalog), shop, ColorEncoder())
    with SearchEngine.open(shop.path) as engine:
        write_items(tmp_path / "catalog", {"b": "red", "c": "blue"})
        build_index(open_catalog(catalog), shop, ColorEncoder())
        assert ids(engine.by_image(of_color("red"))) == ["b", "c"]
        assert engine.generation == "000001"
