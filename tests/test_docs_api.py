"""The requests of docs/api.md get the answers that the page shows; so do those of OpenAPI."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from service.apikey import Scope
from service.http.examples import CATALOG, EXAMPLES, FORM, GENERATION, ITEM, JOB, PHOTO
from service.http.routes import job_starts as routes
from service.keyfile import KeyFile
from tests.conftest import COLORS, jpeg, plain

PAGE = (Path(__file__).parent.parent / "docs" / "api.md").read_text(encoding="utf-8")
REQUESTS = re.findall(r"```sh\ncurl(.*?)```(?:\n\n```json\n(.*?)```)?", PAGE, flags=re.DOTALL)
LEFT_OUT = "..."


def two_colors() -> bytes:
    picture = Image.new("RGB", (200, 100), COLORS["red"])
    picture.paste(COLORS["blue"], (100, 0, 200, 100))
    return jpeg(picture)


FILES = {
    "red.jpg": jpeg(plain(COLORS["red"], side=160)),
    "red-and-blue.jpg": two_colors(),
}


@pytest.fixture
def shop(make_shop, tmp_path):
    folder = make_shop()
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "july.csv").write_bytes((tmp_path / "catalog/catalog.csv").read_bytes())
    (tmp_path / "snapshots").mkdir()
    return folder


@pytest.fixture
def started(monkeypatch):
    """Replaces the processes of jobs: each ends at once."""

    def launch(folder, lock):
        end = {"state": "succeeded", "ended_at": "2026-01-01T00:00:00Z", "problem": None}
        (folder / "end.json").write_text(json.dumps(end))
        (folder / "report.json").write_text('{"items": 12}')
        return 0

    monkeypatch.setattr(routes, "launch", launch)


@pytest.fixture
def live(serve, shop, tmp_path, started):
    key = KeyFile(shop).add("ops", Scope.ADMIN)
    http = serve(shop=shop, catalogs=tmp_path / "feeds", snapshots=tmp_path / "snapshots")
    return http, key


def send(http, key, command):
    """Send what a curl command of the page sends."""
    jobs = http.get("/v1/jobs", headers={"api-key": key}).json()["jobs"]
    job = jobs[0]["id"] if jobs else ""
    words = shlex.split(command.replace("\\\n", " "))
    method, path, headers, content, fields = "GET", "", {}, None, []
    while words:
        word = words.pop(0)
        if word in ("-X", "-H", "-F", "-d", "--data-binary", "-o"):
            value = words.pop(0)
        if word == "-X":
            method = value
        elif word == "-H":
            name, _, text = value.partition(": ")
            headers[name] = text.replace("$KEY", key)
        elif word == "-F":
            fields.append(value.split("=", 1))
        elif word in ("-d", "--data-binary"):
            content = FILES[value[1:]] if value.startswith("@") else value.encode()
        elif word.startswith("$SHOP"):
            path = word.removeprefix("$SHOP").replace("$JOB", job)
    options = {"content": content} if content else {}
    if fields:
        options["files"] = [
            (name, ("file", FILES[value[1:]]) if value.startswith("@") else (None, value))
            for name, value in fields
        ]
    method = "POST" if method == "GET" and options else method
    return http.run(http.client.request(method, path, headers=headers, **options))


def check(shown, got, where="reply"):
    """The page may leave out fields, the rest of a list, and any value."""
    if shown == LEFT_OUT:
        return
    if isinstance(shown, dict):
        names = set(shown) - {LEFT_OUT}
        assert names <= set(got) if LEFT_OUT in shown or "status" in got else names == set(got), (
            where
        )
        for name in names:
            check(shown[name], got[name], f"{where}.{name}")
    elif isinstance(shown, list):
        assert shown[-1:] == [LEFT_OUT] or len(shown) == len(got), where
        for at, value in enumerate(shown):
            check(value, got[at] if value != LEFT_OUT else None, f"{where}.{at}")
    elif isinstance(shown, float):
        assert got == pytest.approx(shown, abs=0.02), where
    else:
        assert got == shown, where


def test_the_requests_of_the_page_get_the_answers_that_it_shows(live):
    assert len(REQUESTS) > 20
    wrong = []
    for command, shown in REQUESTS:
        response = send(*live, command)
        try:
            if shown:
                check(json.loads(shown), response.json(), command.strip())
            else:
                assert response.status_code < 300
        except AssertionError as error:
            wrong.append(f"{error}: {response.text[:1500]}")
    assert not wrong, "\n\n".join(wrong)


# The shop has one generation, so none to go back to; no command has kept a report in it, and
# nothing was suggested for its items.
UNANSWERED = {
    ("rollback", 409), ("report", 404), ("decide_suggestion", 422), ("decide_suggestions", 422),
}  # fmt: skip


def test_every_route_has_an_example_that_is_answered(live):
    http, key = live
    document = http.get("/openapi.json").json()
    found = {
        operation["operationId"]: (method.upper(), path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert set(found) == set(EXAMPLES)
    first, last = (
        ["start_rebuild", "add_key"],
        ["remove_key", "delete_item", "erase_user", "delete_items"],
    )
    for name in [*first, *sorted(set(found) - {*first, *last}), *last]:
        status = example_status(http, key, *found[name])
        assert status < 300 or (name, status) in UNANSWERED, (name, status)


def example_status(http, key, method, path, operation):
    """Send the example as it is in the document, with the ids of this shop."""
    values = {p["name"]: p["example"] for p in operation.get("parameters", ()) if "example" in p}
    jobs = http.get("/v1/jobs", headers={"api-key": key}).json()["jobs"]
    ids = {ITEM: "red-mug", GENERATION: "000001", JOB: jobs[0]["id"] if jobs else ""}
    for name in [name for name in values if f"{{{name}}}" in path]:
        value = values.pop(name)
        path = path.replace(f"{{{name}}}", quote(ids.get(value, value), safe=""))
    options = {"params": values, "headers": {"api-key": key}}
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        if "example" not in content:
            continue
        text = json.dumps(content["example"]).replace(ITEM, "red-mug").replace(CATALOG, "july.csv")
        if media_type == FORM:
            fields = json.loads(text)
            options["files"] = {"image": ("x", FILES["red.jpg"])}
            assert fields.pop("image") == PHOTO
            options["data"] = fields
        else:
            options |= {"content": text, "headers": {"api-key": key, "content-type": media_type}}
    return http.run(http.client.request(method, path, **options)).status_code
