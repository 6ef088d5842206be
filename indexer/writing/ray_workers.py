"""Workers on a Ray cluster: actors that Ray restarts when their process or machine dies."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from indexer.errors import EncoderNotFound, VitrineError, WorkersLost
from indexer.threads import THREADS
from indexer.writing.remote_worker import KnownContents, RemoteWorker, WorkedBatch, WorkOrder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

LOCAL = "local"
_TRIES = 3  # to start Ray on this machine, each half a minute long
_RETRIES = 3  # of a batch whose worker dies each time; its images may be what kills it


class _Actor(RemoteWorker):
    """A worker that gets the known contents with its first batch.

    Ray warns on stderr of each actor that it may restart and that has an object as an argument.
    """

    def __init__(self, order: WorkOrder) -> None:
        super().__init__(order, b"")
        self._has_known = False

    def work(self, paths: Sequence[str], known: list[Any]) -> WorkedBatch:
        """See ``RemoteWorker.embed``. ``known`` has one reference to the known contents."""
        if not self._has_known:
            import ray

            self._known = KnownContents(ray.get(known[0]))
            self._has_known = True
        return self.embed(paths)


class RayWorkers:
    """Actors on a cluster, one for each of its cores. See ``Workers``."""

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
        self.count = max(1, int(ray.cluster_resources().get("CPU", 1)))
        actor = ray.remote(_Actor).options(num_cpus=1, max_restarts=-1, max_task_retries=_RETRIES)
        self._known = ray.put(known)  # sent once to each machine
        self._actors = [actor.remote(order) for _ in range(self.count)]

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
                reason = " ".join(str(error).split())[:200]
                raise WorkersLost(
                    f"cannot use Ray at {address!r}: {reason}; expected local, or the address of "
                    "a cluster that 'ray start --head' started",
                    param="ray",
                ) from error
            return

    def embed(self, worker: int, paths: Sequence[str]) -> Future[WorkedBatch]:
        """See ``Workers.embed``."""
        found: Future[Any] = self._actors[worker].work.remote(list(paths), [self._known]).future()
        return _translated(found, paths)

    def close(self) -> None:
        """See ``Workers.close``."""
        self._ray.shutdown()


def _translated(found: Future[Any], paths: Sequence[str]) -> Future[WorkedBatch]:
    """Return a future that raises Vitrine's errors in place of Ray's."""
    from concurrent.futures import Future as NewFuture

    result: Future[WorkedBatch] = NewFuture()

    def finish(done: Future[Any]) -> None:
        error = done.exception()
        if error is None:
            result.set_result(done.result())
            return
        cause = getattr(error, "cause", None)
        if isinstance(cause, VitrineError):
            result.set_exception(cause)
            return
        reason = " ".join(str(error).split())[:200]
        result.set_exception(
            WorkersLost(
                f"workers died {_RETRIES + 1} times on the {len(paths)} images from {paths[0]!r} "
                f"on: {reason}"
            )
        )

    found.add_done_callback(finish)
    return result
