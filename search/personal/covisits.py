"""Learn which items are met together, from the order in which users met them.

Two items count as met together if a user met them within ``WINDOW`` steps of each other, and the
more the fewer steps lie between them::

    strength(a, b) = sum over users of 1 / sqrt(steps) / (sqrt(users(a) users(b)) + SHRINK)

That is the cosine of item-based collaborative filtering (Sarwar et al., 2001), shrunk for items of
few users, with pairs weighted by their distance in the session.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

WINDOW: Final = 10  # steps
SHRINK: Final = 20.0
KEPT: Final = 100  # neighbors of an item
_PAIRS_AT_ONCE: Final = 4_000_000


class Visits(NamedTuple):
    """The items that users met, ordered by user, then by time: (n,) each.

    Items and users are numbers from 0.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]


class Covisits(NamedTuple):
    """Pairs of different items, ordered by the first, then by falling strength: (p,) each.

    ``support`` is how many users met both within the window.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    strength: NDArray[np.float32]
    support: NDArray[np.int64]

    def by_item(self) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float32]]]:
        """Yield each item that has neighbors, with them and their strengths."""
        bounds = np.flatnonzero(np.diff(self.first, prepend=-1, append=-1)).tolist()
        for start, end in pairwise(bounds):
            yield int(self.first[start]), self.second[start:end], self.strength[start:end]


def learn_covisits(visits: Visits, items: int, *, min_users: int = 1) -> Covisits:
    """Return the strongest ``KEPT`` neighbors of each item, both ways.

    ``items`` is how many items there are. Pairs of fewer than ``min_users`` users are left out. A
    user who meets an item again in a row counts as meeting it once.
    """
    users, sequence = _without_repeats(visits)
    taken = _distinct_users(users, sequence, items)
    codes, sums, support = _sum_pairs(users, sequence, items)
    first, second = codes // items, codes % items
    strength = sums / (np.sqrt(taken[first] * taken[second]) + SHRINK)
    enough = support >= min_users
    first, second = first[enough], second[enough]
    strength, support = strength[enough], support[enough]
    # Both ways, each item's neighbors by falling strength; equal ones by number.
    left, right = np.concatenate([first, second]), np.concatenate([second, first])
    both, count = np.concatenate([strength, strength]), np.concatenate([support, support])
    order = np.lexsort((right, -both, left))
    left, right, both, count = left[order], right[order], both[order], count[order]
    starts = np.searchsorted(left, left)  # where the neighbors of each pair's first item begin
    kept = np.arange(len(left)) - starts < KEPT
    return Covisits(left[kept], right[kept], both[kept].astype(np.float32), count[kept])


def _without_repeats(visits: Visits) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    users, items = visits
    if not len(items):
        return users, items
    is_new = np.ones(len(items), dtype=np.bool_)
    is_new[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
    return users[is_new], items[is_new]


def _distinct_users(
    users: NDArray[np.int64], sequence: NDArray[np.int64], items: int
) -> NDArray[np.float64]:
    """Return how many users met each item: (items,)."""
    pairs = np.unique(users * items + sequence)
    return np.bincount(pairs % items, minlength=items).astype(np.float64)


class _Sums(NamedTuple):
    """Pairs as ``smaller * items + larger``, ascending, their sums and numbers of users: (p,)."""

    codes: NDArray[np.int64]
    sums: NDArray[np.float64]
    users: NDArray[np.int64]

    def plus(self, more: _Sums) -> _Sums:
        """Return the sums over both, of different users."""
        codes, inverse = np.unique(np.concatenate([self.codes, more.codes]), return_inverse=True)
        sums = np.bincount(inverse, np.concatenate([self.sums, more.sums]), len(codes))
        users = np.bincount(inverse, np.concatenate([self.users, more.users]), len(codes))
        return _Sums(codes, sums.astype(np.float64), users.astype(np.int64))


def _sum_pairs(users: NDArray[np.int64], sequence: NDArray[np.int64], items: int) -> _Sums:
    """Sum all pairs, some millions at a time; those of one user are never split."""
    total = _Sums(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.int64))
    bounds = np.flatnonzero(np.diff(users, prepend=-1, append=-1)).tolist()  # of each user's items
    most = _PAIRS_AT_ONCE // WINDOW
    start = 0
    while start < len(bounds) - 1:
        end = start + 1
        while end < len(bounds) - 1 and bounds[end + 1] - bounds[start] <= most:
            end += 1
        part = slice(bounds[start], bounds[end])
        total = total.plus(_pairs_of(users[part], sequence[part], items))
        start = end
    return total


def _pairs_of(users: NDArray[np.int64], sequence: NDArray[np.int64], items: int) -> _Sums:
    codes, weights, owners = [], [], []
    for steps in range(1, WINDOW + 1):
        left, right = sequence[:-steps], sequence[steps:]
        same = (users[:-steps] == users[steps:]) & (left != right)
        left, right = left[same], right[same]
        codes.append(np.minimum(left, right) * items + np.maximum(left, right))
        weights.append(np.full(len(left), 1 / np.sqrt(steps)))
        owners.append(users[:-steps][same])
    code, weight, owner = (np.concatenate(lists) for lists in (codes, weights, owners))
    # A user adds a pair once, at its closest: going back and forth proves no more than going once.
    order = np.lexsort((-weight, owner, code))
    code, weight, owner = code[order], weight[order], owner[order]
    is_first = np.ones(len(code), dtype=np.bool_)
    is_first[1:] = (code[1:] != code[:-1]) | (owner[1:] != owner[:-1])
    distinct, inverse, users_of = np.unique(code[is_first], return_inverse=True, return_counts=True)
    sums = np.bincount(inverse, weight[is_first], len(distinct))
    return _Sums(distinct, sums.astype(np.float64), users_of.astype(np.int64))
