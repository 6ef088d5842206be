"""Fixtures that many tests share: tiny shops whose answers one can work out by eye."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import fcntl
import io
import os
import pickle
import shutil
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

# OpenMP threads spin while they wait for each other: on a busy machine, a test of a toy network
# takes minutes instead of seconds. The tests run in two processes anyway. Set before any import of
# torch or faiss.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Processes that tests start compile all of Vitrine anew without it, which takes half a second each.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import hypothesis
import numpy as np
import pytest
from PIL import Image

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.encoders.registry import load_encoder
from indexer.jobs.build import build_index
from indexer.sample.shop import SampleShop, write_shop
from indexer.shop.folder import ShopFolder
from search.engine import SearchEngine
from tests.calibrations import remember_calibrations

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

T = TypeVar("T")

# A slow machine draws examples slowly, which is no reason to fail.
hypothesis.settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any-machine")

# Two shades of each color are alike to the color encoder; two colors are not.
COLORS = {
    "red": (220, 30, 40),
    "green": (30, 160, 60),
    "blue": (40, 70, 210),
    "yellow": (240, 210, 40),
    "black": (20, 20, 22),
    "white": (245, 245, 243),
}
PRICES = {"red": 10.0, "green": 20.0, "blue": 30.0, "yellow": 40.0, "black": 50.0, "white": 60.0}


@pytest.fixture(autouse=True, scope="session")
def _no_trials() -> Iterator[None]:
    """Load the tests' own models without a trial, which starts a process for each."""
    with pytest.MonkeyPatch.context() as patch:
        for registry in ("indexer.encoders.registry", "indexer.recognizers.registry"):
            patch.setattr(f"{registry}.fault_in_trial", lambda *_: "")
        yield


def plain(color: tuple[int, int, int], side: int = 96, spot: int = 0) -> Image.Image:
    """A picture of one color; ``spot`` adds a gray square, so that two are not the same."""
    image = Image.new("RGB", (side, side), color)
    if spot:
        image.paste((128, 128, 128), (0, 0, spot, spot))
    return image


def jpeg(image: Image.Image, quality: int = 92) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def write_catalog(folder: Path) -> Path:
    """Twelve items: a shoe and a mug of each color, two images each, in a CSV catalog.

    ``red-shoe`` and ``red-mug`` are distinct products; ``yellow-*`` is out of stock.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    path = folder / "catalog.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            [
                "id",
                "product_id",
                "title",
                "description",
                "categories",
                "price",
                "currency",
                "in_stock",
                "color",
                "images",
            ]
        )
        for kind, category, extra in (("shoe", "Wear/Shoes", 0), ("mug", "Home/Mugs", 5)):
            for color, rgb in COLORS.items():
                names = []
                for view, spot in ((1, 8 if kind == "shoe" else 24), (2, 12)):
                    name = f"images/{color}-{kind}-{view}.jpg"
                    (folder / name).write_bytes(jpeg(plain(rgb, spot=spot + 2 * view)))
                    names.append(name)
                rows.writerow(
                    [
                        f"{color}-{kind}",
                        f"{kind}-{color}",
                        f"{color.title()} {kind}",
                        f"A {kind} in {color}, for every day.",
                        category,
                        PRICES[color] + extra,
                        "EUR",
                        "no" if color == "yellow" else "yes",
                        color,
                        ";".join(names),
                    ]
                )
    return path


def pytest_configure() -> None:
    """Keep the files of tests in memory, if a file system there has room for those of a whole run.

    A build waits some twenty times until the disk has its data, as long as it computes.
    """
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 4 << 30:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow the tests that use something slow: a browser, torch, or the drawn shop.

    So are those of ``slow_tests.txt``, which ``scripts/slow_tests.py`` writes.
    Two processes begin with the files of ``longest_files.txt``, so that they end together.
    """
    listed = set((Path(__file__).parent / "slow_tests.txt").read_text("utf-8").split())
    for item in items:
        function = f"{item.path.stem}.{item.name.partition('[')[0]}"
        uses = set(getattr(item, "fixturenames", ()))
        if (
            "drawing" in uses
            or any(map(item.get_closest_marker, ("browser", "torch")))
            or function in listed
        ):
            item.add_marker(pytest.mark.slow)
    if "PYTEST_XDIST_WORKER" in os.environ:
        longest = (Path(__file__).parent / "longest_files.txt").read_text("utf-8").split()
        ranks = {name: rank for rank, name in enumerate(longest)}
        items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


@pytest.fixture(scope="session", autouse=True)
def same_priority() -> Iterator[None]:
    """Keep the priority of this process, which ``vitrine migrate`` would lower for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.nice", lambda by: by)
        yield


@pytest.fixture(scope="session", autouse=True)
def start_when_open() -> Iterator[None]:
    """Let services wait for their index when they start: on a slow machine, that takes 5 s."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("service.runtime.serving.START_S", 120.0)
        if "service.http.app" in sys.modules:  # else it takes this value when it is imported
            patch.setattr("service.http.app.START_S", 120.0)
        yield


