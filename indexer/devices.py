"""Where an index is searched: on this machine's cores, or copied to its GPUs.

On a GPU the vectors lie flat in fp16 and are all compared: that is exact, and a GPU reads them
faster than a CPU walks a graph. They are copied to each GPU where they fit (replicas share the
queries), spread over all of them where they fit only together (shards), and stay on the CPU
otherwise. What was decided, and why, is a ``Placement``, which ``status`` tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from indexer.recipes import faiss_module

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from indexer.arrays import Vectors

_SPARE = 0.8  # of the free memory: searches need room of their own
_SCRATCH_BYTES = 1 << 30  # what FAISS takes for each GPU before the first vector
_HALF = 2


class Placement(NamedTuple):
    """Where an index is searched. ``note`` is for people."""

    kind: Literal["cpu", "gpu", "replicas", "shards"]
    gpus: int
    note: str


class Gpus(Protocol):
    """The GPUs of a machine, as far as this module asks; a test hands in made-up ones."""

    def free_bytes(self) -> Sequence[int]:
        """Free memory of each; empty where there is none."""
        ...

    def flat(self, dim: int, placement: Placement) -> Any:
        """An empty flat fp16 index of this placement, with FAISS's ``add`` and ``search``."""
        ...


def decide(rows: int, dim: int, free: Sequence[int]) -> Placement:
    """Where an index of (rows, dim) vectors goes, given the free bytes of each GPU."""
    needed = rows * dim * _HALF
    if not free:
        return Placement("cpu", 0, "cpu")
    room = [max(0, round(_SPARE * (bytes_ - _SCRATCH_BYTES))) for bytes_ in free]
    size = f"flat fp16, {needed / 1e9:.2f} GB"
    if needed <= min(room):
        if len(free) == 1:
            return Placement("gpu", 1, f"gpu: {size}")
        return Placement("replicas", len(free), f"{len(free)} gpus: {size} on each")
    if needed <= len(room) * min(room):  # shards are of one size
        return Placement("shards", len(free), f"{len(free)} gpus: {size} over all of them")
    return Placement(
        "cpu",
        0,
        f"cpu: {needed / 1e9:.2f} GB do not fit in {sum(room) / 1e9:.2f} GB on GPUs",
    )


def placed(
    blocks: Iterable[Vectors], dim: int, rows: int, gpus: Gpus | None = None
) -> tuple[Any | None, Placement]:
    """An index on the GPUs filled with blocks of vectors, and where it is.

    None, and ``cpu``, where there is no GPU, no room, or the copying fails: then the CPU serves,
    and the placement says why.
    """
    gpus = gpus or FaissGpus()
    placement = decide(rows, dim, gpus.free_bytes())
    if placement.kind == "cpu" or not rows:
        return None, Placement("cpu", 0, placement.note if placement.kind == "cpu" else "cpu")
    try:
        index = gpus.flat(dim, placement)
        for block in blocks:  # (b, dim) each
            index.add(block)
    except RuntimeError as error:  # FAISS says so when memory runs out after all
        reason = " ".join(str(error).split())[:120]
        return None, Placement("cpu", 0, f"cpu: the GPU did not take the vectors: {reason}")
    return index, placement


class FaissGpus:
    """The GPUs that FAISS sees; none with faiss-cpu."""

    def free_bytes(self) -> list[int]:
        """Free memory of each GPU."""
        faiss = faiss_module()
        count = faiss.get_num_gpus() if hasattr(faiss, "StandardGpuResources") else 0
        return [int(faiss.getFreeMemory(number)) for number in range(count)]

    def flat(self, dim: int, placement: Placement) -> Any:
        """An empty flat index in fp16, on one GPU or several."""
        faiss = faiss_module()
        options = faiss.GpuMultipleClonerOptions()
        options.useFloat16 = True
        options.shard = placement.kind == "shards"
        return faiss.index_cpu_to_gpus_list(
            faiss.IndexFlatIP(dim), co=options, gpus=list(range(placement.gpus))
        )
