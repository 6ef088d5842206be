"""How this process reaches the servers of vectors: token, certificate, time-out, default."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.vectors.remote.address import ServerAddress

TIMEOUT_S = 5.0


@dataclass
class ServerAccess:
    """What is needed to reach a server, besides its address. Not stored in the shop.

    ``default`` is where indexes are saved that name no server. With ``read_only`` this process
    searches collections, and never fills, mends or deletes one.
    """

    default: ServerAddress | None = None
    token: str = ""
    ca_file: str = ""
    timeout_s: float = TIMEOUT_S
    read_only: bool = False


ACCESS = ServerAccess()
"""The access of this process. The service and the command line set it from the settings."""
