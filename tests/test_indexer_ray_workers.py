"""Batches whose worker on Ray is lost: they go to others, and back to it when it is there again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest

from indexer.encoders.base import Model
from indexer.encoders.registry import uses_gpu
from indexer.errors import WorkersLost
from indexer.imaging.imagefolder import ImageFolder
from indexer.imaging.images import LIMITS
from indexer.writing import ray_workers
from indexer.writing.ray_workers import RayWorkers, places_of
from indexer.writing.remote_images import work_order
from indexer.writing.remote_worker import SentImage

PATIENCE_S = 120
FOLDER = ImageFolder("/catalog")
IMAGE = SentImage("a.jpg")
ORDER = work_order(Model("color", "0" * 64), FOLDER, LIMITS, keep_originals=False)


def machine(*, cores: int, gpus: int = 0, alive: bool = True) -> dict[str, Any]:
    """A machine of a cluster, as Ray describes it."""
    return {"Alive": alive, "Resources": {"CPU": float(cores), "GPU": float(gpus), "memory": 1e9}}


class UnavailableError(Exception):
    """What Ray raises if the machine of an actor is gone, or its process died."""


class Method:
    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def remote(self, *given: Any) -> Any:
        result: Future[Any] = Future()
        try:
            result.set_result(self._call(*given))
        except Exception as error:  # noqa: BLE001 - any, as Ray does
            result.set_exception(error)
        return SimpleNamespace(future=lambda: result)


class Ray:
    """Two workers, which answer with their number; those in ``down`` are lost."""

    exceptions = SimpleNamespace(ActorUnavailableError=UnavailableError)

    def __init__(self) -> None:
        self.down: set[int] = set()
        self.poison = ""
        self._started = 0

    def init(self, **_: Any) -> None: ...

    def shutdown(self) -> None: ...

    def nodes(self) -> list[dict[str, Any]]:
        return [machine(cores=2)]

    def put(self, data: bytes) -> bytes:
        return data

    def get(self, ref: Any, timeout: float) -> Any:
        return ref.future().result(timeout)

    def remote(self, _: type) -> Any:
        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=self.start))

    def start(self, _: Any) -> Any:
        number = self._started
        self._started += 1

        def work(images: list[SentImage], _: list[bytes]) -> int:
            if number in self.down or images[0].path == self.poison:
                raise UnavailableError("connection reset")
            return number

        return SimpleNamespace(work=Method(work), pid=Method(lambda: work([IMAGE], [])))


@pytest.fixture
def ray(monkeypatch):
    fake = Ray()
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setattr(ray_workers, "_ASK_AGAIN_S", 0.001)
    return fake


@pytest.fixture
def workers(ray):
    started = RayWorkers("local", ORDER, b"")
    yield started
    started.close()


def test_a_batch_of_a_lost_worker_goes_to_another_at_once(ray, workers):
    ray.down = {0}
    assert [workers.embed(0, [IMAGE]).result(PATIENCE_S) for _ in range(3)] == [1, 1, 1]


def test_a_lost_worker_gets_batches_again_when_it_answers(ray, workers):
    ray.down = {0, 1}
    held = [workers.embed(0, [IMAGE]) for _ in range(2)]
    assert not any(batch.done() for batch in held)
    ray.down = {1}
    assert [batch.result(PATIENCE_S) for batch in held] == [0, 0]
    assert workers.embed(1, [IMAGE]).result(PATIENCE_S) == 0


def test_a_batch_that_four_workers_died_of_is_refused_and_no_other(ray, workers):
    ray.poison = "bomb.jpg"
    with pytest.raises(WorkersLost, match=r"died 4 times on the 1 images from 'bomb.jpg'"):
        workers.embed(0, [SentImage("bomb.jpg")]).result(PATIENCE_S)
    assert workers.embed(0, [IMAGE]).result(PATIENCE_S) in (0, 1)


def test_batches_are_given_up_if_no_worker_answers_for_long(ray, workers, monkeypatch):
    monkeypatch.setattr(ray_workers, "_NO_WORKER_S", 0)
    ray.down = {0, 1}
    with pytest.raises(WorkersLost, match="no worker has answered for 0 s: connection reset"):
        workers.embed(0, [IMAGE]).result(PATIENCE_S)


def test_why_a_worker_did_not_start_is_told(workers, ray, monkeypatch):
    def fail(*_: Any) -> None:
        raise RuntimeError(
            "The actor died in its creation task\n"
            "indexer.errors.IndexMismatch: a worker has other weights"
        )

    monkeypatch.setattr(workers, "_actors", [SimpleNamespace(work=Method(fail))] * 2)
    with pytest.raises(WorkersLost, match="a worker did not start: a worker has other weights"):
        workers.embed(0, [IMAGE]).result(PATIENCE_S)


def test_a_cluster_that_refuses_the_token_is_told(ray, monkeypatch):
    def refuse(**_: Any) -> None:
        try:
            raise RuntimeError("RPC error: InvalidAuthToken: token is missing")
        except RuntimeError as error:
            raise ConnectionError("Failed to connect to Ray cluster") from error

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(WorkersLost, match="it refuses the token; set RAY_AUTH_MODE=token"):
        RayWorkers("10.0.0.7:6379", ORDER, b"")


@pytest.mark.parametrize(
    ("machines", "count", "share"),
    [
        ([machine(cores=2), machine(cores=8)], 10, 0.0),
        ([machine(cores=8, gpus=1)], 8, 0.125),
        ([machine(cores=64, gpus=2)], 32, 0.0625),
        ([machine(cores=2, gpus=4)], 2, 1.0),
        ([machine(cores=8, gpus=1), machine(cores=16)], 8, 0.125),
        ([machine(cores=7, gpus=1), machine(cores=2, gpus=1)], 9, 0.1428),
        ([machine(cores=8, gpus=1, alive=False), machine(cores=2)], 2, 0.0),
    ],
)
def test_the_cores_of_a_machine_share_its_gpus(machines, count, share):
    assert places_of(machines, on_gpus=True) == (count, share)
    assert count * share <= sum(one["Resources"]["GPU"] for one in machines)


def test_an_encoder_that_uses_no_gpu_gets_every_core_and_no_gpu():
    assert places_of([machine(cores=8, gpus=1), machine(cores=16)], on_gpus=False) == (24, 0.0)


@pytest.mark.parametrize(
    ("encoder", "uses"),
    [("builtin", False), ("onnx:x.onnx", False), ("cnn:resnet50", True), ("st:x+flip", True)],
)
def test_encoders_of_pytorch_use_gpus(encoder, uses):
    assert uses_gpu(encoder) is uses
