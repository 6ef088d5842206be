"""The backends there are, and which of them serves a generation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.vectors.faiss_backend import FaissBackend
from indexer.vectors.numpy_backend import NumpyBackend

if TYPE_CHECKING:
    from indexer.vectors.backend import VectorBackend
    from indexer.vectors.contract import Contract

BACKENDS: dict[str, type[VectorBackend]] = {"faiss": FaissBackend, "numpy": NumpyBackend}


def backend_of(contract: Contract) -> type[VectorBackend]:
    """Return the backend that a generation was written by, as the recipe of its contract names it.

    A recipe that names no backend is one of FAISS's.
    """
    return BACKENDS.get(contract.recipe, FaissBackend)
