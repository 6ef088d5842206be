"""Replicas over HTTP and from the command line."""

from __future__ import annotations

import io
import itertools
import json
import logging
import re
import threading

import msgspec
import pytest
from urllib3 import HTTPResponse

from indexer.encoders.color import ColorEncoder
from indexer.enrichment.faqlog import FaqLog
from indexer.enrichment.reviewlog import ReviewLog
from indexer.enrichment.suggestionlog import SuggestionLog
from indexer.errors import BadPrimary, Conflict, PrimaryLost, StoreFull
from indexer.layout import EVENTS
from indexer.replication import http_primary
from indexer.replication.following import Following
from indexer.replication.http_primary import HttpPrimary
from indexer.replication.messages import FileState, ItemPage
from indexer.replication.replica import Step
from indexer.shop.folder import ShopFolder
from indexer.store.replica import ReplicaNote, read_note, write_note
from indexer.store.store import Store
from indexer.writing.writes import put_items
from search.engine import SearchEngine
from search.personal.event_feed import EventFeed
from search.personal.http_events import HttpEvents
from service.apikey import Scope
from service.keyfile import KeyFile
from service.settings import Settings
from tests.commandline import assert_one_line, vitrine
from tests.replicas import Watched, catch_up, content
from tests.twomodels import draft
from tests.webserver import serving

__all__ = ["vitrine"]

PINK = (250, 120, 180)
KEY = "a key of sixteen letters"
BEARER = {"authorization": f"Bearer {KEY}"}


@pytest.fixture
def url(shop):
    with serving(Settings(shop=shop, request_log=False)) as address:
        yield address


@pytest.fixture
def key(shop, monkeypatch):
    token = KeyFile(shop).add("replica", Scope.ADMIN)
    monkeypatch.setenv("VITRINE_PRIMARY_KEY", token)
    return token


def test_a_copy_over_http_is_served_refuses_writes_and_can_be_left(
    shop, url, key, vitrine, tmp_path
):
    copy = tmp_path / "copy"
    assert vitrine("replicate", url, "--shop", copy, "--once").code == 0
    assert content(copy) == content(shop)
    with Store(ShopFolder(shop).store) as store:
        put_items(store, ColorEncoder(), [draft("pink-cup", PINK)])
    done = vitrine("replicate", url, "--shop", copy, "--once")
    assert done.out == f"{copy}: a copy of {url} at change {content(shop)['sequence']}\n"
    assert content(copy) == content(shop)
    status = vitrine("status", "--shop", copy, "--json").json
    assert status["items"] == 13
    assert status["replica"]["primary"] == url
    assert f"of {url}, with its changes" in vitrine("status", "--shop", copy).out
    found = vitrine("search", "--shop", copy, "--text", "pink-cup", "--json").json
    assert found["hits"][0]["item_id"] == "pink-cup"
    assert_one_line(
        vitrine("delete", "pink-cup", "--shop", copy), "is a replica, which takes no writes"
    )
    assert "is a shop of its own now" in vitrine("replicate", "--leave", "--shop", copy).out
    assert vitrine("delete", "pink-cup", "--shop", copy).code == 0
    assert_one_line(vitrine("replicate", "--leave", "--shop", copy), "is not a replica")


@pytest.mark.parametrize("log", [ReviewLog, SuggestionLog, FaqLog])
def test_reviews_suggestions_and_answers_of_a_copy_are_those_of_its_primary(shop, tmp_path, log):
    copy = tmp_path / "copy"
    log(shop, create=True).close()
    catch_up(copy, Watched(shop))
    with pytest.raises(Conflict, match="is a replica, which takes no writes"):
        log(copy, create=True)
    log(copy).close()  # to read


def test_an_engine_of_a_copy_answers_a_write_with_409(shop, tmp_path, serve):
    copy = tmp_path / "copy"
    catch_up(copy, Watched(shop))
    token = KeyFile(copy).add("shop", Scope.WRITE)
    http = serve(shop=copy)
    reply = http.post(
        "/v1/items/delete",
        json={"ids": ["red-shoe"]},
        headers={"authorization": f"Bearer {token}"},
    )
    assert (reply.status_code, reply.json()["code"]) == (409, "conflict")


