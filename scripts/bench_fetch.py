"""Measure fetching: pictures from a server on this machine that fails now and then.

python scripts/bench_fetch.py --photos FOLDER [--count 2000] [--failures 0.05] [--encoder color]

Runs ``vitrine index --fetch`` on a catalog of URLs, kills it (SIGKILL) after a third and after two
thirds of the pictures, lets it finish, and runs it once more. Prints what each run asked for. With
``--failures``, that share of the requests gets a 503, a closed connection or a body that is cut.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.imageserver import ImageServer


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--failures", type=float, default=0.05)
    parser.add_argument("--encoder", default="color")
    given = parser.parse_args()
    files = sorted(given.photos.rglob("*.jpg"))[: given.count]
    server = ImageServer()
    server.pictures = {f"/{number}.jpg": file.read_bytes() for number, file in enumerate(files)}
    dice = random.Random(7)
    for path in server.pictures:
        server.answers[path] = failing(server, path, dice, given.failures)
    with tempfile.TemporaryDirectory(prefix="vitrine-fetch-") as folder:
        catalog = Path(folder) / "catalog.jsonl"
        rows = [{"id": path[1:-4], "images": [server.url(path)]} for path in server.pictures]
        catalog.write_text("".join(json.dumps(row) + "\n" for row in rows))
        command = [
            *(sys.executable, "-m", "service.cli.main", "index", str(catalog)),
            *("--shop", f"{folder}/shop", "--encoder", given.encoder, "--json", "--fetch"),
            *("--allow-host", server.host, "--allow-network", "127.0.0.0/8", "--fetch-rate", "0"),
        ]
        third = len(files) // 3
        run(command, server, kill_at=third)
        run(command, server, kill_at=third)
        run(command, server)
        run(command, server)
    server.close()


def failing(server: ImageServer, path: str, dice: random.Random, share: float) -> Any:
    """Return an answer for a path that fails for a share of the requests."""

    def answer(request: Any) -> Any:
        chance = dice.random()
        if chance >= share:
            return server._picture(request)  # noqa: SLF001
        kind = int(3 * chance / share)
        if kind == 0:
            return 503, {"Retry-After": "0"}, b""
        request.close_connection = True
        if kind == 1:
            return None
        data = server.pictures[path]
        return 200, {"Content-Length": str(len(data))}, data[: len(data) // 2]

    return answer


def run(command: list[str], server: ImageServer, kill_at: int | None = None) -> None:
    """Run the command once, and kill it after ``kill_at`` requests."""
    server.hits.clear()
    server.sent.clear()
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    while kill_at is not None and sum(server.hits.values()) < kill_at and process.poll() is None:
        time.sleep(0.02)
    if kill_at is not None:
        process.kill()
    out, _ = process.communicate()
    seconds = time.perf_counter() - began
    asked = sum(server.hits.values())
    print(f"{seconds:6.1f} s, {asked} requests, answers {dict(server.sent)}", end="")
    if kill_at is not None:
        print(", killed")
        return
    report = json.loads(out)
    print(
        f": {report['items']} items, {report['encoded']} encoded, {len(report['skipped'])} skipped,"
        f" fetched {report['fetched']}"
    )


if __name__ == "__main__":
    main()
