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
import heapq
import io
import json
import os
import resource
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from machine import as_line, machine
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PACKAGES = ("vitrine", "fastapi", "uvicorn", "h11", "onnxruntime", "faiss-cpu", "pillow")
_FLOOD = 1000
_OTHER = "127.0.0.2"  # the address of the well-behaved client during a flood
_JSON = {"Content-Type": "application/json"}


class Loop:
    """Connections that repeat the same request; a refused connection waits before it retries."""

    def __init__(
        self, address: tuple[str, int], request: bytes, connections: int, pause_s: float
    ) -> None:
        self._address = address
        self._request = request
        self._pause_s = pause_s
        self._selector = selectors.DefaultSelector()
        self._later: list[tuple[float, int]] = []
        self._clients = [_Client(number) for number in range(connections)]
        self.took: dict[int, list[float]] = {}  # by status; 0 is a broken connection

    def run(self, seconds: float, warm_s: float = 2.0, *, once: bool = False) -> None:
        """Send requests for ``seconds``, or ``once`` per connection.

        Records the replies that arrive after the warm-up, whenever they were asked for: with
        deep queues, those in flight at its end are a large part of all.
        """
        began = time.perf_counter()
        for client in self._clients:
            heapq.heappush(self._later, (began, client.number))
        while (now := time.perf_counter()) < began + warm_s + seconds:
            while self._later and self._later[0][0] <= now:
                self._begin(self._clients[heapq.heappop(self._later)[1]])
            wait = self._later[0][0] - now if self._later else 0.1
            for key, events in self._selector.select(max(0.0, min(wait, 0.1))):
                client = key.data
                status = self._turn(client, events)
                if status is None:
                    continue
                ended = time.perf_counter()
                if ended >= began + warm_s:
                    self.took.setdefault(status, []).append(ended - client.began)
                if not once:
                    pause = 0.0 if status == 200 else self._pause_s
                    heapq.heappush(self._later, (ended + pause, client.number))
            if once and sum(map(len, self.took.values())) == len(self._clients):
                break
        for client in self._clients:
            self._drop(client)

    def figures(self, seconds: float) -> dict[str, Any]:
        """Return the goodput and the refused requests, with times in milliseconds."""
        good = self.took.get(200, [])
        refused = [took for status, all_ in self.took.items() if status >= 400 for took in all_]
        return {
            "goodput_per_s": round(len(good) / seconds, 1),
            **_percentiles("good", good),
            "refused_per_s": round(len(refused) / seconds, 1),
            **_percentiles("refused", refused),
            "statuses": {str(status): len(all_) for status, all_ in sorted(self.took.items())},
        }

    def _begin(self, client: _Client) -> None:
        client.began = time.perf_counter()
        client.sent, client.got = 0, b""
        if client.socket is None:
            client.socket = socket.socket()
            client.socket.setblocking(False)
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client.socket.connect_ex(self._address)
            both = selectors.EVENT_READ | selectors.EVENT_WRITE
            self._selector.register(client.socket, both, client)
        else:
            both = selectors.EVENT_READ | selectors.EVENT_WRITE
            self._selector.modify(client.socket, both, client)

    def _turn(self, client: _Client, events: int) -> int | None:
        """Send and read what is ready; return the status of a complete reply, 0 if it broke."""
        assert client.socket is not None
        try:
            if events & selectors.EVENT_WRITE and client.sent < len(self._request):
                client.sent += client.socket.send(memoryview(self._request)[client.sent :])
                if client.sent == len(self._request):
                    self._selector.modify(client.socket, selectors.EVENT_READ, client)
            if not events & selectors.EVENT_READ:
                return None
            data = client.socket.recv(1 << 20)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        client.got += data
        head, found, body = client.got.partition(b"\r\n\r\n")
        lower = head.lower()
        if found and len(body) >= _number_after(lower, b"content-length:"):
            status = int(head[9:12])
            if b"connection: close" in lower or client.sent < len(self._request):
                self._drop(client)
            return status
        if not data:
            self._drop(client)
            return 0
        return None

    def _drop(self, client: _Client) -> None:
        if client.socket is not None:
            with contextlib.suppress(KeyError):
                self._selector.unregister(client.socket)
            client.socket.close()
            client.socket = None


class _Client:
    def __init__(self, number: int) -> None:
        self.number = number
        self.socket: socket.socket | None = None
        self.began = 0.0
        self.sent = 0
        self.got = b""


