"""Draw the golden shop, and record its answers.

    PYTHONPATH=. python scripts/make_golden.py shop       draw tests/golden/format-1, once
    PYTHONPATH=. python scripts/make_golden.py answers    record the missing answers

The golden shop proves that a shop of an earlier version still opens, answers and takes writes.
That only works as long as it does not change. So this script never overwrites a shop or an answer.

Never run it to make a failing test pass: a failing golden test has found a regression, so fix the
code. There are two reasons to run it:

* The on-disk format gets a new number. Set ``FORMAT`` and draw a second shop, ``format-2``. Keep
  the first one; both must give the same answers.
* There is a new question. Add it to a file of ``tests/golden/answers`` without an answer, and run
  ``answers`` to fill it in. Review the result before you commit it.

Two runs draw the same shop, except for times, measurements, and the checksums that include them.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from golden_catalog import draw_catalog, draw_photos, encoded, picture, product, record
from golden_catalog import write_records as write_catalog

from indexer.store.store import Store
from service.cli.main import main as vitrine
from service.http.app import create_app
from service.settings import Settings
from tests.conftest import Http
from tests.golden_questions import ANSWERS, GOLDEN, PHOTOS, GoldenShop, read_questions, write_file

FORMAT = 1
# The shop stores the path of its catalog. This one is temporary and contains no user name.
WORK = Path("/tmp/vitrine-golden")
KEY = "the write key of the golden shop"
APPROXIMATE = ("--exact-below", "0", "--ram", "5K", "--recall", "0.999")
EXACT = ("--exact-below", "50000", "--ram", "1GB", "--recall", "0.98")


def draw_shop(target: Path) -> None:
    """Draw a shop with some history into ``target``: ``shop``, and an earlier snapshot of it."""
    if target.exists():
        sys.exit(f"{target} already exists and must not change; set FORMAT to draw a new format")
    shutil.rmtree(WORK, ignore_errors=True)
    catalog, shop = WORK / "catalog", WORK / "shop"
    records = {record["id"]: record for record in draw_catalog(catalog)}
    draw_photos(PHOTOS)

    _first_generation(catalog, shop, records)
    _second_generation(catalog, shop, records)
    with _Service(shop) as service:
        _live_writes(service)
        _run("snapshot", WORK / "shop.snapshot", "--shop", shop)
        _later_writes(service)

    (WORK / "shop.snapshot").chmod(0o644)
    _commit(shop, target / "shop")
    shutil.copy(WORK / "shop.snapshot", target / "shop.snapshot")
    shutil.rmtree(WORK)


def record_answers() -> None:
    """Record the newest golden shop's answers to the questions that have none yet."""
    shutil.rmtree(WORK, ignore_errors=True)
    with GoldenShop(GOLDEN / f"format-{FORMAT}", WORK) as shop:
        for path in sorted(ANSWERS.glob("*.json")):
            questions = read_questions(path)
            for question in questions:
                if "answer" not in question:
                    question["answer"] = shop.ask(question)
                    print(f"{path.stem}: {question['name']}")
            write_file(path, questions)
    shutil.rmtree(WORK)


def _first_generation(catalog: Path, shop: Path, records: dict[str, dict[str, Any]]) -> None:
    """Build most items; one is deleted later, another has a picture that is not an image.

    The memory limit is so low that the index is approximate, with exact vectors in addition.
    """
    late = {"hat-blue", "ball-yellow", "boot-red"}
    broken = {**records["mug-red"], "id": "mug-broken", "images": ["images/broken.png"]}
    first = [record for item_id, record in records.items() if item_id not in late]
    write_catalog(catalog / "first.jsonl", [*first, broken])
    _run("index", catalog / "first.jsonl", "--shop", shop, "--encoder", "color", *APPROXIMATE)
    _run("delete", "scarf-yellow", "--shop", shop)


