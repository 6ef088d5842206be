"""Shops of vectors at angles, so that a score is the cosine of some degrees."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from indexer.encoders.color import ColorEncoder
from indexer.items import Item
from indexer.jobs.job import open_job
from indexer.jobs.publishing import publish
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.writing.writes import Draft, ImageInput, put_items
from search.engine import SearchEngine
from search.query import EmbeddingPart, Query

ENCODER = ColorEncoder()


def spoke(number: int, dim: int = ENCODER.dim) -> np.ndarray:
    """A vector whose likeness to spoke 0 is the cosine of ``number`` degrees."""
    vector = np.zeros((1, dim), dtype=np.float32)
    vector[0, 0], vector[0, 1] = math.cos(math.radians(number)), math.sin(math.radians(number))
    return vector


def draft(item_id: str, degrees: int, **fields) -> Draft:
    item = Item(item_id=item_id, product_id=fields.pop("product_id", item_id), **fields)
    return Draft(item_id, lambda _: item, [ImageInput("")], spoke(degrees))


def new_shop(path: Path, *drafts: Draft) -> ShopFolder:
    shop = ShopFolder(path)
    path.mkdir()
    store = Store(shop.store, create=True)
    put_items(store, ENCODER, drafts)
    with open_job(shop, "vitrine rebuild") as job:
        publish(job, ENCODER, catalog=path, skipped=0)
    store.close()
    return shop


@pytest.fixture
def shop(tmp_path) -> ShopFolder:
    return new_shop(
        tmp_path / "shop",
        *(draft(f"i{n}", 10 * n, price=float(n), title=f"thing number{n}") for n in range(9)),
    )


def nearest(engine: SearchEngine, k: int = 3, filter: str | None = None) -> list[str]:
    part = EmbeddingPart(spoke(0)[0])
    from search.filters.grammar import parse_filter

    query = Query(parts=[part], limit=k, filter=parse_filter(filter) if filter else None)
    return [hit.item_id for hit in engine.search(query).hits]
