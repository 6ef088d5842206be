"""Checks of a store: invalid vectors, missing pictures, data of weights that do not serve."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from indexer.shop import write_encoders
from indexer.store.pictures import best_picture, image_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from indexer.arrays import Vectors
    from indexer.encoders.base import Model
    from indexer.imaging.imagefolder import ImageFolder
    from indexer.shop.shelf import Shelf
    from indexer.store.records import PictureKey, Row
    from indexer.store.transactions import Reader

_BLOCK = 4096  # vectors checked at a time
_LENGTH_TOLERANCE = 1e-2  # of a unit vector in half precision
_NAMED = 3  # images named in a message


def invalid_vectors(
    reader: Reader, rows: Iterable[Row], model: Model, dim: int | None
) -> list[str]:
    """Return the problems of the stored vectors of these rows, for one model.

    A vector is invalid if it is zero, which no search finds, not finite, not of length 1, or not of
    ``dim`` numbers. If ``dim`` is None, the most frequent one is expected.
    """
    key = model.key
    first_rows: dict[PictureKey, Row] = {}
    for row in rows:
        first_rows.setdefault(row.picture, row)
    pictures = list(first_rows.values())
    if dim is None:
        dim = _usual_dim(reader, key, pictures)
    found: dict[str, list[Row]] = {}
    for start in range(0, len(pictures), _BLOCK):
        whole: list[Row] = []
        data: list[bytes] = []
        for row in pictures[start : start + _BLOCK]:
            value = reader.embedding(key, row.picture)
            if value and len(value) == 2 * dim:
                whole.append(row)
                data.append(value)
            elif value:  # missing and lost vectors are reported elsewhere
                found.setdefault(f"not of {dim} numbers", []).append(row)
        halves = np.frombuffer(b"".join(data), dtype=np.float16).reshape(len(data), dim)
        for row, fault in zip(whole, _faults(halves.astype(np.float32)), strict=True):
            if fault:
                found.setdefault(fault, []).append(row)
    return [
        f"{len(odd)} of {len(pictures)} embeddings by {model.id} are {fault}: "
        f"{_names(reader, odd)}; delete these items, run 'vitrine gc', and put them again"
        for fault, odd in found.items()
    ]


def _usual_dim(reader: Reader, key: bytes, pictures: list[Row]) -> int:
    """Return the most frequent dim of an encoder's embeddings of these rows; 0 without any."""
    sizes = Counter(len(reader.embedding(key, row.picture) or b"") for row in pictures)
    del sizes[0]
    return sizes.most_common(1)[0][0] // 2 if sizes else 0


def missing_pictures(
    reader: Reader, rows: Iterable[Row], progress: Callable[[int], None]
) -> list[str]:
    """Return a problem if pictures are neither in the store nor unchanged at their path; else [].

    Items that were written with an embedding instead of a picture have none to lose.
    """
    folder = image_folder(reader)
    lost: dict[PictureKey, Row] = {}
    found: set[PictureKey] = set()
    for number, row in enumerate(rows, start=1):
        progress(number)
        if row.picture in found:
            continue
        record = reader.item(row.item_id)
        if record is None or row.image_index >= len(record.images):
            continue  # rows that do not match the items are reported elsewhere
        image = record.images[row.image_index]
        if not image.width or _has_picture(reader, folder, row.picture, image.path):
            found.add(row.picture)
            lost.pop(row.picture, None)  # added by another item whose file is missing
        else:
            lost.setdefault(row.picture, row)
    if not lost:
        return []
    problem = (
        f"{len(lost)} of {len(lost) + len(found)} images have no picture any more, neither in the "
        f"store nor at their path: {_names(reader, list(lost.values()))}; they are found, but not "
        "shown, and no other model can embed them. Bring the files back, or put these items again"
    )
    return [problem]


def _has_picture(
    reader: Reader, folder: ImageFolder | None, picture: PictureKey, path: str
) -> bool:
    if reader.holds("originals", picture) or reader.holds("images", picture):
        return True
    return best_picture(reader, folder, picture, path) is not None


def other_weights(shelf: Shelf, reader: Reader, serving: Model) -> list[str]:
    """Return notes on generations and embeddings of weights that do not serve; not faults."""
    notes = [
        f"generation {name} is of {manifest.model}; {serving} serves"
        for name, manifest in shelf.manifests.items()
        if manifest.model != serving
    ]
    needed = shelf.models().union(write_encoders.read(reader))
    keys = {model.key for model in needed}
    unused = [key for key in reader.embedding_encoders() if key not in keys]
    if unused and not shelf.damaged:
        count = sum(reader.count_embeddings(key) for key in unused)
        notes.append(
            f"{count} embeddings are of weights that no generation uses; 'vitrine gc --shop "
            f"{shelf.folder.path}' deletes them"
        )
    return notes


def _faults(vectors: Vectors) -> list[str]:
    """Return the fault of each vector (n, dim), or an empty string."""
    with np.errstate(invalid="ignore", over="ignore"):
        lengths = np.linalg.norm(vectors, axis=1)  # (n,)
    out = []
    for length in lengths.tolist():
        if not np.isfinite(length):
            out.append("not finite")
        elif length == 0:
            out.append("zero")
        else:
            out.append("not of length 1" if abs(length - 1) > _LENGTH_TOLERANCE else "")
    return out


def _names(reader: Reader, rows: list[Row]) -> str:
    """Return the items and paths of the first rows, for a message."""
    named = []
    for row in rows[:_NAMED]:
        record = reader.item(row.item_id)
        whole = record is not None and row.image_index < len(record.images)
        path = record.images[row.image_index].path if record is not None and whole else ""
        named.append(f"{row.item_id} {path}".strip())
    return ", ".join(named) + (", ..." if len(rows) > _NAMED else "")
