"""Measure the service under overload, and under attack by hostile clients.

    python scripts/bench_load.py --shop shop [--photo photo.jpg] [--seconds 8] [--json]
    python scripts/bench_load.py --url http://127.0.0.1:8000 --photo photo.jpg --only goodput

Serves the shop in a separate process, unless ``--url`` names a running service.

- ``goodput``: closed loops of photo searches on 64 and 200 connections; a refused client retries
  after 50 ms, or after 1 s. Goodput counts the replies with status 200.
- ``floods``: 1,000 connections from one address that send nothing, half a header, or a body byte
  by byte, while a client at another address requests /livez and searches by words.
- ``expensive``: 8 connections with the most expensive query possible, during searches by words.
- ``uploads``: 25 uploads of 31 MB at once.

The client is a single thread with epoll; its CPU time is taken from the same machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bench_clients import drawn_photos
from bench_flood import Flood
from bench_loop import Loop, milliseconds, percentiles
from bench_requests import ask, json_request, upload
from machine import as_line, machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PACKAGES = ("vitrine", "fastapi", "uvicorn", "h11", "onnxruntime", "faiss-cpu", "pillow")
_OTHER = "127.0.0.2"  # the address of the well-behaved client during a flood


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--shop", type=Path)
    parser.add_argument("--url", help="URL of a running service")
    parser.add_argument("--photo", type=Path, help="photo to search with; default: a drawn one")
    parser.add_argument("--seconds", type=float, default=8.0, help="seconds of load per figure")
    parser.add_argument("--only", choices=list(_PARTS), action="append")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if (options.shop is None) == (options.url is None):
        parser.error("give a --shop or a --url")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    photo = options.photo.read_bytes() if options.photo else drawn_photos(photos=1)[0]
    facts = machine(*_PACKAGES)
    result: dict[str, Any] = {}
    serving = served(options.shop) if options.shop else contextlib.nullcontext(options.url)
    with serving as url:
        place = urlsplit(url)
        address = (str(place.hostname), int(place.port or 80))
        for name in options.only or _PARTS:
            result[name] = _PARTS[name](address, photo, options.seconds)
    if options.json:
        print(json.dumps({"machine": facts, **result}, indent=2))
        return
    print(as_line(facts))
    for name, rows in result.items():
        print(name)
        for row, figures in rows.items():
            print(f"  {row}: {figures}")


@contextlib.contextmanager
def served(shop: Path) -> Iterator[str]:
    """Serve a shop in a separate process; yield its URL."""
    code = "import sys; from service.cli.main import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, "serve", "--shop", str(shop), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "VITRINE_ANSWER_CACHE_MB": "0",  # it sends the same photo again and again
        },
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()
            process.wait(timeout=60)


def bench_goodput(address: tuple[str, int], photo: bytes, seconds: float) -> dict[str, Any]:
    """Measure photo searches in closed loops, below and far above the service's capacity."""
    request = upload(photo)
    rows = {}
    for connections, pause_s in ((1, 0.05), (64, 0.05), (200, 1.0), (200, 0.05)):
        loop = Loop(address, request, connections, pause_s)
        loop.run(seconds)
        rows[f"{connections} connections, again after {pause_s:g} s"] = loop.figures(seconds)
    return rows


def bench_floods(address: tuple[str, int], photo: bytes, seconds: float) -> dict[str, Any]:
    """Measure other clients during 1,000 connections from one address, for three kinds of flood."""
    del photo
    upload = (
        b"POST /v1/search/image HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    kinds = {
        "no flood": None,
        "idle": (b"", b""),
        "slow headers": (b"GET /livez HTTP/1.1\r\nHost: x\r\nX-", b"a"),
        "slow bodies": (upload, b"a"),
    }
    rows = {}
    for name, kind in kinds.items():
        flood = Flood(address, *kind) if kind else None
        probe = _Probe(address)
        ends = time.perf_counter() + seconds
        while (now := time.perf_counter()) < ends:
            if flood:
                flood.fill()
                flood.turn()
            while (
                time.perf_counter() < now + 0.5
            ):  # so each connection sends a byte every five seconds
                probe.ask()
                time.sleep(0.02)
        rows[name] = {**probe.figures(), "opened": flood.opened if flood else 0}
        if flood:
            flood.close()
            time.sleep(1)
    return rows


def bench_expensive(address: tuple[str, int], photo: bytes, seconds: float) -> dict[str, Any]:
    """Measure searches by words during eight clients with the most expensive query."""
    del photo
    item = _first_item(address)
    alone = _Probe(address)
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        alone.ask()
    rows: dict[str, Any] = {"words alone": alone.figures()}
    for limit in (1000, 200):
        question = {"parts": [{"item_id": item}], "limit": limit, "collapse": 0.5, "group": "item"}
        began = time.perf_counter()
        status, _ = ask(address, json_request("/v1/search", question))
        rows[f"one, limit {limit}"] = {
            "status": status,
            "ms": milliseconds(time.perf_counter() - began),
        }
        host_port = f"{address[0]}:{address[1]}"
        with subprocess.Popen(
            [sys.executable, __file__, "--expensive", host_port, json.dumps(question)]
        ) as others:
            time.sleep(1.0)
            probe = _Probe(address)
            ends = time.perf_counter() + seconds
            while time.perf_counter() < ends:
                probe.ask()
            others.terminate()
        rows[f"words during eight of limit {limit}"] = probe.figures()
        time.sleep(2)
    return rows


def bench_uploads(address: tuple[str, int], photo: bytes, seconds: float) -> dict[str, Any]:
    """Count how many of 25 simultaneous uploads of 31 MB are served: 16 fit the default memory."""
    del seconds
    request = upload(photo + bytes(31_000_000 - len(photo)))
    loop = Loop(address, request, 25, pause_s=1e9)
    loop.run(60, warm_s=0, once=True)
    statuses = {str(status): len(all_) for status, all_ in sorted(loop.took.items())}
    return {"25 x 31 MB": statuses}


class _Probe:
    """A well-behaved client at another address, which alternates /livez and a search by words."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._took: dict[str, list[float]] = {"livez": [], "words": []}
        self._statuses: Counter[int] = Counter()

    def ask(self) -> None:
        for name, request in (
            ("livez", b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
            ("words", json_request("/v1/search", {"parts": [{"text": "red mug"}]}, close=True)),
        ):
            began = time.perf_counter()
            status, _ = ask(self._address, request, source=_OTHER)
            self._took[name].append(time.perf_counter() - began)
            self._statuses[status] += 1

    def figures(self) -> dict[str, Any]:
        statuses = {str(status): number for status, number in sorted(self._statuses.items())}
        return {
            **percentiles("livez", self._took["livez"]),
            **percentiles("words", self._took["words"]),
            "statuses": statuses,
        }


def _first_item(address: tuple[str, int]) -> str:
    _, body = ask(address, b"GET /v1/items?limit=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    return str(json.loads(body)["items"][0]["item_id"])


_PARTS: dict[str, Callable[[tuple[str, int], bytes, float], dict[str, Any]]] = {
    "goodput": bench_goodput,
    "floods": bench_floods,
    "expensive": bench_expensive,
    "uploads": bench_uploads,
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--expensive"]:  # the clients of bench_expensive, in a separate process
        host, _, port = sys.argv[2].rpartition(":")
        asked = json_request("/v1/search", json.loads(sys.argv[3]))
        Loop((host, int(port)), asked, 8, pause_s=0.05).run(3600)
    main()
