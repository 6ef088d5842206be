"""Which images an item will have after a write, of those sent and those stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from indexer.writing.merge import FoundImage, found_image, with_stored_images

if TYPE_CHECKING:
    from indexer.store.records import ItemRecord
    from indexer.writing.image_pipeline import Prepared


class RefusedImage(msgspec.Struct, frozen=True):
    """An image that was left out, and why."""

    image: str
    reason: str


def images_of(
    old: ItemRecord | None,
    images: list[tuple[str, Prepared | None]] | None,
    refused: list[RefusedImage],
) -> tuple[list[FoundImage], list[RefusedImage]]:
    """Return the images that an item will have, and those that are left out.

    ``images`` are named by the write: None in place of an image that could not be read, which is
    among the ``refused``, or that the item should keep; None for all keeps what is stored. Returns
    no images when none of those named is sent or stored.
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
    pictures = with_stored_images(old, named)
    reasons = [
        msgspec.structs.replace(image, reason=f"{image.reason}; the picture stays as it was")
        if image.image in pictures.kept
        else image
        for image in refused
    ]
    return pictures.images, reasons + missing
