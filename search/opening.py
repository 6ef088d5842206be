"""Opening a shop's index: the right encoder, every file verified, the newest that is whole."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from indexer.encoders.base import Model
from indexer.encoders.views import QueryViews
from indexer.errors import IndexCorrupt, IndexMismatch, IndexNotFound
from indexer.lexical import LexicalIndex
from indexer.shop.folder import ShopFolder
from indexer.shop.manifest import WORDS, Manifest
from indexer.vectors.backends import backend_of

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.store.store import Store
    from indexer.vectors.backend import VectorBackend

logger = logging.getLogger("vitrine.search")


class Opened(NamedTuple):
    """A generation that has been verified and read; ``held`` keeps its files from removal."""

    name: str
    manifest: Manifest
    vectors: VectorBackend
    words: LexicalIndex
    held: ExitStack


def load_newest(folder: ShopFolder, names: list[str], encoder: Encoder, store: Store) -> Opened:
    """The first of these generations, of this encoder, that is whole."""
    first_error: IndexCorrupt | IndexNotFound | None = None
    for name in names:
        try:
            with ExitStack() as stack:
                stack.enter_context(folder.hold(name))
                manifest = folder.verify(name)
                if manifest.model != Model.of(encoder):
                    continue
                path = folder.generations / name
                backend = backend_of(manifest.contract)
                vectors = backend.open(path, manifest.contract, serving=True)
                words = _words(folder, name, manifest, store)
                held = stack.pop_all()
        except (IndexCorrupt, IndexNotFound) as error:
            logger.warning("generation %s is damaged: %s", name, error)
            first_error = first_error or error
            continue
        if first_error:
            logger.warning("serving the older generation %s of %s", name, folder.path)
        return Opened(name, manifest, vectors, words, held)
    raise first_error or IndexCorrupt(f"{folder.path} has no generation that can be served")


def index_encoder(encoder: Encoder) -> Encoder:
    """What an index is made with: the encoder of its queries, without views that only they have."""
    return encoder.inner if isinstance(encoder, QueryViews) else encoder


def check_encoder(folder: ShopFolder, manifest: Manifest, encoder: Encoder) -> None:
    """IndexMismatch, naming both, unless the index was built with this encoder and weights."""
    if manifest.encoder != encoder.id:
        raise IndexMismatch(
            f"{folder.path} was built with encoder {manifest.encoder!r}, not {encoder.id!r}; "
            f"rebuild it or ask for {manifest.encoder!r}",
            param="encoder",
        )
    if manifest.weights_hash != encoder.weights_hash:
        raise IndexMismatch(
            f"{folder.path} was built with other weights of encoder {encoder.id!r} "
            f"({manifest.weights_hash[:12]}, here {encoder.weights_hash[:12]}); run "
            "'vitrine index' again",
            param="encoder",
        )


def _words(folder: ShopFolder, name: str, manifest: Manifest, store: Store) -> LexicalIndex:
    """The words of the generation, or of the store where its log does not reach back so far."""
    with store.read() as reader:
        if reader.changes_since(manifest.changes) is None:
            items = (record.item for record in reader.items())
            return LexicalIndex.in_memory(items, reader.sequence)
    return LexicalIndex.load(folder.generations / name / WORDS, manifest.changes)
