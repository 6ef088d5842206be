"""What operators ask over HTTP: storage, models, settings and last reports."""

from __future__ import annotations

import pytest

from service.apikey import Scope
from service.cli.main import main
from service.keyfile import KeyFile
from service.lastreports import keep_report, last_report
from tests.conftest import write_catalog

PATHS = ("/v1/storage", "/v1/models", "/v1/settings", "/v1/reports/index")


@pytest.fixture
def shop(make_shop):
    return make_shop()


@pytest.fixture
def ask(serve, shop):
    http = serve(shop=shop, write_key="a key of sixteen letters", no_match_below=0.25)
    admin = KeyFile(shop).add("boss", Scope.ADMIN)

    def get(path, token=admin):
        return http.get(path, headers={"authorization": f"Bearer {token}"} if token else {})

    return get


def test_only_a_key_of_the_scope_admin_is_answered(ask, shop):
    token = KeyFile(shop).add("till", Scope.WRITE)
    for path in PATHS:
        assert ask(path, token).status_code == 403, path
        assert ask(path, "").status_code == 401, path


def test_the_page_itself_is_served_without_a_key_and_holds_no_data(ask, shop):
    page = ask("/admin", "")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "unsafe-inline" not in page.headers["content-security-policy"]
    assert str(shop) not in page.text


def test_storage_names_the_parts_of_the_shop_and_the_fill_of_its_store(ask):
    found = ask("/v1/storage").json()
    names = {part["name"] for part in found["parts"]}
    assert {"catalog.lmdb", "CURRENT"} <= names
    assert any(name.startswith("generations/") for name in names)
    sizes = [part["bytes"] for part in found["parts"]]
    assert sizes == sorted(sizes, reverse=True)
    assert 0 < found["map_used"] < found["map_bytes"]
    assert found["disk_free"] > 0


def test_models_are_named_and_events_that_were_never_stored_are_not_zero(ask):
    found = ask("/v1/models").json()
    roles = {model["role"]: model["name"] for model in found["models"]}
    assert roles["encoder"] == "color"
    assert roles["recognizer"] == "things"
    assert found["events"] is None


def test_events_are_counted_and_what_they_taught_is_named(serve, shop):
    token = KeyFile(shop).add("boss", Scope.ADMIN)
    http = serve(shop=shop)
    bearer = {"authorization": f"Bearer {token}"}
    event = {"user_id": "ann", "item_id": "red-mug", "type": "click"}
    assert http.post("/v1/events", json={"events": [event]}, headers=bearer).json()["stored"] == 1
    found = http.get("/v1/models", headers=bearer).json()
    roles = {model["role"]: model["name"] for model in found["models"]}
    assert found["events"] == 1
    assert roles["recommendations"] == "not learned yet"
    assert roles["order of recommendations"] == "default weights"


def test_settings_are_shown_without_secrets_and_paths(ask, shop):
    found = {entry["variable"]: entry for entry in ask("/v1/settings").json()["settings"]}
    assert found["VITRINE_WRITE_KEY"]["value"] == "hidden"
    assert found["VITRINE_SHOP"]["value"] == shop.name
    assert found["VITRINE_NO_MATCH_BELOW"] == {
        "variable": "VITRINE_NO_MATCH_BELOW", "value": "0.25", "is_default": False,
        "description": found["VITRINE_NO_MATCH_BELOW"]["description"],
    }  # fmt: skip
    assert found["VITRINE_PORT"]["is_default"]


def test_the_last_build_is_reported_with_what_it_skipped(ask, shop, tmp_path, capsys):
    missing = ask("/v1/reports/index")
    assert (missing.status_code, missing.json()["code"]) == (404, "no_report")
    catalog = write_catalog(tmp_path / "again")
    (catalog.parent / "images" / "red-mug-1.jpg").write_bytes(b"no picture")
    with pytest.raises(SystemExit):
        main(["index", str(catalog), "--shop", str(shop)])
    reply = ask("/v1/reports/index").json()
    assert reply["kind"] == "index"
    (skipped,) = [entry for entry in reply["report"]["skipped"] if entry["item_id"] == "red-mug"]
    assert "red-mug-1.jpg" in skipped["image"]
    assert str(tmp_path) not in str(reply)


def test_a_report_that_cannot_be_stored_or_read_is_no_error(tmp_path, shop):
    (tmp_path / "file").write_bytes(b"")
    keep_report(tmp_path / "file", "audit", {})
    assert last_report(tmp_path / "file", "audit") is None
    keep_report(shop, "audit", {"findings": []})
    found = last_report(shop, "audit")
    assert found is not None
    assert found.report == {"findings": []}
    (shop / "reports" / "audit.json").write_bytes(b"{")
    assert last_report(shop, "audit") is None


def test_there_is_no_report_of_another_command(ask):
    assert ask("/v1/reports/keys").status_code == 422
