"""Distortions of a photo to measure robustness: uint8 (h, w, 3) to uint8, deterministic."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import encoder_screens as screens
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from indexer.imaging.cutout import object_mask, paste_object

Pixels = NDArray[np.uint8]
Change = Callable[[Pixels], Pixels]


def rotated(pixels: Pixels) -> Pixels:
    """Rotate by 15 degrees on white."""
    turned = Image.fromarray(pixels).rotate(15, Image.Resampling.BICUBIC, fillcolor=(255, 255, 255))
    return np.asarray(turned)


def cropped(pixels: Pixels) -> Pixels:
    """Crop to the central 60 % of the area."""
    height, width = pixels.shape[:2]
    h, w = round(height * 0.6**0.5), round(width * 0.6**0.5)
    top, left = (height - h) // 2, (width - w) // 2
    return pixels[top : top + h, left : left + w]


def covered(pixels: Pixels) -> Pixels:
    """Cover 20 % of the area with a gray box that is off center."""
    height, width = pixels.shape[:2]
    h, w = round(height * 0.2**0.5), round(width * 0.2**0.5)
    top, left = round(height * 0.35), round(width * 0.15)
    changed = pixels.copy()
    changed[top : top + h, left : left + w] = 128
    return changed


def compressed(pixels: Pixels) -> Pixels:
    """Compress as JPEG with quality 30."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=30)
    return np.asarray(Image.open(buffer).convert("RGB"))


def gamma(exponent: float) -> Change:
    """Return a gamma curve that brightens (below 1) or darkens (above 1)."""
    curve = np.round(255.0 * (np.arange(256) / 255.0) ** exponent).astype(np.uint8)
    return lambda pixels: curve[pixels]


def blurred(pixels: Pixels) -> Pixels:
    """Blur with a radius of 1.5 % of the longer side."""
    radius = 0.015 * max(pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def mirrored(pixels: Pixels) -> Pixels:
    """Flip horizontally."""
    return np.ascontiguousarray(pixels[:, ::-1])


def quartered(pixels: Pixels) -> Pixels:
    """Scale each side to a quarter."""
    height, width = pixels.shape[:2]
    size = (max(8, width // 4), max(8, height // 4))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))


def posterized(pixels: Pixels) -> Pixels:
    """Draw as a cartoon: 2 bits per channel after a strong median filter, with black contours."""
    image = Image.fromarray(pixels).resize((160, 160), Image.Resampling.BOX)
    flat = np.asarray(image.filter(ImageFilter.MedianFilter(7)).quantize(8).convert("RGB"))
    edges = np.asarray(Image.fromarray(flat).convert("L").filter(ImageFilter.CONTOUR)) > 200
    return np.asarray(flat * edges[:, :, None], dtype=np.uint8)


def oil(pixels: Pixels) -> Pixels:
    """Paint in oil: each pixel is the mean of its quadrant of least variance (Kuwahara filter)."""
    image = Image.fromarray(pixels).resize((160, 160), Image.Resampling.BOX)
    x = np.asarray(image, dtype=np.float32)
    radius = 4
    mean = np.asarray(image.filter(ImageFilter.BoxBlur(radius / 2)), dtype=np.float32)
    square = _box_mean(x.mean(2) ** 2, radius)
    spread = square - _box_mean(x.mean(2), radius) ** 2  # (h, w)
    shifts = [(dy, dx) for dy in (-2, 2) for dx in (-2, 2)]
    spreads = np.stack([np.roll(spread, shift, (0, 1)) for shift in shifts])  # (4, h, w)
    means = np.stack([np.roll(mean, shift, (0, 1)) for shift in shifts])  # (4, h, w, 3)
    calmest = spreads.argmin(0)[None, :, :, None]
    painted = np.take_along_axis(means, calmest, 0)[0]
    gray = painted.mean(2, keepdims=True)
    return np.clip(gray + (painted - gray) * 1.5, 0, 255).astype(np.uint8)


def _box_mean(x: NDArray[np.float32], radius: int) -> NDArray[np.float32]:
    half = radius // 2
    rows = sum(np.roll(x, k, 0) for k in range(-half, half + 1))
    return np.asarray(
        sum(np.roll(rows, k, 1) for k in range(-half, half + 1)) / (2 * half + 1) ** 2
    )


def on_backgrounds(paths: Sequence[Path]) -> Change:
    """Return a change that pastes objects on white onto these photos in turn.

    Other pictures stay unchanged.
    """
    count = 0

    def change(pixels: Pixels) -> Pixels:
        nonlocal count
        count += 1
        thing = object_mask(pixels)
        if thing is None:
            return pixels
        with Image.open(paths[count % len(paths)]) as image:
            background = np.asarray(image.convert("RGB").resize(pixels.shape[1::-1]))
        return paste_object(pixels, thing, background)

    return change


DISTORTIONS: dict[str, Change] = {
    "rotation 15 degrees": rotated,
    "crop to 60 %": cropped,
    "occlusion 20 %": covered,
    "JPEG quality 30": compressed,
    "gamma 0.6": gamma(0.6),
    "gamma 1.6": gamma(1.6),
    "blur": blurred,
    "horizontal flip": mirrored,
    "1/4 resolution": quartered,
    "white canvas 9:19": screens.on_tall_canvas,
    "black bars 9:19": screens.barred,
    "plain border 20 %": screens.framed,
    "app screenshot": screens.app_screenshot,
    "photo of a screen": screens.photographed_screen,
    "quarter turn left": partial(screens.turned, 1),
    "upside down": partial(screens.turned, 2),
    "quarter turn right": partial(screens.turned, 3),
    "gray": screens.gray,
    "96 px": screens.tiny,
}


def sketched(pixels: Pixels) -> Pixels:
    """Draw in ink on white paper: a soft threshold on the difference of two Gaussian blurs.

    Winnemoeller et al. (2012), "XDoG", without its dark fills. It is deliberately another filter
    than the pencil sketches in training.
    """
    image = Image.fromarray(pixels).convert("L").resize((160, 160), Image.Resampling.BOX)
    gray = np.asarray(image, dtype=np.float32)
    edges = _gaussian(gray, 1.0) - _gaussian(gray, 1.6)  # (h, w): below 0 on the dark side
    # Relative to the photo's own strongest edges, so that pale photos get black lines too.
    edges /= max(float(np.percentile(np.abs(edges), 98)), 1.0)
    ink = np.tanh(np.clip(-edges - 0.15, 0.0, None) * 4.0)  # (h, w): 0 is paper, 1 is black
    lines = np.round(255.0 * (1.0 - ink)).astype(np.uint8)
    return np.repeat(lines[:, :, None], 3, axis=2)


def _gaussian(x: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    reach = int(np.ceil(3.0 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2).astype(np.float32)
    weights /= weights.sum()
    for axis in (0, 1):
        padded = np.pad(x, [(reach, reach) if a == axis else (0, 0) for a in (0, 1)], "edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, len(weights), axis)
        x = windows @ weights
    return x
