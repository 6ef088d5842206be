"""The GPUs of a machine, and which form of an index fits on them.

Forms, in the order they are tried:

    flat    every vector in fp16, compared one by one: exact
    graph   CAGRA over fp32 vectors, where FAISS was built with cuVS: the package faiss-gpu-cuvs
    lists   inverted lists of one byte a number: half of flat's memory

FAISS's cloner takes neither HNSW nor 4-bit or 1-bit codes to a GPU, which is what generations are
laid out in. So nothing is converted: the form is filled from the exact vectors, and its answers
are scored again from them on the CPU. It is copied to each GPU where it fits (replicas, one search
each at a time), or spread over all of them where it fits only together (shards).
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

_SPARE = 0.8  # of the free memory: searches need room of their own
_SCRATCH_BYTES = 3 << 29  # what FAISS takes on each GPU before the first vector
_LIST_SLACK = 1.5  # lists grow by more than they need
_GRAPH_LINKS = 64 + 128  # of CAGRA by default: those kept, and those while it is built
_NAMES = {"flat": "flat fp16", "graph": "CAGRA fp32", "lists": "IVF of one byte a number"}
_RUNTIMES = (None, "libcudart.so.13", "libcudart.so.12", "libcudart.so")  # None: what is loaded


class Placement(NamedTuple):
    """Where an index is searched, and in which form on GPUs. ``note`` is for people."""

    kind: Literal["cpu", "gpu", "replicas", "shards"] = "cpu"
    gpus: int = 0
    note: str = "cpu"
    form: Form | None = None


class Gpus(Protocol):
    """The GPUs of a machine, as far as Vitrine asks; a test hands in made-up ones."""

    @property
    def graphs(self) -> bool:
        """Whether ``graph`` works here."""
        ...

    def free_bytes(self) -> Sequence[int]:
        """Free memory of each GPU in bytes; empty without a GPU."""
        ...

    def copied(self, index: Any, gpu: int) -> Any:
        """A copy of a flat index (in fp16) or of scalar-quantized lists on one of them."""
        ...

    def graph(self, vectors: Vectors, gpu: int) -> Any:
        """A CAGRA index of (n, dim) vectors on one of them."""
        ...


def decide(form: Form, rows: int, dim: int, free: Sequence[int]) -> Placement:
    """Where (rows, dim) vectors go in this form, given the free bytes of each GPU."""
    needed = round(rows * row_bytes(form, dim))
    room = [max(0, round(_SPARE * (bytes_ - _SCRATCH_BYTES))) for bytes_ in free]
    size = f"{_NAMES[form]}, {needed / 1e9:.2f} GB"
    if needed <= min(room):
        if len(free) == 1:
            return Placement("gpu", 1, f"gpu: {size}", form)
        return Placement("replicas", len(free), f"{len(free)} gpus: {size} on each", form)
    if needed <= len(room) * min(room):  # shards are of one size
        return Placement("shards", len(free), f"{len(free)} gpus: {size} over all of them", form)
    return Placement(note=f"{size}, does not fit in {sum(room) / 1e9:.2f} GB on GPUs")


def row_bytes(form: Form, dim: int) -> float:
    """Memory of a GPU that one row takes, at most, while an index is filled."""
    if form == "flat":
        return 2.0 * dim + 4  # and its norm
    if form == "graph":
        return 4.0 * dim + 4 * _GRAPH_LINKS
    return _LIST_SLACK * (dim + 8)  # and its number


class FaissGpus:
    """The GPUs that FAISS sees; none with faiss-cpu."""

    def __init__(self) -> None:
        self._resources: dict[int, Any] = {}

    @property
    def graphs(self) -> bool:
        """Whether this FAISS was built with cuVS."""
        return hasattr(faiss_module(), "GpuIndexCagra")

    def free_bytes(self) -> list[int]:
        """Free memory of each GPU."""
        faiss = faiss_module()
        count = faiss.get_num_gpus() if hasattr(faiss, "StandardGpuResources") else 0
        return [free_bytes(gpu) for gpu in range(count)]

    def copied(self, index: Any, gpu: int) -> Any:
        """A copy of this index on a GPU; RuntimeError where its kind or size does not fit."""
        faiss = faiss_module()
        options = faiss.GpuClonerOptions()
        options.useFloat16 = True
        options.use_cuvs = False  # which has no scalar-quantized lists
        return faiss.index_cpu_to_gpu(self._of(gpu), gpu, index, options)

    def graph(self, vectors: Vectors, gpu: int) -> Any:
        """A CAGRA index of (n, dim) vectors, built on a GPU."""
        faiss = faiss_module()
        config = faiss.GpuIndexCagraConfig()
        config.device = gpu
        product = faiss.METRIC_INNER_PRODUCT
        index = faiss.GpuIndexCagra(self._of(gpu), vectors.shape[1], product, config)
        index.train(vectors)
        return index

    def _of(self, gpu: int) -> Any:
        """FAISS's scratch memory and stream on one GPU, shared by what lies there."""
        if gpu not in self._resources:
            self._resources[gpu] = faiss_module().StandardGpuResources()
        return self._resources[gpu]


def free_bytes(gpu: int) -> int:
    """Free memory of one GPU, 0 where it cannot be told.

    Asked of the CUDA runtime that FAISS has loaded: in Python FAISS itself does not tell.
    """
    for name in _RUNTIMES:
        with suppress(OSError, AttributeError):  # another version, or not loaded for all to see
            runtime = ctypes.CDLL(name)
            before, free, total = ctypes.c_int(), ctypes.c_size_t(), ctypes.c_size_t()
            runtime.cudaGetDevice(ctypes.byref(before))
            failed = runtime.cudaSetDevice(gpu)
            failed = failed or runtime.cudaMemGetInfo(ctypes.byref(free), ctypes.byref(total))
            runtime.cudaSetDevice(before)
            return 0 if failed else free.value
    return 0
