"""What could be recommended at logged events, and which of it the user took."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from indexer.errors import BadQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from search.personal.mixer import Features
    from search.quality.baselines import History
    from search.quality.interactions import Interactions


class LoggedLists(NamedTuple):
    """The candidates at each of n events, one list after another, the item that was taken first.

    ``features`` (r, features) are those of all lists, ``sizes`` (n,) how many rows each list has.
    ``of_targets`` (n,) are the places of the events among the targets: those whose item was no
    candidate have no list, as no weights could have shown it.
    """

    features: Features
    sizes: NDArray[np.int64]
    of_targets: NDArray[np.int64]

    @property
    def starts(self) -> NDArray[np.int64]:
        """The first row of each list (n,)."""
        return np.cumsum(self.sizes) - self.sizes

    def ranks(self, scores: NDArray[np.floating]) -> NDArray[np.int64]:
        """Return the rank from 0 of what was taken in each list (n,), by scores of all rows (r,).

        Half of the items with an equal score count as better, so that ties gain nothing.
        """
        own = np.repeat(scores[self.starts], self.sizes)
        above = np.add.reduceat(scores > own, self.starts, dtype=np.int64)
        equal = np.add.reduceat(scores == own, self.starts, dtype=np.int64) - 1
        ranks: NDArray[np.int64] = above + equal // 2
        return ranks

    def split(self, at: int) -> tuple[LoggedLists, LoggedLists]:
        """Return the first ``at`` lists, and the others."""
        row = int(self.sizes[:at].sum())
        return (
            LoggedLists(self.features[:row], self.sizes[:at], self.of_targets[:at]),
            LoggedLists(self.features[row:], self.sizes[at:], self.of_targets[at:]),
        )

    def tables(self) -> Iterator[Features]:
        """Yield the features of each list."""
        yield from np.split(self.features, self.starts[1:])


def lists_of(
    choices: Callable[[History, int], Features],
    log: Interactions,
    histories: Iterable[tuple[int, History]],
    count: Callable[[int], None] = lambda _: None,
) -> LoggedLists:
    """Return the lists at events, each given with its user's history before it.

    ``choices`` returns those at one event, given the item that was taken, see ``Mixer.choices``.
    ``count`` is called with how many events are done.
    """
    tables, places = [], []
    for place, (number, history) in enumerate(histories):
        found = choices(history, int(log.items[number]))
        if len(found) > 1:
            tables.append(found)
            places.append(place)
        count(place + 1)
    if not tables:
        raise BadQuery("no event of the validation can be predicted", param="events")
    return LoggedLists(
        np.concatenate(tables),
        np.array([len(table) for table in tables], dtype=np.int64),
        np.array(places, dtype=np.int64),
    )
