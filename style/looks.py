"""The named looks, as formulas in Oklab: lightness curve, saturation, split toning, hue shifts.

A look only changes colors. It is a few numbers, which ``grade`` applies in the order of a film
laboratory: exposure, contrast, fade, hues, saturation, tints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from style.arrays import Floats
from style.oklab import from_oklab, to_oklab
from style.planes import smoothstep

__all__ = ["LOOKS", "HueTurn", "Look", "grade"]


@dataclass(frozen=True)
class HueTurn:
    """Turns hues within ``width`` degrees of ``center`` by ``by`` degrees; scales their chroma.

    Degrees are those of Oklab: red about 29, yellow 110, green 142, blue 264.
    """

    center: float
    width: float
    by: float
    chroma: float = 1.0


@dataclass(frozen=True)
class Look:
    """The numbers of a look; the defaults change nothing.

    ``gamma`` below 1 lightens. ``contrast`` above 1 steepens an S curve about ``pivot``. ``black``
    and ``white`` are the lightness that L 0 and L 1 become. ``chroma`` is a factor; ``vibrance``
    adds more chroma to dull colors than to strong ones, or takes it if it is negative. ``shadows``
    and ``lights`` are (a, b), added to dark and to light areas. ``paper`` is the share of the tint
    that white gets: 0 leaves white backgrounds white.
    """

    strength: float = 1.0
    gamma: float = 1.0
    contrast: float = 1.0
    pivot: float = 0.6
    black: float = 0.0
    white: float = 1.0
    chroma: float = 1.0
    vibrance: float = 0.0
    shadows: tuple[float, float] = (0.0, 0.0)
    lights: tuple[float, float] = (0.0, 0.0)
    paper: float = 1.0
    turns: tuple[HueTurn, ...] = ()


_RED, _YELLOW, _GREEN, _BLUE = 29.0, 110.0, 142.0, 264.0

LOOKS: dict[str, Look] = {
    "autumn": Look(
        strength=0.8,
        contrast=1.06,
        chroma=1.08,
        shadows=(0.010, 0.012),
        lights=(0.008, 0.030),
        paper=0.55,
        turns=(HueTurn(_GREEN, 55, -48), HueTurn(_BLUE, 60, 0, 0.72)),
    ),
    "cool-morning": Look(
        strength=0.8,
        gamma=0.96,
        contrast=0.96,
        black=0.03,
        chroma=0.94,
        shadows=(-0.010, -0.030),
        lights=(-0.008, -0.018),
        paper=0.8,
    ),
    "film": Look(
        strength=0.8,
        contrast=1.15,
        black=0.07,
        white=0.985,
        chroma=0.92,
        shadows=(-0.016, -0.012),
        lights=(0.006, 0.022),
        paper=0.6,
        turns=(HueTurn(_BLUE, 60, -12, 0.9),),
    ),
    "golden": Look(
        strength=0.7,
        gamma=0.94,
        contrast=1.05,
        chroma=1.1,
        shadows=(0.014, 0.022),
        lights=(0.012, 0.052),
    ),
    "matte": Look(strength=0.9, contrast=0.9, black=0.13, white=0.97, chroma=0.85),
    "moonlight": Look(
        strength=0.6,
        gamma=1.25,
        contrast=1.08,
        chroma=0.62,
        shadows=(-0.012, -0.055),
        lights=(-0.018, -0.036),
    ),
    "noir": Look(  # black and white at 1
        strength=0.35,
        gamma=1.08,
        contrast=1.5,
        chroma=0.0,
        shadows=(0.0, -0.006),
        lights=(0.002, 0.008),
        paper=0.0,
    ),
    "pastel": Look(
        strength=0.8,
        gamma=0.8,
        contrast=0.82,
        black=0.16,
        chroma=0.72,
        shadows=(0.012, -0.008),
        lights=(0.008, 0.006),
        paper=0.7,
    ),
    "sepia": Look(
        strength=0.35, contrast=1.05, black=0.05, chroma=0.06,
        shadows=(0.018, 0.040), lights=(0.012, 0.046), paper=0.6,
    ),
    "spring": Look(
        strength=0.8,
        gamma=0.88,
        chroma=1.06,
        vibrance=0.25,
        shadows=(-0.006, 0.008),
        lights=(-0.012, 0.016),
        paper=0.5,
        turns=(HueTurn(_YELLOW, 40, 10, 1.1),),
    ),
    "studio": Look(strength=0.8, gamma=0.93, contrast=1.18, vibrance=0.12),
    "vivid": Look(strength=0.7, contrast=1.2, chroma=1.2, vibrance=0.35),
    "warm-evening": Look(
        strength=0.8,
        gamma=1.06,
        contrast=1.06,
        chroma=1.04,
        shadows=(0.020, -0.004),
        lights=(0.022, 0.046),
        turns=(HueTurn(_BLUE, 60, 10, 0.85),),
    ),
}  # fmt: skip


def grade(srgb: Floats, look: Look) -> Floats:
    """Grade sRGB (..., 3) in [0, 1] by a look; the result is in [0, 1] too."""
    lab = to_oklab(srgb)
    light, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    toned = _lightness(light, look)
    for turn in look.turns:
        a, b = _turned(a, b, turn)
    chroma = np.hypot(a, b)
    gain = look.chroma * (1 + look.vibrance * np.exp(-chroma / 0.12))
    # A color that is made much lighter or darker loses chroma, as paint does.
    room = np.clip(4 * toned * (1.06 - toned), 0, 1) / np.clip(4 * light * (1.06 - light), 0.1, 1)
    gain = gain * np.minimum(1, np.sqrt(np.maximum(room, 0)))
    high = smoothstep(0.25, 0.85, toned)
    paper = 1 - (1 - look.paper) * smoothstep(0.9, 1.0, light) * np.exp(-chroma / 0.03)
    tint = np.sqrt(np.clip(toned * 4, 0, 1)) * paper  # black stays black
    tint = tint * (1 - 0.45 * smoothstep(0.04, 0.2, chroma))  # a product keeps its strong colors
    tint_a = tint * (look.shadows[0] * (1 - high) + look.lights[0] * high)
    tint_b = tint * (look.shadows[1] * (1 - high) + look.lights[1] * high)
    # White can only be tinted below L 1. Without this, gray paper would be tinted, but not white.
    toned = toned - np.hypot(tint_a, tint_b) * smoothstep(0.75, 1.0, toned)
    a, b = a * gain + tint_a, b * gain + tint_b
    return fit_in_srgb(np.stack([toned, a, b], axis=-1).astype(np.float32))


def fit_in_srgb(lab: Floats) -> Floats:
    """Convert Oklab (..., 3) to sRGB in [0, 1]; a chroma that is too high is reduced."""
    light = np.clip(lab[..., 0], 0, 1)
    whole = from_oklab(np.stack([light, lab[..., 1], lab[..., 2]], axis=-1))
    outside = ~((whole >= -1e-3) & (whole <= 1 + 1e-3)).all(axis=-1)
    share = np.ones_like(light)
    share[outside] = _largest_share(light[outside], lab[outside])
    srgb = from_oklab(np.stack([light, lab[..., 1] * share, lab[..., 2] * share], axis=-1))
    fitted: Floats = np.clip(srgb, 0, 1)
    return fitted


def _largest_share(light: Floats, lab: Floats) -> Floats:
    """Return by how much the chroma of colors (n, 3) with this lightness may count, (n,)."""
    low, high = np.zeros_like(light), np.ones_like(light)
    for _ in range(10):
        middle = (low + high) / 2
        scaled = np.stack([light, lab[..., 1] * middle, lab[..., 2] * middle], axis=-1)
        srgb = from_oklab(scaled)
        fits = ((srgb >= -1e-3) & (srgb <= 1 + 1e-3)).all(axis=-1)
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    return low


def _lightness(light: Floats, look: Look) -> Floats:
    """Map L in [0, 1] by a look's curve, which rises from ``black`` at 0 to ``white`` at 1."""
    curve = np.clip(light, 0, 1) ** look.gamma
    pivot = look.pivot
    below = pivot * (np.minimum(curve, pivot) / pivot) ** look.contrast
    above = 1 - (1 - pivot) * ((1 - np.maximum(curve, pivot)) / (1 - pivot)) ** look.contrast
    curve = np.where(curve < pivot, below, above)
    toned: Floats = (look.black + (look.white - look.black) * curve).astype(np.float32)
    return toned


def _turned(a: Floats, b: Floats, turn: HueTurn) -> tuple[Floats, Floats]:
    hue = np.degrees(np.arctan2(b, a))
    away = np.abs((hue - turn.center + 180) % 360 - 180)
    share = 0.5 + 0.5 * np.cos(np.pi * np.clip(away / turn.width, 0, 1))
    angle = np.radians(share * turn.by)
    factor = 1 + share * (turn.chroma - 1)
    return (
        (factor * (a * np.cos(angle) - b * np.sin(angle))).astype(np.float32),
        (factor * (a * np.sin(angle) + b * np.cos(angle))).astype(np.float32),
    )
