"""A campaign picture: product on a backdrop, in a style, with title, prices, badge and logo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from PIL import Image, ImageDraw

from style.arrays import Pixels
from style.campaign.contrast import READABLE, Color, contrast_on, readable
from style.campaign.frame import Box, Frame, frame_of
from style.campaign.price import discount, price_text
from style.campaign.scene import Scene, draw_scene
from style.campaign.scheme import Scheme, scheme_of
from style.campaign.template import MOST_NOTE, Template
from style.campaign.textblock import Line, TextBlock, set_text
from style.campaign.typeface import CAP, Face, Typeface, bundled
from style.checks import check_pixels
from style.productmask import product_mask
from style.registry import FoundStyle, apply_apart
from style.shrink import shrunk

__all__ = ["Advert", "Look", "Poster", "draw_poster"]

_LOGO = 0.075  # height of a logo, of the unit
_BADGE = 0.085  # radius of the badge, of the unit
_COVERED = 0.04  # share of the badge's square in which the product may be
_QUIET_STYLE = 0.3  # share of a style that stays behind text


class Advert(NamedTuple):
    """The item that a picture advertises. A price is None if there is none.

    ``line`` is a small line of text for this item; without it, the template's note is drawn.
    """

    title: str
    price: float | None = None
    currency: str = ""
    old_price: float | None = None
    line: str = ""


class Look(NamedTuple):
    """The look that all pictures of a campaign share.

    Without a style, nothing is painted. ``strength`` applies to the product, and
    ``background_strength`` to everything else.
    """

    template: Template
    fonts: Sequence[Face] = ()
    logo: Pixels | None = None
    style: FoundStyle | None = None
    strength: float = 0.0
    background_strength: float = 0.0
    seed: int = 0


class Poster(NamedTuple):
    """A finished picture, and facts that a person should check.

    ``contrast`` is the least contrast of its text. ``shortened`` is True if the title did not fit.
    ``missing`` are signs that no font has; they were left out. ``cut_out`` is True if the
    product was cut out of its photo.
    """

    pixels: Pixels
    contrast: float
    shortened: bool
    missing: str
    cut_out: bool


def draw_poster(photo: Pixels, advert: Advert, width: int, height: int, look: Look) -> Poster:
    """Draw a picture (height, width, 3) of a product photo (h, w, 3).

    The same arguments give the same bytes. Raises BadPixels, BadFont if no font has a letter of
    the title, and what ``Styler.apply`` raises.
    """
    photo = shrunk(check_pixels(photo), max(width, height))
    template = look.template
    if advert.line:
        template = msgspec.structs.replace(template, note=advert.line[:MOST_NOTE])
    frame = frame_of(width, height, template.margin)
    bold = Typeface((*look.fonts, *bundled("bold")))
    medium = Typeface((*look.fonts, *bundled("medium")))
    price, old = _prices(advert, template)
    block = set_text(advert.title, price, old, template, frame, bold, medium)
    mask = product_mask(photo)
    scheme = scheme_of(photo, mask.alpha, template)
    room = _text_box(frame, block)
    percent = discount(advert.price or 0, advert.old_price or 0) if old and template.badge else 0

    def drawn(inset: int = 0, crown: int = 0) -> Scene:
        return draw_scene(photo, mask, frame, block.height, template.backdrop, scheme, inset, crown)

    scene, crown = drawn(), 0
    if look.logo is not None and _is_covered(scene, logo := _logo_box(look.logo, frame)):
        crown = round(1.3 * logo.height)  # the product begins below the logo
        scene = drawn(crown=crown)
    place, covered = _badge_place(frame, scene, block, room, logo=look.logo is not None)
    if percent and covered > _COVERED:  # a smaller product leaves room for the badge
        scene = drawn(round(0.6 * _BADGE * frame.unit), crown)
        place, _ = _badge_place(frame, scene, block, room, logo=look.logo is not None)
    pixels = _styled(scene, look, room, frame)
    canvas = Image.fromarray(pixels)
    contrasts = [_draw_text(canvas, pixels, block, room, scheme, bold, medium)]
    if percent:
        contrasts.append(_draw_badge(canvas, f"\u2212{percent}%", place, frame, scheme, bold))
    if look.logo is not None:
        _draw_logo(canvas, look.logo, frame)
    return Poster(np.asarray(canvas), min(contrasts), block.shortened, block.missing, scene.cut_out)


def _prices(advert: Advert, template: Template) -> tuple[str, str]:
    """Return the price, and the old price if it was higher; empty if there is none."""
    if advert.price is None:
        return "", ""
    words = [
        price_text(price, advert.currency, template.price, template.decimal)
        for price in (advert.price, advert.old_price)
        if price is not None
    ]
    lower = advert.old_price is not None and advert.price < advert.old_price
    return words[0], words[1] if lower and words[0] else ""


def _text_box(frame: Frame, block: TextBlock) -> Box:
    """Return where the text is: at the bottom of the safe area, or in the middle of its side."""
    safe = frame.safe
    top = safe.bottom - block.height
    if frame.beside:
        top = safe.top + (safe.height - block.height) // 2
    return Box(safe.left, top, safe.left + frame.column, top + block.height)


def _styled(scene: Scene, look: Look, text: Box, frame: Frame) -> Pixels:
    """Style the scene; behind the text the style is weaker, so that words stay easy to read."""
    if look.style is None:
        return scene.pixels
    styler, info = look.style
    made = apply_apart(
        styler, scene.pixels, info.name, look.strength, look.background_strength,
        scene.product, look.seed,
    )  # fmt: skip
    if info.kind == "tone":
        return made
    rim = round(0.05 * frame.unit)
    quiet = Image.new("L", (frame.width, frame.height), 255)
    box = (text.left - rim, text.top - rim, text.right + rim, text.bottom + rim)
    ImageDraw.Draw(quiet).rectangle(box, fill=round(255 * _QUIET_STYLE))
    small = quiet.resize(
        (max(1, frame.width // 16), max(1, frame.height // 16)), Image.Resampling.BOX
    )
    share = (
        np.asarray(small.resize(quiet.size, Image.Resampling.BICUBIC), np.float32)[..., None] / 255
    )
    share = np.maximum(share, scene.product[..., None].astype(np.float32) / 255)
    base = scene.pixels.astype(np.float32)
    return np.asarray(np.clip(np.rint(base + (made - base) * share), 0, 255), np.uint8)


def _draw_text(
    canvas: Image.Image,
    ground: Pixels,
    block: TextBlock,
    room: Box,
    scheme: Scheme,
    bold: Typeface,
    medium: Typeface,
) -> float:
    """Draw the lines; return their least contrast. Where it is too low, a panel is drawn first."""
    if not block.lines:
        return 21.0
    behind = ground[max(0, room.top) : room.bottom, max(0, room.left) : room.right]
    wanted = {True: scheme.quiet, False: scheme.text}
    colors = {quiet: readable(color, behind) for quiet, color in wanted.items()}
    if min(contrast for _, contrast in colors.values()) < READABLE:
        behind = _panel(canvas, room, scheme.page)
        colors = {quiet: readable(color, behind) for quiet, color in wanted.items()}
    draw = ImageDraw.Draw(canvas)
    for line in block.lines:
        color, _ = colors[line.quiet]
        _draw_line(draw, line, room, color, bold if line.bold else medium)
    return min(colors[line.quiet][1] for line in block.lines)


def _draw_line(
    draw: ImageDraw.ImageDraw, line: Line, room: Box, color: Color, face: Typeface
) -> None:
    left, baseline = room.left + line.left, room.top + line.baseline
    face.draw(draw, left, baseline, line.text, line.size, color)
    if line.struck:
        width = face.width(line.text, line.size)
        y = baseline - 0.5 * CAP * line.size
        thick = max(1, round(0.07 * line.size))
        draw.rectangle(
            (left - thick, y - thick / 2, left + width + thick, y + thick / 2), fill=color
        )


def _panel(canvas: Image.Image, room: Box, color: Color) -> Pixels:
    """Draw a plain panel behind the text; return its pixels."""
    pad = max(2, round(0.06 * room.width))
    box = (room.left - pad, room.top - pad, room.right + pad, room.bottom + pad)
    ImageDraw.Draw(canvas).rounded_rectangle(box, radius=pad // 2, fill=color)
    return np.full((1, 1, 3), color, np.uint8)


def _badge_place(
    frame: Frame, scene: Scene, block: TextBlock, room: Box, *, logo: bool
) -> tuple[tuple[float, float], float]:
    """Return the middle of the badge, and the share of its square in which the product is.

    Takes the corner where the badge covers the product least. If it covers some of it in every
    corner, the badge goes to the right of the text, if there is room.
    """
    radius = _BADGE * frame.unit
    zone = frame.zone(block.height)
    left, right = zone.left + radius, zone.right - radius
    top, bottom = zone.top + radius, zone.bottom - radius
    corners = [(right, top), (right, bottom), (left, bottom)]
    if not logo or frame.beside:
        corners.append((left, top))
    if not scene.cut_out:
        return corners[0], 0.0

    def covered(middle: tuple[float, float]) -> float:
        x, y = (round(side) for side in middle)
        reach = round(1.1 * radius)
        part = scene.product[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach]
        return float((part > 64).mean()) if part.size else 0.0

    best = min(corners, key=lambda middle: round(covered(middle), 2))
    if covered(best) > _COVERED and room.right - 2 * radius > room.left + block.width:
        return (room.right - radius, (room.top + room.bottom) / 2), 0.0
    return best, covered(best)


def _draw_badge(
    canvas: Image.Image,
    words: str,
    place: tuple[float, float],
    frame: Frame,
    scheme: Scheme,
    face: Typeface,
) -> float:
    """Draw the discount in a disc; return its contrast."""
    radius = _BADGE * frame.unit
    x, y = place
    # Drawn large and shrunk, as Pillow's ellipse has hard edges.
    side = round(2 * radius)
    disc = Image.new("L", (4 * side, 4 * side), 0)
    ImageDraw.Draw(disc).ellipse((0, 0, 4 * side - 1, 4 * side - 1), fill=255)
    corner = (round(x - radius), round(y - radius))
    canvas.paste(scheme.accent, corner, disc.resize((side, side), Image.Resampling.BOX))
    size = round(0.62 * radius)
    while size > 6 and face.width(words, size) > 1.55 * radius:
        size -= 1
    color, contrast = readable((255, 255, 255), np.full((1, 1, 3), scheme.accent, np.uint8))
    left = x - face.width(words, size) / 2
    face.draw(ImageDraw.Draw(canvas), left, y + 0.5 * CAP * size, words, size, color)
    return contrast


def _logo_box(logo: Pixels, frame: Frame) -> Box:
    """Return where a logo is drawn: at the upper left of the safe area."""
    height = _LOGO * frame.unit
    most = 0.34 * (frame.column if frame.beside else frame.safe.width)
    scale = min(height / logo.shape[0], most / logo.shape[1])
    left, top = frame.safe.left, frame.safe.top
    right = left + max(1, round(logo.shape[1] * scale))
    return Box(left, top, right, top + max(1, round(logo.shape[0] * scale)))


def _is_covered(scene: Scene, box: Box) -> bool:
    """Return True if a product that was cut out is under a box, or touches it."""
    rim = box.height // 4
    part = scene.product[box.top : box.bottom + rim, box.left : box.right + rim]
    return scene.cut_out and float((part > 64).mean()) > _COVERED / 4


def _draw_logo(canvas: Image.Image, logo: Pixels, frame: Frame) -> None:
    """Put a logo on white at the upper left: multiplied onto a light page, else on a white card."""
    box = _logo_box(logo, frame)
    left, top = box.left, box.top
    shown = Image.fromarray(logo).resize((box.width, box.height), Image.Resampling.LANCZOS)
    ground = np.asarray(canvas.crop(box))
    if contrast_on((17, 17, 17), ground) < 9:
        pad = round(0.22 * box.height)
        card = (left, top, left + box.width + 2 * pad, top + box.height + 2 * pad)
        ImageDraw.Draw(canvas).rounded_rectangle(card, radius=pad, fill=(255, 255, 255))
        canvas.paste(shown, (left + pad, top + pad))
        return
    mixed = ground.astype(np.float32) * np.asarray(shown, np.float32) / 255
    canvas.paste(Image.fromarray(np.rint(mixed).astype(np.uint8)), (left, top))
