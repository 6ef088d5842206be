"""Words such as "not" and "ohne": what follows them is excluded, as after a minus."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.words.typed import Typed

_NEGATIONS = frozenset(
    {
        *("not", "non", "without", "ohne", "nicht", "sans", "sin", "zonder", "niet", "senza"),
        *("sem", "utan", "uden", "uten", "ilman", "bez", "без", "inte", "ikke"),
    }
)


def negated(typed: Typed, finds: Callable[[list[str]], bool]) -> Typed:
    """Exclude what follows a word such as "not", if no item has both as neighbors.

    Shops sell what is "without sleeves", or "sugar free". ``finds`` returns True if an item has one
    of some words or phrases.
    """
    units = list(typed.units)
    excluded = list(typed.excluded)
    at = 0
    while at + 1 < len(units):
        word, named = units[at].text, " ".join(units[at + 1].words)
        if word not in _NEGATIONS or finds([f"{word} {named}"]):
            at += 1
        elif finds([f"{named} free"]):
            del units[at]
        else:
            excluded.append(units[at + 1])
            del units[at : at + 2]
    return typed._replace(units=units, excluded=excluded)
