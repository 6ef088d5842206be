"""What fits on which GPUs is decided by memory alone, and can be tested without one."""

from __future__ import annotations

import pytest

from indexer.devices import FaissGpus, decide, row_bytes

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
    assert decide("flat", rows, 256, free).kind == kind


def test_lists_take_less_than_flat_and_a_graph_takes_more():
    assert row_bytes("lists", 256) == 396  # 256 + 8 and half as much again while it grows
    assert row_bytes("flat", 256) == 516
    assert row_bytes("graph", 256) == 1792  # four bytes a number, 192 links while it is built
    assert decide("lists", 2 * FITS, 256, [SPACE]) == (
        "gpu",
        1,
        "gpu: IVF of one byte a number, 0.79 GB",
        "lists",
    )


def test_the_note_names_the_form_the_gpus_and_the_memory():
    assert decide("flat", FITS, 256, [SPACE]).note == "gpu: flat fp16, 0.52 GB"
    assert decide("flat", FITS, 256, [SPACE] * 2).note == "2 gpus: flat fp16, 0.52 GB on each"
    assert decide("flat", 2 * FITS, 256, [SPACE] * 2).note == (
        "2 gpus: flat fp16, 1.03 GB over all of them"
    )
    assert decide("flat", 9 * FITS, 256, [SPACE]).note == (
        "flat fp16, 4.64 GB, does not fit in 0.80 GB on GPUs"
    )


def test_faiss_without_gpus_sees_none():
    if FaissGpus().free_bytes():
        pytest.skip("this machine has a GPU")
    assert FaissGpus().free_bytes() == []
    assert FaissGpus().graphs is False
