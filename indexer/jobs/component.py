"""The files of a generation, in components."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Component(NamedTuple):
    """Files of a generation that are written and checked together.

    ``write`` writes the files to the folder of the generation. ``check`` reads them back from
    there and raises IndexCorrupt if their content is wrong. The manifest lists the files of all
    components, so a snapshot needs no list of components.
    """

    name: str
    write: Callable[[Path], None]
    check: Callable[[Path], None] = lambda _folder: None
