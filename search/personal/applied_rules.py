"""The rules of a shop, evaluated over the items of one view, so that requests need not do it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from indexer.errors import BadQuery
from search.filters.grammar import parse_filter
from search.personal.rules import Rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Mask
    from search.live.view import ShopView
    from search.personal.rules import Boost, Floor

logger = logging.getLogger("vitrine.search")

_PER_FLOOR: Final = 100  # candidates


class AppliedFloor(NamedTuple):
    """The items of a view that pass the filter of a floor: (items,), and their least share."""

    mask: Mask
    share: float


class AppliedRules(NamedTuple):
    """Rules over the items of a view.

    ``added`` (items,) is what the boosts add to scores; None if there are none. ``pins`` are pairs
    of a place and an item's number, without items that the view lacks.
    """

    rules: Rules
    added: NDArray[np.float32] | None
    pins: list[tuple[int, int]]
    floors: list[AppliedFloor]

    def boosts_of(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return what the rules add to the scores of items: (n,)."""
        if self.added is None:
            return np.zeros(len(items), dtype=np.float32)
        boosts: NDArray[np.float32] = self.added[items]
        return boosts

    def wanted(self, allowed: Mask) -> NDArray[np.int64]:
        """Return the allowed items that pins and floors need among the candidates: (n,)."""
        found = [np.array([item for _, item in self.pins if allowed[item]], dtype=np.int64)]
        found.extend(np.flatnonzero(allowed & floor.mask)[:_PER_FLOOR] for floor in self.floors)
        return np.unique(np.concatenate(found))


NO_RULES: Final = AppliedRules(Rules(), None, [], [])


class RulesApplier:
    """Applies rules to views. Keeps the last result. Thread-safe.

    A rule whose filter does not fit the shop, such as one of a field that no item has, is left out,
    and the log names it once.
    """

    def __init__(self) -> None:
        self._last: tuple[ShopView, Rules, AppliedRules] | None = None
        self._logged: set[str] = set()

    def apply(self, rules: Rules, view: ShopView) -> AppliedRules:
        """Return the rules, evaluated over a view."""
        last = self._last
        if last is not None and last[0] is view and last[1] is rules:
            return last[2]
        added = None
        for boost in rules.boosts:
            if (mask := self._mask(boost, view)) is not None:
                added = np.zeros(view.size, dtype=np.float32) if added is None else added
                added += np.float32(boost.add) * mask
        pinned = [(pin.place, view.number(pin.item_id)) for pin in rules.pins]
        applied = AppliedRules(
            rules,
            added,
            [(place, item) for place, item in pinned if item >= 0],
            [
                AppliedFloor(mask, floor.share)
                for floor in rules.floors
                if (mask := self._mask(floor, view)) is not None
            ],
        )
        self._last = (view, rules, applied)
        return applied

    def _mask(self, rule: Boost | Floor, view: ShopView) -> Mask | None:
        """Return the items that pass the filter of a rule; None if it does not fit the shop."""
        try:
            return view.columns.mask(parse_filter(rule.filter))
        except BadQuery as error:
            if rule.filter not in self._logged:
                self._logged.add(rule.filter)
                logger.warning(
                    "a rule of recommend.json is left out: its filter %.80r does not fit this "
                    "shop: %s",
                    rule.filter,
                    error,
                )
            return None
