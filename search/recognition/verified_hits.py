"""Hits compared with the photo that was searched with, and reordered."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from indexer.errors import BadImage, UnknownItem
from indexer.imaging.photos import Photo
from search.recognition.verify import VERIFY_SIDE, check_verify, verify_hits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from indexer.arrays import Pixels
    from indexer.imaging.images import Box
    from search.hits import Hit

H = TypeVar("H", bound="Hit")


def verified_hits(
    photo: Photo, box: Box, hits: Sequence[H], thumbnail: Callable[[str, int, str], bytes]
) -> list[H]:
    """Compare the region ``box`` of a photo with the first 20 hits, and reorder these.

    ``thumbnail`` returns the picture of an item, by its index and rendition. Raises BadImage, and
    BadQuery unless OpenCV is installed.
    """
    check_verify()

    def picture_of(place: int) -> Pixels | None:
        hit = hits[place]
        try:
            return Photo(thumbnail(hit.item_id, hit.image_index, hit.variant)).cut()
        except (UnknownItem, BadImage):  # without a stored picture, or deleted since
            return None

    pixels = photo.cut(box, side=VERIFY_SIDE)
    order, checks = verify_hits(pixels, [hit.score for hit in hits], picture_of)
    return [
        msgspec.structs.replace(hits[place], verification=check)
        for place, check in zip(order, checks, strict=True)
    ]
