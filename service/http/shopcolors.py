"""The page's accent color, from the color of the shop, readable in the light and the dark theme."""

from __future__ import annotations

from typing import TypeAlias

_RGB: TypeAlias = tuple[float, float, float]

_CONTRAST = 4.5  # WCAG AA, of text on its background
_LIGHT_PAGE: _RGB = (1.0, 1.0, 1.0)
_LIGHT_WASH = 0.1  # share of the accent behind text in the accent's color
_DARK_PAGE: _RGB = (0x16 / 255, 0x1A / 255, 0x1A / 255)
_STEPS = 50


def accent_styles(color: str) -> str:
    """Return the style sheet that sets the accent to a color ``#rrggbb``; "" for no color.

    The color is made darker, and lighter for the dark theme, until text in it can be read.
    """
    if not color:
        return ""
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    given = (red, green, blue)
    light = _rules(_readable(given, _LIGHT_PAGE, (0.0, 0.0, 0.0)), _LIGHT_PAGE)
    dark = _rules(_readable(given, _DARK_PAGE, (1.0, 1.0, 1.0)), _DARK_PAGE)
    follows = ':root:not([data-theme="light"])'
    return (
        f":root {{ {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ {follows} {{ {dark} }} }}\n"
        f':root[data-theme="dark"] {{ {dark} }}\n'
    )


def _rules(accent: _RGB, page: _RGB) -> str:
    wash = _mixed(page, accent, _LIGHT_WASH)
    on_accent = max(((0.0, 0.0, 0.0), _LIGHT_PAGE), key=lambda text: contrast(text, accent))
    return f"--accent: {_hex(accent)}; --accent-wash: {_hex(wash)}; --on-accent: {_hex(on_accent)};"


def _readable(color: _RGB, page: _RGB, toward: _RGB) -> _RGB:
    for step in range(_STEPS + 1):
        mixed = _mixed(color, toward, step / _STEPS)
        if contrast(mixed, _mixed(page, mixed, _LIGHT_WASH)) >= _CONTRAST:
            return mixed
    return toward


def contrast(first: _RGB, second: _RGB) -> float:
    """Return the contrast of two colors as WCAG 2 defines it: from 1 to 21."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def _luminance(color: _RGB) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mixed(color: _RGB, other: _RGB, share: float) -> _RGB:
    red, green, blue = (a + (b - a) * share for a, b in zip(color, other, strict=True))
    return red, green, blue


def _hex(color: _RGB) -> str:
    return "#" + "".join(f"{round(part * 255):02x}" for part in color)
