"""The argument CATALOG: a file, a folder, or the address of a feed, which is fetched first."""

from __future__ import annotations

import gzip
import io
import re
import tempfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import click

from indexer.errors import BadCatalog, BadImage
from service.cli.console import human_bytes
from service.cli.terminal import note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.catalog.sources import Catalog
    from service.cli.catalog_options import ReadCatalog
    from service.cli.fetch_options import FetchChoice

_MEGABYTES: Final = 500.0  # of the answer
_MOST_UNPACKED: Final = 4_000_000_000  # bytes
_MUCH: Final = 100_000_000  # bytes, if they are packed more than:
_MOST_PACKED: Final = 200  # times, as for Parquet files
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

    return value if is_url(value) else Path(value)


catalog_argument = click.argument("catalog", callback=_place)
"""Gives the command the argument ``catalog``: a path, or the URL of a feed as text."""


@contextmanager
def opened_catalog(
    place: Path | str, choice: FetchChoice, read_catalog: ReadCatalog
) -> Iterator[Catalog]:
    """Yield the catalog at a place; a feed is fetched, and deleted when the block ends.

    The host of the feed is allowed, and so are redirects to those of ``choice``. Raises BadCatalog,
    also if the feed cannot be fetched.
    """
    if isinstance(place, Path):
        yield read_catalog(place)
        return
    with tempfile.TemporaryDirectory(prefix="vitrine-feed-") as folder:
        yield read_catalog(_fetched(place, choice, Path(folder)), place)


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
    data = response.data or b""
    return _write(folder, url, response.content_type, data)


def _write(folder: Path, url: str, content_type: str, data: bytes) -> Path:
    """Write a feed to a file, unpacked if it is gzip, with an ending that tells its kind."""
    from indexer.catalog.recordfile import kind_of

    is_packed = data.startswith(_GZIP)
    name = re.sub(r"[^\w.-]", "-", unquote(urlsplit(url).path).rpartition("/")[2])[-100:] or "feed"
    path = folder / (name.removesuffix(".gz") if is_packed else name)
    with path.open("wb") as file:
        for part in _unpacked(url, data) if is_packed else (data,):
            file.write(part)
    if kind_of(path) is not None:
        return path
    kind = re.split(r"[/+]", content_type.partition(";")[0].strip().lower())[-1]
    with path.open("rb") as file:
        start = file.read(100)
    return path.rename(path.with_name(f"{path.name}{_ENDINGS.get(kind) or _ending(start)}"))


def _unpacked(url: str, data: bytes) -> Iterator[bytes]:
    """Yield the parts of a gzip file. Raises BadCatalog if it is damaged, or too large."""
    size = 0
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        while True:
            try:
                part = file.read(_CHUNK)
            except (OSError, EOFError, zlib.error) as error:
                raise BadCatalog(f"{url}: not a whole gzip file: {error}") from None
            if not part:
                return
            size += len(part)
            if size > max(_MUCH, _MOST_PACKED * len(data)):
                raise BadCatalog(f"{url}: unpacks to over {_MOST_PACKED} times its size")
            if size > _MOST_UNPACKED:
                raise BadCatalog(f"{url}: over {human_bytes(_MOST_UNPACKED)} when unpacked")
            yield part


def _ending(start: bytes) -> str:
    """Return the ending of a file by its first bytes: XML, JSON, or else a table."""
    first = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return {b"<": ".xml", b"{": ".json", b"[": ".json"}.get(first, ".csv")
