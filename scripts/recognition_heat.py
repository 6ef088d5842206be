"""Tests heat maps for eval_recognition, by hiding and by showing the hottest parts of photos.

A photo and the catalog picture of the product in it are compared, and the heat map of the photo is
made. *Deletion*: the hottest fifth is blanked, and, ten times, a random fifth. *Insertion*: all but
the hottest fifth is blanked, and all but random fifths. Blanks have the mean color of the photo.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.arrays import Pixels
from indexer.encoders.base import Encoder
from indexer.encoders.registry import load_encoder
from indexer.imaging.images import read_image_file
from indexer.imaging.photos import open_photo
from search.recognition.explain import GRID, covered_vectors, heat_of

SHARE = 0.2
RANDOM = 10

Mask = NDArray[np.bool_]


def measure_heat(data: Path, drawn: Path | None, limit: int) -> dict[str, dict[str, float]]:
    """Return the figures of grocery photos, and of the photos of a drawn shop."""
    encoder = load_encoder(threads=1)
    grocery = data / "grocery"
    sets = {"grocery": pairs_of(grocery / "photos_val.csv", grocery / "catalog.csv", "image")}
    if drawn is not None:
        sets["drawn"] = pairs_of(drawn / "queries.csv", drawn / "catalog.csv", "images")
    return {
        name: tested(encoder, pairs[:: max(1, len(pairs) // limit)][:limit])
        for name, pairs in sets.items()
    }


def tested(encoder: Encoder, pairs: Sequence[tuple[Path, Path]]) -> dict[str, float]:
    """Return how often the hottest fifth matters more than random fifths, and by how much.

    *Falls* are what the score loses when a fifth is blanked, *left* what it is with a fifth alone.
    """
    rng = np.random.default_rng(0)
    rows = []
    for photo, catalog in pairs:
        square = open_photo(read_image_file(photo), encoder.preprocess).square
        other = open_photo(read_image_file(catalog), encoder.preprocess).square
        target = encoder.encode_images([other])[0]  # (dim,)
        heat, score = heat_of(covered_vectors(encoder, square), target)
        orders = [np.argsort(-heat.ravel()), *(rng.permutation(GRID * GRID) for _ in range(RANDOM))]
        masks = [first_cells(order) for order in orders]
        hidden = encoder.encode_images([blanked(square, mask) for mask in masks]) @ target
        alone = encoder.encode_images([blanked(square, ~mask) for mask in masks]) @ target
        rows.append((score - hidden[0], score - hidden[1:].mean(), alone[0], alone[1:].mean()))
    fall, fall_by_chance, left, left_by_chance = np.array(rows).T
    return {
        "photos": len(rows),
        "deletion: falls more": round(float((fall > fall_by_chance).mean()), 3),
        "fall, hottest fifth": round(float(fall.mean()), 3),
        "fall, random fifth": round(float(fall_by_chance.mean()), 3),
        "insertion: more is left": round(float((left > left_by_chance).mean()), 3),
        "left, hottest fifth": round(float(left.mean()), 3),
        "left, random fifth": round(float(left_by_chance.mean()), 3),
    }


def first_cells(order: NDArray[np.int64]) -> Mask:
    """Return a mask (8, 8) of the first fifth of the cells, in the order given."""
    mask = np.zeros(GRID * GRID, dtype=np.bool_)
    mask[order[: round(SHARE * GRID * GRID)]] = True
    return mask.reshape(GRID, GRID)


def blanked(square: Pixels, cells: Mask) -> Pixels:
    """Return a picture (s, s, 3) whose cells (8, 8) have its mean color."""
    edges = np.linspace(0, len(square), GRID + 1).round().astype(int)
    out = square.copy()
    for top, left in zip(*np.nonzero(cells), strict=True):
        cell = np.s_[edges[top] : edges[top + 1], edges[left] : edges[left + 1]]
        out[cell] = square.reshape(-1, 3).mean(axis=0).round()
    return out


def pairs_of(queries: Path, catalog: Path, image_column: str) -> list[tuple[Path, Path]]:
    """Return photos and the main catalog pictures of their items."""
    with catalog.open(encoding="utf-8", newline="") as file:
        main = {row["id"]: row[image_column].split(";")[0] for row in csv.DictReader(file)}
    with queries.open(encoding="utf-8", newline="") as file:
        return [
            (queries.parent / row["image"], catalog.parent / main[row["item_id"]])
            for row in csv.DictReader(file)
        ]
