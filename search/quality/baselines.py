"""Recommenders to compare with: popularity, neighbors, and matrix models, each with its settings.

All are evaluated alike: ``fit`` sees the events before a time, and ``scores`` rates all items for a
user by the events up to a later time. ``settings`` are tried when a model is tuned; every model may
try the same number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from indexer.errors import BadQuery

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Vectors
    from search.personal.event import Event
    from search.quality.interactions import Interactions

    Scores = NDArray[np.float64]
    Setting = Mapping[str, float]

BUDGET = 8  # settings that each model may try
_DAY = 86_400.0


class History(NamedTuple):
    """A user at one time: the user's number, the items met so far, and the events, oldest first."""

    user: int
    items: list[int]
    events: Sequence[Event]
    time: float


class Model(ABC):
    """A recommender under evaluation. ``fit`` comes first."""

    name: ClassVar[str]
    settings: ClassVar[Sequence[Setting]]

    def __init__(
        self, vectors: Vectors, setting: Setting, facts: NDArray[np.float32] | None = None
    ) -> None:
        """``vectors`` are the items' (items, dim), zeros for an item without a picture.

        ``facts`` (items, columns) are what the catalog states, see ``search.personal.facts``.
        """
        self.vectors = vectors
        self.facts = facts
        self.setting = setting

    @abstractmethod
    def fit(self, log: Interactions) -> None:
        """Learn from events."""

    def trained(
        self,
        log: Interactions,  # noqa: ARG002
        histories: Iterable[tuple[int, History]],  # noqa: ARG002
    ) -> Setting:
        """Return a setting learned from events that ``fit`` has not seen; by default its own.

        ``histories`` are numbers of events of ``log``, each with its user's history before it.
        """
        return self.setting

    @abstractmethod
    def scores(self, history: History) -> Scores:
        """Return a score for each item: (items,), larger is better."""


class Popular(Model):
    """The number of events, each halved every ``half_life`` days."""

    name = "popular"
    settings: ClassVar[Sequence[Setting]] = ({"half_life": 1e9},)

    def fit(self, log: Interactions) -> None:
        """Count the events as of the last one."""
        age = (log.times[-1] - log.times) / _DAY
        weights = 2.0 ** (-age / self.setting["half_life"])
        counts = np.bincount(log.items, weights, len(log.item_ids))
        self.counts: Scores = counts.astype(np.float64)

    def scores(self, history: History) -> Scores:  # noqa: ARG002
        """Return the same counts for everyone."""
        return self.counts


class RecentPopular(Popular):
    """Popularity with a half-life of days to months."""

    name = "recent-popular"
    settings = tuple({"half_life": days} for days in (1, 2, 4, 7, 14, 30, 60, 120))


class ItemKnn(Model):
    """Cosines of the items' users (Sarwar et al., 2001), summed over the user's newest items."""

    name = "item-knn"
    settings = tuple(
        {"shrink": shrink, "neighbors": kept, "window": window}
        for shrink, kept in ((10, 50), (50, 200))
        for window in (5, 20, 50, 1e9)
    )

    def fit(self, log: Interactions) -> None:
        """Compute the cosines; keep the strongest of each item."""
        gram = _gram(log)
        length = np.sqrt(np.diag(gram))
        cosines = gram / (np.outer(length, length) + self.setting["shrink"])
        np.fill_diagonal(cosines, 0)
        kept = int(self.setting["neighbors"])
        if kept < len(cosines):
            weakest = -np.partition(-cosines, kept - 1, axis=1)[:, kept - 1 : kept]
            cosines[cosines < weakest] = 0
        self._matrix = cosines

    def scores(self, history: History) -> Scores:
        """Sum the rows of the newest items."""
        return _row_sums(self._matrix, history, self.setting["window"])


class Ease(Model):
    """A linear item-item model in closed form (Steck, 2019), over the user's newest items."""

    name = "ease"
    settings = tuple(
        {"l2": l2, "window": window, "images": 0.0}
        for l2 in (300, 1000)
        for window in (5, 20, 50, 1e9)
    )

    def fit(self, log: Interactions) -> None:
        """Solve for the weights; pictures count as further users who like what looks alike."""
        gram = self.gram(log)
        gram[np.diag_indices_from(gram)] += self.setting["l2"]
        inverse = np.linalg.inv(gram)
        weights = inverse / -np.diag(inverse)
        np.fill_diagonal(weights, 0)
        self._matrix = weights

    def gram(self, log: Interactions) -> NDArray[np.float64]:
        """Return the products of items as columns of users, with those of their vectors."""
        return _gram(log) + self.setting["images"] * (self.vectors @ self.vectors.T)

    def scores(self, history: History) -> Scores:
        """Sum the rows of the newest items."""
        return _row_sums(self._matrix, history, self.setting["window"])


class EaseWithImages(Ease):
    """``Ease`` with the items' vectors as side information (as in Jeunen et al., 2020)."""

    name = "ease-images"
    settings = tuple(
        {"l2": 1000, "window": window, "images": images}
        for images in (5.0, 50.0)
        for window in (5, 20, 50, 1e9)
    )


