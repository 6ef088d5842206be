"""Lists the photos that the encoder is trained on, with the labels each set offers.

The data folder has one sub-folder a set; a set that is absent is simply not used:

    grocery/   catalog.csv (id,...,image), photos_train.csv (image,item_id)
    clothing/  photos_train.csv (image,category)
    magento/   catalog.jsonl, one item a line: id, product_id, categories, images
    ccp/       labels.csv (value,name), photos/*.jpg, masks/*.png with one label value a pixel
    general/   *.jpg without labels
    styles/    *.jpg without labels
    drawn/     a sample shop, as indexer.sample draws it: catalog.csv, queries.csv and pictures

Validation files that lie beside them are never read here.
"""

from __future__ import annotations

import csv
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

Box = tuple[int, int, int, int]

_HELD_OUT_SHARE = 3

_GARMENTS = {
    "bag": "bag purse wallet",
    "belt": "belt",
    "dress": "dress romper",
    "glasses": "glasses sunglasses",
    "hat": "hat",
    "jewelry": "bracelet earrings necklace ring",
    "longsleeve": "longsleeve cardigan hoodie jumper sweater sweatshirt",
    "outwear": "outwear blazer cape coat jacket suit",
    "pants": "pants jeans leggings",
    "scarf": "scarf",
    "shirt": "shirt blouse",
    "shoes": "shoes boots clogs flats heels loafers pumps sandals sneakers wedges",
    "shorts": "shorts",
    "skirt": "skirt",
    "tights": "tights stockings",
    "t-shirt": "t-shirt",
    "top": "top vest bra",
    "watch": "watch",
}
GARMENT_KIND = {name: kind for kind, names in _GARMENTS.items() for name in names.split()}
"""Word of a set -> kind shared by all sets: a street coat and a shop coat pull together."""

_MAGENTO_KIND = {
    "Hoodies & Sweatshirts": "longsleeve",
    "Jackets": "outwear",
    "Tees": "t-shirt",
    "Bras & Tanks": "top",
    "Tanks": "top",
    "Pants": "pants",
    "Shorts": "shorts",
    "Bags": "bag",
    "Watches": "watch",
}


@dataclass(frozen=True)
class Photo:
    """One training picture: a whole file, or the box of one labeled thing in it.

    `item` is unique over all sets ("grocery/Banana") and None where the set has no items;
    `kind` is the shared garment kind or None. `held_out` marks a third of the magento products,
    left out of training when figures on unseen products are wanted. `mask` names a label image
    and the value that marks the thing. `repeats` says how often one round of views shows it.
    """

    path: Path
    source: str
    item: str | None = None
    kind: str | None = None
    box: Box | None = None
    mask: tuple[Path, int] | None = None
    repeats: int = 1
    held_out: bool = False


def read_photos(data: Path) -> list[Photo]:
    """List every training photo below `data`, in a fixed order. No set there: FileNotFoundError."""
    readers: dict[str, Callable[[Path], Iterator[Photo]]] = {
        "grocery": _grocery,
        "clothing": _clothing,
        "magento": _magento,
        "ccp": _ccp,
        "general": lambda folder: _unlabeled(folder, 1),
        "styles": lambda folder: _unlabeled(folder, 6),
        "drawn": _drawn,
    }
    photos = [
        photo
        for name, read in readers.items()
        if (data / name).is_dir()
        for photo in read(data / name)
    ]
    if not photos:
        raise FileNotFoundError(
            f"no training set below {data}: expected one of {', '.join(readers)}"
        )
    return photos


def digest_of(photos: Iterable[Photo]) -> str:
    """What tells one list of photos from another: their files, labels and boxes, as hex digits."""
    digest = hashlib.sha256()
    for photo in photos:
        digest.update(f"{photo}\n".encode())
    return digest.hexdigest()


def is_held_out(product_id: str) -> bool:
    """Tell whether a magento product belongs to the third that reported figures are measured on."""
    return zlib.crc32(product_id.encode()) % _HELD_OUT_SHARE == 0


def magento_kind(categories: Sequence[str]) -> str | None:
    """Give the shared garment kind of category paths such as "Men/Tops/Jackets", None for gear."""
    parts = [part for category in categories for part in category.split("/")]
    return next((_MAGENTO_KIND[part] for part in parts if part in _MAGENTO_KIND), None)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _grocery(folder: Path) -> Iterator[Photo]:
    for row in _rows(folder / "catalog.csv"):
        yield Photo(folder / row["image"], "grocery-catalog", f"grocery/{row['id']}", repeats=8)
    for row in _rows(folder / "photos_train.csv"):
        yield Photo(folder / row["image"], "grocery", f"grocery/{row['item_id']}")


def _drawn(folder: Path) -> Iterator[Photo]:
    for row in _rows(folder / "catalog.csv"):
        for image in row["images"].split(";"):
            yield Photo(folder / image, "drawn", f"drawn/{row['id']}")
    for row in _rows(folder / "queries.csv"):
        yield Photo(folder / row["image"], "drawn", f"drawn/{row['item_id']}")


def _clothing(folder: Path) -> Iterator[Photo]:
    for row in _rows(folder / "photos_train.csv"):
        yield Photo(folder / row["image"], "clothing", None, GARMENT_KIND[row["category"]])


def _magento(folder: Path) -> Iterator[Photo]:
    with (folder / "catalog.jsonl").open(encoding="utf-8") as file:
        for line in file:
            item = json.loads(line)
            kind = magento_kind(item["categories"])
            for image in item["images"]:
                held_out = is_held_out(item["product_id"])
                yield Photo(
                    folder / image,
                    "magento",
                    f"magento/{item['id']}",
                    kind,
                    repeats=2,
                    held_out=held_out,
                )


def _ccp(folder: Path) -> Iterator[Photo]:
    names = {int(row["value"]): row["name"] for row in _rows(folder / "labels.csv")}
    for path in sorted((folder / "photos").glob("*.jpg")):
        yield Photo(path, "ccp")
        mask_path = folder / "masks" / f"{path.stem}.png"
        if not mask_path.is_file():
            continue
        mask = np.asarray(Image.open(mask_path))  # (h, w)
        for value in np.unique(mask):
            kind = GARMENT_KIND.get(names[int(value)])
            rows, columns = np.nonzero(mask == value)
            # A thing of less than half a percent of the street photo is a smudge at 128 px.
            if kind is None or len(rows) < 0.005 * mask.size:
                continue
            box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
            yield Photo(path, "ccp-thing", None, kind, box, (mask_path, int(value)))


def _unlabeled(folder: Path, repeats: int) -> Iterator[Photo]:
    for path in sorted(folder.glob("*.jpg")):
        yield Photo(path, folder.name, repeats=repeats)
