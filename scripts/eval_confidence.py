#!/usr/bin/env python3
"""Evaluate confidences on distorted photos, and on photos of things that the shop does not sell.

    python scripts/eval_confidence.py --data DIR [--drawn CATALOG] [--encoder builtin] [--json OUT]

Builds a shop in a temporary folder like `vitrine index`, and searches it with three kinds of
photos: photos of its items, the same as screenshots of another app, and photos of things that it
does not sell (`general/` and `things/`). `--drawn` adds a drawn shop (`vitrine sample CATALOG`).
Reports for each kind: R@1 by product, the calibration error of first hits (over ten bins of equal
width, like `vitrine eval`, beside the error that a perfect calibration would have by chance, and
over ten bins of equal count), and the share of "no close match".
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from encoder_app_page import screenshot
from encoder_tasks import Pixels, labeled, pixels
from machine import as_line, machine
from numpy.typing import NDArray

from indexer.catalog.sources import open_catalog
from indexer.encoders.base import Encoder
from indexer.encoders.registry import load_encoder
from indexer.errors import VitrineError
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from search.engine import SearchEngine
from search.quality.reliability import reliability
from search.query import ImagePart, Query

GROCERY_COLUMNS = {"categories": "department", "images": "image"}

SOLD_AFTER_ALL: dict[str, frozenset[str]] = {
    "grocery": frozenset(),
    "drawn": frozenset({"chair", "cup", "lamp", "watch", "windsor_chair", "ewer"}),
}
"""Shop -> kinds of `things/` that it sells too: no close match would be wrong of them."""


@dataclass(frozen=True)
class Shop:
    """A catalog to build a shop from, and query photos (q,) with the items (q,) that they show."""

    name: str
    catalog: Path
    columns: Mapping[str, str]
    queries: Sequence[Path]
    wanted: NDArray[np.str_]


@dataclass(frozen=True)
class Answers:
    """First hits of n photos: confidence, is the product right, was there no close match."""

    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]
    refused: NDArray[np.bool_]


def ask(
    engine: SearchEngine,
    photos: Sequence[Path],
    wanted: Sequence[str | None],
    change: Callable[[Pixels], Pixels] | None = None,
) -> Answers:
    """Search with each photo, distorted by `change`; the wanted item is None if it is not sold.

    Raises ValueError if the shop has no confidences because it has too few products.
    """
    rows = []
    for path, item_id in zip(photos, wanted, strict=True):
        photo = path.read_bytes() if change is None else change(pixels(path))
        reply = engine.search(Query(parts=[ImagePart(photo)]))
        first = reply.hits[0]
        if first.confidence is None:
            raise ValueError(f"{engine.shop.path} has no confidences; use a larger catalog")
        right = item_id is not None and first.product_id == engine.item(item_id).product_id
        rows.append((first.confidence, right, reply.no_close_match))
    sure, agrees, refused = (np.array(column) for column in zip(*rows, strict=True))
    return Answers(sure.astype(np.float64), agrees, refused)


def error_of_equal_counts(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return the calibration error over ten bins of equal count, n >= 1.

    ACE, Nixon et al. (2019): of bins of equal width, most would be nearly empty.
    """
    order = np.argsort(confidence, kind="stable")
    bins = [rows for rows in np.array_split(order, 10) if len(rows)]
    gaps = [len(rows) * abs(confidence[rows].mean() - right[rows].mean()) for rows in bins]
    return float(sum(gaps) / len(order))


def error_by_chance(confidence: NDArray[np.float64]) -> float:
    """Return the mean calibration error if each confidence (n,) were exactly the probability.

    It is above 0 because the bins hold few photos. Simulated with 200 draws, deterministically.
    """
    rng = np.random.default_rng(0)
    draws = [rng.random(len(confidence)) < confidence for _ in range(200)]
    return float(np.mean([reliability(confidence, draw).calibration_error for draw in draws]))


def figures(answers: Answers, *, sold: bool) -> dict[str, float]:
    """Summarize answers; shares of an empty part are nan, and things not sold have no R@1."""
    right, refused = answers.right, answers.refused
    shares = {"photos": float(len(right)), "no close match": float(refused.mean())}
    if not sold:
        return shares
    return {
        **shares,
        "R@1": float(right.mean()),
        "calibration error": reliability(answers.confidence, right).calibration_error,
        "by chance": error_by_chance(answers.confidence),
        "calibration error, equal counts": error_of_equal_counts(answers.confidence, right),
        "no close match of wrong": _share(refused[~right]),
        "no close match of right": _share(refused[right]),
    }