class EaseWithFacts(Ease):
    """``EaseWithImages``, with what the catalog states about the items beside their vectors."""

    name = "ease-facts"
    settings = tuple(
        {"l2": 1000, "window": window, "images": images, "facts": facts}
        for images, facts in ((5.0, 5.0), (50.0, 50.0))
        for window in (5, 20, 50, 1e9)
    )

    def gram(self, log: Interactions) -> NDArray[np.float64]:
        """Return the products of items, with those of their facts."""
        found = super().gram(log)
        if self.facts is not None:
            found += self.setting["facts"] * (self.facts @ self.facts.T)
        return found


class Als(Model):
    """Implicit matrix factorization (Hu, Koren and Volinsky, 2008), by the package implicit.

    The user's factors are solved anew from the newest items.
    """

    name = "als"
    settings = tuple(
        {"factors": factors, "window": window}
        for factors in (32, 64)
        for window in (5, 20, 50, 1e9)
    )

    def fit(self, log: Interactions) -> None:
        """Factorize the matrix of users and items."""
        implicit, threadpoolctl = _implicit()
        self._matrix = _sparse(log)
        with threadpoolctl.threadpool_limits(1, "blas"):  # implicit has threads of its own
            self._model = implicit.als.AlternatingLeastSquares(
                factors=int(self.setting["factors"]),
                regularization=0.05,
                alpha=5.0,
                iterations=15,
                random_state=1,
            )
            self._model.fit(self._matrix, show_progress=False)

    def scores(self, history: History) -> Scores:
        """Solve for the user, then multiply with the items."""
        row = _sparse_row(_newest(history, self.setting["window"]), self._matrix.shape[1])
        user = self._model.recalculate_user(0, row)
        scores: Scores = (self._model.item_factors @ user).astype(np.float64)
        return scores


class Bpr(Model):
    """Bayesian personalized ranking (Rendle et al., 2009), by the package implicit.

    A user without events before the split has the mean of the factors of the newest items.
    """

    name = "bpr"
    settings = tuple(
        {"factors": factors, "penalty": penalty, "iterations": iterations}
        for factors in (32, 64)
        for penalty in (0.003, 0.01)
        for iterations in (150, 300)
    )

    def fit(self, log: Interactions) -> None:
        """Learn factors by sampled pairs."""
        implicit, _ = _implicit()
        self._model = implicit.bpr.BayesianPersonalizedRanking(
            factors=int(self.setting["factors"]),
            learning_rate=0.01,
            regularization=self.setting["penalty"],
            iterations=int(self.setting["iterations"]),
            random_state=1,
            num_threads=1,
        )
        self._model.fit(_sparse(log), show_progress=False)
        self._known = np.bincount(log.users, minlength=log.user_count) > 0

    def scores(self, history: History) -> Scores:
        """Multiply the user's factors with the items'."""
        items = self._model.item_factors
        if self._known[history.user]:
            user = self._model.user_factors[history.user]
        elif history.items:
            user = items[history.items[-20:]].mean(axis=0)
        else:
            user = self._model.user_factors.mean(axis=0)
        scores: Scores = (items @ user).astype(np.float64)
        return scores


BASELINES: Sequence[type[Model]] = (
    Popular, RecentPopular, ItemKnn, Ease, EaseWithImages, EaseWithFacts, Als, Bpr,
)  # fmt: skip


def _gram(log: Interactions) -> NDArray[np.float64]:
    """Return how many users met both of two items: (items, items)."""
    matrix = _sparse(log)
    gram: NDArray[np.float64] = (matrix.T @ matrix).toarray().astype(np.float64)
    return gram


def _sparse(log: Interactions) -> Any:
    """Return a scipy CSR matrix of users by items: 1 if the user met the item."""
    try:
        from scipy.sparse import csr_matrix
    except ImportError:
        raise _missing("scipy") from None
    codes = np.unique(log.users * len(log.item_ids) + log.items)
    users, items = np.divmod(codes, len(log.item_ids))
    shape = (log.user_count, len(log.item_ids))
    return csr_matrix((np.ones(len(codes), dtype=np.float32), (users, items)), shape=shape)


def _sparse_row(items: list[int], count: int) -> Any:
    from scipy.sparse import csr_matrix

    columns = sorted(set(items))
    values = np.ones(len(columns), dtype=np.float32)
    return csr_matrix((values, ([0] * len(columns), columns)), shape=(1, count))


def _implicit() -> tuple[Any, Any]:
    """Return the packages implicit and threadpoolctl, which implicit depends on."""
    try:
        import implicit.als
        import implicit.bpr
        import threadpoolctl
    except ImportError:
        raise _missing("implicit") from None
    return implicit, threadpoolctl


def _missing(package: str) -> BadQuery:
    return BadQuery(f"this needs the package {package}: pip install 'vitrine[personal]'")


def _newest(history: History, window: float) -> list[int]:
    return history.items[-int(min(window, 1e6)) :]


def _row_sums(matrix: NDArray[np.float64], history: History, window: float) -> Scores:
    scores: Scores = matrix[_newest(history, window)].sum(axis=0)
    return scores
