"""The rule for paths of images: a catalog reaches its own folder and nothing else."""

from __future__ import annotations

import posixpath
from pathlib import Path

from indexer.errors import BadImage


def image_path(root: Path, path: str) -> Path:
    """Where an image of the catalog in ``root`` lies.

    BadImage for a URL and for a path that leaves the folder: a catalog written by somebody
    else must not make its index out of this machine's other files.
    """
    if "://" in path:
        raise BadImage("a URL; images are read from disk, not fetched")
    clean = posixpath.normpath(path.replace("\\", "/"))
    if clean.startswith(("/", "../")) or clean == ".." or "\0" in clean or clean[1:2] == ":":
        raise BadImage("outside the catalog's folder; move or link it inside")
    return root / clean
