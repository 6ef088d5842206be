"""Kill jobs of a shop at random moments, and verify the shop after each kill.

    python scripts/crash_test.py --kills 300

Jobs index a catalog, put and delete single items, rebuild, migrate to another model, promote, roll
back, collect garbage and take snapshots. Half of the time another process writes meanwhile, and is
killed too. After each kill, a new process must be able to open the shop and find every acknowledged
write, no generation may be incomplete, and ``check_shop`` must report no problem. Prints one JSON
document; the exit status is 1 if anything was lost.

Only forked children open LMDB and FAISS, so that each of them starts like a new process.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders import registry
from indexer.encoders.color import ColorEncoder
from indexer.errors import VitrineError
from indexer.items import Item
from indexer.jobs.build import build_index
from indexer.jobs.job import open_job
from indexer.jobs.migrate import migrate
from indexer.jobs.rebuild import rebuild_index
from indexer.shop.checkup import check_shop
from indexer.shop.folder import ShopFolder
from indexer.shop.promotion import promote, rollback
from indexer.shop.shelf import Shelf
from indexer.shop.snapshot import take_snapshot
from indexer.store.store import Store
from indexer.vectors.contract import BuildTargets
from indexer.writing.writes import Draft, ImageInput, delete_items, put_items
from search.engine import SearchEngine

ITEMS = 60
SIDE = 8
SLOWEST_S = 30.0  # a job that takes longer is killed anyway


class Mirrored(ColorEncoder):
    """A second, incompatible model: the vectors of the first with reversed dimensions."""

    id = "mirrored"
    weights_hash = "1" * 64

    def encode_images(self, pixels: Any) -> Any:
        return super().encode_images(pixels)[:, ::-1].copy()


MODELS = {"color": ColorEncoder, "mirrored": Mirrored}


def color_of(item_id: str, version: int) -> tuple[int, int, int]:
    """Return a color for this version, far from the limits of the encoder's bins.

    So a JPEG copy of a picture stays in the same bins.
    """
    rng = random.Random(f"{item_id} {version}")
    red, green, blue = (64 * rng.randrange(4) + rng.randrange(16, 48) for _ in range(3))
    return red, green, blue


def silent(*_: object) -> None:
    """Ignore the progress of a job."""


class World:
    """The acknowledged writes: the version of each item, None if it was deleted.

    ``unsure`` holds the last writes that were started but not acknowledged.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.shop = ShopFolder(folder / "shop")
        self.rng = random.Random(seed)
        self.known: dict[str, int | None] = {}
        self.unsure: dict[str, int | None] = {}
        self.versions = 0

    def hear(self, line: str) -> None:
        """Record the start of a write, ``? item 7``, or its acknowledgement, ``! item 7``."""
        mark, item_id, version = line.split()
        value = int(version) if version != "-" else None
        if mark == "?":
            self.unsure[item_id] = value
        else:
            self.known[item_id] = value
            self.unsure.pop(item_id, None)

    def write_catalog(self) -> Path:
        """Write a catalog with the known version of each item, and with some new versions."""
        folder = self.folder / "catalog"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for _ in range(self.rng.randrange(1, 6)):
            self.versions += 1
            self.unsure[f"item-{self.rng.randrange(ITEMS)}"] = self.versions
        wanted = {**self.known, **self.unsure}
        lines = []
        for item_id, version in wanted.items():
            if version is not None:
                name = f"{item_id}-{version}.png"
                Image.new("RGB", (SIDE, SIDE), color_of(item_id, version)).save(folder / name)
                lines.append(json.dumps({"id": item_id, "title": f"v{version}", "image": name}))
        path = folder / "catalog.jsonl"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    def encoder(self) -> ColorEncoder:
        return MODELS[self.shop.manifest(self.shop.current()).encoder]()


def ingest(world: World, path: Path, _: Callable[[str], None]) -> None:
    accept = BuildTargets(accept=True)  # these catalogs differ by many items
    build_index(open_catalog(path), world.shop, world.encoder(), targets=accept)


def write(world: World, plan: list[tuple[str, int | None]], say: Callable[[str], None]) -> None:
    """Put and delete single items, and acknowledge each write."""
    store = Store(world.shop.store)
    for item_id, version in plan:
        say(f"? {item_id} {'-' if version is None else version}")
        if version is None:
            delete_items(store, [item_id])
        else:
            put_items(store, world.encoder(), [draft(item_id, version)])
        say(f"! {item_id} {'-' if version is None else version}")