@pytest.fixture(scope="session", autouse=True)
def calibrations() -> Iterator[None]:
    with remember_calibrations():
        yield


@pytest.fixture(scope="session")
def tiny_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalog that ``write_catalog`` describes. Shared: do not write into its folder."""
    return write_catalog(tmp_path_factory.mktemp("catalog"))


@pytest.fixture(scope="session")
def tiny_shop(tiny_catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop of ``tiny_catalog``, built with the color encoder. Shared: do not write into it."""
    folder = tmp_path_factory.mktemp("tiny") / "shop"
    build_index(open_catalog(tiny_catalog), ShopFolder(folder), ColorEncoder())
    return folder


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """Return what ``make`` returned for a new folder; processes of one test run make it once."""
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # each worker has its own folder below the run's
        base = base.parent
    made = base / f"{name}.pickle"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            made.write_bytes(pickle.dumps(make(base / name)))
    found: T = pickle.loads(made.read_bytes())
    return found


@pytest.fixture(scope="session")
def drawing(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[SampleShop, list[tuple[str, int, int]]]:
    """The shop of ``drawn_shop``, and the progress that was reported while it was drawn."""

    def draw(folder: Path) -> tuple[SampleShop, list[tuple[str, int, int]]]:
        heard: list[tuple[str, int, int]] = []

        def listen(stage: str, done: int, total: int) -> None:
            heard.append((stage, done, total))

        folder.mkdir()
        shop = write_shop(folder / "sample", items=24, photos=8, workers=2, progress=listen)
        return shop, heard

    return made_once(tmp_path_factory, "drawn", draw)


@pytest.fixture(scope="session")
def drawn_shop(drawing: tuple[SampleShop, object]) -> SampleShop:
    """Two dozen drawn items and eight shopper photos. Shared: do not write into its folder."""
    return drawing[0]


@pytest.fixture(scope="session")
def drawn_index(drawn_shop: SampleShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop of ``drawn_shop``, built with the built-in encoder. Shared: do not write into it."""

    def build(folder: Path) -> Path:
        build_index(open_catalog(drawn_shop.catalog), ShopFolder(folder), load_encoder())
        return folder

    return made_once(tmp_path_factory, "drawn-index", build)


@pytest.fixture
def shop(tiny_shop: Path, tmp_path: Path) -> Path:
    """A copy of ``tiny_shop``, to write to."""
    shutil.copytree(tiny_shop, tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def engine(tiny_shop: Path) -> Iterator[SearchEngine]:
    """An engine of ``tiny_shop``."""
    with SearchEngine.open(tiny_shop) as opened:
        yield opened


@pytest.fixture
def make_shop(tmp_path: Path) -> Callable[..., Path]:
    """Builds a shop of its own from a catalog, for tests that change it."""

    def make(catalog: Path | None = None, name: str = "shop") -> Path:
        folder = tmp_path / name
        source = catalog or write_catalog(tmp_path / "catalog")
        build_index(open_catalog(source), ShopFolder(folder), ColorEncoder())
        return folder

    return make


@pytest.fixture
def photo() -> Callable[[str], bytes]:
    """A photo of something in a color: ``photo("red")``."""
    return lambda color: jpeg(plain(COLORS[color], side=160, spot=10))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


class Http:
    """The service without a network: each call runs the app until its reply is complete."""

    def __init__(self, app: FastAPI) -> None:
        import httpx

        self.app = app
        self._runner = asyncio.Runner()
        self._lifespan = app.router.lifespan_context(app)
        self.run(self._lifespan.__aenter__())
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://shop")

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the event loop of the app."""
        return self._runner.run(work)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.run(self.client.get(path, **options))

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.run(self.client.post(path, **options))

    def close(self) -> None:
        self.run(self._lifespan.__aexit__(None, None, None))
        self._runner.close()


class Services:
    """Starts services on a shop; ``close`` ends those that were started."""

    def __init__(self, shop: Path) -> None:
        self._shop = shop
        self._stack = contextlib.ExitStack()

    def start(self, *, open_engine: Any = None, current: Any = None, **settings: Any) -> Http:
        """Start one with these settings, and what else ``create_app`` takes."""
        from service.http.app import create_app
        from service.settings import Settings

        # A slow machine must not refuse a photo: a test of the deadline sets its own.
        options = {
            "shop": self._shop, "request_log": False, "queue_deadline_s": 120, **settings
        }  # fmt: skip
        app = create_app(Settings(**options), open_engine=open_engine, current=current)
        http = Http(app)
        self._stack.callback(http.close)
        return http

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def serve(tiny_shop: Path) -> Iterator[Callable[..., Http]]:
    """Starts the service on ``tiny_shop``; takes settings, and what ``create_app`` takes."""
    with contextlib.closing(Services(tiny_shop)) as services:
        yield services.start


@pytest.fixture(scope="module")
def http(tiny_shop: Path) -> Iterator[Http]:
    """The service on ``tiny_shop``, with the settings as they are.

    The tests of a file share it. A test that counts what a service did takes ``serve``.
    """
    with contextlib.closing(Services(tiny_shop)) as services:
        yield services.start()
