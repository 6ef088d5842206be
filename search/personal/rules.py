"""The rules of a shop for recommendations: boosts, pins, floors, exploration, interleaving.

The rules are in ``recommend.json`` of the shop's folder::

    {
      "boosts": [{"filter": "brand = Acme", "add": 0.3}],
      "pins": [{"item_id": "mug-1", "place": 0}],
      "floors": [{"filter": "brand = Small", "share": 0.2}],
      "explore": 0.1,
      "interleave": {"popular": 0.5}
    }

``boosts`` add to the scores of the items that pass the filter. ``pins`` have a place of their own,
from 0. A floor is the share of the places that items with its filter get at least, if there are so
many. ``explore`` is the share of the places, after the first, whose item is drawn at random.
``interleave`` are weights of a second ranker, which shares the list with the first.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Final

import msgspec

from indexer.errors import BadQuery
from indexer.jsonbytes import decode_json_as
from indexer.layout import RULES
from search.filters.grammar import parse_filter
from search.personal.mixer import FEATURES
from search.personal.watched_file import WatchedFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_MOST: Final = 100  # rules of each kind: every filter costs time in each request
_MAX_PLACE: Final = 1000
_MAX_ADDED: Final = 100.0
_MAX_WEIGHT: Final = 1e6
_MAX_BYTES: Final = 1_000_000


class Boost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is added to the scores of the items that pass a filter; it may be negative."""

    filter: str
    add: float


class Pin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An item with a place of its own, from 0."""

    item_id: str
    place: int


class Floor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The least share of the places for items that pass a filter, in [0, 1]."""

    filter: str
    share: float


class Rules(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of a shop; without any, the scores alone decide."""

    boosts: list[Boost] = []
    pins: list[Pin] = []
    floors: list[Floor] = []
    explore: float = 0.0
    interleave: dict[str, float] | None = None

    def check(self) -> Rules:
        """Return the rules themselves. Raises BadQuery, naming what is wrong."""
        for kind, entries in (
            ("boosts", self.boosts), ("pins", self.pins), ("floors", self.floors)
        ):  # fmt: skip
            if len(entries) > _MOST:
                raise BadQuery(f"{kind} has {len(entries)} rules, at most {_MOST} are allowed")
        for boost in self.boosts:
            parse_filter(boost.filter)
            if not -_MAX_ADDED <= boost.add <= _MAX_ADDED:
                raise BadQuery(f"a boost adds -{_MAX_ADDED:g} to {_MAX_ADDED:g}, got {boost.add}")
        for pin in self.pins:
            if not 0 <= pin.place < _MAX_PLACE:
                raise BadQuery(f"a pin's place is from 0 to {_MAX_PLACE - 1}, got {pin.place}")
        for floor in self.floors:
            parse_filter(floor.filter)
        if sum(floor.share for floor in self.floors) > 1 or any(
            not 0 <= floor.share <= 1 for floor in self.floors
        ):
            raise BadQuery("the shares of floors must be from 0 to 1, and at most 1 in sum")
        if not 0 <= self.explore <= 1:
            raise BadQuery(f"explore must be from 0 to 1, got {self.explore}")
        check_weights(self.interleave or {})
        return self


def rules_file(shop: Path) -> WatchedFile[Rules]:
    """Return the rules of a shop's folder, which may have none."""
    return WatchedFile(shop / RULES, read_rules, Rules())


def check_weights(weights: Mapping[str, float]) -> None:
    """Raise BadQuery if weights are of unknown features, or out of range."""
    unknown = sorted(set(weights) - set(FEATURES))
    if unknown:
        raise BadQuery(
            f"weights are of features, which are {', '.join(FEATURES)}; got {unknown[0][:40]!r}",
            param="weights",
        )
    if any(abs(weight) > _MAX_WEIGHT for weight in weights.values()):
        raise BadQuery(
            f"weights are from -{_MAX_WEIGHT:g} to {_MAX_WEIGHT:g}, got {max(weights.values())}",
            param="weights",
        )


def read_weights(path: Path) -> dict[str, float]:
    """Read weights of all features from a JSON file; those that it lacks are 0. Raises BadQuery."""
    try:
        given = decode_json_as(_read(path), dict[str, float])
        check_weights(given)
    except (OSError, msgspec.MsgspecError, BadQuery) as error:
        raise BadQuery(f"{path}: {error}", param="weights") from None
    return dict.fromkeys(FEATURES, 0.0) | given


def read_rules(path: Path) -> Rules:
    """Read rules from a file. Raises BadQuery, naming the file and what is wrong."""
    try:
        return decode_json_as(_read(path), Rules).check()
    except (OSError, msgspec.MsgspecError, BadQuery) as error:
        raise BadQuery(f"{path}: {error}", param="rules") from None


def _read(path: Path) -> bytes:
    """Return the bytes of a file. Raises OSError, and BadQuery for what is no file or too long."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # reading a pipe may never end
        raise BadQuery("not a regular file")
    if status.st_size > _MAX_BYTES:
        raise BadQuery(f"{status.st_size} bytes, at most {_MAX_BYTES} are allowed")
    return path.read_bytes()
