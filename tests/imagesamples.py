"""Pictures of four colors in every format, and what their pixels are."""

from __future__ import annotations

import io

from PIL import Image

FORMATS = ("JPEG", "PNG", "WebP", "GIF", "AVIF")
WHITE = (255, 255, 255)
RED, GREEN, BLUE = (200, 30, 40), (30, 160, 60), (40, 60, 200)


def save(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def corners(width: int = 96, height: int = 64) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right: no symmetry."""
    image = Image.new("RGB", (width, height), WHITE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image
