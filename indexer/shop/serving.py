"""Which generation stands for a shop: the current one, or what serves where CURRENT cannot tell."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from indexer.errors import IndexCorrupt, IndexMismatch, IndexNotFound, VitrineError
from indexer.store.store import Store
from indexer.shop.promotion import wanted_encoders

if TYPE_CHECKING:
    from indexer.shop.generation import Manifest, ShopFolder

logger = logging.getLogger("vitrine.indexer")


def serving_order(shop: ShopFolder) -> list[str]:
    """The generations that may serve: the current one, then what served before, the latest first.

    After a rollback none that is newer than the current one. Where CURRENT is damaged or gone,
    those of the model that the store was last served by, newest first, then the others.
    IndexNotFound when nothing was built here, IndexCorrupt when nothing is left of it.
    """
    names = shop.names()
    try:
        served = shop.served()
    except IndexCorrupt as error:
        if not names:
            raise
        logger.warning("%s; the newest generation that is whole stands for it", error)
        return _by_the_store(shop, names[::-1])
    before = [name for name in served[1:] if name in names]
    older = [name for name in reversed(names) if name < served[0] and name not in before]
    return [served[0], *before, *older]


def serving_name(shop: ShopFolder) -> str | None:
    """The name that CURRENT gives; None where it is damaged or gone, or nothing was built."""
    try:
        return shop.current()
    except (IndexNotFound, IndexCorrupt):
        return None


def standing_generation(shop: ShopFolder) -> tuple[str, Manifest] | None:
    """The first generation of the serving order whose manifest can be read, else the newest.

    None when nothing was built here, or nothing of it can be read.
    """
    try:
        names = serving_order(shop)
    except (IndexNotFound, IndexCorrupt):
        names = []
    for name in dict.fromkeys([*names, *reversed(shop.names())]):
        with suppress(IndexNotFound, IndexCorrupt):
            return name, shop.manifest(name)
    return None


def legible_manifest(shop: ShopFolder, names: list[str]) -> Manifest:
    """The first of these generations' manifests that can be read; if none, what is wrong."""
    first_error: IndexCorrupt | IndexNotFound | None = None
    for name in names:
        try:
            return shop.manifest(name)
        except (IndexCorrupt, IndexNotFound) as error:
            first_error = first_error or error
    raise first_error or IndexNotFound(f"{shop.path} has no generation")


def _by_the_store(shop: ShopFolder, names: list[str]) -> list[str]:
    """These generations, those of the serving model first: a newer one may wait as a candidate.

    The store names the serving model first among its encoders, or none where there was but one.
    """
    first: tuple[str, str] | None = None
    with suppress(VitrineError):
        store = Store(shop.store)
        try:
            with store.read() as reader:
                first = next(iter(wanted_encoders(reader)), None)
        finally:
            store.close()

    def is_other(name: str) -> bool:
        with suppress(IndexNotFound, IndexCorrupt, IndexMismatch):
            manifest = shop.manifest(name)
            return first is not None and (manifest.encoder, manifest.weights_hash) != first
        return True

    return sorted(names, key=is_other)  # keeps the order within each