def draft(item_id: str, version: int) -> Draft:
    def make(_: Item | None) -> Item:
        return Item(item_id=item_id, product_id=item_id, title=f"v{version}")

    data = io.BytesIO()  # a temporary file would be left behind by a kill
    Image.new("RGB", (SIDE, SIDE), color_of(item_id, version)).save(data, "PNG")
    return Draft(item_id, make, [ImageInput(f"{item_id}-{version}.png", data.getvalue)])


def rebuild(world: World, _: object, __: Callable[[str], None]) -> None:
    rebuild_index(world.shop, world.encoder())


def change_model(world: World, _: object, __: Callable[[str], None]) -> None:
    other = MODELS["mirrored" if world.encoder().id == "color" else "color"]()
    migrate(world.shop, other, progress=silent)


def move(world: World, _: object, __: Callable[[str], None]) -> None:
    """Promote the newest candidate; without one, roll back or promote."""
    shop = world.shop
    candidates = Shelf.read(shop).candidates()
    if candidates:
        promote(shop, candidates[-1].name)
        return
    last = shop.current()
    rollback(shop)
    promote(shop, last)


def tidy(world: World, _: object, __: Callable[[str], None]) -> None:
    with open_job(world.shop, "gc") as job:
        job.collect_garbage(keep=2)


def snapshot(world: World, _: object, __: Callable[[str], None]) -> None:
    take_snapshot(world.shop, world.folder / "shop.vitrine", progress=silent)


JOBS: dict[str, Callable[..., None]] = {
    "ingest": ingest,
    "write": write,
    "rebuild": rebuild,
    "migrate": change_model,
    "move": move,
    "gc": tidy,
    "snapshot": snapshot,
}
WEIGHTS = [3, 3, 3, 4, 2, 1, 1]
LONG = (
    "rebuild",
    "migrate",
    "gc",
    "snapshot",
    "move",
)  # jobs during which another process may write


class Child:
    """A job in a separate process, and the lines that it has written."""

    def __init__(self, world: World, job: str, given: object) -> None:
        reading, writing = os.pipe()
        self.job = job
        self.pid = os.fork()
        if not self.pid:
            status = 0
            try:
                os.close(reading)
                JOBS[job](world, given, lambda line: os.write(writing, f"{line}\n".encode()))
            except VitrineError:  # such as nothing to roll back to: an error, not a crash
                status = 3
            except BaseException as error:  # noqa: BLE001 - reported by the parent
                os.write(2, f"{job}: {type(error).__name__}: {error}\n".encode())
                status = 4
            os._exit(status)
        os.close(writing)
        self._reading = reading

    def end(self, world: World, after_s: float) -> int:
        """Kill the job after a time if it still runs, record its lines; return its wait status."""
        deadline = time.monotonic() + after_s
        heard = b""
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self._reading], [], [], left)[0]:
                piece = os.read(self._reading, 65536)
                if not piece:
                    break
                heard += piece
        os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        while piece := os.read(self._reading, 65536):
            heard += piece
        os.close(self._reading)
        for line in heard.decode().splitlines():
            world.hear(line)
        return status


def look(world: World) -> list[str]:
    """Return all problems of the shop, and report the versions found. Run it in a new process."""
    problems = list(check_shop(world.shop, progress=silent).problems)
    with SearchEngine.open(world.shop.path, encoder=world.encoder()) as engine:
        if engine.generation != world.shop.current():
            problems.append(f"{engine.generation} serves, CURRENT says {world.shop.current()}")
        for item_id in {*world.known, *world.unsure}:
            allowed = {
                world.known.get(item_id),
                world.unsure.get(item_id, world.known.get(item_id)),
            }
            try:
                found: int | None = int(engine.item(item_id).title[1:])
            except LookupError:
                found = None
            if found not in allowed:
                problems.append(
                    f"{item_id} is {found}, acknowledged was {sorted(map(str, allowed))}"
                )
            if found is not None and not is_found(engine, item_id, found):
                problems.append(f"{item_id} v{found} is stored and not found by its picture")
            print(f"! {item_id} {'-' if found is None else found}")
    return problems


