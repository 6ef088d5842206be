"""A shop whose categories are colors: shoes are red, mugs blue and plants green, each on white."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from tests.conftest import jpeg

KINDS = {"shoe": "Wear/Shoes", "mug": "Home/Mugs", "plant": "Home/Plants"}
COLORS = {"shoe": "red", "mug": "blue", "plant": "green"}
RGB = {"red": (205, 45, 48), "blue": (50, 100, 195), "green": (55, 145, 75)}


def product_picture(color: str, seed: int, side: int = 96) -> Image.Image:
    """A thing of this color on white; ``seed`` moves and shades it."""
    rng = np.random.default_rng(seed)
    shade = rng.normal(0, 9, 3)
    rgb = tuple(int(v) for v in np.clip(np.array(RGB[color]) + shade, 0, 255))
    image = Image.new("RGB", (side, side), (255, 255, 255))
    x, y = rng.integers(6, 18, 2)
    w, h = rng.integers(54, 68, 2)
    draw = ImageDraw.Draw(image)
    draw.rectangle((x, y, x + w, y + h), rgb)
    draw.ellipse((x + 12, y + 12, x + 22, y + 24), (90, 90, 90))
    return image


def write_kinds(
    folder: Path, *, each: int = 8, changes: Mapping[str, dict[str, Any]] | None = None
) -> Path:
    """Write a catalog of ``each`` products of each kind, named shoe-00, ..., with two pictures.

    ``changes`` has fields of some items, and may have ``pictures``: a list of images.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    changes = changes or {}
    lines = []
    for k, (kind, category) in enumerate(KINDS.items()):
        for number in range(each):
            name = f"{kind}-{number:02}"
            item: dict[str, Any] = {
                "id": name,
                "product_id": name,
                "title": f"{kind.title()} number {number}",
                "categories": [category],
                "attributes": {"color": COLORS[kind]},
                **changes.get(name, {}),
            }
            seeds = [1000 * k + 10 * number + view for view in range(2)]
            pictures = item.pop("pictures", [product_picture(COLORS[kind], s) for s in seeds])
            item["images"] = []
            for view, picture in enumerate(pictures):
                path = f"images/{name}-{view}.jpg"
                (folder / path).write_bytes(jpeg(picture))
                item["images"].append(path)
            lines.append(json.dumps(item))
    path = folder / "catalog.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def build_kinds(folder: Path, **options: Any) -> Path:
    """Build a shop of ``write_kinds`` with the color encoder, in ``folder/shop``."""
    catalog = write_kinds(folder / "catalog", **options)
    build_index(open_catalog(catalog), ShopFolder(folder / "shop"), ColorEncoder())
    return folder / "shop"
