"""Shopper photos: items of the shop as a person would photograph them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from indexer.sample import backdrops
from indexer.sample.camera import View
from indexer.sample.light import blur, floor_shadow, shift_plane
from indexer.sample.paint import Model, Paint, Shot, colored, shoot
from indexer.sample.palette import Rgb
from indexer.sample.plan import PhotoPlan
from indexer.sample.surfaces import MAIN, Floats, capped, tube

SIZES = (
    *((1000, 750), (720, 960), (800, 600), (600, 800), (640, 640)),
    *((768, 576), (576, 768), (720, 720), (840, 630), (640, 800)),
)
FINE = 0.62  # photos are composed at this scale, then enlarged: as soft as a phone's
SKINS: tuple[Rgb, ...] = ((234, 190, 162), (198, 142, 108), (128, 84, 62), (92, 60, 46))


def snap(
    plan: PhotoPlan, seed: int, model: Model, paints: Mapping[int, Paint]
) -> tuple[Image.Image, int]:
    """Draw a photo of a model in an item's paints; return it with its JPEG quality."""
    rng = np.random.default_rng([seed, 2000, plan.number])
    kind = plan.product.kind
    final = SIZES[int(rng.integers(len(SIZES)))]
    width, height = round(final[0] * FINE), round(final[1] * FINE)
    lying = kind.pose == "hangs" and rng.random() < 0.55
    view = _view(rng, kind.yaw, kind.pose, lying)
    lamp = float(rng.uniform(-50, 70))
    side = round(min(width, height) * float(rng.uniform(0.80, 1.12)))
    shot = shoot(model, view, height=side, width=side, scale=1, lamp=lamp)
    rgb, cover = _cutout(shot, paints)
    left = round((width - side) / 2 + rng.uniform(-0.09, 0.09) * width)
    top = round((height - side) / 2 + rng.uniform(-0.05, 0.09) * height)
    left, top = _inside(cover, (left, top), (width, height))
    if kind.pose == "hangs":
        places = backdrops.FLAT if lying else backdrops.WALLS
        scene = backdrops.flat(rng, width, height, places)
        dark = _near_shadow(cover, rng, 0.030 if lying else 0.05)
    else:
        base = (top + side * 0.5) / height
        scene = backdrops.room(
            rng, width, height, float(np.clip(base - rng.uniform(0, 0.25), 0.08, 0.6))
        )
        dark = _table_shadow(shot)
    _clutter(scene, rng)
    _darken(scene, dark * np.float32(rng.uniform(0.75, 1.0)), left, top)
    _paste(scene, rgb, cover, left, top)
    if rng.random() < 0.42:
        _hand(scene, rng, (left, top, side), cover)
    return _camera(scene, rng, final), int(rng.integers(40, 86))


def _inside(cover: Floats, place: tuple[int, int], frame: tuple[int, int]) -> tuple[int, int]:
    """Choose a position for a cutout, so that at most a sliver of it leaves the frame."""
    moved = []
    for axis, (at, size) in enumerate(zip(place, frame, strict=True)):
        seen = np.flatnonzero(cover.max(axis=axis) > 0.3)
        first, last = (int(seen[0]), int(seen[-1])) if len(seen) else (0, 0)
        slack = 0.03 * size
        moved.append(round(max(min(at, size + slack - last), -slack - first)))
    return moved[0], moved[1]


def _view(rng: np.random.Generator, yaw: float, pose: str, lying: bool) -> View:
    lens = float(rng.uniform(2.6, 5.0))
    if pose == "hangs":
        roll = float(rng.uniform(-32, 32) if lying else rng.uniform(-7, 7))
        pitch = float(rng.uniform(-6, 16))
        return View("photo", float(rng.uniform(-yaw, yaw)), pitch, roll, lens=lens)
    around = float(rng.uniform(-yaw, yaw))
    return View("photo", around, float(rng.uniform(8, 38)), float(rng.uniform(-7, 7)), lens=lens)


def _cutout(shot: Shot, paints: Mapping[int, Paint]) -> tuple[Floats, Floats]:
    """Return the lit item (h, w, 3), premultiplied by its cover (h, w), with a soft edge."""
    rgb = colored(shot, paints) * shot.shade.diffuse[..., None] + 255 * shot.shade.shine[..., None]
    rgba = np.dstack([np.clip(rgb, 0, 255), 255 * shot.shade.cover]).astype(np.uint8)
    soft = Image.fromarray(rgba, "RGBX").filter(ImageFilter.BoxBlur(0.45))
    out = np.asarray(soft, np.float32)
    return out[..., :3], out[..., 3] / 255


