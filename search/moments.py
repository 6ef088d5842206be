"""Pair a view of a shop with the store in the same state, for answers that need both."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from contextlib import AbstractContextManager

    from indexer.store.store import Store
    from indexer.store.transactions import Reader
    from search.live.shop import LiveShop
    from search.live.view import ShopView

    OpenReader: TypeAlias = Callable[[], AbstractContextManager[Reader]]

_ATTEMPTS: Final = 4  # before writes are blocked: each fails if a write changes a shown item


def moments(live: LiveShop, store: Store) -> Generator[tuple[ShopView, OpenReader]]:
    """Yield the newest view with a function that opens the store, until the caller stops.

    The store may change between the two; the caller then takes the next pair. In the last pair,
    view and store are in the same state. This costs an open reader, which keeps the store from
    reusing its pages, so the first pairs do without.
    """
    live.catch_up()
    for _ in range(_ATTEMPTS):
        yield live.view, store.read
        live.refresh()
    with live.moment() as (view, reader):
        yield view, lambda: nullcontext(reader)
