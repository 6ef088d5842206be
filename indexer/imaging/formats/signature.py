"""Recognize the format of a file by its first bytes."""

from __future__ import annotations

_AVIF_BRANDS = (b"avif", b"avis")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx")
_HEIF_BRANDS = ("mif1", "msf1")
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


def recognize(data: bytes) -> str | None:
    """Return the format name by the first bytes, or None if the format is not supported."""
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
        if any(brand in _HEIC_BRANDS for brand in brands):
            return "HEIC"
    return None


def describe(data: bytes) -> str:
    """Return what data of an unsupported format seems to be, such as ``a PDF document``."""
    head = data[:512]
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for magic, description in _FOREIGN:
        if start.startswith(magic.lower()):
            return description
    if start.startswith(b"<?xml") and b"<svg" in start:
        return "an SVG drawing"
    if data[4:8] == b"ftyp":
        brand = data[8:12].decode("ascii", "replace").strip()
        if brand in _HEIF_BRANDS:
            return "a HEIF picture"
        is_name = brand.isascii() and brand.isprintable()
        return f"an ISO media file ({brand})" if is_name else "an ISO media file"
    if all(byte in b"\t\n\r\f\b" or 32 <= byte < 127 or byte >= 128 for byte in head):
        return "text"
    return "unknown data"