def test_the_routes_for_replicas_need_a_key_of_the_scope_admin(shop, url):
    writer = KeyFile(shop).add("writer", Scope.WRITE)
    for token, reply in (("", "no key has the scope admin"), (writer, "has the scope write")):
        with pytest.raises(BadPrimary, match="refuses the key") as refused:
            HttpPrimary(url, token).feed(0, "")
        assert reply in str(refused.value)


def test_a_poll_without_news_is_not_in_the_access_log(shop, key, caplog):
    with (
        caplog.at_level(logging.INFO, "vitrine.access"),
        serving(Settings(shop=shop)) as address,
    ):
        primary = HttpPrimary(address, key)
        first = primary.feed(0, "")
        assert primary.feed(first.sequence, first.meta_mark).changes == []
        assert HttpEvents(primary).feed(0) == EventFeed()
        with Store(ShopFolder(shop).store) as store:
            put_items(store, ColorEncoder(), [draft("pink-cup", PINK)])
        assert len(primary.feed(first.sequence, first.meta_mark).changes) == 1
        with pytest.raises(BadPrimary):
            HttpPrimary(address, "wrong").feed(first.sequence, first.meta_mark)
    # A reply is logged after it has been sent, but before the server has stopped.
    assert [record.status for record in caplog.records] == [200, 200, 401]
    assert {record.path for record in caplog.records} == {"/v1/replica/1/feed"}


def test_a_primary_that_is_gone_or_not_ready_is_lost_and_not_wrong(url, key, vitrine, tmp_path):
    with pytest.raises(PrimaryLost, match=r"does not answer: .*refused$"):
        HttpPrimary("http://127.0.0.1:9", key).feed(0, "")
    (tmp_path / "empty").mkdir()
    token = KeyFile(tmp_path / "empty").add("replica", Scope.ADMIN)
    empty = Settings(shop=tmp_path / "empty", request_log=False)
    with serving(empty) as address, pytest.raises(PrimaryLost, match=r"not ready \(503\)"):
        HttpPrimary(address, token).feed(0, "")
    with pytest.raises(BadPrimary, match="expected the URL of a service"):
        HttpPrimary("ftp://host", key)
    with pytest.raises(BadPrimary, match="expected the URL of a service"):
        HttpPrimary("http://user:word@host", key)


def test_a_primary_that_sends_a_byte_now_and_then_is_given_up(monkeypatch):
    class Trickle(io.BytesIO):
        def read1(self, _size=-1):
            return self.read(1)

    def answer(_method, _url, **_options):
        body = Trickle(b"hello")
        return HTTPResponse(
            body, headers={"content-length": "5"}, status=200, preload_content=False
        )

    primary = HttpPrimary("http://127.0.0.1:9", "")
    monkeypatch.setattr(primary._pool, "request", answer)
    assert b"".join(primary.file("rules.json")) == b"hello"
    clock = itertools.count(step=50.0)
    monkeypatch.setattr(http_primary.time, "monotonic", lambda: next(clock))
    with pytest.raises(PrimaryLost, match="sends less than 10 kB a second"):
        list(primary.file("rules.json"))


@pytest.mark.parametrize(
    "path",
    ["keys.json", "../keys.json", "catalog.lmdb/data.mdb", "generations/000001/../../keys.json"],
)
def test_a_file_that_is_not_for_replicas_is_not_sent(shop, serve, key, path):
    reply = serve(shop=shop).get(
        f"/v1/replica/1/files/{path}", headers={"authorization": f"Bearer {key}"}
    )
    assert (reply.status_code, b"digest" in reply.content) == (404, False)


class Wrong(Watched):
    """A primary that changes what it sends."""

    def __init__(self, shop, **changes):
        super().__init__(shop)
        self._changes = changes

    def feed(self, since, mark):
        return msgspec.structs.replace(self._source.feed(since, mark), **self._changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"generation": "../000001"}, "names a generation"),
        ({"files": {"../evil": FileState(1, "x")}}, "names a file '../evil'"),
        ({"files": {"styles/../../x.png": FileState(1, "x")}}, "names a file"),
        ({"logs": {"../events.lmdb": 1}}, "names an environment"),
    ],
)
def test_a_primary_cannot_write_elsewhere(shop, tmp_path, changes, message):
    with pytest.raises(BadPrimary, match=message):
        catch_up(tmp_path / "copy", Wrong(shop, **changes))


