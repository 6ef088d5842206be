"""Recommendations of one open shop: events in, items with reasons out."""

from __future__ import annotations

import random
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.arrays import unit
from indexer.errors import IndexCorrupt, UnknownItem
from indexer.items import clean_id
from indexer.stopwatch import Stopwatch
from search.moments import moments
from search.personal.answer import read_choice
from search.personal.choice import Sources, choose_items
from search.personal.event_log import EVENTS_FOLDER, EventLog, open_if_exists
from search.personal.learning import bought_with
from search.personal.lessons import Lessons
from search.personal.main_images import MainImages
from search.personal.mixer import FEATURES, WEIGHTS
from search.personal.neighbors import Neighbors
from search.personal.popularity import Popularity
from search.personal.profile import MAX_EVENTS, profile_of
from search.personal.recommendation import Recommendations
from search.personal.rules import RulesFile
from search.personal.taste import taste_of
from search.personal.together import choose_together
from search.searcher import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from indexer.arrays import Embedding, Mask
    from indexer.store.store import Store
    from search.live.shop import LiveShop
    from search.live.view import ShopView
    from search.personal.choice import Choice
    from search.personal.event import Event
    from search.personal.event_log import Stored
    from search.personal.event_reader import UserEvent
    from search.personal.learning import Bought
    from search.personal.profile import Profile
    from search.personal.recommendation import RecommendQuery


class _Popular(NamedTuple):
    """Popularity by item id, the same for the items of a view (items,), and those by rank (n,)."""

    view: ShopView
    scores: Mapping[str, float]
    of_view: NDArray[np.float32]
    ranked: NDArray[np.int64]


