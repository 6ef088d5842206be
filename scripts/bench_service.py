"""Measure the service under load, and print each figure beside what it should be.

    python scripts/bench_service.py --shop shop [--items 50000] [--workers 2] [--seconds 6]
                                    [--soak MINUTES] [--only KIND ...] [--json]

Makes the shop if there is none (``bench_shop.py``). The client is this process, the service others;
all use the same cores. Each rate is that of a closed loop on 32 connections; then an open loop
sends 70 % of it at random times, whether or not earlier requests are answered.

- ``similar``: a thousand items in turn, with all fields: kept answers, then without them.
- ``photos``: 64 JPEG photos of 0.5 megapixels and 8 of 12, without kept answers. ``one by one``
  decodes, encodes and searches one photo after the other, as clip-retrieval does, with the same
  encoder and index. ``decoding and encoding alone`` has neither HTTP nor a search.
- ``overload``: 2 and 10 times the rate of photos. Requests that find no free connection of 200 are
  not sent. The time of accepted ones is compared with that at the rate itself.
- ``recommend``: sessions of six views each.
- ``soak``: photos and similar items at 70 % for ``--soak`` minutes; the memory after a quarter.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from bench_clients import (
    LARGE_PHOTO,
    MixedLoop,
    OpenLoop,
    photo_requests,
    recommend_requests,
    similar_requests,
)
from bench_requests import ask
from bench_shop import make_shop
from bench_soak import soak
from machine import as_line, machine

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGES = ("vitrine", "fastapi", "uvicorn", "h11", "onnxruntime", "faiss-cpu", "pillow")
_SHARE = 0.7  # of the capacity, in the open loop
_CONNECTIONS = 32
_OVERLOADED = 200  # connections
_START_S = 120
_ROOT = Path(__file__).parent.parent
_KINDS = ("similar", "photos", "overload", "recommend")

# One photo after the other: the handler blocks the only thread.
_ONE_BY_ONE = """
import sys
import msgspec, uvicorn
from fastapi import FastAPI, Request, Response
from search.engine import SearchEngine
from service.http.uploads import parse_form
engine = SearchEngine.open(sys.argv[1], threads=1)
app = FastAPI()
@app.post("/v1/search/image")
async def search(request: Request) -> Response:
    kind = request.headers["content-type"]
    form = parse_form(await request.body(), kind, is_file=lambda n: n == "image", texts={})
    return Response(msgspec.json.encode(engine.by_image(form.files["image"])))
config = uvicorn.Config(app, port=0, log_level="warning", access_log=False)
class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        print(f"http://127.0.0.1:{port}", flush=True)
Server(config).run()
"""

# The service's own decoders and batches, with 32 photos in flight.
_ALONE = """
import asyncio, sys, time
from bench_clients import drawn_photos
from indexer.encoders.registry import load_encoder
from service.runtime.batching import BatchLimits, PhotoBatcher
from service.runtime.workers import Workers
cores, seconds = int(sys.argv[1]), float(sys.argv[2])
async def main():
    photos, done = drawn_photos(), 0
    decoders = Workers(cores, queue=64, deadline_s=60, name="decoding")
    limits = BatchLimits(deadline_s=60)
    batcher = PhotoBatcher(load_encoder("builtin", threads=cores), decoders, limits=limits)
    async def client(number):
        nonlocal done
        while time.perf_counter() < ends:
            await batcher.embed(photos[number % len(photos)])
            number, done = number + 32, done + (time.perf_counter() < ends)
    ends = time.perf_counter() + 2  # to warm up
    await asyncio.gather(*map(client, range(32)))
    done, ends = 0, time.perf_counter() + seconds
    await asyncio.gather(*map(client, range(32)))
    print(done / seconds)
    await batcher.close()
