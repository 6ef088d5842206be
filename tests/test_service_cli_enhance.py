"""``vitrine enhance`` seen from outside."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from tests.commandline import vitrine  # noqa: F401 - a fixture
from tests.styledphotos import one_line, photo, read  # noqa: F401 - a fixture


def test_a_photo_is_repaired_and_enlarged(vitrine, tmp_path):  # noqa: F811
    gray = np.broadcast_to(np.linspace(20, 250, 160)[:, None, None], (160, 120, 3))
    tinted = (gray * np.array([0.9, 0.75, 0.55])).astype(np.uint8)
    Image.fromarray(tinted).save(tmp_path / "tinted.png")
    out = tmp_path / "out.png"
    done = vitrine("enhance", tmp_path / "tinted.png", "--out", out, "--scale", "2", "--json")
    facts = json.loads(done.out)
    assert done.code == 0
    assert (facts["width"], facts["height"]) == (240, 320)
    assert facts["gains"][2] > 1.05 > facts["gains"][0]
    assert read(out).shape == (320, 240, 3)


def test_a_photo_with_nothing_to_repair_stays_the_same(vitrine, photo, tmp_path):  # noqa: F811
    out = tmp_path / "out.png"
    done = vitrine("enhance", photo, "--out", out, "--no-levels")
    assert done.out == f"{out}: 120 x 160, nothing to repair\n"
    assert (read(out) == read(photo)).all()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--out", "out.gif"], "--out must end in .jpg"),
        (["--out", "no/such/folder.png"], "no/such"),
    ],
)
def test_a_wrong_out_is_refused_in_one_line(vitrine, photo, tmp_path, monkeypatch, words, part):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    one_line(vitrine("enhance", photo, *words), part)


def test_a_photo_is_not_written_over_and_a_broken_one_is_named(vitrine, photo, tmp_path):  # noqa: F811
    one_line(vitrine("enhance", photo, "--out", photo), "--out must not be the photo itself")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 not really")
    out = tmp_path / "out.png"
    one_line(vitrine("enhance", tmp_path / "broken.jpg", "--out", out), "broken.jpg")
    assert not out.exists()


def test_a_result_that_is_too_large_is_refused(vitrine, photo, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr("service.cli.enhance_command._MOST", 100_000)
    out = tmp_path / "out.png"
    one_line(vitrine("enhance", photo, "--out", out, "--scale", "4"), "smaller --scale")
    assert not out.exists()
