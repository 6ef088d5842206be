"""Search a collection on a server, and refuse an answer that cannot be right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import VectorsUnavailable
from indexer.vectors.remote.connection import connection_to

if TYPE_CHECKING:
    from indexer.arrays import Positions, Scores, Vectors
    from indexer.vectors.remote.descriptor import Descriptor
    from indexer.vectors.remote.localvectors import LocalVectors

_WRONG_SCORE = 5e-3  # between a server's score and the exact one: another vector is stored


def checked_search(
    descriptor: Descriptor,
    local: LocalVectors,
    queries: Vectors,
    rows: int,
    depth: int,
    without: Positions | None,
) -> Positions:
    """Return the positions (q, rows) that a server finds for queries (q, dim), padded with -1.

    ``local`` are the exact vectors of the collection; ``depth`` and ``without`` are those of
    ``Driver.search``. Raises VectorsUnavailable if the server does not answer, or if its answer
    shows that the collection does not hold these vectors.
    """
    found, scores = connection_to(descriptor.address).call(
        lambda driver: driver.search(descriptor.spec, queries, rows, depth, without)
    )
    if fault := _fault(local, queries, found, scores, complete=not depth):
        raise VectorsUnavailable(
            f"collection {descriptor.collection} of {descriptor.address} {fault}; it was changed "
            "by another program. Restart the service, which mends it"
        )
    return found


def _fault(
    local: LocalVectors, queries: Vectors, found: Positions, scores: Scores, *, complete: bool
) -> str:
    """Return what is wrong with an answer; empty if nothing is.

    A ``complete`` answer has as many results as were asked for.
    """
    if found.max(initial=-1) >= len(local):
        return f"found position {found.max()} of {len(local)}"
    if complete and (found < 0).any():
        return f"found {int((found >= 0).sum())} of {found.size} vectors"
    first = local.at(np.maximum(found[:, 0], 0))  # (q, dim)
    true = np.einsum("qd,qd->q", first, queries)  # (q,)
    if (np.abs(true - scores[:, 0])[found[:, 0] >= 0] > _WRONG_SCORE).any():
        return "returned the score of another vector"
    return ""
