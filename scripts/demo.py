"""Draw the sample shop, index it and serve it; ``--check`` searches it with photos and exits.

Called by ``scripts/demo`` in the environment that it has set up.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

from PIL import Image

VITRINE = str(Path(sys.executable).with_name("vitrine"))
_CHECKED = 20  # shopper photos that --check searches with
_FLOOR = 9  # of them must find their product; by chance none does, among over 100 products
_STARTED = re.compile(r"(http://\S+)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="verify the service and exit")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--folder", type=Path, default=Path("sample-shop"))
    options = parser.parse_args()
    start = time.perf_counter()
    sample, shop = options.folder / "catalog", options.folder / "shop"
    if not (sample / "queries.csv").is_file():
        step("drawing the sample shop", ["sample", str(sample)])
    step("indexing it", ["index", str(sample / "catalog.csv"), "--shop", str(shop)])
    if not options.check:
        print(
            f"ready after {time.perf_counter() - start:.0f} s; photos to try are in {sample}/photos"
        )
        return subprocess.call([VITRINE, "serve", "--shop", str(shop), "--port", str(options.port)])
    status = check(shop, sample)
    print(f"done in {time.perf_counter() - start:.0f} s")
    return status


def step(what: str, arguments: list[str]) -> None:
    print(f"* {what}", flush=True)
    done = subprocess.run([VITRINE, *arguments], check=False)
    if done.returncode != 0:
        sys.exit(done.returncode)


def check(shop: Path, sample: Path) -> int:
    """Serve the shop on a free port, search it with photos over HTTP; return 0 if all is well."""
    print("* serving it and sending photos", flush=True)
    command = [VITRINE, "serve", "--shop", str(shop), "--port", "0"]
    quiet = {**os.environ, "VITRINE_REQUEST_LOG": "false"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=quiet) as server:
        try:
            assert server.stdout is not None
            found = _STARTED.search(server.stdout.readline())
            if found is None:
                print("the service did not start", file=sys.stderr)
                return 1
            return judge(found.group(1), sample)
        finally:
            server.terminate()


def judge(url: str, sample: Path) -> int:
    with urllib.request.urlopen(f"{url}/", timeout=30) as page:
        if b"Vitrine" not in page.read():
            print("the page at / is not Vitrine's", file=sys.stderr)
            return 1
    rows = read(sample / "catalog.csv")
    # A picture of the shop at a smaller size must find its product.
    picture = sample / rows[0]["images"].split(";")[0]
    first = send(url, smaller(picture))["hits"][0]
    print(f"  {picture.name}, saved at half its size: {first['item_id']}")
    if first["product_id"] != rows[0]["product_id"]:
        print(f"expected product {rows[0]['product_id']} first", file=sys.stderr)
        return 1
    product = {row["id"]: row["product_id"] for row in rows}
    truths = read(sample / "queries.csv")
    chosen = truths[:: max(1, len(truths) // _CHECKED)][:_CHECKED]
    right = 0
    for truth in chosen:
        first = send(url, (sample / truth["image"]).read_bytes())["hits"][0]
        fits = first["product_id"] == product[truth["item_id"]]
        right += fits
        print(f"  {truth['image']}: {first['item_id']} ({'right' if fits else 'wrong'})")
    print(f"  the right product comes first for {right} of {len(chosen)} shopper photos")
    if right < _FLOOR:
        print(f"fewer than {_FLOOR}: something is wrong", file=sys.stderr)
        return 1
    return 0


def smaller(picture: Path) -> bytes:
    with Image.open(picture) as image:
        image.thumbnail((image.width // 2, image.height // 2))
        out = io.BytesIO()
        image.save(out, "JPEG", quality=60)
    return out.getvalue()


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def send(url: str, photo: bytes) -> dict[str, list[dict[str, str]]]:
    boundary = uuid.uuid4().hex
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    body += photo
    body += f"\r\n--{boundary}--\r\n".encode()
    request = urllib.request.Request(
        f"{url}/v1/search/image",
        data=body,
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        answer: dict[str, list[dict[str, str]]] = json.load(reply)
    return answer


if __name__ == "__main__":
    sys.exit(main())
