"""Read and write ``.cube`` files, the LUT format of color grading programs.

Adobe, "Cube LUT Specification", version 1.0, 2013: each line is a keyword or three numbers, and red
varies fastest. Supported are ``TITLE``, ``DOMAIN_MIN``, ``DOMAIN_MAX``, comments, either
``LUT_3D_SIZE`` or ``LUT_1D_SIZE``, and the ranges that DaVinci Resolve writes. Files are untrusted:
sizes are checked before a row is stored, and the lengths of lines and files are limited.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, NoReturn

import numpy as np

from style.arrays import Floats
from style.errors import BadCube
from style.lut import MAX_SIZE, Lut, identity_table
from style.regularfile import open_regular

__all__ = ["cube_bytes", "read_cube", "write_cube"]

_LINE = 1000  # bytes of the longest line; the specification allows 250
_FILE = 32_000_000  # bytes: 65 * 65 * 65 rows of long numbers are 20 MB
_LINES = 500_000  # 65 * 65 * 65 rows, and as many comments again
_CURVE = 65_536  # entries of the longest 1D LUT of the specification
_EXTREME = 1e6  # larger values are not colors
_WAY_OUT = "export the LUT again as a .cube of 17, 33 or 65 points"


def read_cube(path: Path, opened: Callable[[Path], IO[bytes]] = open_regular) -> Lut:
    """Read a LUT; a 1D LUT, or a domain other than 0 to 1, is resampled to 65 points a side.

    Values are clipped to [0, 1]. ``opened`` opens the file, and may refuse to by an OSError.
    Raises BadCube with a one-line message: what was expected, what was found, and in which line.
    """
    try:
        with opened(path) as file:
            data = file.read(_FILE + 1)
    except FileNotFoundError:
        raise BadCube(f"{path}: no such file", param="cube") from None
    except (OSError, ValueError) as error:
        raise BadCube(f"{path}: cannot be read: {error}", param="cube") from error
    if len(data) > _FILE:
        raise BadCube(
            f"{path}: over {_FILE // 1_000_000} MB, a .cube of 65 points is smaller; {_WAY_OUT}",
            param="cube",
        )
    return _Reader(path).read(data)


def write_cube(path: Path, lut: Lut, title: str | None = None) -> None:
    """Write a LUT as a 3D ``.cube`` file, see ``cube_bytes``."""
    path.write_bytes(cube_bytes(lut, title))


def cube_bytes(lut: Lut, title: str | None = None) -> bytes:
    """Return a 3D ``.cube`` file of a LUT with six decimals. A " in the title becomes '."""
    name = "".join(sign for sign in (lut.title if title is None else title) if sign.isprintable())
    lines = [f'TITLE "{name[:200].replace(chr(34), chr(39))}"'] if name else []
    lines += [f"LUT_3D_SIZE {lut.size}", "DOMAIN_MIN 0 0 0", "DOMAIN_MAX 1 1 1"]
    lines += [f"{red:.6f} {green:.6f} {blue:.6f}" for red, green, blue in lut.table.reshape(-1, 3)]
    return ("\n".join(lines) + "\n").encode()


