"""Recommendations of one open shop: events in, items with reasons out."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from indexer.arrays import unit
from indexer.errors import IndexCorrupt, UnknownItem
from indexer.items import ORIGINAL, clean_id
from indexer.layout import EVENTS
from indexer.stopwatch import Stopwatch
from search.moments import moments
from search.personal.answer import read_choice
from search.personal.choice import choose_items
from search.personal.event_log import EventLog, open_if_exists
from search.personal.profile import MAX_EVENTS, profile_of
from search.personal.recommendation import Recommendations, RecommendQuery
from search.personal.sources import SourceReader
from search.personal.taste import taste_of
from search.personal.together import choose_together
from search.searcher import milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from indexer.arrays import Embedding
    from indexer.store.store import Store
    from search.live.shop import LiveShop
    from search.live.view import ShopView
    from search.personal.choice import Choice
    from search.personal.event import Event
    from search.personal.event_log import Stored
    from search.personal.event_reader import UserEvent
    from search.personal.profile import Profile


_PAGE: Final = 2_000  # events


class Replay(NamedTuple):
    """The numbers of the products of a list that was shown, -1 for one that is gone, and those of
    the list that other weights would make, best first.
    """

    shown: list[int]
    listed: list[int]


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
        model: bytes = b"",
        seal: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Events are kept below ``folder``; ``clock`` gives the seconds since 1970.

        ``live`` and ``store`` are those of the shop, and ``dim`` is that of its vectors;
        ``generation`` is a name that goes into each reply; ``model`` is the key of the encoder's
        model; ``seal`` is that of the generation, whose trained ranker is used if it has one.
        """
        self._folder = folder
        self._live = live
        self._store = store
        self._dim = dim
        self._generation = generation
        self._model = model
        self._clock = clock
        self._log: EventLog | None = None
        self._opening = threading.Lock()
        self._sources = SourceReader(folder, dim, model, self.open_log, seal=seal)

    def with_events(self, folder: Path, *, clock: Callable[[], float] = time.time) -> Recommender:
        """Return a recommender of the same shop with events below another folder."""
        return Recommender(
            folder,
            self._live,
            self._store,
            self._dim,
            generation=self._generation,
            model=self._model,
            clock=clock,
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
                    self._log = EventLog(self._folder / EVENTS, create=True)
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

    def events_after(self, user_id: str, after: bytes) -> tuple[list[UserEvent], bytes]:
        """Return the next 2,000 events of a user, the oldest first, and where the next page begins.

        b"" is the beginning, and the end: so a user of a million events takes little memory.
        """
        log = self.open_log()
        if log is None:
            return [], b""
        with log.read() as reader:
            return reader.page_of_user(clean_id(user_id), after, _PAGE)

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
        taste = taste_of(self.profile(user_id), self._sources.images(self._live.view))
        parts = [mean for kind in (taste.recent, taste.liked) if (mean := kind.mean()) is not None]
        return unit(np.sum(parts, axis=0)) if parts else None

    def recommend(self, profile: Profile, query: RecommendQuery) -> Recommendations:
        """Choose items for a profile. Raises BadQuery, and UnknownItem for the context.

        Raises IndexCorrupt if the store lacks items that its own log has.
        """

        def choose(view: ShopView) -> Choice:
            if query.context is not None:
                _check_item(query.context, view)
            return choose_items(profile, query, self._sources.read(view))

        return self._answer(query, choose, profile.events, query.style or profile.style)

    def bought_together(self, item_id: str, query: RecommendQuery) -> Recommendations:
        """Choose what goes with an item. Raises BadQuery, UnknownItem, IndexCorrupt.

        The context of the query is ignored. See ``search.personal.together``.
        """

        def choose(view: ShopView) -> Choice:
            item = _check_item(item_id, view)
            bought = self._sources.bought_with(item_id)
            return choose_together(item, query, bought, self._sources.read(view))

        return self._answer(query, choose, 0, query.style or ORIGINAL)

    def replay(
        self, user_id: str, time: float, shown: Sequence[str], weights: Mapping[str, float]
    ) -> Replay:
        """Make a list as these weights of features would have made it at a time, without chance.

        ``shown`` are the items of the list that was shown then. Only the user's own events are
        those of that time.
        """
        view = self._live.view
        numbers = view.numbers_of([clean_id(item_id) for item_id in shown])
        log = self.open_log()
        events: list[UserEvent] = []
        if log is not None:
            with log.read() as reader:
                events = reader.newest(clean_id(user_id), MAX_EVENTS, until=time)
        query = RecommendQuery(limit=max(1, len(shown)))
        sources = self._sources.read(view).without_chance()._replace(weights=weights)
        choice = choose_items(profile_of(events, time), query, sources)
        return Replay(
            np.where(numbers >= 0, view.product[numbers], -1).tolist(),
            [int(view.product[chosen.item]) for chosen in choice.chosen],
        )

    def _answer(
        self,
        query: RecommendQuery,
        choose: Callable[[ShopView], Choice],
        events: int,
        style: str,
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
            style=style,
            events=events,
            generation=self._generation,
            timings=milliseconds(stopwatch),
        )

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