def measure(
    shop: Shop, encoder: Encoder, unsold: Mapping[str, Sequence[Path]]
) -> dict[str, dict[str, float]]:
    """Build the shop and search it with each kind of photos: kind -> figures."""
    with tempfile.TemporaryDirectory(prefix="vitrine-confidence-") as folder:
        catalog = open_catalog(shop.catalog, dict(shop.columns))
        done = build_index(catalog, ShopFolder(Path(folder) / "shop"), encoder)
        print(f"{shop.name}: {done.items} items, {len(done.skipped)} skipped", file=sys.stderr)
        with SearchEngine.open(Path(folder) / "shop", encoder=encoder) as engine:
            wanted = shop.wanted.tolist()
            out = {
                "clean": figures(ask(engine, shop.queries, wanted), sold=True),
                "screenshots": figures(ask(engine, shop.queries, wanted, screenshot), sold=True),
            }
            for name, photos in unsold.items():
                answers = ask(engine, photos, [None] * len(photos))
                out[f"not sold: {name}"] = figures(answers, sold=False)
    return out


def unsold_photos(data: Path, shop: str, most: int) -> dict[str, list[Path]]:
    """Choose up to `most` photos each of `general/` and `things/`, deterministically."""
    paths, kinds = labeled(data / "things" / "photos.csv", "category")
    sold = SOLD_AFTER_ALL[shop]
    found = {
        "general": sorted((data / "general").glob("*.jpg")),
        "things": [path for path, kind in zip(paths, kinds, strict=True) if kind not in sold],
    }
    rng = np.random.default_rng(0)
    return {
        name: [photos[index] for index in sorted(rng.permutation(len(photos))[:most].tolist())]
        for name, photos in found.items()
    }


def shops(data: Path, drawn: Path | None) -> list[Shop]:
    """Return the shops to build: groceries, and the drawn shop if given."""
    queries, wanted = labeled(data / "grocery" / "photos_val.csv", "item_id")
    found = [Shop("grocery", data / "grocery" / "catalog.csv", GROCERY_COLUMNS, queries, wanted)]
    if drawn is not None:
        queries, wanted = labeled(drawn / "queries.csv", "item_id")
        found.append(Shop("drawn", drawn / "catalog.csv", {}, queries, wanted))
    return found


def main() -> None:
    """Measure and print; exit with 1 if the encoder cannot be loaded."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--drawn", type=Path, metavar="CATALOG", help="folder of a drawn shop")
    parser.add_argument("--encoder", default="builtin", help="builtin, onnx:FILE, ...")
    parser.add_argument(
        "--unsold", type=int, default=300, help="number of photos per set of things not sold"
    )
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    arguments = parser.parse_args()
    try:
        encoder = load_encoder(arguments.encoder)
    except VitrineError as error:
        sys.exit(str(error))
    results = {
        shop.name: measure(
            shop, encoder, unsold_photos(arguments.data, shop.name, arguments.unsold)
        )
        for shop in shops(arguments.data, arguments.drawn)
    }
    facts = machine("numpy", "pillow", "onnxruntime")
    print_table(arguments.encoder, results, facts)
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"machine": facts, "results": results}, indent=1) + "\n"
        )


def print_table(
    encoder: str, results: Mapping[str, Mapping[str, Mapping[str, float]]], facts: dict[str, Any]
) -> None:
    """Print Markdown: one row per shop and kind of photo, then the machine."""
    columns = list(next(iter(results.values()))["clean"])
    print(f"Confidence with {encoder}\n\n| shop | photos of | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 2) + "|")
    for shop, kinds in results.items():
        for kind, row in kinds.items():
            cells = [_cell(name, row.get(name)) for name in columns]
            print(f"| {shop} | {kind} | " + " | ".join(cells) + " |")
    print("\n" + as_line(facts))


def _cell(column: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if column == "photos" else f"{value:.3f}"


def _share(mask: NDArray[np.bool_]) -> float:
    return float(mask.mean()) if len(mask) else float("nan")


if __name__ == "__main__":
    main()