def _near_shadow(cover: Floats, rng: np.random.Generator, reach: float) -> Floats:
    side = cover.shape[0]
    shift = max(2, round(reach * side))
    turn = float(rng.uniform(0.2, 2.6))
    move = (round(shift * np.sin(turn)), round(shift * np.cos(turn)))
    close = shift_plane(blur(cover, max(2, shift // 2)), move[0] // 2, move[1] // 2)
    wide = shift_plane(blur(cover, shift * 2), *move)
    dark = np.clip(np.maximum(close * 0.55, wide * 0.6), 0, 1)
    return np.asarray(dark * _faded(side), np.float32)


def _faded(side: int) -> Floats:
    """Return a square (side, side) of ones that fades to zero at its edges."""
    near = np.minimum(np.arange(side), np.arange(side)[::-1]) / (0.07 * side)
    fade = np.clip(near, 0, 1)
    return np.asarray(fade[:, None] * fade, np.float32)


def _table_shadow(shot: Shot) -> Floats:
    dark = np.clip(1.35 * floor_shadow(shot.sight), 0, 0.92)
    return np.asarray(dark * _faded(dark.shape[0]), np.float32)


def _window(
    scene: Floats, shape: tuple[int, int], left: int, top: int
) -> tuple[Floats, tuple[slice, slice]]:
    """Return a view of the scene under a piece, and the part of the piece inside the scene."""
    h, w = scene.shape[:2]
    y0, y1 = max(top, 0), max(min(top + shape[0], h), 0)
    x0, x1 = max(left, 0), max(min(left + shape[1], w), 0)
    return scene[y0:y1, x0:x1], (
        slice(y0 - top, max(y1, y0) - top),
        slice(x0 - left, max(x1, x0) - left),
    )


def _darken(scene: Floats, dark: Floats, left: int, top: int) -> None:
    """Darken a scene by a shadow (h, w) in [0, 1], in place."""
    under, over = _window(scene, (dark.shape[0], dark.shape[1]), left, top)
    under *= (1 - dark[over])[..., None]


def _paste(scene: Floats, rgb: Floats, cover: Floats, left: int, top: int) -> None:
    """Composite a premultiplied piece over a scene, in place; parts outside are cut off."""
    under, over = _window(scene, (cover.shape[0], cover.shape[1]), left, top)
    under *= (1 - cover[over])[..., None]
    under += rgb[over]


def _clutter(scene: Floats, rng: np.random.Generator) -> None:
    """Draw books, cards and coasters at the edges, out of focus."""
    h, w = scene.shape[:2]
    count = int(rng.integers(0, 4))
    for _ in range(count):
        size = float(rng.uniform(0.16, 0.34)) * max(h, w)
        corner = int(rng.integers(4))
        cx = (0.02 if corner % 2 == 0 else 0.98) * w + rng.uniform(-0.08, 0.08) * w
        cy = (0.10 if corner < 2 else 0.95) * h + rng.uniform(-0.08, 0.08) * h
        color = rng.integers(60, 215, 3) * 0.55 + float(rng.integers(90, 200)) * 0.45
        turn = float(rng.uniform(0, np.pi))
        half = int(size * 0.72) + 12
        piece = Image.new("L", (2 * half, 2 * half), 0)
        draw = ImageDraw.Draw(piece)
        if rng.random() < 0.35:
            r = size * 0.42
            draw.ellipse((half - r, half - r * 0.8, half + r, half + r * 0.8), fill=255)
        else:
            a, b = size * 0.5, size * 0.36
            c, s = np.cos(turn), np.sin(turn)
            corners = [(-a, -b), (a, -b), (a, b), (-a, b)]
            draw.polygon(
                [(half + c * x - s * y, half + s * x + c * y) for x, y in corners], fill=255
            )
        blur = float(rng.uniform(1.2, 4))
        mask = np.asarray(piece.filter(ImageFilter.BoxBlur(blur)), np.float32) / 255
        shade = np.asarray(piece.filter(ImageFilter.BoxBlur(blur + 7)), np.float32) / 255
        left, top = int(cx) - half, int(cy) - half
        _darken(scene, 0.45 * shade, left + 5, top + 5)
        gradient = np.linspace(1.08, 0.85, 2 * half, dtype=np.float32)[None, :, None]
        frame = np.asarray(piece.filter(ImageFilter.BoxBlur(blur + size * 0.06)), np.float32) / 255
        tone = 1 + (0.16 if rng.random() < 0.5 else -0.16) * (frame > 0.93)
        rgb = np.clip(color * gradient * tone[..., None], 0, 250) * mask[..., None]
        _paste(scene, rgb, mask, left, top)


@lru_cache(maxsize=8)
def _fingers(pose: int, skin: int) -> tuple[Floats, Floats]:
    """Draw a hand from the right: premultiplied (h, w, 3) and cover (h, w)."""
    parts = []
    spread = (0.15, 0.21)[pose % 2]
    for k in range(4):
        y = 0.26 - spread * k
        reach = (-0.46, -0.58, -0.54, -0.36)[k]
        path = [
            (0.45, y * 0.8, 0),
            (0.05, y, 0.10),
            (reach * 0.6, y * 1.05, 0.13),
            (reach, y * 1.1, 0.03),
        ]
        parts.append(capped(tube(path, [0.10, 0.088, 0.080, 0.062], MAIN, columns=25)))
    palm = [(0.30, -0.02, -0.02), (0.7, -0.08, -0.02), (1.2, -0.16, 0.0)]
    parts.append(tube(palm, [0.34, 0.34, 0.24], MAIN, flat=0.45, columns=33))
    thumb = [(0.62, 0.25, 0.08), (0.30, 0.46, 0.16), (0.0, 0.52, 0.16), (-0.16, 0.50, 0.12)]
    parts.append(capped(tube(thumb, [0.15, 0.11, 0.09, 0.065], MAIN, columns=25)))
    parts.append(tube([(1.0, -0.14, 0.0), (1.8, -0.3, 0.0)], [0.27, 0.32], 1, flat=0.8, columns=33))
    model = Model(tuple(parts), (), {MAIN: "leather"}, fill=0.98)
    shot = shoot(model, View("hand", 8, 6), height=225, width=315, scale=2)
    sleeve: Rgb = ((70, 80, 104), (150, 60, 60), (210, 204, 190), (60, 90, 80))[(pose + skin) % 4]
    rgb = colored(shot, {MAIN: SKINS[skin], 1: sleeve, 5: sleeve}) * shot.shade.diffuse[..., None]
    rgb = rgb + 140 * shot.shade.shine[..., None]
    return np.clip(rgb, 0, 255), shot.shade.cover


def _hand(
    scene: Floats, rng: np.random.Generator, place: tuple[int, int, int], cover: Floats
) -> None:
    """Draw a hand that holds or points at the item; it covers only an edge."""
    left, top, side = place
    rgb, alpha = _fingers(int(rng.integers(2)), int(rng.integers(len(SKINS))))
    size = float(rng.uniform(0.42, 0.62)) * side / 315
    shape = (max(8, round(315 * size)), max(8, round(225 * size)))
    rgba = Image.fromarray(np.dstack([rgb, 255 * alpha]).astype(np.uint8), "RGBX").resize(shape)
    turn = int(rng.integers(-38, 39))
    from_left = rng.random() < 0.5
    if from_left:
        rgba = rgba.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    turned = rgba.rotate(turn, Image.Resampling.BILINEAR, expand=True)
    piece = np.asarray(turned, np.float32)
    rows = np.flatnonzero(cover.max(axis=1) > 0.5)
    columns = np.flatnonzero(cover.max(axis=0) > 0.5)
    row = int(rows[0] + (rows[-1] - rows[0]) * rng.uniform(0.35, 0.85))
    overlap = 0.10 * side
    h, w = piece.shape[:2]
    inward = int(columns[0] + overlap) - w if from_left else int(columns[-1] - overlap)
    x = left + inward
    y = top + row - h // 2
    shade = blur(np.ascontiguousarray(piece[..., 3]) / 255, 8) * 0.5
    _darken(scene, np.clip(shade, 0, 1), x + 4, y + 8)
    _paste(scene, piece[..., :3], piece[..., 3] / 255, x, y)


def _camera(scene: Floats, rng: np.random.Generator, final: tuple[int, int]) -> Image.Image:
    """Simulate light, lens and sensor; return the photo in its final (width, height)."""
    h, w = scene.shape[:2]
    y = np.linspace(-1, 1, h, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, w, dtype=np.float32)[None, :]
    warm = float(rng.normal(0, 0.055))
    gains = np.array([1 + warm, 1 + float(rng.normal(0, 0.012)), 1 - warm], np.float32)
    turn = float(rng.uniform(0, 2 * np.pi))
    slope = float(rng.uniform(0.0, 0.22))
    level = float(rng.uniform(0.80, 1.16)) * (1 + slope * (np.cos(turn) * x + np.sin(turn) * y))
    level = np.float32(level * (1 - float(rng.uniform(0.02, 0.24)) * (x * x + y * y)))
    if rng.random() < 0.15:  # sun through a window: a bright slanting band
        lean = float(rng.uniform(-0.8, 0.8))
        band = np.exp(-(((x + lean * y - rng.uniform(-0.6, 0.6)) / rng.uniform(0.2, 0.5)) ** 4))
        level = level * (1 + 0.22 * band)
    scene *= level[..., None]
    scene *= gains
    image = Image.fromarray(np.clip(scene, 0, 255, out=scene).astype(np.uint8))
    blur = float(rng.normal(0.45, 0.55)) * FINE
    if blur > 0.12:
        image = image.filter(ImageFilter.GaussianBlur(min(blur, 1.4)))
    skew = rng.uniform(0, 0.05, (4, 2)) * np.array([w, h])
    signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    base = np.array([[0, 0], [w, 0], [w, h], [0, h]], float)
    source = [(float(a), float(b)) for a, b in base + signs * skew]
    target = [
        (0.0, 0.0),
        (float(final[0]), 0.0),
        (float(final[0]), float(final[1])),
        (0.0, float(final[1])),
    ]
    image = backdrops.in_perspective(image, target, source, final)
    strength = float(rng.uniform(1.5, 7.0))
    grain = rng.integers(0, 256, (final[1], final[0], 1), dtype=np.uint8)
    steps = np.round((np.arange(256) - 128) * (strength / 74)).astype(np.int16)  # (256,)
    noisy = np.asarray(image).astype(np.int16) + steps[grain]
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
