"""The address of a vector server, as ``ENGINE:URI``; ``faiss`` is this process."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from indexer.errors import BadServer

ENGINES = ("milvus", "qdrant")
IN_PROCESS = "faiss"
MEMORY = ":memory:"  # a Qdrant of this process alone, for tests
_SCHEMES = ("http", "https", "tcp")


class ServerAddress(NamedTuple):
    """A vector engine, and the URL of its server or the path of its embedded form."""

    engine: str
    uri: str

    def __str__(self) -> str:
        return f"{self.engine}:{self.uri}"

    @property
    def is_local(self) -> bool:
        """True if the engine runs embedded in one process, over files."""
        return urlsplit(self.uri).scheme not in _SCHEMES

    @classmethod
    def parse(cls, text: str) -> ServerAddress | None:
        """Return the address in ``milvus:URI`` or ``qdrant:URI``; None for ``faiss``.

        The URI is a URL, or the path of the embedded form, which becomes absolute. Raises BadServer
        for anything else, and for a URL with a password: addresses are stored in the shop.
        """
        if text == IN_PROCESS:
            return None
        engine, _, uri = text.strip().partition(":")
        if engine not in ENGINES or not uri:
            raise BadServer(
                f"expected {IN_PROCESS}, milvus:URI or qdrant:URI, got {text[:80]!r}; a URI is a "
                "URL such as http://10.0.0.5:19530, or a path for the embedded form",
                param="vectors",
            )
        try:
            parts = urlsplit(uri)
            has_host = bool(parts.hostname)
            _ = parts.port  # raises ValueError
        except ValueError as error:
            raise BadServer(f"{text[:80]!r} has no valid URL: {error}", param="vectors") from error
        if "@" in parts.netloc:
            raise BadServer(
                f"the URL of {engine} must not contain a password, because it is stored in the "
                "shop; set VITRINE_VECTORS_TOKEN instead",
                param="vectors",
            )
        address = cls(engine, uri)
        if address.is_local:
            if "://" in uri:
                raise BadServer(
                    f"{text[:80]!r} has the scheme {parts.scheme!r}; expected http or https",
                    param="vectors",
                )
            return address if uri == MEMORY else cls(engine, str(Path(uri).absolute()))
        if not has_host:
            raise BadServer(f"{text[:80]!r} names no host", param="vectors")
        return address
