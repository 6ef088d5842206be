"""Object stores such as S3: which URLs are read, and what reads them (fsspec)."""

from __future__ import annotations

import re
from typing import Any, Final

from indexer.errors import BadCatalog, one_line

# Neither the web nor disks: a shop from somebody else must not make this machine ask hosts of its
# network. What a store is reached by is set in the environment.
_STORES: Final = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "hdfs", "memory")
_PASSWORD: Final = re.compile(r"[\w+.:-]+://[^/@]*:[^/@]*@")


def is_object_url(text: str) -> bool:
    """Return True for the URL of something in an object store."""
    scheme, found, _ = text.partition("://")
    return bool(found) and scheme in _STORES


def object_at(url: str, *, param: str | None = None) -> tuple[Any, str]:
    """Return fsspec's file system for a URL, and the name there; nothing is asked of the store.

    Raises BadCatalog, about ``param``, if the URL is of another kind or contains a password, or if
    the package that reads it is missing.
    """
    if _PASSWORD.match(url):  # it would be stored in the shop
        raise BadCatalog(
            "the URL of an object store contains a password; give it as fsspec reads it from the "
            "environment, such as AWS_SECRET_ACCESS_KEY",
            param=param,
        )
    if not is_object_url(url) or "::" in url:
        raise BadCatalog(
            f"cannot read {url}: expected a URL of {', '.join(_STORES)}",
            param=param,
        )
    try:
        from fsspec.core import url_to_fs

        files, name = url_to_fs(url)  # opened once: fsspec keeps it
    except (ImportError, ValueError) as error:
        raise BadCatalog(
            f"cannot read {url}: {one_line(error)}; pip install 'vitrine[scale]', and the package "
            "that fsspec needs for it",
            param=param,
        ) from error
    return files, str(name)
