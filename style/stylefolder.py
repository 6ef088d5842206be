"""A folder of a shop's own styles: a ``.cube`` file or a style image for each.

    styles/
      brand.cube       a LUT, as ``style.cubefile`` writes it
      poster.png       a style image, shrunk to at most 512 pixels a side

The name of the file is the name of the style. Files are read when a style is used, so a damaged
one spoils no other style. Only regular files count: links, folders and pipes are passed over.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Generic, NamedTuple, TypeVar

import numpy as np
from PIL import Image

from style.arrays import Pixels
from style.checks import check_pixels
from style.cubefile import cube_bytes, read_cube
from style.errors import BadStyleFile, BadStyleName, UnknownStyle
from style.lut import Lut
from style.regularfile import open_regular
from style.shrink import shrunk
from style.styleimage import StyleImage

__all__ = ["STYLE_FILE", "FileState", "StyleFolder"]

_SIDE = 512  # of a kept style image
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_CUBE, _IMAGE = ".cube", ".png"
STYLE_FILE = re.compile(rf"{_NAME.pattern}\.(cube|png)")
"""What a file of the folder is called."""

T = TypeVar("T")


class FileState(NamedTuple):
    """A file of the folder; a file that is written again differs in at least one field."""

    name: str
    modified_ns: int
    size: int
    inode: int


class StyleFolder:
    """Adds, removes and reads the styles of a folder. The folder need not exist."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """List the styles, sorted. Files with other names are passed over."""
        return sorted({*self._stems(_CUBE), *self._stems(_IMAGE)})

    def file_names(self) -> list[str]:
        """List the names of the files of the styles, sorted."""
        return sorted(
            f"{stem}{suffix}" for suffix in (_CUBE, _IMAGE) for stem in self._stems(suffix)
        )

    def files(self) -> list[FileState]:
        """List the state of the files of the styles, sorted by name. Raises BadStyleFile."""
        states: list[FileState] = []
        for name in self.file_names():
            with suppress(OSError):  # deleted since it was listed, or a broken link
                file = (self.path / name).stat()
                states.append(FileState(name, file.st_mtime_ns, file.st_size, file.st_ino))
        return states

    def luts(self) -> Mapping[str, Lut]:
        """Return the LUTs of the ``.cube`` files, by name; each is read when looked up."""
        return _Lazy(self._stems(_CUBE), lambda name: self._lut(name))

    def images(self) -> Mapping[str, StyleImage]:
        """Return the style images, by name; each is read when looked up."""
        return _Lazy(self._stems(_IMAGE), lambda name: StyleImage(self.image(name)))

    def image(self, name: str) -> Pixels:
        """Read the style image (h, w, 3) of a style. Raises BadStyleFile."""
        return _read_image(self.path / f"{name}{_IMAGE}")

    def add_lut(self, name: str, lut: Lut) -> None:
        """Keep a LUT under a name. Raises BadStyleName, or BadStyleFile if it cannot be written."""
        self._write(name, _CUBE, lambda file: file.write(cube_bytes(lut)))

    def add_image(self, name: str, pixels: Pixels) -> None:
        """Keep a style image (h, w, 3) under a name. Raises as ``add_lut``, or BadPixels."""
        small = Image.fromarray(shrunk(check_pixels(pixels), _SIDE))
        self._write(name, _IMAGE, lambda file: small.save(file, "PNG"))

    def remove(self, name: str) -> None:
        """Delete the files of a style. Raises UnknownStyle, BadStyleFile."""
        if name not in self.names():
            raise UnknownStyle(name, self.names())
        for suffix in (_CUBE, _IMAGE):
            if name not in self._stems(suffix):
                continue
            path = self.path / f"{name}{suffix}"
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise BadStyleFile(f"{path}: cannot be deleted: {error.strerror}") from error

    def _write(self, name: str, suffix: str, write: Callable[[IO[bytes]], object]) -> None:
        """Write a file whole or not at all."""
        if not _NAME.fullmatch(name):
            raise BadStyleName(
                f"a style's name has 1 to 40 of a-z, 0-9 and -, and begins with no -; got "
                f"{name[:60]!r}",
                param="name",
            )
        if name in self.names():
            raise BadStyleName(
                f"{self.path} has a style {name!r}; remove it first, or choose another name",
                param="name",
            )
        part = self.path / f".{name}{suffix}.{secrets.token_hex(8)}.part"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:  # never through a link that was left here
                write(file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path / f"{name}{suffix}")
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise BadStyleFile(
                f"{self.path}: the style {name!r} cannot be written: {error.strerror or error}"
            ) from error

    def _lut(self, name: str) -> Lut:
        return read_cube(self.path / f"{name}{_CUBE}", partial(open_regular, links=False))

    def _stems(self, suffix: str) -> list[str]:
        try:
            files = [
                path for path in self.path.iterdir() if path.suffix == suffix and _is_regular(path)
            ]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise BadStyleFile(f"{self.path}: cannot be listed: {error.strerror}") from error
        return sorted(path.stem for path in files if _NAME.fullmatch(path.stem))


class _Lazy(Mapping[str, T], Generic[T]):
    """A mapping whose values are made when they are first looked up."""

    def __init__(self, names: list[str], make: Callable[[str], T]) -> None:
        self._names, self._make = names, make
        self._made: dict[str, T] = {}
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        with self._lock:
            if name not in self._made:
                self._made[name] = self._make(name)
            return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:  # deleted since it was listed
        return False


def _read_image(path: Path) -> Pixels:
    """Read a PNG that ``add_image`` wrote; anything else is refused before it is decoded."""
    try:
        with open_regular(path, links=False) as file, Image.open(file, formats=("PNG",)) as image:
            if max(image.size) > _SIDE or image.mode != "RGB":
                raise ValueError(f"{image.size[0]} x {image.size[1]}, {image.mode}")
            return np.asarray(image)
    except FileNotFoundError:
        raise BadStyleFile(f"{path}: no such file") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadStyleFile(
            f"{path}: not a style image as Vitrine writes it ({error}); remove the style and add "
            "it again"
        ) from error
