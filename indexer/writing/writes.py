"""Live writes: put, change and delete items while others search and write.

Images are read, decoded and encoded first, outside of any transaction. Then one short transaction
stores the items of a chunk with their embeddings. Items are reported as written after that
transaction is on disk. A bad item or image does not affect the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from indexer.arrays import unit
from indexer.catalog.item_parser import BadRecord, GivenFields, item_from, overlay
from indexer.errors import BadImage, UnknownItem
from indexer.imaging.images import LIMITS, ImageLimits
from indexer.items import ORIGINAL, Item, clean_id
from indexer.threads import THREADS
from indexer.writing.image_pipeline import (
    Embedded,
    Encode,
    ImagePipeline,
    Prepared,
    Render,
)
from indexer.writing.item_images import RefusedImage, images_of
from indexer.writing.merge import FoundImage, FoundItem, merge_item
from indexer.writing.migration_encoders import MigrationEncoders

if TYPE_CHECKING:
    from indexer.arrays import Vectors
    from indexer.encoders.base import Encoder
    from indexer.store.store import Store
    from indexer.store.transactions import Writer

_CHUNK = 500  # items in one transaction, so that other writers do not wait long
_BATCH = 16  # images per call of the encoder, so that queries do not wait long for it


class ImageInput(NamedTuple):
    """An image of an item to be stored; ``read`` returns its bytes or raises BadImage.

    Without ``read``, the item keeps its stored image of this name.
    """

    path: str
    read: Callable[[], bytes] | None = None


class Draft(NamedTuple):
    """An item to be stored.

    ``make`` gets the stored item, or None, and returns the new one; it may raise BadRecord or
    UnknownItem. If ``images`` is None, the item keeps its images. ``embeddings`` (images, dim), of
    any length but zero, replace encoding; then images without bytes are allowed and have no
    picture.
    """

    item_id: str
    make: Callable[[Item | None], Item]
    images: list[ImageInput] | None = None
    embeddings: Vectors | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The result of writing one item."""

    item_id: str
    status: Literal["created", "updated", "unchanged", "deleted", "unknown", "refused"]
    reason: Annotated[str, Meta(description="Why it was refused; empty otherwise.")] = ""
    images: Annotated[list[RefusedImage], Meta(description="The images that were left out.")] = []


class _ImageDeleted(Exception):
    """A stored image, or a part of it, was deleted before a row could refer to it."""


class _PreparedDraft(NamedTuple):
    """A draft with its prepared images by name: None for an image that is kept or unreadable.

    Unreadable images are also in ``refused``.
    """

    draft: Draft
    images: list[tuple[str, Prepared | None]] | None
    refused: list[RefusedImage]


def put_items(
    store: Store,
    encoder: Encoder,
    drafts: Sequence[Draft],
    *,
    limits: ImageLimits = LIMITS,
    encode: Encode | None = None,
    render: Render | None = None,
    migration_encoders: MigrationEncoders | None = None,
) -> list[Outcome]:
    """Store items and return their outcomes, in the same order. Everything is on disk afterwards.

    An item is refused if none of its images can be read; the stored item then stays unchanged. If
    some can be read, the item keeps its stored images in place of the others. ``encode`` replaces
    ``encoder.encode_images``. ``render`` adds renditions to every image that comes with its bytes.
    ``migration_encoders`` are the other encoders of an open migration: callers that write often
    should create them once and pass them in. Raises StoreFull if the disk is full; chunks of 500
    items before that are stored.
    """
    outcomes: list[Outcome] = []
    others = migration_encoders or MigrationEncoders(store, encoder, limits=limits)
    for start in range(0, len(drafts), _CHUNK):
        chunk = drafts[start : start + _CHUNK]
        try:
            images = ImagePipeline(store, encoder, limits, encode=encode, render=render)
            outcomes += _ChunkWriter(store, images, others).run(chunk)
        except _ImageDeleted:
            images = ImagePipeline(
                store, encoder, limits, encode=encode, render=render, trust_store=False
            )
            outcomes += _ChunkWriter(store, images, others).run(chunk)
    return outcomes


def delete_items(
    store: Store,
    item_ids: Sequence[str],
    check: Callable[[Item | None], None] | None = None,
) -> list[Outcome]:
    """Delete items and return their outcomes, in order: ``deleted``, or ``unknown`` to the shop.

    ``check`` is called with each stored item, or None, within the transaction that deletes it. If
    it raises an error, the items of that transaction, at most 500, stay.
    """
    outcomes: list[Outcome] = []
    for start in range(0, len(item_ids), _CHUNK):
        with store.write() as writer:
            for item_id in map(clean_id, item_ids[start : start + _CHUNK]):
                if check is not None:
                    record = writer.item(item_id)
                    check(record.item if record else None)
                deleted = writer.delete_item(item_id)
                status: Literal["deleted", "unknown"] = "deleted" if deleted else "unknown"
                outcomes.append(Outcome(item_id=item_id, status=status))
    return outcomes


def patched(item_id: str, change: dict[str, object], item: Item | None) -> Item:
    """Change some fields of an item, as JSON Merge Patch (RFC 7396) does.

    None resets a field to its default. ``attributes`` are merged by name, and None removes one.
    Raises UnknownItem if ``item`` is None, BadRecord if the result is not a valid item.
    """
    if item is None:
        raise UnknownItem(f"no item {item_id[:80]!r} in this shop", param="item_id")
    fields: dict[str, object] = {**msgspec.structs.asdict(item), **change}
    fields["id"] = fields.pop("item_id")
    given = change.get("attributes", {})
    merged = {**item.attributes, **given} if isinstance(given, dict) else {}
    fields["attributes"] = {name: value for name, value in merged.items() if value is not None}
    return item_from(fields)


