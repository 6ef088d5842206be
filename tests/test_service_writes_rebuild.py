"""The rebuild that a service starts when much was written."""

from __future__ import annotations

import asyncio
import logging

import pytest

from search.live.shop import Backlog
from service.exitcodes import BUSY, FAILED
from service.runtime import compaction
from service.runtime.compaction import rebuild_is_due
from service.settings import Settings
from tests.writecalls import KEY, put, shop, titles

__all__ = ["shop"]  # fixtures


@pytest.mark.slow
def test_much_that_is_written_starts_a_rebuild_and_nothing_is_lost(
    serve, shop, tmp_path, monkeypatch
):
    monkeypatch.setattr(compaction, "CHECK_S", 0.05)
    http = serve(
        shop=shop, write_key=KEY, rebuild_rows=2, rebuild_share=0.01, reload_interval_s=0.1
    )
    items = [
        {"id": f"n{n}", "title": "Kettle", "embeddings": [[float(n)] + [1.0] * 111]}
        for n in range(4)
    ]
    put(http, *items)

    async def rebuilt() -> None:
        async with asyncio.timeout(300):
            while (await http.client.get("/v1/status")).json()["generation"] == "000001":
                reply = await http.client.post("/v1/search", json={"parts": [{"text": "kettle"}]})
                assert len(reply.json()["hits"]) == 4
                await asyncio.sleep(0.05)

    http.run(rebuilt())
    assert titles(http, "kettle") == ["Kettle"] * 4


def test_a_rebuild_that_cannot_be_started_is_tried_again(monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(compaction, "CHECK_S", 0.001)
    monkeypatch.setattr(compaction, "_PAUSE_S", 0.001)
    tried = asyncio.Event()
    tries: list[object] = []

    class Much:
        generation = "000001"

        async def backlog(self) -> Backlog:
            return Backlog(10_000, 0, 1)

    async def no_process(*_: object, **__: object) -> None:
        tries.append(None)
        if len(tries) == 2:
            tried.set()
        raise OSError("Resource temporarily unavailable")

    async def scenario() -> None:
        monkeypatch.setattr(asyncio, "create_subprocess_exec", no_process)
        looking = compaction.Compaction(tmp_path, Much(), Settings(rebuild_rows=1))
        looking.start()
        await asyncio.wait_for(tried.wait(), 120)
        await looking.stop()

    asyncio.run(scenario())
    assert "Resource temporarily unavailable" in caplog.text


@pytest.mark.parametrize(
    ("code", "message", "level"),
    [
        (BUSY, "vitrine: the shop has a holder", logging.INFO),
        (FAILED, "vitrine: a file is held by a dead process", logging.ERROR),
    ],
)
def test_a_rebuild_is_busy_by_its_exit_status_and_not_by_its_words(
    monkeypatch, tmp_path, caplog, code, message, level
):
    class Ended:
        pid = 2**22 + 1  # beyond the numbers of processes: no priority can be set
        returncode = code

        async def communicate(self) -> tuple[None, bytes]:
            return None, message.encode()

    async def start(*_: object, **__: object) -> Ended:
        return Ended()

    async def scenario() -> None:
        logged = asyncio.Event()

        class Much:
            generation = "000001"
            asked = 0

            async def backlog(self) -> Backlog:
                self.asked += 1
                if self.asked == 2:
                    logged.set()
                return Backlog(10_000, 0, 1)

        monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
        looking = compaction.Compaction(tmp_path, Much(), Settings(rebuild_rows=1))
        looking.start()
        await asyncio.wait_for(logged.wait(), 120)
        await looking.stop()

    monkeypatch.setattr(compaction, "CHECK_S", 0.001)
    monkeypatch.setattr(compaction, "_PAUSE_S", 0.001)
    with caplog.at_level(logging.INFO, "vitrine.service"):
        asyncio.run(scenario())
    levels = {one.levelno for one in caplog.records if message in one.getMessage()}
    assert levels == {level}


def test_a_rebuild_is_due_by_rows_by_share_or_by_changes():
    assert not rebuild_is_due(Backlog(1000, 0, 100), 1000, 0.1)
    assert rebuild_is_due(Backlog(1001, 0, 100), 1000, 0.1)
    assert not rebuild_is_due(Backlog(5000, 0, 100_000), 1000, 0.1)
    assert rebuild_is_due(Backlog(10_001, 0, 100_000), 1000, 0.1)
    assert rebuild_is_due(Backlog(0, 10_001, 100), 1000, 0.1)
    assert not rebuild_is_due(Backlog(0, 10_001, 10_000), 1000, 0.1)