def _second_generation(catalog: Path, shop: Path, records: dict[str, dict[str, Any]]) -> None:
    """Build another catalog: three items added, two removed, a new price, and a new text."""
    gone = {"scarf-yellow", "bowl-white"}
    second = [record for item_id, record in records.items() if item_id not in gone]
    records["lamp-white"]["price"] = 69.0
    records["vase-green"]["description"] += " Mundgeblasen."
    write_catalog(catalog / "second.jsonl", second)
    # From here on, the original bytes of new pictures are stored too.
    keep = ("--keep-images", "originals")
    _run("index", catalog / "second.jsonl", "--shop", shop, *keep, *EXACT)


def _live_writes(service: _Service) -> None:
    """Make live writes that both the shop and its snapshot contain."""
    lamp = record(product("lamp"), "black", 2)
    shape = product("lamp").shape
    service.write("PUT", "/v1/items", items=[_body(lamp)], files={
        lamp["images"][0]: encoded(picture(shape, "black")),
    })  # fmt: skip
    ball = encoded(picture(product("ball").shape, "red", step=4))
    change = {"images": ["moved.png"], "title": "Red ball, seen from the left"}
    service.write("PATCH", "/v1/items/ball-red", item=change, files={"moved.png": ball})
    service.write("PATCH", "/v1/items/mug-blue", item={"price": 7.25, "in_stock": False})
    service.write("DELETE", "/v1/items/cushion-green")
    # An item without a picture; its embedding has only the second of the encoder's 64 colors.
    scent = {"id": "scent", "title": "Scent of lavender", "categories": ["Home/Scents"],
             "price": 18.0, "currency": "EUR", "attributes": {"material": "oil"},
             "images": ["scent"], "embeddings": [[0.0, 1.0] + [0.0] * 110]}  # fmt: skip
    service.write("PUT", "/v1/items", items=[scent])


def _later_writes(service: _Service) -> None:
    """Make live writes after the snapshot."""
    hat = record(product("hat"), "yellow", 3)
    files = {hat["images"][0]: encoded(picture(product("hat").shape, "yellow"))}
    service.write("PUT", "/v1/items", items=[_body(hat)], files=files)
    service.write("DELETE", "/v1/items/vase-yellow")
    change = {"attributes": {"tags": None, "season": "winter"}, "in_stock": False}
    service.write("PATCH", "/v1/items/boot-black", item=change)


def _body(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "currency": item["currency"].upper()}


class _Service:
    """The service of a shop, to write to it over HTTP."""

    def __init__(self, shop: Path) -> None:
        self._http = Http(create_app(Settings(shop=shop, write_key=KEY, request_log=False)))

    def __enter__(self) -> _Service:
        return self

    def __exit__(self, *exc: object) -> None:
        self._http.close()

    def write(
        self,
        method: str,
        path: str,
        *,
        files: dict[str, bytes] | None = None,
        **fields: Any,
    ) -> None:
        """Send ``items`` or ``item``, as a form if there are files; exit on any status but 200."""
        headers = {"authorization": f"Bearer {KEY}"}
        options: dict[str, Any] = {"json": fields.get("item", fields)}
        if files:
            options = {
                "data": {name: json.dumps(value) for name, value in fields.items()},
                "files": files,
            }
        if method == "DELETE":
            options = {}
        call = self._http.client.request(method, path, headers=headers, **options)
        response = self._http.run(call)
        found = response.json()
        if response.status_code != 200 or found.get("refused"):
            sys.exit(f"{method} {path}: {response.status_code} {response.text}")


def _run(*words: object) -> None:
    """Run a command of ``vitrine``; exit if it fails."""
    try:
        vitrine([str(word) for word in words])
    except SystemExit as ended:
        if ended.code:
            raise


def _commit(shop: Path, target: Path) -> None:
    """Copy a shop for git: compact the store, and leave out lock files."""
    locks = shutil.ignore_patterns("*.lock", "lock.mdb", "data.mdb")
    shutil.copytree(shop, target, ignore=locks)
    stored = target / "catalog.lmdb" / "data.mdb"
    with Store(shop / "catalog.lmdb") as store, stored.open("wb") as file:
        store.copy(file.fileno())


COMMANDS: dict[str, Callable[[], None]] = {
    "shop": lambda: draw_shop(GOLDEN / f"format-{FORMAT}"),
    "answers": record_answers,
}

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit(str(__doc__))
    COMMANDS[sys.argv[1]]()
