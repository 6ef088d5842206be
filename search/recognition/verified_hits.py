"""Compare hits with the photo that was searched with, and reorder them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from indexer.errors import BadImage, UnknownItem
from indexer.imaging.photos import Photo
from indexer.items import PICTURE_TEXT
from search.recognition.verify import MOST_VERIFIED, VERIFY_SIDE, check_verify, verify_hits
from search.recognition.words_seen import likenesses, words_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from indexer.arrays import Pixels
    from indexer.imaging.images import Box
    from search.hits import Hit

WORDS_WEIGHT = 0.2
"""Weight of the words that a photo and a hit share, beside the score of the hit."""

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


def reordered_by_words(texts: Sequence[str], hits: Sequence[H]) -> list[H]:
    """Reorder the first 20 hits by the words that were read from the photo.

    The words of a hit are those of its title and of its pictures, see ``search.picture_texts``.
    """
    first = hits[:MOST_VERIFIED]
    words = [words_in([hit.title, str(hit.attributes.get(PICTURE_TEXT, ""))]) for hit in first]
    alike = likenesses(words_in(texts), words)
    merit = [hit.score + WORDS_WEIGHT * share for hit, share in zip(first, alike, strict=True)]
    order = sorted(range(len(first)), key=lambda place: (-merit[place], place))
    return [*(hits[place] for place in order), *hits[MOST_VERIFIED:]]
