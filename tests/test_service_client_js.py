"""The JavaScript client in Node and in a browser, against the service itself."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from service.http.replies import HitReply, ItemReply, SearchReply
from service.http.routes.pages import WEB
from service.settings import Settings
from tests.conftest import COLORS, jpeg, plain
from tests.page_driver import browser
from tests.suggested import suggest
from tests.tinydetector import write_detector
from tests.webserver import PATIENCE_S, serving
from tests.writecalls import KEY

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser"]  # a fixture

CLIENT = WEB / "client" / "vitrine.mjs"
SOURCE = CLIENT.read_text(encoding="utf-8")
CALLS = Path(__file__).with_name("client_calls.mjs")
RED = jpeg(plain(COLORS["red"], side=160))
API = (Path(__file__).parent.parent / "docs" / "api.md").read_text(encoding="utf-8")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url(tiny_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("client")
    shop = shutil.copytree(tiny_shop, folder / "shop")
    suggest(shop, {"red-mug": ("taxonomy", "Drinkware > Mugs"), "blue-mug": ("color", "Blue")})
    settings = Settings(
        shop=shop,
        request_log=False,
        queue_deadline_s=120,
        write_key=KEY,
        recognizer=f"onnx:{write_detector(folder)}",
    )
    with serving(settings) as address:
        yield address


def node(folder: Path, script: str) -> str:
    """Run a module in Node, in a folder; what it prints."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed")
    (folder / "run.mjs").write_text(script, encoding="utf-8")
    done = subprocess.run(
        [program, "run.mjs"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


Run = Callable[[str], Any]


@pytest.fixture(params=["node", pytest.param("browser", marks=pytest.mark.browser)])
def run(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Run:
    """Runs an expression about `client` and `calls`, which are the two modules."""
    if request.param == "browser":
        opened: Browser = request.getfixturevalue("browser")

        def evaluate(expression: str) -> Any:
            page = opened.new_page()
            # From the service's own origin: its policy allows no other scripts.
            page.route(
                "**/calls.mjs", lambda r: r.fulfill(path=CALLS, content_type="text/javascript")
            )
            page.goto(f"{url}/livez")
            imports = (
                'const client = await import("/web/client/vitrine.mjs");'
                'const calls = await import("/calls.mjs");'
            )
            found = page.evaluate(f"async () => {{ {imports} return {expression}; }}")
            page.close()
            return found

        return evaluate
    shutil.copy(CLIENT, tmp_path)
    shutil.copy(CALLS, tmp_path)
    imports = (
        'import * as client from "./vitrine.mjs"; import * as calls from "./client_calls.mjs";'
    )
    return lambda expression: json.loads(
        node(tmp_path, f"{imports}\nconsole.log(JSON.stringify(await {expression}));")
    )


def test_every_call_gets_what_the_service_replies(run: Run, url: str) -> None:
    photo = base64.b64encode(RED).decode()
    done = run(f"calls.callAll(client, {json.dumps(url)}, {json.dumps(KEY)}, {json.dumps(photo)})")
    items = done.pop("items")
    assert (len(items), items) == (12, sorted(items))
    assert done == {
        "photo": ["red-shoe", "red-mug"],
        "facets": ["black", "blue", "green", "red", "white"],
        "isNextPage": True,
        "groups": 2,
        "words": ["red-mug"],
        "mixed": ["red-mug"],
        "batch": [["red-shoe"], "unknown_item"],
        "similar": ["red-shoe"],
        "things": True,
        "price": 15.0,
        "picture": "image/jpeg",
        "stored": 1,
        "recommended": "red-mug",
        "session": "red-mug",
        "suggested": ["Blue"],
        "accepted": ["red-mug"],
        "decided": 1,
        "refused": [],
        "draft": ["short", True],
        "reviews": [],
        "answer": "fact",
        "status": 12,
        "unknown": problem(404, "unknown_item", "item_id"),
        "invalid": problem(422, "invalid_request", "limit"),
        "unauthorized": problem(401, "unauthorized", None),
        "stopped": "AbortError",
        "stoppedBefore": "AbortError",
    }


def problem(status: int, code: str, param: str | None) -> dict[str, object]:
    """The facts of an error that the service replied."""
    return {"status": status, "code": code, "param": param, "retryAfter": None, "hasId": True}


def test_a_busy_service_is_asked_again_when_it_says_when(run: Run) -> None:
    done = run("calls.fail(client)")
    assert done["busyTwice"] == [{"items": 3}, 3]
    asked = {name: found[1] for name, found in done.items() if name.startswith("busy")}
    assert asked == {"busyTwice": 3, "busyAlways": 3, "busyForLong": 1, "busyForUnknown": 1}
    last = done["busyForLong"][0]
    assert (last["status"], last["code"], last["retryAfter"]) == (503, "overloaded", 600)
    assert done["busyForUnknown"][0]["retryAfter"] is None
    for name, words in {
        "away": "http://shop does not answer: fetch failed",
        "proxy": "replied 502: <h1>Bad gateway</h1>",
        "otherPage": "sent no reply of Vitrine",
    }.items():
        assert done[name][0]["code"] == "unreachable"
        assert words in done[name][0]["message"]
    assert done["slow"] == "http://shop does not answer: no reply within 1 ms"
    assert done["leftWhileWaiting"] == "the shopper left"


@pytest.mark.parametrize("reply", [HitReply, ItemReply, SearchReply])
def test_the_types_name_fields_that_replies_have(reply: type) -> None:
    name = {"HitReply": "Hit", "ItemReply": "Item"}.get(reply.__name__, reply.__name__)
    (typedef,) = re.findall(rf"@typedef {{object}} {name}\n(.*?)\*/", SOURCE, flags=re.DOTALL)
    named = re.findall(r"@property \{.*\} \[?(\w+)\]?", typedef)
    assert len(named) > 4
    assert set(named) <= {field.name for field in msgspec.structs.fields(reply)}


def test_the_example_of_the_docs_runs(url: str, tmp_path: Path) -> None:
    (example,) = re.findall(r"```js\n(import .*?)```", API, flags=re.DOTALL)
    shutil.copy(CLIENT, tmp_path)
    (tmp_path / "red.jpg").write_bytes(RED)
    printed = node(tmp_path, example.replace("http://localhost:8000", url))
    lines = printed.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines[:2]] == [
        "red-shoe Red shoe",
        "red-mug Red mug",
    ]
    assert lines[2:] == ["404 unknown_item"]
