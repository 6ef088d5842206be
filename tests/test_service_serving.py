"""The swap from generation to generation: no request fails, and nothing closes too early."""

from __future__ import annotations

import asyncio
import csv
import logging
import shutil
import threading
import time

import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.errors import IndexCorrupt, IndexNotFound
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from search.hits import Reply
from service.runtime.serving import Served, Serving
from tests.generationwatch import GenerationWatch, until


class Numbered:
    """An engine that knows only its generation, and fails when it is used after its end."""

    encoder = ColorEncoder()

    def __init__(self, generation: str) -> None:
        self.generation = generation
        self.closed = threading.Event()

    def search(self, query) -> Reply:
        time.sleep(0.01)
        assert not self.closed.is_set(), f"{self.generation} was closed under a request"
        return Reply(
            hits=[],
            total=0,
            generation=self.generation,
            encoder="color",
            mode="exact",
            timings={},
        )

    def refresh(self) -> bool:
        return False

    def check_ready(self) -> None:
        pass

    def close(self) -> None:
        self.closed.set()


class NoBatcher:
    async def close(self) -> None:
        pass


@pytest.mark.slow
def test_a_hundred_swaps_under_load_fail_no_request(serve, photo):
    name = ["000001"]
    engines: list[Numbered] = []

    def open_engine(encoder):
        engines.append(Numbered(name[0]))
        return engines[-1]

    http = serve(
        open_engine=open_engine,
        current=lambda: name[0],
        reload_interval_s=0.005,
        queue_size=200,
        queue_deadline_s=120,
    )
    data = photo("red")
    swaps = 100

    async def scenario():
        stop = asyncio.Event()
        seen: list[tuple[int, str]] = []

        async def shopper():
            while not stop.is_set():
                response = await http.client.post("/v1/search/image", files={"image": data})
                seen.append((response.status_code, response.json().get("generation")))

        shoppers = [asyncio.ensure_future(shopper()) for _ in range(8)]
        for number in range(2, swaps + 2):
            name[0] = f"{number:06}"
            while not engines or engines[-1].generation != name[0]:
                await asyncio.sleep(0.002)
            # Every eighth one, and the last, comes to the shoppers too, however slow they are.
            while number % 8 == 0 or number == swaps + 1:
                if seen and seen[-1][1] == name[0]:
                    break
                await asyncio.sleep(0.002)
        stop.set()
        await asyncio.gather(*shoppers)
        async with asyncio.timeout(120):  # the event loop closes them, so it must go on
            while not all(engine.closed.is_set() for engine in engines[:-1]):
                await asyncio.sleep(0.002)
        return seen

    seen = http.run(scenario())
    assert {status for status, _ in seen} == {200}
    generations = [int(generation) for _, generation in seen]
    assert max(generations) == swaps + 1
    assert len(set(generations)) > 10
    assert not engines[-1].closed.is_set()


def test_a_replaced_engine_closes_only_after_its_last_request():
    async def scenario():
        old = Numbered("000001")
        served = Served(old, NoBatcher())
        async with served.lease():
            async with served.lease():
                closing = asyncio.ensure_future(served.close_when_unused())
                await asyncio.sleep(0.05)
                assert not old.closed.is_set()
            await asyncio.sleep(0.05)
            assert not old.closed.is_set()
        await asyncio.wait_for(closing, 120)
        assert old.closed.is_set()

    asyncio.run(scenario())


def test_a_generation_that_does_not_open_leaves_the_last_one_serving(caplog):
    async def scenario():
        name = "000001"

        def open_engine(encoder):
            if name == "000002":
                raise IndexCorrupt("vectors.faiss has another checksum than its manifest")
            return Numbered(name)

        serving = Serving(open_engine, lambda: name, lambda _: NoBatcher(), interval_s=0.01)
        await serving.check()
        assert serving.generation == "000001"
        name = "000002"
        with caplog.at_level(logging.ERROR):
            for _ in range(3):
                await serving.check()
        assert serving.generation == "000001"
        assert caplog.text.count("another checksum") == 1  # said once, not each second
        assert "000001 still serves" in caplog.text
        name = "000003"
        await serving.check()
        assert serving.generation == "000003"
        await serving.stop()

    asyncio.run(scenario())


