"""A product on its backdrop, without text: the picture that is then styled.

A product on a plain background is cut out. Around it, the photo is divided by its own background
and the backdrop is multiplied by the result, so that its shadows and soft edges stay, without a
pale outline. A photo whose background is not plain fills its part of the picture.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from style.arrays import Alpha, Floats, Pixels
from style.campaign.frame import Box, Frame
from style.campaign.gaps import without_gaps, without_pale_rims
from style.campaign.scheme import Scheme
from style.campaign.template import Backdrop
from style.care.upscale import doubler
from style.planes import gaussian, resized, smoothstep
from style.productmask import ProductMask, plain_background

__all__ = ["Scene", "draw_scene"]

_EDGE = 0.02  # of a side that the product must cover to be cut off there
_LARGEST = 4.0  # times that a photo is enlarged at most
_DOUBLED = 1.4  # times that a photo is enlarged without the network
_DARK = 128  # mean level below which a page is dark
_BIAS = 0.35  # where a tall photo is cut to a wide area: faces are in the upper part


class Scene(NamedTuple):
    """A picture (h, w, 3), and the product in it (h, w).

    ``cut_out`` is False if the photo fills an area; then all of that area is product.
    """

    pixels: Pixels
    product: Alpha
    cut_out: bool


def draw_scene(
    photo: Pixels,
    mask: ProductMask,
    frame: Frame,
    text_height: int,
    look: Backdrop,
    scheme: Scheme,
    inset: int = 0,
    crown: int = 0,
) -> Scene:
    """Draw a product photo (h, w, 3) for a frame, with text of this height below or beside it.

    A product that is cut out whole keeps ``inset`` pixels from the sides of its zone, and begins
    ``crown`` pixels lower, as does one that its photo cuts off at the bottom only.
    """
    touched = _touched(mask.alpha)
    cut_off = touched & {"left", "right"} or touched == {"top"}
    if mask.unsure:
        return _full(photo, frame.bleed(text_height), frame, scheme)
    area = frame.bleed(text_height)
    if cut_off:
        page = _tinted(frame, area, scheme)
        scale, left, top = _covering(photo, area)
        return _composed(photo, mask, page, (scale, left, top), area)
    if touched:
        return _flush(photo, mask, frame, area, scheme, touched, crown)
    zone = frame.zone(text_height, crown)
    page = _backdrop(frame, zone, scheme, look)
    inner = Box(zone.left + inset, zone.top + inset, zone.right - inset, zone.bottom - inset)
    place = _fitted(_bounds(mask.alpha), inner, (0.5, 0.5))
    # The shadow may go on beyond the zone of the product.
    return _composed(photo, mask, page, place, Box(0, 0, frame.width, frame.height))


def _touched(alpha: Alpha) -> set[str]:
    """Return the sides of the photo at which the product is cut off."""
    sides = {"top": alpha[0], "bottom": alpha[-1], "left": alpha[:, 0], "right": alpha[:, -1]}
    return {name for name, line in sides.items() if float((line > 128).mean()) > _EDGE}


def _backdrop(frame: Frame, zone: Box, scheme: Scheme, kind: Backdrop) -> Pixels:
    """Draw the page (h, w, 3), with a shape behind the product."""
    page = Image.new("RGB", (frame.width, frame.height), scheme.page)
    if kind == "plain":
        return np.asarray(page)
    if kind == "floor":
        line = round(zone.top + 0.68 * zone.height)
        draw = ImageDraw.Draw(page)
        left = zone.left - frame.safe.left // 2 if frame.beside else 0
        draw.rectangle((left, 0, frame.width, line), fill=scheme.tint)
        return np.asarray(page)
    # Drawn at twice the size and shrunk, as Pillow's ellipse has hard edges.
    radius = 0.5 * min(zone.width, zone.height) * 0.98
    x, y = (zone.left + zone.right) / 2, (zone.top + zone.bottom) / 2
    cover = Image.new("L", (2 * frame.width, 2 * frame.height), 0)
    corners = [2 * (x - radius), 2 * (y - radius), 2 * (x + radius), 2 * (y + radius)]
    ImageDraw.Draw(cover).ellipse(corners, fill=255)
    page.paste(scheme.tint, mask=cover.resize(page.size, Image.Resampling.BOX))
    return np.asarray(page)


def _covering(photo: Pixels, area: Box) -> tuple[float, float, float]:
    """Return scale, left and top at which a photo covers an area; the rest is cut off."""
    height, width = photo.shape[:2]
    scale = max(area.width / width, area.height / height)
    left = area.left - (scale * width - area.width) / 2
    return scale, left, area.top - _BIAS * (scale * height - area.height)


def _full(photo: Pixels, area: Box, frame: Frame, scheme: Scheme) -> Scene:
    """Let a photo fill an area."""
    scale, left, top = _covering(photo, area)
    x, y = (area.left - left) / scale, (area.top - top) / scale
    shown = _sharp(photo, area, (x, y, x + area.width / scale, y + area.height / scale))
    page = np.empty((frame.height, frame.width, 3), np.uint8)
    page[:] = scheme.page
    page[area.top : area.bottom, area.left : area.right] = shown
    product = np.zeros((frame.height, frame.width), np.uint8)
    product[area.top : area.bottom, area.left : area.right] = 255
    return Scene(page, product, False)


def _tinted(frame: Frame, area: Box, scheme: Scheme) -> Pixels:
    """Draw the page with an area in the color of the backdrop."""
    page = np.empty((frame.height, frame.width, 3), np.uint8)
    page[:] = scheme.page
    page[area.top : area.bottom, area.left : area.right] = scheme.tint
    return page


def _flush(
    photo: Pixels,
    mask: ProductMask,
    frame: Frame,
    area: Box,
    scheme: Scheme,
    touched: set[str],
    crown: int,
) -> Scene:
    """Put a product that its photo cuts off at the bottom against the edge of a tinted area."""
    inset = round(0.06 * frame.unit)
    top = area.top if "top" in touched else max(area.top + inset, frame.safe.top) + crown
    room = Box(area.left + inset, top, area.right - inset, area.bottom)
    place = _fitted(_bounds(mask.alpha), room, (0.5, 1.0))
    return _composed(photo, mask, _tinted(frame, area, scheme), place, area)


def _fitted(bounds: Box, zone: Box, anchor: tuple[float, float]) -> tuple[float, float, float]:
    """Return scale, left and top of a photo whose product fills a zone as far as fits.

    ``anchor`` is where spare room goes: 0 is right or below of the product, 1 left or above.
    """
    scale = min(zone.width / bounds.width, zone.height / bounds.height, _LARGEST)
    left = zone.left + anchor[0] * (zone.width - scale * bounds.width) - scale * bounds.left
    top = zone.top + anchor[1] * (zone.height - scale * bounds.height) - scale * bounds.top
    return scale, left, top


def _composed(
    photo: Pixels, mask: ProductMask, page: Pixels, place: tuple[float, float, float], clip: Box
) -> Scene:
    """Put a product onto a page at a scale, a left and a top; nothing is drawn outside ``clip``."""
    scale, left, top = place
    height, width = photo.shape[:2]
    shown = Box(  # only what the page shows is enlarged
        max(clip.left, round(left)),
        max(clip.top, round(top)),
        min(clip.right, round(left + scale * width)),
        min(clip.bottom, round(top + scale * height)),
    )
    box = (
        max(0.0, (shown.left - left) / scale),
        max(0.0, (shown.top - top) / scale),
        min(float(width), (shown.right - left) / scale),
        min(float(height), (shown.bottom - top) / scale),
    )
    ground = plain_background(photo)  # (y, x, 3)
    alpha = without_gaps(photo, mask.alpha, ground)
    dark = float(page.mean()) < _DARK
    if dark:
        alpha = without_pale_rims(photo, alpha, ground)
    shade = _resized(_shade(photo, alpha, ground), shown, box)
    # On a dark page the pale rim of a photo on white would be seen.
    opaque = smoothstep(
        0.8 if dark else 0.5, 1.0, _resized(alpha.astype(np.float32) / 255, shown, box)
    )[..., None]
    rows, columns = slice(shown.top, shown.bottom), slice(shown.left, shown.right)
    behind = page[rows, columns].astype(np.float32) * np.clip(shade, 0, 1)
    mixed = _sharp(photo, shown, box).astype(np.float32) * opaque + behind * (1 - opaque)
    made = page.copy()
    made[rows, columns] = np.clip(np.rint(mixed), 0, 255)
    product = np.zeros(page.shape[:2], np.uint8)
    product[rows, columns] = np.clip(np.rint(255 * opaque[..., 0]), 0, 255)
    return Scene(made, product, True)


def _sharp(photo: Pixels, size: Box, box: tuple[float, float, float, float]) -> Pixels:
    """Return the part ``box`` of a photo at the size of a rectangle.

    A photo that becomes much larger is first doubled by the network of ``style.care.upscale``.
    """
    if size.width < _DOUBLED * (box[2] - box[0]):
        return np.asarray(_resized(photo, size, box))
    left, top = int(box[0]), int(box[1])
    part = photo[top : math.ceil(box[3]), left : math.ceil(box[2])]
    x0, y0, x1, y1 = (2 * (edge - at) for edge, at in zip(box, (left, top, left, top), strict=True))
    large = doubler().double(part)
    height, width = large.shape[:2]
    inner = (max(0.0, x0), max(0.0, y0), min(float(width), x1), min(float(height), y1))
    return np.asarray(_resized(large, size, inner))


def _resized(picture: Any, size: Box, box: tuple[float, float, float, float]) -> Any:
    """Return the part ``box`` of pixels or floats (h, w[, 3]) at the size of a rectangle."""
    if picture.dtype == np.uint8:
        image = Image.fromarray(picture)
        shown = image.resize((size.width, size.height), Image.Resampling.LANCZOS, box=box)
        return np.asarray(shown)
    if picture.ndim == 3:
        return np.stack([_resized(picture[..., c], size, box) for c in range(3)], axis=-1)
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize((size.width, size.height), Image.Resampling.BICUBIC, box=box))


def _bounds(alpha: Alpha) -> Box:
    """Return the rectangle around the product."""
    rows, columns = np.flatnonzero((alpha > 64).any(1)), np.flatnonzero((alpha > 64).any(0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _shade(photo: Pixels, alpha: Alpha, ground: Floats) -> Floats:
    """Return the photo over its own background (h, w, 3): 1 where there is only background.

    Noise of the background is evened out, and at the photo's borders the shade ends softly.
    """
    height, width = photo.shape[:2]
    full = np.stack([resized(ground[..., c], height, width) for c in range(3)], axis=-1)
    ratio: Floats = (photo / np.float32(255) / np.maximum(full, 0.02)).astype(np.float32)
    ratio[ratio > 0.985] = 1
    soft = gaussian(ratio, max(1.0, 0.004 * max(height, width)))
    cover: Floats = alpha.astype(np.float32) / np.float32(255)
    near = smoothstep(0.0, 0.3, gaussian(cover, 1.5))[..., None]
    ratio = soft + (ratio - soft) * near
    y = np.minimum(np.arange(height), np.arange(height)[::-1])[:, None]
    x = np.minimum(np.arange(width), np.arange(width)[::-1])[None]
    rim = smoothstep(0, 0.05 * max(height, width), np.minimum(y, x).astype(np.float32))
    rim = np.maximum(rim, cover)[..., None]
    return np.asarray(1 + (ratio - 1) * rim, np.float32)
