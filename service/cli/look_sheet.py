"""The sheet of ``vitrine look``: the photo with numbered boxes, and a row of hits for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from search.recognition.masks import MASK_SIDE, find_masks
from service.cli.contact_sheet import SheetCell, draw_sheet, hit_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.imaging.photos import Photo
    from indexer.recognizers.base import Thing
    from search.engine import SearchEngine
    from search.recognition.look import FoundThing, Look
    from search.recognition.masks import FoundMask

_PHOTO_SIDE = 640
_MOST_HITS = 8
_GAP = 16
_PAPER = (255, 255, 255)
_COLORS = (
    *((214, 57, 57), (32, 107, 196), (47, 179, 68), (245, 159, 0), (174, 62, 201)),
    *((12, 166, 120), (247, 103, 7), (66, 99, 235), (214, 51, 108), (116, 184, 22)),
)


def look_sheet(
    photo: Photo, look: Look, engine: SearchEngine | None, things: Sequence[Thing]
) -> Image.Image:
    """Draw the photo with a box for each thing, and under it each thing with its first hits.

    Beside it, the photo is drawn again with the masks of the ``things`` that ``look`` was made of.
    """
    top = _boxed(photo, look)
    masks = find_masks(photo.cut(side=MASK_SIDE), things)
    if any(mask is not None and not mask.unsure for mask in masks):
        both = Image.new("RGB", (2 * top.width + _GAP, top.height), _PAPER)
        both.paste(top, (0, 0))
        both.paste(_masked(_shown(photo), masks), (top.width + _GAP, 0))
        top = both
    rows = [_row(photo, number, thing, engine) for number, thing in enumerate(look.things, start=1)]
    if not rows:
        return top
    below = draw_sheet(rows)
    sheet = Image.new("RGB", (max(top.width, below.width), top.height + below.height), _PAPER)
    sheet.paste(top, (0, 0))
    sheet.paste(below, (0, top.height))
    return sheet


def _shown(photo: Photo) -> Image.Image:
    image = Image.fromarray(photo.cut(side=_PHOTO_SIDE // 2)).convert("RGB")
    image.thumbnail((_PHOTO_SIDE, _PHOTO_SIDE), Image.Resampling.LANCZOS)
    return image


def _masked(image: Image.Image, masks: Sequence[FoundMask | None]) -> Image.Image:
    """Color the things of a picture whose masks are sure, the best one last, on a pale copy."""
    pale = Image.blend(image, Image.new("RGB", image.size, _PAPER), 0.45)
    for number, mask in reversed(list(enumerate(masks))):
        if mask is not None and not mask.unsure:
            shape = Image.fromarray(mask.pixels.astype(np.uint8) * 255).resize(image.size)
            color = Image.new("RGB", image.size, _COLORS[number % len(_COLORS)])
            pale.paste(Image.blend(image, color, 0.5), (0, 0), shape)
    return pale


def _boxed(photo: Photo, look: Look) -> Image.Image:
    image = _shown(photo)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(15)
    for number, thing in reversed(list(enumerate(look.things, start=1))):
        color = _COLORS[(number - 1) % len(_COLORS)]
        x0, y0, x1, y1 = thing.box
        left, top = x0 * image.width, y0 * image.height
        corner = (left, top, x1 * image.width - 1, y1 * image.height - 1)
        draw.rectangle(corner, outline=color, width=2)
        draw.rectangle((left, top, left + 20, top + 18), fill=color)
        draw.text((left + 4, top + 1), str(number), (255, 255, 255), font)
    return image


def _row(
    photo: Photo, number: int, thing: FoundThing, engine: SearchEngine | None
) -> list[SheetCell]:
    crop = Image.fromarray(photo.cut(thing.box, side=128))
    unlike = "  no close match" if thing.hits and not thing.sold else ""
    cells = [SheetCell(crop, f"{number}  {thing.name or ''}", f"{thing.score:.2f}{unlike}")]
    for hit in thing.hits[:_MOST_HITS] if engine is not None and thing.sold else []:
        sure = "" if hit.confidence is None else f"  {hit.confidence:.0%}"
        assert engine is not None
        cells.append(
            SheetCell(hit_picture(engine, hit), hit.title or hit.item_id, f"{hit.score:.3f}{sure}")
        )
    return cells