def test_an_index_that_cannot_be_opened_for_a_reason_nobody_foresaw_is_not_ready(serve, caplog):
    def open_engine(encoder):
        raise OSError("the disk is on fire")

    http = serve(open_engine=open_engine, current=lambda: "000001")
    response = http.get("/readyz")
    assert (response.status_code, response.headers["retry-after"]) == (503, "30")
    assert "the log says why" in response.json()["detail"]
    assert "the disk is on fire" not in response.text
    assert "the disk is on fire" in caplog.text


def test_an_engine_that_cannot_follow_the_writes_is_closed_before_the_next_try():
    class Stuck(Numbered):
        def refresh(self) -> bool:
            raise IndexCorrupt("the store is damaged")

    async def scenario():
        opened: list[Stuck] = []

        def open_engine(encoder):
            opened.append(Stuck("000001"))
            return opened[-1]

        serving = Serving(open_engine, lambda: "000001", lambda _: NoBatcher())
        for _ in range(2):
            await serving.check()
        assert serving.generation is None
        assert [one.closed.is_set() for one in opened] == [True, True]
        await serving.stop()

    asyncio.run(scenario())


class Reading(Numbered):
    """An engine that needs a while to take in what is on disk."""

    def __init__(self, generation: str, disk: list[str]) -> None:
        super().__init__(generation)
        self.disk = disk
        self.seen: list[str] = []
        self.reading = threading.Event()
        self.go_on = threading.Event()
        self.one_at_a_time = threading.Lock()

    def refresh(self) -> bool:
        with self.one_at_a_time:
            there = list(self.disk)
            self.reading.set()
            assert self.go_on.wait(120)
            assert not self.closed.is_set(), f"{self.generation} was closed while it was reading"
            self.seen = there
        return True


async def set_in_thread(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 120)


def test_what_is_written_while_the_next_engine_gets_ready_is_found_by_it():
    async def scenario():
        disk = ["early"]
        engines = [Reading("000001", disk), Reading("000002", disk)]
        engines[0].go_on.set()
        waiting = list(engines)
        serving = Serving(lambda _: waiting.pop(0), lambda: name, lambda _: NoBatcher())
        name = "000001"
        await serving.check()
        name = "000002"
        swap = asyncio.ensure_future(serving.check())
        await set_in_thread(engines[1].reading)
        disk.append("late")
        answered = asyncio.ensure_future(serving.refresh())  # as a write does before its reply
        await asyncio.sleep(0.05)
        engines[1].go_on.set()
        await asyncio.gather(swap, answered)
        assert serving.generation == "000002"
        assert engines[1].seen == ["early", "late"]
        await serving.stop()

    asyncio.run(scenario())


def test_an_engine_is_not_closed_while_it_takes_in_what_was_written():
    async def scenario():
        engine = Reading("000001", [])
        engine.go_on.set()
        serving = Serving(
            lambda _: engine, lambda: "000001", lambda _: NoBatcher(), refresh_s=0.001
        )
        await serving.start()
        with engine.one_at_a_time:  # else a refresh could be between its two events
            engine.go_on.clear()
            engine.reading.clear()
        await set_in_thread(engine.reading)
        stopping = asyncio.ensure_future(serving.stop())
        await asyncio.sleep(0.05)
        assert not engine.closed.is_set()
        engine.go_on.set()
        await stopping
        assert engine.closed.is_set()

    asyncio.run(scenario())


def test_an_engine_that_falls_back_to_what_serves_is_not_swapped_in():
    async def scenario():
        opened: list[Numbered] = []

        def open_engine(encoder):
            opened.append(Numbered("000001"))
            return opened[-1]

        name = "000001"
        serving = Serving(open_engine, lambda: name, lambda _: NoBatcher())
        await serving.check()
        name = "000002"  # damaged: the engine answers with the newest whole one
        for _ in range(3):
            await serving.check()
        assert len(opened) == 2  # not opened again and again
        assert (opened[0].closed.is_set(), opened[1].closed.is_set()) == (False, True)
        await serving.stop()

    asyncio.run(scenario())


