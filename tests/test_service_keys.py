"""Keys: what is stored of them, what each scope allows, and what is logged of their use."""

from __future__ import annotations

import json
import logging
import stat
import threading
import time

import pytest

from indexer.encoders.color import ColorEncoder
from indexer.errors import CannotWrite
from indexer.jobs.rebuild import rebuild_index
from indexer.shop.folder import ShopFolder
from indexer.store.store import Store
from indexer.writing.writes import delete_items
from service import apikey
from service.apikey import ApiKey, BadKeys, Scope, digest_of
from service.cli.main import main
from service.keyfile import KeyCache, KeyFile

MUG = {"parts": [{"text": "mug"}]}
OPEN = [("GET", "/livez"), ("GET", "/readyz"), ("GET", "/"), ("GET", "/openapi.json")]
READING = [
    ("GET", "/v1/status"),
    ("GET", "/v1/items"),
    ("GET", "/v1/items/red-mug"),
    ("GET", "/v1/items/red-mug/similar"),
    ("GET", "/v1/items/red-mug/image"),
    ("GET", "/v1/styles"),
    ("POST", "/v1/search"),
    ("POST", "/v1/search/image"),
    ("POST", "/v1/recognize"),
    ("POST", "/v1/classify"),
    ("POST", "/v1/style"),
    ("GET", "/metrics"),
    ("GET", "/v1/key"),
]
WRITING = [
    ("PUT", "/v1/items"),
    ("PATCH", "/v1/items/red-mug"),
    ("DELETE", "/v1/items/no-mug"),
    ("POST", "/v1/items/delete"),
    ("POST", "/v1/events"),
    ("GET", "/v1/users/ann"),
    ("GET", "/v1/users/ann/recommendations"),
    ("GET", "/v1/items/red-mug/similar?user=ann"),
]
ADMIN = [
    ("GET", "/v1/generations"),
    ("POST", "/v1/generations/none/promote"),
    ("POST", "/v1/rollback"),
    ("PUT", "/v1/styles/own"),
    ("POST", "/v1/styles/index"),
    ("POST", "/v1/styles/remove"),
    ("GET", "/v1/keys"),
    ("POST", "/v1/keys"),
    ("DELETE", "/v1/keys/none"),
    *(("GET", f"/v1/{path}") for path in ("jobs", "jobs/1", "jobs/1/events", "jobs/1/report")),
    *(("GET", f"/v1/{path}") for path in ("catalogs", "snapshots")),
    *(("POST", f"/v1/{path}") for path in ("builds", "rebuilds", "snapshots", "jobs/1/cancel")),
    *(("POST", f"/v1/{path}") for path in ("migrations", "migrations/plan", "migrations/stop")),
    ("POST", "/v1/comparisons"),
    ("POST", "/v1/audits"),
    *(("GET", f"/v1/{path}") for path in ("storage", "models", "settings", "reports/index")),
]


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def status_of(http, method, path, token=None, **options):
    headers = bearer(token) if token else {}
    response = http.run(http.client.request(method, path, headers=headers, **options))
    return response.status_code, response.json().get(
        "code", ""
    ) if response.status_code > 399 else ""


@pytest.fixture
def shop(make_shop):
    return make_shop()


# The file


def test_a_key_is_found_again_and_only_its_digest_is_stored(tmp_path):
    token = KeyFile(tmp_path).add("ann", Scope.WRITE)
    found = KeyCache(KeyFile(tmp_path)).find(token.encode())
    assert (found.name, found.scope) == ("ann", Scope.WRITE)
    content = (tmp_path / "keys.json").read_text()
    assert token not in content
    assert token.removeprefix("vtr_") not in content
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


@pytest.mark.parametrize("scope", list(Scope))
def test_a_scope_includes_itself_and_the_narrower_ones(scope):
    order = [Scope.READ, Scope.WRITE, Scope.ADMIN]
    assert [scope.includes(needed) for needed in order] == [
        order.index(needed) <= order.index(scope) for needed in order
    ]


