"""The only decoder: hostile bytes in, sRGB pixels out.

An image is recognized by its content, never by its name. Its size is read before any
pixel is decoded, so a small file cannot claim gigabytes. What comes out is always uint8
(h, w, 3) in sRGB, upright, without alpha and without metadata.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from indexer.errors import BadImage

if TYPE_CHECKING:
    from indexer.arrays import Pixels

Box: TypeAlias = tuple[float, float, float, float]
"""A region ``(x0, y0, x1, y1)`` of the upright image, each in [0, 1], origin top left."""

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


class ImageLimits(NamedTuple):
    """What is refused before decoding: more than this many megapixels or megabytes."""

    megapixels: float = 64.0
    megabytes: float = 32.0


class ImageInfo(NamedTuple):
    """What the header says: format name, and width and height of the upright image."""

    format: str
    width: int
    height: int


LIMITS = ImageLimits()

# Each plugin is called directly: Image.open would try others, and would read the size
# against a limit that is global to the process.
_OPENERS: dict[str, Callable[[io.BytesIO], Image.Image]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}
_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = ("heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1")
_FOREIGN = (
    (b"%PDF", "a PDF document"),
    (b"BM", "a BMP image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"PK\3\4", "a ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"<svg", "an SVG drawing"),
    (b"<!DOCTYPE", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"8BPS", "a Photoshop file"),
)
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_EXIF_ORIENTATION = 0x0112
_MOST_PROFILE = 4_000_000  # printers' profiles have 2 MB; transforms are kept by profile


def read_image_file(path: Path, limits: ImageLimits = LIMITS) -> bytes:
    """The bytes of an image file; more than the limit is never read.

    Raises BadImage where there is no such file, it cannot be read, or it is too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(int(limits.megabytes * 1e6) + 1)
    except FileNotFoundError:
        raise BadImage("no such file") from None
    except OSError as error:
        raise BadImage(f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a NUL in the path
        raise BadImage(f"cannot be read: {error}") from error
    _check_bytes(data, limits)
    return data


def inspect(data: bytes, limits: ImageLimits = LIMITS) -> ImageInfo:
    """Read the header only. Raises BadImage as ``decode`` does, except for broken pixels."""
    image, name = _open(data, limits)
    width, height = image.size
    if _orientation(image) >= 5:
        width, height = height, width
    return ImageInfo(name, width, height)


def decode(
    data: bytes, *, side: int | None = None, box: Box = WHOLE, limits: ImageLimits = LIMITS
) -> Pixels:
    """Decode to sRGB pixels (h, w, 3), upright, alpha on white, cut to ``box``.

    With ``side`` the image may come out smaller than it is stored, as long as its shorter
    side (after the cut) keeps at least ``side`` pixels or its full size: JPEG is then
    decoded at 1/2, 1/4 or 1/8 scale in the DCT, which makes a phone photo several times
    cheaper. Of an animation, the first frame.

    Raises BadImage for empty, foreign, truncated or too large input, and for a box that is
    empty or outside the image.
    """
    left, top, right, bottom = check_box(box)
    image, name = _open(data, limits)
    try:
        wanted = 1
        if side is not None:
            wanted = max(1, int(np.ceil(side / min(right - left, bottom - top))))
            if name == "JPEG":
                image.draft(image.mode, (wanted, wanted))
        turn = _orientation(image)
        image.load()
        factor = min(image.size) // (2 * wanted) if side is not None else 1
        profile = image.info.get("icc_profile")
        # Converting the smaller image is cheaper, but only these modes can be averaged as
        # they are: a palette's numbers or a transparent key color cannot.
        early = image.mode in ("RGB", "L", "CMYK") and "transparency" not in image.info
        still: Image.Image = image.reduce(factor) if early and factor > 1 else image
        still = _to_srgb(still, profile if isinstance(profile, bytes) else b"")
        if not early and factor > 1:
            still = still.reduce(factor)
        if turn in _TRANSPOSE:
            still = still.transpose(_TRANSPOSE[turn])
    except BadImage:
        raise
    except (Exception, MemoryError) as error:  # a plugin may raise anything on hostile bytes
        raise BadImage(f"a broken {name} image of {_size(len(data))}: {_reason(error)}") from error
    if box != WHOLE:
        width, height = still.size
        x0, y0 = int(left * width), int(top * height)
        x1, y1 = int(np.ceil(right * width)), int(np.ceil(bottom * height))
        still = still.crop((x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)))
    return np.array(still, dtype=np.uint8)


def check_box(box: Box) -> Box:
    """The box itself if it is one; BadImage when it is empty, reversed or leaves [0, 1]."""
    x0, y0, x1, y1 = box
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise BadImage(
            f"box must be x0,y0,x1,y1 with 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1, got {box}",
            param="box",
        )
    return box


