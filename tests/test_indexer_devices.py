"""What fits on which GPUs is decided by memory alone, and can be tested without one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from indexer.vectors.gpu.devices import FaissGpus, choose_placement, free_bytes, row_bytes

GB = 10**9
SPACE = (3 << 29) + GB  # of a made-up GPU: FAISS takes the one, a fifth of the other stays free
FITS = 1_000_000  # rows of 256 numbers, flat: 0.52 GB


@pytest.mark.parametrize(
    ("free", "rows", "kind"),
    [
        ([SPACE], FITS, "gpu"),
        ([SPACE, SPACE], FITS, "replicas"),
        ([SPACE], 2 * FITS, "cpu"),
        ([SPACE, SPACE], 2 * FITS, "shards"),
        ([SPACE, 2 * SPACE], 3 * FITS + FITS // 2, "cpu"),  # the smaller one bounds the shards
        ([SPACE, SPACE], 9 * FITS, "cpu"),
        ([GB // 2], 10, "cpu"),
    ],
)
def test_memory_decides(free, rows, kind):
    assert choose_placement("flat", rows, 256, free).kind == kind


def test_lists_take_less_than_flat_and_a_graph_takes_more():
    assert row_bytes("lists", 256) == 396  # 256 + 8 and half as much again while it grows
    assert row_bytes("flat", 256) == 516
    assert row_bytes("graph", 256) == 1792  # four bytes a number, 192 links while it is built
    assert choose_placement("lists", 2 * FITS, 256, [SPACE]) == (
        "gpu",
        1,
        "gpu: IVF of one byte per number, 0.79 GB",
        "lists",
    )


def test_the_note_names_the_form_the_gpus_and_the_memory():
    assert choose_placement("flat", FITS, 256, [SPACE]).note == "gpu: flat fp16, 0.52 GB"
    assert (
        choose_placement("flat", FITS, 256, [SPACE] * 2).note
        == "2 gpus: flat fp16, 0.52 GB on each"
    )
    assert choose_placement("flat", 2 * FITS, 256, [SPACE] * 2).note == (
        "2 gpus: flat fp16, 1.03 GB over all of them"
    )
    assert choose_placement("flat", 9 * FITS, 256, [SPACE]).note == (
        "flat fp16, 4.64 GB, does not fit in 0.80 GB on GPUs"
    )


def test_faiss_without_gpus_sees_none():
    if FaissGpus().free_bytes():
        pytest.skip("this machine has a GPU")
    assert FaissGpus().free_bytes() == []
    assert FaissGpus().has_cagra is False


class Runtime:
    """A CUDA runtime of two GPUs, as ctypes sees it."""

    def __init__(self, *free):
        self.free, self.gpu = free, 0

    def cudaGetDevice(self, gpu):  # noqa: N802 - its name
        gpu._obj.value = self.gpu
        return 0

    def cudaSetDevice(self, gpu):  # noqa: N802 - its name
        self.gpu = getattr(gpu, "value", gpu)
        return 0 if self.gpu < len(self.free) else 101

    def cudaMemGetInfo(self, free, total):  # noqa: N802 - its name
        free._obj.value, total._obj.value = self.free[self.gpu], 80 * GB
        return 0


def test_free_memory_is_that_of_the_gpu_asked_for_and_its_thread_stays_where_it_was(monkeypatch):
    runtime = Runtime(3 * GB, 7 * GB)
    monkeypatch.setattr("indexer.vectors.gpu.devices.ctypes.CDLL", lambda _name: runtime)
    assert [free_bytes(gpu) for gpu in (0, 1, 2)] == [3 * GB, 7 * GB, 0]  # there is no third
    assert runtime.gpu == 0


def test_a_cuda_runtime_that_is_not_found_has_no_free_memory(monkeypatch):
    def missing(name):
        if name is None:
            return object()  # it is not loaded for all to see
        raise OSError(name)

    monkeypatch.setattr("indexer.vectors.gpu.devices.ctypes.CDLL", missing)
    assert free_bytes(0) == 0


class FakeFaiss:
    """What Vitrine asks of FAISS's GPU half; it notes what it was given."""

    METRIC_INNER_PRODUCT = 0
    GpuClonerOptions = GpuIndexCagraConfig = SimpleNamespace

    def __init__(self):
        self.given = []
        self.StandardGpuResources = object

    def index_cpu_to_gpu(self, resources, gpu, index, options):
        self.given.append((resources, gpu, index, vars(options)))

    def GpuIndexCagra(self, resources, dim, metric, config):  # noqa: N802 - its name
        self.given.append((resources, config.device, dim, metric))
        return SimpleNamespace(train=lambda vectors: self.given.append(vectors.shape))


def test_what_lies_on_one_gpu_shares_its_scratch_memory(monkeypatch):
    fake = FakeFaiss()
    monkeypatch.setattr("indexer.vectors.gpu.devices.faiss_module", lambda: fake)
    gpus = FaissGpus()
    assert gpus.has_cagra
    gpus.copy_to("one", 0)
    gpus.copy_to("two", 0)
    gpus.copy_to("three", 1)
    gpus.build_graph(np.ones((5, 3), np.float32), 1)
    *copies, graph, trained = fake.given
    assert [copy[1:3] for copy in copies] == [(0, "one"), (0, "two"), (1, "three")]
    # cuVS takes no scalar-quantized lists, and FAISS would choose it where it has it.
    assert all(copy[3] == {"useFloat16": True, "use_cuvs": False} for copy in copies)
    assert copies[0][0] is copies[1][0]
    assert copies[0][0] is not copies[2][0]
    assert graph == (copies[2][0], 1, 3, 0)
    assert trained == (5, 3)
