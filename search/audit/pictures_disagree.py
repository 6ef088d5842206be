"""Find pictures unlike the others of their item, such as a shoe among pictures of a bag.

How sure one can be is learned from planted errors, as for labels: pictures are replaced by pictures
of products of another kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from search.audit.planting import error_confidences

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Vectors

    Floats = NDArray[np.float64]

_PLANTS = 4
_ERROR_RATE = 0.1  # of pictures, assumed before looking
_FEWEST = 12  # pictures with siblings


class Stranger(NamedTuple):
    """A picture that is unlike the other pictures of its item: positions, and the confidence."""

    place: int
    siblings: NDArray[np.int64]
    confidence: float


def strangers(
    vectors: Vectors,
    items: NDArray[np.int64],
    products: NDArray[np.int64],
    shown: NDArray[np.float64],
) -> list[Stranger]:
    """Judge the oddest picture of every item with several; return all judgments, surest first.

    ``vectors`` is (n, dim); ``items`` and ``products`` (n,) number the item and the product of
    each picture. ``shown`` (n, l) are the probabilities of what each picture shows, fitted without
    its product; l may be 0.
    """
    families = _families(items)
    places = np.array(sorted(place for family in families for place in family), dtype=np.int64)
    if len(places) < _FEWEST:
        return []
    siblings = {
        place: np.array([sibling for sibling in family if sibling != place], dtype=np.int64)
        for family in families
        for place in family
    }
    lists = [siblings[place] for place in places.tolist()]
    features = _features(vectors, shown, places, lists)
    oddest = _oddest(features, items[places])
    places, own = places[oddest], features[oddest]
    lists = [lists[at] for at in oddest.tolist()]
    rng = np.random.default_rng(0)
    planted = []
    for _ in range(_PLANTS):
        others = rng.integers(0, len(vectors), len(places))
        fits = (products[others] != products[places]) & _differ(shown, others, places)
        kept = [found for found, fit in zip(lists, fits, strict=True) if fit]
        planted.append(_features(vectors, shown, others[fits], kept))
    if not any(len(part) for part in planted):
        return []
    confidences = error_confidences(own, np.concatenate(planted), _ERROR_RATE)
    order = np.argsort(-confidences, kind="stable")
    return [Stranger(int(places[at]), lists[at], float(confidences[at])) for at in order]


def _oddest(features: Floats, items: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of the most suspicious case of each item: (m,), given (p, 2) and (p,)."""
    order = np.argsort(-features.sum(axis=1), kind="stable")
    _, first = np.unique(items[order], return_index=True)
    return np.sort(order[first])


def _differ(
    shown: NDArray[np.float64], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which pairs of pictures show different things, (p,); all do if nothing is known."""
    if not shown.shape[1]:
        return np.ones(len(first), dtype=np.bool_)
    return np.asarray(shown[first].argmax(axis=1) != shown[second].argmax(axis=1))


def _families(items: NDArray[np.int64]) -> list[list[int]]:
    """Return the places of the pictures of each item that has several."""
    places: dict[int, list[int]] = {}
    for place, item in enumerate(items.tolist()):
        places.setdefault(item, []).append(place)
    return [family for family in places.values() if len(family) > 1]


def _features(
    vectors: Vectors,
    shown: NDArray[np.float64],
    places: NDArray[np.int64],
    siblings: list[NDArray[np.int64]],
) -> Floats:
    """Return how unlike its siblings each picture is, (p, 2): in looks, and in what it shows."""
    out = np.zeros((len(places), 2))
    for row, (place, others) in enumerate(zip(places.tolist(), siblings, strict=True)):
        out[row, 0] = 1 - float((vectors[others] @ vectors[place]).max())
        if shown.shape[1]:
            out[row, 1] = float(np.abs(shown[others].mean(axis=0) - shown[place]).max())
    return out
