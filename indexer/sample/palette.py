"""The named colors of the shop."""

from __future__ import annotations

Rgb = tuple[int, int, int]

COLORS: dict[str, Rgb] = {
    "white": (244, 242, 238),
    "cream": (238, 225, 198),
    "sand": (214, 188, 150),
    "camel": (188, 140, 88),
    "brown": (116, 74, 48),
    "gray": (150, 152, 156),
    "charcoal": (74, 77, 84),
    "black": (40, 40, 44),
    "navy": (38, 52, 98),
    "blue": (52, 104, 190),
    "sky blue": (140, 188, 226),
    "teal": (24, 128, 132),
    "mint": (164, 216, 190),
    "green": (60, 138, 80),
    "olive": (124, 124, 62),
    "forest green": (34, 78, 58),
    "yellow": (244, 200, 66),
    "mustard": (208, 154, 40),
    "orange": (234, 126, 48),
    "coral": (240, 124, 104),
    "red": (204, 46, 50),
    "burgundy": (122, 30, 52),
    "pink": (242, 172, 186),
    "lilac": (186, 164, 216),
    "purple": (104, 66, 142),
}

# Second colors that go well with a first color, best first.
PARTNERS: dict[str, tuple[str, ...]] = {
    "white": ("navy", "red", "teal", "black", "forest green"),
    "cream": ("brown", "burgundy", "forest green", "coral", "navy"),
    "sand": ("charcoal", "white", "teal", "burgundy", "navy"),
    "camel": ("cream", "navy", "black", "white", "forest green"),
    "brown": ("cream", "sky blue", "mustard", "sand", "white"),
    "gray": ("white", "yellow", "navy", "coral", "black"),
    "charcoal": ("white", "mint", "mustard", "coral", "sky blue"),
    "black": ("white", "sand", "red", "yellow", "gray"),
    "navy": ("white", "sky blue", "mustard", "coral", "cream"),
    "blue": ("white", "yellow", "navy", "orange", "sky blue"),
    "sky blue": ("white", "navy", "coral", "yellow", "brown"),
    "teal": ("white", "cream", "mustard", "coral", "navy"),
    "mint": ("white", "forest green", "coral", "navy", "teal"),
    "green": ("white", "cream", "navy", "yellow", "forest green"),
    "olive": ("cream", "black", "orange", "white", "mustard"),
    "forest green": ("cream", "mustard", "white", "pink", "sand"),
    "yellow": ("white", "charcoal", "navy", "teal", "orange"),
    "mustard": ("cream", "navy", "white", "brown", "charcoal"),
    "orange": ("white", "navy", "cream", "brown", "teal"),
    "coral": ("white", "navy", "cream", "teal", "burgundy"),
    "red": ("white", "navy", "black", "cream", "pink"),
    "burgundy": ("cream", "pink", "white", "mustard", "sand"),
    "pink": ("white", "burgundy", "red", "gray", "navy"),
    "lilac": ("white", "purple", "navy", "yellow", "mint"),
    "purple": ("white", "lilac", "yellow", "cream", "pink"),
}

METALS: dict[str, Rgb] = {
    "steel": (206, 210, 216),
    "brass": (226, 186, 104),
    "copper": (220, 142, 106),
    "black": (62, 63, 68),
}

WOODS: dict[str, Rgb] = {
    "oak": (212, 168, 116),
    "walnut": (120, 78, 50),
    "birch": (232, 204, 160),
    "ebony": (66, 52, 46),
}


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """Mix two colors; ``share`` is that of the second."""
    r, g, b = (round(a + (c - a) * share) for a, c in zip(first, second, strict=True))
    return (r, g, b)


def lighter(color: Rgb, share: float) -> Rgb:
    """Lighten a color toward white by a share in [0, 1]."""
    return mix(color, (255, 255, 255), share)


def darker(color: Rgb, share: float) -> Rgb:
    """Darken a color toward a cool black by a share in [0, 1]."""
    return mix(color, (14, 14, 22), share)


def distance(first: str, second: str) -> float:
    """Return the distance of two named colors, in 8-bit levels."""
    pairs = zip(COLORS[first], COLORS[second], strict=True)
    return float(sum((a - b) ** 2 for a, b in pairs) ** 0.5)
