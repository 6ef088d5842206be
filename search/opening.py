"""Open a shop's index: check the encoder, verify the files, load the newest undamaged one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NamedTuple

from indexer.encoders.base import Model
from indexer.encoders.views import QueryViews
from indexer.errors import EncoderNotFound, IndexCorrupt, IndexNotFound
from indexer.shop.folder import ShopFolder
from indexer.shop.manifest import WORDS, Manifest
from indexer.vectors.backends import backend_of
from indexer.words.lexical import LexicalIndex
from indexer.words.meaning import MEANING, MeaningIndex
from indexer.words.sentences import UniversalSentenceEncoder
from search.live.cycle_search import without_cycle_search
from search.live.stored_items import StoredItems

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.items import Item
    from indexer.store.store import Store
    from indexer.vectors.backend import VectorBackend
    from search.live.accepted import AcceptedValues

logger = logging.getLogger("vitrine.search")


class OpenGeneration(NamedTuple):
    """A generation that was verified and loaded; while ``hold`` is open, its files stay."""

    name: str
    manifest: Manifest
    vectors: VectorBackend
    words: LexicalIndex
    hold: ExitStack
    meaning: MeaningIndex | None = None

    def close(self) -> None:
        """Close the words, and let others delete the generation."""
        self.words.close()
        self.hold.close()


@contextmanager
def load_beside_items(
    folder: ShopFolder,
    names: list[str],
    encoder: Encoder,
    store: Store,
    accepted: AcceptedValues | None = None,
) -> Iterator[tuple[OpenGeneration, StoredItems]]:
    """Yield what ``load_newest`` returns, and the items of the store, whose reader is open.

    Both are read at the same time: files are verified and loaded outside of Python, items are
    objects of Python. Closes the generation if the block raises. Raises what ``load_newest`` does.
    """
    transaction = store.last_transaction  # before the reader, which has at least this one
    with store.read() as reader, ThreadPoolExecutor(1, thread_name_prefix="open") as pool:
        loading = pool.submit(load_newest, folder, names, encoder, store)
        try:
            with without_cycle_search():
                stored = StoredItems(reader, transaction, accepted)
            opened = loading.result()
            with without_cycle_search():
                yield opened, stored
        except BaseException:
            if loading.exception() is None:
                loading.result().close()
            raise


def load_newest(
    folder: ShopFolder, names: list[str], encoder: Encoder, store: Store
) -> OpenGeneration:
    """Load the first of these generations that is of this encoder and not damaged.

    Logs each damaged generation. If none can be loaded, raises the error of the first damaged one.
    """
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
                meaning = _load_meaning(folder, name, manifest, store)
                words = _load_words(folder, name, manifest, store)
                hold = stack.pop_all()
        except (IndexCorrupt, IndexNotFound) as error:
            logger.warning("generation %s is damaged: %s", name, error)
            first_error = first_error or error
            continue
        if first_error:
            logger.warning("serving the older generation %s of %s", name, folder.path)
        return OpenGeneration(name, manifest, vectors, words, hold, meaning)
    raise first_error or IndexCorrupt(f"{folder.path} has no generation that can be served")


def index_encoder(encoder: Encoder) -> Encoder:
    """Return the encoder that an index is built with: without views that only queries have."""
    return encoder.inner if isinstance(encoder, QueryViews) else encoder


def _load_words(folder: ShopFolder, name: str, manifest: Manifest, store: Store) -> LexicalIndex:
    """Load the words of a generation.

    If the store's log does not reach back to the generation, make them from the store's items.
    """
    with store.read() as reader:
        if reader.changes_since(manifest.changes) is None:
            items = (record.item for record in reader.items())
            return LexicalIndex.in_memory(items, reader.sequence)
    return LexicalIndex.load(folder.generations / name / WORDS, manifest.changes)


def _load_meaning(
    folder: ShopFolder, name: str, manifest: Manifest, store: Store
) -> MeaningIndex | None:
    """Load the index of meanings of a generation; None if it has none that can be used here."""
    if not manifest.meaning:
        return None
    try:
        encoder = UniversalSentenceEncoder()
    except EncoderNotFound as error:
        logger.warning("words of %s are not searched by their meaning: %s", folder.path, error)
        return None
    if encoder.model != manifest.meaning:
        logger.warning(
            "words of %s are not searched by their meaning: it was built with %s, %s is installed; "
            "run 'vitrine rebuild'",
            folder.path,
            manifest.meaning,
            encoder.model,
        )
        return None
    encoder.encode_query(name)  # loads the model now, so that no shopper waits for it
    meaning = MeaningIndex.load(folder.generations / name / MEANING, encoder)
    with store.read() as reader:
        if reader.changes_since(manifest.changes) is None:  # any item may have changed
            titles: dict[str, Item | None] = dict.fromkeys(meaning.ids)
            titles |= {record.item.item_id: record.item for record in reader.items()}
            meaning.change(titles, reader.sequence)
    return meaning
