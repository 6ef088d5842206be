"""Compute the features from which the confidence of a label is computed.

For each photo and label, they are the score of the head, its margin over the labels that exclude
the label, the share of the neighbors' votes, and the similarity of the nearest picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.classification.labels import Field

    Floats = NDArray[np.float64]

FEATURES = 4
_RANKED = 24  # best labels of a photo among which rivals are sought


def rivals_of(field: Field) -> NDArray[np.bool_]:
    """Return which labels exclude each other, (l, l): all but a category and those above it.

    Labels of other fields than the category all exclude each other.
    """
    count = len(field.labels)
    related = np.eye(count, dtype=np.bool_)
    parents = field.parents()
    for label in range(count):
        above = int(parents[label])
        while above >= 0:
            related[label, above] = related[above, label] = True
            above = int(parents[above])
    return ~related


def evidence(scores: Floats, votes: Floats, best: Floats, rivals: NDArray[np.bool_]) -> Floats:
    """Return the features of each photo and label: (q, l, 4).

    ``scores`` and ``votes`` are (q, l), ``best`` (q,), ``rivals`` (l, l).
    """
    similar = np.broadcast_to(best[:, None], scores.shape)
    return np.stack([scores, scores - _best_rival(scores, rivals), votes, similar], axis=2)


def _best_rival(scores: Floats, rivals: NDArray[np.bool_]) -> Floats:
    """Return the best score among the rivals of each label, (q, l); 0 where none ranks high."""
    ranked = np.argsort(-scores, axis=1)[:, :_RANKED]  # (q, r)
    found = np.zeros_like(scores)
    missing = np.ones(scores.shape, dtype=np.bool_)
    for rank in range(ranked.shape[1]):
        rival = rivals[ranked[:, rank]] & missing  # (q, l)
        value = np.take_along_axis(scores, ranked[:, rank, None], axis=1)  # (q, 1)
        found = np.where(rival, value, found)
        missing &= ~rival
    return found