class Recommender:
    """The events of a shop and the recommendations made from them. Thread-safe; close it.

    Every request reads the user's events from disk, so an event that was acknowledged, by this
    process or another, is in the next answer.
    """

    def __init__(
        self,
        folder: Path,
        live: LiveShop,
        store: Store,
        dim: int,
        *,
        generation: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Events are kept below ``folder``; ``clock`` gives the seconds since 1970.

        ``live`` and ``store`` are those of the shop, and ``dim`` is that of its vectors;
        ``generation`` is a name that goes into each reply.
        """
        self._folder = folder
        self._live = live
        self._store = store
        self._dim = dim
        self._generation = generation
        self._clock = clock
        self._log: EventLog | None = None
        self._opening = threading.Lock()
        self._popularity = Popularity()
        self._lessons = Lessons(dim)
        self._rules = RulesFile(folder)
        self._rng = random.Random()
        self._last_popular: _Popular | None = None
        self._last_images: MainImages | None = None

    def with_events(self, folder: Path, *, clock: Callable[[], float] = time.time) -> Recommender:
        """Return a recommender of the same shop with events below another folder."""
        return Recommender(
            folder, self._live, self._store, self._dim, generation=self._generation, clock=clock
        )

    def close(self) -> None:
        """Close the log of events."""
        with self._opening:
            if self._log is not None:
                self._log.close()
                self._log = None

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return self._clock()

    def add(self, events: Sequence[Event]) -> list[Stored]:
        """Store events; all are on disk when this returns. StoreFull."""
        log = self.open_log()
        if log is None:
            with self._opening:
                if self._log is None:
                    self._log = EventLog(self._folder / EVENTS_FOLDER, create=True)
                log = self._log
        return log.add(events)

    def events_of(self, user_id: str) -> list[UserEvent]:
        """Return all events of a user, the oldest first; [] for an unknown user."""
        user_id = clean_id(user_id)
        log = self.open_log()
        if log is None:
            return []
        with log.read() as reader:
            return list(reader.of_user(user_id))

    def forget(self, user_id: str) -> int:
        """Delete all events of a user; return how many there were."""
        user_id = clean_id(user_id)
        log = self.open_log()
        return 0 if log is None else log.delete_user(user_id)

    def profile(self, user_id: str) -> Profile:
        """Return the profile of a user as of now; empty for an unknown user."""
        user_id = clean_id(user_id)
        log = self.open_log()
        if log is None:
            return profile_of([], self._clock())
        with log.read() as reader:
            events = reader.newest(user_id, MAX_EVENTS)
            hidden = reader.hidden(user_id)
        return profile_of(events, self._clock(), hidden)

    def direction(self, user_id: str) -> Embedding | None:
        """Return the direction (dim,) of what a user likes, as a unit vector.

        The newest and the liked items count alike. None if nothing is known of the user.
        """
        taste = taste_of(self.profile(user_id), self._images(self._live.view))
        parts = [mean for kind in (taste.recent, taste.liked) if (mean := kind.mean()) is not None]
        return unit(np.sum(parts, axis=0)) if parts else None

    def recommend(self, profile: Profile, query: RecommendQuery) -> Recommendations:
        """Choose items for a profile. Raises BadQuery, and UnknownItem for the context.

        Raises IndexCorrupt if the store lacks items that its own log has.
        """

        def choose(view: ShopView) -> Choice:
            if query.context is not None:
                _check_item(query.context, view)
            return choose_items(profile, query, self._sources(view))

        return self._answer(query, choose, profile.events)

    def bought_together(self, item_id: str, query: RecommendQuery) -> Recommendations:
        """Choose what goes with an item. Raises BadQuery, UnknownItem, IndexCorrupt.

        The context of the query is ignored. See ``search.personal.together``.
        """

        def choose(view: ShopView) -> Choice:
            item = _check_item(item_id, view)
            return choose_together(item, query, self._bought_with(item_id), self._sources(view))

        return self._answer(query, choose, 0)

    def _answer(
        self, query: RecommendQuery, choose: Callable[[ShopView], Choice], events: int
    ) -> Recommendations:
        stopwatch = Stopwatch()
        query = query.check()
        with closing(moments(self._live, self._store)) as pairs:
            for view, open_reader in pairs:
                choice = choose(view)
                stopwatch.lap("choose_ms")
                with open_reader() as reader:
                    items = read_choice(choice, query, view, reader)
                if items is not None:
                    break
            else:
                raise IndexCorrupt(
                    f"{self._store.path} lacks some items; run 'vitrine check --shop "
                    f"{self._store.shop}' to see what is wrong"
                )
        stopwatch.lap("fields_ms")
        return Recommendations(
            items=items,
            fallback=choice.fallback,
            events=events,
            generation=self._generation,
            timings=milliseconds(stopwatch),
        )

    def _sources(self, view: ShopView) -> Sources:
        popular = self._popular(view)
        return Sources(
            view,
            self._images(view),
            popular.of_view,
            lambda items: self._neighbors(items, view),
            popular.ranked,
            lambda met, allowed, most: self._newcomers(met, allowed, most, view),
            self._weights(),
            self._rules.current(),
            self._rng,
        )

    def _images(self, view: ShopView) -> MainImages:
        last = self._last_images
        if last is None or last.view is not view:
            last = self._last_images = MainImages(view, self._dim)
        return last

    def _popular(self, view: ShopView) -> _Popular:
        """Return the scores of all items of a view by popularity."""
        log = self.open_log()
        if log is not None:
            with log.read() as reader:
                self._popularity.refresh(reader)
        scores = self._popularity.scores()
        last = self._last_popular
        if last is not None and last.view is view and last.scores is scores:
            return last
        of_view = np.zeros(view.size, dtype=np.float32)
        for item_id, score in scores.items():
            if (number := view.number(item_id)) >= 0:
                of_view[number] = score
        some = np.flatnonzero(of_view > 0)
        ranked = some[np.argsort(-of_view[some], kind="stable")]
        last = self._last_popular = _Popular(view, scores, of_view, ranked)
        return last

    def _weights(self) -> Mapping[str, float]:
        """Return the weights learned for this shop, or those that need no training."""
        log = self.open_log()
        if log is None:
            return WEIGHTS
        with log.read() as reader:
            learned = reader.weights()
        # Weights of an earlier version may lack a feature.
        return learned if learned is not None and set(learned) == set(FEATURES) else WEIGHTS

    def _neighbors(self, items: list[int], view: ShopView) -> tuple[Neighbors, Neighbors]:
        log = self.open_log()
        if log is None:
            return Neighbors({}), Neighbors({})
        with log.read() as reader:
            return self._lessons.neighbors(reader, items, view)

    def _newcomers(
        self, met: NDArray[np.int64], allowed: Mask, most: int, view: ShopView
    ) -> NDArray[np.int64]:
        log = self.open_log()
        nobody = np.zeros(0, dtype=np.int64)
        if log is None:
            return nobody
        with log.read() as reader:
            user = self._lessons.user_factors(reader, met, self._images(view))
            found = None if user is None else self._lessons.newcomers(reader, self._images(view))
        return nobody if found is None or user is None else found.ranked(user, allowed, most)

    def _bought_with(self, item_id: str) -> list[Bought]:
        log = self.open_log()
        if log is None:
            return []
        with log.read() as reader:
            return bought_with(reader, clean_id(item_id))

    def open_log(self) -> EventLog | None:
        """Return the log; None as long as no process has stored an event."""
        if self._log is None:
            with self._opening:
                if self._log is None:
                    self._log = open_if_exists(self._folder)
        return self._log


def _check_item(item_id: str, view: ShopView) -> int:
    """Return the number of an item of the view. Raises UnknownItem."""
    number = view.number(item_id)
    if number < 0:
        raise UnknownItem(f"no item {item_id[:80]!r} in this shop", param="item")
    return number
