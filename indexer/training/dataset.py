"""What a shop offers an encoder to learn from: its pictures, its categories, its shoppers' photos.

Some of it is held out, to see whether learning helped: a part of the photos of ``pairs``, or
where there are none, all pictures of a part of the products that have several of an item.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.errors import BadCatalog, BadImage
from indexer.imaging.images import read_image_file
from indexer.imaging.photos import read_photo
from indexer.imaging.preprocess import Preprocess
from indexer.items import Skipped
from indexer.store.pictures import best_picture, images_root

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from indexer.arrays import Pixels
    from indexer.store.store import ItemRecord, Store

SIDE = 208  # of the pictures that are kept: a little more than the encoder sees, for crops
UNKNOWN = -1
FEWEST = 8  # held-out questions: with fewer, a change tells nothing
MOST_PICTURES = 16_000  # of a shop, 2.1 GB; a random part of a larger one
_MOST_ASKED = 600
_AT_ONCE = 64
_HELD_PHOTOS = 6  # one photo in so many of each item
_HELD_PRODUCTS = 4  # one product in so many


class Pair(NamedTuple):
    """A shopper's photo and the item it shows."""

    image: Path
    item_id: str


@dataclass(frozen=True)
class Dataset:
    """Pictures (n, 208, 208, 3) with the number of their item and of its kind, -1 for none.

    ``photo`` (n,) marks photos of pairs, ``main`` (n,) the first picture of each item, which
    questions are answered with; ``asked`` (n,) the held-out questions, ``hidden`` (n,) all that is
    not learned from. ``how`` says in words what the questions are. ``skipped`` lists photos that
    could not be used, ``notes`` what else was left out.
    """

    pixels: Pixels
    item: NDArray[np.int64]
    kind: NDArray[np.int64]
    photo: NDArray[np.bool_]
    main: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    how: str
    items: list[str]
    kinds: list[str]
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _Picture(NamedTuple):
    pixels: Pixels
    item: int
    photo: bool
    main: bool


def read_pairs(path: Path) -> list[Pair]:
    """Read photos and their items: CSV with the columns ``image`` and ``item_id``.

    Image paths are relative to the file. BadCatalog when it is missing, empty or no such CSV.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise BadCatalog(f"cannot read {path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadCatalog(f"{path} is not a CSV file in UTF-8: {error}") from error
    columns = [name for name in rows[0] if name] if rows else []
    if not {"image", "item_id"} <= set(columns):
        found = ", ".join(map(repr, columns)) or "no rows"
        raise BadCatalog(f"{path} needs the columns image and item_id; it has {found}")
    return [
        Pair(path.parent / (row["image"] or ""), (row["item_id"] or "").strip()) for row in rows
    ]


def read_dataset(
    store: Store,
    pairs: list[Pair],
    *,
    trim: bool = False,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """Read all there is to learn from, and decide what is held out; the same for one seed.

    ``trim`` cuts plain borders off the pictures, as the encoder will.

    BadCatalog when nothing can be learned or judged: one picture for each item and no pairs, or
    too few of either.
    """
    rng = np.random.default_rng(seed)
    skipped: list[Skipped] = []
    with store.read() as reader:
        records = list(reader.items())
    wanted = Preprocess(SIDE, "squash", trim=trim)
    pictures = _catalog(store, records, rng, wanted, skipped, progress)
    number = {record.item.item_id: n for n, record in enumerate(records)}
    pairs = list(dict.fromkeys(pairs))  # or a photo given twice could be learned from and asked
    for at, pair in enumerate(pairs):
        if pair.item_id not in number:
            reason = f"the shop has no item {pair.item_id!r}"
        else:
            try:
                pixels = read_photo(read_image_file(pair.image), wanted)
                pictures.append(_Picture(pixels, number[pair.item_id], photo=True, main=False))
                continue
            except BadImage as error:
                reason = str(error)
            finally:
                if progress:
                    progress(at + 1, len(pairs))
        skipped.append(Skipped(pair.item_id, reason, image=str(pair.image)))
    if pairs and not any(one.photo for one in pictures):
        raise BadCatalog(
            f"none of {len(pairs)} pairs can be used; {skipped[-1].image}: {skipped[-1].reason}"
        )
    kinds, kind_of, notes = _kinds(records)
    item = np.array([one.item for one in pictures], dtype=np.int64)
    photo = np.array([one.photo for one in pictures], dtype=np.bool_)
    main = np.array([one.main for one in pictures], dtype=np.bool_)
    products = {record.item.product_id: n for n, record in enumerate(records)}
    product_of = np.array([products[record.item.product_id] for record in records])  # (items,)
    asked, hidden, how = _held_out(item, photo, main, product_of, rng)
    return Dataset(
        pixels=np.stack([one.pixels for one in pictures]),
        item=item,
        kind=kind_of[item],
        photo=photo,
        main=main,
        asked=asked,
        hidden=hidden,
        how=how,
        items=[record.item.item_id for record in records],
        kinds=kinds,
        skipped=skipped,
        notes=notes,
    )


def _catalog(
    store: Store,
    records: list[ItemRecord],
    rng: np.random.Generator,
    wanted: Preprocess,
    skipped: list[Skipped],
    progress: Callable[[int, int], None] | None,
) -> list[_Picture]:
    """The shop's own pictures, the first of each item before its others."""
    places = [(n, k) for n, record in enumerate(records) for k in range(len(record.images))]
    if len(places) > MOST_PICTURES:
        chosen = sorted(rng.permutation(len(places))[:MOST_PICTURES].tolist())
        places = [places[at] for at in chosen]
    pictures: list[_Picture] = []
    seen: set[int] = set()
    for start in range(0, len(places), _AT_ONCE):
        some = [(n, records[n].images[k]) for n, k in places[start : start + _AT_ONCE]]
        with store.read() as reader:  # briefly: pages that a reader can see are not reused
            root = images_root(reader)
            found = [best_picture(reader, root, one.content, one.path) for _, one in some]
        for (n, image), best in zip(some, found, strict=True):
            try:
                if best is None:
                    raise BadImage("its picture is gone from the store")
                pixels = read_photo(best.data, wanted)
            except BadImage as error:
                skipped.append(Skipped(records[n].item.item_id, str(error), image=image.path))
                continue
            pictures.append(_Picture(pixels, n, photo=False, main=n not in seen))
            seen.add(n)
        if progress:
            progress(min(start + _AT_ONCE, len(places)), len(places))
    if not pictures:
        raise BadCatalog("the shop has no picture to learn from")
    return pictures


