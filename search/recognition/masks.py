"""Make masks of the things in a photo or of its one product, in the form that replies carry."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from PIL import Image

from style.cutout import Cutout, cut_out
from style.grabcut import can_grab, grab_cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Pixels
    from indexer.recognizers.base import Recognizer, Thing

    Mask = NDArray[np.bool_]

MaskForm = Literal["png", "rle"]

MASK_SIDE = 512
"""Pixels of the longer side of a mask in a reply."""
_MARGIN = 0.01  # of the photo's sides, around a box: boxes cut off the edge of a thing


class ThingMask(msgspec.Struct, frozen=True, kw_only=True):
    """The pixels of a photo that belong to a thing; ``size`` is the mask's height and width.

    The mask is over the whole photo, and usually smaller than it. Either ``png`` or ``counts`` is
    given.
    """

    size: Annotated[tuple[int, int], Meta(description="Height and width of the mask.")]
    unsure: Annotated[bool, Meta(description="The mask is probably wrong; use the box.")]
    png: Annotated[
        str | None, Meta(description="A PNG of the mask in Base64: white is the thing.")
    ] = None
    counts: Annotated[
        list[int] | None,
        Meta(
            description="Run lengths, as in COCO: down each column from the left, how many pixels "
            "are not the thing, then how many are, and so on."
        ),
    ] = None


def product_cutout(pixels: Pixels, recognizer: Recognizer | None = None) -> Cutout:
    """Cut the one product out of a photo (h, w, 3).

    On a busy background, the best thing of the ``recognizer`` is cut out with OpenCV if that is
    installed; without both the result is unsure. Raises BadPixels.
    """
    cut = cut_out(pixels)
    if not cut.unsure or recognizer is None or not can_grab():
        return cut
    things = recognizer.recognize([pixels])[0]
    return grab_cut(pixels, things[0].box) if things else cut


class FoundMask(NamedTuple):
    """The pixels (h, w) of a thing; ``unsure`` if they are probably wrong."""

    pixels: Mask
    unsure: bool


def mask_things(pixels: Pixels, things: Sequence[Thing], form: MaskForm) -> list[ThingMask | None]:
    """Return the masks of ``find_masks`` in the form that replies carry."""
    return [
        None if mask is None else _packed(mask.pixels, form, unsure=mask.unsure)
        for mask in find_masks(pixels, things)
    ]


def find_masks(pixels: Pixels, things: Sequence[Thing]) -> list[FoundMask | None]:
    """Return the mask of each thing of a photo (h, w, 3), or None if it cannot be cut out.

    Masks of the recognizer come first; then the product cut out of a plain background; then
    GrabCut, if OpenCV is installed.
    """
    image = Image.fromarray(pixels)
    image.thumbnail((MASK_SIDE, MASK_SIDE), Image.Resampling.BOX)
    small = np.asarray(image)
    product = cut_out(small) if any(thing.mask is None for thing in things) else None
    return [_mask(small, thing, product) for thing in things]


def _mask(small: Pixels, thing: Thing, product: Cutout | None) -> FoundMask | None:
    if thing.mask is not None:
        return FoundMask(_fitted(thing.mask, small.shape), unsure=thing.unsure)
    if product is not None and not product.unsure:
        inside = (product.alpha > 127) & _box_mask(thing, small.shape)
        if inside.any():
            return FoundMask(inside, unsure=False)
    if not can_grab():
        return None
    cut = grab_cut(small, thing.box)
    if cut.box is None:
        return None
    return FoundMask(cut.alpha > 127, unsure=cut.unsure)


def _fitted(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """Resize a mask to the size of the small photo."""
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(image.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)) > 127


def _box_mask(thing: Thing, shape: tuple[int, ...]) -> Mask:
    height, width = shape[:2]
    x0, y0, x1, y1 = thing.box
    mask = np.zeros((height, width), np.bool_)
    rows = slice(max(0, int((y0 - _MARGIN) * height)), int(np.ceil((y1 + _MARGIN) * height)))
    columns = slice(max(0, int((x0 - _MARGIN) * width)), int(np.ceil((x1 + _MARGIN) * width)))
    mask[rows, columns] = True
    return mask


def _packed(mask: Mask, form: MaskForm, *, unsure: bool) -> ThingMask:
    height, width = mask.shape
    size = (int(height), int(width))
    if form == "rle":
        return ThingMask(size=size, unsure=unsure, counts=run_lengths(mask))
    out = io.BytesIO()
    Image.fromarray(mask).convert("1").save(out, "PNG", optimize=True)
    return ThingMask(size=size, unsure=unsure, png=base64.b64encode(out.getvalue()).decode())


def run_lengths(mask: Mask) -> list[int]:
    """Return the run lengths of a mask (h, w), column by column; the first is of false pixels."""
    flat = np.concatenate([[False], mask.T.ravel(), [False]])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    lengths = np.diff(np.concatenate([[0], changes, [mask.size]]))
    if len(lengths) > 1 and lengths[-1] == 0:  # the mask ends with the thing
        lengths = lengths[:-1]
    return [int(length) for length in lengths]
