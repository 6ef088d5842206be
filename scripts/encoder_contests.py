"""Define classification tasks: labeled query photos and labeled gallery photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from encoder_tasks import Bench, Outcome, Pixels, Vectors, labeled, magento_items, right, vote
from numpy.typing import NDArray


@dataclass(frozen=True)
class Contest:
    """A k-NN classification of query photos with labels (q,) by gallery photos with labels (n,)."""

    queries: Sequence[Path]
    wanted: NDArray[np.str_]
    gallery: Sequence[Path]
    labels: NDArray[np.str_]
    k: int = 1

    def likeness(self, bench: Bench, change: Callable[[Pixels], Pixels] | None = None) -> Vectors:
        """Return cosines (q, n) of queries and gallery; `change` distorts the queries."""
        if change is None:
            queries = bench.vectors(self.queries)
        else:
            queries = bench.distorted(self.queries, change)
        return queries @ bench.vectors(self.gallery).T

    def answers(self, likeness: Vectors) -> NDArray[np.str_]:
        """Return labels (q,) by a vote of the `k` nearest, given cosines (q, n)."""
        return vote(likeness, self.labels, self.k)

    def outcome(self, bench: Bench, change: Callable[[Pixels], Pixels] | None = None) -> Outcome:
        """Return outcomes (q,): 1 if the answer is right, else 0."""
        return right(self.answers(self.likeness(bench, change)), self.wanted)


def things(data: Path) -> Contest:
    """Classify photos of everyday things by other photos of the same kinds."""
    paths, kinds = labeled(data / "things" / "photos.csv", "category")
    _, parts = labeled(data / "things" / "photos.csv", "part")
    query = parts == "query"
    return Contest(_chosen(paths, query), kinds[query], _chosen(paths, ~query), kinds[~query])


def grocery_catalog(data: Path) -> Contest:
    """Classify phone photos of groceries by the catalog pictures."""
    queries, wanted = labeled(data / "grocery" / "photos_val.csv", "item_id")
    gallery, items = labeled(data / "grocery" / "catalog.csv", "id")
    return Contest(queries, wanted, gallery, items)


def clothing_kinds(data: Path) -> Contest:
    """Classify photos of garments by photos of the same categories."""
    queries, wanted = labeled(data / "clothing" / "photos_validation.csv", "category")
    gallery, kinds = labeled(data / "clothing" / "photos_train.csv", "category")
    return Contest(queries, wanted, gallery, kinds, k=15)


def magento_views(data: Path) -> Contest:
    """Classify later views of the sports shop's items by the first views of all items."""
    items: list[dict[str, Any]] = magento_items(data)
    folder = data / "magento"
    later = [(folder / image, item["id"]) for item in items for image in item["images"][1:]]
    return Contest(
        [path for path, _ in later],
        np.array([item_id for _, item_id in later]),
        [folder / item["images"][0] for item in items],
        np.array([item["id"] for item in items]),
    )


def _chosen(paths: Sequence[Path], mask: NDArray[np.bool_]) -> list[Path]:
    return [path for path, ok in zip(paths, mask, strict=True) if ok]
