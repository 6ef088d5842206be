"""Builds that are interrupted, killed or out of room leave the shop whole, and go on."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from indexer.arrays import Pixels, Vectors
from indexer.classification.learn import learn_classifier
from indexer.confidence.calibrate import Fitted
from indexer.encoders.color import ColorEncoder
from indexer.errors import IndexCorrupt, IndexNotFound, StoreBusy, StoreFull
from indexer.shop import folder as folder_module
from indexer.shop.folder import ShopFolder
from indexer.shop.joblock import job_lock
from indexer.vectors import index as vectors_module
from indexer.writing import embed_catalog
from tests.shades import Counting, Folder, answers, build, folder, rows_of, shop

__all__ = ["folder", "shop"]  # fixtures


KILLS = 8  # raise it by hand: 100 take about a minute


class Stopping(Counting):
    """Is interrupted after some batches."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.left = batches

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return super().encode_images(pixels)


@pytest.fixture
def small_batches(monkeypatch):
    """Two images a batch and a commit after each, so that few images make many steps."""
    monkeypatch.setattr(embed_catalog, "_BATCH", 2)
    monkeypatch.setattr(embed_catalog, "_COMMIT", 1)


# Interruptions


@pytest.mark.parametrize("commit", [1, 100])  # due after each batch, or not due yet
def test_an_interrupted_build_goes_on_where_it_stopped(
    folder, shop, tmp_path, monkeypatch, small_batches, commit
):
    monkeypatch.setattr(embed_catalog, "_COMMIT", commit)
    folder.write({f"item-{n}": [n] for n in range(12)}, title="shade")
    with pytest.raises(KeyboardInterrupt):
        build(folder, shop, Stopping(batches=4))
    with pytest.raises(IndexNotFound):
        shop.current()
    monkeypatch.setattr(
        "indexer.jobs.index_choice.calibrate", lambda *_: Fitted(None, "it encodes, too")
    )
    monkeypatch.setattr(
        "indexer.jobs.index_choice.learn_classifier",
        lambda store, _, *stored: learn_classifier(store, ColorEncoder(), *stored),  # so does it
    )
    encoder = Counting()
    report = build(folder, shop, encoder)
    assert (encoder.encoded, report.encoded, report.reused) == (4, 4, 8)
    whole = ShopFolder(tmp_path / "whole")
    build(folder, whole)
    assert answers(shop.path) == answers(whole.path)
    assert rows_of(shop) == rows_of(whole)


def test_an_interrupted_rebuild_leaves_the_old_catalog_serving(folder, shop, small_batches):
    folder.write({f"item-{n}": [n] for n in range(4)}, title="old")
    build(folder, shop)
    before = answers(shop.path)
    folder.write({f"item-{n}": [n] for n in range(2, 12)}, title="new")
    with pytest.raises(KeyboardInterrupt):
        build(folder, shop, Stopping(batches=2))
    assert answers(shop.path) == before
    assert build(folder, shop).reused == 2 + 4
    assert answers(shop.path) != before


KILLED = """
import os, random, shutil, signal, sys, time
from pathlib import Path
from indexer.writing import embed_catalog
from indexer.jobs.build import build_index
from indexer.encoders.color import ColorEncoder
from indexer.shop.folder import ShopFolder
from indexer.catalog.sources import open_catalog
import faiss

catalog, seed, old, trial, *shops = sys.argv[1:]
embed_catalog._BATCH, embed_catalog._COMMIT = 4, 1

class Slow(ColorEncoder):
    def encode_images(self, pixels):
        time.sleep(0.004)
        return super().encode_images(pixels)

def build(shop):
    pid = os.fork()
    if pid == 0:
        try:
            build_index(open_catalog(catalog), ShopFolder(shop), Slow())
        finally:
            os._exit(0)
    return pid

def timed(shop):
    start = time.perf_counter()
    os.waitpid(build(shop), 0)
    return time.perf_counter() - start

first = timed(trial)
shutil.copytree(old, trial + "-old")
later = timed(trial + "-old")
moments = random.Random(int(seed))
killed = 0
for number, shop in enumerate(shops):
    for _ in range(30):  # until the build is really killed, and not over before
        shutil.rmtree(shop, ignore_errors=True)
        if number % 3:  # every third is killed in its first build
            shutil.copytree(old, shop)
        pid = build(shop)
        time.sleep(moments.uniform(0, later if number % 3 else first))
        os.kill(pid, signal.SIGKILL)
        if os.WIFSIGNALED(os.waitpid(pid, 0)[1]):
            killed += 1
            break
print(killed)
"""


