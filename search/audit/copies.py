"""Pictures that several products share, and listings that are nearly the same.

Candidates are the nearest pictures of other products; small copies of both are then compared pixel
by pixel, so that two products that merely look alike are not reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Pixels, Vectors

_NEAREST = 6  # pictures of other products that each picture is compared with
_BLOCK = 512
_ALIKE = 0.96  # cosine of pictures that are compared pixel by pixel
SIGNATURE_SIDE = 24
_SAME = 5.0  # mean difference of two small copies in levels: below, the picture is the same
_NEAR = 10.0


class SharedPicture(NamedTuple):
    """A picture of several products: one place of each product, and the confidence."""

    places: tuple[int, ...]
    confidence: float
    exact: bool


def signature(pixels: Pixels) -> NDArray[np.float32]:
    """Return a small copy of (h, w, 3) for comparing: (24, 24, 3)."""
    size = (SIGNATURE_SIDE, SIGNATURE_SIDE)
    small = Image.fromarray(pixels).resize(size, Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)


def shared_files(contents: Sequence[bytes], products: NDArray[np.int64]) -> list[SharedPicture]:
    """Return the files that several products have, most products first."""
    places: dict[bytes, dict[int, int]] = {}
    for place, content in enumerate(contents):
        places.setdefault(content, {}).setdefault(int(products[place]), place)
    shared = [tuple(sorted(own.values())) for own in places.values() if len(own) > 1]
    shared.sort(key=len, reverse=True)
    return [SharedPicture(own, 1.0, exact=True) for own in shared]


def near_pairs(vectors: Vectors, products: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return pairs of pictures of different products that look very much alike, most alike first.

    ``vectors`` is (n, dim), ``products`` (n,).
    """
    pairs: dict[tuple[int, int], float] = {}
    for start in range(0, len(vectors), _BLOCK):
        similar = vectors[start : start + _BLOCK] @ vectors.T  # (b, n)
        similar[products[start : start + _BLOCK, None] == products[None]] = -1
        k = min(_NEAREST, len(vectors))
        nearest = np.argpartition(-similar, k - 1, axis=1)[:, :k]
        for row, columns in enumerate(nearest):
            for column in columns.tolist():
                score = float(similar[row, column])
                if score >= _ALIKE:
                    first, second = sorted((start + row, column))
                    pairs[first, second] = score
    return sorted(pairs, key=lambda pair: (-pairs[pair], pair))


def same_pictures(
    pairs: Sequence[tuple[int, int]],
    products: NDArray[np.int64],
    contents: Sequence[bytes],
    signature_of: Callable[[int], NDArray[np.float32] | None],
) -> tuple[list[SharedPicture], dict[tuple[int, int], int]]:
    """Compare pairs pixel by pixel; return the pictures that are the same, and near products.

    The second result has pairs of products, and how many of their pictures are nearly the same as
    a picture of the other product.
    """
    shared: dict[tuple[int, int], SharedPicture] = {}
    near: dict[tuple[int, int], set[int]] = {}
    for first, second in pairs:
        ours, theirs = signature_of(first), signature_of(second)
        if ours is None or theirs is None:
            continue
        gap = float(np.abs(ours - theirs).mean())
        lower, upper = sorted((int(products[first]), int(products[second])))
        key = (lower, upper)
        if gap < _NEAR:
            near.setdefault(key, set()).update((first, second))
        if gap < _SAME and contents[first] != contents[second] and key not in shared:
            confidence = round(1 / (1 + float(np.exp((gap - _SAME) / 0.8))), 3)
            shared[key] = SharedPicture((first, second), confidence, exact=False)
    counts = {key: len(places) for key, places in near.items()}
    return list(shared.values()), counts


def title_likeness(first: str, second: str) -> float:
    """Return the share of words that two titles have in common, 0 to 1 (Jaccard)."""
    ours, theirs = set(first.casefold().split()), set(second.casefold().split())
    return len(ours & theirs) / len(ours | theirs) if ours | theirs else 0.0