def test_a_rotation_keeps_the_old_key_for_a_while(tmp_path, monkeypatch):
    now = 1000.0
    monkeypatch.setattr("service.keyfile.time.time", lambda: now)
    file = KeyFile(tmp_path)
    old = file.add("ann", Scope.READ, searches_per_s=5)
    new = file.rotate("ann", keep_s=60)
    cache = KeyCache(file, clock=lambda: now)
    assert cache.find(old.encode()).expires == 1060
    assert cache.find(new.encode()) == ApiKey(
        "ann", Scope.READ, digest_of(new.encode()), 1000, None, 5
    )
    now = 1060.0
    assert cache.find(old.encode()) is None
    assert cache.find(new.encode()) is not None


def test_a_name_has_at_most_two_keys(tmp_path):
    file = KeyFile(tmp_path)
    first = file.add("ann", Scope.READ)
    second, third = file.rotate("ann", 60), file.rotate("ann", 60)
    cache = KeyCache(file)
    assert [cache.find(token.encode()) is not None for token in (first, second, third)] == [
        False, True, True,
    ]  # fmt: skip
    fourth = file.rotate("ann", 0)
    assert [key.digest for key in file.read()] == [digest_of(fourth.encode())]


def test_a_rotation_does_not_make_a_key_last_longer(tmp_path):
    file = KeyFile(tmp_path)
    end = time.time() + 10
    file.add("ann", Scope.READ, expires=end)
    file.rotate("ann", 3600)
    assert file.read()[0].expires == end


@pytest.mark.parametrize("name", ["", "a b", "-a", "ä", "a" * 65, "../x", "a\n"])
def test_a_name_that_would_confuse_a_log_is_refused(tmp_path, name):
    with pytest.raises(BadKeys, match="the name of a key has 1 to 64"):
        KeyFile(tmp_path).add(name, Scope.READ)
    assert not (tmp_path / "keys.json").exists()


def test_a_name_is_given_once_and_an_unknown_one_is_told(tmp_path):
    file = KeyFile(tmp_path)
    file.add("ann", Scope.READ)
    with pytest.raises(BadKeys, match="vitrine keys rotate ann"):
        file.add("ann", Scope.READ)
    for change in (lambda: file.remove("bob"), lambda: file.rotate("bob", 1)):
        with pytest.raises(BadKeys, match="no key 'bob'"):
            change()
    assert file.remove("ann") == 1
    assert file.read() == []


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"version": 1}', b'{"version": 2, "keys": []}', b"\xff", b"x" * 1_000_001,
     b'{"version": 1, "keys": [{"name": "a", "scope": "root", "digest": "", "created": 0}]}'],
)  # fmt: skip
def test_a_damaged_file_is_an_error_and_stays_as_it_is(tmp_path, content):
    path = tmp_path / "keys.json"
    path.write_bytes(content)
    with pytest.raises(BadKeys, match=r"keys\.json"):
        KeyCache(KeyFile(tmp_path)).find(b"vtr_x")
    with pytest.raises(BadKeys):
        KeyFile(tmp_path).add("ann", Scope.READ)
    assert path.read_bytes() == content


def test_keys_added_at_once_are_all_there(tmp_path):
    threads = [
        threading.Thread(target=KeyFile(tmp_path).add, args=(f"key-{n}", Scope.READ))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key.name for key in KeyFile(tmp_path).read()} == {f"key-{n}" for n in range(8)}


def test_without_the_folder_nothing_is_written(tmp_path):
    with pytest.raises(CannotWrite):
        KeyFile(tmp_path / "none").add("ann", Scope.READ)


