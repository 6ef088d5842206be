"""Read photos that programs send as text: base64 of any flavor, or a data URI."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import unquote_to_bytes

_DATA_URI = re.compile(r"data:(?P<type>[^,]*),", re.IGNORECASE)
_MOST_ESCAPES = 1_000_000  # each takes 0.4 us; a photo of 20 MB in base64 has fewer + and /
_SPACE = re.compile(r"[\s\x00]+")
_FOREIGN = re.compile(r"[^A-Za-z0-9+/]")


def is_data_uri(text: str) -> bool:
    """Return True if a text is a data URI, such as ``data:image/png;base64,iVBOR...``."""
    return _DATA_URI.match(text) is not None


def decode_base64(text: str) -> bytes:
    """Return the bytes of a text in base64, or of a data URI.

    Line breaks, the URL-safe letters ``-`` and ``_``, percent escapes and missing padding are
    accepted, because the libraries of other languages write all of them. Raises ValueError, which
    names the first letter that is wrong.
    """
    text = text.lstrip("\ufeff \t\r\n")
    if (uri := _DATA_URI.match(text)) is not None:
        kinds = uri["type"].lower().split(";")
        if "base64" not in (kind.strip() for kind in kinds):
            return _unquoted(text[uri.end() :])
        text = text[uri.end() :]
    if "%" in text:
        text = _unquoted(text).decode("latin-1")
    if _SPACE.search(text):
        text = _SPACE.sub("", text)
    plain = text.rstrip("=").translate({ord("-"): "+", ord("_"): "/"})
    if (wrong := _FOREIGN.search(plain)) is not None:
        raise ValueError(f"{wrong[0]!r} at character {wrong.start() + 1} is not a letter of base64")
    if len(plain) % 4 == 1:
        raise ValueError(f"{len(plain)} letters are not a whole number of bytes; is it cut off?")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _unquoted(text: str) -> bytes:
    if text.count("%") > _MOST_ESCAPES:
        raise ValueError(f"over {_MOST_ESCAPES:,} percent escapes; send it as base64")
    return unquote_to_bytes(text)
