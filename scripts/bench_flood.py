"""Connections that stay open and send almost nothing."""

from __future__ import annotations

import socket

CONNECTIONS = 1000


class Flood:
    """Connections that stay open and send almost nothing; closed connections are reopened."""

    def __init__(self, address: tuple[str, int], begin: bytes, trickle: bytes) -> None:
        self._address = address
        self._begin = begin
        self._trickle = trickle
        self._open: list[tuple[socket.socket, bool]] = []  # with: has sent ``begin``
        self.opened = 0

    def fill(self, most: int = 50) -> None:
        """Open up to ``most`` of the missing connections."""
        for _ in range(min(most, CONNECTIONS - len(self._open))):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(self._address)
            self._open.append((client, False))
            self.opened += 1

    def turn(self, share: float = 0.1) -> None:
        """Send the next byte on a share of the connections; drop those that were closed."""
        now, self._open = self._open, []
        for number, (client, sent) in enumerate(now):
            try:
                if not sent or number < share * len(now):
                    client.send(self._trickle if sent else self._begin)
                gone = not client.recv(65536)
            except BlockingIOError:
                gone = False
            except OSError:
                gone = True
            if gone:
                client.close()
            else:
                self._open.append((client, True))
        turned = int(share * len(self._open))
        self._open = self._open[turned:] + self._open[:turned]

    def close(self) -> None:
        """Close all connections."""
        for client, _ in self._open:
            client.close()