def is_found(engine: SearchEngine, item_id: str, version: int) -> bool:
    pixels = np.full((SIDE, SIDE, 3), color_of(item_id, version), dtype=np.uint8)
    hits = engine.by_image(pixels, k=10)
    best = hits[0].score if hits else 0.0
    return any(hit.item_id == item_id and hit.score > best - 1e-3 for hit in hits)


def looked_at(world: World) -> list[str]:
    """Run ``look`` in a child process; unsure writes become known, as done or not."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        os.dup2(writing, 1)
        try:
            problems = look(world)
        except BaseException as error:  # noqa: BLE001 - a shop that does not open is a problem to report
            problems = [f"does not serve: {type(error).__name__}: {error}"]
        print("\n".join(f"# {' '.join(problem.splitlines())}" for problem in problems))
        sys.stdout.flush()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        lines = [line.strip() for line in pipe if line.strip()]
    os.waitpid(pid, 0)
    for line in lines:
        if line.startswith("!"):
            world.hear(line)
    return [line[2:] for line in lines if line.startswith("#")]


def plan_of(world: World) -> list[tuple[str, int | None]]:
    out: list[tuple[str, int | None]] = []
    for _ in range(40):
        world.versions += 1
        deleted = world.rng.random() < 0.2
        out.append((f"item-{world.rng.randrange(ITEMS)}", None if deleted else world.versions))
    return out


def one_trial(world: World, typical_s: dict[str, float]) -> tuple[Counter[str], list[str]]:
    """Start one or two jobs, kill them, verify. Return those killed while running, and problems."""
    job = world.rng.choices(list(JOBS), WEIGHTS)[0]
    given: object = None
    if job == "ingest":
        given = world.write_catalog()
    elif job == "write":
        given = plan_of(world)
    children = [Child(world, job, given)]
    if job in LONG and world.rng.random() < 0.5:
        children.append(Child(world, "write", plan_of(world)))
    start = time.monotonic()
    killed: Counter[str] = Counter()
    delay = world.rng.uniform(0, 1.1 * typical_s.get(job, 1.0))
    for child in children:
        status = child.end(world, max(0.0, delay - (time.monotonic() - start)))
        if os.WIFSIGNALED(status):
            killed[child.job] += 1
        elif os.WEXITSTATUS(status) == 4:
            return killed, [f"{child.job} failed"]
    return killed, looked_at(world)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    models = lambda name, threads=None: MODELS[name]()  # noqa: ARG005, E731
    registry.load_encoder = models
    began = time.monotonic()
    killed: Counter[str] = Counter()
    trials = 0
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), options.seed)
        typical_s, problems = rehearse(world)
        while killed.total() < options.kills:
            trials += 1
            died, wrong = one_trial(world, typical_s)
            killed += died
            problems += [f"trial {trials}: {problem}" for problem in wrong]
            if trials % 25 == 0:
                print(f"{trials} trials, {killed.total()} kills", file=sys.stderr)
    report = {
        "trials": trials,
        "kills": killed.total(),
        "killed": dict(killed),
        "acknowledged": sum(version is not None for version in world.known.values()),
        "writes": world.versions,
        "seed": options.seed,
        "seconds": round(time.monotonic() - began),
        "problems": problems,
    }
    print(json.dumps(report, indent=2))
    return int(bool(problems))


def rehearse(world: World) -> tuple[dict[str, float], list[str]]:
    """Build the first index, and run each job to its end once; return durations and problems."""
    world.known = {f"item-{n}": n for n in range(ITEMS // 2)}
    world.versions = ITEMS
    first = world.write_catalog()
    pid = os.fork()
    if not pid:
        build_index(open_catalog(first), world.shop, ColorEncoder())
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        raise SystemExit("the first index could not be built")
    typical_s: dict[str, float] = {}
    problems: list[str] = []
    for job in JOBS:
        given = {"ingest": world.write_catalog, "write": lambda: plan_of(world)}.get(job)
        start = time.monotonic()
        Child(world, job, given() if given else None).end(world, SLOWEST_S)
        typical_s[job] = time.monotonic() - start
        problems += [f"rehearsal of {job}: {problem}" for problem in looked_at(world)]
    return typical_s, problems


if __name__ == "__main__":
    sys.exit(main())
