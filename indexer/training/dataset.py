"""Read the dataset of a shop for adapting an encoder: pictures, categories, photos of shoppers.

A part is held out for evaluation: some photos of ``pairs``. If there are no pairs, it is all
pictures of some products that have an item with several pictures.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.csvrows import csv_rows, list_columns
from indexer.errors import BadCatalog, BadImage
from indexer.imaging.images import read_image_file
from indexer.imaging.photos import read_photo
from indexer.imaging.preprocess import Preprocess
from indexer.items import Skipped
from indexer.store.pictures import best_picture, image_folder
from indexer.store.records import PictureKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from indexer.arrays import Pixels
    from indexer.store.records import ItemRecord
    from indexer.store.store import Store

SIDE = 208  # of the pictures in memory: slightly larger than the encoder's input, for crops
UNKNOWN = -1
FEWEST_QUERIES = 8  # with fewer, a difference is not significant
MOST_PICTURES = 16_000  # 2.1 GB; a larger shop is sampled at random
_MOST_QUERIES = 600
_AT_ONCE = 64
_HELD_OUT_PHOTOS = 6  # every sixth photo of each item is held out
_HELD_OUT_PRODUCTS = 4  # every fourth product is held out


class Pair(NamedTuple):
    """A shopper's photo and the item that it shows."""

    image: Path
    item_id: str


@dataclass(frozen=True)
class Dataset:
    """Pictures ``pixels`` (n, 208, 208, 3) with labels and the train/test split.

    ``item`` and ``kind`` (n,) are the numbers of each picture's item and of its kind, -1 for none.
    ``photo`` (n,) marks photos of pairs, ``gallery`` (n,) the first picture of each item, which is
    searched; ``query`` (n,) marks the held-out queries, ``held_out`` (n,) everything that is not
    trained on. ``task`` describes the queries for people. ``skipped`` lists photos that could not
    be used, ``notes`` what else was left out.
    """

    pixels: Pixels
    item: NDArray[np.int64]
    kind: NDArray[np.int64]
    photo: NDArray[np.bool_]
    gallery: NDArray[np.bool_]
    query: NDArray[np.bool_]
    held_out: NDArray[np.bool_]
    task: str
    items: list[str]
    kinds: list[str]
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _Picture(NamedTuple):
    pixels: Pixels
    item: int
    photo: bool
    gallery: bool


def read_pairs(path: Path) -> list[Pair]:
    """Read photos and their items from a CSV with the columns ``image`` and ``item_id``.

    Image paths are relative to the file. Raises BadCatalog if the file is missing, empty or not
    such a CSV.
    """
    columns, rows = csv_rows(path)
    if not {"image", "item_id"} <= set(columns):
        found = list_columns(columns) if columns else "no rows"
        raise BadCatalog(f"{path} needs the columns image and item_id; it has {found}")
    return [
        Pair(path.parent / (row["image"] or ""), (row["item_id"] or "").strip()) for row in rows
    ]


