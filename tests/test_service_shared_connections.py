"""Workers share connections evenly: who has more leaves the next one to the others, for a while."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from service.http.connections import Connections, TimeLimits
from service.http.server import listen
from service.runtime.shared_connections import FairListener, SharedConnections, create_counts
from service.settings import Settings


@pytest.fixture
def counts(tmp_path):
    create_counts(tmp_path / "counts")
    return [SharedConnections(tmp_path / "counts", number, 2) for number in range(2)]


@pytest.fixture
def waiting(counts):
    """The listener of the first worker, with a connection that waits for it."""
    with FairListener(listen("127.0.0.1", 0), counts[0]) as listener:
        listener.setblocking(False)
        with socket.create_connection(listener.getsockname()):
            yield listener


def test_a_worker_takes_a_connection_unless_another_has_fewer(counts, waiting):
    for own, other in ((2, 1), (1, 0)):
        counts[0].set(own)
        counts[1].set(other)
        with pytest.raises(BlockingIOError):
            waiting.accept()
    counts[1].set(1)
    accepted, _ = waiting.accept()
    accepted.close()


def test_a_connection_that_the_others_do_not_take_is_accepted_after_all(counts, waiting):
    counts[0].set(5)
    left = 0
    while left < 1000:
        try:
            waiting.accept()[0].close()
            break
        except BlockingIOError:
            left += 1
    assert 10 <= left <= 100


@pytest.mark.skipif(sys.platform != "linux", reason="reads the length of Linux's queue")
def test_a_worker_that_starts_again_leaves_the_queue_of_those_who_wait_as_long_as_it_was(waiting):
    def longest() -> int:
        info = waiting.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
        return int.from_bytes(info[28:32], sys.byteorder)  # tcpi_sacked of a listener

    before = longest()
    assert before > 100

    async def start_again() -> None:
        loop = asyncio.get_running_loop()
        async with await loop.create_server(asyncio.Protocol, sock=waiting, backlog=1):
            assert longest() == before

    asyncio.run(start_again())


def test_the_others_see_how_many_connections_a_worker_has(counts):
    class Client:
        address = "10.0.0.1"

    open_ones = Connections(10, TimeLimits(1, 1, 1, 1), counts[0])
    client = Client()
    open_ones.add(client)
    assert (counts[0].is_ahead(), counts[1].is_ahead()) == (True, False)
    open_ones.discard(client)
    assert not counts[0].is_ahead()


def test_there_is_a_count_for_each_worker_that_the_settings_allow(tmp_path):
    create_counts(tmp_path / "counts")
    rules = Settings.model_fields["workers"].metadata
    most = next(rule.le for rule in rules if hasattr(rule, "le"))
    last = SharedConnections(tmp_path / "counts", most - 1, most)
    last.set(1)
    assert last.is_ahead()
