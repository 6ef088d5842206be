"""Cutouts: catalog pictures without their background."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.arrays import Pixels
from indexer.training.data import is_held_out
from indexer.training.detector.pictures import read_picture
from style.productmask import product_mask

_MOST_SIDE = 224  # of a stored cutout: it is never pasted larger than the scene


class Cutout(NamedTuple):
    """A thing: pixels (h, w, 3), and its opacity (h, w) from 0 to 255. The box is tight."""

    pixels: Pixels
    cover: NDArray[np.uint8]


class CutoutFile(NamedTuple):
    """A catalog picture, and whether its product is reserved for evaluation."""

    path: Path
    held_out: bool
    weight: float = 1.0


def catalog_files(data: Path, drawn: Path) -> Iterator[CutoutFile]:
    """Yield the catalog pictures of magento, of grocery, and of the drawn shop.

    Missing sets are skipped. Sports wear is shown on people, whole torsos, so it counts less.
    """
    catalog = data / "magento" / "catalog.jsonl"
    if catalog.is_file():
        for line in catalog.read_text(encoding="utf-8").splitlines():
            item = json.loads(line)
            gear = any(path.startswith("Gear") for path in item["categories"])
            for image in item["images"]:
                yield CutoutFile(
                    data / "magento" / image,
                    is_held_out(item["product_id"]),
                    3.0 if gear else 0.4,
                )
    for path in sorted((data / "grocery" / "iconic").glob("*.jpg")):
        yield CutoutFile(path, zlib.crc32(path.stem.encode()) % 4 == 0, 3.0)
    for path in sorted((drawn / "images").rglob("*.jpg")):
        yield CutoutFile(path, zlib.crc32(path.parent.name.encode()) % 4 == 0)


def cut_out(path: Path) -> Cutout | None:
    """Cut the product out of a catalog picture; None if its background is not plain."""
    image = read_picture(path)
    image.thumbnail((320, 320), Image.Resampling.BICUBIC)
    pixels = np.asarray(image)
    alpha, confidence = product_mask(pixels)
    if confidence < 0.8:
        return None
    return tight(Cutout(pixels, alpha))


def tight(cutout: Cutout) -> Cutout | None:
    """Cut to the smallest box that holds it, at most ``_MOST_SIDE`` a side; None if it is empty."""
    solid = cutout.cover > 96
    rows, columns = np.flatnonzero(solid.any(axis=1)), np.flatnonzero(solid.any(axis=0))
    if len(rows) < 12 or len(columns) < 12:
        return None
    place = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    rgba = Image.fromarray(np.dstack([cutout.pixels[place], cutout.cover[place]]), "RGBA")
    rgba.thumbnail((_MOST_SIDE, _MOST_SIDE), Image.Resampling.BICUBIC)
    values = np.asarray(rgba)
    return Cutout(values[..., :3].copy(), values[..., 3].copy())


def tight_all(cutouts: Iterable[Cutout]) -> list[Cutout]:
    """Apply ``tight`` to each; leave out the empty ones."""
    return [found for cutout in cutouts if (found := tight(cutout)) is not None]


def chosen_files(files: Iterable[CutoutFile], most: int) -> list[CutoutFile]:
    """Choose at most ``most`` files of each weight, the same ones every time."""
    groups: dict[float, list[CutoutFile]] = {}
    for file in files:
        groups.setdefault(file.weight, []).append(file)
    return [
        file
        for group in groups.values()
        for file in sorted(group, key=lambda file: zlib.crc32(str(file.path).encode()))[:most]
    ]


def save_cutout(job: tuple[Path, Path]) -> bool:
    """Cut out the product of a picture, and write it as a PNG; return False if it has none.

    A file that exists is kept: an empty one marks a picture that cannot be cut out.
    """
    source, target = job
    if not target.exists():
        found = cut_out(source)
        draft = target.with_suffix(".part")
        if found is None:
            draft.write_bytes(b"")
        else:
            Image.fromarray(np.dstack(found), "RGBA").save(draft, "PNG")
        draft.replace(target)
    return target.stat().st_size > 0
