"""Several worker processes on one shop: they agree, share limits, and none is missed if it dies."""

from __future__ import annotations

import base64
import contextlib
import http.client
import itertools
import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from service.http.app import create_app
from service.runtime.supervisor import Supervisor, report_ready
from service.runtime.worker_process import SharedEffort, WorkerProcess, shared_folder
from service.settings import Settings
from tests.conftest import Http, jpeg, plain
from tests.writecalls import BEARER, KEY

ROOT = Path(__file__).parent.parent
PINK = jpeg(plain((255, 105, 180)))


@pytest.fixture
def workers(shop):
    """Starts two workers in this process; their loops run only while they answer a test."""
    with contextlib.ExitStack() as stack:

        def start(**options):
            folder = stack.enter_context(shared_folder())
            settings = Settings(
                shop=shop, write_key=KEY, request_log=False, queue_deadline_s=120,
                refresh_interval_s=1e6, **options,
            )  # fmt: skip
            pair = []
            for number in (0, 1):
                place = WorkerProcess(number, 2, folder)
                pair.append(Http(create_app(place.share_of(settings), worker=place)))
                stack.callback(pair[-1].close)
            return pair

        yield start


def put(worker, item_id, **fields):
    """Store an item; its image may be ``pink``."""
    form = {"items": json.dumps([{"id": item_id, **fields}])}
    files = {"pink": PINK}
    work = worker.client.request("PUT", "/v1/items", headers=BEARER, data=form, files=files)
    response = worker.run(work)
    assert response.json()["refused"] == 0, response.text


def first_hit(worker, **part):
    response = worker.post("/v1/search", json={"parts": [part], "limit": 1})
    assert response.status_code == 200, response.text
    return next((hit["item_id"] for hit in response.json()["hits"]), None)


def test_what_one_worker_has_stored_is_found_by_the_other(workers):
    first, second = workers()
    photo = base64.b64encode(PINK).decode()
    assert first_hit(second, image=photo) != "pink-hat"
    put(first, "pink-hat", title="Pink hat", images=["pink"])
    assert first_hit(second, image=photo) == "pink-hat"
    assert first_hit(second, text="hat") == "pink-hat"
    put(second, "pink-hat", title="Pink bonnet")
    assert first_hit(first, text="bonnet") == "pink-hat"
    deletion = first.client.request("DELETE", "/v1/items/pink-hat", headers=BEARER)
    assert first.run(deletion).status_code == 200
    assert first_hit(second, image=photo) != "pink-hat"


def test_workers_agree_on_what_a_user_did(workers):
    first, second = workers()
    event = {"user_id": "u", "item_id": "red-shoe", "type": "view"}
    response = first.post("/v1/events", json={"events": [event]}, headers=BEARER)
    assert response.json()["stored"] == 1, response.text
    replies = [
        worker.get("/v1/users/u/recommendations", headers=BEARER).json()
        for worker in (first, second)
    ]
    assert [reply["events"] for reply in replies] == [1, 1]
    items = [[item["item_id"] for item in reply["items"]] for reply in replies]
    assert items[0] == items[1]
    assert items[0]
    erased = second.run(second.client.request("DELETE", "/v1/users/u", headers=BEARER))
    assert erased.json()["events"] == 1
    assert first.get("/v1/users/u/recommendations", headers=BEARER).json()["events"] == 0


def test_a_client_has_one_limit_at_all_workers(workers):
    first, second = workers(searches_per_s=0.001, searches_burst=3)
    search = "/v1/search?q=mug"
    statuses = [worker.get(search).status_code for worker in (first, second, first, second)]
    assert statuses == [200, 200, 200, 429]


def test_limits_on_memory_and_work_are_divided():
    settings = Settings(
        max_decode_mb=900, max_held_mb=300, max_connections=100, queue_size=10, threads=6,
        recall_sample=0.1,
    )  # fmt: skip
    own = [WorkerProcess(number, 3).share_of(settings) for number in range(3)]
    for one in own:
        assert (one.max_decode_mb, one.max_held_mb) == (300, 100)
        assert (one.max_connections, one.queue_size, one.threads) == (34, 4, 2)
    # The first one watches the recall of all.
    assert [round(one.recall_sample, 6) for one in own] == [0.3, 0, 0]
    assert WorkerProcess().share_of(settings) == settings
    # Without a setting, the queue depends on the threads, which are divided.
    assert WorkerProcess(0, 3).share_of(Settings(threads=6)).queue_size is None


def test_the_effort_that_one_worker_sets_is_that_of_all_who_serve_its_generation():
    with shared_folder() as folder:
        first, second = SharedEffort(folder), SharedEffort(folder)
        first.effort("000007").extra += 2
        assert second.effort("000007").extra == 2
        assert second.effort("000008").extra == 0
        first.effort("000008").extra = 1
        assert second.effort("000007").extra == 0


