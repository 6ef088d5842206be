"""The threads of numpy's matrix products in a process that has many small ones."""

from __future__ import annotations

import numpy as np  # noqa: F401  # only libraries that are loaded can be limited
from threadpoolctl import threadpool_limits


def use_one_thread_each() -> None:
    """Let each matrix product of numpy use the thread that computes it, and no others.

    Requests are answered side by side, so there is other work for the other cores. The threads of
    OpenBLAS wait for each other by spinning: on cores that are busy, a product of 0.6 ms with one
    thread took 120 ms with two, and ten times the processor time.
    """
    threadpool_limits(limits=1, user_api="blas")
