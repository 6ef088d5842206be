"""Resolve image paths of a catalog; they may not leave the catalog's folder."""

from __future__ import annotations

import posixpath
from pathlib import Path

from indexer.errors import BadImage

URL_REASON = (
    "a URL, which is not fetched; vitrine index --fetch does, and VITRINE_FETCH_HOSTS names hosts"
)
_SCHEME_REASON = "a URL of another kind than http and https, which are the only ones fetched"


def image_path(root: Path, path: str) -> Path:
    """Return the path of an image of the catalog in ``root``.

    Raises BadImage for a URL, and for a path outside the folder: a catalog from somebody else must
    not read other files of this machine.
    """
    if "://" in path:
        is_web = path.lstrip().casefold().startswith(("http://", "https://"))
        raise BadImage(URL_REASON if is_web else _SCHEME_REASON)
    clean = posixpath.normpath(path.replace("\\", "/"))
    if clean.startswith(("/", "../")) or clean == ".." or "\0" in clean or clean[1:2] == ":":
        raise BadImage("outside the catalog's folder; copy it there")
    return root / clean
