"""Street photos with masks: the boxes of their garments, and cutouts of them."""

from __future__ import annotations

import csv
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.arrays import Pixels
from indexer.training.detector.cutouts import Cutout
from indexer.training.detector.pictures import (
    Boxes,
    flipped,
    random_crop,
    read_labels,
    read_picture,
    relit,
    squashed,
)
from indexer.training.detector.scene import Scene

_NOT_THINGS = frozenset({"null", "hair", "skin"})
_HELD_OUT_SHARE = 7
_LEAST_SHARE = 0.0012
"""Share of the photo's pixels below which a garment is too small for the detector."""


@dataclass(frozen=True)
class Street:
    """A street photo: its file, the label of each pixel, and its garments.

    ``boxes`` (n, 4) are shares of the sides, ``shares`` (n,) of its pixels, ``names`` the labels.
    """

    path: Path
    mask: Path
    boxes: Boxes
    shares: NDArray[np.float32]
    values: tuple[int, ...]
    names: tuple[str, ...]

    @property
    def held_out(self) -> bool:
        """True for the seventh of the photos that is never trained on."""
        return zlib.crc32(self.path.stem.encode()) % _HELD_OUT_SHARE == 0


def read_streets(folder: Path) -> list[Street]:
    """Return the photos of ``folder/photos`` with the masks of ``folder/masks``, by name.

    A garment is one label of a photo, so a pair of shoes has one box.
    """
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        names = {int(row["value"]): row["name"] for row in csv.DictReader(file)}
    streets = []
    for path in sorted((folder / "photos").glob("*.jpg")):
        mask = folder / "masks" / f"{path.stem}.png"
        labels = read_labels(mask)
        height, width = labels.shape
        boxes, shares, values = [], [], []
        for value in np.unique(labels).tolist():
            if names[value] in _NOT_THINGS:
                continue
            rows, columns = np.nonzero(labels == value)
            boxes.append(
                (
                    columns.min() / width,
                    rows.min() / height,
                    (columns.max() + 1) / width,
                    (rows.max() + 1) / height,
                )
            )
            shares.append(len(rows) / labels.size)
            values.append(value)
        streets.append(
            Street(
                path,
                mask,
                np.array(boxes, np.float32).reshape(-1, 4),
                np.array(shares, np.float32),
                tuple(values),
                tuple(names[value] for value in values),
            )
        )
    return streets


def street_scene(street: Street, rng: np.random.Generator) -> Scene:
    """Return the photo cropped, mirrored and relit at random."""
    image = read_picture(street.path)
    region, boxes, kept = random_crop(rng, street.boxes, least=0.45 if rng.random() < 0.6 else 0.95)
    pixels = squashed(image, region)
    x0, y0, x1, y1 = region
    crop_share = (x1 - x0) * (y1 - y0)
    large = street.shares / crop_share >= _LEAST_SHARE
    # A sliver of a garment at the edge, and a tiny one, are neither things nor background.
    ignored = boxes[~(kept & large)]
    ignored = ignored[(ignored[:, 2] > ignored[:, 0]) & (ignored[:, 3] > ignored[:, 1])]
    boxes = boxes[kept & large]
    if rng.random() < 0.5:
        pixels, both = flipped(pixels, np.concatenate([boxes, ignored]))
        boxes, ignored = both[: len(boxes)], both[len(boxes) :]
    return Scene(relit(pixels, rng), boxes, ignored)


def street_cutouts(street: Street) -> list[Cutout]:
    """Return the garments that cover at least 1.5 % of the photo, cut along their masks."""
    chosen = [n for n, share in enumerate(street.shares.tolist()) if share >= 0.015]
    if not chosen:
        return []
    pixels, labels = np.asarray(read_picture(street.path)), read_labels(street.mask)
    height, width = labels.shape
    cutouts = []
    for n in chosen:
        x0, y0, x1, y1 = (street.boxes[n] * [width, height, width, height]).round().astype(int)
        cover = (labels[y0:y1, x0:x1] == street.values[n]).astype(np.uint8) * 255
        cutouts.append(Cutout(pixels[y0:y1, x0:x1].copy(), cover))
    return cutouts


def empty_part(street: Street) -> Pixels | None:
    """Return the part of the photo beside the person, (h, w, 3), or None if it is narrow."""
    labels = read_labels(street.mask)
    taken = np.flatnonzero((labels != 0).any(axis=0))
    width = labels.shape[1]
    if not len(taken):
        return None
    left, right = int(taken[0]), width - 1 - int(taken[-1])
    if max(left, right) < 64:
        return None
    pixels = np.asarray(read_picture(street.path))
    return (pixels[:, : left - 4] if left >= right else pixels[:, width - right + 4 :]).copy()