def thumbnail(pixels: Pixels, side: int, quality: int = 85) -> bytes:
    """A JPEG of at most ``side`` pixels on the longer side; smaller input keeps its size."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=False)
    return out.getvalue()


def recognize(data: bytes) -> str | None:
    """The name of the format these bytes are in, by their first bytes; None when foreign."""
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[4:8] == b"ftyp":
        end = min(int.from_bytes(data[:4], "big"), 256)
        brands = [data[8:12], *(data[at : at + 4] for at in range(16, end, 4))]
        if any(brand in _AVIF_BRANDS for brand in brands):
            return "AVIF"
    return None


def _open(data: bytes, limits: ImageLimits) -> tuple[Image.Image, str]:
    _check_bytes(data, limits)
    name = recognize(data)
    if name is None:
        raise BadImage(
            f"not an image we read (JPEG, PNG, WebP, GIF, AVIF): {_size(len(data))} of "
            f"{_describe(data)}"
        )
    if name == "WebP":  # its plugin allocates the canvas before it tells the size
        _check_pixels(*_webp_size(data), name, limits)
    try:
        image = _OPENERS[name](io.BytesIO(data))
    except (Exception, MemoryError) as error:
        raise BadImage(f"a broken {name} image of {_size(len(data))}: {_reason(error)}") from error
    _check_pixels(*image.size, name, limits)
    return image, name


def _check_bytes(data: bytes, limits: ImageLimits) -> None:
    if not data:
        raise BadImage("empty: 0 bytes, expected an image")
    if len(data) > limits.megabytes * 1e6:
        raise BadImage(f"too large: over {limits.megabytes:g} MB")


def _check_pixels(width: int, height: int, name: str, limits: ImageLimits) -> None:
    if width * height > limits.megapixels * 1e6:
        raise BadImage(
            f"too large: {name} of {width} x {height} = {width * height / 1e6:.0f} megapixels, "
            f"at most {limits.megapixels:g} are read"
        )
    if width < 1 or height < 1:
        raise BadImage(f"a broken {name} image: {width} x {height} pixels")


def _webp_size(data: bytes) -> tuple[int, int]:
    """Width and height from the first chunk (RFC 9649, sections 2.5 to 2.7)."""
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        raise BadImage(f"a broken WebP image of {_size(len(data))}: the header is cut short")
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return (
            int.from_bytes(body[6:8], "little") & 0x3FFF,
            int.from_bytes(body[8:10], "little") & 0x3FFF,
        )
    raise BadImage(f"a broken WebP image: unknown chunk {kind!r}")


def _orientation(image: Image.Image) -> int:
    # A photo with good pixels and broken EXIF is still a photo; it is taken as it lies.
    # The base class is asked: PNG's own method would decode all pixels to look behind them.
    try:
        turn = int(Image.Image.getexif(image).get(_EXIF_ORIENTATION, 1))
    except Exception:  # noqa: BLE001
        return 1
    return turn if turn in _TRANSPOSE else 1


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Any Pillow mode to RGB: alpha on white, 16 bit to 8, embedded color profile applied."""
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "I;16N", "F"):
        wide = np.asarray(image).astype(np.float32)  # (h, w), 0 to 65535
        image = Image.fromarray(np.clip(np.rint(wide / 257.0), 0, 255).astype(np.uint8))
    if "A" in image.mode or "a" in image.mode or "transparency" in image.info:
        layered = image.convert("RGBA")
        image = Image.new("RGB", layered.size, (255, 255, 255))
        image.paste(layered, mask=layered.getchannel("A"))
    if image.mode not in ("RGB", "CMYK", "L"):
        image = image.convert("RGB")
    known = 0 < len(profile) <= _MOST_PROFILE
    if known and (transform := _transform(profile, image.mode)) is not None:
        try:
            converted = ImageCms.applyTransform(image, transform)
        except ImageCms.PyCMSError:
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From an embedded profile to sRGB; None when it is sRGB already, broken, or for other modes.

    Phones write Display P3 and cameras Adobe RGB: ignoring that shifts every color a shopper
    searches for.
    """
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return None
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _describe(data: bytes) -> str:
    head = data[:512]
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for magic, what in _FOREIGN:
        if start.startswith(magic.lower()):
            return what
    if start.startswith(b"<?xml") and b"<svg" in start:
        return "an SVG drawing"
    if data[4:8] == b"ftyp":
        brand = data[8:12].decode("ascii", "replace").strip()
        return "a HEIC photo" if brand in _HEIC_BRANDS else f"an ISO media file ({brand})"
    if all(byte in b"\t\n\r\f\b" or 32 <= byte < 127 or byte >= 128 for byte in head):
        return "text"
    return "unknown data"


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text[:160] or type(error).__name__


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1e3:.0f} kB" if count < 1e6 else f"{count / 1e6:.1f} MB"