def read_dataset(
    store: Store,
    pairs: list[Pair],
    *,
    trim: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Read the pictures of a shop and of ``pairs``, and split them: a shop is always split alike.

    ``trim`` cuts plain borders off the pictures, as the encoder does. Raises BadCatalog if there is
    too little to train on or to evaluate with, such as one picture per item and no pairs.
    """
    rng = np.random.default_rng(0)
    skipped: list[Skipped] = []
    with store.read() as reader:
        records = list(reader.items())
    preprocess = Preprocess(SIDE, "squash", trim=trim)
    pictures = _catalog(store, records, rng, preprocess, skipped, progress)
    pictures += _photos(records, pairs, preprocess, skipped, progress)
    kinds, kind_of, notes = _kinds(records)
    item = np.array([picture.item for picture in pictures], dtype=np.int64)
    photo = np.array([picture.photo for picture in pictures], dtype=np.bool_)
    gallery = np.array([picture.gallery for picture in pictures], dtype=np.bool_)
    products = {record.item.product_id: number for number, record in enumerate(records)}
    product_of = np.array([products[record.item.product_id] for record in records])  # (items,)
    query, held_out, task = _held_out(item, photo, gallery, product_of, rng)
    return Dataset(
        pixels=np.stack([picture.pixels for picture in pictures]),
        item=item,
        kind=kind_of[item],
        photo=photo,
        gallery=gallery,
        query=query,
        held_out=held_out,
        task=task,
        items=[record.item.item_id for record in records],
        kinds=kinds,
        skipped=skipped,
        notes=notes,
    )


def _catalog(
    store: Store,
    records: list[ItemRecord],
    rng: np.random.Generator,
    preprocess: Preprocess,
    skipped: list[Skipped],
    progress: Callable[[int, int], None] | None,
) -> list[_Picture]:
    """Read the shop's pictures, in order of the items and of the images of each."""
    positions = [
        (number, place)
        for number, record in enumerate(records)
        for place in range(len(record.images))
    ]
    if len(positions) > MOST_PICTURES:
        chosen = sorted(rng.permutation(len(positions))[:MOST_PICTURES].tolist())
        positions = [positions[index] for index in chosen]
    pictures: list[_Picture] = []
    seen: set[int] = set()
    for start in range(0, len(positions), _AT_ONCE):
        batch = [
            (number, records[number].images[place])
            for number, place in positions[start : start + _AT_ONCE]
        ]
        with store.read() as reader:  # briefly: LMDB cannot reuse pages while a reader is open
            folder = image_folder(reader)
            found = [
                best_picture(reader, folder, PictureKey(image.content), image.path)
                for _, image in batch
            ]
        for (number, image), best in zip(batch, found, strict=True):
            try:
                if best is None:
                    raise BadImage("its picture is gone from the store")
                pixels = read_photo(best.data, preprocess)
            except BadImage as error:
                item_id = records[number].item.item_id
                skipped.append(Skipped(item_id, str(error), image=image.path))
                continue
            pictures.append(_Picture(pixels, number, photo=False, gallery=number not in seen))
            seen.add(number)
        if progress:
            progress(min(start + _AT_ONCE, len(positions)), len(positions))
    if not pictures:
        raise BadCatalog(
            f"none of {len(positions)} pictures of the shop can be read; index its catalog again"
        )
    return pictures


def _photos(
    records: list[ItemRecord],
    pairs: list[Pair],
    preprocess: Preprocess,
    skipped: list[Skipped],
    progress: Callable[[int, int], None] | None,
) -> list[_Picture]:
    """Read the photos of ``pairs``. Raises BadCatalog if none can be used."""
    number_of = {record.item.item_id: number for number, record in enumerate(records)}
    unique = list(dict.fromkeys(pairs))  # duplicates could end up on both sides of the split
    photos: list[_Picture] = []
    for done, pair in enumerate(unique, 1):
        number = number_of.get(pair.item_id)
        try:
            if number is None:
                raise BadImage(f"the shop has no item {pair.item_id!r}")
            pixels = read_photo(read_image_file(pair.image), preprocess)
            photos.append(_Picture(pixels, number, photo=True, gallery=False))
        except BadImage as error:
            skipped.append(Skipped(pair.item_id, str(error), image=str(pair.image)))
        if progress:
            progress(done, len(unique))
    if unique and not photos:
        raise BadCatalog(
            f"none of {len(unique)} pairs can be used; {skipped[-1].image}: {skipped[-1].reason}"
        )
    return photos


def _kinds(records: list[ItemRecord]) -> tuple[list[str], NDArray[np.int64], list[str]]:
    """Return the main categories with several items, the kind (items,) of each item, and notes.

    The kind is -1 for an item without one.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for number, record in enumerate(records):
        if record.item.categories:
            members[record.item.categories[0]].append(number)
    kinds = sorted(name for name, numbers in members.items() if len(numbers) > 1)
    single = len(members) - len(kinds)
    notes = [f"categories with only one item are not learned: {single}"] if single else []
    kind_of = np.full(len(records), UNKNOWN, dtype=np.int64)
    if len(kinds) > 1:  # a single class cannot be learned
        for kind, name in enumerate(kinds):
            kind_of[members[name]] = kind
    return kinds, kind_of, notes


def _held_out(
    item: NDArray[np.int64],
    photo: NDArray[np.bool_],
    gallery: NDArray[np.bool_],
    product_of: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], str]:
    """Return masks of the queries (n,) and of the held-out pictures (n,), and a description."""
    query = np.zeros(len(item), dtype=np.bool_)
    answerable = set(item[gallery].tolist())
    if photo.any():
        for number in np.unique(item[photo]).tolist():
            photos = rng.permutation(np.flatnonzero(photo & (item == number)))
            if number in answerable:  # the only photo of an item is trained on
                query[photos[: (len(photos) + _HELD_OUT_PHOTOS // 2) // _HELD_OUT_PHOTOS]] = True
        what, task = "photos of pairs", "held-out photos -> first picture of their item"
        held_out = query.copy()
    else:
        numbers, count = np.unique(item, return_counts=True)
        # By product: its other items may be the same object in another size.
        several = rng.permutation(np.unique(product_of[numbers[count > 1]]))
        if not len(several):
            raise BadCatalog(
                "every item of this shop has one picture and there are no pairs: training needs "
                "two pictures of the same item; give --pairs FILE with image,item_id"
            )
        chosen = several[: -(-len(several) // _HELD_OUT_PRODUCTS)]
        held_out = np.isin(product_of[item], chosen)
        query = held_out & ~gallery
        what, task = (
            "further pictures of items",
            "further pictures of held-out products -> first ones",
        )
    if query.sum() < FEWEST_QUERIES:
        raise BadCatalog(
            f"too few {what} to evaluate with: {int(query.sum())} can be held out, needed "
            f"{FEWEST_QUERIES}; give more with --pairs FILE"
        )
    queries = np.flatnonzero(query)
    if len(queries) > _MOST_QUERIES:
        query[rng.permutation(queries)[_MOST_QUERIES:]] = False
    return query, held_out, task
