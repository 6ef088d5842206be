"""Workers on a Ray cluster: actors that Ray restarts when their process or machine dies."""

from __future__ import annotations

import logging
import math
import re
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from indexer.encoders.registry import uses_gpu
from indexer.errors import EncoderNotFound, VitrineError, WorkersLost, one_line
from indexer.threads import THREADS
from indexer.writing.remote_worker import (
    KnownContents,
    RemoteWorker,
    SentImage,
    WorkedBatch,
    WorkOrder,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCAL = "local"
_TRIES = 3  # to start Ray on this machine, each half a minute long
_RETRIES = 3  # of a batch whose worker dies each time; its images may be what kills it
_ASK_AGAIN_S = 1.0  # whether a lost worker is there again
_ANSWER_S = 30.0
_MOST_PER_GPU = 16  # workers; each has the weights of the encoder in the GPU's memory
_RAY_PARTS = 10_000  # of a GPU: Ray rounds shares to these
_RAISED = re.compile(r"indexer\.errors\.\w+: (.+)")  # in the text of a traceback
_NO_WORKER_S = 300.0  # that batches wait for any worker; Ray needs half a minute for a lost machine


class _Actor(RemoteWorker):
    """A worker that gets the known contents with its first batch.

    Ray warns on stderr of each actor that it may restart and that has an object as an argument.
    """

    def __init__(self, order: WorkOrder) -> None:
        super().__init__(order, b"")
        self._has_known = False

    def work(self, images: Sequence[SentImage], known: list[Any]) -> WorkedBatch:
        """See ``RemoteWorker.embed``. ``known`` has one reference to the known contents."""
        if not self._has_known:
            import ray

            self._known = KnownContents(ray.get(known[0]))
            self._has_known = True
        return self.embed(images)


class _Batch:
    """The images of a batch, its result, and how many workers died while they had it."""

    def __init__(self, images: Sequence[SentImage]) -> None:
        self.images = list(images)
        self.result: Future[WorkedBatch] = Future()
        self.deaths = 0


class RayWorkers:
    """Actors on a cluster, one for each of its cores. See ``Workers``.

    If the encoder computes on GPUs and the cluster has some, actors are only where a GPU is, and
    the cores of a machine share its GPUs: a core reads and decodes for its part of one.

    A batch whose worker is lost goes to another one at once: the lost one may have to wait until
    Ray notices that its machine is gone, and then for a free core.
    """

    def __init__(self, address: str, order: WorkOrder, known: bytes) -> None:
        """Connect to a cluster, or start one on this machine if ``address`` is ``local``.

        Raises EncoderNotFound if Ray is not installed, WorkersLost if there is no such cluster.
        """
        try:
            import ray
        except ImportError as error:
            raise EncoderNotFound(
                "embedding on Ray needs ray; install it with pip install 'vitrine[scale]'",
                param="ray",
            ) from error
        self._ray: Any = ray
        logging.getLogger("ray").setLevel(logging.CRITICAL)
        self._connect(address)
        self.count, gpu_share = places_of(ray.nodes(), on_gpus=uses_gpu(order.model.id))
        actor = ray.remote(_Actor).options(num_cpus=1, num_gpus=gpu_share, max_restarts=-1)
        self._known = ray.put(known)  # sent once to each machine
        self._actors = [actor.remote(order) for _ in range(self.count)]
        self._lock = threading.Lock()  # held while what follows changes
        self._lost: set[int] = set()
        self._held: list[_Batch] = []  # while all workers are lost
        self._last_answer = time.monotonic()
        self._closed = threading.Event()

    def _connect(self, address: str) -> None:
        """Connect to Ray, or start it. A start takes longer than Ray waits on a busy machine."""
        quiet = {"log_to_driver": False, "configure_logging": False}
        for tries_left in reversed(range(_TRIES if address == LOCAL else 1)):
            try:
                if address == LOCAL:
                    self._ray.init(
                        address="local", num_cpus=THREADS.count, include_dashboard=False, **quiet
                    )
                else:
                    self._ray.init(address=address, **quiet)
            except Exception as error:
                self._ray.shutdown()
                if tries_left and "timed out" in str(error):
                    continue
                raise WorkersLost(
                    f"cannot use Ray at {address!r}: {_why_not_connected(error)}; expected local, "
                    "or the address of a cluster that 'ray start --head' started",
                    param="ray",
                ) from error
            return

    def embed(self, worker: int, images: Sequence[SentImage]) -> Future[WorkedBatch]:
        """See ``Workers.embed``."""
        batch = _Batch(images)
        self._send(worker, batch)
        return batch.result

    def close(self) -> None:
        """See ``Workers.close``."""
        with self._lock:  # a call after the end would start Ray again
            self._closed.set()
        self._ray.shutdown()

    def _send(self, worker: int, batch: _Batch) -> None:
        """Send a batch to this worker, or to the next one that is not lost."""
        order = ((worker + step) % self.count for step in range(self.count))
        with self._lock:
            if self._closed.is_set():
                return
            chosen = next((one for one in order if one not in self._lost), None)
            if chosen is None:
                self._held.append(batch)
                return
            sent = self._actors[chosen].work.remote(batch.images, [self._known])
        sent.future().add_done_callback(lambda done: self._receive(chosen, batch, done))

    def _receive(self, worker: int, batch: _Batch, done: Future[Any]) -> None:
        """Resolve a batch, or send it to another worker; runs in a thread of Ray."""
        error = done.exception()
        if error is None:
            self._last_answer = time.monotonic()
            batch.result.set_result(done.result())
            return
        if not isinstance(error, self._ray.exceptions.ActorUnavailableError):
            batch.result.set_exception(_translated(error, batch.images))
            return
        batch.deaths += 1
        self._await(worker)
        if batch.deaths > _RETRIES:
            batch.result.set_exception(
                WorkersLost(
                    f"workers died {batch.deaths} times on the {len(batch.images)} images from "
                    f"{batch.images[0].path!r} on: {one_line(error)}"
                )
            )
        else:
            self._send(worker + 1, batch)

    def _await(self, worker: int) -> None:
        """Send nothing to a worker until it answers again."""
        with self._lock:
            if worker in self._lost or self._closed.is_set():
                return
            self._lost.add(worker)
        threading.Thread(target=self._ask_until_found, args=(worker,), daemon=True).start()

    def _ask_until_found(self, worker: int) -> None:
        while not self._closed.wait(_ASK_AGAIN_S):
            with self._lock:
                if self._closed.is_set():
                    return
                answer = self._actors[worker].pid.remote()
            try:
                self._ray.get(answer, timeout=_ANSWER_S)
            except Exception as error:  # noqa: BLE001 - also what Ray raises at its end
                with self._lock:
                    lost = len(self._lost) == self.count
                if lost and time.monotonic() - self._last_answer > _NO_WORKER_S:
                    self._give_up(error)
                continue
            break
        with self._lock:
            self._lost.discard(worker)
            held, self._held = self._held, []
        self._last_answer = time.monotonic()
        for batch in held:
            self._send(worker, batch)

    def _give_up(self, error: Exception) -> None:
        with self._lock:
            held, self._held = self._held, []
        for batch in held:
            batch.result.set_exception(
                WorkersLost(
                    f"no worker has answered for {_NO_WORKER_S:.0f} s: {one_line(error)}; start "
                    "machines of the cluster, and run the command again, which goes on"
                )
            )


def places_of(nodes: Sequence[dict[str, Any]], *, on_gpus: bool) -> tuple[int, float]:
    """Return how many workers the machines of a cluster have room for, and each one's GPU share.

    ``nodes`` is what ``ray.nodes()`` returns. The share is 0 if no GPU is used, else the same on
    all machines.
    """
    found = [node["Resources"] for node in nodes if node["Alive"]]
    places = [(int(has.get("CPU", 0)), int(has.get("GPU", 0))) for has in found]
    cores_of_one = [cores / gpus for cores, gpus in places if gpus]
    if not on_gpus or not cores_of_one:
        return max(1, sum(cores for cores, _ in places)), 0.0
    sharing = min(max(1, math.ceil(max(cores_of_one))), _MOST_PER_GPU)
    count = sum(min(cores, gpus * sharing) for cores, gpus in places)
    return count, int(_RAY_PARTS / sharing) / _RAY_PARTS


def _translated(error: BaseException, images: Sequence[SentImage]) -> VitrineError:
    """Return Vitrine's error in place of Ray's."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, VitrineError):
        return cause
    if raised := _RAISED.findall(str(error)):  # while the worker started; Ray has only the text
        return WorkersLost(f"a worker did not start: {raised[-1]}", param="ray")
    return WorkersLost(
        f"a worker failed on the {len(images)} images from {images[0].path!r} on: {one_line(error)}"
    )


def _why_not_connected(error: BaseException) -> str:
    """Return the reason; Ray names a missing token only in the error before the last one."""
    before: BaseException | None = error
    while before is not None:
        if "AuthToken" in str(before):
            return (
                "it refuses the token; set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN_PATH to the "
                "file of its token"
            )
        before = before.__cause__ or before.__context__
    return one_line(error)