SERVE = """
import sys
from pathlib import Path
from service.http.server import serve
from service.settings import Settings
if __name__ == "__main__":
    settings = Settings(shop=Path(sys.argv[1]), port=0, workers=2, write_key=sys.argv[2],
                        request_log=False, shutdown_grace_s=5)
    serve(settings, ready=lambda url: print(url, flush=True))
"""


class Service:
    """A service of two workers in processes of their own, and what its log says of them."""

    def __init__(self, shop: Path) -> None:
        command = [sys.executable, "-c", SERVE, str(shop), KEY]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.workers: dict[int, list[int]] = {0: [], 1: []}  # the processes of each, in order
        self.log = ""
        self.changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.address = urlsplit(self.process.stdout.readline().strip()).netloc

    def _read(self) -> None:
        for line in self.process.stderr:
            with self.changed:
                self.log += line
                if found := re.search(r"worker (\d) is process (\d+)", line):
                    self.workers[int(found[1])].append(int(found[2]))
                self.changed.notify_all()

    def wait_for(self, condition) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, 300), self.log

    def call(self, method, path, body=None):
        """Send a request over a connection of its own; returns (status, body)."""
        connection = http.client.HTTPConnection(self.address, timeout=120)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {**BEARER, "Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def end(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)
        self._reader.join(120)
        self.process.stdout.close()
        self.process.stderr.close()
        return self.log


@contextlib.contextmanager
def working(*work, stop):
    """Run functions in threads during the block; at its end, ``stop`` tells them to return."""
    threads = [threading.Thread(target=one) for one in work]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(120)


def test_a_worker_that_answered_is_restarted_at_once_and_one_that_never_did_after_pauses(tmp_path):
    killed = SimpleNamespace(join=lambda: None, close=lambda: None, exitcode=-9, pid=1)
    supervisor = Supervisor(Settings(workers=1), None, tmp_path, None, ready=lambda: None)
    (place,) = supervisor._places

    def pause(*, ready: bool) -> float:
        place.process = killed
        place.link, theirs = multiprocessing.Pipe()
        if ready:
            report_ready(theirs)
            supervisor._read(place)
        theirs.close()
        supervisor._note_death(place)
        return place.pause_s

    never = [pause(ready=False) for _ in range(8)]
    assert never == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert [pause(ready=True), pause(ready=True), pause(ready=False)] == [0, 0, 0.5]


@pytest.mark.slow
def test_workers_killed_under_load_lose_no_write_and_the_port_stays_open(shop):
    service = Service(shop)
    vector = [1.0, *[0.0] * 111]
    stored: list[str] = []
    failures: list[object] = []
    stop = threading.Event()

    def write() -> None:
        for number in itertools.takewhile(lambda _: not stop.wait(0.02), itertools.count()):
            item = {"id": f"new-{number}", "embeddings": [vector]}
            with contextlib.suppress(ConnectionResetError, http.client.HTTPException):
                status, body = service.call("PUT", "/v1/items", {"items": [item]})
                good = status == 200 and b'"refused":0' in body
                (stored if good else failures).append(f"new-{number}" if good else body)

    def read() -> None:
        while not stop.wait(0.02):
            try:
                status, _ = service.call("GET", "/v1/items/red-shoe/similar")
                failures.extend([] if status == 200 else [status])
            except (ConnectionResetError, http.client.HTTPException):
                pass  # it was with the worker that was killed
            except OSError as error:  # refused: the port was closed
                failures.append(error)

    service.wait_for(lambda: service.log.count("serves, with encoder") == 2)
    with working(write, read, stop=stop):
        for died, victim in enumerate(random.Random(4).sample([0, 1], 2), start=1):
            os.kill(service.workers[victim][-1], signal.SIGKILL)
            opened = 2 + died
            service.wait_for(lambda n=opened: service.log.count("serves, with encoder") == n)
    assert failures == []
    assert stored
    for item_id in stored:
        assert service.call("GET", f"/v1/items/{item_id}")[0] == 200, item_id
    text = service.call("GET", "/metrics")[1].decode()
    counted = re.search(r'requests_total\{.*PUT.*status="200".*\} (\d+)', text)
    assert int(counted[1]) >= len(stored)  # with those of the killed
    each = service.call("GET", "/metrics?per_worker=true")[1].decode()
    assert set(re.findall(r'vitrine_items\{worker="(\d)"\}', each)) == {"0", "1"}
    log = service.end()
    assert service.process.returncode == 0
    assert log.count("ended with status -9") == 2
    assert "Traceback" not in log
