"""``vitrine reviews`` as a user runs it, and GET /v1/items/{id}/reviews."""

from __future__ import annotations

import json

import pytest

from indexer.enrichment.reviewlog import ReviewLog
from service.cli.main import _run
from tests.commandline import run

GOOD = "I love this shoe! It is so comfortable and soft, and the color is gorgeous."
BAD = "Terrible quality. It fell apart after one wash, I was disappointed and returned it."


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "reviews.csv"
    rows = [
        "review_id,item_id,review,rating,date",
        f'1,red-shoe,"{GOOD}",5,2026-01-05',
        f'2,red-shoe,"{BAD}",1,2026-03-05',
        "3,red-shoe,质量很好，很满意,5,2026-02-01",
        "4,no-such-item,nice,5,2026-02-01",
        "5,red-shoe,,5,2026-02-01",
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_each_row_is_scored_on_a_line_of_its_own_without_a_shop(file):
    lines = run("reviews", "score", file, "--text", "review", "--json").splitlines()
    found = [json.loads(line) for line in lines]
    assert [line["row"] for line in found] == [1, 2, 3, 4, 5]
    assert all(set(line) == {"row", "positive", "language", "aspects"} for line in found)
    assert [line["language"] for line in found] == ["en", "en", "zh", "en", None]
    assert found[0]["positive"] > 0.8 > 0.2 > found[1]["positive"]
    assert found[4]["positive"] is None
    assert {part["aspect"] for part in found[0]["aspects"]} == {"comfort", "color"}


def test_reviews_are_imported_once_and_bad_rows_are_reported(shop, file):
    first = json.loads(run("reviews", "import", file, "--shop", shop, "--json"))
    again = json.loads(run("reviews", "import", file, "--shop", shop, "--json"))
    assert (first["stored"], first["repeated"], len(first["refused"])) == (3, 0, 2)
    assert (again["stored"], again["repeated"], len(again["refused"])) == (0, 3, 2)
    assert first["refused"][0]["reason"] == "the shop has no item or product 'no-such-item'"
    assert first["refused"][1] == {
        "where": "row 6",
        "reason": "text is missing: expected the words of the review",
    }


def test_the_route_returns_reviews_the_newest_first_and_their_summary(serve, shop, file):
    run("reviews", "import", file, "--shop", shop)
    reply = serve(shop=shop).get("/v1/items/red-shoe/reviews?limit=2").json()
    assert [review["review_id"] for review in reply["reviews"]] == ["2", "3"]
    summary = reply["summary"]
    assert summary["count"] == 3
    assert [month["month"] for month in summary["months"]] == ["2026-01", "2026-02", "2026-03"]
    assert all(quote["sentence"] in BAD for quote in summary["cons"])
    assert summary["pros"]


def test_an_item_without_reviews_has_an_empty_summary(http):
    reply = http.get("/v1/items/red-shoe/reviews").json()
    assert (reply["reviews"], reply["summary"]["count"]) == ([], 0)


def test_reviews_of_an_unknown_item_are_a_problem(http):
    response = http.get("/v1/items/no-such/reviews")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_item")
    assert http.get("/v1/items/red-shoe/reviews?limit=101").status_code == 422


def test_reviews_found_by_product_belong_to_each_variant(shop, tmp_path, serve):
    item = serve(shop=shop).get("/v1/items/red-shoe").json()
    path = tmp_path / "p.csv"
    path.write_text(f'product_id,review\n{item["product_id"]},"{GOOD}"\n', encoding="utf-8")
    run("reviews", "import", path, "--shop", shop)
    with ReviewLog(shop) as log:
        assert len(log.about([item["product_id"]])) == 1
        assert log.item_moods(0) == (1, {"red-shoe": 0.0})  # its only review is the shop's mean


def test_a_folder_without_a_shop_takes_no_reviews(tmp_path, file, capsys):
    assert _run(["reviews", "import", str(file), "--shop", str(tmp_path / "no")], debug=False) != 0
    assert "Traceback" not in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "none.csv", "--text", "a"], "no such file: none.csv"),
        (["score", ".", "--text", "a"], ". is a folder, expected a file"),
        (["train", "none.csv", "--text", "a", "--label", "b"], "give either --shop or --out"),
    ],
)
def test_errors_are_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _run(["reviews", *arguments], debug=False) != 0
    assert message in capsys.readouterr().err


def test_a_shop_trains_a_model_of_its_own(shop, tmp_path):
    pytest.importorskip("sklearn")
    path = tmp_path / "labeled.csv"
    good, bad = (
        ("很好用", "喜欢这个", "味道香", "送得快"),
        ("太难用", "讨厌这个", "味道臭", "送得慢"),
    )
    rows = [f"{good[n % 4]}第{n}次,1\n{bad[n % 4]}第{n}次,0" for n in range(60)]
    path.write_text("text,happy\n" + "\n".join(rows) + "\n", encoding="utf-8")
    with ReviewLog(shop, create=True):
        pass
    done = json.loads(
        run(
            *("reviews", "train", path, "--text", "text", "--label", "happy"),
            *("--shop", shop, "--json"),
        )
    )
    assert done["language"] == "zh"
    assert done["measured"]["macro_f1"] > 0.9
    line = json.loads(
        run("reviews", "score", path, "--text", "text", "--shop", shop, "--json").splitlines()[0]
    )
    assert line["positive"] > 0.5