def test_an_index_that_disappears_keeps_being_served():
    async def scenario():
        gone = False

        def current() -> str:
            if gone:
                raise IndexNotFound("no index")
            return "000001"

        serving = Serving(lambda _: Numbered("000001"), current, lambda _: NoBatcher())
        await serving.check()
        gone = True
        await serving.check()
        assert serving.generation == "000001"
        await serving.stop()
        with pytest.raises(IndexNotFound):
            serving.lease()

    asyncio.run(scenario())


def test_the_encoder_in_use_is_offered_to_the_next_engine():
    async def scenario():
        offered = []
        name = "000001"

        def open_engine(encoder):
            offered.append(encoder)
            return Numbered(name)

        serving = Serving(open_engine, lambda: name, lambda _: NoBatcher())
        await serving.check()
        name = "000002"
        await serving.check()
        assert offered == [None, Numbered.encoder]
        await serving.stop()

    asyncio.run(scenario())


def test_each_engine_that_begins_to_serve_is_announced_once():
    async def scenario():
        name, announced = "000001", []
        serving = Serving(
            lambda _: Numbered(name), lambda: name, lambda _: NoBatcher(),
            opened=lambda: announced.append(serving.generation),
        )  # fmt: skip
        for name in ("000001", "000001", "000002"):  # noqa: B007 - read by the functions above
            await serving.check()
        assert announced == ["000001", "000002"]
        await serving.stop()

    asyncio.run(scenario())


def test_a_large_index_opens_while_the_service_is_alive_already():
    async def scenario():
        opened = threading.Event()

        def open_slowly(encoder):
            assert opened.wait(120)
            return Numbered("000001")

        serving = Serving(
            open_slowly, lambda: "000001", lambda _: NoBatcher(), interval_s=0.01, start_s=0.05
        )
        await serving.start()
        with pytest.raises(IndexNotFound, match="being opened"):
            serving.lease()
        opened.set()
        async with asyncio.timeout(120):
            while serving.generation is None:
                await asyncio.sleep(0.01)
        await serving.stop()

    asyncio.run(scenario())


def test_a_damaged_current_file_does_not_keep_a_whole_index_from_serving(serve, make_shop):
    shop = make_shop()
    (shop / "CURRENT").write_text("rubbish")
    watch = GenerationWatch(shop)
    http = serve(shop=shop, current=watch, reload_interval_s=0.01)
    assert http.get("/readyz").json()["generation"] == "000001"
    http.run(watch.seen())
    assert http.get("/v1/items/red-shoe").status_code == 200


def test_a_damaged_generation_leaves_the_real_engine_serving_the_last(serve, make_shop, photo):
    shop = make_shop()
    watch = GenerationWatch(shop)
    http = serve(shop=shop, current=watch, reload_interval_s=0.01)
    shutil.copytree(shop / "generations" / "000001", shop / "generations" / "000002")
    vectors = shop / "generations" / "000002" / "vectors.faiss"
    vectors.write_bytes(vectors.read_bytes()[:-10])
    (shop / "CURRENT").write_text("000002")
    http.run(watch.seen())
    assert http.get("/readyz").json()["generation"] == "000001"
    response = http.post("/v1/search/image", files={"image": photo("red")})
    assert response.json()["hits"][0]["item_id"].startswith("red")


def one_item(folder, photo, item_id: str):
    folder.mkdir(exist_ok=True)
    (folder / "one.jpg").write_bytes(photo("red"))
    path = folder / f"{item_id}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "title", "images"], [item_id, item_id, "one.jpg"]])
    return path


def test_an_index_that_appears_and_changes_is_picked_up_while_serving(serve, tmp_path, photo):
    shop = tmp_path / "shop"
    http = serve(shop=shop, reload_interval_s=0.02)
    assert http.get("/readyz").status_code == 503

    def build(item_id: str) -> None:
        catalog = one_item(tmp_path / "catalog", photo, item_id)
        build_index(open_catalog(catalog), ShopFolder(shop), ColorEncoder())

    build("first")
    http.run(until(http, "000001"))
    assert http.get("/v1/items/first").json()["title"] == "first"
    build("second")
    http.run(until(http, "000002"))
    response = http.post("/v1/search/image", files={"image": photo("red")})
    assert [hit["item_id"] for hit in response.json()["hits"]] == ["second"]
