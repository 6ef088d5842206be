"""The models that embed every write: the serving one, and those of open migrations.

The store lists them. Every row of the store must have an embedding of the serving model, because
rows that are newer than the generation are searched beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.encoders.base import Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from indexer.store.records import PictureKey, Row
    from indexer.store.transactions import Reader, Writer

_ENCODERS = "encoders"  # in the store's meta, as a list of [id, weights hash]


def read(reader: Reader) -> list[Model]:
    """Return the models that embed every write, the serving one first.

    Empty if the store lists none: then only the serving model embeds.
    """
    pairs: list[list[str]] = reader.meta(_ENCODERS, [])
    return [Model(encoder_id, weights_hash) for encoder_id, weights_hash in pairs]


def add(writer: Writer, *models: Model) -> None:
    """Add models: they embed every write from now on."""
    _put(writer, dict.fromkeys([*read(writer), *models]))


def remove(writer: Writer, models: Iterable[Model]) -> None:
    """Remove models: they embed no write from now on."""
    removed = set(models)
    _put(writer, (model for model in read(writer) if model not in removed))


def only(writer: Writer, serving: Model) -> list[Model]:
    """Remove all models but the serving one; return those that were removed."""
    others = [model for model in read(writer) if model != serving]
    _put(writer, [serving])
    return others


def serve(writer: Writer, model: Model) -> None:
    """Replace the first model, which served before, by the one that serves from now on.

    All others stay, so a migration to a third model stays open.
    """
    others = [listed for listed in read(writer)[1:] if listed != model]
    _put(writer, [model, *others])


def replace(writer: Writer, before: Model, now: Model) -> None:
    """Replace the weights of an encoder by new ones.

    Processes that still serve the old ones also embed with the new ones from now on.
    """
    others = [model for model in read(writer) if model not in (before, now)]
    _put(writer, [now, *others])


def unembedded(
    reader: Reader, model: Model, start: int = 0, *, lost: bool = False
) -> Iterator[Row]:
    """Yield the rows from ``start`` on that this model has not embedded, one per picture.

    Rows whose picture was gone before the model could embed it are yielded only if ``lost``.
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
