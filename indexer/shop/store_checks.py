"""What a doctor looks for in a shop that seems well: odd vectors, lost pictures, mixed weights."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from indexer.shop import write_encoders
from indexer.store.pictures import best_picture, images_root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from indexer.arrays import Vectors
    from indexer.encoders.base import Model
    from indexer.shop.shelf import Shelf
    from indexer.store.records import PictureKey, Row
    from indexer.store.transactions import Reader

_BLOCK = 4096  # vectors looked at together
_LENGTH_TOLERANCE = 1e-2  # of a unit vector in half precision
_NAMED = 3  # images that are told by name


def invalid_vectors(
    reader: Reader, rows: Iterable[Row], model: Model, dim: int | None
) -> list[str]:
    """Problems of the stored vectors that these rows have by a model.

    Those of zeros, which no search finds, those that are not finite, and those that are not of
    length 1 or of other than ``dim`` numbers (None: other than most).
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
            elif value:  # what is missing or lost is told elsewhere
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
    """How many numbers most of an encoder's embeddings of these have; 0 where it has none."""
    sizes = Counter(len(reader.embedding(key, row.picture) or b"") for row in pictures)
    del sizes[0]
    return sizes.most_common(1)[0][0] // 2 if sizes else 0


def missing_pictures(
    reader: Reader, rows: Iterable[Row], progress: Callable[[int], None]
) -> list[str]:
    """A problem where pictures are neither in the store nor, as they were indexed, at their path.

    Items that came with an embedding and no picture have lost none.
    """
    root = images_root(reader)
    lost: dict[PictureKey, Row] = {}
    found: set[PictureKey] = set()
    for number, row in enumerate(rows, start=1):
        progress(number)
        if row.picture in found:
            continue
        record = reader.item(row.item_id)
        if record is None or row.image_index >= len(record.images):
            continue  # rows and items that do not agree are told elsewhere
        image = record.images[row.image_index]
        if not image.width or _has_picture(reader, root, row.picture, image.path):
            found.add(row.picture)
            lost.pop(row.picture, None)  # another item had it at a path that is gone
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


def _has_picture(reader: Reader, root: Path | None, picture: PictureKey, path: str) -> bool:
    if reader.holds("originals", picture) or reader.holds("images", picture):
        return True
    return best_picture(reader, root, picture, path) is not None


def other_weights(shelf: Shelf, reader: Reader, serving: Model) -> list[str]:
    """Return notes on what is there of other weights than those that serve; none is a fault."""
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
            f"{shelf.folder.path}' drops them"
        )
    return notes


def _faults(vectors: Vectors) -> list[str]:
    """What is wrong with each of these vectors (n, dim); empty where nothing is."""
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
    """The items and paths of some of these rows."""
    named = []
    for row in rows[:_NAMED]:
        record = reader.item(row.item_id)
        whole = record is not None and row.image_index < len(record.images)
        path = record.images[row.image_index].path if record is not None and whole else ""
        named.append(f"{row.item_id} {path}".strip())
    return ", ".join(named) + (", ..." if len(rows) > _NAMED else "")
