"""Vitrine's own recommender under evaluation, with the features and weights that serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from search.personal.candidates import PER_SOURCE, find_candidates
from search.personal.covisits import Visits, learn_covisits
from search.personal.factor_map import learn_factor_map
from search.personal.factor_path import FactorPath
from search.personal.factors import learn_factors
from search.personal.facts import FactCode
from search.personal.item_factors import ItemFactors
from search.personal.learning import MIN_USERS
from search.personal.linear import learn_linear
from search.personal.mixer import (
    BEHAVIOR_HALF_LIFE,
    FACTORS_HALF_LIFE,
    FEATURES,
    FOLLOWING_HALF_LIFE,
    WEIGHTS,
    Evidence,
    features_of,
)
from search.personal.neighbors import Neighbors
from search.personal.newcomer_share import Sides, first_meetings, share_of_places
from search.personal.newcomers import due, insert
from search.personal.paths import Path
from search.personal.profile import profile_of
from search.personal.taste import MAX_ITEMS, Taste, Weighted, interests_of
from search.quality.baselines import Model, RecentPopular
from search.quality.logged_lists import lists_of
from search.quality.weight_search import best_weights

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Embedding, Vectors
    from search.personal.mixer import Features
    from search.personal.neighbors import Row
    from search.quality.baselines import History, Scores, Setting
    from search.quality.interactions import Interactions

_MET_ITEMS = 60
TOP = 20  # items of an evaluated list
_HALF_LIFE_DAYS = 14.0  # of popularity, as it serves


class Mixer(Model):
    """The mixer with the weights that are served, or with those of the setting."""

    name: ClassVar[str] = "vitrine"
    settings: ClassVar[Sequence[Setting]] = (WEIGHTS,)

    def fit(self, log: Interactions) -> None:
        """Learn which items are met together, and how popular each is."""
        self._numbers = {item_id: number for number, item_id in enumerate(log.item_ids)}
        self._every = np.arange(len(log.item_ids))
        order = np.lexsort((np.arange(len(log)), log.users))
        visits = Visits(log.users[order], log.items[order])
        covisits = learn_covisits(visits, len(log.item_ids), min_users=MIN_USERS)
        self._linear = learn_linear(visits, len(log.item_ids), self.vectors, min_users=MIN_USERS)
        self._factors = self._fit_factors(visits, log.times[order])
        self._rows: dict[int, Row] = {}
        for item, neighbors, strengths in covisits.by_item():
            ascending = np.argsort(neighbors)
            self._rows[item] = (neighbors[ascending], strengths[ascending])
        # Those who bought an item review it, so reviews of today would reveal events of then.
        self._moods = np.zeros(len(log.item_ids), dtype=np.float32)
        popular = RecentPopular(self.vectors, {"half_life": _HALF_LIFE_DAYS})
        popular.fit(log)
        best = max(1e-9, float(popular.counts.max()))
        self._popular = np.asarray(
            np.log1p(9 * popular.counts / best) / np.log(10), dtype=np.float32
        )
        count = len(log.item_ids)
        users = np.bincount(np.unique(log.users * count + log.items) % count, minlength=count)
        # As it serves: popularity needs so many users.
        self._served_popular = np.where(users >= MIN_USERS, self._popular, np.float32(0))
        best_first = np.argsort(-self._served_popular, kind="stable")
        self._most_popular = best_first[self._served_popular[best_first] > 0]

    def features(self, history: History) -> Features:
        """Return the features of all items for a user: (items, features)."""
        return features_of(self._every, self.vectors, self._evidence(history))

    def choices(self, history: History, taken: int) -> Features:
        """Return the features of what could be recommended to a user: (n, features).

        The item ``taken`` is the first. (0, features) if it is not among the candidates.
        """
        evidence = self._evidence(history)
        allowed = np.ones(len(self.vectors), dtype=np.bool_)
        allowed[history.items] = False

        def nearest(directions: list[Embedding]) -> Iterator[NDArray[np.int64]]:
            for direction in directions:
                cosines = np.where(allowed, self.vectors @ direction, np.float32(-2))
                yield np.argpartition(-cosines, min(PER_SOURCE, len(cosines) - 1))[:PER_SOURCE]

        items = find_candidates(allowed, evidence, self._factors, self._most_popular, nearest)
        others = items[items != taken]
        kept = np.concatenate([[taken], others]) if len(others) < len(items) else items[:0]
        return features_of(kept, self.vectors[kept], evidence)

    def _evidence(self, history: History) -> Evidence:
        profile = profile_of(history.events, history.time)
        liked = self._weighted(profile.liked)
        taste = Taste(
            liked=liked,
            recent=self._weighted(profile.recent),
            disliked=self._weighted(profile.disliked),
            interests=interests_of(liked),
            met=np.array([self._numbers[item_id] for item_id in profile.met], dtype=np.int64),
        )
        following = Path(taste.met, Neighbors(self._rows), FOLLOWING_HALF_LIFE)
        behavior = Path(taste.met, Neighbors(self._linear), BEHAVIOR_HALF_LIFE)
        factors = FactorPath(taste.met, self._factors.own, FACTORS_HALF_LIFE)
        return Evidence(taste, None, self._popular, self._moods, following, behavior, factors)

    def scores(self, history: History) -> Scores:
        """Mix the features, and give newcomers their places."""
        scores = mixed(self.features(history), self.setting)
        known = np.ones(len(scores), dtype=np.bool_)
        known[history.items] = False
        met = np.array(history.items[::-1][:_MET_ITEMS], dtype=np.int64)
        most = 3 * due(TOP, self._factors.share)
        newcomers = self._factors.newcomers(met, known, self._served_popular, most)
        return _with_places(scores, known, newcomers.tolist(), self._factors)

    def _fit_factors(self, visits: Visits, times: NDArray[np.float64]) -> ItemFactors:
        ranks = np.argsort(np.argsort(np.array(list(self._numbers), dtype=np.str_)))
        own = learn_factors(visits.users, visits.items, ranks)
        table = np.zeros((len(own), 0), dtype=np.float32) if self.facts is None else self.facts
        code = FactCode(words=[str(column) for column in range(table.shape[1])])
        found = learn_factor_map(own, self.vectors, code, table)
        mapped = found.of_pictures(self.vectors) + table @ found.facts
        mapped[~np.any(self.vectors, axis=1)] = 0
        meetings = first_meetings(visits.users, visits.items, times)
        sides = Sides(self.vectors, table, ranks)
        share = share_of_places(meetings, sides, min_users=MIN_USERS)
        return ItemFactors(own, mapped, share)

    def _weighted(self, weights: Mapping[str, float]) -> Weighted:
        chosen = list(weights.items())[:MAX_ITEMS]
        items = np.array([self._numbers[item_id] for item_id, _ in chosen], dtype=np.int64)
        values = np.array([weight for _, weight in chosen], dtype=np.float32)
        vectors: Vectors = self.vectors[items]
        return Weighted(items, vectors, values)


class TrainedMixer(Mixer):
    """The mixer with weights that are learned from the validation events."""

    name: ClassVar[str] = "vitrine-trained"

    def trained(self, log: Interactions, histories: Iterable[tuple[int, History]]) -> Setting:
        """Learn the weights that best rank the items taken among the candidates."""
        return best_weights(lists_of(self.choices, log, histories))


def _with_places(
    scores: Scores, known: NDArray[np.bool_], newcomers: list[int], factors: ItemFactors
) -> Scores:
    """Return scores (items,) that rank newcomers at their places, as when serving.

    ``known`` is the mask of the items that are ranked.
    """
    ranked = np.where(known, scores, -np.inf)
    best = np.argpartition(-ranked, min(TOP, len(ranked) - 1))[:TOP]
    shown = best[np.argsort(-ranked[best], kind="stable")].tolist()
    new = set(np.flatnonzero(factors.are_new(np.arange(len(scores)))).tolist())
    found = insert(shown, newcomers, new, TOP, factors.share)
    placed = scores.copy()
    top = float(ranked.max())
    placed[found] = top + 1 + np.arange(len(found), 0, -1)
    return placed


def mixed(features: Features, weights: Mapping[str, float]) -> Scores:
    """Return the weighted sums of features: (n,)."""
    row: NDArray[np.float64] = np.array([weights[name] for name in FEATURES])
    scores: Scores = features.astype(np.float64) @ row
    return scores