class _Reader:
    """Parses a file line by line, and stores what it has found so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._line = 0
        self._title = ""
        self._kind = ""  # "LUT_3D_SIZE" or "LUT_1D_SIZE"
        self._size = 0
        self._domain = {"DOMAIN_MIN": (0.0, 0.0, 0.0), "DOMAIN_MAX": (1.0, 1.0, 1.0)}
        self._rows: list[tuple[float, float, float]] = []

    def read(self, data: bytes) -> Lut:
        for words in self._lines(data):
            if words[0][0] in "+-.0123456789" or words[0].lower() in ("nan", "inf"):
                self._take_row(words)
            elif self._rows:
                self._refuse(f"expected three numbers, got {_shown(' '.join(words))}")
            else:
                self._take_keyword(words)
        self._line = 0
        if not self._size:
            self._refuse("no LUT_3D_SIZE and no LUT_1D_SIZE: this is not a .cube file")
        if len(self._rows) != self._expected():
            self._refuse(
                f"{self._kind} {self._size} needs {self._expected()} rows, got {len(self._rows)}"
            )
        return Lut(self._table(), self._title)

    def _lines(self, data: bytes) -> Iterator[list[str]]:
        """Yield the words of each line, without comments and empty lines."""
        if b"\0" in data[:4096]:
            self._refuse("binary data, expected lines of text")
        start = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        text = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        while start < len(text):
            self._line += 1
            if self._line > _LINES:
                self._refuse(f"over {_LINES:,} lines, a .cube of 65 points has 274,625 rows")
            end = text.find(b"\n", start, start + _LINE + 1)
            if end < 0:
                if len(text) - start > _LINE:
                    self._refuse(f"a line of over {_LINE} bytes, expected three numbers")
                end = len(text)
            line = text[start:end].decode("utf-8", "replace").strip()
            start = end + 1
            if line.startswith("TITLE"):
                self._title = "".join(
                    sign for sign in line[5:].strip().strip('"') if sign.isprintable()
                )
                continue
            words = line.partition("#")[0].split()
            if words:
                yield words

    def _take_keyword(self, words: list[str]) -> None:
        word, values = words[0], words[1:]
        if word in ("LUT_3D_SIZE", "LUT_1D_SIZE"):
            if self._size:
                self._refuse(f"a second size ({word}); files with two LUTs are not read")
            self._kind, self._size = word, self._whole(word, values)
        elif word in self._domain:
            if len(values) != 3:
                self._refuse(f"{word} needs three numbers, got {len(values)}")
            self._domain[word] = self._numbers(values)
        elif word in ("LUT_3D_INPUT_RANGE", "LUT_1D_INPUT_RANGE"):
            if len(values) != 2:
                self._refuse(f"{word} needs two numbers, got {len(values)}")
            low, high, _ = self._numbers([*values, "0"])
            self._domain = {"DOMAIN_MIN": (low,) * 3, "DOMAIN_MAX": (high,) * 3}
        else:
            self._refuse(
                f"unknown keyword {_shown(word)}; known are TITLE, LUT_3D_SIZE, LUT_1D_SIZE, "
                "DOMAIN_MIN, DOMAIN_MAX"
            )

    def _whole(self, word: str, values: list[str]) -> int:
        most = MAX_SIZE if word == "LUT_3D_SIZE" else _CURVE
        text = values[0] if len(values) == 1 else " ".join(values)
        size = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
        if not 2 <= size <= most:
            self._refuse(f"{word} must be a whole number from 2 to {most}, got {_shown(text)}")
        return size

    def _take_row(self, words: list[str]) -> None:
        if not self._size:
            self._refuse("a row of numbers before LUT_3D_SIZE or LUT_1D_SIZE")
        if len(words) != 3:
            self._refuse(f"expected three numbers, got {len(words)}")
        if len(self._rows) == self._expected():
            self._refuse(f"{self._kind} {self._size} has {self._expected()} rows, this is one more")
        self._rows.append(self._numbers(words))

    def _numbers(self, words: list[str]) -> tuple[float, float, float]:
        try:
            red, green, blue = map(float, words)
            if any("_" in word for word in words):  # Python reads 1_0 as 10
                raise ValueError
        except ValueError:
            self._refuse(f"expected three numbers, got {_shown(' '.join(words))}")
        for value in (red, green, blue):
            if not math.isfinite(value) or abs(value) > _EXTREME:
                self._refuse(f"{value} is not a color, expected numbers from -1e6 to 1e6")
        return red, green, blue

    def _expected(self) -> int:
        return self._size**3 if self._kind == "LUT_3D_SIZE" else self._size

    def _table(self) -> Floats:
        low, high = np.array(self._domain["DOMAIN_MIN"]), np.array(self._domain["DOMAIN_MAX"])
        if not (low < high).all():
            self._refuse(f"DOMAIN_MIN {low.tolist()} must be below DOMAIN_MAX {high.tolist()}")
        values = np.clip(np.array(self._rows, np.float32), 0, 1)
        size = self._size
        if self._kind == "LUT_3D_SIZE":
            table = values.reshape(size, size, size, 3)
            if (low == 0).all() and (high == 1).all():
                return table
        places = (identity_table(MAX_SIZE) - low) / (high - low)  # 0 and 1 are the domain's ends
        places = np.clip(places, 0, 1) * (size - 1)  # (65, 65, 65, 3)
        if self._kind == "LUT_3D_SIZE":
            return _trilinear(table, places)
        entries = np.arange(size)
        return np.stack(
            [np.interp(places[..., c], entries, values[:, c]) for c in range(3)], axis=-1
        ).astype(np.float32)

    def _refuse(self, message: str) -> NoReturn:
        where = f"{self._path}, line {self._line}" if self._line else f"{self._path}"
        raise BadCube(f"{where}: {message}; {_WAY_OUT}", param="cube")


def _trilinear(table: Floats, places: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Floats:
    """Interpolate a table (n, n, n, 3) at places (..., 3) in units of entries, red first."""
    low = np.minimum(places.astype(np.intp), table.shape[0] - 2)
    share = places - low
    out = np.zeros(places.shape)
    for corner in range(8):
        step = np.array([corner & 1, corner >> 1 & 1, corner >> 2 & 1])
        weight = np.where(step, share, 1 - share).prod(axis=-1, keepdims=True)
        red, green, blue = np.moveaxis(low + step, -1, 0)
        out += weight * table[blue, green, red]
    return out.astype(np.float32)


def _shown(text: str) -> str:
    """Quote text from a file, shortened, on one line."""
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
