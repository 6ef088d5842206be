"""The settings by which this process reaches vector servers: token, certificate, time-out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.vectors.remote.address import ServerAddress

TIMEOUT_S = 5.0


class ServerAccess(NamedTuple):
    """Access to a server besides its address. It is never stored in a shop.

    ``default`` is the server of indexes that do not name one. With ``read_only`` this process
    searches collections, and never fills, mends or deletes one.
    """

    default: ServerAddress | None = None
    token: str = ""
    ca_file: str = ""
    timeout_s: float = TIMEOUT_S
    read_only: bool = False


class ProcessAccess:
    """The access of this process; read from the settings when a server is first needed."""

    def __init__(self) -> None:
        self._read: Callable[[], ServerAccess] = ServerAccess
        self._current: ServerAccess | None = None

    @property
    def current(self) -> ServerAccess:
        """The access that applies now. Raises what the source raises."""
        if self._current is None:
            self._current = self._read()
        return self._current

    def use(self, read: Callable[[], ServerAccess]) -> None:
        """Read the access by this function, when it is next needed."""
        self._read, self._current = read, None


ACCESS = ProcessAccess()
"""The access of this process. The service and the command line set its source."""
