"""Which models embed every write: the serving one, and that of an open migration beside it.

The store lists them. Every row of the store must have an embedding by the model of the serving
generation, for what is newer than the generation is searched beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.encoders.base import Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from indexer.store.records import PictureKey, Row
    from indexer.store.transactions import Reader, Writer

_ENCODERS = "encoders"  # in the store's meta, as [id, weights hash] for each


def read(reader: Reader) -> list[Model]:
    """Return the models that embed every write, the serving one first.

    Empty where the store names none: then it is the serving one alone.
    """
    pairs: list[list[str]] = reader.meta(_ENCODERS, [])
    return [Model(encoder_id, weights_hash) for encoder_id, weights_hash in pairs]


def add(writer: Writer, *models: Model) -> None:
    """Have every write from now on embedded by these models too."""
    _put(writer, dict.fromkeys([*read(writer), *models]))


def remove(writer: Writer, models: Iterable[Model]) -> None:
    """Have no write from now on embedded by these models."""
    gone = set(models)
    _put(writer, (model for model in read(writer) if model not in gone))


def only(writer: Writer, serving: Model) -> list[Model]:
    """Have writes embedded by the serving model alone; return the others that did so far."""
    others = [model for model in read(writer) if model != serving]
    _put(writer, [serving])
    return others


def serve(writer: Writer, model: Model) -> None:
    """Put the model that serves from now on first, in place of the one that served so far.

    All others stay: a migration to a third model goes on.
    """
    others = [so_far for so_far in read(writer)[1:] if so_far != model]
    _put(writer, [model, *others])


def replace(writer: Writer, before: Model, now: Model) -> None:
    """Have writes embedded by the new weights of an encoder, in place of those before.

    Also by processes that serve the old ones for a moment yet.
    """
    others = [model for model in read(writer) if model not in (before, now)]
    _put(writer, [now, *others])


def unembedded(
    reader: Reader, model: Model, start: int = 0, *, lost: bool = False
) -> Iterator[Row]:
    """Iterate over the rows from ``start`` on that this model has not embedded, once per picture.

    Rows whose picture the model found to be lost are left out, unless ``lost``.
    """
    key = model.key
    seen: set[PictureKey] = set()
    for _, row in reader.rows(start):
        if row.picture in seen:
            continue
        seen.add(row.picture)
        if reader.has_embedding(key, row.picture):
            continue
        if lost or not reader.has_no_picture(key, row.picture):
            yield row


def _put(writer: Writer, models: Iterable[Model]) -> None:
    writer.put_meta(_ENCODERS, list(models))
