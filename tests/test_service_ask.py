"""``vitrine faq`` and ``vitrine ask`` as a user runs them, and POST /v1/ask."""

from __future__ import annotations

import json
import shutil

import pytest

from service.cli.main import _run
from tests.commandline import run


@pytest.fixture(scope="module")
def shop(tiny_shop, tmp_path_factory):
    folder = tmp_path_factory.mktemp("asked")
    shutil.copytree(tiny_shop, folder / "shop")
    faq = folder / "faq.csv"
    faq.write_text(
        "question,answer\nHow long is delivery?,Three days.\n"
        "Can I return it?,Within 30 days.\n,x\n",
        encoding="utf-8",
    )
    report = run("faq", "import", faq, "--shop", folder / "shop", "--no-meaning", "--json")
    assert json.loads(report) == {
        "stored": 2,
        "entries": 2,
        "refused": [{"where": "row 4", "reason": "it has no question"}],
    }
    return folder / "shop"


def test_the_faq_is_listed(shop):
    listed = json.loads(run("faq", "list", "--shop", shop, "--json"))
    assert [entry["answer"] for entry in listed] == ["Within 30 days.", "Three days."]


def test_a_question_is_answered_on_the_command_line(shop, monkeypatch):
    monkeypatch.setenv("VITRINE_CONTACT", "help@shop.example")
    assert "Three days." in run("ask", "How many days is the delivery?", "--shop", shop)
    assert "help@shop.example" in run("ask", "Who won the cup?", "--shop", shop)


def test_questions_are_answered_over_http(shop, serve):
    http = serve(shop=shop, contact="help@shop.example")

    def ask(question, **fields):
        response = http.post("/v1/ask", json={"question": question, **fields})
        assert response.status_code == 200, response.text
        return response.json()

    assert ask("How long does the delivery take?")["answer"] == "Three days."
    found = ask("Which color is it?", item_id="red-shoe")
    assert (found["kind"], found["answer"]) == ("fact", "color: red")
    assert [one["item_id"] for one in ask("red mugs")["items"]] == ["red-mug"]
    unknown = ask("Who won the cup?")
    assert (unknown["kind"], unknown["contact"]) == ("unknown", "help@shop.example")
    assert http.post("/v1/ask", json={"question": ""}).status_code == 422
    assert http.post("/v1/ask", json={"question": "x", "item_id": "no-such"}).status_code == 404


def test_an_import_is_used_by_a_running_service(shop, serve, tmp_path):
    http = serve(shop=shop)
    later = tmp_path / "later.md"
    later.write_text("# Do you sell gift cards?\nYes, of 20 and 50.\n", encoding="utf-8")
    asked = {"question": "Do you have gift cards?"}
    assert http.post("/v1/ask", json=asked).json()["kind"] == "unknown"
    run("faq", "import", later, "--shop", shop, "--no-meaning")
    assert http.post("/v1/ask", json=asked).json()["answer"] == "Yes, of 20 and 50."


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["faq", "import", "none.csv"], "no such file: none.csv"),
        (["faq", "import", "none.csv", "--map", "x=y"], "the unknown field 'x'"),
        (["ask", "  "], "a question has 1 to 500 characters"),
        (["ask", "is it red?", "--item", "no-such"], "no-such"),
    ],
)
def test_errors_are_one_line(shop, capsys, arguments, words):
    assert _run([*arguments, "--shop", str(shop)], False) == 1
    err = capsys.readouterr().err
    assert words in err
    assert "Traceback" not in err
