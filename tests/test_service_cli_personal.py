"""``vitrine events`` and ``vitrine recommend``, run as a user runs them."""

from __future__ import annotations

import json

import pytest

from indexer.errors import BadCatalog
from search.personal.event_file import BadRow, read_events
from service.cli.main import _run
from tests.commandline import run

NOW = 1_700_000_000.0
CSV = """\
user,item,timestamp,event_type,color
u,red-shoe,2023-11-14T22:00:00Z,view,red
u,blue-mug,2023-11-14T21:00:00Z,purchase,blue
v,red-shoe,never,view,red
"""


def test_events_are_read_under_common_names_and_other_columns_are_ignored(tmp_path):
    file = tmp_path / "events.csv"
    file.write_text(CSV)
    first, second, bad = read_events(file, now=NOW)
    assert (first.user_id, first.item_id, first.type) == ("u", "red-shoe", "view")
    assert second.time < first.time
    assert bad == BadRow("row 4", "time must be ISO 8601 or a number since 1970, got 'never'")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("timestamp,visitorid,event,itemid,transactionid", "881250949000,1,transaction,2,7"),
        ("customerId,SKU,Event Name,createdAt", "1,2,purchase,1997-12-04T15:55:49Z"),
        ("user-id;article_id;Action;date", "1;2;Bought;1997-12-04 15:55:49"),
    ],
)
def test_other_names_of_columns_and_types_are_known(tmp_path, header, row):
    file = tmp_path / "events.csv"
    file.write_text(f"{header}\n{row}\n")
    (event,) = read_events(file, now=NOW)
    assert (event.user_id, event.item_id, event.type) == ("1", "2", "purchase")
    assert event.time == 881250949.0


def test_a_table_without_a_column_of_users_is_refused_with_the_way_out(tmp_path):
    file = tmp_path / "events.csv"
    file.write_text("who,sku\nu,a\n")
    with pytest.raises(BadCatalog, match=r"no column 'user_id'; it has 'sku', 'who'; .* --map"):
        list(read_events(file, now=NOW))


def test_a_file_of_ratings_holds_ratings(tmp_path):
    file = tmp_path / "ratings.csv"
    file.write_text("user_id,item_id,rating,timestamp\n1,2,4,881250949\n")
    (event,) = read_events(file, now=NOW)
    assert (event.type, event.value, event.time) == ("rating", 4.0, 881250949.0)


def test_json_lines_and_mapped_columns_are_read(tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_text('{"who": "u", "sku": "a", "at": 1}\n{"who": "u"}\n[]\n')
    mapping = {"user_id": "who", "item_id": "sku", "time": "at"}
    (tmp_path / "one.jsonl").write_text(file.read_text().split("\n")[0])
    (event,) = read_events(tmp_path / "one.jsonl", now=NOW, mapping=mapping)
    assert (event.item_id, event.time) == ("a", 1.0)


def test_a_json_record_without_a_mapped_field_is_a_row_of_its_own(tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_text('{"who": "u", "item": "a"}\n{"item": "b"}\n{"who": "v", "item": "c"}\n')
    first, bad, last = read_events(file, now=NOW, mapping={"user_id": "who"})
    assert (first.item_id, last.item_id) == ("a", "c")
    assert bad == BadRow("line 2", "user_id is missing")


def test_importing_twice_stores_once_and_bad_rows_are_told(shop, tmp_path):
    file = tmp_path / "events.csv"
    file.write_text(CSV)
    report = json.loads(run("events", "import", file, "--shop", shop, "--json"))
    assert (report["stored"], report["repeated"], report["unknown_items"]) == (2, 0, 0)
    assert [row["where"] for row in report["refused"]] == ["row 4"]
    report = json.loads(run("events", "import", file, "--shop", shop, "--json"))
    assert (report["stored"], report["repeated"]) == (0, 2)


def test_recommendations_are_printed_with_reasons(shop, tmp_path):
    file = tmp_path / "events.csv"
    file.write_text(CSV)
    run("events", "import", file, "--shop", shop)
    found = json.loads(run("recommend", "--shop", shop, "--user", "u", "-k", "3", "--json"))
    assert {item["item_id"] for item in found["items"][:2]} == {"red-mug", "blue-shoe"}
    assert found["items"][0]["reason"]["item_id"] in ("red-shoe", "blue-mug")
    table = run("recommend", "--shop", shop, "--user", "u", "--explain")
    assert "looks like" in table
    assert "interest +" in table


def test_a_style_can_be_asked_for_and_one_that_the_shop_lacks_is_not_shown(shop, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text(
        "".join(
            json.dumps({"user": "u", "item": item, "rendition": "none-such"}) + "\n"
            for item in ("red-shoe", "blue-mug", "red-mug")
        )
    )
    run("events", "import", file, "--shop", shop)
    ask = ("recommend", "--shop", shop, "--user", "u", "--json")
    assert json.loads(run(*ask))["style"] == "original"
    assert json.loads(run(*ask, "--style", "noir"))["style"] == "noir"


def test_a_user_is_exported_with_the_id_and_others_without(shop, tmp_path):
    file = tmp_path / "events.csv"
    file.write_text(CSV)
    run("events", "import", file, "--shop", shop)
    mine = [
        json.loads(line)
        for line in run("events", "export", "--shop", shop, "--user", "u").splitlines()
    ]
    assert [event["item_id"] for event in mine] == ["blue-mug", "red-shoe"]
    assert mine[0]["user_id"] == "u"
    everyone = run("events", "export", "--shop", shop)
    assert len(everyone.splitlines()) == 2
    assert '"user_id":"u"' not in everyone
    again = tmp_path / "again.jsonl"
    again.write_text(run("events", "export", "--shop", shop, "--user", "u"))
    assert "0 events stored, 2 known" in run("events", "import", again, "--shop", shop)


def test_a_user_is_erased(shop, tmp_path):
    file = tmp_path / "events.csv"
    file.write_text(CSV)
    run("events", "import", file, "--shop", shop)
    assert json.loads(run("events", "erase", "u", "--shop", shop, "--json"))["events"] == 2
    assert run("events", "export", "--shop", shop) == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["events", "import", "none.csv"], "no such file"),
        (["events", "import", "empty.csv"], "empty.csv is empty: expected events with at least"),
        (["events", "import", "events.docx"], "events are in a file ending in"),
        (["events", "import", "events.csv", "--map", "user_id=nobody"], "no column 'nobody'"),
        (["events", "import", "events.csv", "--map", "colour=color"], "unknown field 'colour'"),
        (["recommend", "--user", "u", "--item", "none"], "no item 'none'"),
        (["recommend", "--user", "u", "--style", "none"], "unknown style 'none'"),
    ],
)
def test_errors_are_one_line_that_says_what_is_wrong(
    shop, tmp_path, capsys, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "events.csv").write_text(CSV)
    (tmp_path / "events.docx").write_text(CSV)
    (tmp_path / "empty.csv").touch()
    assert _run([*arguments, "--shop", str(shop)], debug=False) == 1
    error = capsys.readouterr().err.strip()
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_folder_without_a_shop_gets_no_events(tmp_path, capsys):
    (tmp_path / "events.csv").write_text(CSV)
    arguments = ["events", "import", str(tmp_path / "events.csv"), "--shop", str(tmp_path / "no")]
    assert _run(arguments, debug=False) == 1
    assert not (tmp_path / "no").exists()