asyncio.run(main())
"""


class Figures(dict[str, Any]):
    """Figures by name; each is also printed to stderr as soon as it is measured."""

    def __setitem__(self, name: str, figures: Any) -> None:
        super().__setitem__(name, figures)
        print(f"{name}: {figures}", file=sys.stderr, flush=True)


class Row(NamedTuple):
    """A figure, what it should be, and whether it is; None if nothing was asked for."""

    what: str
    measured: str
    asked: str = ""
    holds: bool | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--shop", type=Path, required=True)
    parser.add_argument("--items", type=int, default=50_000, help="of the shop, if it is made")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6.0, help="seconds of load per figure")
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES")
    parser.add_argument("--only", choices=_KINDS, action="append")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.shop.exists():
        make_shop(options.shop, options.items)
    facts = machine(*_PACKAGES)
    result = measure(options, options.only or _KINDS)
    if options.json:
        print(json.dumps({"machine": facts, "workers": options.workers, **result}, indent=2))
        return
    print(as_line(facts))
    rows = table(result)
    wide = max(len(row.what) for row in rows)
    for row in rows:
        verdict = {None: "", True: "holds", False: "MISSED"}[row.holds]
        print(f"{row.what:{wide}}  {row.measured:>24}  {row.asked:>18}  {verdict}")


def measure(options: argparse.Namespace, kinds: tuple[str, ...] | list[str]) -> dict[str, Any]:
    """Return all figures of these kinds, by name."""
    found = Figures()
    seconds, workers = options.seconds, options.workers
    if "similar" in kinds:
        with served(options.shop, workers, 64) as (address, _):
            found["similar, kept"] = loaded(address, similar_requests(address), seconds)
    with served(options.shop, workers, 0) as (address, parent):
        if "similar" in kinds:
            found["similar, searched"] = loaded(address, similar_requests(address), seconds)
        if "recommend" in kinds:
            found["recommend"] = loaded(address, recommend_requests(address), seconds)
        if "photos" in kinds or "overload" in kinds:
            found["photos"] = loaded(address, photo_requests(), seconds)
        if "photos" in kinds:
            single = MixedLoop(address, photo_requests(), 1)
            single.run(seconds)
            found["photos, one at a time"] = single.figures(seconds)
            found["12 MP"] = loaded(address, photo_requests(LARGE_PHOTO, 8), seconds)
        if "overload" in kinds:
            capacity = found["photos"]["closed"]["goodput_per_s"]
            for times in (2, 10):
                loop = OpenLoop(address, photo_requests(), _OVERLOADED)
                loop.run_at(times * max(1.0, capacity), seconds, warm_s=2.0, drops=True)
                found[f"overload, {times} times"] = loop.open_figures(seconds)
        if options.soak:
            mix = [*photo_requests()[:16], *similar_requests(address, 64)]
            closed = MixedLoop(address, mix, _CONNECTIONS)
            closed.run(seconds)
            rate = _SHARE * closed.figures(seconds)["goodput_per_s"]
            loop = OpenLoop(address, mix, 4 * _CONNECTIONS)
            found["soak"] = soak(loop, parent, max(1.0, rate), options.soak)
    if "photos" in kinds:
        found["one by one"] = one_by_one(options.shop, seconds)
        found["alone"] = alone(seconds)
    return found


def loaded(address: tuple[str, int], requests: list[bytes], seconds: float) -> dict[str, Any]:
    """Return the figures of a closed loop, and of an open one at 70 % of its rate."""
    closed = MixedLoop(address, requests, _CONNECTIONS)
    closed.run(seconds)
    figures = closed.figures(seconds)
    rate = _SHARE * figures["goodput_per_s"]
    opened = OpenLoop(address, requests, 4 * _CONNECTIONS)
    opened.run_at(max(1.0, rate), seconds)
    return {"closed": figures, "rate": round(rate, 1), "open": opened.open_figures(seconds)}


def one_by_one(shop: Path, seconds: float) -> float:
    """Return the photos a second of a service that does one thing at a time."""
    with process_of([sys.executable, "-c", _ONE_BY_ONE, str(shop)]) as (address, _):
        loop = MixedLoop(address, photo_requests(), 4)
        loop.run(seconds)
        return float(loop.figures(seconds)["goodput_per_s"])


def alone(seconds: float) -> float:
    """Return the photos a second that decoding and encoding allow on all cores."""
    path = os.pathsep.join([str(_ROOT), str(_ROOT / "scripts")])
    cores = str(len(os.sched_getaffinity(0)))
    done = subprocess.run(
        [sys.executable, "-c", _ALONE, cores, str(seconds)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    return round(float(done.stdout), 1)


def table(found: dict[str, Any]) -> list[Row]:
    """Return a row for each figure that was measured."""
    rows: list[Row] = []
    for kind, asked in (("similar, kept", 3000), ("similar, searched", 3000), ("recommend", 300)):
        if kind in found:
            rows.append(_at_least(f"{kind}: a second", _rate(found, kind), asked))
            rows.append(_at_most(f"{kind}: p99 at 70 %, ms", _open(found, kind, "p99"), 15))
    if "one by one" in found:
        rate, single, alone_rate = _rate(found, "photos"), found["one by one"], found["alone"]
        rows += [
            Row("photos: a second", f"{rate:g}"),
            Row("one by one: a second", f"{single:g}"),
            Row("decoding and encoding alone: a second", f"{alone_rate:g}"),
            _at_least("photos, times one by one", rate / max(single, 0.1), 10),
            _at_least("photos, share of decoding and encoding alone", rate / alone_rate, 0.8),
            Row(
                "photos, one at a time: p50, ms", f"{_time(found['photos, one at a time'], 'p50')}"
            ),
            _at_most("photos: p50 at 70 %, ms", _open(found, "photos", "p50"), 20),
            _at_most("photos: p99 at 70 %, ms", _open(found, "photos", "p99"), 100),
            _at_most("12 MP: p50 at 70 %, ms", _open(found, "12 MP", "p50"), 60),
        ]
    for times in (2, 10):
        figures = found.get(f"overload, {times} times")
        if figures is not None:
            capacity = _rate(found, "photos")
            name = f"at {times} times ({figures['sent_per_s'] / max(capacity, 0.1):.1f} sent)"
            goodput = figures["goodput_per_s"] / max(capacity, 0.1)
            slower = _time(figures, "p99") / _time(found["photos"]["closed"], "p99")
            rows.append(_at_least(f"{name}: goodput, share of capacity", goodput, 0.9))
            rows.append(_at_most(f"{name}: p99 of accepted, times that at capacity", slower, 2))
    if "soak" in found:
        soaked = found["soak"]
        slope, files = soaked["rss_slope_percent_an_hour"], soaked["files"]
        what = f"soak of {soaked['minutes']:g} minutes: "
        rows.append(_at_most(f"{what}RSS slope, % an hour", slope, 1))
        rows.append(Row(f"{what}RSS, MB", " -> ".join(map(str, soaked["rss_mb"]))))
        rows.append(_at_most(f"{what}open files, more", files[1] - files[0], 8))
    return rows


def _rate(found: dict[str, Any], kind: str) -> float:
    return float(found[kind]["closed"]["goodput_per_s"])


def _open(found: dict[str, Any], kind: str, percentile: str) -> float:
    return _time(found[kind]["open"], percentile)


def _time(figures: dict[str, Any], percentile: str) -> float:
    """Return a percentile of the answered requests in milliseconds; inf if there are none."""
    return float(figures.get(f"good_{percentile}_ms", "inf"))


def _at_least(what: str, measured: float, asked: float) -> Row:
    return Row(what, f"{measured:.4g}", f">= {asked:g}", measured >= asked)


def _at_most(what: str, measured: float, asked: float) -> Row:
    return Row(what, f"{measured:.4g}", f"<= {asked:g}", measured <= asked)


@contextlib.contextmanager
def served(shop: Path, workers: int, cache_mb: int) -> Iterator[tuple[tuple[str, int], int]]:
    """Serve a shop without a limit on searches; yield address and process once all answer."""
    code = "from service.cli.main import main; main()"
    command = [sys.executable, "-c", code, "serve", "--shop", str(shop), "--port", "0"]
    settings = {
        "VITRINE_SEARCHES_PER_S": "0", "VITRINE_REQUEST_LOG": "false",
        "VITRINE_ANSWER_CACHE_MB": str(cache_mb), "VITRINE_WORKERS": str(workers),
    }  # fmt: skip
    with process_of(command, settings) as (address, process):
        ready, ends = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", time.monotonic() + _START_S
        while (reply := ask(address, ready))[0] != 200:
            if time.monotonic() > ends:
                sys.exit(f"{shop} is not served after {_START_S} s: {reply[1].decode()}")
            time.sleep(0.2)
        wanted = b"vitrine_items{" if workers > 1 else b"vitrine_items"
        metrics = b"GET /metrics?per_worker=true HTTP/1.1\r\nHost: x\r\n\r\n"
        while ask(address, metrics)[1].count(wanted) < min(workers, 2):
            time.sleep(0.2)
        yield address, process


@contextlib.contextmanager
def process_of(
    command: list[str], settings: dict[str, str] | None = None
) -> Iterator[tuple[tuple[str, int], int]]:
    """Run a service; yield the address that it prints, and the number of its process."""
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), **(settings or {})}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            place = urlsplit(process.stdout.readline().split()[-1])
            yield (str(place.hostname), int(place.port or 80)), process.pid
        finally:
            process.terminate()
            process.wait(timeout=60)


if __name__ == "__main__":
    main()
