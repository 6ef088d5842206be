"""Move the edges of a coarse map to the edges of the picture that it was found in.

The guided filter with a guide of three colors: K. He, J. Sun, X. Tang, "Guided image filtering",
ECCV 2010, section 3.4. Around each point, the result is a linear function of the picture's colors;
it is fitted at the size of the map (K. He, J. Sun, "Fast guided filter", arXiv:1505.00996).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from style.planes import box_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from indexer.arrays import Pixels

    Floats = NDArray[np.float32]

_RADIUS = 2  # points of the map; wider squares move thin things
_SMOOTH = 1e-3  # variances of colors in [0, 1] below this count as noise


def follow_edges(plane: Floats, picture: Pixels) -> Floats:
    """Return a map (h, w) with the edges of a picture (H, W, 3) of at least its size, as (H, W).

    Where the picture has one color, the result is smooth. Values may leave the range of the map a
    little.
    """
    height, width = plane.shape
    image = Image.fromarray(picture)
    small = np.asarray(image.resize((width, height), Image.Resampling.BOX))
    lines = _fit(plane, small.astype(np.float32) / np.float32(255))  # (4, h, w)
    red, green, blue, offset = (
        np.asarray(Image.fromarray(line).resize(image.size, Image.Resampling.BILINEAR))
        for line in lines
    )
    colors = picture.astype(np.float32) / np.float32(255)
    return np.asarray(
        red * colors[..., 0] + green * colors[..., 1] + blue * colors[..., 2] + offset, np.float32
    )


def _fit(plane: Floats, guide: Floats) -> Floats:
    """Return the slopes and the offset (4, h, w) of a map over the colors (h, w, 3) around it."""
    mean_guide, mean_plane = box_mean(guide, _RADIUS), box_mean(plane, _RADIUS)
    pairs = box_mean(guide[..., :, None] * guide[..., None, :], _RADIUS)
    spread = pairs - mean_guide[..., :, None] * mean_guide[..., None, :]  # (h, w, 3, 3)
    spread += _SMOOTH * np.eye(3, dtype=np.float32)
    shared = box_mean(guide * plane[..., None], _RADIUS) - mean_guide * mean_plane[..., None]
    slopes = np.linalg.solve(spread, shared[..., None])[..., 0].astype(np.float32)  # (h, w, 3)
    offset = mean_plane - (slopes * mean_guide).sum(axis=2)
    lines = box_mean(np.concatenate([slopes, offset[..., None]], axis=2), _RADIUS)
    return np.ascontiguousarray(lines.transpose(2, 0, 1))
