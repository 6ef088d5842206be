"""What lies on a real GPU finds what the CPU finds: for whoever has one, skipped elsewhere.

No other test proves that FAISS's kernels are asked rightly and answer rightly.
"""

from __future__ import annotations

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.vectors.contract import Effort
from indexer.vectors.gpu.devices import FaissGpus, Placement
from indexer.vectors.gpu.placing import copy_to_gpus, efforts_for, fill_copy
from indexer.vectors.index import VectorIndex
from indexer.vectors.recall import recall_of

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def gpus():
    """The real ones."""
    found = FaissGpus()
    if not found.free_bytes():
        pytest.skip("no NVIDIA device, or faiss-cpu")
    assert min(found.free_bytes()) > 0
    return found


@pytest.fixture(scope="module")
def many(gpus):
    """Vectors that are only drawn where there is a GPU."""
    rng = np.random.default_rng(2)
    centers = unit(rng.normal(size=(500, 64)))
    found = centers[rng.integers(0, 500, 50_000)] + 0.1 * rng.normal(size=(50_000, 64))
    return VectorIndex.build(unit(found), np.arange(50_000), "Flat-fp16")


@pytest.mark.parametrize("form", ["flat", "lists", "graph"])
def test_it_finds_what_the_cpu_finds(gpus, many, form):
    if form == "graph" and not gpus.has_cagra:
        pytest.skip("this FAISS was built without cuVS, and has no CAGRA")
    placement = Placement("gpu", 1, "", form)
    copy = fill_copy(many, placement, gpus)
    queries = unit(many.vectors_at(np.arange(0, 50_000, 250)) + 0.02)
    positions, best = many.exact(queries, 10)
    found, scores = copy.search_with_effort(
        queries, 10, efforts_for(form, len(many), placement)[-1]
    )
    assert recall_of(scores, best).mean() >= (0.999 if form == "flat" else 0.98)
    if form == "flat":
        assert (found == positions).mean() > 0.99


@pytest.mark.parametrize("kind", ["replicas", "shards"])
def test_several_find_what_the_cpu_finds(gpus, many, kind):
    count = len(gpus.free_bytes())
    if count < 2:
        pytest.skip("only one NVIDIA device")
    copy = fill_copy(many, Placement(kind, count, "", "flat"), gpus)
    queries = many.vectors_at(np.arange(0, 50_000, 250))
    found = copy.search_with_effort(queries, 10, Effort(1, 56))[0]
    assert (found == many.exact(queries, 10)[0]).mean() > 0.99


def test_it_is_taken(gpus, many):
    assert copy_to_gpus(many, gpus).placement.kind != "cpu"