def test_two_keys_are_never_the_same_and_long():
    tokens = {apikey.new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 43


# The service


def test_each_scope_opens_what_it_names(serve, shop):
    file = KeyFile(shop)
    tokens = {scope: file.add(scope, scope) for scope in Scope}
    folders = {"catalogs": shop.parent, "snapshots": shop.parent}
    http = serve(shop=shop, require_key=True, failed_keys_per_min=0, **folders)
    needed = [(READING, Scope.READ), (WRITING, Scope.WRITE), (ADMIN, Scope.ADMIN)]
    for method, path in OPEN:
        assert status_of(http, method, path) == (200, "")
    for routes, least in needed:
        for method, path in routes:
            assert status_of(http, method, path) == (401, "unauthorized"), path
            assert status_of(http, method, path, "vtr_wrong") == (401, "unauthorized"), path
            for scope, token in tokens.items():
                status, code = status_of(http, method, path, token)
                if scope.includes(least):
                    assert status not in (401, 403), (method, path, scope)
                else:
                    assert (status, code) == (403, "forbidden"), (method, path, scope)


def test_by_default_everybody_reads_and_nobody_writes(serve, shop):
    http = serve(shop=shop)
    assert status_of(http, "GET", "/v1/status") == (200, "")
    assert status_of(http, "DELETE", "/v1/items/red-mug") == (403, "writes_disabled")
    assert status_of(http, "POST", "/v1/rollback") == (403, "admin_disabled")
    assert status_of(serve(shop=shop, require_key=True), "GET", "/v1/status") == (
        403, "read_disabled",
    )  # fmt: skip


def test_a_running_service_follows_the_file(serve, shop):
    http = serve(shop=shop)
    token = KeyFile(shop).add("ann", Scope.WRITE)
    assert status_of(http, "DELETE", "/v1/items/no-mug", token) == (404, "unknown_item")
    KeyFile(shop).remove("ann")
    assert status_of(http, "DELETE", "/v1/items/no-mug", token) == (403, "writes_disabled")


def test_a_damaged_file_opens_nothing_and_searches_go_on(serve, shop):
    token = KeyFile(shop).add("ann", Scope.WRITE)
    http = serve(shop=shop)
    (shop / "keys.json").write_text("{")
    response = http.run(http.client.delete("/v1/items/red-mug", headers=bearer(token)))
    assert (response.status_code, response.json()["code"]) == (503, "bad_keys")
    assert str(shop) not in response.text
    assert status_of(http, "POST", "/v1/search", json=MUG) == (200, "")


def test_the_write_key_of_the_settings_goes_on_to_work(serve, shop):
    http = serve(shop=shop, write_key="0123456789abcdef")
    assert status_of(http, "DELETE", "/v1/items/no-mug", "0123456789abcdef")[0] == 404
    assert status_of(http, "GET", "/v1/generations", "0123456789abcdef") == (403, "forbidden")


def test_a_key_has_a_limit_of_its_own_and_the_reply_tells_what_is_left(serve, shop):
    token = KeyFile(shop).add("ann", Scope.READ, searches_per_s=0.2)  # two at once
    http = serve(shop=shop)

    def search(headers):
        return http.post("/v1/search", json=MUG, headers=headers)

    assert "ratelimit-limit" not in search({}).headers
    first = search(bearer(token))
    names = ("ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
    assert [first.headers[name] for name in names] == ["2", "1", "5"]
    assert search(bearer(token)).headers["ratelimit-remaining"] == "0"
    refused = search(bearer(token))
    assert (refused.status_code, refused.headers["ratelimit-remaining"]) == (429, "0")
    assert "'ann'" in refused.json()["detail"]
    assert search({}).status_code == 200


def test_what_needs_a_key_to_write_is_in_the_audit_log(serve, shop, caplog):
    token = KeyFile(shop).add("ann", Scope.WRITE)
    http = serve(shop=shop)
    with caplog.at_level(logging.INFO, "vitrine.audit"):
        http.post("/v1/search", json=MUG, headers=bearer(token))
        status_of(http, "DELETE", "/v1/items/no-mug", token)
        status_of(http, "GET", "/v1/users/ann.smith", token)
        status_of(http, "GET", "/v1/generations", token)
    records = [record for record in caplog.records if record.name == "vitrine.audit"]
    assert [(record.key, record.method, record.status) for record in records] == [
        ("ann", "DELETE", 404), ("ann", "GET", 200), ("ann", "GET", 403),
    ]  # fmt: skip
    assert not any("smith" in json.dumps(vars(record), default=str) for record in records)
    assert not any(token in json.dumps(vars(record), default=str) for record in records)


# Admin


def test_an_admin_sees_promotes_and_rolls_back(serve, shop):
    folder = ShopFolder(shop)
    first = folder.current()
    with Store(folder.store) as store:
        delete_items(store, ["red-mug"])
    second = rebuild_index(folder, ColorEncoder()).generation
    token = KeyFile(shop).add("ops", Scope.ADMIN)
    http = serve(shop=shop)

    def ask(method, path):
        response = http.run(http.client.request(method, path, headers=bearer(token)))
        assert str(shop) not in response.text
        return response

    listed = ask("GET", "/v1/generations").json()["generations"]
    assert [(one["name"], one["state"]) for one in listed] == [
        (second, "current"), (first, "kept"),
    ]  # fmt: skip
    assert ask("POST", "/v1/rollback").json() == {"generation": first, "encoder": "color"}
    assert folder.current() == first
    assert ask("POST", f"/v1/generations/{second}/promote").json()["generation"] == second
    assert folder.current() == second
    unknown = ask("POST", "/v1/generations/none/promote")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_generation")
    for name in ("..", "%2e%2e", "..%2f..", "a" * 101):
        assert ask("POST", f"/v1/generations/{name}/promote").status_code in (404, 405, 422)
    assert folder.current() == second


# Pages of other origins


def test_only_listed_origins_may_call_from_a_browser(serve):
    http = serve(cors_origins="https://shop.example, https://b.example")
    asking = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    allowed = http.run(http.client.options("/v1/search", headers=asking))
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    other = {**asking, "origin": "https://evil.example"}
    assert (
        "access-control-allow-origin"
        not in http.run(http.client.options("/v1/search", headers=other)).headers
    )
    wrong = http.post("/v1/search", json={}, headers={"origin": "https://b.example"})
    assert wrong.status_code == 422
    assert wrong.headers["access-control-allow-origin"] == "https://b.example"
    assert "access-control-allow-credentials" not in wrong.headers
    assert wrong.headers["cross-origin-resource-policy"] == "cross-origin"


def test_by_default_no_other_origin_may_call(http):
    reply = http.post("/v1/search", json=MUG, headers={"origin": "https://shop.example"})
    assert "access-control-allow-origin" not in reply.headers
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"


# The command


def run(*words):
    """Run ``vitrine keys`` in this process; return its exit status."""
    with pytest.raises(SystemExit) as ended:
        main(["keys", *words])
    return ended.value.code


def test_keys_are_added_listed_rotated_and_removed_by_command(shop, capsys):
    def asked(*words):
        assert run(*words, "--shop", str(shop), "--json") == 0
        return json.loads(capsys.readouterr().out)

    token = asked("add", "till", "--scope", "write", "--expires-days", "1")["key"]
    new = asked("rotate", "till")["key"]
    listed = asked("list")["keys"]
    assert [(key["name"], key["scope"], key["valid"]) for key in listed] == [
        ("till", "write", True), ("till", "write", True),
    ]  # fmt: skip
    assert token not in json.dumps(listed)
    assert new != token
    assert asked("remove", "till") == {"name": "till", "removed": 2}
    assert asked("list") == {"keys": []}


def test_a_folder_that_is_no_shop_gets_no_keys(tmp_path):
    assert run("add", "ann", "--shop", str(tmp_path)) == 1
    assert list(tmp_path.iterdir()) == []
