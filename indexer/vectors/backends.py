"""The list of backends, and the choice of the one that opens a generation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.vectors.faiss_backend import FaissBackend
from indexer.vectors.numpy_backend import NumpyBackend
from indexer.vectors.remote.remote_backend import MilvusBackend, QdrantBackend

if TYPE_CHECKING:
    from indexer.vectors.backend import VectorBackend
    from indexer.vectors.contract import Contract

BACKENDS: dict[str, type[VectorBackend]] = {
    "faiss": FaissBackend,
    "numpy": NumpyBackend,
    "milvus": MilvusBackend,
    "qdrant": QdrantBackend,
}


def backend_of(contract: Contract) -> type[VectorBackend]:
    """Return the backend that wrote a generation: the one named by the recipe, else FAISS.

    Recipes of FAISS do not name their backend.
    """
    return BACKENDS.get(contract.recipe, FaissBackend)
