"""Images embedded by workers: the same shop as without them, and no image lost with a worker."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.base import Model
from indexer.encoders.color import ColorEncoder
from indexer.encoders.registry import load_encoder
from indexer.errors import IndexMismatch, WorkersLost
from indexer.fetching.fetcher import Fetcher
from indexer.imaging.decodebudget import BUDGET
from indexer.imaging.images import LIMITS
from indexer.jobs.build import build_index
from indexer.jobs.build_report import BuildReport
from indexer.shop.folder import ShopFolder
from indexer.threads import THREADS
from indexer.writing import embed_catalog
from indexer.writing.image_pipeline import encode_batch
from indexer.writing.ray_workers import RayWorkers
from indexer.writing.remote_images import BATCH, RemoteImages
from indexer.writing.remote_worker import (
    KnownContents,
    RemoteWorker,
    SentImage,
    WorkedBatch,
    WorkedImage,
    WorkOrder,
)
from search.engine import SearchEngine
from tests.imageserver import ImageServer
from tests.test_indexer_fetching import policy

ENCODER = ColorEncoder()


class ThreadWorkers:
    """Workers in threads of this process; counts the images that each batch has encoded."""

    def __init__(self, order: WorkOrder, known: bytes, count: int = 2) -> None:
        self.count = count
        self.encoded = 0
        self._workers = [RemoteWorker(order, known, ENCODER) for _ in range(count)]
        self._pools = [ThreadPoolExecutor(1) for _ in range(count)]

    def embed(self, worker: int, images: Sequence[SentImage]) -> Future[WorkedBatch]:
        return self._pools[worker].submit(self._embed, worker, list(images))

    def _embed(self, worker: int, images: list[SentImage]) -> WorkedBatch:
        done = self._workers[worker].embed(images)
        self.encoded += sum(bool(image.display) for image in done.images)
        return done

    def close(self) -> None:
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)


@pytest.fixture(autouse=True)
def limits_of_this_process() -> Iterator[None]:
    """A worker limits its process, which is that of the tests here."""
    before = THREADS.limit, BUDGET.megabytes
    yield
    THREADS.limit, BUDGET.megabytes = before


@pytest.fixture
def workers(monkeypatch) -> list[ThreadWorkers]:
    """The workers of each run, in place of a Ray cluster."""
    made: list[ThreadWorkers] = []

    def start(_address: str, order: WorkOrder, known: bytes) -> ThreadWorkers:
        made.append(ThreadWorkers(order, known))
        return made[-1]

    monkeypatch.setattr(embed_catalog, "RayWorkers", start)
    return made


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> Path:
    """150 items: some share a picture, one is broken, one is missing, one leaves the folder."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("many")
    random = np.random.default_rng(0)
    lines = []
    for number in range(150):
        name = f"{number % 140}.png"
        if number < 140:
            pixels = random.integers(0, 255, (12, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((24, 24)).save(folder / name)
        lines.append(f"i{number},{name}")
    (folder / "broken.png").write_bytes((folder / "3.png").read_bytes()[:200])
    lines += ["broken,broken.png", "missing,nothing.png", "outside,../secret.png", "both,0.png"]
    path = folder / "catalog.csv"
    path.write_text("\n".join(["id,image", *lines]), encoding="utf-8")
    return path


def build(catalog: Path, shop: Path, ray: str | None = None) -> BuildReport:
    return build_index(open_catalog(catalog), ShopFolder(shop), ENCODER, ray=ray)


def without_times(report: BuildReport) -> dict[str, object]:
    left_out = {"seconds", "promise"}
    return {
        name: getattr(report, name) for name in report.__struct_fields__ if name not in left_out
    }


def vectors_of(shop: Path) -> list[list[float]]:
    with SearchEngine.open(shop) as engine:
        vectors = engine._live.view.segments[0].vectors
        return vectors.vectors_at(np.arange(len(vectors))).tolist()


def test_workers_make_the_shop_that_this_process_makes(catalog, workers, tmp_path):
    here = build(catalog, tmp_path / "here")
    there = build(catalog, tmp_path / "there", ray="local")
    assert without_times(there) == without_times(here)
    assert there.encoded == 140
    assert {skip.item_id for skip in there.skipped} == {"broken", "missing", "outside"}
    assert vectors_of(tmp_path / "there") == vectors_of(tmp_path / "here")
    assert set(here.seconds) == set(there.seconds)
    with SearchEngine.open(tmp_path / "there") as engine:
        assert engine.thumbnail("i3").startswith(b"\xff\xd8")


def test_workers_embed_what_this_process_fetches(catalog, workers, tmp_path):
    """Each URL is fetched once, a second run asks for changes only, a refusal names its URL."""
    server = ImageServer()
    names = ["0.png", "1.png", "2.png", "0.png", "broken.png"]
    server.pictures = {f"/{name}": (catalog.parent / name).read_bytes() for name in names}
    server.pictures["/copy.png"] = server.pictures["/1.png"]
    file = tmp_path / "urls.csv"
    rows = [f"i{at},{server.url(f'/{name}')}" for at, name in enumerate([*names, "copy.png"])]
    file.write_text("\n".join(["id,image", *rows, "file,missing.png"]), encoding="utf-8")

    def run(shop: str, ray: str | None) -> BuildReport:
        with Fetcher(policy(server)) as fetcher:
            folder = ShopFolder(tmp_path / shop)
            keep = {"keep_images": "paths", "fetcher": fetcher, "ray": ray}
            return build_index(open_catalog(file), folder, ENCODER, **keep)

    here, there = run("here", None), run("there", "local")
    assert without_times(there) == without_times(here)
    assert (there.encoded, there.reused, workers[0].encoded >= 3) == (3, 2, True)
    assert set(server.hits.values()) == {2}
    assert vectors_of(tmp_path / "there") == vectors_of(tmp_path / "here")
    with SearchEngine.open(tmp_path / "there") as engine:
        assert engine.thumbnail("i2").startswith(b"\xff\xd8")
    again = run("there", "local")
    assert (again.fetched.unchanged, again.encoded, workers[1].encoded) == (4, 0, 0)
    server.close()


def test_a_build_that_was_interrupted_goes_on_by_content(catalog, workers, tmp_path, monkeypatch):
    """What was committed is not encoded again, also where the files have other names."""
    committed = 0

    def stop(*_: object) -> None:
        nonlocal committed
        committed += 1
        if committed > 90:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(embed_catalog, "_COMMIT", 1)
        patched.setattr(embed_catalog._EmbeddingRun, "_collect", _stopping_collect(stop))
        with pytest.raises(KeyboardInterrupt):
            build(catalog, tmp_path / "shop", ray="local")
    done = build(catalog, tmp_path / "shop", ray="local")
    assert 60 <= done.reused - 11 <= 91
    assert done.encoded + done.reused == 151
    assert workers[1].encoded == done.encoded
    again = build(catalog, tmp_path / "shop", ray="local")
    assert (again.encoded, again.published, workers[2].encoded) == (0, False, 0)


def _stopping_collect(stop: Callable[[], None]) -> Callable[..., int]:
    collect = embed_catalog._EmbeddingRun._collect

    def stopping(self, entry, jobs) -> int:
        stop()
        return collect(self, entry, jobs)

    return stopping


def test_workers_never_wait_and_never_hold_more_than_two_batches():
    """The queue is bounded by the caller, who waits for the first image before the next."""
    sent: list[tuple[int, list[SentImage], Future[WorkedBatch]]] = []

    class Slow:
        count = 2

        def embed(self, worker: int, images: Sequence[SentImage]) -> Future[WorkedBatch]:
            sent.append((worker, list(images), Future()))
            return sent[-1][2]

        def close(self) -> None:
            pass

    images = RemoteImages(Slow())
    jobs = [images.submit(str(number)) for number in range(7 * BATCH)]
    assert sorted(worker for worker, _, _ in sent) == [0, 0, 1, 1]
    assert images.items_ahead == 6 * BATCH
    worked = WorkedImage(content=b"c" * 16, display=b"jpeg", embedding=b"e")
    sent[0][2].set_result(WorkedBatch([worked] * BATCH, 1.0, 2.0))
    assert [worker for worker, _, _ in sent][4:] == [sent[0][0]]
    assert jobs[0].done()
    assert not jobs[BATCH].done()
    assert (images.decode_s, images.encode_s) == (1.0, 2.0)
    fetched = [images.send(f"https://shop/{number}.jpg", b"jpeg") for number in range(3)]
    for _, batch, done in islice(sent, 1, None):  # grows until all seven batches are sent
        done.set_result(WorkedBatch([worked] * len(batch), 0.0, 0.0))
    assert [len(batch) for _, batch, _ in sent] == [BATCH] * 7 + [3]
    assert all(job.done() for job in [*jobs, *fetched])


def test_a_batch_that_kills_every_worker_stops_the_build_by_name():
    class Deadly:
        count = 1

        def embed(self, worker: int, images: Sequence[SentImage]) -> Future[WorkedBatch]:
            lost: Future[WorkedBatch] = Future()
            lost.set_exception(WorkersLost(f"workers died on {images[0].path}"))
            return lost

        def close(self) -> None:
            pass

    images = RemoteImages(Deadly())
    job = images.submit("a.jpg")
    images.flush()
    with pytest.raises(WorkersLost, match=r"a\.jpg"):
        job.result()


def test_a_worker_with_other_weights_is_refused(tmp_path):
    order = WorkOrder(Model("color", "f" * 64), tmp_path, LIMITS, False, 100.0)
    with pytest.raises(IndexMismatch, match="install the same version of Vitrine"):
        RemoteWorker(order, b"")


def test_an_embedding_of_builtin_has_the_same_bits_in_a_batch_of_any_size():
    """So it does not matter which worker, or which run, has encoded an image."""
    encoder = load_encoder("builtin", threads=1)
    random = np.random.default_rng(0)
    pixels = [random.integers(0, 255, (48, 48, 3), dtype=np.uint8) for _ in range(5)]
    whole = encode_batch(encoder.encode_images, pixels)
    for size in (1, 2, 3):
        parts = [pixels[start : start + size] for start in range(0, 5, size)]
        vectors = np.concatenate([encode_batch(encoder.encode_images, part) for part in parts])
        assert vectors.tobytes() == whole.tobytes()


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100])
def test_known_contents_are_found_and_others_are_not(count):
    contents = sorted(np.random.default_rng(1).bytes(16) for _ in range(count))
    known = KnownContents(b"".join(contents))
    assert all(content in known for content in contents)
    assert b"\x00" * 16 not in known
    assert b"\xff" * 16 not in known


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra scale")
def test_a_killed_process_of_ray_costs_its_batch_only(catalog, tmp_path, monkeypatch):
    """The embeddings are those of this process, although each worker dies once."""
    killed: list[int] = []

    class Killing(RayWorkers):
        def embed(self, worker: int, images: Sequence[SentImage]) -> Future[WorkedBatch]:
            if worker not in killed:
                killed.append(worker)
                pid = self._ray.get(self._actors[worker].pid.remote())
                os.kill(pid, signal.SIGKILL)
            return super().embed(worker, images)

    monkeypatch.setattr(embed_catalog, "RayWorkers", Killing)
    THREADS.limit = 1
    here, there = build(catalog, tmp_path / "here"), build(catalog, tmp_path / "there", ray="local")
    assert killed == [0]
    assert without_times(there) == without_times(here)
    assert vectors_of(tmp_path / "there") == vectors_of(tmp_path / "here")
