"""Choose the images that an item has after a write, from those sent and those stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from indexer.writing.merge import FoundImage, found_image, with_stored_images

if TYPE_CHECKING:
    from indexer.store.records import ItemRecord
    from indexer.writing.image_pipeline import Prepared


class RefusedImage(msgspec.Struct, frozen=True):
    """An image that a write left out, and the reason."""

    image: str
    reason: str


def images_of(
    old: ItemRecord | None,
    images: list[tuple[str, Prepared | None]] | None,
    refused: list[RefusedImage],
) -> tuple[list[FoundImage], list[RefusedImage]]:
    """Return the images that an item has after a write, and those that were left out.

    ``images`` are the names in the write, with None for an image that is not sent: the item keeps
    its stored image, or the image could not be read and is in ``refused``. If ``images`` itself is
    None, the item keeps all stored images. The result is empty if no named image is sent or stored.
    """
    stored = [found_image(image) for image in old.images] if old else []
    if images is None:
        return stored, refused
    unread = {image.image for image in refused}
    names = {image.path for image in stored}
    present = [
        (path, prepared)
        for path, prepared in images
        if prepared is not None or path in unread or path in names
    ]
    missing = [
        RefusedImage(path, "no such image: neither sent nor stored")
        for path, prepared in images
        if (path, prepared) not in present
    ]
    if all(prepared is None and path in unread for path, prepared in present):
        return [], refused + missing
    named = [(path, prepared.image if prepared else None) for path, prepared in present]
    merged = with_stored_images(old, named)
    reasons = [
        msgspec.structs.replace(image, reason=f"{image.reason}; the picture stays as it was")
        if image.image in merged.kept
        else image
        for image in refused
    ]
    return merged.images, reasons + missing
