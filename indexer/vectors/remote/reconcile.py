"""Fill a collection, compare it with the vectors that it should hold, and mend it.

The vectors in a generation's folder come from the store and are verified by their checksum. The
collection is only a copy: a server may have been killed while it was filled, restored from an
older backup, or emptied. A vector is always put under its position, so no repetition doubles it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from indexer.errors import IndexCorrupt, VectorsUnavailable
from indexer.vectors.remote.access import ACCESS
from indexer.vectors.remote.driver import CollectionMissing

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.arrays import Positions, Vectors
    from indexer.vectors.remote.connection import Connection
    from indexer.vectors.remote.descriptor import Descriptor

logger = logging.getLogger("vitrine.indexer")

_BATCH_BYTES = 2 << 20  # of vectors in one call; servers refuse messages of 4 to 64 MB
_SAMPLE = 64  # vectors that are compared at each opening
_TOLERANCE = 1e-5  # servers may normalize a vector again


def fill(
    connection: Connection,
    descriptor: Descriptor,
    vectors: Vectors,
    watch: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Create the collection of these vectors (n, dim), under positions 0 to n - 1.

    ``watch`` is called with the vectors put and their total. Raises VectorsUnavailable.
    """
    spec = descriptor.spec
    connection.call(lambda driver: driver.create(spec))
    _put(connection, descriptor, vectors, np.arange(len(vectors)), watch)
    connection.call(lambda driver: driver.finish(spec.name))


def reconcile(connection: Connection, descriptor: Descriptor, vectors: Vectors) -> int:
    """Compare a collection with its vectors (n, dim), and mend it; return how many were mended.

    The number of vectors and a sample of them are compared at each opening. All positions are
    listed only if these differ. Raises VectorsUnavailable if the server does not answer, or if this
    process may not mend; IndexCorrupt if the collection differs even after it was mended.
    """
    name, n = descriptor.collection, len(vectors)
    try:
        connection.call(lambda driver: driver.load(name))
        if _is_same(connection, descriptor, vectors):
            return 0
        missing = False
    except CollectionMissing:
        missing = True
    if ACCESS.current.read_only:
        raise VectorsUnavailable(
            f"collection {name} of {descriptor.address} differs from its generation, and this "
            "process must not mend it (VITRINE_VECTORS_READ_ONLY); open the shop where it was built"
        )
    if missing:
        fill(connection, descriptor, vectors)
        mended = n
    else:
        mended = _mend(connection, descriptor, vectors)
        if not _is_same(connection, descriptor, vectors):  # stored, but with other vectors
            fill(connection, descriptor, vectors)
            mended = n
    if not _is_same(connection, descriptor, vectors):
        raise IndexCorrupt(
            f"collection {name} of {descriptor.address} still differs from its {n} vectors after "
            "it was filled again; run 'vitrine rebuild'"
        )
    logger.warning(
        "collection %s of %s differed from the store: %d of %d vectors were put or deleted",
        name,
        descriptor.address,
        mended,
        n,
    )
    return mended


def _is_same(connection: Connection, descriptor: Descriptor, vectors: Vectors) -> bool:
    """Return True if the count and a sample of the collection are those of the vectors."""
    name, n = descriptor.collection, len(vectors)
    if connection.call(lambda driver: driver.count(name)) != n:
        return False
    if not n:
        return True
    # The last positions are those that an interrupted filling lacks.
    random = np.random.default_rng().integers(0, n, _SAMPLE)
    sample = np.unique(np.concatenate([random, [0, n - 1]]))  # (s,)
    found = connection.call(lambda driver: driver.vectors_at(name, sample, descriptor.dim))
    return bool(np.allclose(found, vectors[sample], rtol=0, atol=_TOLERANCE))


def _mend(connection: Connection, descriptor: Descriptor, vectors: Vectors) -> int:
    """Put the vectors that the collection lacks, and delete those that are no position."""
    name, n = descriptor.collection, len(vectors)
    held = np.zeros(n, dtype=np.bool_)
    surplus: list[Positions] = []
    # The listing is read to its end within one call, so that the breaker sees its errors.
    for block in connection.call(lambda driver: list(driver.positions(name))):
        known = (block >= 0) & (block < n)
        held[block[known]] = True
        surplus.append(block[~known])
    missing = np.flatnonzero(~held)
    extra = np.concatenate(surplus) if surplus else np.empty(0, np.int64)
    if len(extra):
        connection.call(lambda driver: driver.delete(name, extra))
    if len(missing):
        _put(connection, descriptor, vectors, missing)
    connection.call(lambda driver: driver.finish(name))
    return len(missing) + len(extra)


def _put(
    connection: Connection,
    descriptor: Descriptor,
    vectors: Vectors,
    positions: Positions,
    watch: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    step = max(1, _BATCH_BYTES // (4 * descriptor.dim))
    for start in range(0, len(positions), step):
        chosen = positions[start : start + step]
        block = np.asarray(vectors[chosen], dtype=np.float32)
        connection.call(
            lambda driver, chosen=chosen, block=block: driver.put(  # type: ignore[misc]
                descriptor.collection, chosen, block
            )
        )
        watch(min(start + step, len(positions)), len(positions))
