"""The open connections: how many there may be, and which go when there are too many."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol

from service.runtime.seldom import Seldom

if TYPE_CHECKING:
    from service.settings import Settings

logger = logging.getLogger("vitrine.service")

SWEEP_S = 1.0
# Files that are no connections: the shop's, those of running replies, and connections that were
# accepted in this turn of the event loop and are not counted yet.
_OTHER_FILES = 256


class Connection(Protocol):
    """What the registry asks of a connection."""

    address: str

    @property
    def waits_for_head(self) -> bool:
        """Whether no request is under way on it."""
        ...

    @property
    def waits_for_body(self) -> bool:
        """Whether all that is missing is the client's to send."""
        ...

    def drop(self) -> None:
        """Close it at once."""
        ...

    def sweep(self, now: float) -> None:
        """Close it if it has taken too long; ``now`` is of the event loop's clock."""
        ...


class TimeLimits(NamedTuple):
    """How long a client may take, in seconds."""

    head: float  # from the connection, or the first byte, to the end of the headers
    idle: float  # between two requests
    rest: float  # for the rest of a body that was refused
    stall: float  # without reading anything of its reply


class Connections:
    """Every open connection, at most ``most``.

    One too many displaces another of the address that has the most: one that waits for a request
    if there is one, else one that waits for the rest of a body; the oldest first. So a flood from
    one address displaces itself.
    """

    def __init__(self, most: int, limits: TimeLimits) -> None:
        self._most = most
        self.limits = limits
        self._by_address: dict[str, dict[Connection, None]] = {}  # the oldest first
        self._count = 0
        self._seldom = Seldom(logger, logging.WARNING)

    def __len__(self) -> int:
        return self._count

    def add(self, connection: Connection) -> bool:
        """Count a new connection; return False if there is no room for it."""
        if self._count >= self._most:
            self._seldom.log("full", f"{self._count} connections are open: some are closed")
            if not self._make_room():
                return False
        self._by_address.setdefault(connection.address, {})[connection] = None
        self._count += 1
        return True

    def discard(self, connection: Connection) -> None:
        """Count a connection no more; fine for one that is not counted."""
        group = self._by_address.get(connection.address, {})
        if connection in group:
            del group[connection]
            self._count -= 1
            if not group:
                del self._by_address[connection.address]

    async def sweep_forever(self) -> None:
        """Close what has taken too long, again and again."""
        loop = asyncio.get_running_loop()
        pause_s = min(SWEEP_S, min(self.limits) / 4)
        while True:
            await asyncio.sleep(pause_s)
            now = loop.time()
            for group in list(self._by_address.values()):
                for connection in list(group):
                    connection.sweep(now)

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


def connections_for(settings: Settings, idle_s: float) -> Connections:
    """The registry that the settings ask for, as far as the limit of open files allows it."""
    limits = TimeLimits(
        settings.header_timeout_s, idle_s, settings.header_timeout_s, settings.body_timeout_s
    )
    most = settings.max_connections
    files = _open_files()
    if files is not None:
        most = min(most, max(8, files - min(files // 2, _OTHER_FILES)))
    return Connections(most, limits)


def raise_open_files(connections: int) -> None:
    """Let this process open as many files as so many connections need, where it may."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _open_files() -> int | None:
    """How many files this process may have open, None where nobody knows."""
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
