"""Train one network in several threads without synchronization (Hogwild, Niu et al. 2011)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Event
from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)
W = TypeVar("W")


class WorkerPool:
    """Threads that take optimizer steps independently, without synchronization.

    On a busy machine, a synchronous step would be as slow as its slowest worker.
    """

    def __init__(self) -> None:
        self._stopped = Event()

    @property
    def stopped(self) -> bool:
        """True if workers must not start another step."""
        return self._stopped.is_set()

    def run(self, work: Callable[[W], None], workers: Sequence[W]) -> None:
        """Run ``work`` for each worker in a thread with one core; return when all are done.

        If a worker raises, or on Ctrl+C, the exception is raised after the other workers have
        finished their current step.
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(len(workers)) as pool:
                try:
                    for done in as_completed([pool.submit(work, worker) for worker in workers]):
                        done.result()
                finally:
                    self._stopped.set()
        finally:
            torch.set_num_threads(threads)


def share_weights(module: M) -> M:
    """Return a copy of a module that shares its weights, but not its gradients and buffers."""
    replica = copy.deepcopy(module)
    for parameter, shared in zip(replica.parameters(), module.parameters(), strict=True):
        parameter.data = shared.data
    return replica