class Flood:
    """Connections that stay open and send almost nothing; closed connections are reopened."""

    def __init__(self, address: tuple[str, int], begin: bytes, trickle: bytes) -> None:
        self._address = address
        self._begin = begin
        self._trickle = trickle
        self._open: list[tuple[socket.socket, bool]] = []  # with: has sent ``begin``
        self.opened = 0

    def fill(self, most: int = 50) -> None:
        """Open up to ``most`` of the missing connections."""
        for _ in range(min(most, _FLOOD - len(self._open))):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(self._address)
            self._open.append((client, False))
            self.opened += 1

    def turn(self, share: float = 0.1) -> None:
        """Send the next byte on a share of the connections; drop those that were closed."""
        now, self._open = self._open, []
        for number, (client, sent) in enumerate(now):
            try:
                if not sent or number < share * len(now):
                    client.send(self._trickle if sent else self._begin)
                gone = not client.recv(65536)
            except BlockingIOError:
                gone = False
            except OSError:
                gone = True
            if gone:
                client.close()
            else:
                self._open.append((client, True))
        turned = int(share * len(self._open))
        self._open = self._open[turned:] + self._open[:turned]

    def close(self) -> None:
        """Close all connections."""
        for client, _ in self._open:
            client.close()


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
    photo = options.photo.read_bytes() if options.photo else _drawn_photo()
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
    request = _upload(photo)
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
        status, _ = _ask(address, _json("/v1/search", question))
        rows[f"one, limit {limit}"] = {"status": status, "ms": _ms(time.perf_counter() - began)}
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
    request = _upload(photo + bytes(31_000_000 - len(photo)))
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
            ("words", _json("/v1/search", {"parts": [{"text": "red mug"}]}, close=True)),
        ):
            began = time.perf_counter()
            status, _ = _ask(self._address, request, source=_OTHER)
            self._took[name].append(time.perf_counter() - began)
            self._statuses[status] += 1

    def figures(self) -> dict[str, Any]:
        statuses = {str(status): number for status, number in sorted(self._statuses.items())}
        return {
            **_percentiles("livez", self._took["livez"]),
            **_percentiles("words", self._took["words"]),
            "statuses": statuses,
        }


def _ask(
    address: tuple[str, int], request: bytes, *, source: str | None = None
) -> tuple[int, bytes]:
    """Send a request on a new connection; return status (0 without a reply in 10 s) and body."""
    got = b""
    try:
        with socket.create_connection(
            address, timeout=10, source_address=(source, 0) if source else None
        ) as client:
            client.sendall(request)
            while data := client.recv(1 << 16):
                got += data
                head, found, body = got.partition(b"\r\n\r\n")
                if found and len(body) >= _number_after(head.lower(), b"content-length:"):
                    return int(head[9:12]), body
    except OSError:
        return 0, b""  # refused, broken or late
    return 0, b""  # closed without a reply


def _first_item(address: tuple[str, int]) -> str:
    _, body = _ask(address, b"GET /v1/items?limit=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    return str(json.loads(body)["items"][0]["item_id"])


def _upload(photo: bytes) -> bytes:
    body = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    body += photo + b"\r\n--b--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    return _request("POST", "/v1/search/image", kind, body)


def _json(path: str, question: object, *, close: bool = False) -> bytes:
    headers = _JSON | ({"Connection": "close"} if close else {})
    return _request("POST", path, headers, json.dumps(question).encode())


def _request(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _number_after(lower: bytes, name: bytes) -> int:
    _, found, rest = lower.partition(name)
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


def _drawn_photo() -> bytes:
    """Return a JPEG of colored bars, 816 x 612, about the size of a prepared phone photo."""
    random = np.random.default_rng(7)
    bars = random.integers(0, 255, size=(12, 16, 3)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(bars).resize((816, 612), Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


def _percentiles(name: str, took: list[float]) -> dict[str, float]:
    if not took:
        return {}
    p50, p99 = np.percentile(took, [50, 99])
    return {f"{name}_p50_ms": _ms(p50), f"{name}_p99_ms": _ms(p99)}


def _ms(seconds: float) -> float:
    return round(float(seconds) * 1e3, 1)


_PARTS: dict[str, Callable[[tuple[str, int], bytes, float], dict[str, Any]]] = {
    "goodput": bench_goodput,
    "floods": bench_floods,
    "expensive": bench_expensive,
    "uploads": bench_uploads,
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--expensive"]:  # the clients of bench_expensive, in a separate process
        host, _, port = sys.argv[2].rpartition(":")
        asked = _json("/v1/search", json.loads(sys.argv[3]))
        Loop((host, int(port)), asked, 8, pause_s=0.05).run(3600)
    main()
