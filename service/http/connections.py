"""The open connections: how many are allowed, and which is closed if there are too many."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple, Protocol

from service.openfiles import OTHER_FILES, file_limit
from service.runtime.throttled_log import ThrottledLog

if TYPE_CHECKING:
    from service.runtime.shared_connections import SharedConnections
    from service.settings import Settings

logger = logging.getLogger("vitrine.service")

CHECK_S = 1.0


class Connection(Protocol):
    """The methods of a connection that ``Connections`` calls."""

    address: str

    @property
    def waits_for_head(self) -> bool:
        """Whether the connection is between two requests."""
        ...

    @property
    def waits_for_body(self) -> bool:
        """Whether the server can only wait for the client to send the rest of a body."""
        ...

    def drop(self) -> None:
        """Close the connection immediately."""
        ...

    def enforce_limits(self, now: float) -> None:
        """Close the connection if the client took too long; ``now`` is the event loop's time."""
        ...


class TimeLimits(NamedTuple):
    """How long a client may take, in seconds."""

    head: float  # from the connection, or the first byte, to the end of the headers
    idle: float  # between two requests
    rest: float  # to send the rest of a refused body
    stall: float  # without reading any of its reply


class Connections:
    """The open connections, at most ``most``.

    A further connection closes one of the address that has the most: the oldest that waits for a
    request, or else the oldest that waits for the rest of a body. So a flood from one address
    closes its own connections.
    """

    def __init__(
        self, most: int, limits: TimeLimits, shared: SharedConnections | None = None
    ) -> None:
        """With ``shared``, the other workers see how many there are."""
        self._most = most
        self._shared = shared
        self.limits = limits
        self._by_address: dict[str, dict[Connection, None]] = {}  # oldest first
        self._count = 0
        self._throttled = ThrottledLog(logger, logging.WARNING)

    def __len__(self) -> int:
        return self._count

    def add(self, connection: Connection) -> bool:
        """Add a new connection; return False if there is no room for it."""
        if self._count >= self._most:
            self._throttled.log(
                "full", f"{self._count} connections are open, the most allowed: closing some"
            )
            if not self._make_room():
                return False
        self._by_address.setdefault(connection.address, {})[connection] = None
        self._change_count(1)
        return True

    def discard(self, connection: Connection) -> None:
        """Remove a connection, if it was added."""
        group = self._by_address.get(connection.address, {})
        if connection in group:
            del group[connection]
            self._change_count(-1)
            if not group:
                del self._by_address[connection.address]

    async def enforce_limits_forever(self) -> None:
        """Close connections that took too long, until canceled."""
        loop = asyncio.get_running_loop()
        pause_s = min(CHECK_S, min(self.limits) / 4)
        while True:
            await asyncio.sleep(pause_s)
            now = loop.time()
            for group in list(self._by_address.values()):
                for connection in list(group):
                    connection.enforce_limits(now)

    def _change_count(self, by: int) -> None:
        self._count += by
        if self._shared is not None:
            self._shared.set(self._count)

    def _make_room(self) -> bool:
        groups = sorted(self._by_address.values(), key=len, reverse=True)
        for group in groups:
            for waits in ("waits_for_head", "waits_for_body"):
                victim = next(
                    (connection for connection in group if getattr(connection, waits)), None
                )
                if victim is not None:
                    self.discard(victim)
                    victim.drop()
                    return True
        return False


def connections_for(
    settings: Settings, idle_s: float, shared: SharedConnections | None = None
) -> Connections:
    """Return an empty registry with the limits of the settings and of open files."""
    limits = TimeLimits(
        settings.header_timeout_s, idle_s, settings.header_timeout_s, settings.body_timeout_s
    )
    most = settings.max_connections
    files = file_limit()
    if files is not None:
        most = min(most, max(8, files - min(files // 2, OTHER_FILES)))
    return Connections(most, limits, shared)
