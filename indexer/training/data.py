"""List the training photos with the labels that each set has.

The data folder has one subfolder per set; missing sets are skipped:

    grocery/   catalog.csv (id,...,image), photos_train.csv (image,item_id)
    clothing/  photos_train.csv (image,category)
    magento/   catalog.jsonl, one item per line: id, product_id, categories, images
    ccp/       labels.csv (value,name), photos/*.jpg, masks/*.png with one label value per pixel
    general/   *.jpg without labels
    styles/    *.jpg without labels
    drawn/     a sample shop drawn by indexer.sample: catalog.csv, queries.csv and pictures

Validation files in the same folders are never read here.
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
"""Label of a set -> kind, which all sets share: street photos and shop photos have one class."""

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
    """One training picture: a whole file, or the box of one labeled object in it.

    ``item`` is unique over all sets ("grocery/Banana"), or None if the set has no items. ``kind``
    is the shared garment kind or None. ``held_out`` marks the third of the magento products that
    can be reserved for evaluation. ``mask`` is a label image and the value that marks the object.
    """

    path: Path
    source: str
    item: str | None = None
    kind: str | None = None
    box: Box | None = None
    mask: tuple[Path, int] | None = None
    held_out: bool = False


def read_photos(data: Path) -> list[Photo]:
    """Return all training photos below ``data``, in a fixed order.

    Raises FileNotFoundError if there is no set.
    """
    readers: dict[str, Callable[[Path], Iterator[Photo]]] = {
        "grocery": _grocery,
        "clothing": _clothing,
        "magento": _magento,
        "ccp": _ccp,
        "general": _unlabeled,
        "styles": _unlabeled,
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
    """Return a hex digest of the files, labels and boxes of photos."""
    digest = hashlib.sha256()
    for photo in photos:
        digest.update(f"{photo}\n".encode())
    return digest.hexdigest()


def is_held_out(product_id: str) -> bool:
    """Return True for the third of the magento products that is reserved for evaluation."""
    return zlib.crc32(product_id.encode()) % _HELD_OUT_SHARE == 0


def magento_kind(categories: Sequence[str]) -> str | None:
    """Return the garment kind for category paths such as "Men/Tops/Jackets", or None for gear."""
    parts = [part for category in categories for part in category.split("/")]
    return next((_MAGENTO_KIND[part] for part in parts if part in _MAGENTO_KIND), None)


def _read_csv(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _grocery(folder: Path) -> Iterator[Photo]:
    for row in _read_csv(folder / "catalog.csv"):
        yield Photo(folder / row["image"], "grocery-catalog", f"grocery/{row['id']}")
    for row in _read_csv(folder / "photos_train.csv"):
        yield Photo(folder / row["image"], "grocery", f"grocery/{row['item_id']}")


def _drawn(folder: Path) -> Iterator[Photo]:
    for row in _read_csv(folder / "catalog.csv"):
        for image in row["images"].split(";"):
            yield Photo(folder / image, "drawn", f"drawn/{row['id']}")
    for row in _read_csv(folder / "queries.csv"):
        yield Photo(folder / row["image"], "drawn", f"drawn/{row['item_id']}")


def _clothing(folder: Path) -> Iterator[Photo]:
    for row in _read_csv(folder / "photos_train.csv"):
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
                    held_out=held_out,
                )


def _ccp(folder: Path) -> Iterator[Photo]:
    names = {int(row["value"]): row["name"] for row in _read_csv(folder / "labels.csv")}
    for path in sorted((folder / "photos").glob("*.jpg")):
        yield Photo(path, "ccp")
        mask_path = folder / "masks" / f"{path.stem}.png"
        if not mask_path.is_file():
            continue
        mask = np.asarray(Image.open(mask_path))  # (h, w)
        for value in np.unique(mask):
            kind = GARMENT_KIND.get(names[int(value)])
            rows, columns = np.nonzero(mask == value)
            # Objects below half a percent of the photo's area are unrecognizable at 128 px.
            if kind is None or len(rows) < 0.005 * mask.size:
                continue
            box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
            yield Photo(path, "ccp-thing", None, kind, box, (mask_path, int(value)))


def _unlabeled(folder: Path) -> Iterator[Photo]:
    for path in sorted(folder.glob("*.jpg")):
        yield Photo(path, folder.name)