@pytest.mark.slow
def test_a_build_that_is_killed_at_any_moment_leaves_a_whole_shop(folder, shop, tmp_path):
    old, new, first = tmp_path / "old", tmp_path / "new", tmp_path / "first"
    folder.write({f"item-{n}": [n] for n in range(15)}, title="old")
    build(folder, ShopFolder(old))
    folder.write({f"item-{n}": [n, n + 100] for n in range(5, 25)}, title="new")
    shutil.copytree(old, new)
    build(folder, ShopFolder(new))
    build(folder, ShopFolder(first))
    states = {"old": answers(old), "new": answers(new)}
    assert states["old"] != states["new"]
    shops = [tmp_path / f"killed-{number}" for number in range(KILLS)]
    seed = int.from_bytes(os.urandom(4), "big")
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-c",
            KILLED,
            folder.path,
            str(seed),
            old,
            tmp_path / "trial",
            *shops,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert (done.returncode, done.stderr) == (0, ""), seed
    assert int(done.stdout) == KILLS, seed
    for path in shops:
        try:
            found = answers(path)
        except IndexNotFound:
            assert not (path / "CURRENT").exists(), (seed, path)
            assert not (path / "generations" / "000002").exists(), (seed, path)
        else:
            assert found in states.values(), (seed, path)
        again = build(folder, ShopFolder(path))
        assert again.encoded + again.reused == 40
        assert answers(path) == states["new"], (seed, path)
        assert [entry for entry in path.rglob(".*") if entry.name != "."] == [], (seed, path)


# Failures while publishing


@pytest.fixture
def changed_shop(folder, shop) -> ShopFolder:
    """A shop whose catalog has changed since it was built."""
    folder.write({"a": [1], "b": [2]}, title="old")
    build(folder, shop)
    folder.write({"b": [2], "c": [3]}, title="new")
    return shop


