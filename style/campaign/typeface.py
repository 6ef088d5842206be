"""Measure and draw lines of text with fonts that stand in for each other, character by character.

The bundled fonts are subsets; ``fonts/README.md`` gives their sources and licenses. Characters that
no font has are left out and reported, and so are letters that run to the left where Pillow lacks
the library that orders them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from PIL import ImageDraw, ImageFont, features

from style.campaign.charmap import characters_of
from style.errors import BadFont
from style.regularfile import open_regular

__all__ = ["CAP", "Face", "Typeface", "bundled", "read_face"]

CAP = 0.727
"""The height of capitals of the bundled Latin fonts, as a share of the size."""
_MOST = 64_000_000  # bytes of a font file
_UNPRINTED = ("Cc", "Cf", "Cs", "Co", "Cn")  # categories without a shape of their own
_SIZES = (6, 600)
_LEFTWARD = ("R", "AL")  # letters of Hebrew, Arabic and others that run to the left


class Face:
    """A font file, at any size."""

    def __init__(self, data: bytes, name: str) -> None:
        """Read a TrueType or OpenType font. Raises BadFont."""
        self.characters = characters_of(data, name)
        self._data, self._name = data, name
        self._fonts: dict[int, ImageFont.FreeTypeFont] = {}
        self.at(32)  # a font that cannot be drawn is refused now

    def at(self, size: int) -> ImageFont.FreeTypeFont:
        """Return the font at a size in pixels. Raises BadFont."""
        size = min(max(size, _SIZES[0]), _SIZES[1])
        if size not in self._fonts:
            try:
                self._fonts[size] = ImageFont.truetype(BytesIO(self._data), size)
            except (OSError, ValueError) as error:
                raise BadFont(f"{self._name}: the font cannot be drawn: {error}") from error
        return self._fonts[size]


class _Run(NamedTuple):
    face: Face
    text: str


class Typeface:
    """Fonts in the order in which they are tried for each character."""

    def __init__(self, faces: Sequence[Face]) -> None:
        """Take at least one font."""
        self._faces = tuple(faces)

    def drawable(self, text: str) -> tuple[str, str]:
        """Return the text without the characters that no font has, and these characters.

        White space is collapsed, and control and format characters are left out. Characters are
        composed (NFC).
        """
        plain = " ".join(unicodedata.normalize("NFC", text).split())
        kept, missing = [], dict[str, None]()
        for character in plain:
            if unicodedata.category(character) in _UNPRINTED or 0xFE00 <= ord(character) <= 0xFE0F:
                continue
            if self._face_of(character) is None:
                missing[character] = None
            else:
                kept.append(character)
        return " ".join("".join(kept).split()), "".join(missing)

    def width(self, text: str, size: int) -> float:
        """Return the width of a line in pixels."""
        return sum(run.face.at(size).getlength(run.text) for run in self._runs(text))

    def draw(
        self,
        draw: ImageDraw.ImageDraw,
        left: float,
        baseline: float,
        text: str,
        size: int,
        color: tuple[int, int, int],
    ) -> None:
        """Draw a line with its baseline at ``baseline``."""
        for run in self._runs(text):
            font = run.face.at(size)
            draw.text((left, baseline), run.text, fill=color, font=font, anchor="ls")
            left += font.getlength(run.text)

    def _runs(self, text: str) -> list[_Run]:
        """Cut a line where the font changes; a space stays with the font before it if it has one.

        A font without a space, such as the bundled CJK font, would draw a box or a gap of a full
        character.
        """
        runs: list[_Run] = []
        for character in text:
            face = self._face_of(character) or self._faces[0]
            before = runs[-1].face if runs else None
            if before is face or (before and character == " " and 32 in before.characters):
                runs[-1] = _Run(runs[-1].face, runs[-1].text + character)
            else:
                runs.append(_Run(face, character))
        return runs

    def _face_of(self, character: str) -> Face | None:
        if unicodedata.bidirectional(character) in _LEFTWARD and not _is_shaped():
            return None
        code = ord(character)
        return next((face for face in self._faces if code in face.characters), None)


@cache
def _is_shaped() -> bool:
    """Return True if Pillow joins Arabic letters and turns the order of letters that run left."""
    return bool(features.check("raqm"))


def read_face(path: Path) -> Face:
    """Read a font file of the user's. Raises BadFont, which names the file."""
    try:
        with open_regular(path) as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise BadFont(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(data) > _MOST:
        raise BadFont(f"{path}: over {_MOST // 1_000_000} MB; name a font with fewer characters")
    return Face(data, str(path))


@cache
def bundled(weight: str) -> tuple[Face, ...]:
    """Return the fonts of a weight, ``bold`` or ``medium``: Latin, then Chinese, Japanese, Korean.

    Latin has Greek and Cyrillic too. The other font has one weight.
    """
    return _bundled_face(f"latin-{weight}.otf"), _bundled_face("cjk-bold.otf")


@cache
def _bundled_face(name: str) -> Face:
    return Face((resources.files("style.campaign") / "fonts" / name).read_bytes(), name)