def test_a_primary_that_sends_items_in_circles_is_refused(shop, tmp_path):
    primary = Watched(shop)
    page = primary._source.items("")
    primary.items = lambda _after: ItemPage(page.records, last=False)
    with pytest.raises(BadPrimary, match="out of order"):
        catch_up(tmp_path / "copy", primary)


class Script:
    """A replica whose steps are given; an error is raised."""

    def __init__(self, *steps):
        self._steps = list(steps)

    def step(self):
        step = self._steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def test_trouble_is_reported_once_and_noted_until_it_is_over(tmp_path):
    said = []
    stopped = threading.Event()
    even = Step(sequence=7, behind=0, changed=True)
    lost, full = PrimaryLost("http://p does not answer"), StoreFull("the disk is full")

    class Last(Script):
        def step(self):
            if len(self._steps) == 1:
                stopped.set()
            return super().step()

    replica = Last(even, lost, lost, full, even)
    Following(replica, tmp_path, "http://p", said.append).run(stopped, 0.0)
    assert said == [
        "up to date with http://p at change 7",
        "http://p does not answer; trying again, what was copied is kept",
        "the disk is full; trying again, what was copied is kept",
        "up to date with http://p at change 7",
    ]
    assert read_note(tmp_path).problem == ""
    assert json.loads((tmp_path / "replica.json").read_bytes())["sequence"] == 7


def test_an_event_sent_to_a_copy_is_stored_by_its_primary_and_known_to_both(
    shop, url, key, vitrine, serve, tmp_path
):
    copy = tmp_path / "copy"
    assert vitrine("replicate", url, "--shop", copy, "--once").code == 0
    http = serve(shop=copy, write_key=KEY, primary_key=key)
    told = {"events": [{"user_id": "ann/1", "item_id": "red-shoe", "type": "view"}]}
    assert asked(http, "POST", "/v1/events", json=told)["stored"] == 1
    assert asked(http, "POST", "/v1/events", json={"events": 5})["code"] == "invalid_request"
    with SearchEngine.open(shop) as engine:
        assert [event.item_id for event in engine.recommender.events_of("ann/1")] == ["red-shoe"]
    assert vitrine("replicate", url, "--shop", copy, "--once").code == 0
    assert asked(http, "GET", "/v1/users/ann%2F1/recommendations")["events"] == 1
    assert asked(http, "DELETE", "/v1/users/ann%2F1")["events"] == 1
    assert vitrine("replicate", url, "--shop", copy, "--once").code == 0
    assert asked(http, "GET", "/v1/users/ann%2F1")["events"] == []


@pytest.mark.parametrize(
    ("primary", "token", "message"),
    [
        ("http://127.0.0.1:9", None, "does not answer.*send them again later"),
        (None, "wrong", r"refuses the key of this replica \(403\); set VITRINE_PRIMARY_KEY"),
    ],
)
def test_a_copy_stores_no_event_that_its_primary_does_not_take(
    shop, request, serve, tmp_path, primary, token, message
):
    copy = tmp_path / "copy"
    catch_up(copy, Watched(shop))
    write_note(copy, ReplicaNote(primary or request.getfixturevalue("url")))
    http = serve(shop=copy, write_key=KEY, primary_key=token)
    told = {"events": [{"user_id": "ann", "item_id": "red-shoe", "type": "view"}]}
    reply = http.post("/v1/events", json=told, headers=BEARER)
    assert reply.status_code == 503
    assert re.search(message, reply.json()["detail"])
    assert not (copy / EVENTS).exists()


def test_commands_that_change_events_are_refused_on_a_copy(shop, vitrine, tmp_path):
    copy = tmp_path / "copy"
    catch_up(copy, Watched(shop))
    (tmp_path / "events.csv").write_text("user,item\nann,red-shoe\n")
    for words in (
        ("import", tmp_path / "events.csv"),
        ("learn",),
        ("erase", "ann"),
        ("expire", "--days", "5"),
    ):
        done = vitrine("events", *words, "--shop", copy)
        assert_one_line(done, "is a replica, which takes no writes")


def asked(http, method, path, **options):
    return http.run(http.client.request(method, path, headers=BEARER, **options)).json()
