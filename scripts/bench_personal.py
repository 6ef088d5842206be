"""Measure recommendations in a large shop: processor time of each, and requests a second.

    python scripts/bench_personal.py --shop big [--items 50000] [--users 100000] [--seconds 8]

Draws the shop if the folder is missing: items of 200 kinds, whose vectors lie around the vector of
their kind, and users who like three kinds each and have four events on them. Then:

- ``in process``: recommendations of 12 items to users in turn, in one thread.
- ``http``: GET /v1/users/{id}/recommendations, with a service of two workers. ``cpu_ms`` is the
  processor time of the workers for each request, without what they take while idle; other programs
  on the machine change it little. ``per_s_by_cpu`` is the rate that two cores have at that. On a
  busy machine, use few connections: refused requests count too. ``at_300`` are the times of 300
  requests a second, sent at random times.
- ``events``: POST /v1/events in batches of a thousand, on four connections.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from bench_clients import MixedLoop, OpenLoop
from bench_requests import request
from bench_service import served
from bench_soak import family_of
from machine import as_line, machine

from indexer.arrays import Vectors, unit
from indexer.encoders.registry import load_encoder
from indexer.items import Item
from indexer.jobs.job import open_job
from indexer.jobs.publishing import publish
from indexer.layout import EVENTS
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.vectors.contract import BuildTargets, Targets
from indexer.writing.writes import Draft, ImageInput, put_items
from search.engine import SearchEngine
from search.personal.event import Event, EventType
from search.personal.event_log import EventLog
from search.personal.learning import Pictures, learn
from search.personal.recommendation import RecommendQuery
from service.runtime.blas import use_one_thread_each

KEY = "bench-bench-bench-bench"
KINDS = 200
EACH = 4  # events of a user
BATCH = 10_000
ASKED = 200  # users, in turn
ROUNDS = 5
WORKERS = 2
RATE = 300  # recommendations a second
BATCHES = 300  # of events over HTTP
EVENTS_EACH = 1_000
HEADERS = {"Authorization": f"Bearer {KEY}"}
TYPES: tuple[EventType, ...] = ("view", "click", "cart", "purchase")
SHARES = (0.6, 0.25, 0.1, 0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--shop", type=Path, required=True)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    use_one_thread_each()  # as the service and `vitrine events` do
    result: dict[str, Any] = {"machine": machine("vitrine", "faiss-cpu", "lmdb", "numpy")}
    if not options.shop.exists():
        result["drawn"] = draw(options.shop, options.items, options.users)
    users = [f"user-{number}" for number in range(0, options.users, options.users // ASKED)]
    result["in process"] = in_process(options.shop, users)
    os.environ["VITRINE_WRITE_KEY"] = KEY
    with served(options.shop, WORKERS, 0) as (address, _):
        result["http"] = over_http(address, users, options.connections, options.seconds)
        result["events"] = events_over_http(address, options.seconds)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(as_line(result.pop("machine")))
    for name, figures in result.items():
        print(f"{name}: {figures}")


def draw(path: Path, items: int, users: int) -> dict[str, float]:
    """Draw a shop with its events, and learn from them; return the processor time of each step."""
    rng = np.random.default_rng(5)
    kinds = rng.integers(0, KINDS, items)
    encoder = load_encoder("builtin", threads=1)
    centers = rng.normal(size=(KINDS, encoder.dim))
    noise = rng.normal(size=(items, encoder.dim))
    vectors = unit((centers[kinds] + noise).astype(np.float32))
    path.mkdir(parents=True)
    folder = ShopFolder(path)
    began = time.process_time()
    with Store(folder.store, create=True) as store:
        for at in range(0, items, BATCH):
            put_items(
                store,
                encoder,
                [_draft(n, int(kinds[n]), vectors[n]) for n in range(at, min(items, at + BATCH))],
            )
    with open_job(folder, "bench") as job:
        publish(job, encoder, catalog=path, skipped=0, targets=BuildTargets(asked=Targets()))
    built = time.process_time()
    events = _events(rng, kinds, users)
    with EventLog(path / EVENTS, create=True) as log:
        drawn = time.process_time()
        for at in range(0, len(events), BATCH):
            log.add(events[at : at + BATCH])
        stored = time.process_time()
        learn(log, Pictures([_id(n) for n in range(items)], vectors))
    return {
        "build_s": round(built - began, 1),
        "store_us_per_event": round(1e6 * (stored - drawn) / len(events), 1),
        "learn_s": round(time.process_time() - stored, 1),
    }


def in_process(shop: Path, users: list[str]) -> dict[str, float]:
    """Return the processor time of recommendations, the first and the later ones of a user."""
    query = RecommendQuery(limit=12)
    first: list[float] = []
    later: list[float] = []
    with SearchEngine.open(shop, threads=1) as engine:
        recommender = engine.recommender
        recommender.recommend(recommender.profile("nobody"), query)  # reads what all share
        for turn in range(ROUNDS):
            for user in users:
                began = time.process_time()
                recommender.recommend(recommender.profile(user), query)
                (later if turn else first).append(1e3 * (time.process_time() - began))
    return {
        f"{name}_p{share}_ms": round(float(np.percentile(took, share)), 2)
        for name, took in (("first", first), ("later", later))
        for share in (50, 99)
    }


def over_http(
    address: tuple[str, int], users: list[str], connections: int, seconds: float
) -> dict[str, Any]:
    """Return the figures of a closed and an open loop, and the processor time of the service."""
    requests = [
        request("GET", f"/v1/users/{user}/recommendations?limit=12", HEADERS, b"") for user in users
    ]
    warm = MixedLoop(address, requests, connections)
    warm.run(seconds / 2)
    idle = _children_cpu_s()
    time.sleep(seconds)
    before = _children_cpu_s()
    loop = MixedLoop(address, requests, connections)
    loop.run(seconds, warm_s=0.0)
    used = _children_cpu_s() - before - (before - idle)
    cpu_ms = 1e3 * used / max(1, sum(map(len, loop.took.values())))
    steady = OpenLoop(address, requests, connections)
    steady.run_at(RATE, seconds)
    return loop.figures(seconds) | {
        "cpu_ms": round(cpu_ms, 2),
        "per_s_by_cpu": round(WORKERS * 1e3 / cpu_ms, 1),
        f"at_{RATE}": steady.figures(seconds),
    }


def events_over_http(address: tuple[str, int], seconds: float) -> dict[str, Any]:
    """Return how many events a second are stored; they are a year old and of users of their own."""
    year_ago = time.time() - 365 * 86_400
    batches = [
        [
            {
                "user_id": f"late-{number % 5_000}",
                "item_id": _id(number % 5_000),
                "type": "view",
                "time": year_ago + number,
            }
            for number in range(start, start + EVENTS_EACH)
        ]
        for start in range(0, BATCHES * EVENTS_EACH, EVENTS_EACH)
    ]
    headers = HEADERS | {"Content-Type": "application/json"}
    requests = [
        request("POST", "/v1/events", headers, json.dumps({"events": batch}).encode())
        for batch in batches
    ]
    before = _children_cpu_s()
    loop = MixedLoop(address, requests, 4)
    loop.run(seconds, warm_s=0.0)
    stored = EVENTS_EACH * len(loop.took.get(200, []))
    cpu_us = 1e6 * (_children_cpu_s() - before) / max(1, stored)
    return {"stored_per_s": round(stored / seconds), "cpu_us": round(cpu_us, 1)}


def _draft(number: int, kind: int, vector: Vectors) -> Draft:
    item = Item(
        item_id=_id(number),
        product_id=_id(number),
        title=f"Thing {number}",
        price=float(number % 100),
        categories=[f"Home/Kind {kind}"],
        attributes={"brand": f"b{number % 37}"},
    )
    return Draft(item.item_id, lambda _: item, [ImageInput("view.jpg")], vector[None])


def _events(rng: np.random.Generator, kinds: np.ndarray, users: int) -> list[Event]:
    by_kind = [np.flatnonzero(kinds == kind) for kind in range(KINDS)]
    tastes = rng.integers(0, KINDS, (users, 3))
    chosen = rng.integers(0, 3, (users, EACH))
    depth = rng.exponential(1 / 6, (users, EACH))  # of a kind, few items are met by many
    types = rng.choice(len(TYPES), size=(users, EACH), p=SHARES)
    starts = time.time() - rng.uniform(0, 60 * 86_400, users)
    events = []
    for user in range(users):
        for place in range(EACH):
            items = by_kind[tastes[user, chosen[user, place]]]
            number = int(items[min(len(items) - 1, int(depth[user, place] * len(items)))])
            events.append(
                Event(
                    event_id=f"{user}-{place}",
                    user_id=f"user-{user}",
                    item_id=_id(number),
                    type=TYPES[types[user, place]],
                    time=float(starts[user]) - 40.0 * (EACH - place),
                )
            )
    return events


def _id(number: int) -> str:
    return f"item-{number:07d}"


def _children_cpu_s() -> float:
    """Return the processor time of all processes below this one, in seconds."""
    ticks = 0
    for process in family_of(os.getpid())[1:]:
        with contextlib.suppress(OSError):  # it ended meanwhile
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
