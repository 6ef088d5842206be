"""The retrieval tasks of the evaluation. Each returns one number per query, mostly 0 or 1.

The data folder is the one described in `indexer.training.data`, plus the photos that training never
reads: `grocery/photos_val.csv`, `clothing/photos_validation.csv`, `movies/`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from encoder_distortions import DISTORTIONS, oil, on_backgrounds, posterized
from numpy.typing import NDArray
from PIL import Image

from indexer.training.data import GARMENT_KIND, is_held_out, magento_kind

Pixels = NDArray[np.uint8]
Vectors = NDArray[np.float32]
Outcome = NDArray[np.float64]
Encode = Callable[[Sequence[Pixels]], Vectors]


@dataclass
class Bench:
    """An encoder and a data folder; caches vectors, so that each photo is encoded once.

    `drawn` is a sample shop with photos of its items, none of which were trained on.
    """

    data: Path
    encode: Encode
    dim: int | None = None
    drawn: Path | None = None
    seen: dict[Path, Vectors] = field(default_factory=dict)

    def vectors(self, paths: Iterable[Path]) -> Vectors:
        """Encode photos by path: (n, dim), truncated to the leading `dim` and normalized again."""
        paths = list(paths)
        missing = [path for path in dict.fromkeys(paths) if path not in self.seen]
        for start in range(0, len(missing), 64):
            some = missing[start : start + 64]
            for path, row in zip(some, self.encode([pixels(p) for p in some]), strict=True):
                self.seen[path] = row
        return self.cut(np.stack([self.seen[path] for path in paths]))

    def distorted(self, paths: Iterable[Path], change: Callable[[Pixels], Pixels]) -> Vectors:
        """Encode distorted photos without caching: (n, dim)."""
        paths = list(paths)
        rows = [
            self.encode([change(pixels(path)) for path in paths[start : start + 64]])
            for start in range(0, len(paths), 64)
        ]
        return self.cut(np.concatenate(rows))

    def cut(self, rows: Vectors) -> Vectors:
        """Truncate to the leading dimensions, as unit rows."""
        rows = rows[:, : self.dim]
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def pixels(path: Path) -> Pixels:
    """Decode a photo to (h, w, 3)."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def labeled(path: Path, label: str) -> tuple[list[Path], NDArray[np.str_]]:
    """Read photos (n,) and labels (n,) from the columns `image` and ``label`` of a table."""
    rows = _table(path)
    return [path.parent / row["image"] for row in rows], np.array([row[label] for row in rows])


def vote(likeness: Vectors, labels: NDArray[np.str_], k: int) -> NDArray[np.str_]:
    """Return the most common label of the k nearest; ties go to the larger sum of cosines."""
    nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :k]  # (q, k)
    winners = []
    for row, near in enumerate(nearest):
        score: dict[str, float] = {}
        for n in near:
            score[labels[n]] = score.get(labels[n], 0.0) + 1.0 + 1e-3 * float(likeness[row, n])
        winners.append(max(score, key=lambda name: score[name]))
    return np.array(winners)


def right(found: NDArray[Any], wanted: NDArray[Any]) -> Outcome:
    """Return 1 where answers (n,) equal the truth (n,), else 0."""
    return (found == wanted).astype(np.float64)


def grocery(bench: Bench) -> dict[str, Outcome]:
    """Find the product of phone photos, by labeled phone photos and by the 81 catalog images."""
    folder = bench.data / "grocery"
    gallery_paths, gallery_items = labeled(folder / "photos_train.csv", "item_id")
    query_paths, wanted = labeled(folder / "photos_val.csv", "item_id")
    catalog_paths, catalog_items = labeled(folder / "catalog.csv", "id")
    queries = bench.vectors(query_paths)
    likeness = queries @ bench.vectors(gallery_paths).T  # (q, n)
    catalog = queries @ bench.vectors(catalog_paths).T  # (q, 81)
    top = catalog_items[np.argsort(-catalog, axis=1, kind="stable")[:, :5]]  # (q, 5)
    return {
        "grocery photo -> product, 1-NN": right(gallery_items[likeness.argmax(1)], wanted),
        "grocery photo -> product, 10-NN": right(vote(likeness, gallery_items, 10), wanted),
        "grocery photo -> catalog, R@1": right(top[:, 0], wanted),
        "grocery photo -> catalog, R@5": (top == wanted[:, None]).any(1).astype(np.float64),
    }


