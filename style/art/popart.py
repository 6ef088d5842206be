"""Pop art: a few strong colors, printed with dots, with black outlines."""

from __future__ import annotations

import numpy as np

from style.arrays import Floats
from style.art.backdrop import Stage, tints
from style.art.canvas import flattened, unit
from style.art.ink import lines
from style.oklab import from_oklab, to_oklab
from style.planes import smoothstep

__all__ = ["paint", "surround"]

_LEVELS = 4
_STEPS = np.array([0.16, 0.46, 0.72, 0.97], np.float32)


def paint(picture: Floats, seed: int) -> Floats:
    """Print (h, w, 3) as pop art; the seed turns the screen of dots by a few degrees."""
    size = unit(picture)
    lab = to_oklab(flattened(picture, 4.5 * size, 1.6 * size))
    light, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    tone = np.clip((light - 0.18) / 0.80, 0, 1) * (_LEVELS - 1)  # 0 to 3
    low = np.clip(np.floor(tone), 0, _LEVELS - 2)
    share = tone - low
    # Between two flat tones, dots of the darker one are printed on the lighter one.
    screen = _dots(picture.shape[:2], 7.5 * size, np.radians(45 + seed % 30))
    dots = smoothstep(-0.09, 0.09, (0.93 - 1.05 * share - screen).astype(np.float32))
    index = low.astype(np.intp)
    printed = _STEPS[index + 1] + (_STEPS[index] - _STEPS[index + 1]) * dots
    printed += 0.55 * (light - printed)  # the product keeps its lightness
    chroma = np.hypot(a, b)
    strong = chroma * (1.1 + 0.15 * smoothstep(0.02, 0.08, chroma))
    gain = np.minimum(strong, 0.30) / np.maximum(chroma, 1e-4)
    ink = from_oklab(np.stack([printed, a * gain, b * gain], axis=-1).astype(np.float32))
    drawn = lines(picture, max(0.8, 2.0 * size), offset=0.014)[..., None]
    return np.asarray(np.clip(np.clip(ink, 0, 1) * (1 - 0.75 * drawn), 0, 1), np.float32)


def surround(stage: Stage, seed: int) -> Floats:
    """Print a screen of dots around a product that shrink away from it: factors (h, w, 3)."""
    screen = _dots(stage.shape, 15 * stage.size, np.radians(45 + seed % 30))
    dots = smoothstep(-0.06, 0.06, (1.15 * stage.near - 0.18 - screen).astype(np.float32))
    dots *= smoothstep(0.1, 0.3, stage.near)
    hue = np.pi + (1.7 if stage.hue is None else stage.hue)
    (color,) = tints(np.array([0.83]), np.array([0.125]), np.array([hue]))
    return np.asarray(1 - (1 - color) * dots[..., None], np.float32)


def _dots(shape: tuple[int, int], pitch: float, angle: float) -> Floats:
    """Return a halftone screen (h, w) in [0, 1]: 0 at the middle of each dot."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    turn = 2 * np.pi / max(pitch, 2.0)
    u = np.float32(turn) * (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)))
    v = np.float32(turn) * (y * np.float32(np.cos(angle)) - x * np.float32(np.sin(angle)))
    screen: Floats = (0.5 - 0.25 * (np.cos(u) + np.cos(v))).astype(np.float32)
    return screen
