"""Delete what a shop no longer needs: old generations, embeddings and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from indexer.shop import write_encoders
from indexer.shop.encoderfiles import delete_encoder_files
from indexer.shop.manifest import CONTENTS
from indexer.shop.styles import indexed_styles
from indexer.store.records import HASH_BYTES
from indexer.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from indexer.shop.folder import ShopFolder
    from indexer.shop.shelf import Shelf
    from indexer.store.transactions import Reader

GENERATIONS_KEPT = 3  # by default: the current one, and two to roll back to
_KEPT = "keep"  # in the store's meta: the number of generations to keep
_BATCH = 2000  # embeddings deleted per transaction, so that writers do not wait long


class Garbage(msgspec.Struct, frozen=True):
    """The garbage that was deleted.

    ``generations`` are names. ``embeddings`` counts those of unused models, ``contents`` the other
    embeddings and pictures, and ``encoder_files`` the files of unused encoders.
    """

    generations: list[str]
    embeddings: int
    contents: int
    encoder_files: int


def generations_kept(reader: Reader) -> int:
    """Return how many generations this shop keeps, not counting candidates."""
    return reader.meta(_KEPT, GENERATIONS_KEPT)


def collect_garbage(shelf: Shelf, store: Store, *, keep: int | None = None) -> Garbage:
    """Delete what is no longer needed. The caller must hold the job lock, and pass its job's shelf.

    Not deleted: the current generation, candidate generations, generations being read, and the
    embeddings and pictures of all of these, so that a rollback need not encode. Renditions in a
    style go when the shop is not indexed in it, and none of these generations is. ``keep`` sets how
    many generations stay, now and in later calls. The embeddings and files of a model are deleted
    if no generation has that model and no migration to it is open.
    """
    with store.read() as reader:
        previous = generations_kept(reader)
    if keep is None:
        keep = previous
    elif keep != previous:
        with store.write() as writer:
            writer.put_meta(_KEPT, keep)
    deleted = delete_old_generations(shelf, keep)
    left = shelf.without(deleted)
    if left.is_readable:  # each generation reads the log from the change it was built at
        store.delete_changes(min(manifest.changes for manifest in left.manifests.values()))
    embeddings, files = _delete_unused_models(left, store)
    contents = generation_contents(shelf.folder)
    styles = _styles_in_use(left, store)
    unused = 0 if contents is None else store.delete_unused(contents, styles)
    return Garbage(deleted, embeddings, unused, files)


def delete_old_generations(shelf: Shelf, keep: int = GENERATIONS_KEPT) -> list[str]:
    """Delete drafts, and all but the ``keep`` newest generations; return the deleted names.

    Not deleted: the current generation, candidates that have not served yet, and generations being
    read. The caller must hold the shop's job lock.
    """
    folder = shelf.folder
    folder.delete_drafts()
    shelf = shelf.with_current()  # an operator may have promoted a candidate meanwhile
    # The names are read again, so that generations dropped meanwhile do not count as kept.
    built = [
        name for name in folder.names() if name in shelf.names and not shelf.is_candidate(name)
    ]
    return [name for name in built[: -keep or None] if folder.delete(name)]


def write_contents(path: Path, contents: Sequence[bytes]) -> None:
    """Write the content hashes of a generation's images, 16 bytes each, in row order."""
    raw = np.frombuffer(b"".join(contents), dtype=np.uint8)
    np.save(path, raw.reshape(len(contents), HASH_BYTES), allow_pickle=False)


def generation_contents(folder: ShopFolder) -> set[bytes] | None:
    """Return the content hashes of the images of all generations.

    None if one has no readable list, because it is damaged or was built by an earlier version.
    """
    found: set[bytes] = set()
    for name in folder.names():
        try:
            raw = np.load(folder.generations / name / CONTENTS, allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        found.update(row.tobytes() for row in raw)  # raw is (n, 16)
    return found


def _styles_in_use(shelf: Shelf, store: Store) -> set[str] | None:
    """Return the styles of the shop and of all generations; None if a manifest is unreadable."""
    if not shelf.is_readable:
        return None
    with store.read() as reader:
        names = set(indexed_styles(reader))
    for manifest in shelf.manifests.values():
        names.update(style.name for style in manifest.styles)
    return names


def _delete_unused_models(shelf: Shelf, store: Store) -> tuple[int, int]:
    """Delete embeddings and files of unused models; return the number of each."""
    if not shelf.is_readable:
        return 0, 0  # the models in use are unknown
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
