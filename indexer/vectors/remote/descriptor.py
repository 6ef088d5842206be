"""The file in a generation's folder that names its collection on a server."""

from __future__ import annotations

import hashlib
import re
import socket
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from indexer.errors import IndexCorrupt, StoreFull
from indexer.jsonbytes import decode_json_as
from indexer.regularfile import read_regular
from indexer.vectors.remote.address import ENGINES, ServerAddress
from indexer.vectors.remote.driver import CollectionSpec

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"vitrine_[0-9a-f]{32}")
_LONGEST_ALIAS_PART = 40


class Descriptor(msgspec.Struct, frozen=True, kw_only=True):
    """A collection of ``rows`` vectors, and the server that has it. It holds no secret."""

    engine: str
    uri: str
    collection: str
    dim: int
    rows: int
    exact: bool

    @classmethod
    def new(cls, address: ServerAddress, *, dim: int, rows: int, exact: bool) -> Descriptor:
        """Describe a collection that does not exist yet; its name is unique."""
        name = f"vitrine_{uuid.uuid4().hex}"
        return cls(
            engine=address.engine,
            uri=address.uri,
            collection=name,
            dim=dim,
            rows=rows,
            exact=exact,
        )

    @property
    def address(self) -> ServerAddress:
        """The server of the collection."""
        return ServerAddress(self.engine, self.uri)

    @property
    def spec(self) -> CollectionSpec:
        """The collection, as a driver needs it."""
        return CollectionSpec(name=self.collection, dim=self.dim, exact=self.exact)

    def write(self, folder: Path) -> None:
        """Write the file. Raises StoreFull if that fails."""
        path = file_of(folder, self.engine)
        try:
            path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")
        except OSError as error:
            raise StoreFull(f"cannot write {path}: {error.strerror or error}") from error


def file_of(folder: Path, engine: str) -> Path:
    """Return the path of the file in a folder."""
    return folder / f"{engine}.json"


def read_descriptor(folder: Path, engine: str) -> Descriptor:
    """Read the file. Raises FileNotFoundError; IndexCorrupt if it is damaged."""
    path = file_of(folder, engine)
    try:
        found = decode_json_as(read_regular(path), Descriptor)
    except FileNotFoundError:
        raise
    except (OSError, msgspec.MsgspecError) as error:
        raise IndexCorrupt(f"{path} cannot be read: {error}") from error
    if found.engine not in ENGINES or not _NAME.fullmatch(found.collection) or found.dim < 1:
        raise IndexCorrupt(f"{path} cannot be read: it does not describe a collection of Vitrine")
    return found


def address_of(folder: Path) -> ServerAddress | None:
    """Return the server of a generation's vectors; None if they are in its folder.

    Raises IndexCorrupt if the file that names it is damaged.
    """
    for engine in ENGINES:
        with suppress(FileNotFoundError):
            return read_descriptor(folder, engine).address
    return None


def alias_of(shop: Path) -> str:
    """Return the alias of the serving collection of a shop folder on this machine."""
    place = f"{socket.gethostname()}:{shop.resolve()}"
    part = re.sub(r"[^A-Za-z0-9]+", "_", shop.resolve().name)[:_LONGEST_ALIAS_PART]
    return f"vitrine_{part}_{hashlib.sha256(place.encode()).hexdigest()[:8]}"
