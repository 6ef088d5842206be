"""Recommendations of one open shop: events in, items with reasons out."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec.structs import asdict

from indexer.errors import IndexCorrupt, UnknownItem
from indexer.items import clean_id
from indexer.stopwatch import Stopwatch
from search.live.view import Candidate
from search.moments import moments
from search.page import make_hit
from search.personal.choice import Sources, choose_items
from search.personal.event_log import EVENTS_FOLDER, EventLog, open_if_exists
from search.personal.learning import neighbors_of
from search.personal.mixer import FEATURES, WEIGHTS
from search.personal.neighbors import Neighbors
from search.personal.popularity import Popularity
from search.personal.profile import MAX_EVENTS, profile_of
from search.personal.recommendation import Reason, Recommendation, Recommendations
from search.searcher import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from indexer.store.store import Store
    from indexer.store.transactions import Reader
    from search.live.shop import LiveShop
    from search.live.view import ShopView
    from search.personal.choice import Choice, Chosen
    from search.personal.event import Event
    from search.personal.event_log import Stored
    from search.personal.event_reader import UserEvent
    from search.personal.profile import Profile
    from search.personal.recommendation import RecommendQuery


class _Popular(NamedTuple):
    """Popularity by item id, and the same for the items of a view: (items,)."""

    view: ShopView
    scores: Mapping[str, float]
    of_view: NDArray[np.float32]


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
        self._last_popular: _Popular | None = None

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

    def recommend(self, profile: Profile, query: RecommendQuery) -> Recommendations:
        """Choose items for a profile. Raises BadQuery, and UnknownItem for the context.

        Raises IndexCorrupt if the store lacks items that its own log has.
        """
        stopwatch = Stopwatch()
        query = query.check()
        with closing(moments(self._live, self._store)) as pairs:
            for view, open_reader in pairs:
                if query.context is not None and view.number(query.context) < 0:
                    raise UnknownItem(f"no item {query.context[:80]!r} in this shop", param="item")
                choice = choose_items(profile, query, self._sources(view))
                stopwatch.lap("choose_ms")
                with open_reader() as reader:
                    items = _read(choice, query, view, reader)
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
            events=profile.events,
            generation=self._generation,
            timings=milliseconds(stopwatch),
        )

    def _sources(self, view: ShopView) -> Sources:
        return Sources(
            view,
            self._dim,
            self._popular(view),
            lambda items: self._neighbors(items, view),
            self._weights(),
        )

    def _popular(self, view: ShopView) -> NDArray[np.float32]:
        """Return the scores of all items of a view by popularity: (items,)."""
        log = self.open_log()
        if log is not None:
            with log.read() as reader:
                self._popularity.refresh(reader)
        scores = self._popularity.scores()
        last = self._last_popular
        if last is not None and last.view is view and last.scores is scores:
            return last.of_view
        of_view = np.zeros(view.size, dtype=np.float32)
        for item_id, score in scores.items():
            if (number := view.number(item_id)) >= 0:
                of_view[number] = score
        self._last_popular = _Popular(view, scores, of_view)
        return of_view

    def _weights(self) -> Mapping[str, float]:
        """Return the weights learned for this shop, or those that need no training."""
        log = self.open_log()
        if log is None:
            return WEIGHTS
        with log.read() as reader:
            learned = reader.weights()
        # Weights of an earlier version may lack a feature.
        return learned if learned is not None and set(learned) == set(FEATURES) else WEIGHTS

    def _neighbors(self, items: list[int], view: ShopView) -> Neighbors:
        log = self.open_log()
        if log is None:
            return Neighbors({})
        with log.read() as reader:
            pairs = [(item, neighbors_of(reader, view.ids[item])) for item in items]
        return Neighbors.of(pairs, view)

    def open_log(self) -> EventLog | None:
        """Return the log; None as long as no process has stored an event."""
        if self._log is None:
            with self._opening:
                if self._log is None:
                    self._log = open_if_exists(self._folder)
        return self._log


def _read(
    choice: Choice, query: RecommendQuery, view: ShopView, reader: Reader
) -> list[Recommendation] | None:
    changed = reader.changes_since(view.sequence)
    items: list[Recommendation] = []
    images = view.images_of([chosen.row for chosen in choice.chosen])
    for chosen, image in zip(choice.chosen, images, strict=True):
        item_id = view.ids[chosen.item]
        record = reader.item(item_id)
        if record is None or changed is None or item_id in changed:
            return None
        hit = make_hit(Candidate(chosen.item, chosen.row, chosen.score), image, record, [])
        items.append(
            Recommendation(
                **asdict(hit),
                reason=_reason(chosen, view, reader),
                contributions=chosen.contributions if query.explain else None,
            )
        )
    return items


def _reason(chosen: Chosen, view: ShopView, reader: Reader) -> Reason:
    if chosen.grounds.item < 0:
        return Reason(chosen.grounds.code)
    item_id = view.ids[chosen.grounds.item]
    record = reader.item(item_id)
    return Reason(chosen.grounds.code, item_id, record.item.title if record else "")
