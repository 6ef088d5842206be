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
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from search.personal.mixer import Features
    from search.quality.logged_lists import LoggedLists

_OTHERS: Final = 200  # items of a choice, besides the one that was taken
_LIKENESS: Final = ("recent", "interest", "context", "disliked")
_LIKENESS_TIMES: Final = (0.0, 0.3, 1.0, 3.0)
_BEHAVIOR_TIMES: Final = (0.0, 0.5, 1.0, 2.0)
_POPULAR_TIMES: Final = (0.0, 1.0, 10.0)
_LEAST: Final = 1e-6
_NEVER_DIFFERS: Final = 1e-9
_LEFT_OUT: Final = ((), ("popular",), ("popular", *_LIKENESS))  # of a logit


def best_weights(
    lists: LoggedLists, count: Callable[[int, int], None] = lambda *_: None, seed: int = 1
) -> dict[str, float]:
    """Return the weights with the best nDCG@10 over lists of candidates, of which one was taken.

    They are on the scale of those that need no training. ``count`` gets how many settings were
    tried, and how many there are.
    """
    found = list(_settings(lists, seed))
    scores = []
    for weights in found:
        scores.append(float(gains_of(lists.ranks(lists.features @ row_of(weights)), 10).mean()))
        count(len(scores), len(found))
    best = dict(found[int(np.argmax(scores))])
    largest = max(abs(weight) for weight in best.values())
    # Popularity orders the list of an unknown user.
    best["popular"] = max(best["popular"], _LEAST * largest)
    return fitted_to_scale(best, lists.features)


def fitted_to_scale(learned: Mapping[str, float], features: Features) -> dict[str, float]:
    """Return learned weights on the scale of those that need no training.

    The scores of ``features`` (n, features) then spread as widely as without training, so that
    the cost of likeness in a list keeps its scale. A feature that is the same in all logged events,
    such as the context, keeps the weight that needs no training.
    """
    spread = _spread(features @ row_of(learned))
    factor = _spread(features @ row_of(WEIGHTS)) / spread if spread > 0 else 1.0
    shown = np.ptp(features, axis=0) > _NEVER_DIFFERS
    return {
        name: factor * learned[name] if shown[place] else WEIGHTS[name]
        for place, name in enumerate(FEATURES)
    }


def row_of(weights: Mapping[str, float]) -> NDArray[np.float32]:
    """Return weights in the order of the features: (features,)."""
    return np.array([weights[name] for name in FEATURES], dtype=np.float32)


def _spread(scores: NDArray[np.float32]) -> float:
    return float(scores.std(dtype=np.float64))


def _settings(lists: LoggedLists, seed: int) -> Iterator[Mapping[str, float]]:
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
    choices = _choices(lists, seed)
    for left_out in _LEFT_OUT:
        places = [FEATURES.index(name) for name in left_out]
        kept = choices.copy()
        kept[:, :, places] = 0
        yield learn_weights(kept)


def _choices(lists: LoggedLists, seed: int) -> NDArray[np.float32]:
    """Return each item that was taken with some others: (n, 1 + _OTHERS, features)."""
    rng = np.random.default_rng(seed)
    chosen = []
    for table in lists.tables():
        others = len(table) - 1
        drawn = 1 + rng.choice(others, size=_OTHERS, replace=others < _OTHERS)
        chosen.append(table[np.concatenate([[0], drawn])])
    return np.stack(chosen)
