"""Live writes: items put, changed and deleted one by one, while others search and write.

Images are read, decoded and encoded first, outside of any transaction. Then one short
transaction stores the items of a chunk with their embeddings: an item is reported as written
only when that is on disk. What is wrong with one item, or one image, costs no other.
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

_CHUNK = 500  # items in one transaction: others wait for it no longer than they notice
_BATCH = 16  # images that the encoder gets at once: queries may be waiting for it


class Source(NamedTuple):
    """An image that an item names; ``read`` gives its bytes, or raises BadImage.

    Without ``read`` the image of this name that the item has already stays.
    """

    path: str
    read: Callable[[], bytes] | None = None


class Draft(NamedTuple):
    """An item to be stored. ``make`` is given what is stored now, and may raise BadRecord.

    ``images`` None keeps the images that the item has. ``embeddings`` (images, dim), of any
    length but zero, come instead of encoding; an image without bytes then has no picture.
    """

    item_id: str
    make: Callable[[Item | None], Item]
    images: list[Source] | None = None
    embeddings: Vectors | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one item."""

    item_id: str
    status: Literal["created", "updated", "unchanged", "deleted", "unknown", "refused"]
    reason: Annotated[str, Meta(description="Why it was refused; empty otherwise.")] = ""
    images: Annotated[list[RefusedImage], Meta(description="The images that were left out.")] = []


class _Gone(Exception):
    """A known image, or half of it, was deleted before a row could refer to it."""


