"""Measure what traces cost: the CPU time of requests without and with them, in turn.

    python scripts/bench_traces.py --shop SHOP [--rounds 20] [--requests 50]

Both services run in this process, without a network; a collector in another process takes the
traces. Needs the extras otel and client.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np
from machine import machine
from PIL import Image

from service.http.app import create_app
from service.settings import Settings

Send = Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]


class Collector(BaseHTTPRequestHandler):
    """Takes traces and forgets them."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write no line for a request."""


def collect(port: Any) -> None:
    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        port.put(server.server_port)
        server.serve_forever()


async def measure(options: argparse.Namespace, collector: str) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(0)
    apps = [
        create_app(Settings(shop=options.shop, traces=traces, answer_cache_mb=0, searches_per_s=0))
        for traces in ("", collector)
    ]
    found: dict[str, dict[str, float]] = {}
    async with apps[0].router.lifespan_context(apps[0]), apps[1].router.lifespan_context(apps[1]):
        clients = [
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")
            for app in apps
        ]
        items = (await clients[0].get("/v1/items?limit=20")).json()["items"]
        photos = [photo(rng) for _ in range(8)]

        async def similar(client: httpx.AsyncClient, at: int) -> httpx.Response:
            return await client.get(f"/v1/items/{items[at % len(items)]['item_id']}/similar")

        async def by_photo(client: httpx.AsyncClient, at: int) -> httpx.Response:
            return await client.post("/v1/search/image", files={"image": photos[at % len(photos)]})

        sends: dict[str, Send] = {"similar items": similar, "photo of 0.5 MP": by_photo}
        for name, send in sends.items():
            times: list[list[float]] = [[], []]
            for _ in range(options.rounds):
                for client, taken in zip(clients, times, strict=True):
                    began = time.process_time()
                    for at in range(options.requests):
                        (await send(client, at)).raise_for_status()
                    taken.append((time.process_time() - began) / options.requests * 1e3)
            off, on = map(median, times)
            found[name] = {
                "off_ms": round(off, 3),
                "on_ms": round(on, 3),
                "ratio": round(median(b / a for a, b in zip(*times, strict=True)), 3),
            }
    return found


def photo(rng: np.random.Generator) -> bytes:
    small = Image.fromarray(rng.integers(0, 255, (51, 68, 3), dtype=np.uint8))
    out = io.BytesIO()
    small.resize((816, 612), Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--shop", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--requests", type=int, default=50, help="in each round")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    port: Any = context.Queue()
    process = context.Process(target=collect, args=(port,), daemon=True)
    process.start()
    address = f"http://127.0.0.1:{port.get()}/v1/traces"
    result = {"machine": machine("vitrine", "opentelemetry-sdk", "fastapi")}
    result["cpu time of a request"] = asyncio.run(measure(options, address))
    process.terminate()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