def _kinds(records: list[ItemRecord]) -> tuple[list[str], NDArray[np.int64], list[str]]:
    """Main categories with several items; the kind of each item (items,), -1 for none; notes."""
    members: dict[str, list[int]] = defaultdict(list)
    for n, record in enumerate(records):
        if record.item.categories:
            members[record.item.categories[0]].append(n)
    kinds = sorted(name for name, numbers in members.items() if len(numbers) > 1)
    lonely = len(members) - len(kinds)
    notes = [f"{lonely} categories of one item teach nothing and are left out"] if lonely else []
    kind_of = np.full(len(records), UNKNOWN, dtype=np.int64)
    if len(kinds) > 1:  # one kind for all tells nothing apart
        for at, name in enumerate(kinds):
            kind_of[members[name]] = at
    return kinds, kind_of, notes


def _held_out(
    item: NDArray[np.int64],
    photo: NDArray[np.bool_],
    main: NDArray[np.bool_],
    product_of: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], str]:
    """Which pictures are questions, which are not learned from, and what that is in words."""
    asked = np.zeros(len(item), dtype=np.bool_)
    answers = set(item[main].tolist())
    if photo.any():
        for number in np.unique(item[photo]).tolist():
            shots = rng.permutation(np.flatnonzero(photo & (item == number)))
            if number in answers:  # one photo of an item, if there is but one, is learned from
                asked[shots[: (len(shots) + _HELD_PHOTOS // 2) // _HELD_PHOTOS]] = True
        what, how = "photos of pairs", "held-out photos -> first picture of their item"
        hidden = asked.copy()
    else:
        numbers, count = np.unique(item, return_counts=True)
        # Whole products: their other items may be the same thing in another size.
        several = rng.permutation(np.unique(product_of[numbers[count > 1]]))
        if not len(several):
            raise BadCatalog(
                "every item of this shop has one picture and there are no pairs: nothing shows "
                "what is alike in two pictures of a thing; give --pairs FILE with image,item_id"
            )
        chosen = several[: -(-len(several) // _HELD_PRODUCTS)]
        hidden = np.isin(product_of[item], chosen)
        asked = hidden & ~main
        what, how = (
            "further pictures of items",
            "further pictures of held-out products -> first ones",
        )
    if asked.sum() < FEWEST:
        raise BadCatalog(
            f"too few {what} to judge by: {int(asked.sum())} can be held out, needed {FEWEST}; "
            "give more with --pairs FILE"
        )
    extra = np.flatnonzero(asked)
    if len(extra) > _MOST_ASKED:
        asked[rng.permutation(extra)[_MOST_ASKED:]] = False
    return asked, hidden, how
