"""A photo to style on the command line, and what came of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.commandline import Done


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A red square on white, 120 x 160, as PNG."""
    pixels = np.full((160, 120, 3), 255, np.uint8)
    pixels[50:110, 30:90] = (200, 40, 50)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def one_line(done: Done, *parts: str) -> None:
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert "internal error" not in done.err
    for part in parts:
        assert part in done.err
