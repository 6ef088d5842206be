"""The array types of this package: pictures, and masks of pictures."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
"""A picture, (h, w, 3), sRGB, upright."""

Alpha: TypeAlias = NDArray[np.uint8]
"""A soft mask, (h, w): 0 keeps the input, 255 gives the style, values between blend both."""

Floats: TypeAlias = NDArray[np.float32]
"""Colors or planes in computation; each use documents its shape."""
