"""Find weights of the mixer that rank what users took next among the first ten.

A conditional logit fits how likely each item was to be taken. It favors popular items, which a
personal list is not for, so that its weights often rank worse than simpler ones. Therefore several
settings are tried, including those of logits, and the best by nDCG@10 is taken.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from search.personal.mixer import FEATURES, WEIGHTS
from search.personal.weights import learn_weights
from search.quality.predictions import gains_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

_OTHERS: Final = 200  # items of a choice, besides the one that was taken
_LIKENESS: Final = ("recent", "interest", "context", "disliked")
_LIKENESS_TIMES: Final = (0.0, 0.3, 1.0, 3.0)
_BEHAVIOR_TIMES: Final = (0.0, 0.5, 1.0, 2.0)
_POPULAR_TIMES: Final = (0.0, 1.0, 10.0)
_LEAST: Final = 1e-6
_LEFT_OUT: Final = ((), ("popular",), ("popular", *_LIKENESS))  # of a logit


def best_weights(tables: NDArray[np.float32], seed: int = 1) -> dict[str, float]:
    """Return the weights with the best nDCG@10 over events.

    ``tables`` (n, items, features) are the features of the item that was taken, first, and of all
    other items; nan in the rows of items that the user could not take.
    """
    found = list(_settings(tables, seed))
    scores = [_gain(tables, weights) for weights in found]
    best = dict(found[int(np.argmax(scores))])
    largest = max(abs(weight) for weight in best.values())
    # Popularity orders the list of an unknown user.
    best["popular"] = max(best["popular"], _LEAST * largest)
    return best


def _settings(tables: NDArray[np.float32], seed: int) -> Iterator[Mapping[str, float]]:
    for likeness, behavior, popular in product(_LIKENESS_TIMES, _BEHAVIOR_TIMES, _POPULAR_TIMES):
        yield {
            name: weight
            * (
                likeness if name in _LIKENESS
                else behavior if name == "behavior"
                else popular if name == "popular"
                else 1.0
            )
            for name, weight in WEIGHTS.items()
        }  # fmt: skip
    choices = _choices(tables, seed)
    for left_out in _LEFT_OUT:
        places = [FEATURES.index(name) for name in left_out]
        kept = choices.copy()
        kept[:, :, places] = 0
        yield learn_weights(kept)


def _choices(tables: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Return each item that was taken with some others: (n, 1 + _OTHERS, features)."""
    rng = np.random.default_rng(seed)
    chosen = []
    for table in tables:
        others = 1 + np.flatnonzero(~np.isnan(table[1:, 0]))
        drawn = rng.choice(others, size=_OTHERS, replace=len(others) < _OTHERS)
        chosen.append(table[np.concatenate([[0], drawn])])
    return np.stack(chosen)


def _gain(tables: NDArray[np.float32], weights: Mapping[str, float]) -> float:
    row = np.array([weights[name] for name in FEATURES], dtype=np.float32)
    scores = tables @ row  # (n, items)
    own = scores[:, :1]
    # Half of the items with an equal score count as better. Comparisons with nan are False.
    ranks = (scores > own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) // 2
    return float(gains_of(ranks, 10).mean())
