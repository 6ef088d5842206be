"""Where an index is searched is decided by memory alone, and can be tested without a GPU."""

from __future__ import annotations

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.devices import FaissGpus, decide, placed
from indexer.vectors import VectorIndex

GB = 10**9
SPACE = (1 << 30) + GB  # of a made-up GPU: FAISS takes the one, a fifth of the other stays free
FITS = 1_000_000  # rows of 256 numbers: 0.51 GB


class MadeUp:
    """GPUs that are numpy: exact, like real ones."""

    def __init__(self, *free, fails=False):
        self.free, self.fails, self.placement = free, fails, None
        self.held = np.empty((0, 0), np.float32)

    def free_bytes(self):
        return self.free

    def flat(self, dim, placement):
        import faiss

        self.placement = placement
        if self.fails:
            raise RuntimeError("Error in GpuResources: out of memory")
        return faiss.IndexFlatIP(dim)


@pytest.mark.parametrize(
    ("free", "rows", "kind"),
    [
        ([], FITS, "cpu"),
        ([SPACE], FITS, "gpu"),
        ([SPACE, SPACE], FITS, "replicas"),
        ([SPACE], 2 * FITS, "cpu"),
        ([SPACE, SPACE], 2 * FITS, "shards"),
        ([SPACE, SPACE], 9 * FITS, "cpu"),
        ([GB // 2], 10, "cpu"),
    ],
)
def test_memory_decides(free, rows, kind):
    assert decide(rows, 256, free).kind == kind


def test_why_it_stays_on_the_cpu_is_said():
    note = decide(9 * FITS, 256, [SPACE]).note
    assert note == "cpu: 4.61 GB do not fit in 0.80 GB on GPUs"


def test_an_index_on_a_gpu_answers_as_on_the_cpu(rng):
    vectors = unit(rng.normal(size=(500, 16)))
    index = VectorIndex.build(vectors, np.arange(500))
    moved = index.on_gpus(MadeUp(SPACE))
    assert moved.placement.kind == "gpu"
    assert moved.exact(vectors[:5], 4)[0].tolist() == index.exact(vectors[:5], 4)[0].tolist()
    mask = rng.random(500) < 0.5  # filters are the CPU's
    filtered = [one.search(vectors[:5], 4, mask)[0].tolist() for one in (moved, index)]
    assert filtered[0] == filtered[1]


def test_a_gpu_that_runs_out_of_memory_leaves_the_cpu_serving(rng):
    vectors = unit(rng.normal(size=(50, 16)))
    moved = VectorIndex.build(vectors, np.arange(50)).on_gpus(MadeUp(SPACE, fails=True))
    assert moved.placement.kind == "cpu"
    assert moved.placement.note == (
        "cpu: the GPU did not take the vectors: Error in GpuResources: out of memory"
    )
    assert moved.search(vectors[:1], 1)[0].tolist() == [[0]]


def test_faiss_without_gpus_sees_none():
    if FaissGpus().free_bytes():
        pytest.skip("this machine has a GPU")
    assert placed([np.ones((1, 4), np.float32)], 4, 1)[1].kind == "cpu"


@pytest.mark.gpu
def test_a_real_gpu_finds_what_the_cpu_finds(rng):
    if not FaissGpus().free_bytes():
        pytest.skip("no NVIDIA device, or faiss-cpu")
    vectors = unit(rng.normal(size=(20_000, 64)))
    index = VectorIndex.build(vectors, np.arange(20_000), "Flat-fp16")
    moved = index.on_gpus()
    assert moved.placement.kind in {"gpu", "replicas"}
    same = moved.exact(vectors[:100], 10)[0] == index.exact(vectors[:100], 10)[0]
    assert same.mean() > 0.99
