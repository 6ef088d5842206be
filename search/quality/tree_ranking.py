"""Gradient-boosted trees (LightGBM, lambdarank) over the features of recommendations, to compare.

They rank the best candidates by the weighted sum anew, from its features, the sum itself and its
rank. They are not served: see docs/personal.md for how they rank.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from indexer.errors import BadQuery
from search.personal.mixer import WEIGHTS
from search.quality.logged_lists import LoggedLists
from search.quality.predictions import gains_of
from search.quality.weight_search import row_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_BEST: Final = 100  # candidates of each list
_VALIDATION: Final = 0.2  # of the earlier lists, the newest: they choose how many trees
_TREES: Final = (10, 20, 50, 100)
_OPTIONS: Final[Mapping[str, float | str]] = {
    "objective": "lambdarank",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "lambdarank_truncation_level": 20,
    "num_threads": 1,
    "verbose": -1,
    "seed": 1,
}


def lightgbm() -> Any:
    """Return the package LightGBM. Raises BadQuery if it is missing."""
    try:
        return importlib.import_module("lightgbm")
    except (ImportError, OSError):  # OSError: libgomp is missing
        raise BadQuery("this needs the package lightgbm: pip install 'vitrine[personal]'") from None


def ranks_by_trees(earlier: LoggedLists, later: LoggedLists) -> NDArray[np.int64]:
    """Return the ranks from 0 of what was taken in the later lists (n,), by trees of the earlier.

    Items that are not among the best by the weighted sum keep their ranks. Raises BadQuery if
    LightGBM is missing, or if there is too little to learn from.
    """
    package = lightgbm()
    best = _best_of(earlier)
    learned, newest = best.split(int(len(best.sizes) * (1 - _VALIDATION)))
    if not len(learned.sizes) or not len(newest.sizes):
        raise BadQuery("too few events to learn trees from", param="events")
    taken = np.zeros(len(learned.features))
    taken[learned.starts] = 1
    data = package.Dataset(learned.features, taken, group=learned.sizes)
    model = package.train(dict(_OPTIONS), data, max(_TREES))

    def ranks(lists: LoggedLists, trees: int) -> NDArray[np.int64]:
        return lists.ranks(model.predict(lists.features, num_iteration=trees))

    trees = max(_TREES, key=lambda count: float(gains_of(ranks(newest, count), 10).mean()))
    found = later.ranks(later.features @ row_of(WEIGHTS))
    ranked = _best_of(later)
    if len(ranked.sizes):
        found[ranked.of_targets] = ranks(ranked, trees)
    return found


def _best_of(lists: LoggedLists) -> LoggedLists:
    """Return the best of each list by the weighted sum, with it and its rank as further features.

    Lists whose item that was taken is not among them are left out; ``of_targets`` are the places
    of the others among ``lists``.
    """
    sums = lists.features @ row_of(WEIGHTS)
    owners = np.repeat(np.arange(len(lists.sizes)), lists.sizes)
    ranks = np.empty(len(sums), dtype=np.int64)
    ranks[np.lexsort((-sums, owners))] = np.arange(len(sums)) - lists.starts[owners]
    kept = (ranks < _BEST) & (ranks[lists.starts] < _BEST)[owners]
    sizes = np.bincount(owners[kept], minlength=len(lists.sizes))
    listed = np.flatnonzero(sizes)
    features = np.column_stack([lists.features[kept], sums[kept], ranks[kept].astype(np.float32)])
    return LoggedLists(features, sizes[listed], listed)
