"""Batches whose worker on Ray is lost: they go to others, and back to it when it is there again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from indexer.encoders.base import Model
from indexer.errors import WorkersLost
from indexer.imaging.images import LIMITS
from indexer.writing import ray_workers
from indexer.writing.ray_workers import RayWorkers
from indexer.writing.remote_images import work_order

PATIENCE_S = 120
ORDER = work_order(Model("color", "0" * 64), Path("/catalog"), LIMITS, keep_originals=False)


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

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 2.0}

    def put(self, data: bytes) -> bytes:
        return data

    def get(self, ref: Any, timeout: float) -> Any:
        return ref.future().result(timeout)

    def remote(self, _: type) -> Any:
        return SimpleNamespace(options=lambda **_: SimpleNamespace(remote=self.start))

    def start(self, _: Any) -> Any:
        number = self._started
        self._started += 1

        def work(paths: list[str], _: list[bytes]) -> int:
            if number in self.down or paths[0] == self.poison:
                raise UnavailableError("connection reset")
            return number

        return SimpleNamespace(work=Method(work), pid=Method(lambda: work(["pid"], [])))


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
    assert [workers.embed(0, ["a.jpg"]).result(PATIENCE_S) for _ in range(3)] == [1, 1, 1]


def test_a_lost_worker_gets_batches_again_when_it_answers(ray, workers):
    ray.down = {0, 1}
    held = [workers.embed(0, ["a.jpg"]) for _ in range(2)]
    assert not any(batch.done() for batch in held)
    ray.down = {1}
    assert [batch.result(PATIENCE_S) for batch in held] == [0, 0]
    assert workers.embed(1, ["b.jpg"]).result(PATIENCE_S) == 0


def test_a_batch_that_four_workers_died_of_is_refused_and_no_other(ray, workers):
    ray.poison = "bomb.jpg"
    with pytest.raises(WorkersLost, match=r"died 4 times on the 1 images from 'bomb.jpg'"):
        workers.embed(0, ["bomb.jpg"]).result(PATIENCE_S)
    assert workers.embed(0, ["a.jpg"]).result(PATIENCE_S) in (0, 1)


def test_batches_are_given_up_if_no_worker_answers_for_long(ray, workers, monkeypatch):
    monkeypatch.setattr(ray_workers, "_NO_WORKER_S", 0)
    ray.down = {0, 1}
    with pytest.raises(WorkersLost, match="no worker has answered for 0 s: connection reset"):
        workers.embed(0, ["a.jpg"]).result(PATIENCE_S)


def test_why_a_worker_did_not_start_is_told(workers, ray, monkeypatch):
    def fail(*_: Any) -> None:
        raise RuntimeError(
            "The actor died in its creation task\n"
            "indexer.errors.IndexMismatch: a worker has other weights"
        )

    monkeypatch.setattr(workers, "_actors", [SimpleNamespace(work=Method(fail))] * 2)
    with pytest.raises(WorkersLost, match="a worker did not start: a worker has other weights"):
        workers.embed(0, ["a.jpg"]).result(PATIENCE_S)


def test_a_cluster_that_refuses_the_token_is_told(ray, monkeypatch):
    def refuse(**_: Any) -> None:
        try:
            raise RuntimeError("RPC error: InvalidAuthToken: token is missing")
        except RuntimeError as error:
            raise ConnectionError("Failed to connect to Ray cluster") from error

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(WorkersLost, match="it refuses the token; set RAY_AUTH_MODE=token"):
        RayWorkers("10.0.0.7:6379", ORDER, b"")
