"""Measure indexing of a catalog and photo searches over HTTP, relative to the encoder alone.

    python scripts/bench_photo.py [--items 640] [--encoder builtin] [--json]

Draws the sample shop, indexes it (timing decoding, encoding and writing separately), serves it in
a separate process and sends it photos over HTTP, one at a time and sixteen in flight. Ratios are
relative to the encoder on prepared pixels in the same run, one at a time and in batches: a ratio
of 1 would mean that decoding, HTTP and searching are free.

Also measures what the checks of a file's structure add to a photo of each format, from its bytes to
its vector: with them, and with Pillow alone, alternately.
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
from indexer.imaging.plugins import upright
from indexer.imaging.srgb import srgb_pixels
from indexer.jobs.build import build_index
from indexer.sample.shop import write_shop
from indexer.shop.folder import ShopFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    from indexer.arrays import Pixels
    from indexer.encoders.base import Encoder

_SIZES = {"0.5 MP": (816, 612), "12 MP": (4032, 3024)}
_FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"format": "JPEG", "quality": 88},
    "progressive JPEG": {"format": "JPEG", "quality": 88, "progressive": True},
    "PNG": {"format": "PNG", "compress_level": 6},
    "WebP": {"format": "WEBP", "quality": 80},
    "lossless WebP": {"format": "WEBP", "lossless": True, "method": 0},
    "GIF": {"format": "GIF"},
    "AVIF": {"format": "AVIF", "speed": 9},
}
_BOUNDARY = "vitrine-bench"
_PACKAGES = ("vitrine", "onnxruntime", "faiss-cpu", "pillow", "numpy", "fastapi", "uvicorn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--items", type=int, default=640)
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds of load per figure")
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
        result["checks"] = {
            f"{name}, {label}": bench_checks(
                encoder, saved(photos[name][0], label), options.seconds
            )
            for name in _SIZES
            for label in _FORMATS
        }
        with served(shop) as url:
            result["http"] = {
                f"{name}, {clients} in flight": bench_http(url, bodies, clients, options.seconds)
                for name, bodies in photos.items()
                for clients in (1, 16)
            }
    add_ratios(result)
    print(json.dumps(result, indent=2) if options.json else as_text(result))


def bench_index(catalog: Path, shop: Path, encoder: Encoder) -> dict[str, Any]:
    """Measure images per second of a first build, and thread seconds of each stage per 1,000."""
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
    """Return the drawn shopper photos as JPEGs (quality 88) of each phone size."""
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
    """Measure the encoder on prepared pixels: milliseconds at batch 1, images/s at batch 16."""
    ready = [encoder.preprocess.apply(decode(data)) for data in photos]
    single = []
    for repetition in range(200):
        start = time.perf_counter()
        encoder.encode_images([ready[repetition % len(ready)]])
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


def saved(photo: bytes, label: str) -> bytes:
    """Save a photo again in a format of ``_FORMATS``."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(photo)) as image:
        image.save(out, **_FORMATS[label])
    return out.getvalue()


def bench_checks(encoder: Encoder, photo: bytes, seconds: float) -> dict[str, float]:
    """Measure CPU milliseconds from bytes to vector: checked first, and by Pillow alone."""
    size = encoder.preprocess.size
    times: dict[Callable[[], Pixels], list[float]] = {
        lambda: decode(photo, side=size): [],
        lambda: decode_unchecked(photo, size): [],
    }
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[next(iter(times))]) < 5:
        for read, found in times.items():
            start = time.process_time()
            encoder.encode_images([encoder.preprocess.apply(read())])
            found.append(time.process_time() - start)
    checked, unchecked = (float(np.median(found)) * 1e3 for found in times.values())
    return {
        "ms": round(checked, 2),
        "ms_unchecked": round(unchecked, 2),
        "rise_percent": round(100 * (checked / unchecked - 1), 1),
    }


def decode_unchecked(photo: bytes, side: int) -> Pixels:
    """Decode as ``decode`` does, but trust the file."""
    with Image.open(io.BytesIO(photo)) as image:
        if image.format == "JPEG":
            image.draft(image.mode, (side, side))
        turn = image.getexif().get(0x112, 1)
        profile = image.info.get("icc_profile", b"")
        factor = max(1, min(image.size) // (2 * side))
        image.load()
        return upright(srgb_pixels(image, factor, profile=profile), turn)


class served:  # noqa: N801 - a context manager, used like a function
    """Serve a shop in a separate process for the duration of a ``with`` block."""

    def __init__(self, shop: Path) -> None:
        command = Path(sys.executable).with_name("vitrine")
        self._process = subprocess.Popen(
            [str(command), "serve", "--shop", str(shop), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={
                **os.environ,
                "VITRINE_REQUEST_LOG": "false",
                "VITRINE_ANSWER_CACHE_MB": "0",  # it sends the same photo again and again
            },
        )

    def __enter__(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().split()[-1]

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)


def bench_http(url: str, photos: list[bytes], clients: int, seconds: float) -> dict[str, float]:
    """Measure latency (ms) and photos per second in a closed loop, after a warm-up of 2 s."""
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
        index = number
        while (start := time.perf_counter()) < end:
            connection.request("POST", "/v1/search/image", bodies[index % len(bodies)], headers)
            reply = connection.getresponse()
            body = reply.read()
            if reply.status != 200:
                failures.append(f"HTTP {reply.status}: {body[:300]!r}")
                return
            if start >= begin:
                latencies.append(time.perf_counter() - start)
            index += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:  # an exception only ends the thread that raised it
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
