"""Learn which parts of a photo are hair, skin and garments, and add that to an exported detector.

    python -m indexer.training.detector.parts --data DIR --detector FILE.onnx

A ridge regression from the detector's own maps to the part that each cell shows, in closed form: no
step of training, and hardly any time when a photo is looked at. It finds faces and people, and
hardly tells garments apart: see ``garments``. Needs ``ccp`` below DIR; photos of ``grocery``, if
they are there, teach what is no person. Held-out street photos are not read.
"""

from __future__ import annotations

import argparse
import csv
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.arrays import Pixels
from indexer.training.data import GARMENT_KIND
from indexer.training.detector.parts_graph import CELLS, add_parts, map_session
from indexer.training.detector.pictures import read_labels, read_picture, relit, squashed
from indexer.training.detector.streets import Street, read_streets

Floats = NDArray[np.float32]

BACKGROUND, HAIR, SKIN, OTHER = "background", "hair", "skin", "other"
KINDS = tuple(sorted(set(GARMENT_KIND.values())))
PARTS = (BACKGROUND, HAIR, SKIN, *KINDS, OTHER)
"""What a cell may show; ``other`` is a garment of no kind, such as socks."""

_VIEWS = 2  # of each street photo: the whole, and a crop
_FINE = 4  # a cell's part is the mean of the labels of 4 x 4 points
_DRAWN, _DRAWN_THINGS = 50, 80  # cells of a view, anywhere and on the person
_DRAWN_ELSEWHERE = 60  # cells of a photo without a person
_ELSEWHERE = 150  # such photos, at most
_RIDGE = 1e-3

logger = logging.getLogger(__name__)


class Rows(NamedTuple):
    """Features (n, f), and the target of each row: the shares (n, t) of what it shows."""

    features: Floats
    targets: Floats


def features_of(maps: Sequence[Floats]) -> Floats:
    """Return the features (CELLS, CELLS, f) of one photo from its maps (c, y, x), finest first.

    They are the four maps at the cells' resolution, the mean of the last, and the cell's place.
    """
    fine, eighth, sixteenth, last = maps
    channels = len(fine)
    pooled = fine.reshape(channels, CELLS, 2, CELLS, 2).mean((2, 4))
    rows = [pooled, eighth]
    rows += [level.repeat(n, 1).repeat(n, 2) for n, level in ((2, sixteenth), (4, last))]
    mean = np.broadcast_to(last.mean((1, 2))[:, None, None], (len(last), CELLS, CELLS))
    return np.concatenate([*rows, mean, places()]).transpose(1, 2, 0)


def places() -> Floats:
    """Return the place of each cell as features (5, CELLS, CELLS): x, y, their squares, and 1."""
    y, x = np.mgrid[-1 : 1 : CELLS * 1j, -1 : 1 : CELLS * 1j].astype(np.float32)
    return np.stack([x, y, x * x, y * y, np.ones_like(x)])


def part_shares(labels: NDArray[np.uint8]) -> Floats:
    """Return the share of each part in each cell (CELLS, CELLS, parts) of labels (h, w)."""
    side = CELLS * _FINE
    image = Image.fromarray(labels).resize((side, side), Image.Resampling.NEAREST)
    blocks = np.asarray(image).reshape(CELLS, _FINE, CELLS, _FINE).transpose(0, 2, 1, 3)
    return np.asarray(np.eye(len(PARTS), dtype=np.float32)[blocks].mean((2, 3)))


def part_numbers(folder: Path) -> NDArray[np.uint8]:
    """Return the part (256,) of each label value of ``labels.csv``."""
    numbers = np.full(256, PARTS.index(OTHER), np.uint8)
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name = BACKGROUND if row["name"] == "null" else row["name"]
            part = GARMENT_KIND.get(name, name)
            numbers[int(row["value"])] = PARTS.index(part if part in PARTS else OTHER)
    return numbers


def ridge(rows: Rows, strength: float) -> Floats:
    """Return the weights (f, t) of a linear map from features to targets, in closed form.

    Frequent targets count less: by the root of their frequency. The last feature is the constant.
    """
    mean, deviation = rows.features.mean(0), rows.features.std(0) + 1e-3
    mean[-1], deviation[-1] = 0, 1
    scaled = (rows.features - mean) / deviation
    weight = rows.targets @ np.maximum(rows.targets.mean(0), 1e-3) ** -0.5  # (n,)
    weighted = scaled * weight[:, None]
    square = weighted.T @ scaled + strength * len(scaled) * np.eye(scaled.shape[1])
    solved = np.linalg.solve(square, weighted.T @ rows.targets)
    weights = solved / deviation[:, None]
    weights[-1] -= mean @ weights
    return np.asarray(weights, np.float32)


