"""Opening a shop's index: the right encoder, every file verified, the newest that is whole."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from indexer.errors import IndexCorrupt, IndexMismatch
from indexer.generation import ROWS, VECTORS, WORDS, Manifest, ShopFolder
from indexer.lexical import LexicalIndex
from indexer.vectors import VectorIndex

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder

logger = logging.getLogger(__name__)


def load_newest(
    folder: ShopFolder, current: str, encoder: Encoder
) -> tuple[str, VectorIndex, LexicalIndex]:
    """The current generation, or the newest older one of this encoder that is whole."""
    older = [name for name in folder.names() if name < current]
    first_error: IndexCorrupt | None = None
    for name in [current, *reversed(older)]:
        try:
            manifest = folder.verify(name)
            if manifest.weights_hash != encoder.weights_hash:
                continue
            path = folder.generations / name
            index = VectorIndex.load(path / VECTORS, path / ROWS)
            words = LexicalIndex(path / WORDS)
        except IndexCorrupt as error:
            logger.warning("generation %s is damaged: %s", name, error)
            first_error = first_error or error
            continue
        if first_error:
            logger.warning("serving the older generation %s of %s", name, folder.path)
        return name, index, words
    raise first_error or IndexCorrupt(f"{folder.path} has no generation that can be served")


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