class _Ready(NamedTuple):
    """A draft whose images are prepared: its own by name, or None for one to be kept.

    Those that cannot be read are among these, and are ``refused``, too.
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
    """Store these items, in their order; what became of each. All of it is on disk afterwards.

    An item none of whose images can be read is refused, and what was stored of it stays. One of
    whose images some can be read keeps the stored ones in the places of the others.
    ``encode`` does the encoder's work elsewhere; ``render`` adds renditions to every image that
    comes with its bytes. ``migration_encoders`` are the further encoders of an open migration:
    callers that write often should create them once and pass them in. StoreFull when the disk is
    full: the chunks before are stored then.
    """
    outcomes: list[Outcome] = []
    others = migration_encoders or MigrationEncoders(store, encoder, limits=limits)
    for start in range(0, len(drafts), _CHUNK):
        chunk = drafts[start : start + _CHUNK]
        try:
            images = ImagePipeline(store, encoder, limits, encode=encode, render=render)
            outcomes += _Put(store, images, others).run(chunk)
        except _Gone:
            images = ImagePipeline(
                store, encoder, limits, encode=encode, render=render, trust_store=False
            )
            outcomes += _Put(store, images, others).run(chunk)
    return outcomes


def delete_items(store: Store, item_ids: Sequence[str]) -> list[Outcome]:
    """Delete these items; ``unknown`` are those that the shop does not have."""
    outcomes: list[Outcome] = []
    for start in range(0, len(item_ids), _CHUNK):
        with store.write() as writer:
            for item_id in map(clean_id, item_ids[start : start + _CHUNK]):
                deleted = writer.delete_item(item_id)
                status: Literal["deleted", "unknown"] = "deleted" if deleted else "unknown"
                outcomes.append(Outcome(item_id=item_id, status=status))
    return outcomes


def patched(item_id: str, change: dict[str, object], item: Item | None) -> Item:
    """The item with some fields changed, as JSON Merge Patch (RFC 7396) has it.

    A field that is None goes back to its default; ``attributes`` are merged by name, and one that
    is None goes. UnknownItem when there is none to change; BadRecord when the result is no item.
    """
    if item is None:
        raise UnknownItem(f"no item {item_id[:80]!r} in this shop", param="item_id")
    fields: dict[str, object] = {**msgspec.structs.asdict(item), **change}
    fields["id"] = fields.pop("item_id")
    given = change.get("attributes", {})
    merged = {**item.attributes, **given} if isinstance(given, dict) else {}
    fields["attributes"] = {name: value for name, value in merged.items() if value is not None}
    return item_from(fields)


def laid_over(new: Item, given: GivenFields, old: Item | None) -> Item:
    """The item ``new``, or what is stored with what its record gives: see ``Draft.make``."""
    return new if old is None else overlay(old, new, given)


class _Put:
    """Stores one chunk of drafts."""

    def __init__(
        self, store: Store, images: ImagePipeline, migration_encoders: MigrationEncoders
    ) -> None:
        self._store = store
        self._images = images
        self._migration_encoders = migration_encoders
        self._encoded: dict[bytes, tuple[Prepared, Embedded]] = {}  # by content

    def run(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Prepare, encode, store."""
        ready = self._prepared(drafts)
        self._encode(ready)
        if self._migration_encoders.are_wanted():
            self._embed_by_others()
        with self._store.write() as writer:
            first_row = writer.meta("next_row", 0)
            outcomes = [self._stored(writer, item) for item in ready]
            self._migration_encoders.complete(writer, first_row)
        return outcomes

    def _embed_by_others(self) -> None:
        """Embed before the write transaction that stores the items, so that it stays short."""
        with self._store.write() as writer:
            for prepared, embedded in self._encoded.values():
                self._images.put(writer, prepared, embedded)
        self._migration_encoders.embed(prepared.image for prepared, _ in self._encoded.values())

    def _prepared(self, drafts: Sequence[Draft]) -> list[_Ready]:
        reads = sum(image.read is not None for draft in drafts for image in draft.images or [])
        if reads < 2:
            return [self._prepare(draft) for draft in drafts]
        with ThreadPoolExecutor(min(reads, THREADS.count), "decode") as pool:
            return list(pool.map(self._prepare, drafts))

    def _prepare(self, draft: Draft) -> _Ready:
        """In a decoding thread: the images of one draft, as far as they can be read."""
        if draft.images is None:
            return _Ready(draft, None, [])
        images: list[tuple[str, Prepared | None]] = []
        refused: list[RefusedImage] = []
        for index, source in enumerate(draft.images):
            try:
                data = source.read() if source.read else None
                prepared: Prepared | None = None
                if draft.embeddings is not None:
                    prepared = self._given(source.path, draft.embeddings[index], data)
                elif data is not None:
                    prepared = self._images.prepare(source.path, data)
                images.append((source.path, prepared))
            except BadImage as error:
                images.append((source.path, None))
                refused.append(RefusedImage(source.path, str(error)))
        return _Ready(draft, images, refused)

    def _given(self, path: str, embedding: Vectors, data: bytes | None) -> Prepared:
        half = unit(embedding).astype(np.float16).tobytes()  # (dim,)
        prepared = self._images.given(path, half, data)
        self._encoded[prepared.image.content] = prepared, {ORIGINAL: half}
        return prepared

    def _encode(self, ready: list[_Ready]) -> None:
        """Encode what is new, and strike out images whose pixels are broken."""
        waiting: list[Prepared] = []
        for item in ready:
            for place, (path, prepared) in enumerate(item.images or []):
                if prepared is None or prepared.image.content in self._encoded:
                    continue
                try:
                    if self._images.claim(prepared):
                        waiting.append(prepared)
                except BadImage as error:
                    item.refused.append(RefusedImage(path, str(error)))
                    assert item.images is not None
                    item.images[place] = path, None
        for start in range(0, len(waiting), _BATCH):
            for prepared, embedded in self._images.encode(waiting[start : start + _BATCH]):
                self._encoded[prepared.image.content] = prepared, embedded

    def _stored(self, writer: Writer, ready: _Ready) -> Outcome:
        draft, refused = ready.draft, ready.refused
        draft = draft._replace(item_id=clean_id(draft.item_id))
        old = writer.item(draft.item_id)
        try:
            item = draft.make(old.item if old else None)
        except BadRecord as error:
            return Outcome(item_id=draft.item_id, status="refused", reason=str(error))
        except UnknownItem as error:
            return Outcome(item_id=draft.item_id, status="unknown", reason=str(error))
        found, refused = images_of(old, ready.images, refused)
        if not found:
            why = "no image that can be read" if refused else "no image"
            return Outcome(item_id=draft.item_id, status="refused", reason=why, images=refused)
        for _, prepared in ready.images or []:
            if prepared is not None:
                self._keep_image(writer, prepared.image)
        named = [s.path for s in draft.images] if draft.images is not None else None
        if named is None and old is not None:
            named = old.item.images
        changed = merge_item(
            writer, FoundItem(msgspec.structs.replace(item, images=named or []), found)
        )
        status: Literal["created", "updated", "unchanged"] = (
            "created" if old is None else "updated" if changed else "unchanged"
        )
        return Outcome(item_id=draft.item_id, status=status, images=refused)

    def _keep_image(self, writer: Writer, image: FoundImage) -> None:
        """Write the image's embeddings and copies, unless the store has them.

        _Gone when they were deleted after the image was found to be known.
        """
        if self._images.is_stored(writer, image):
            return
        if image.content not in self._encoded:
            raise _Gone
        self._images.put(writer, *self._encoded[image.content])
