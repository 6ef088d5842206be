"""The yardstick of shops never seen, on tiny pictures whose answers one can work out by eye."""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPTS = Path(__file__).parents[1] / "scripts"

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture(autouse=True)
def _scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)


class Colors:
    """Encodes a picture as its mean color; remembers how many pictures it was given."""

    def __init__(self):
        self.encoded = 0

    def __call__(self, images):
        self.encoded += len(images)
        return np.stack([image.reshape(-1, 3).mean(0) for image in images]).astype(np.float32)


def write(path, color, side=24):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (side, side), color).save(path)


def table(path, columns, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


@pytest.fixture
def data(tmp_path):
    """Things: a rose and a leaf in the gallery, three queries of which the blue leaf is a trap."""
    folder = tmp_path / "things"
    rows = []
    for name, color, kind, part in (
        ("rose", RED, "rose", "gallery"),
        ("leaf", GREEN, "leaf", "gallery"),
        ("sea", BLUE, "sea", "gallery"),
        ("rose-query", (200, 20, 20), "rose", "query"),
        ("leaf-query", (20, 200, 20), "leaf", "query"),
        ("blue-leaf-query", (20, 20, 200), "leaf", "query"),
    ):
        write(folder / f"{name}.png", color)
        rows.append((f"{name}.png", kind, part))
    table(folder / "photos.csv", ("image", "category", "part"), rows)
    return tmp_path


@pytest.fixture
def groceries(tmp_path):
    folder = tmp_path / "grocery"
    for name, color in (("apple", RED), ("lime", GREEN)):
        write(folder / f"{name}.png", color)
    write(folder / "query.png", (180, 10, 10))
    table(folder / "catalog.csv", ("id", "image"), [("apple", "apple.png"), ("lime", "lime.png")])
    table(
        folder / "photos_train.csv",
        ("image", "item_id"),
        [("apple.png", "apple"), ("lime.png", "lime")],
    )
    table(folder / "photos_val.csv", ("image", "item_id"), [("query.png", "apple")])
    return tmp_path


@pytest.fixture
def sports_shop(tmp_path):
    """Two red jackets and a green tee; the later view of the first jacket is green like the tee."""
    folder = tmp_path / "magento"
    items = []
    for name, kind, first, later in (
        ("coat", "Jackets", RED, GREEN),
        ("parka", "Jackets", (250, 10, 10), (250, 10, 10)),
        ("tee", "Tees", GREEN, None),
    ):
        write(folder / f"{name}.png", first)
        images = [f"{name}.png"]
        if later:
            write(folder / f"{name}-later.png", later)
            images.append(f"{name}-later.png")
        items.append(
            {"id": name, "product_id": name, "categories": [f"Men/{kind}"], "images": images}
        )
    lines = [json.dumps(item) + "\n" for item in items]
    (folder / "catalog.jsonl").write_text("".join(lines), encoding="utf-8")
    return tmp_path


def test_a_thing_is_answered_by_the_kind_of_its_nearest_gallery_photo(data):
    from encoder_tasks import Bench
    from encoder_unseen import things

    outcome = things(Bench(data, Colors()))
    assert outcome["things photo -> category, first hit"].tolist() == [1, 1, 0]
    assert len(outcome) == 4
    assert all(one.shape == (3,) for one in outcome.values())


def test_plain_photos_are_encoded_once_however_often_they_are_asked_for(data):
    from encoder_contests import things as contest
    from encoder_tasks import Bench
    from encoder_unseen import things

    encode = Colors()
    bench = Bench(data, encode)
    things(bench)
    contest(data).outcome(bench)
    assert encode.encoded == 6 + 3 * 3  # six plain photos, three queries drawn in three ways


def test_rows_of_a_left_out_set_say_so(groceries):
    from encoder_tasks import Bench
    from encoder_unseen import left_out

    outcome = left_out("grocery", Bench(groceries, Colors()))
    assert {name: one.tolist() for name, one in outcome.items()} == {
        "grocery left out, photo -> product, 1-NN": [1],
        "grocery left out, photo -> product, 10-NN": [1],
        "grocery left out, photo -> catalog, R@1": [1],
        "grocery left out, photo -> catalog, R@5": [1],
    }


def test_a_left_out_sports_shop_is_measured_over_all_of_its_items(sports_shop):
    from encoder_tasks import Bench
    from encoder_unseen import left_out

    outcome = left_out("magento", Bench(sports_shop, Colors()))
    assert outcome["magento left out, same item"].tolist() == [0, 1]  # the green coat looks a tee
    assert outcome["magento left out, kind of the first other product"].tolist() == [1, 1, 0]


def test_every_goal_of_a_left_out_set_names_a_row_that_exists(groceries):
    from encoder_tasks import Bench
    from encoder_unseen import left_out
    from eval_encoder import FLOORS

    rows = left_out("grocery", Bench(groceries, Colors()))
    assert {goal for goal in FLOORS if goal.startswith("grocery left out")} < set(rows)


def test_seen_and_unseen_count_half_each_however_many_rows_they_have():
    from encoder_unseen import summarize

    means = {"a": 0.8, "b": 0.6, "no goal": 0.0, "new": 0.3}
    assert summarize(means, {"a", "b", "new"}, {"new"}) == pytest.approx((0.7, 0.3, 0.5, 2, 1))


def test_the_summary_of_a_half_without_rows_is_not_a_number():
    from encoder_unseen import summarize

    assert math.isnan(summarize({"a": 0.8}, {"a"}, set()).both)


def test_a_sheet_shows_only_wrong_answers_and_what_would_have_been_right(data, monkeypatch):
    import encoder_sheets
    from encoder_contests import things
    from encoder_tasks import Bench

    drawn = []
    monkeypatch.setattr(encoder_sheets, "save_sheet", lambda path, rows: drawn.extend(rows))
    path = data / "sheets" / "things.png"
    assert encoder_sheets.draw_failures(Bench(data, Colors()), things(data), path) == (1, 3)
    [[query, hit, right]] = drawn
    assert [(cell.title, cell.right) for cell in (query, hit, right)] == [
        ("leaf", None),
        ("sea", False),
        ("leaf", True),
    ]


def test_no_sheet_is_written_where_every_answer_is_right(groceries):
    from encoder_contests import grocery_catalog
    from encoder_sheets import draw_failures
    from encoder_tasks import Bench

    path = groceries / "sheet.png"
    assert draw_failures(Bench(groceries, Colors()), grocery_catalog(groceries), path) == (0, 1)
    assert not path.exists()


def test_a_sketch_is_black_along_an_edge_and_white_elsewhere():
    from encoder_distortions import sketched

    halves = np.zeros((160, 160, 3), dtype=np.uint8)
    halves[:, 80:] = 255
    drawn = sketched(halves)
    assert drawn.shape == (160, 160, 3)
    assert drawn[80, 77:80].min() < 30  # the dark side of the edge
    assert drawn[:, :70].min() == 255
    assert drawn[:, 90:].min() == 255


def test_a_plain_picture_has_no_lines_to_sketch():
    from encoder_distortions import sketched

    assert sketched(np.full((50, 30, 3), 90, dtype=np.uint8)).min() == 255


@pytest.mark.parametrize("pair", ["shoes=builtin", "grocery", "grocery="])
def test_a_left_out_pair_must_name_a_set_and_an_encoder(pair, monkeypatch, capsys, tmp_path):
    import eval_encoder

    monkeypatch.setattr(
        sys, "argv", ["eval", "--data", str(tmp_path), "--unseen", "--left-out", pair]
    )
    with pytest.raises(SystemExit) as ended:
        eval_encoder.main()
    assert ended.value.code == 2
    assert (
        "expected SET=ENCODER with a SET of grocery, clothing, magento" in capsys.readouterr().err
    )


def test_a_row_that_only_the_first_encoder_has_is_empty_for_the_others(capsys):
    from encoder_unseen import Summary
    from eval_encoder import print_tables

    def column(quality):
        return {
            "quality": quality,
            "speed": (3.0, 100.0),
            "robustness": {},
            "summary": Summary(0.5, 0.25, 0.375, 7, len(quality)),
        }

    row, goal = "grocery left out, photo -> catalog, R@1", "things photo -> category, first hit"
    results = {
        "new": column({goal: (0.5, 0.4, 0.6), row: (0.25, 0.2, 0.3)}),
        "old": column({goal: (0.5, 0.4, 0.6)}),
    }
    print_tables(
        results, {"cpu": "one", "cores": 1, "load": [0.0], "python": "3.11", "versions": {}}
    )
    lines = capsys.readouterr().out.splitlines()
    assert f"| {row} | 0.250 [0.200, 0.300] |  | 0.35 / 0.50 |" in lines
    assert "new: mean of seen 0.5000 (7 rows) and unseen 0.2500 (2 rows): 0.3750" in lines
