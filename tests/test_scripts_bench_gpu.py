"""The GPU benchmark, as far as it can be tested without a GPU."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from indexer.arrays import unit
from indexer.vectors.contract import Effort
from indexer.vectors.gpu.devicecopy import DeviceCopy
from indexer.vectors.gpu.devices import FaissGpus
from indexer.vectors.index import VectorIndex

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    import bench_gpu

    monkeypatch.setattr(bench_gpu, "_SECONDS", 0.0)
    return bench_gpu


@pytest.fixture
def index(rng):
    return VectorIndex.build(unit(rng.normal(size=(300, 16))), np.arange(300), "Flat-fp16")


@pytest.mark.slow
def test_without_a_gpu_it_says_so_in_one_line(tmp_path):
    if FaissGpus().free_bytes():
        pytest.skip("this machine has a GPU")
    ran = subprocess.run(
        [sys.executable, SCRIPTS / "bench_gpu.py", "--work", tmp_path],
        cwd=SCRIPTS.parent,
        env={"PYTHONPATH": str(SCRIPTS.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith("nothing to measure: FAISS sees no GPU here")
    assert ran.stderr.count("\n") == 1
    assert ran.stdout == ""
    assert not list(tmp_path.iterdir())


def test_the_first_effort_that_reaches_the_recall_is_timed(bench, index, rng):
    queries = unit(rng.normal(size=(40, 16)))
    floor = index.exact(queries, 10)[1].min(axis=1)
    copy = DeviceCopy([index.exact_index], index.exact_index, "flat")
    said = bench.reached(copy, [Effort(1, 56), Effort(2, 56)], queries, floor, 0.99)
    assert (said["recall"], said["effort"]) == (1.0, "1")
    assert set(said["queries_s"]) == {"1", "32", "1000"}
    higher = bench.reached(copy, [Effort(1, 56)], queries, floor + 1, 0.99)
    assert higher == {"failed": "recall 0.0000 at most"}


def test_plain_torch_is_brute_force(bench, index, rng, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(bench, "_PLAIN_ROWS", 128)  # three parts
    queries = unit(rng.normal(size=(5, 16)))
    matrix = torch.from_numpy(index.vectors_at(np.arange(300)))
    assert bench.plain(torch, matrix, queries, 7).tolist() == index.exact(queries, 7)[0].tolist()


def test_the_table_has_a_row_for_each_form_and_ratios_to_torch(bench):
    fast = {"queries_s": {"1": 300, "32": 3000, "1000": 30000}, "us": {}}
    slow = {"queries_s": {"1": 100, "32": 1000, "1000": 10000}, "us": {}}
    text = bench.as_text(
        {
            "vectors": "5 x 2",
            "machine": {},
            "copy_gb_s": 2000.0,
            "forms": {
                "flat": {"recall": 1.0, "fill_s": 0.5, "bandwidth": 0.7, **fast},
                "graph": {"failed": "this FAISS was built without cuVS"},
                "plain torch": slow,
            },
        }
    )
    assert "| flat | 1.0 | 0.5 | 300 (3.00) | 3,000 (3.00) | 30,000 (3.00) | 0.7 |" in text
    assert "| graph | this FAISS was built without cuVS | | | | | |" in text
