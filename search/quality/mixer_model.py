"""Vitrine's own recommender under evaluation: the features and the mixer that serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from indexer.errors import BadQuery
from search.personal.covisits import Visits, learn_covisits
from search.personal.learning import MIN_USERS
from search.personal.mixer import FEATURES, WEIGHTS, Evidence, features_of
from search.personal.neighbors import Neighbors
from search.personal.profile import profile_of
from search.personal.taste import MAX_ITEMS, Taste, Weighted, interests_of
from search.personal.weights import learn_weights
from search.quality.baselines import Model, RecentPopular

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.personal.mixer import Features
    from search.personal.neighbors import Row
    from search.quality.baselines import History, Scores, Setting
    from search.quality.interactions import Interactions

_NEVER_DIFFERS = 1e-9
_OTHERS = 200  # items that were not taken, for each that was
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
        self._rows: dict[int, Row] = {}
        for item, neighbors, strengths in covisits.by_item():
            ascending = np.argsort(neighbors)
            self._rows[item] = (neighbors[ascending], strengths[ascending])
        popular = RecentPopular(self.vectors, {"half_life": _HALF_LIFE_DAYS})
        popular.fit(log)
        best = max(1e-9, float(popular.counts.max()))
        self._popular = np.asarray(
            np.log1p(9 * popular.counts / best) / np.log(10), dtype=np.float32
        )

    def features(self, history: History) -> Features:
        """Return the features of all items for a user: (items, features)."""
        profile = profile_of(history.events, history.time)
        liked = self._weighted(profile.liked)
        taste = Taste(
            liked=liked,
            recent=self._weighted(profile.recent),
            disliked=self._weighted(profile.disliked),
            interests=interests_of(liked),
        )
        items = {*taste.liked.items.tolist(), *taste.recent.items.tolist()}
        rows = {item: self._rows[item] for item in items if item in self._rows}
        evidence = Evidence(taste, None, self._popular, Neighbors(rows))
        return features_of(self._every, self.vectors, evidence)

    def scores(self, history: History) -> Scores:
        """Mix the features."""
        return mixed(self.features(history), self.setting)

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
        """Learn the weights: each event is a choice among the item taken and 200 others."""
        rng = np.random.default_rng(1)
        choices = []
        for number, history in histories:
            met = np.zeros(len(log.item_ids), dtype=np.bool_)
            met[history.items] = True
            met[log.items[number]] = True
            others = np.flatnonzero(~met)
            if not len(others):
                continue  # the user had nothing to choose from
            drawn = rng.choice(others, size=_OTHERS, replace=len(others) < _OTHERS)
            chosen = np.concatenate([[log.items[number]], drawn])
            choices.append(self.features(history)[chosen])
        if not choices:
            raise BadQuery("no event of the validation can be predicted", param="events")
        return fitted_to_scale(learn_weights(np.stack(choices)), np.concatenate(choices))


def mixed(features: Features, weights: Mapping[str, float]) -> Scores:
    """Return the weighted sums of features: (n,)."""
    row: NDArray[np.float64] = np.array([weights[name] for name in FEATURES])
    scores: Scores = features.astype(np.float64) @ row
    return scores


def fitted_to_scale(learned: Mapping[str, float], features: Features) -> dict[str, float]:
    """Return learned weights on the scale of those that need no training.

    The scores of ``features`` (n, features) then spread as widely as without training, so that
    the cost of likeness in a list keeps its meaning. A feature that logged events do not show, such
    as the item in view, keeps the weight that needs no training.
    """
    spread = float(mixed(features, learned).std())
    factor = float(mixed(features, WEIGHTS).std()) / spread if spread > 0 else 1.0
    shown = features.std(axis=0) > _NEVER_DIFFERS
    return {
        name: factor * learned[name] if shown[place] else WEIGHTS[name]
        for place, name in enumerate(FEATURES)
    }
