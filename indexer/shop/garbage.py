"""What a shop no longer needs: old generations, and embeddings of models that are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.shop import write_encoders
from indexer.shop.encoderfiles import delete_encoder_files
from indexer.shop.manifest import CONTENTS
from indexer.store.records import HASH_BYTES
from indexer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexer.shop.folder import ShopFolder
    from indexer.shop.shelf import Shelf
    from indexer.store.transactions import Reader

GENERATIONS_KEPT = 3  # on disk after a build: the current one, and those one may roll back to
_KEPT = "keep"  # in the store's meta: how many generations stay
_BATCH = 2000  # embeddings that one transaction deletes: writers wait no longer than that


class Garbage(msgspec.Struct, frozen=True):
    """What was deleted: generations by name, and how many embeddings and display copies.

    ``encoder_files`` counts the files of encoders that no generation is of any more.
    """

    generations: list[str]
    embeddings: int
    contents: int
    encoder_files: int


def generations_kept(reader: Reader) -> int:
    """Return how many generations this shop keeps, candidates not counted."""
    return reader.meta(_KEPT, GENERATIONS_KEPT)


def collect_garbage(shelf: Shelf, store: Store, *, keep: int | None = None) -> Garbage:
    """Delete what nobody needs. Call it with the shop's job lock held, and the job's own shelf.

    The current generation stays, and so do candidates, generations that are being read, and the
    pictures of every generation that is left: going back to its catalog encodes nothing.
    ``keep`` is how many generations stay from now on. The embeddings and files of a model are
    deleted when no generation of it is left and no migration to it is under way.
    """
    with store.read() as reader:
        so_far = generations_kept(reader)
    if keep is None:
        keep = so_far
    elif keep != so_far:
        with store.write() as writer:
            writer.put_meta(_KEPT, keep)
    deleted = delete_old_generations(shelf, keep)
    left = shelf.without(deleted)
    if left.is_readable:  # a generation that is opened again reads on from where it was built
        store.delete_changes(min(manifest.changes for manifest in left.manifests.values()))
    embeddings, files = _delete_unused_models(left, store)
    contents = generation_contents(shelf.folder)
    unused = 0 if contents is None else store.delete_unused(contents)
    return Garbage(deleted, embeddings, unused, files)


def delete_old_generations(shelf: Shelf, keep: int = GENERATIONS_KEPT) -> list[str]:
    """Delete drafts and all but the ``keep`` newest generations; return the names of the latter.

    The current one always stays, and so do candidates that have not served yet and generations
    that are being read. Call it with the shop's job lock held.
    """
    folder = shelf.folder
    folder.delete_drafts()
    shelf = shelf.with_current()  # whether a candidate has served: an operator may have moved it
    # The names are read again: what was dropped meanwhile must not count among those that stay.
    built = [
        name for name in folder.names() if name in shelf.names and not shelf.is_candidate(name)
    ]
    return [name for name in built[: -keep or None] if folder.delete(name)]


def write_contents(path: Path, contents: Sequence[bytes]) -> None:
    """Write what the images of a generation contain, 16 bytes each, in the order of its rows."""
    raw = np.frombuffer(b"".join(contents), dtype=np.uint8)
    np.save(path, raw.reshape(len(contents), HASH_BYTES), allow_pickle=False)


def generation_contents(folder: ShopFolder) -> set[bytes] | None:
    """Return the contents of the images of all generations; None where one does not list them.

    Generations of earlier versions do not, nor do damaged ones.
    """
    found: set[bytes] = set()
    for name in folder.names():
        try:
            raw = np.load(folder.generations / name / CONTENTS, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        found.update(row.tobytes() for row in raw)  # raw is (n, 16)
    return found


def _delete_unused_models(shelf: Shelf, store: Store) -> tuple[int, int]:
    """Delete the embeddings and the files of models that are not in use: how many of each."""
    if not shelf.is_readable:
        return 0, 0  # it is not known which models are in use
    with store.read() as reader:
        needed = shelf.models().union(write_encoders.read(reader))
        keys = {model.key for model in needed}
        unused = [key for key in reader.embedding_encoders() if key not in keys]
    deleted = 0
    for encoder in unused:
        more = True
        while more:
            with store.write() as writer:
                dead = writer.embedding_keys(encoder, _BATCH)
                writer.delete_keys(dead)
            deleted += len(dead)
            more = len(dead) == _BATCH
    return deleted, delete_encoder_files(shelf.folder, needed)