def no_space(*_args: object, **_kwargs: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def assert_old_index_serves_new_store(folder: Folder, shop: ShopFolder) -> None:
    """After a failed publish CURRENT is the old one, answers are right, and a rerun mends it."""
    assert shop.current() == "000001"
    shop.verify("000001")
    between = answers(shop.path)
    report = build(folder, shop)
    assert (report.encoded, report.published) == (0, True)
    assert shop.current() == report.generation
    assert answers(shop.path) == between
    assert [path.name for path in shop.path.rglob(".*")] == []


@pytest.mark.parametrize("step", ["sync", "file_digest", "write", "mkdir", "rename", "replace"])
def test_a_disk_that_fills_up_at_any_step_of_publishing_leaves_the_old_one_serving(
    folder, changed_shop, monkeypatch, step
):
    with monkeypatch.context() as patched:
        if step == "write":
            patched.setattr(Path, "write_bytes", no_space)
        elif step == "mkdir":
            real = Path.mkdir
            patched.setattr(
                Path,
                "mkdir",
                lambda self, *a, **k: (
                    no_space() if "generations" in str(self) else real(self, *a, **k)
                ),
            )
        elif step in ("rename", "replace"):
            patched.setattr(Path, step, no_space)
        else:
            patched.setattr(folder_module, step, no_space)
        with pytest.raises(StoreFull, match="No space left on device"):
            build(folder, changed_shop)
    assert_old_index_serves_new_store(folder, changed_shop)


def test_each_single_sync_may_fail(folder, changed_shop, monkeypatch):
    real, failed = folder_module.sync, []
    for number in range(20):
        calls = iter(range(1000))

        def sync(path: Path, calls=calls, number=number) -> None:
            if next(calls) == number:
                failed.append(path.name)
                no_space()
            real(path)

        with monkeypatch.context() as patched:
            patched.setattr(folder_module, "sync", sync)
            try:
                build(folder, changed_shop)
            except StoreFull:
                assert answers(changed_shop.path)
                continue
        break
    assert changed_shop.current() in changed_shop.names()
    assert {"vectors.faiss", "rows.npy", "words.sqlite", "manifest.json"} <= set(failed)
    assert "generations" in failed


def test_faiss_that_cannot_write_is_store_full(folder, changed_shop, monkeypatch):
    faiss = vectors_module.faiss_module()

    class Full:
        def __getattr__(self, name: str) -> object:
            return getattr(faiss, name)

        def write_index(self, *_: object) -> None:
            raise RuntimeError("Error in write_index:\n  fwrite failed: No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(vectors_module, "faiss_module", Full)
        with pytest.raises(StoreFull, match=r"cannot write .*vectors\.faiss: No space left"):
            build(folder, changed_shop)
    assert_old_index_serves_new_store(folder, changed_shop)


LIMITED = """
import resource, sys
from indexer.jobs.build import build_index
from indexer.encoders.color import ColorEncoder
from indexer.errors import StoreFull
from indexer.shop.folder import ShopFolder
from indexer.catalog.sources import open_catalog
limit = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    build_index(open_catalog(sys.argv[1]), ShopFolder(sys.argv[2]), ColorEncoder())
except StoreFull as error:
    print("full:", error)
"""


@pytest.mark.parametrize("limit", [100, 20_000, 50_000])
@pytest.mark.slow
def test_a_file_that_may_not_grow_is_store_full_and_not_a_crash(folder, shop, limit):
    """A real limit of the kernel, met by LMDB, by FAISS or by SQLite, whichever comes first."""
    folder.write({f"item-{n}": [n] for n in range(60)}, title="new")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, folder.path, shop.path, str(limit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("full: ")
    report = build(folder, shop)
    assert (report.items, report.rows) == (60, 60)


def test_an_index_that_does_not_find_itself_is_not_published(folder, changed_shop, monkeypatch):
    real = vectors_module.VectorIndex.load

    def swapped(vectors: Path, rows: Path, contract: object) -> vectors_module.VectorIndex:
        index = real(vectors, rows, contract)
        index.rows = index.rows[::-1].copy()
        return index

    with monkeypatch.context() as patched:
        patched.setattr(vectors_module.VectorIndex, "load", swapped)
        with pytest.raises(IndexCorrupt, match="canary: 2 of 2 sampled rows do not find"):
            build(folder, changed_shop)
    assert_old_index_serves_new_store(folder, changed_shop)


def test_a_second_job_is_refused_naming_the_first(folder, shop):
    folder.write({"a": [1]})
    shop.path.mkdir()
    with (
        job_lock(shop.path, "vitrine index"),
        pytest.raises(StoreBusy, match=rf"held by vitrine index \(process {os.getpid()}\)"),
    ):
        build(folder, shop)
    assert build(folder, shop).published


# Repairs


@pytest.mark.parametrize("damage", ["vectors.faiss", "manifest.json", "CURRENT", "no CURRENT"])
def test_building_again_mends_a_damaged_index(folder, shop, damage):
    folder.write({"a": [1], "b": [2]})
    build(folder, shop)
    before = answers(shop.path)
    if damage == "CURRENT":
        shop.current_file.write_bytes(b"\xff\xfe")
    elif damage == "no CURRENT":
        shop.current_file.unlink()
    else:
        (shop.generations / "000001" / damage).write_bytes(b"rubbish")
    encoder = Counting()
    report = build(folder, shop, encoder)
    assert (report.published, encoder.encoded) == (True, 0)
    assert answers(shop.path) == before
    assert build(folder, shop).published is False
