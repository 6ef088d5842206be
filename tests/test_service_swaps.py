"""Promotions and rollbacks under load, of generations of two models: no failure, no mixture."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders import registry
from indexer.encoders.color import ColorEncoder
from indexer.jobs.build import build_index
from indexer.jobs.migrate import migrate
from indexer.shop.folder import ShopFolder
from indexer.shop.promotion import promote, rollback
from indexer.store.store import Store
from indexer.writing.writes import put_items
from tests.conftest import COLORS, jpeg, plain, write_catalog
from tests.generationwatch import GenerationWatch, until
from tests.migrations import draft
from tests.twomodels import OtherColors, silent

SWAPS = 20
PINK = (255, 105, 180)


@pytest.fixture(scope="module")
def two_models(tmp_path_factory) -> Path:
    """Generation 1 is of ``color``, generation 2 a candidate of ``other``."""
    folder = tmp_path_factory.mktemp("two-models")
    shop = ShopFolder(folder / "shop")
    build_index(open_catalog(write_catalog(folder / "catalog")), shop, ColorEncoder())
    migrate(shop, OtherColors(), progress=silent)
    return shop.path


@pytest.fixture
def shop(two_models, tmp_path, monkeypatch) -> ShopFolder:
    """A copy of ``two_models``; services know both of them."""
    known = {"color": ColorEncoder, "other": OtherColors}
    load = lambda name, threads=None: known[name]()  # noqa: E731
    monkeypatch.setattr(registry, "load_encoder", load)
    shutil.copytree(two_models, tmp_path / "shop")
    return ShopFolder(tmp_path / "shop")


@pytest.mark.slow
def test_swaps_between_two_models_under_load_fail_nothing_and_mix_nothing(serve, shop, photo):
    http = serve(shop=shop.path, reload_interval_s=0.02, queue_size=200, queue_deadline_s=120)
    photos = {name: photo(name) for name in COLORS}

    async def scenario():
        stop = asyncio.Event()
        seen = []

        async def shopper(color: str):
            while not stop.is_set():
                reply = await http.client.post(
                    "/v1/search/image", files={"image": photos[color]}, data={"limit": 3}
                )
                seen.append((color, reply.status_code, reply.json()))

        shoppers = [asyncio.ensure_future(shopper(name)) for name in COLORS]
        for number in range(SWAPS):
            name = "000001" if number % 2 else "000002"
            await asyncio.to_thread(promote, shop, name)
            await until(http, name)
        stop.set()
        await asyncio.gather(*shoppers)
        return seen

    seen = http.run(scenario())
    assert {status for _, status, _ in seen} == {200}
    models = {(reply["generation"], reply["encoder"]) for _, _, reply in seen}
    assert models == {("000001", "color"), ("000002", "other")}
    for color, _, reply in seen:
        # A photo encoded by one model and searched in the index of the other scores nothing
        # like that: their numbers are in opposite order.
        assert reply["hits"][0]["item_id"].startswith(color)
        assert reply["hits"][0]["score"] > 0.9


def test_a_rollback_is_followed_and_not_fallen_forward_from(serve, shop):
    watch = GenerationWatch(shop.path)
    http = serve(shop=shop.path, current=watch, reload_interval_s=0.02)
    promote(shop, "000002")
    http.run(until(http, "000002"))
    rollback(shop)
    http.run(until(http, "000001"))
    http.run(watch.seen())
    assert http.get("/readyz").json()["generation"] == "000001"


def test_what_was_put_before_and_after_a_swap_is_found_by_both_models(serve, shop):
    http = serve(shop=shop.path, reload_interval_s=0.02, refresh_interval_s=0.02)
    store = Store(shop.store)
    put_items(store, ColorEncoder(), [draft("pink", jpeg(plain(PINK)))])
    image = jpeg(plain(PINK, side=160))

    def first() -> tuple[str, str]:
        reply = http.post("/v1/search/image", files={"image": image}).json()
        return reply["generation"], reply["hits"][0]["item_id"]

    deadline = time.monotonic() + 120
    while first() != ("000001", "pink"):  # another process's write is seen a little later
        assert time.monotonic() < deadline, "what was put is not found"
        http.run(asyncio.sleep(0.02))
    for name in ("000002", "000001"):
        promote(shop, name)
        http.run(until(http, name))
        assert first() == (name, "pink")
    store.close()


@pytest.mark.parametrize("file", ["vectors.faiss", "rows.npy", "words.sqlite", "manifest.json"])
def test_a_generation_damaged_before_its_promotion_never_serves(serve, shop: ShopFolder, file):
    watch = GenerationWatch(shop.path)
    http = serve(shop=shop.path, current=watch, reload_interval_s=0.02)
    http.run(until(http, "000001"))
    path: Path = shop.generations / "000002" / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(Exception, match=file.replace(".", r"\.")):
        promote(shop, "000002")
    shop.current_file.write_text("000002\n000001\n")  # as if it had been promoted before
    http.run(watch.seen())
    assert http.get("/readyz").json()["generation"] == "000001"
