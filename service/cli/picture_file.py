"""Write pictures to files: check the format, and never leave half a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import BadQuery, CannotWrite

if TYPE_CHECKING:
    from indexer.arrays import Pixels

_FORMATS = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
_LONGEST_SIDE = {"JPEG": 65_500, "PNG": 2**31 - 1, "WEBP": 16_383}  # pixels that a format can have


def check_format(photo: Path, out: Path) -> str:
    """Return the format that the name of a file asks for.

    Raises BadQuery for an unknown ending, and for the photo itself, which must not be overwritten.
    """
    if out.suffix.lower() not in _FORMATS:
        raise BadQuery(f"--out must end in {', '.join(_FORMATS)}, got {str(out)!r}", param="out")
    if out.exists() and photo.exists() and out.samefile(photo):
        raise BadQuery(f"--out must not be the photo itself, {out}; name another file", param="out")
    return _FORMATS[out.suffix.lower()]


def write_picture(pixels: Pixels, out: Path, file_format: str) -> None:
    """Write a picture (h, w, 3). An existing file is replaced only once the new one is complete.

    Raises CannotWrite, also if the format cannot hold so many pixels.
    """
    from PIL import Image

    height, width = pixels.shape[:2]
    most = _LONGEST_SIDE[file_format]
    if max(height, width) > most:
        raise CannotWrite(
            f"cannot write {out}: {width} x {height} pixels, and {file_format} has at most {most} "
            "a side; name a .png file"
        )
    part = out.with_name(f".{out.name}.part")
    options = {"JPEG": {"quality": 93, "subsampling": 0}, "WEBP": {"quality": 92}}
    try:
        Image.fromarray(pixels).save(part, file_format, **options.get(file_format, {}))
        part.replace(out)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise CannotWrite(f"cannot write {out}: {error.strerror or error}") from error
