"""Read the data that recommendations are made from: a view of the shop, and what was learned."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from msgspec.structs import replace

from indexer.items import clean_id
from indexer.layout import RANKERS
from indexer.shop.rankers import Ranker, read_rankers
from search.filters.grammar import parse_filter
from search.personal.applied_rules import RulesApplier
from search.personal.item_factors import NO_FACTORS
from search.personal.learning import bought_with
from search.personal.lessons import Lessons
from search.personal.main_images import MainImages
from search.personal.mixer import WEIGHTS, complete, weights_of
from search.personal.moods import ReviewMoods
from search.personal.neighbors import Neighbors
from search.personal.popularity import Popularity
from search.personal.rules import rules_file
from search.personal.watched_file import WatchedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from indexer.arrays import Mask
    from search.live.view import ShopView
    from search.personal.applied_rules import AppliedRules
    from search.personal.event_log import EventLog
    from search.personal.item_factors import ItemFactors
    from search.personal.learning import Bought


_IN_STOCK: Final = parse_filter("in_stock = true")


class Sources(NamedTuple):
    """The data that recommendations are made from besides the profile, for one view of a shop.

    ``in_stock`` (items of the view,) has the items that are alive and in stock. ``popular`` (items
    of the view,) are scores in [0, 1], and ``most_popular`` the items that have
    one, best first. ``reviews`` (items of the view,) are moods in [-1, 1]. ``neighbors`` takes
    items, and returns their neighbors by what is met together and by the linear model. ``factors``
    are those of behavior. ``rng`` draws what the rules leave to chance.
    """

    view: ShopView
    images: MainImages
    in_stock: Mask
    popular: NDArray[np.float32]
    reviews: NDArray[np.float32]
    neighbors: Callable[[list[int]], tuple[Neighbors, Neighbors]]
    most_popular: NDArray[np.int64]
    factors: ItemFactors
    weights: Mapping[str, float]
    rules: AppliedRules
    rng: random.Random

    def without_chance(self) -> Sources:
        """Return the sources with rules that neither explore nor interleave."""
        rules = replace(self.rules.rules, explore=0.0, interleave=None)
        return self._replace(rules=self.rules._replace(rules=rules))


class _Popular(NamedTuple):
    """The popularity of items by id, and for one view by number: (items,) and best first (n,)."""

    view: ShopView
    scores: Mapping[str, float]
    of_items: NDArray[np.float32]
    ranked: NDArray[np.int64]


class _InStock(NamedTuple):
    """The items of a view that are alive and in stock: (items,)."""

    view: ShopView
    mask: Mask


class SourceReader:
    """Reads the sources of a shop from its log of events and its rules. Thread-safe.

    Keeps what is the same for all requests until the view or the log changes.
    """

    def __init__(
        self,
        folder: Path,
        dim: int,
        model: bytes,
        open_log: Callable[[], EventLog | None],
        *,
        seal: str = "",
    ) -> None:
        """``folder`` has the rules and the trained rankers; the log may be None.

        ``dim`` is that of the vectors, ``model`` the key of their model, ``seal`` that of the
        generation.
        """
        self._dim = dim
        self._model = model
        self._open_log = open_log
        self._rules = rules_file(folder)
        self._rankers = WatchedFile[dict[str, Ranker]](folder / RANKERS, read_rankers, {})
        self._seal = seal
        self._applier = RulesApplier()
        self._rng = random.Random()
        self._popularity = Popularity()
        self._moods = ReviewMoods(folder)
        self._lessons = Lessons(dim, model)
        self._last_popular: _Popular | None = None
        self._last_images: MainImages | None = None
        self._last_in_stock: _InStock | None = None

    def read(self, view: ShopView) -> Sources:
        """Return the sources of a view, with all events that are stored by now."""
        popular = self._popular(view)
        return Sources(
            view,
            self.images(view),
            self._in_stock(view),
            popular.of_items,
            self._moods.of_items(view),
            lambda items: self._neighbors(items, view),
            popular.ranked,
            self._factors(view),
            self._weights(),
            self._applier.apply(self._rules.current(), view),
            self._rng,
        )

    def images(self, view: ShopView) -> MainImages:
        """Return the main images of the items of a view."""
        last = self._last_images
        if last is None or last.view is not view:
            last = self._last_images = MainImages(view, self._dim)
        return last

    def _in_stock(self, view: ShopView) -> Mask:
        last = self._last_in_stock
        if last is None or last.view is not view:
            last = self._last_in_stock = _InStock(view, view.columns.mask(_IN_STOCK))
        return last.mask

    def bought_with(self, item_id: str) -> list[Bought]:
        """Return what is bought together with an item, best first."""
        log = self._open_log()
        if log is None:
            return []
        with log.read() as reader:
            return bought_with(reader, clean_id(item_id))

    def _popular(self, view: ShopView) -> _Popular:
        log = self._open_log()
        if log is not None:
            with log.read() as reader:
                self._popularity.refresh(reader)
        scores = self._popularity.scores()
        last = self._last_popular
        if last is not None and last.view is view and last.scores is scores:
            return last
        of_items = np.zeros(view.size, dtype=np.float32)
        numbers = view.numbers_of(list(scores))
        of_items[numbers[numbers >= 0]] = np.array(list(scores.values()))[numbers >= 0]
        ranked = numbers[numbers >= 0]  # scores come best first
        last = self._last_popular = _Popular(view, scores, of_items, ranked)
        return last

    def _weights(self) -> Mapping[str, float]:
        """Return the weights of this generation's ranker, or those that need no training."""
        ranker = self._rankers.current().get(self._seal)
        if ranker is not None and (trained := weights_of(ranker)):
            return trained
        log = self._open_log()  # an earlier version stored them there
        if log is None:
            return WEIGHTS
        with log.read() as reader:
            learned = reader.weights(self._model)
        return WEIGHTS if learned is None else complete(learned) or WEIGHTS

    def _neighbors(self, items: list[int], view: ShopView) -> tuple[Neighbors, Neighbors]:
        log = self._open_log()
        if log is None:
            return Neighbors({}), Neighbors({})
        with log.read() as reader:
            return self._lessons.neighbors(reader, items, view)

    def _factors(self, view: ShopView) -> ItemFactors:
        log = self._open_log()
        if log is None:
            return NO_FACTORS
        with log.read() as reader:
            return self._lessons.factors(reader, self.images(view))