def clothing(bench: Bench) -> dict[str, Outcome]:
    """Classify the garments in photos by many people."""
    folder = bench.data / "clothing"
    gallery_paths, kinds = labeled(folder / "photos_train.csv", "category")
    query_paths, wanted = labeled(folder / "photos_validation.csv", "category")
    gallery = bench.vectors(gallery_paths)
    likeness = bench.vectors(query_paths) @ gallery.T
    outcome = {"clothing photo -> category, 15-NN": right(vote(likeness, kinds, 15), wanted)}
    for name, change in (("painted", oil), ("cartoon", posterized)):
        likeness = bench.distorted(query_paths, change) @ gallery.T
        outcome[f"clothing photo, {name} -> photos, P@1"] = right(kinds[likeness.argmax(1)], wanted)
    return outcome


def magento_items(data: Path) -> list[dict[str, Any]]:
    """Read the items of the sports shop from its catalog."""
    with (data / "magento" / "catalog.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def later_views(bench: Bench, items: Sequence[dict[str, Any]]) -> tuple[Outcome, Outcome, Any]:
    """Search with each later view of an item among the first views of all items.

    Returns outcomes (q,) for the item, outcomes (q,) for the product, and product ids (q,).
    """
    folder = bench.data / "magento"
    products = np.array([item["product_id"] for item in items])
    first = bench.vectors(folder / item["images"][0] for item in items)  # (n, dim)
    later = [(i, folder / image) for i, item in enumerate(items) for image in item["images"][1:]]
    wanted = np.array([i for i, _ in later])
    found = (bench.vectors(path for _, path in later) @ first.T).argmax(1)
    return right(found, wanted), right(products[found], products[wanted]), products[wanted]


def other_kinds(bench: Bench, items: Sequence[dict[str, Any]]) -> Outcome:
    """Search with first views among those of other products, for the same kind of garment.

    Returns outcomes (m,) for the m items with a kind; gear without a kind is left out.
    """
    some = [(item, kind) for item in items if (kind := magento_kind(item["categories"]))]
    kinds = np.array([kind for _, kind in some])
    products = np.array([item["product_id"] for item, _ in some])
    first = bench.vectors(bench.data / "magento" / item["images"][0] for item, _ in some)
    likeness = first @ first.T
    likeness[products[:, None] == products[None, :]] = -2.0  # excludes the same product
    return right(kinds[likeness.argmax(1)], kinds)


def magento(bench: Bench) -> dict[str, Outcome]:
    """Search with later views among the first views of all items, also for the held-out third."""
    items = magento_items(bench.data)
    same_item, same_product, products = later_views(bench, items)
    unseen = np.array([is_held_out(product) for product in products])
    return {
        "magento later view -> first views, same item": same_item,
        "magento later view -> first views, same product": same_product,
        "magento held-out third of products, same item": same_item[unseen],
        "magento held-out third of products, same product": same_product[unseen],
        "magento held-out third, kind of the first other product": other_kinds(
            bench, [item for item in items if is_held_out(item["product_id"])]
        ),
    }


def street(bench: Bench) -> dict[str, Outcome]:
    """Search with clothing photos in the sports shop: is the kind of the first hit right?"""
    folder = bench.data / "magento"
    items = magento_items(bench.data)
    kinds = [magento_kind(item["categories"]) for item in items]
    shop = [(folder / i["images"][0], kind) for i, kind in zip(items, kinds, strict=True) if kind]
    on_sale = np.array([kind for _, kind in shop])
    paths, names = labeled(bench.data / "clothing" / "photos_validation.csv", "category")
    wanted = np.array([GARMENT_KIND[name] for name in names])
    known = np.isin(wanted, on_sale)
    queries = bench.vectors([path for path, ok in zip(paths, known, strict=True) if ok])
    found = (queries @ bench.vectors(path for path, _ in shop).T).argmax(1)
    return {
        "clothing photo -> sports shop, kind of the first hit": right(on_sale[found], wanted[known])
    }


def drawn(bench: Bench) -> dict[str, Outcome]:
    """Find the item of drawn room photos in the drawn shop; empty without such a shop."""
    if bench.drawn is None:
        return {}
    gallery, items, query_paths, wanted = _drawn(bench.drawn)
    likeness = bench.vectors(query_paths) @ bench.vectors(gallery).T  # (q, n)
    ranked = items[np.argsort(-likeness, axis=1, kind="stable")]  # (q, n), items repeat
    places = np.array(
        [list(dict.fromkeys(row)).index(item) for row, item in zip(ranked, wanted, strict=True)]
    )
    return {f"drawn photo -> item, R@{k}": (places < k).astype(np.float64) for k in (1, 10)}


def _drawn(
    shop: Path,
) -> tuple[list[Path], NDArray[np.str_], list[Path], NDArray[np.str_]]:
    """Return catalog pictures and their items, and photos and their items."""
    pictures = [
        (shop / image, row["id"])
        for row in _table(shop / "catalog.csv")
        for image in row["images"].split(";")
    ]
    query_paths, wanted = labeled(shop / "queries.csv", "item_id")
    return [path for path, _ in pictures], np.array([i for _, i in pictures]), query_paths, wanted


TASKS: tuple[Callable[[Bench], dict[str, Outcome]], ...] = (
    grocery,
    clothing,
    magento,
    street,
    drawn,
)


def robustness(bench: Bench) -> dict[str, tuple[float, float, float]]:
    """Measure the robustness to each distortion: name -> three figures, nan if not measured.

    The first is R@1 of distorted grocery photos, divided by R@1 of the clean ones; the second is
    the same for a drawn shop's photos. The third is the share of distorted film posters, a kind of
    picture never trained on, that find their clean original among 500.
    """
    folder = bench.data / "grocery"
    gallery_paths, items = labeled(folder / "photos_train.csv", "item_id")
    query_paths, wanted = labeled(folder / "photos_val.csv", "item_id")
    gallery = bench.vectors(gallery_paths)
    clean = right(items[(bench.vectors(query_paths) @ gallery.T).argmax(1)], wanted).mean()
    posters = sorted((bench.data / "movies" / "posters").glob("*.jpg"))[:500]
    clean_posters = bench.vectors(posters)
    outcome = {}
    if bench.drawn:
        drawn_gallery, drawn_items, drawn_paths, drawn_wanted = _drawn(bench.drawn)
        drawn_vectors = bench.vectors(drawn_gallery)

    def of_drawn(vectors: Vectors) -> float:
        found = drawn_items[(vectors @ drawn_vectors.T).argmax(1)]
        return float(right(found, drawn_wanted).mean())

    clean_drawn = of_drawn(bench.vectors(drawn_paths)) if bench.drawn else float("nan")
    for name, change in DISTORTIONS.items():
        found = (bench.distorted(query_paths, change) @ gallery.T).argmax(1)
        itself = (bench.distorted(posters, change) @ clean_posters.T).argmax(1)
        kept = float(right(items[found], wanted).mean() / clean)
        drawn_kept = clean_drawn
        if bench.drawn:
            drawn_kept = of_drawn(bench.distorted(drawn_paths, change)) / clean_drawn
        alone = float(right(itself, np.arange(len(posters))).mean())
        outcome[name] = (kept, drawn_kept, alone)
    # Only objects on white can change their background: catalog pictures on photos of other sets.
    catalog, _ = labeled(folder / "catalog.csv", "id")
    changed = bench.distorted(
        catalog, on_backgrounds(sorted((bench.data / "general").glob("*.jpg"))[:50])
    )
    itself = (changed @ bench.vectors(catalog).T).argmax(1)
    outcome["background change"] = (
        float(right(itself, np.arange(len(catalog))).mean()),
        float("nan"),
        float("nan"),
    )
    return outcome
