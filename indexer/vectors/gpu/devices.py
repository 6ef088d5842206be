"""The GPUs of a machine, and the form of an index that fits on them.

Forms, in the order they are tried:

    flat    every vector in fp16, compared one by one: exact
    graph   CAGRA over fp32 vectors; needs FAISS with cuVS (the package faiss-gpu-cuvs)
    lists   inverted lists of one byte per number: half the memory of flat

Generations use HNSW and 4-bit or 1-bit codes, which FAISS cannot copy to a GPU. So the form is
built from the exact vectors, and its results are rescored with them on the CPU. If it fits on one
GPU, each GPU gets a copy (replicas, each doing one search at a time). If it only fits on all GPUs
together, each gets a part (shards).
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from indexer.vectors.recipes import faiss_module

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.arrays import Vectors

Form = Literal["flat", "graph", "lists"]

_USABLE = 0.8  # share of the free memory; searches need the rest
_SCRATCH_BYTES = 3 << 29  # that FAISS allocates on each GPU before the first vector
_LIST_SLACK = 1.5  # lists allocate more than they need when they grow
_GRAPH_LINKS = 64 + 128  # per row, CAGRA's default: final ones, and more during the build
_NAMES = {"flat": "flat fp16", "graph": "CAGRA fp32", "lists": "IVF of one byte per number"}
# Libraries to try; None is the one that is already loaded.
_RUNTIMES = (None, "libcudart.so.13", "libcudart.so.12", "libcudart.so")


class Placement(NamedTuple):
    """The place where an index is searched, and its form on GPUs. ``note`` is for people."""

    kind: Literal["cpu", "gpu", "replicas", "shards"] = "cpu"
    gpus: int = 0
    note: str = "cpu"
    form: Form | None = None


class Gpus(Protocol):
    """The functions that Vitrine needs of the GPUs of a machine. Tests use a fake."""

    @property
    def has_cagra(self) -> bool:
        """True if the form ``graph`` is supported."""
        ...

    def free_bytes(self) -> Sequence[int]:
        """Return the free memory of each GPU in bytes; [] without a GPU."""
        ...

    def copy_to(self, index: Any, gpu: int) -> Any:
        """Copy a flat index (as fp16) or scalar-quantized lists to a GPU."""
        ...

    def build_graph(self, vectors: Vectors, gpu: int) -> Any:
        """Build a CAGRA index of (n, dim) vectors on a GPU."""
        ...


def choose_placement(form: Form, rows: int, dim: int, free: Sequence[int]) -> Placement:
    """Return where (rows, dim) vectors fit in this form, given the free bytes of each GPU."""
    needed = round(rows * row_bytes(form, dim))
    room = [max(0, round(_USABLE * (bytes_ - _SCRATCH_BYTES))) for bytes_ in free]
    size = f"{_NAMES[form]}, {needed / 1e9:.2f} GB"
    if needed <= min(room):
        if len(free) == 1:
            return Placement("gpu", 1, f"gpu: {size}", form)
        return Placement("replicas", len(free), f"{len(free)} gpus: {size} on each", form)
    if needed <= len(room) * min(room):  # shards have equal sizes
        return Placement("shards", len(free), f"{len(free)} gpus: {size} over all of them", form)
    return Placement(note=f"{size}, does not fit in {sum(room) / 1e9:.2f} GB on GPUs")


def row_bytes(form: Form, dim: int) -> float:
    """Return the most GPU memory that a row takes while an index is built."""
    if form == "flat":
        return 2.0 * dim + 4  # the row and its norm
    if form == "graph":
        return 4.0 * dim + 4 * _GRAPH_LINKS
    return _LIST_SLACK * (dim + 8)  # the row and its number


class FaissGpus:
    """The GPUs that FAISS can use; none with faiss-cpu."""

    def __init__(self) -> None:
        self._resources: dict[int, Any] = {}

    @property
    def has_cagra(self) -> bool:
        """True if this FAISS was built with cuVS."""
        return hasattr(faiss_module(), "GpuIndexCagra")

    def free_bytes(self) -> list[int]:
        """Return the free memory of each GPU in bytes."""
        faiss = faiss_module()
        count = faiss.get_num_gpus() if hasattr(faiss, "StandardGpuResources") else 0
        return [free_bytes(gpu) for gpu in range(count)]

    def copy_to(self, index: Any, gpu: int) -> Any:
        """Copy an index to a GPU; RuntimeError for an unsupported type, or if memory runs out."""
        faiss = faiss_module()
        options = faiss.GpuClonerOptions()
        options.useFloat16 = True
        options.use_cuvs = False  # cuVS has no scalar-quantized lists
        return faiss.index_cpu_to_gpu(self._of(gpu), gpu, index, options)

    def build_graph(self, vectors: Vectors, gpu: int) -> Any:
        """Build a CAGRA index of (n, dim) vectors on a GPU."""
        faiss = faiss_module()
        config = faiss.GpuIndexCagraConfig()
        config.device = gpu
        product = faiss.METRIC_INNER_PRODUCT
        index = faiss.GpuIndexCagra(self._of(gpu), vectors.shape[1], product, config)
        index.train(vectors)
        return index

    def _of(self, gpu: int) -> Any:
        """Return FAISS's scratch memory and stream of a GPU, shared by all indexes there."""
        if gpu not in self._resources:
            self._resources[gpu] = faiss_module().StandardGpuResources()
        return self._resources[gpu]


def free_bytes(gpu: int) -> int:
    """Return the free memory of a GPU in bytes; 0 if it is unknown.

    Calls the CUDA runtime that FAISS has loaded, because FAISS has no Python function for it.
    """
    for name in _RUNTIMES:
        with suppress(OSError, AttributeError):  # another version, or its symbols are not visible
            runtime = ctypes.CDLL(name)
            before, free, total = ctypes.c_int(), ctypes.c_size_t(), ctypes.c_size_t()
            runtime.cudaGetDevice(ctypes.byref(before))
            failed = runtime.cudaSetDevice(gpu)
            failed = failed or runtime.cudaMemGetInfo(ctypes.byref(free), ctypes.byref(total))
            runtime.cudaSetDevice(before)
            return 0 if failed else free.value
    return 0
