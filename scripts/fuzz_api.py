"""Send requests made from the OpenAPI document to a live service, and check every reply.

    pip install schemathesis
    python scripts/fuzz_api.py [--examples 20] [--seed 0] [--items 24] [--schemathesis COMMAND]

Draws a small shop, builds it, and serves it with keys, catalogs and snapshots, in a temporary
folder. schemathesis makes right and wrong requests for every route. Rules: no reply is a server
error, and each has a status, a content type, headers and a body that the document describes. The
exit status is 1 if a reply breaks a rule. Takes ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from indexer.sample.shop import write_shop
from service.apikey import Scope
from service.keyfile import KeyFile

CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance"),
    *("response_headers_conformance", "response_schema_conformance"),
)
VITRINE = (sys.executable, "-m", "service.cli.main")


def main() -> int:
    options = parsed()
    command = shutil.which(options.schemathesis)
    if command is None:
        print(f"cannot find {options.schemathesis}: pip install schemathesis", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="vitrine-fuzz-") as folder:
        base = Path(folder)
        write_shop(base / "catalogs", items=options.items, photos=1)
        shop = base / "shop"
        catalog = base / "catalogs" / "catalog.csv"
        subprocess.run(
            [*VITRINE, "index", str(catalog), "--shop", str(shop), "--encoder", "color"], check=True
        )
        key = KeyFile(shop).add("fuzz", Scope.ADMIN)
        with Served(base, shop) as url:
            return fuzzed(command, url, key, options, base)


class Served:
    """The service on a shop, while the block runs; gives its URL."""

    def __init__(self, base: Path, shop: Path) -> None:
        (base / "snapshots").mkdir()
        settings = {
            "VITRINE_CATALOGS": str(base / "catalogs"),
            "VITRINE_SNAPSHOTS": str(base / "snapshots"),
            "VITRINE_SEARCHES_PER_S": "0",
            "VITRINE_FAILED_KEYS_PER_MIN": "0",
            "VITRINE_REQUEST_LOG": "false",
        }
        self._process = subprocess.Popen(
            [*VITRINE, "serve", "--shop", str(shop), "--port", "0"],
            stdout=subprocess.PIPE,
            env={**os.environ, **settings},
            text=True,
        )

    def __enter__(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().split()[-1]

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


def fuzzed(command: str, url: str, key: str, options: argparse.Namespace, folder: Path) -> int:
    done = subprocess.run(
        [
            *(command, "run", f"{url}/openapi.json", "-H", f"Authorization: Bearer {key}"),
            *("--phases", "examples,coverage,fuzzing", "--continue-on-failure"),
            *("--suppress-health-check", "all", "--warnings", "off", "--request-timeout", "60"),
            *("-c", ",".join(CHECKS), "-n", str(options.examples), "--seed", str(options.seed)),
            # Its events last as long as the job; and it must keep the key that it was given.
            *("--exclude-operation-id", "job_events", "--exclude-operation-id", "remove_key"),
            *("--exclude-operation-id", "rotate_key"),
        ],
        check=False,
        cwd=folder,  # it leaves its own files there
    )
    return int(done.returncode != 0)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--examples", type=int, default=20, help="for each route")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--items", type=int, default=24, help="of the shop")
    parser.add_argument("--schemathesis", default="schemathesis", help="the command")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