def updated(new: Item, given: GivenFields, old: Item | None) -> Item:
    """Return ``new``, with the fields that its record does not give taken from ``old``, if any.

    With the first two arguments bound, it is a ``Draft.make``.
    """
    return new if old is None else overlay(old, new, given)


class _ChunkWriter:
    """Stores one chunk of drafts in one transaction."""

    def __init__(
        self, store: Store, images: ImagePipeline, migration_encoders: MigrationEncoders
    ) -> None:
        self._store = store
        self._images = images
        self._migration_encoders = migration_encoders
        self._encoded: dict[bytes, tuple[Prepared, Embedded]] = {}  # by content

    def run(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Prepare the drafts, encode their images and store the items; return their outcomes."""
        prepared = self._prepare_all(drafts)
        self._encode(prepared)
        if self._migration_encoders.are_needed():
            self._embed_for_migration()
        with self._store.write() as writer:
            first_row = writer.meta("next_row", 0)
            outcomes = [self._put_item(writer, draft) for draft in prepared]
            self._migration_encoders.complete(writer, first_row)
        return outcomes

    def _embed_for_migration(self) -> None:
        """Embed with the other encoders now, so that the write transaction stays short."""
        with self._store.write() as writer:
            for prepared, embedded in self._encoded.values():
                self._images.put(writer, prepared, embedded)
        self._migration_encoders.embed(prepared.image for prepared, _ in self._encoded.values())

    def _prepare_all(self, drafts: Sequence[Draft]) -> list[_PreparedDraft]:
        reads = sum(image.read is not None for draft in drafts for image in draft.images or [])
        if reads < 2:
            return [self._prepare(draft) for draft in drafts]
        with ThreadPoolExecutor(min(reads, THREADS.count), "decode") as pool:
            return list(pool.map(self._prepare, drafts))

    def _prepare(self, draft: Draft) -> _PreparedDraft:
        """Read and decode the images of a draft; runs in a decoding thread."""
        if draft.images is None:
            return _PreparedDraft(draft, None, [])
        images: list[tuple[str, Prepared | None]] = []
        refused: list[RefusedImage] = []
        for index, image in enumerate(draft.images):
            try:
                data = image.read() if image.read else None
                prepared: Prepared | None = None
                if draft.embeddings is not None:
                    prepared = self._with_embedding(image.path, draft.embeddings[index], data)
                elif data is not None:
                    prepared = self._images.prepare(image.path, data)
                images.append((image.path, prepared))
            except BadImage as error:
                images.append((image.path, None))
                refused.append(RefusedImage(image.path, str(error)))
        return _PreparedDraft(draft, images, refused)

    def _with_embedding(self, path: str, embedding: Vectors, data: bytes | None) -> Prepared:
        half = unit(embedding).astype(np.float16).tobytes()  # (dim,)
        prepared = self._images.prepare_with_vector(path, half, data)
        self._encoded[prepared.image.content] = prepared, {ORIGINAL: half}
        return prepared

    def _encode(self, drafts: list[_PreparedDraft]) -> None:
        """Encode new images; refuse those whose pixels are broken."""
        waiting: list[Prepared] = []
        for draft in drafts:
            for place, (path, prepared) in enumerate(draft.images or []):
                if prepared is None or prepared.image.content in self._encoded:
                    continue
                try:
                    if self._images.claim(prepared):
                        waiting.append(prepared)
                except BadImage as error:
                    draft.refused.append(RefusedImage(path, str(error)))
                    assert draft.images is not None
                    draft.images[place] = path, None
        for start in range(0, len(waiting), _BATCH):
            for prepared, embedded in self._images.encode(waiting[start : start + _BATCH]):
                self._encoded[prepared.image.content] = prepared, embedded

    def _put_item(self, writer: Writer, prepared_draft: _PreparedDraft) -> Outcome:
        draft, refused = prepared_draft.draft, prepared_draft.refused
        draft = draft._replace(item_id=clean_id(draft.item_id))
        old = writer.item(draft.item_id)
        try:
            item = draft.make(old.item if old else None)
        except BadRecord as error:
            return Outcome(item_id=draft.item_id, status="refused", reason=str(error))
        except UnknownItem as error:
            return Outcome(item_id=draft.item_id, status="unknown", reason=str(error))
        found, refused = images_of(old, prepared_draft.images, refused)
        if not found:
            why = "no image that can be read" if refused else "no image"
            return Outcome(item_id=draft.item_id, status="refused", reason=why, images=refused)
        for _, prepared in prepared_draft.images or []:
            if prepared is not None:
                self._put_image(writer, prepared.image)
        named = [image.path for image in draft.images] if draft.images is not None else None
        if named is None and old is not None:
            named = old.item.images
        changed = merge_item(
            writer, FoundItem(msgspec.structs.replace(item, images=named or []), found)
        )
        status: Literal["created", "updated", "unchanged"] = (
            "created" if old is None else "updated" if changed else "unchanged"
        )
        return Outcome(item_id=draft.item_id, status=status, images=refused)

    def _put_image(self, writer: Writer, image: FoundImage) -> None:
        """Write the image's embeddings and copies, unless the store has them.

        Raises _ImageDeleted if the store has lost them since the image was prepared.
        """
        if self._images.is_stored(writer, image):
            return
        if image.content not in self._encoded:
            raise _ImageDeleted
        self._images.put(writer, *self._encoded[image.content])
