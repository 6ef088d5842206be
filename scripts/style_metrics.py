"""The arithmetic of eval_style.py: color differences, descriptors of style, rank correlation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from style.oklab import oklab_of_pixels
from style.planes import gaussian, gradient

Pixels = NDArray[np.uint8]
Floats = NDArray[np.floating]

_WHITE = np.array([0.95047, 1.0, 1.08883])  # D65
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def cielab(pixels: Pixels) -> Floats:
    """Convert uint8 sRGB (..., 3) to CIELAB (D65)."""
    srgb = pixels / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _WHITE
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    light = 116 * root[..., 1] - 16
    return np.stack(
        [light, 500 * (root[..., 0] - root[..., 1]), 200 * (root[..., 1] - root[..., 2])], axis=-1
    )


def ciede2000(first: Floats, second: Floats) -> Floats:
    """Return the color differences of CIELAB (..., 3), after Sharma, Wu and Dalal, 2005."""
    l1, a1, b1 = np.moveaxis(np.asarray(first, float), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(second, float), -1, 0)
    mean_chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    g = 0.5 * (1 - np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25.0**7)))
    a1, a2 = a1 * (1 + g), a2 * (1 + g)
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180
    gray = c1 * c2 == 0
    delta_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(np.where(gray, 0, turn)) / 2)
    mean_h = np.where(
        np.abs(h1 - h2) > 180, (h1 + h2 + np.where(h1 + h2 < 360, 360, -360)) / 2, (h1 + h2) / 2
    )
    mean_h = np.where(gray, h1 + h2, mean_h)
    t = (
        1
        - 0.17 * np.cos(np.radians(mean_h - 30))
        + 0.24 * np.cos(np.radians(2 * mean_h))
        + 0.32 * np.cos(np.radians(3 * mean_h + 6))
        - 0.20 * np.cos(np.radians(4 * mean_h - 63))
    )
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    s_l = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    s_c, s_h = 1 + 0.045 * chroma, 1 + 0.015 * chroma * t
    turned = np.sin(2 * np.radians(30 * np.exp(-(((mean_h - 275) / 25) ** 2))))
    r_t = -2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7)) * turned
    parts = (l2 - l1) / s_l, (c2 - c1) / s_c, delta_h / s_h
    return np.sqrt(sum(part**2 for part in parts) + r_t * parts[1] * parts[2])


def style_descriptor(pixels: Pixels) -> Floats:
    """Describe colors and textures of a picture by 60 numbers; where things are does not count.

    Quantiles of the Oklab channels; energies of bands of four scales, in lightness and chroma, and
    their direction. No network, so nothing that a loss has seen.
    """
    image = Image.fromarray(pixels)
    scale = min(1, 512 / max(image.size))
    size = (max(8, round(image.width * scale)), max(8, round(image.height * scale)))
    lab = oklab_of_pixels(np.asarray(image.resize(size, Image.Resampling.BICUBIC)))
    found = [np.quantile(lab[..., c], np.linspace(0.02, 0.98, 9)) * (1, 3, 3)[c] for c in range(3)]
    for channel in range(3):
        plane = lab[..., channel]
        for sigma in (0.0, 0.8, 1.6, 3.2):
            band = plane - gaussian(plane, max(0.7, 2 * sigma))
            plane = gaussian(plane, max(0.7, 2 * sigma))
            energy = np.log(np.mean(band**2) + 1e-6) * 0.1
            peaks = np.log(np.mean(np.abs(band)) ** 2 / (np.mean(band**2) + 1e-9) + 1e-2) * 0.1
            found.append(np.array([energy, peaks]))
    across, down = gradient(lab[..., 0])
    strength = np.hypot(across, down)
    angle = np.arctan2(down, across) % np.pi
    counts, _ = np.histogram(angle, 8, (0, np.pi), weights=strength)
    found.append(counts / max(counts.sum(), 1e-9))
    found.append(np.array([strength.mean() * 3]))
    return np.concatenate(found)


def classify(descriptors: Floats, labels: NDArray[np.int64], train: NDArray[np.bool_]) -> float:
    """Fit a ridge classifier to a part of (n, d) and return its accuracy on the rest."""
    mean, spread = descriptors[train].mean(0), descriptors[train].std(0) + 1e-6
    x = (descriptors - mean) / spread
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    targets = np.eye(int(labels.max()) + 1)[labels]  # (n, styles)
    gram = x[train].T @ x[train] + 1.0 * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x[train].T @ targets[train])
    right = (x @ weights).argmax(1) == labels
    return float(right[~train].mean())


def spearman(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the rank correlation of two sequences without ties."""
    ranks = [np.argsort(np.argsort(values)).astype(float) for values in (first, second)]
    return float(np.corrcoef(ranks)[0, 1])


def color_distance(first: Pixels, second: Pixels, directions: int = 24) -> float:
    """Return the sliced Wasserstein distance of the colors of two pictures, in Oklab."""
    rng = np.random.default_rng(0)
    lines = rng.standard_normal((3, directions))
    lines /= np.linalg.norm(lines, axis=0)
    shares = np.linspace(0, 1, 101)
    spread = [
        np.quantile(oklab_of_pixels(pixels).reshape(-1, 3)[::7] @ lines, shares, axis=0)
        for pixels in (first, second)
    ]
    return float(np.abs(spread[0] - spread[1]).mean())
