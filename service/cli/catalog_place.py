"""The argument CATALOG: a file, a folder, or a URL.

A URL is the address of a feed on the web, or of a file or a folder of images in an object store.
Files are copied first, because a catalog is read more than once.
"""

from __future__ import annotations

import io
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import click

from indexer.catalog.packedfile import unpack_gzip
from indexer.errors import BadCatalog, BadImage, one_line
from indexer.objectstore import is_object_url, object_at
from service.cli.terminal import note

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from indexer.catalog.sources import Catalog
    from service.cli.catalog_options import ReadCatalog
    from service.cli.fetch_options import FetchChoice

_MEGABYTES: Final = 500.0  # of the answer
_SECONDS: Final = 600.0
_GZIP: Final = b"\x1f\x8b"
_CHUNK: Final = 1 << 20  # bytes
_ENDINGS: Final = {
    "csv": ".csv", "tab-separated-values": ".tsv", "xml": ".xml", "json": ".json",
    "ndjson": ".jsonl", "parquet": ".parquet", "html": ".html",
    "vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
}  # fmt: skip
"""The endings of files, by the end of a content type."""


def _place(_context: click.Context, _parameter: click.Parameter, value: str) -> Path | str:
    from indexer.fetching.policy import is_url

    return value if is_url(value) or is_object_url(value) else Path(value)


catalog_argument = click.argument("catalog", callback=_place)
"""Gives the command the argument ``catalog``: a path, or a URL as text."""


@contextmanager
def opened_catalog(
    place: Path | str, choice: FetchChoice | None, read_catalog: ReadCatalog
) -> Iterator[Catalog]:
    """Yield the catalog at a place; a file behind a URL is copied until the block ends.

    The host of a feed is allowed, and so are redirects to those of ``choice``; None fetches no
    feed. Raises BadCatalog, also if nothing can be read at the URL.
    """
    if isinstance(place, Path):
        yield read_catalog(place)
        return
    with tempfile.TemporaryDirectory(prefix="vitrine-feed-") as folder:
        if is_object_url(place):
            place, path = _copied(place, Path(folder))
        elif choice is None:
            raise BadCatalog(f"{place}: expected a file or folder; 'vitrine index' fetches a feed")
        else:
            path = _fetched(place, choice, Path(folder))
        yield read_catalog(path, place)


def _copied(url: str, folder: Path) -> tuple[str, Path]:
    """Copy a file of an object store; return its URL and the copy. Raises BadCatalog.

    Of a folder, nothing is copied: returns its URL with a slash at its end, and ``folder``.
    """
    store, name = object_at(url)
    note(f"reading {url}")
    try:
        if url.endswith("/") or store.isdir(name):
            return f"{url.rstrip('/')}/", folder
        with store.open(name, "rb") as file:
            return url, _write(folder, url, "", file)
    except BadCatalog:
        raise
    except FileNotFoundError:
        raise BadCatalog(f"{url}: no such file in the object store") from None
    except Exception as error:  # each object store has errors of its own
        raise BadCatalog(f"{url}: {one_line(error)}") from error


def _fetched(url: str, choice: FetchChoice, folder: Path) -> Path:
    from indexer.fetching.fetcher import Fetcher
    from indexer.fetching.policy import parse_target

    note(f"fetching {url}")
    try:
        policy = choice.policy((parse_target(url).authority, *choice.hosts), _MEGABYTES)
        with Fetcher(policy._replace(seconds=_SECONDS, accept="*/*")) as fetcher:
            response = fetcher.submit(url).result()
    except BadImage as error:
        raise BadCatalog(f"{url}: {error}") from None
    return _write(folder, url, response.content_type, io.BytesIO(response.data or b""))


def _write(folder: Path, url: str, content_type: str, source: BinaryIO) -> Path:
    """Copy a catalog to a file, unpacked if it is gzip, with an ending that tells its kind."""
    from indexer.catalog.recordfile import kind_of

    is_packed = source.read(len(_GZIP)) == _GZIP
    source.seek(0)
    name = re.sub(r"[^\w.-]", "-", unquote(urlsplit(url).path).rpartition("/")[2])[-100:] or "feed"
    path = folder / name.removesuffix(".gz")
    with path.open("wb") as file:
        if is_packed:
            unpack_gzip(url, source, file)
        else:
            shutil.copyfileobj(source, file, _CHUNK)
    if kind_of(path) is not None or path.suffix.lower() == ".zip":
        return path
    kind = re.split(r"[/+]", content_type.partition(";")[0].strip().lower())[-1]
    with path.open("rb") as file:
        start = file.read(100)
    return path.rename(path.with_name(f"{path.name}{_ENDINGS.get(kind) or _ending(start)}"))


def _ending(start: bytes) -> str:
    """Return the ending of a file by its first bytes: XML, JSON, or else a table."""
    first = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return {b"<": ".xml", b"{": ".json", b"[": ".json"}.get(first, ".csv")
