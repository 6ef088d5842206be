"""Workers that train one network together, each in a thread of its own."""

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
    """Threads that take whole steps and wait for nobody.

    On a busy machine a shared step would go at the pace of its slowest part.
    """

    def __init__(self) -> None:
        self._stopped = Event()

    @property
    def stopped(self) -> bool:
        """Whether no worker may begin another step."""
        return self._stopped.is_set()

    def run(self, work: Callable[[W], None], workers: Sequence[W]) -> None:
        """Have each worker do its work, on one core each; back when all have.

        What one of them raises, or Ctrl+C, is raised as soon as the others have ended their step.
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(len(workers)) as pool:
                try:
                    for done in as_completed([pool.submit(work, one) for one in workers]):
                        done.result()
                finally:
                    self._stopped.set()
        finally:
            torch.set_num_threads(threads)


def share_weights(module: M) -> M:
    """Another module with the same weights: a step of one is seen by the other at once.

    Gradients and buffers are its own.
    """
    other = copy.deepcopy(module)
    for parameter, shared in zip(other.parameters(), module.parameters(), strict=True):
        parameter.data = shared.data
    return other
