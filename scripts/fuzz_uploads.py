"""Send hostile pictures to a live service, as a photo to search with, and check every reply.

    python scripts/fuzz_uploads.py [--files 10000] [--seed 0] [--largest 1600] [--copies 2]

Serves a small drawn shop. The pictures are those of ``fuzz_images.py``, which see. Rules: every
reply comes within 5 s, has the status 200 or 4xx, and is JSON; an error is a problem with a code.
After the last picture the same process answers a good one. Prints a report as JSON; the exit status
is 1 if a reply breaks a rule.
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fuzz_api import VITRINE, Served
from fuzz_builders import build
from machine import machine
from PIL import ImageFile

from indexer.sample.shop import write_shop

_SLOWEST_S = 5.0
_GOOD, _REFUSED = 200, range(400, 500)


class Uploads:
    """Sends photos on one connection, and remembers what came of them."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=60)
        self.outcomes: Counter[str] = Counter()
        self.slowest: tuple[float, str] = (0.0, "")
        self.problems: list[str] = []

    def send(self, name: str, data: bytes) -> None:
        """Search with a picture, and note which rules the reply breaks."""
        began = time.monotonic()
        try:
            status, body = self._ask(data)
        except (OSError, http.client.HTTPException) as error:
            self.outcomes["no reply"] += 1
            self.problems.append(f"{name}: {type(error).__name__}: {error}")
            self._connection.close()  # the next request opens another
            return
        took = time.monotonic() - began
        self.slowest = max(self.slowest, (round(took, 2), name))
        code = body.get("code", "hits" if "hits" in body else "nothing")
        self.outcomes[f"{status} {code}"] += 1
        if took > _SLOWEST_S:
            self.problems.append(f"{name}: takes {took:.1f} s")
        answered = status == _GOOD and code == "hits"
        refused = status in _REFUSED and code not in ("hits", "nothing")
        if not (answered or refused):
            self.problems.append(f"{name}: {status} {body}")

    def _ask(self, data: bytes) -> tuple[int, dict[str, Any]]:
        kind = {"Content-Type": "application/octet-stream"}
        self._connection.request("POST", "/v1/search/image?limit=1", data, kind)
        reply = self._connection.getresponse()
        return reply.status, json.loads(reply.read())


def main() -> int:
    options = parsed()
    ImageFile.MAXBLOCK = 1 << 22  # or Pillow's JPEG encoder fails for some thin shapes
    with tempfile.TemporaryDirectory(prefix="vitrine-fuzz-") as folder:
        base = Path(folder)
        write_shop(base / "catalogs", items=12, photos=1)
        catalog, shop = base / "catalogs" / "catalog.csv", base / "shop"
        subprocess.run(
            [*VITRINE, "index", str(catalog), "--shop", str(shop), "--encoder", "color"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with Served(base, shop) as url:
            uploads = Uploads(url)
            for number in range(options.files):
                name, data = build(number, options.seed, options.largest, options.copies)
                uploads.send(f"file {number}, {name}", data)
            good = next((base / "catalogs" / "photos").iterdir())
            before = uploads.outcomes["200 hits"]
            uploads.send("a good photo", good.read_bytes())
            if uploads.outcomes["200 hits"] == before:
                uploads.problems.append("the service no longer answers a good photo")
    report = {
        "machine": machine("pillow"),
        "files": options.files,
        **uploads.outcomes,
        "slowest": uploads.slowest,
        "problems": uploads.problems,
    }
    print(json.dumps(report, indent=2))
    return int(bool(uploads.problems))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--largest", type=int, default=1600, help="largest side of a square")
    parser.add_argument("--copies", type=int, default=2, help="tries of a file, damaged but once")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
