"""Styles an uploaded photo, or an image of an item, for one reply."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal, NamedTuple

from PIL import Image

from indexer.errors import BadImage
from indexer.imaging.photos import Photo
from style.checks import check_strength
from style.errors import StyleError
from style.productmask import product_mask
from style.registry import FoundStyle, StyleRegistry, apply_apart
from style.shrink import shrunk
from style.styleimage import StyleImage, StyleImageStyler

if TYPE_CHECKING:
    from indexer.arrays import Pixels
    from indexer.imaging.images import ImageLimits
    from style.styler import StyleInfo, Styler

LONGEST_SIDE = 2048  # pixels of the result; a larger photo is reduced
STYLE_SIDE = 512  # pixels of a style image, as a shop keeps them
_DECODED_SIDE = 1024  # pixels of the shorter side after decoding, so that this is faster

StyledFormat = Literal["jpeg", "png"]


class StyleOptions(NamedTuple):
    """How to style a picture. A strength of None means the default of the style.

    If ``style_image`` (the bytes of a picture) is given, ``style`` is ignored.
    """

    style: str
    strength: float | None = None
    background_strength: float | None = None
    seed: int = 0
    format: StyledFormat = "jpeg"
    style_image: bytes | None = None


class StyledPicture(NamedTuple):
    """An encoded picture, and how it was made.

    ``mask_confidence`` is None unless a strength for the background was requested. Below 0.5, the
    whole picture has the same strength.
    """

    data: bytes
    media_type: str
    strength: float
    mask_confidence: float | None = None


def style_photo(
    registry: StyleRegistry, data: bytes, options: StyleOptions, limits: ImageLimits
) -> StyledPicture:
    """Style an encoded photo. Raises BadImage, UnknownStyle, BadStrength, BadStyleFile, BadCube.

    A BadImage of the style image has the param ``style_image``.
    """
    if options.style_image is None:
        styler, info = registry.find(options.style)
    else:
        styler, info = _style_of(options.style_image, limits)
    try:
        return _styled(styler, info, data, options, limits)
    except StyleError as error:
        error.style = info.name
        raise


def _style_of(data: bytes, limits: ImageLimits) -> FoundStyle:
    """Return the style of an encoded picture. Raises BadImage."""
    try:
        pixels = Photo(data, limits).cut(side=STYLE_SIDE)
    except BadImage as error:
        error.param = "style_image"
        raise
    image = StyleImage(shrunk(pixels, STYLE_SIDE))
    return StyleRegistry([StyleImageStyler({"style_image": image})]).find("style_image")


def _styled(
    styler: Styler, info: StyleInfo, data: bytes, options: StyleOptions, limits: ImageLimits
) -> StyledPicture:
    strength = check_strength(info.strength if options.strength is None else options.strength)
    behind = options.background_strength
    if behind is not None:
        check_strength(behind, "background_strength")
    pixels = shrunk(Photo(data, limits).cut(side=_DECODED_SIDE), LONGEST_SIDE)
    confidence = None
    if behind is None:
        styled = styler.apply(pixels, info.name, strength, seed=options.seed)
    else:
        mask = product_mask(pixels)
        confidence = mask.confidence
        behind = strength if mask.unsure else behind
        styled = apply_apart(styler, pixels, info.name, strength, behind, mask.alpha, options.seed)
    return StyledPicture(
        _encoded(styled, options.format), f"image/{options.format}", strength, confidence
    )


def _encoded(pixels: Pixels, file_format: StyledFormat) -> bytes:
    out = io.BytesIO()
    options = {"quality": 90} if file_format == "jpeg" else {"compress_level": 3}
    Image.fromarray(pixels).save(out, file_format, **options)
    return out.getvalue()
