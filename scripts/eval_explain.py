#!/usr/bin/env python3
"""Evaluate heat maps by the deletion test.

    python scripts/eval_explain.py --data DIR [--drawn CATALOG] [--pairs N] [--json F]

A photo and the catalog picture of the product in it are compared, and the heat map of the photo is
made. Then the hottest fifth of the photo is blanked, and, ten times, a random fifth. Reported: how
often the score falls more for the hottest fifth than for the mean of the random ones, and by how
much each lowers the score. Both blank the same number of cells with the mean color of the photo.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from machine import as_line, machine
from numpy.typing import NDArray

from indexer.arrays import Pixels
from indexer.encoders.base import Encoder
from indexer.encoders.registry import load_encoder
from indexer.errors import VitrineError
from indexer.imaging.images import read_image_file
from indexer.imaging.photos import open_photo
from search.recognition.explain import GRID, covered_vectors, heat_of

SHARE = 0.2
RANDOM = 10


def blanked(square: Pixels, cells: NDArray[np.bool_]) -> Pixels:
    """Return a picture (s, s, 3) whose cells (8, 8) have its mean color."""
    edges = np.linspace(0, len(square), GRID + 1).round().astype(int)
    out = square.copy()
    for top, left in zip(*np.nonzero(cells), strict=True):
        cell = np.s_[edges[top] : edges[top + 1], edges[left] : edges[left + 1]]
        out[cell] = square.reshape(-1, 3).mean(axis=0).round()
    return out


def deletion(encoder: Encoder, pairs: list[tuple[Path, Path]]) -> dict[str, float]:
    """Blank the hottest and random parts of each photo; see the module's docstring."""
    rng = np.random.default_rng(0)
    count = round(SHARE * GRID * GRID)
    falls = []
    for number, (photo, catalog) in enumerate(pairs, start=1):
        square = open_photo(read_image_file(photo), encoder.preprocess).square
        other = open_photo(read_image_file(catalog), encoder.preprocess).square
        target = encoder.encode_images([other])[0]  # (dim,)
        heat, score = heat_of(covered_vectors(encoder, square), target)
        orders = [np.argsort(-heat.ravel()), *(rng.permutation(GRID * GRID) for _ in range(RANDOM))]
        masks = []
        for order in orders:
            mask = np.zeros(GRID * GRID, dtype=np.bool_)
            mask[order[:count]] = True
            masks.append(mask.reshape(GRID, GRID))
        scores = encoder.encode_images([blanked(square, mask) for mask in masks]) @ target
        falls.append((score - scores[0], score - scores[1:].mean()))
        print(f"\r{number} of {len(pairs)}", end="", file=sys.stderr)
    print(file=sys.stderr)
    hottest, chance = np.array(falls).T
    return {
        "photos": float(len(pairs)),
        "falls more": float((hottest > chance).mean()),
        "fall, hottest fifth": float(hottest.mean()),
        "fall, random fifth": float(chance.mean()),
    }


def pairs_of(
    queries: Path, catalog: Path, image_column: str, count: int
) -> list[tuple[Path, Path]]:
    """Return photos and the main catalog pictures of their items, spread over the file."""
    with catalog.open(encoding="utf-8", newline="") as file:
        main = {row["id"]: row[image_column].split(";")[0] for row in csv.DictReader(file)}
    with queries.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = rows[:: max(1, len(rows) // count)][:count]
    return [
        (queries.parent / row["image"], catalog.parent / main[row["item_id"]]) for row in chosen
    ]


def main() -> None:
    """Measure and print; exit with 1 if the encoder cannot be loaded."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--drawn", type=Path, metavar="CATALOG", help="folder of a drawn shop")
    parser.add_argument("--pairs", type=int, default=100, help="photos of each set")
    parser.add_argument("--encoder", default="builtin", help="builtin, onnx:FILE, ...")
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    options = parser.parse_args()
    try:
        encoder = load_encoder(options.encoder)
    except VitrineError as error:
        sys.exit(str(error))
    grocery = options.data / "grocery"
    sets = {
        "grocery": pairs_of(
            grocery / "photos_val.csv", grocery / "catalog.csv", "image", options.pairs
        )
    }
    if options.drawn:
        sets["drawn"] = pairs_of(
            options.drawn / "queries.csv", options.drawn / "catalog.csv", "images", options.pairs
        )
    results = {name: deletion(encoder, pairs) for name, pairs in sets.items()}
    facts = machine("numpy", "pillow", "onnxruntime")
    print_table(options.encoder, results, facts)
    if options.json:
        options.json.write_text(json.dumps({"machine": facts, "results": results}, indent=1) + "\n")


def print_table(encoder: str, results: dict[str, dict[str, float]], facts: dict[str, Any]) -> None:
    """Print Markdown: one row per set, then the machine."""
    columns = list(next(iter(results.values())))
    print(f"Deletion test with {encoder}\n\n| set | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for name, row in results.items():
        cells = [f"{row[c]:.0f}" if c == "photos" else f"{row[c]:.3f}" for c in columns]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print("\n" + as_line(facts))


if __name__ == "__main__":
    main()
