"""``vitrine describe``: drafts of a shop's items, also by a language model of its own choosing."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner

from service.cli.main import _run, vitrine


class FakeModel(HTTPServer):
    """An OpenAI-compatible server that replies with the texts it is given, in order."""

    def __init__(self, texts, status=200):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.texts, self.status, self.asked, self.keys = list(texts), status, [], []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.keys.append(self.headers.get("Authorization"))
        text = self.server.texts.pop(0) if self.server.texts else ""
        data = json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]})
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(data.encode())))
        self.end_headers()
        self.wfile.write(data.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def model():
    servers = []

    def start(*texts, status=200):
        server = FakeModel(texts, status)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def describe(shop, *options):
    words = ["describe", "--shop", str(shop), "--json", *options]
    result = CliRunner().invoke(vitrine, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_every_item_gets_a_draft_whose_sentences_point_at_facts(tiny_shop):
    drafts = describe(tiny_shop)
    assert "red-shoe" in {draft["item_id"] for draft in drafts}
    for draft in drafts:
        assert draft["source"] == "plans-5"
        assert all(one["facts"] and not one["problems"] for one in draft["sentences"])


def test_a_language_model_gets_facts_only_and_its_draft_is_used_if_it_says_no_more(
    tiny_shop, model, monkeypatch
):
    monkeypatch.setenv("VITRINE_LLM_KEY", "secret-of-the-shop")
    name = describe(tiny_shop, "--item", "red-shoe")[0]["facts"][0]["values"][0]
    server = model(f"This is {name}.")
    [draft] = describe(tiny_shop, "--item", "red-shoe", "--llm", server.url, "--model", "tiny")
    assert (draft["source"], draft["text"], draft["refused"]) == ("tiny", f"This is {name}.", [])
    assert server.keys == ["Bearer secret-of-the-shop"]
    assert json.loads(server.asked[0]["messages"][1]["content"]) == draft["facts"]


def test_a_draft_of_a_language_model_that_invents_is_refused_and_plans_write_instead(
    tiny_shop, model
):
    server = model("The best shoe, now 50% off!", "It is made of gold.")
    [draft] = describe(tiny_shop, "--item", "red-shoe", "--llm", server.url, "--model", "tiny")
    assert draft["source"] == "plans-5"
    assert len(draft["refused"]) == len(server.asked) == 2
    words = {p["text"] for one in draft["refused"] for s in one["sentences"] for p in s["problems"]}
    assert {"best", "50%", "gold"} <= words


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--llm", "http://127.0.0.1:9/v1"], "--llm and --model belong together"),
        (["--llm", "file:///etc/passwd", "--model", "m"], "--llm must be an address"),
        (["--item", "no-such"], "no item 'no-such'"),
    ],
)
def test_wrong_options_are_named_in_one_line(tiny_shop, capsys, options, words):
    assert _run(["describe", "--shop", str(tiny_shop), *options], False) in (1, 2)
    assert words in capsys.readouterr().err


def test_a_language_model_that_fails_is_named(tiny_shop, model, capsys):
    server = model("x", status=500)
    words = ["describe", "--shop", str(tiny_shop), "--llm", server.url, "--model", "m"]
    assert _run(words, False) == 1
    assert "answered 500, expected 200" in capsys.readouterr().err
