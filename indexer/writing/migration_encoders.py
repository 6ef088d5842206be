"""The other encoders that a write is embedded by, besides the one that serves.

While a migration is open, and for the moment in which a service has not yet followed a
promotion, the store wants every row embedded by more than one encoder. ``complete`` sees to that
within the transaction that stores the rows, so there is never a row that lacks one; ``embed``
does the work before, so that the transaction has nothing left to do and other writers do not
wait.
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
from indexer.writing.reembed import Missing, Reembedding, missing_pictures

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder
    from indexer.store.store import Store
    from indexer.store.transactions import Reader, Writer
    from indexer.writing.merge import FoundImage

logger = logging.getLogger("vitrine.indexer")


class MigrationEncoders:
    """Loads an encoder when it is first wanted, and keeps it. Thread-safe."""

    def __init__(
        self,
        store: Store,
        serving: Encoder,
        *,
        limits: ImageLimits = LIMITS,
        load: Callable[[Model], Encoder] | None = None,
    ) -> None:
        """``serving`` is the encoder that the writer itself embeds by.

        ``load`` opens the encoder of a model; by default as the shop has it.
        """
        self._store = store
        self._serving = Model.of(serving)
        self._limits = limits
        self._load = load or partial(open_encoder, ShopFolder(store.shop))
        self._lock = threading.Lock()
        self._loaded: dict[Model, Encoder | None] = {}

    def are_wanted(self) -> bool:
        """Whether there is any."""
        with self._store.read() as reader:
            return any(model != self._serving for model in write_encoders.read(reader))

    def embed(self, images: Iterable[FoundImage]) -> None:
        """Embed all renditions of these images, in transactions of its own.

        Their pictures are in the store.
        """
        with self._store.read() as reader:
            wanted = self._wanted(reader)
        if not wanted:
            return
        missing = list(
            dict.fromkeys(
                Missing(picture, image.path) for image in images for picture in image.pictures
            )
        )
        for encoder in wanted:
            work = Reembedding(self._store, encoder, limits=self._limits)
            with self._store.read() as reader:
                left = [one for one in missing if work.lacks(reader, one)]
            # Not final: ``delete_unused`` may delete these pictures before a row refers to them.
            work.run(left, lambda _: None, final=False)

    def complete(self, writer: Writer, start: int) -> None:
        """Embed what the rows from ``start`` on still lack, in the caller's transaction."""
        for encoder in self._wanted(writer):
            work = Reembedding(self._store, encoder, limits=self._limits)
            work.within(writer, missing_pictures(writer, encoder, start, lost=True))

    def _wanted(self, reader: Reader) -> list[Encoder]:
        found = []
        for model in write_encoders.read(reader):
            if model == self._serving:
                continue
            with self._lock:
                if model not in self._loaded:
                    self._loaded[model] = self._opened(model)
                encoder = self._loaded[model]
            if encoder is not None:
                found.append(encoder)
        return found

    def _opened(self, model: Model) -> Encoder | None:
        """None, and a warning, where its weights are gone: writes go on without it."""
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
