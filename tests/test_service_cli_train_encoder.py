"""``vitrine train-encoder`` seen from outside: what it prints, refuses and leaves alone."""

from __future__ import annotations

import csv
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from service.cli import train_encoder_command
from service.cli.train_encoder_command import command
from service.exitcodes import USAGE
from tests.conftest import COLORS, jpeg, plain

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or importlib.util.find_spec("onnx") is None,
    reason="torch or onnx is not installed",
)


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Nine photos of each of six shoes of the tiny shop, and a row that is no photo."""
    path = tmp_path / "pairs.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["image", "item_id"])
        table.writerow(["gone.jpg", "red-shoe"])
        for color, rgb in COLORS.items():
            for n in range(9):
                photo = tmp_path / f"{color}-{n}.jpg"
                photo.write_bytes(jpeg(plain(rgb, side=100, spot=20 + 5 * n)))
                table.writerow([photo.name, f"{color}-shoe"])
    return path


def run(*arguments: object):
    return CliRunner().invoke(command, [str(one) for one in arguments])


def refused(*arguments: object) -> str:
    """The message of the error that a call ends with."""
    done = run(*arguments)
    assert done.exception is not None
    return str(done.exception)


def test_a_file_that_is_there_is_not_written_over(tiny_shop, tmp_path):
    out = tmp_path / "mine.onnx"
    out.write_text("precious")
    message = refused("--shop", tiny_shop, "--out", out)
    assert message == f"{out} exists already; choose another name, or add --force"
    assert out.read_text() == "precious"


def test_nor_is_the_json_that_would_stand_beside_it(tiny_shop, tmp_path):
    (tmp_path / "mine.json").write_text("precious")
    assert "mine.json exists already" in refused(
        "--shop", tiny_shop, "--out", tmp_path / "mine.onnx"
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [("weights.pt", "expected a file that ends in .onnx"), ("gone/x.onnx", "does not exist")],
)
def test_an_out_file_that_cannot_be_is_refused_at_once(tiny_shop, tmp_path, name, message):
    done = run("--shop", tiny_shop, "--out", tmp_path / name)
    assert done.exit_code == USAGE
    assert message in done.stderr


def test_a_missing_package_is_named_with_its_extra(tiny_shop, tmp_path, monkeypatch):
    monkeypatch.setattr(train_encoder_command, "find_spec", lambda name: None)
    assert refused("--shop", tiny_shop, "--out", tmp_path / "x.onnx") == (
        "training needs the package torch: pip install 'vitrine[train]'"
    )


def first_rung(monkeypatch, before, after, *, written=False):
    """Have the closed form come to this result without being computed."""
    from indexer.training.adapted import Adapted

    result = Adapted(before, after, steps=0, seconds=0.1, mix=1.0, written=written)
    monkeypatch.setattr("indexer.training.closed_form.adapt_head", lambda *_, **__: result)


@needs_torch
@pytest.mark.torch
def test_quick_takes_the_first_rung_only(tiny_shop, pairs, tmp_path, monkeypatch):
    import indexer.training.adapt as adapt

    def never(*_, **__):
        raise AssertionError("fine-tuning began")

    monkeypatch.setattr(adapt, "adapt", never)
    first_rung(monkeypatch, np.zeros((10, 2)), np.ones((10, 2)), written=True)
    out = tmp_path / "x.onnx"
    done = run("--shop", tiny_shop, "--pairs", pairs, "--out", out, "--quick")
    assert "after   1.000" in done.stdout
    assert "fitted a linear map of the vectors" in done.stderr


@needs_torch
@pytest.mark.torch
def test_what_fine_tuning_does_not_better_stays_the_first_rung(
    tiny_shop, pairs, tmp_path, monkeypatch
):
    import indexer.training.adapt as adapt

    none, half, all_ = np.zeros((10, 2)), np.eye(10)[:, :2], np.ones((10, 2))
    first_rung(monkeypatch, none, all_, written=True)
    worse = adapt.Adapted(all_, half, steps=5, seconds=1.0, mix=1.0, written=False)
    monkeypatch.setattr(adapt, "adapt", lambda *_, **__: worse)
    done = run("--shop", tiny_shop, "--pairs", pairs, "--out", tmp_path / "x.onnx", "--json")
    told = json.loads(done.stdout)
    assert (told["before"]["recall@1"]["value"], told["after"]["recall@1"]["value"]) == (0.0, 1.0)
    assert told["written"] == str(tmp_path / "x.onnx")


@needs_torch
def test_a_shop_that_is_none_is_named(tmp_path):
    message = refused("--shop", tmp_path / "none", "--out", tmp_path / "x.onnx")
    assert "no catalog in" in message


@needs_torch
def test_a_pairs_file_of_other_columns_is_refused(tiny_shop, tmp_path):
    (tmp_path / "pairs.csv").write_text("file,what\na.jpg,b\n")
    message = refused(
        "--shop", tiny_shop, "--pairs", tmp_path / "pairs.csv", "--out", tmp_path / "x.onnx"
    )
    assert "needs the columns image and item_id; it has 'file', 'what'" in message


@needs_torch
@pytest.mark.torch
def test_where_nothing_is_gained_it_says_so_and_fails(tiny_shop, pairs, tmp_path, monkeypatch):
    import indexer.training.adapt as adapt

    none, all_ = np.zeros((10, 2)), np.ones((10, 2))
    first_rung(monkeypatch, all_, all_)
    worse = adapt.Adapted(all_, none, steps=5, seconds=1.0, mix=1.0, written=False)
    monkeypatch.setattr(adapt, "adapt", lambda *_, **__: worse)
    out = tmp_path / "x.onnx"
    done = run("--shop", tiny_shop, "--pairs", pairs, "--out", out, "--json")
    told = json.loads(done.stdout)
    assert (told["before"]["recall@1"]["value"], told["after"]["recall@1"]["value"]) == (1.0, 0.0)
    assert told["written"] is None
    assert [one["reason"] for one in told["skipped"]] == ["no such file"]
    assert "of 10 held-out queries, 10 were answered before and 0 after" in done.stderr
    assert CliRunner().invoke(command, [], standalone_mode=False).exit_code != 0
    assert not out.exists()


@needs_torch
@pytest.mark.torch
def test_what_is_better_is_written_and_told(tiny_shop, pairs, tmp_path, monkeypatch):
    import indexer.training.adapt as adapt

    none, all_ = np.zeros((10, 2)), np.ones((10, 2))
    first_rung(monkeypatch, none, none)
    better = adapt.Adapted(none, all_, steps=5, seconds=1.0, mix=0.75, written=True)
    monkeypatch.setattr(adapt, "adapt", lambda *_, **__: better)
    out = tmp_path / "x.onnx"
    done = run("--shop", tiny_shop, "--pairs", pairs, "--out", out)
    assert "before  0.000" in done.stdout
    assert "after   1.000" in done.stdout
    assert f"wrote {out}; use it with --encoder onnx:{out}" in done.stdout
    assert "10 queries: held-out photos -> first picture of their item" in done.stderr
