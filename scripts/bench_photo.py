"""How fast a catalog is indexed and a photo is answered, beside what the encoder alone takes.

    python scripts/bench_photo.py [--items 640] [--encoder builtin] [--json]

Draws the sample shop, indexes it (decoding, encoding and writing apart), serves it in a process
of its own and sends it photos over HTTP, one at a time and sixteen in flight. Ratios are against
encoding alone in this run: the encoder on prepared pixels, one at a time and in batches. So a
ratio of 1 would mean that decoding, HTTP and searching cost nothing.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from machine import machine
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.registry import load_encoder
from indexer.imaging.images import decode
from indexer.jobs.build import build_index
from indexer.sample.shop import write_shop
from indexer.shop.folder import ShopFolder

if TYPE_CHECKING:
    from indexer.encoders.base import Encoder

_SIZES = {"0.5 MP": (816, 612), "12 MP": (4032, 3024)}
_BOUNDARY = "vitrine-bench"
_PACKAGES = ("vitrine", "onnxruntime", "faiss-cpu", "pillow", "numpy", "fastapi", "uvicorn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--items", type=int, default=640)
    parser.add_argument("--seconds", type=float, default=10.0, help="of load for each figure")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    encoder = load_encoder(options.encoder)
    with tempfile.TemporaryDirectory() as folder:
        sample = write_shop(Path(folder) / "sample", items=options.items, photos=24)
        shop = Path(folder) / "shop"
        result: dict[str, Any] = {"machine": machine(*_PACKAGES)}
        result["index"] = bench_index(sample.catalog, shop, encoder)
        photos = make_photos(Path(folder) / "sample" / "photos")
        result["alone"] = bench_encoder(encoder, photos["0.5 MP"])
        with served(shop) as url:
            result["http"] = {
                f"{name}, {clients} in flight": bench_http(url, bodies, clients, options.seconds)
                for name, bodies in photos.items()
                for clients in (1, 16)
            }
    add_ratios(result)
    print(json.dumps(result, indent=2) if options.json else as_text(result))


def bench_index(catalog: Path, shop: Path, encoder: Encoder) -> dict[str, Any]:
    """Images per second of a first build, and the thread seconds of each stage per 1,000 images."""
    start = time.perf_counter()
    report = build_index(open_catalog(catalog), ShopFolder(shop), encoder)
    first = time.perf_counter() - start
    start = time.perf_counter()
    build_index(open_catalog(catalog), ShopFolder(shop), encoder)
    again = time.perf_counter() - start
    stages = {name: report.seconds[name] for name in ("decode", "encode", "write", "publish")}
    return {
        "encoder": report.encoder,
        "images": report.encoded,
        "seconds": round(first, 2),
        "images_per_second": round(report.encoded / report.seconds["ingest"], 1),
        "seconds_per_1000": {
            name: round(1000 * seconds / report.encoded, 2) for name, seconds in stages.items()
        },
        "unchanged_seconds": round(again, 2),
    }


def make_photos(folder: Path) -> dict[str, list[bytes]]:
    """The drawn shopper photos as phone JPEGs of each size (quality 88)."""
    photos: dict[str, list[bytes]] = {name: [] for name in _SIZES}
    for path in sorted(folder.glob("*.jpg"))[:12]:
        with Image.open(path) as image:
            for name, size in _SIZES.items():
                fits = size if image.width >= image.height else size[::-1]
                out = io.BytesIO()
                image.resize(fits, Image.Resampling.BICUBIC).save(out, "JPEG", quality=88)
                photos[name].append(out.getvalue())
    return photos


def bench_encoder(encoder: Encoder, photos: list[bytes]) -> dict[str, float]:
    """The encoder on prepared pixels: milliseconds at batch 1, images per second at batch 16."""
    ready = [encoder.preprocess.apply(decode(data)) for data in photos]
    single = []
    for at in range(200):
        start = time.perf_counter()
        encoder.encode_images([ready[at % len(ready)]])
        single.append(time.perf_counter() - start)
    batch = (ready * 16)[:16]
    start = time.perf_counter()
    rounds = 20
    for _ in range(rounds):
        encoder.encode_images(batch)
    rate = rounds * len(batch) / (time.perf_counter() - start)
    return {
        "ms_one": round(float(np.median(single)) * 1e3, 2),
        "images_per_second_batch_16": round(rate, 1),
    }


class served:  # noqa: N801 - reads as a verb where it is used
    """The service of a shop in a process of its own, while the ``with`` block lasts."""

    def __init__(self, shop: Path) -> None:
        command = Path(sys.executable).with_name("vitrine")
        self._process = subprocess.Popen(
            [str(command), "serve", "--shop", str(shop), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "VITRINE_REQUEST_LOG": "false"},
        )

    def __enter__(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().split()[-1]

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)


def bench_http(url: str, photos: list[bytes], clients: int, seconds: float) -> dict[str, float]:
    """Latency (ms) and photos per second, closed loop, after two seconds of warm-up."""
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
    ).encode()
    bodies = [head + data + f"\r\n--{_BOUNDARY}--\r\n".encode() for data in photos]
    latencies: list[float] = []
    failures: list[str] = []
    begin = time.perf_counter() + 2.0
    end = begin + seconds

    def ask(number: int) -> None:
        address = urlsplit(url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port)
        headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        at = number
        while (start := time.perf_counter()) < end:
            connection.request("POST", "/v1/search/image", bodies[at % len(bodies)], headers)
            reply = connection.getresponse()
            body = reply.read()
            if reply.status != 200:
                failures.append(f"HTTP {reply.status}: {body[:300]!r}")
                return
            if start >= begin:
                latencies.append(time.perf_counter() - start)
            at += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:  # told here: what a thread raises ends that thread alone
        raise SystemExit(failures[0])
    p50, p95 = np.percentile(latencies, [50, 95]) * 1e3
    return {
        "p50_ms": round(float(p50), 2),
        "p95_ms": round(float(p95), 2),
        "photos_per_second": round(len(latencies) / seconds, 1),
    }


def add_ratios(result: dict[str, Any]) -> None:
    alone = result["alone"]
    result["index"]["rate_to_encoding_alone"] = round(
        result["index"]["images_per_second"] / alone["images_per_second_batch_16"], 2
    )
    for name, figures in result["http"].items():
        if name.endswith(", 1 in flight"):
            figures["p50_to_encoding_alone"] = round(figures["p50_ms"] / alone["ms_one"], 2)
        else:
            figures["rate_to_encoding_alone"] = round(
                figures["photos_per_second"] / alone["images_per_second_batch_16"], 2
            )


def as_text(result: dict[str, Any]) -> str:
    lines = []
    for part, figures in result.items():
        lines.append(part)
        for name, value in figures.items():
            shown = value
            if isinstance(value, dict):
                shown = ", ".join(f"{key} {number}" for key, number in value.items())
            lines.append(f"  {name:<28} {shown}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
