"""Measure the service under load: closed loops for its capacity, and an open loop at 70 % of it.

    python scripts/bench_service.py --shop shop [--workers 2] [--seconds 6] [--json]

Each kind of request is measured with the client in this process and the service in others:

- ``similar``: items of the shop in turn, with all fields; with and without kept answers.
- ``photos``: 64 different JPEG photos of 0.5 megapixels, without kept answers. ``one by one`` is
  a service that decodes, encodes and searches one photo after the other, as clip-retrieval does,
  with the same encoder and index, in the same run.
- ``recommend``: sessions of six views each.

The open loop sends requests at random times, whether or not earlier ones are answered; times count
from when a request was due. All of this uses the same cores, so the client takes its part.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import io
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import numpy as np
from bench_load import Loop, _ask, _json, _request, _upload
from machine import as_line, machine
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_PACKAGES = ("vitrine", "fastapi", "uvicorn", "h11", "onnxruntime", "faiss-cpu", "pillow")
_SHARE = 0.7  # of the capacity, in the open loop
_CONNECTIONS = 32
_ROOT = Path(__file__).parent.parent

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


class MixedLoop(Loop):
    """Connections that send the requests of a list in turn; with a rate, at random times."""

    def __init__(
        self, address: tuple[str, int], requests: Sequence[bytes], connections: int
    ) -> None:
        super().__init__(address, requests[0], connections, 0.05)
        self._requests = itertools.cycle(requests)

    def _begin(self, client: Any) -> None:
        self._request = client.request = next(self._requests)
        super()._begin(client)

    def _turn(self, client: Any, events: int) -> int | None:
        self._request = client.request
        return super()._turn(client, events)


class OpenLoop(MixedLoop):
    """Requests at random times, ``rate`` a second on average, each on a free connection."""

    def run_at(self, rate: float, seconds: float, warm_s: float = 1.0) -> None:
        """Send for so long; times count from when a request was due."""
        random = np.random.default_rng(5)
        began = due = time.perf_counter()
        free = list(self._clients)
        waiting: list[float] = []  # due, but without a connection
        while (now := time.perf_counter()) < began + warm_s + seconds:
            while due <= now:
                heapq.heappush(waiting, due)
                due += random.exponential(1 / rate)
            while waiting and free:
                client = free.pop()
                self._begin(client)
                client.began = heapq.heappop(waiting)
            for key, events in self._selector.select(max(0.0, min(due - now, 0.05))):
                status = self._turn(key.data, events)
                if status is not None:
                    took = time.perf_counter() - key.data.began
                    if key.data.began >= began + warm_s:
                        self.took.setdefault(status, []).append(took)
                    if key.data.socket is not None:
                        self._selector.modify(key.data.socket, 0x1, key.data)
                    free.append(key.data)
        for client in self._clients:
            self._drop(client)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--shop", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=6.0, help="seconds of load per figure")
    parser.add_argument("--only", choices=["similar", "photos", "recommend"], action="append")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    kinds = options.only or ["similar", "photos", "recommend"]
    result: dict[str, Any] = {"machine": machine(*_PACKAGES), "workers": options.workers}
    for cache_mb in (32, 0):
        with served(options.shop, options.workers, cache_mb) as address:
            for kind in kinds:
                if kind == "similar" or not cache_mb:
                    name = f"{kind}, {'' if cache_mb else 'no '}kept answers"
                    requests = _REQUESTS[kind](address)
                    result[name] = measured(address, requests, options.seconds)
    if "photos" in kinds:
        with process_of([sys.executable, "-c", _ONE_BY_ONE, str(options.shop)]) as address:
            loop = MixedLoop(address, photo_requests(address), 4)
            loop.run(options.seconds)
            alone = loop.figures(options.seconds)
        result["photos, one by one"] = alone
        ours = result["photos, no kept answers"]["closed"]["goodput_per_s"]
        result["photos, times one by one"] = round(ours / max(0.1, alone["goodput_per_s"]), 2)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    print(as_line(result.pop("machine")))
    for name, figures in result.items():
        print(f"{name}: {figures}")


def measured(address: tuple[str, int], requests: list[bytes], seconds: float) -> dict[str, Any]:
    """Return the figures of a closed loop, and of an open one at 70 % of its rate."""
    closed = MixedLoop(address, requests, _CONNECTIONS)
    closed.run(seconds)
    figures = closed.figures(seconds)
    rate = _SHARE * figures["goodput_per_s"]
    opened = OpenLoop(address, requests, 4 * _CONNECTIONS)
    opened.run_at(max(1.0, rate), seconds)
    return {"closed": figures, "rate": round(rate, 1), "open": opened.figures(seconds)}


def similar_requests(address: tuple[str, int]) -> list[bytes]:
    """Return a request for what is similar to each of up to 100 items."""
    return [
        _request("GET", f"/v1/items/{quote(item, safe='')}/similar?limit=10", {}, b"")
        for item in _items(address)
    ]


def photo_requests(_: tuple[str, int]) -> list[bytes]:
    """Return the upload of 64 different photos of 816 x 612 pixels."""
    random = np.random.default_rng(7)
    found = []
    for _number in range(64):
        bars = random.integers(0, 255, size=(12, 16, 3)).astype(np.uint8)
        out = io.BytesIO()
        large = Image.fromarray(bars).resize((816, 612), Image.Resampling.BICUBIC)
        large.save(out, "JPEG", quality=90)
        found.append(_upload(out.getvalue()))
    return found


def recommend_requests(address: tuple[str, int]) -> list[bytes]:
    """Return requests of 50 sessions with six views each."""
    items = _items(address)
    sessions = (items[at : at + 6] for at in range(min(50, len(items) - 6)))
    return [
        _json(
            "/v1/sessions/recommend",
            {"events": [{"item_id": item, "type": "view"} for item in session], "limit": 10},
        )
        for session in sessions
    ]


_REQUESTS = {"similar": similar_requests, "photos": photo_requests, "recommend": recommend_requests}


def _items(address: tuple[str, int]) -> list[str]:
    _, body = _ask(address, b"GET /v1/items?limit=100 HTTP/1.1\r\nHost: x\r\n\r\n")
    return [item["item_id"] for item in json.loads(body)["items"]]


@contextlib.contextmanager
def served(shop: Path, workers: int, cache_mb: int) -> Iterator[tuple[str, int]]:
    """Serve a shop without a limit on searches; yield the address once all workers answer."""
    code = "from service.cli.main import main; main()"
    command = [sys.executable, "-c", code, "serve", "--shop", str(shop), "--port", "0"]
    settings = {
        "VITRINE_SEARCHES_PER_S": "0", "VITRINE_REQUEST_LOG": "false",
        "VITRINE_ANSWER_CACHE_MB": str(cache_mb), "VITRINE_WORKERS": str(workers),
    }  # fmt: skip
    with process_of(command, settings) as address:
        while _ask(address, b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")[0] != 200:
            time.sleep(0.2)
        wanted = b"vitrine_items{" if workers > 1 else b"vitrine_items"
        metrics = b"GET /metrics?per_worker=true HTTP/1.1\r\nHost: x\r\n\r\n"
        while _ask(address, metrics)[1].count(wanted) < min(workers, 2):
            time.sleep(0.2)
        yield address


@contextlib.contextmanager
def process_of(
    command: list[str], settings: dict[str, str] | None = None
) -> Iterator[tuple[str, int]]:
    """Run a service; yield the address that it prints."""
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), **(settings or {})}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        try:
            place = urlsplit(process.stdout.readline().split()[-1])
            yield str(place.hostname), int(place.port or 80)
        finally:
            process.terminate()
            process.wait(timeout=60)


if __name__ == "__main__":
    main()
