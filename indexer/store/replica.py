"""The note that makes a shop folder a replica: ``replica.json``, which names its primary.

A replica has the rows of its primary under the same numbers, so a write of its own would give one
number to two rows. ``Store.write`` and the jobs refuse to write to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from indexer.durable import replace_file
from indexer.errors import Conflict, IndexCorrupt
from indexer.jsonbytes import decode_json_as
from indexer.layout import REPLICA
from indexer.regularfile import read_regular

if TYPE_CHECKING:
    from pathlib import Path


class ReplicaNote(msgspec.Struct, frozen=True):
    """What a replica knows of its primary.

    ``primary`` is its URL. ``sequence`` is the last change of the primary that the replica has, and
    ``seen`` the time of the last answer (RFC 3339, empty before the first). ``problem`` says why
    the replica does not follow now; empty if it does.
    """

    primary: str
    sequence: int = 0
    seen: str = ""
    problem: str = ""


def read_note(shop: Path) -> ReplicaNote | None:
    """Return the note of a replica, None for other shops. Raises IndexCorrupt if it is damaged."""
    path = shop / REPLICA
    try:
        return decode_json_as(read_regular(path), ReplicaNote)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise IndexCorrupt(
            f"{path} cannot be read: {error}; 'vitrine replicate URL' writes it again"
        ) from error


def write_note(shop: Path, note: ReplicaNote) -> None:
    """Store the note. Raises CannotWrite."""
    replace_file(shop / REPLICA, msgspec.json.encode(note))


def refuse_replica(shop: Path) -> None:
    """Raise Conflict if the shop is a replica, because only its primary may be changed."""
    if (shop / REPLICA).exists():
        raise Conflict(
            f"{shop} is a replica, which takes no writes; write to its primary, or make it a shop "
            f"of its own with 'vitrine replicate --leave --shop {shop}'"
        )
