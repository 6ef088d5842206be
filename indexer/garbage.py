"""What a shop no longer needs: old generations, and embeddings of models that are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from indexer.errors import VitrineError
from indexer.generation import KEEP, ShopFolder
from indexer.store import Store, encoder_key
from indexer.succession import encoders_on_disk, wanted_encoders

if TYPE_CHECKING:
    from indexer.store import Reader

_KEPT = "keep"  # in the store's meta: how many generations stay
_BATCH = 2000  # embeddings that one transaction drops: writers wait no longer than that


class Garbage(msgspec.Struct, frozen=True):
    """What was removed: generations by name, and how many embeddings and display copies."""

    generations: list[str]
    embeddings: int
    contents: int


def kept(reader: Reader) -> int:
    """How many generations this shop keeps, candidates not counted."""
    return reader.meta(_KEPT, KEEP)


def collect_garbage(shop: ShopFolder, store: Store, *, keep: int | None = None) -> Garbage:
    """Remove what nobody needs. Call it with the shop's job lock held.

    Never the current generation, a candidate, nor what somebody reads. ``keep`` is how many
    generations stay from now on. The embeddings of a model are dropped when no generation is
    left of it and no migration is under way to it.
    """
    with store.read() as reader:
        so_far = kept(reader)
    if keep is None:
        keep = so_far
    elif keep != so_far:
        with store.write() as writer:
            writer.put_meta(_KEPT, keep)
    removed = shop.tidy(keep)
    if _all_legible(shop):  # a generation that is opened again reads on from where it was built
        store.forget_changes(min(shop.manifest(name).changes for name in shop.names()))
    return Garbage(removed, _forget_models(shop, store), store.sweep())


def _forget_models(shop: ShopFolder, store: Store) -> int:
    if not _all_legible(shop):
        return 0  # it cannot be told which models are in use
    with store.read() as reader:
        needed = {encoder_key(*one) for one in encoders_on_disk(shop)}
        needed |= {encoder_key(*one) for one in wanted_encoders(reader)}
        unused = [key for key in reader.embedding_encoders() if key not in needed]
    dropped = 0
    for encoder in unused:
        more = True
        while more:
            with store.write() as writer:
                keys = writer.embedding_keys(encoder, _BATCH)
                writer.delete_keys(keys)
            dropped += len(keys)
            more = len(keys) == _BATCH
    return dropped


def _all_legible(shop: ShopFolder) -> bool:
    """Whether every manifest can be read, and there is one: a first build may be under way."""
    names = shop.names()
    try:
        for name in names:
            shop.manifest(name)
    except VitrineError:
        return False
    return bool(names)
