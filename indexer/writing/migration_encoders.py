"""Embed writes with the other encoders of a migration, besides the one that serves.

While a migration is open, and until a service has followed a promotion, every row must be embedded
by several encoders. ``complete`` runs in the transaction that stores the rows, so that no row ever
lacks an embedding. ``embed`` does the work before that transaction, so that it stays short and
other writers do not wait.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from indexer.encoders.base import Model
from indexer.errors import EncoderNotFound
from indexer.imaging.images import LIMITS, ImageLimits
from indexer.shop import write_encoders
from indexer.shop.encoderfiles import open_encoder
from indexer.shop.folder import ShopFolder
from indexer.writing.reembed import MissingPicture, Reembedding, missing_pictures

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.store.store import Store
    from indexer.store.transactions import Reader, Writer
    from indexer.writing.merge import FoundImage

logger = logging.getLogger("vitrine.indexer")


class MigrationEncoders:
    """The encoders that embed every write besides the serving one, loaded on first use.

    Thread-safe.
    """

    def __init__(
        self,
        store: Store,
        serving: Encoder | Model,
        *,
        limits: ImageLimits = LIMITS,
        load: Callable[[Model], Encoder] | None = None,
    ) -> None:
        """``serving`` is the encoder that the writer itself embeds with, or its model.

        ``load`` opens the encoder of a model; by default the shop's own copy.
        """
        self._store = store
        self._serving = serving if isinstance(serving, Model) else Model.of(serving)
        self._limits = limits
        self._load = load or partial(open_encoder, ShopFolder(store.shop))
        self._lock = threading.Lock()
        self._loaded: dict[Model, Encoder | None] = {}

    def are_needed(self) -> bool:
        """Return True if the store lists an encoder besides the serving one."""
        with self._store.read() as reader:
            return any(model != self._serving for model in write_encoders.read(reader))

    def embed(self, images: Iterable[FoundImage]) -> None:
        """Embed all renditions of these images, in separate transactions.

        Their pictures must be in the store already.
        """
        with self._store.read() as reader:
            encoders = self._encoders(reader)
        if not encoders:
            return
        missing = list(
            dict.fromkeys(
                MissingPicture(picture, image.path)
                for image in images
                for picture in image.pictures
            )
        )
        for encoder in encoders:
            work = Reembedding(self._store, encoder, limits=self._limits)
            with self._store.read() as reader:
                left = [picture for picture in missing if work.is_missing(reader, picture)]
            # Not final: ``delete_unused`` may delete these pictures before a row refers to them.
            work.run(left, lambda _: None, final=False)

    def complete(self, writer: Writer, start: int) -> None:
        """Embed missing pictures of the rows from ``start`` on, in the caller's transaction."""
        for encoder in self._encoders(writer):
            work = Reembedding(self._store, encoder, limits=self._limits)
            work.embed_in(writer, missing_pictures(writer, encoder, start, lost=True))

    def _encoders(self, reader: Reader) -> list[Encoder]:
        encoders = []
        for model in write_encoders.read(reader):
            if model == self._serving:
                continue
            with self._lock:
                if model not in self._loaded:
                    self._loaded[model] = self._opened(model)
                encoder = self._loaded[model]
            if encoder is not None:
                encoders.append(encoder)
        return encoders

    def _opened(self, model: Model) -> Encoder | None:
        """Open an encoder; if its weights are gone, log a warning and return None."""
        try:
            encoder = self._load(model)
        except EncoderNotFound as error:
            logger.warning("writes are not embedded by %s any more: %s", model.id, error)
            return None
        if encoder.weights_hash != model.weights_hash:
            logger.warning(
                "writes are not embedded by %s any more: its weights have changed since the "
                "migration began; migrate again",
                model.id,
            )
            return None
        return encoder
