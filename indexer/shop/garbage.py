"""What a shop no longer needs: old generations, and embeddings of models that are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.shop.encoderfiles import forget_encoders
from indexer.errors import VitrineError
from indexer.shop.generation import CONTENTS, KEEP, ShopFolder
from indexer.store.records import encoder_key
from indexer.store.store import Store
from indexer.store.records import HASH_BYTES
from indexer.shop.promotion import encoders_on_disk, wanted_encoders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexer.store.transactions import Reader

_KEPT = "keep"  # in the store's meta: how many generations stay
_BATCH = 2000  # embeddings that one transaction drops: writers wait no longer than that


class Garbage(msgspec.Struct, frozen=True):
    """What was removed: generations by name, and how many embeddings and display copies.

    ``encoder_files`` counts the files of encoders that no generation is of any more.
    """

    generations: list[str]
    embeddings: int
    contents: int
    encoder_files: int


def kept(reader: Reader) -> int:
    """How many generations this shop keeps, candidates not counted."""
    return reader.meta(_KEPT, KEEP)


def collect_garbage(shop: ShopFolder, store: Store, *, keep: int | None = None) -> Garbage:
    """Remove what nobody needs. Call it with the shop's job lock held.

    Never the current generation, a candidate, nor what somebody reads; nor a picture that one of
    the generations left has: who goes back to its catalog encodes nothing. ``keep`` is how many
    generations stay from now on. The embeddings and files of a model are dropped when no
    generation is left of it and no migration is under way to it.
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
    embeddings, files = _forget_models(shop, store)
    contents = kept_contents(shop)
    swept = 0 if contents is None else store.sweep(contents)
    return Garbage(removed, embeddings, swept, files)


def write_contents(path: Path, contents: Sequence[bytes]) -> None:
    """Write what the images of a generation contain, 16 bytes each, in the order of its rows."""
    raw = np.frombuffer(b"".join(contents), dtype=np.uint8)
    np.save(path, raw.reshape(len(contents), HASH_BYTES), allow_pickle=False)


def kept_contents(shop: ShopFolder) -> set[bytes] | None:
    """What the images of all generations contain; None where one of them does not say.

    Generations of earlier versions do not, nor do damaged ones.
    """
    found: set[bytes] = set()
    for name in shop.names():
        try:
            raw = np.load(shop.generations / name / CONTENTS, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        found.update(row.tobytes() for row in raw)  # raw is (n, 16)
    return found


def _forget_models(shop: ShopFolder, store: Store) -> tuple[int, int]:
    """Drop the embeddings and the files of models that are not in use: how many of each."""
    if not _all_legible(shop):
        return 0, 0  # it cannot be told which models are in use
    with store.read() as reader:
        needed = encoders_on_disk(shop).union(wanted_encoders(reader))
        keys = {encoder_key(*one) for one in needed}
        unused = [key for key in reader.embedding_encoders() if key not in keys]
    dropped = 0
    for encoder in unused:
        more = True
        while more:
            with store.write() as writer:
                dead = writer.embedding_keys(encoder, _BATCH)
                writer.delete_keys(dead)
            dropped += len(dead)
            more = len(dead) == _BATCH
    return dropped, forget_encoders(shop, needed)


def _all_legible(shop: ShopFolder) -> bool:
    """Whether every manifest can be read, and there is one: a first build may be under way."""
    names = shop.names()
    try:
        for name in names:
            shop.manifest(name)
    except VitrineError:
        return False
    return bool(names)
