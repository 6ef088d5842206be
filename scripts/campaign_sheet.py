"""Draw the picture of docs/campaign.md: drawn products as campaign pictures.

python scripts/campaign_sheet.py --shop FOLDER [--out docs]

FOLDER is the output of ``vitrine sample``. Every second product has an old price that is a quarter
higher.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from PIL import Image

from style.campaign.frame import FORMATS
from style.campaign.poster import Advert, Look, draw_poster
from style.campaign.template import Template
from style.registry import built_in

GAP, WIDTH = 8, 1640
GROUND = (226, 226, 224)
MAX_BYTES = 300_000
# The beginnings of product names, each with a format, a style, its strength on the product, and
# the fields of the template.
ROWS: list[list[tuple[str, str, str, float, dict[str, str]]]] = [
    [("backpack", "1:1", "", 0, {}), ("boot", "4:5", "", 0, {}), ("handbag", "1:1", "", 0, {}),
     ("lamp", "9:16", "", 0, {"note": "Free returns"}), ("hat", "1:1", "", 0, {}),
     ("dress", "4:5", "", 0, {"backdrop": "floor"})],
    [("sneaker", "16:9", "", 0, {}), ("mug", "16:9", "watercolor", 0.7, {}),
     ("watch", "16:9", "", 0, {"page": "#14213d", "tint": "#24365f"})],
    [("chair", "1:1", "mosaic", 0, {}), ("cushion", "1:1", "pop-art", 0, {}),
     ("teapot", "1:1", "golden", 0.8, {}), ("sofa", "1:1", "pencil", 0.7, {}),
     ("hoodie", "1:1", "ink", 0.7, {})],
]  # fmt: skip


def products(folder: Path) -> dict[str, list[dict[str, str]]]:
    """Return the rows of the catalog by kind of product: the first variant of each product."""
    found: dict[str, list[dict[str, str]]] = {}
    seen = set()
    with (folder / "catalog.csv").open(newline="", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            if row["product_id"] not in seen:
                seen.add(row["product_id"])
                found.setdefault(row["product_id"].partition("-")[0], []).append(row)
    return found


def drawn(
    folder: Path, row: dict[str, str], size: tuple[int, int], style: str, strength: float,
    fields: dict[str, str], *, old: bool,
) -> Image.Image:  # fmt: skip
    """Draw one picture."""
    with Image.open(folder / row["images"].partition(";")[0]) as image:
        photo = np.asarray(image.convert("RGB"))
    price = float(row["price"])
    advert = Advert(row["title"], price, row["currency"], round(price * 1.25, 2) if old else None)
    look = Look(Template(**fields))  # type: ignore[arg-type]
    if style:
        look = look._replace(style=built_in().find(style), strength=strength, background_strength=1)
    return Image.fromarray(draw_poster(photo, advert, *size, look).pixels)


def strip(pictures: list[Image.Image]) -> Image.Image:
    """Put pictures side by side, all as high as they must be to fill the width of the sheet."""
    ratios = [picture.width / picture.height for picture in pictures]
    room = WIDTH - GAP * (len(pictures) + 1)
    height = round(room / sum(ratios))
    edges = [round(room * sum(ratios[:count]) / sum(ratios)) for count in range(len(ratios) + 1)]
    made = Image.new("RGB", (WIDTH, height + GAP), GROUND)
    for number, picture in enumerate(pictures):
        size = (edges[number + 1] - edges[number], height)
        left = edges[number] + GAP * (number + 1)
        made.paste(picture.resize(size, Image.Resampling.LANCZOS), (left, GAP))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shop", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    given = parser.parse_args()
    kinds = products(given.shop)
    strips, number = [], 0
    for row in ROWS:
        pictures = []
        for kind, shape, style, strength, fields in row:
            product = kinds[kind][number % len(kinds[kind])]
            picture = drawn(
                given.shop, product, FORMATS[shape], style, strength, fields, old=number % 2 == 0
            )
            pictures.append(picture)
            number += 1
        strips.append(strip(pictures))
    sheet = Image.new("RGB", (WIDTH, sum(made.height for made in strips) + GAP), GROUND)
    for at, made in enumerate(strips):
        sheet.paste(made, (0, sum(above.height for above in strips[:at])))
    path = given.out / "campaign.jpg"
    quality = 88
    sheet.save(path, quality=quality)
    while path.stat().st_size > MAX_BYTES:
        quality -= 4
        sheet.save(path, quality=quality)
    print(f"{path}: {sheet.size}, {path.stat().st_size} bytes, quality {quality}")


if __name__ == "__main__":
    main()
