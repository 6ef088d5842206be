"""Simulate the slowest of many shards: p50 and p99 of a search against shards and hedged requests.

    python scripts/simulate_tail.py --median-ms 3.1 --p99-ms 9.4 [--searches 100000]

A search waits for its slowest shard. The time of a shard is drawn from a log-normal distribution
with the given median and 99th percentile, which were measured on one; one request in ``--stall``
takes ``--stall-ms`` more (compaction, a restarted pod, a lost packet). A hedged request is sent to
a replica if the first has not answered after the ``--hedge`` quantile, and the faster answer
counts. Shards are independent here; in a cluster they share networks and machines, so the tails
of real ones are longer. Prints a table.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_P99 = 2.3263  # standard deviations of the 99th percentile
_BLOCK = 4_000_000  # times drawn at once


class Shard(NamedTuple):
    """The distribution of the time of one request to one shard, in milliseconds."""

    median_ms: float
    p99_ms: float
    stall_ms: float
    stall_share: float

    def draw(self, shape: tuple[int, int], random: np.random.Generator) -> NDArray[np.float64]:
        """Draw times of this shape."""
        spread = np.log(self.p99_ms / self.median_ms) / _P99
        times = random.lognormal(np.log(self.median_ms), spread, shape)
        return times + self.stall_ms * (random.random(shape) < self.stall_share)


class Tail(NamedTuple):
    """The times of searches over ``shards``, and the share of requests that were hedged."""

    shards: int
    p50_ms: float
    p99_ms: float
    hedged: float


def simulate(shard: Shard, shards: int, searches: int, hedge: float | None, seed: int = 0) -> Tail:
    """Draw ``searches`` over ``shards``. ``hedge`` is the quantile to wait for, None for never."""
    random = np.random.default_rng(seed)
    wait_ms = np.inf
    if hedge is not None:
        wait_ms = float(np.quantile(shard.draw((200_000, 1), random), hedge))
    slowest, hedged, left = [], 0, searches
    while left:
        count = min(left, max(1, _BLOCK // shards))
        times = shard.draw((count, shards), random)
        late = times > wait_ms
        if late.any():
            second = wait_ms + shard.draw((int(late.sum()), 1), random)[:, 0]
            times[late] = np.minimum(times[late], second)
        hedged += int(late.sum())
        slowest.append(times.max(axis=1))
        left -= count
    p50, p99 = np.percentile(np.concatenate(slowest), [50, 99])
    return Tail(shards, float(p50), float(p99), hedged / (searches * shards))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--median-ms", type=float, required=True, help="measured on one shard")
    parser.add_argument("--p99-ms", type=float, required=True, help="measured on one shard")
    parser.add_argument("--stall-ms", type=float, default=100.0)
    parser.add_argument("--stall", type=float, default=0.001, help="share of requests that stall")
    parser.add_argument(
        "--hedge", type=float, default=0.95, help="quantile before a second request"
    )
    parser.add_argument("--searches", type=int, default=100_000)
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 4, 16, 64, 100, 250])
    options = parser.parse_args()
    shard = Shard(options.median_ms, options.p99_ms, options.stall_ms, options.stall)
    print("| shards | p50 ms | p99 ms | hedged: p50 ms | p99 ms | more requests |")
    print("|---|---|---|---|---|---|")
    for shards in options.shards:
        plain = simulate(shard, shards, options.searches, None)
        hedged = simulate(shard, shards, options.searches, options.hedge)
        print(
            f"| {shards} | {plain.p50_ms:.1f} | {plain.p99_ms:.1f} | {hedged.p50_ms:.1f} | "
            f"{hedged.p99_ms:.1f} | {100 * hedged.hedged:.1f} % |"
        )


if __name__ == "__main__":
    main()