def street_view(
    street: Street, numbers: NDArray[np.uint8], view: int
) -> tuple[Pixels, NDArray[np.uint8]]:
    """Return pixels (SIDE, SIDE, 3) and parts (h, w) of a photo: the whole, or a crop, relit."""
    image, labels = read_picture(street.path), numbers[read_labels(street.mask)]
    if view == 0:
        return squashed(image), labels
    rng = np.random.default_rng([7, view, int(street.path.stem)])
    least = 0.45 if rng.random() < 0.5 else 0.85
    width, height = rng.uniform(least, 1, 2)
    x, y = rng.uniform(0, 1 - width), rng.uniform(0, 1 - height)
    left, top = int(x * image.width), int(y * image.height)
    right, bottom = int((x + width) * image.width), int((y + height) * image.height)
    pixels = relit(squashed(image.crop((left, top, right, bottom))), rng)
    flip = -1 if rng.random() < 0.5 else 1
    return np.ascontiguousarray(pixels[:, ::flip]), labels[top:bottom, left:right][:, ::flip]


def collect(
    data: Path, run: Callable[[Pixels], list[Floats]], report: Callable[[str], None]
) -> Rows:
    """Return the rows of some cells of all photos. Raises FileNotFoundError."""
    folder = data / "ccp"
    if not (folder / "labels.csv").is_file():
        raise FileNotFoundError(f"no street photos below {data}: expected ccp")
    numbers = part_numbers(folder)
    streets = [street for street in read_streets(folder) if not street.held_out]
    rng = np.random.default_rng(0)
    cells: list[Rows] = []
    for done, street in enumerate(streets, 1):
        for view in range(_VIEWS):
            pixels, labels = street_view(street, numbers, view)
            features = features_of(run(pixels))
            cells.append(_drawn_cells(features, part_shares(labels), rng))
        if done % 100 == 0:
            report(f"{done} of {len(streets)} street photos")
    nothing = np.eye(len(PARTS), dtype=np.float32)[:1]
    for path in _elsewhere(data):
        flat = features_of(run(squashed(read_picture(path)))).reshape(CELLS * CELLS, -1)
        chosen = rng.choice(len(flat), _DRAWN_ELSEWHERE, replace=False)
        cells.append(Rows(flat[chosen], nothing.repeat(len(chosen), 0)))
    return _joined(cells)


def _drawn_cells(features: Floats, shares: Floats, rng: np.random.Generator) -> Rows:
    """Draw cells of a view: some anywhere, and more of those with a person or a garment."""
    flat, targets = features.reshape(CELLS * CELLS, -1), shares.reshape(CELLS * CELLS, -1)
    shown = np.flatnonzero(targets[:, 0] < 0.5)
    pool = shown if len(shown) else np.arange(len(flat))
    chosen = np.concatenate(
        [rng.choice(len(flat), _DRAWN, replace=False), rng.choice(pool, _DRAWN_THINGS)]
    )
    return Rows(flat[chosen], targets[chosen])


def _elsewhere(data: Path) -> list[Path]:
    """Return photos without a person: those of groceries, some of them."""
    table = data / "grocery" / "photos_train.csv"
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        paths = [data / "grocery" / row["image"] for row in csv.DictReader(file)]
    return paths[:: max(1, -(-len(paths) // _ELSEWHERE))]


def _joined(rows: Sequence[Rows]) -> Rows:
    return Rows(
        np.concatenate([row.features for row in rows]), np.concatenate([r.targets for r in rows])
    )


def main() -> None:
    """Parse the arguments, learn the map, and write it into the detector's file."""
    parser = argparse.ArgumentParser(
        prog="python -m indexer.training.detector.parts",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the training sets")
    parser.add_argument("--detector", type=Path, required=True, help="ONNX file to add them to")
    arguments: Any = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        cells = collect(arguments.data, map_session(arguments.detector), logger.info)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    add_parts(arguments.detector, ridge(cells, _RIDGE), places(), PARTS)
    logger.info("%d cells; wrote %s", len(cells.features), arguments.detector)


if __name__ == "__main__":
    main()
