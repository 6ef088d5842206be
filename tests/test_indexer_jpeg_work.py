"""How much work a JPEG may demand: its samples are counted before it is decoded."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from indexer.errors import BadImage
from indexer.imaging.formats import jpeg
from indexer.imaging.formats.jpeg import walk_jpeg
from indexer.imaging.formats.structure import LIMITS


def test_cmyk_without_an_end_mark_counts_every_pixel_of_every_ink(monkeypatch):
    file = io.BytesIO()
    Image.new("CMYK", (96, 96), (10, 200, 30, 40)).save(file, "JPEG", subsampling=2)
    whole = file.getvalue()
    monkeypatch.setattr(jpeg, "MOST_SAMPLES", 6 * 4 * 96 * 96 - 1)
    walk_jpeg(whole, LIMITS)
    with pytest.raises(BadImage, match="at most 0 million are read without an end mark"):
        walk_jpeg(whole[:-2], LIMITS)
    monkeypatch.setattr(jpeg, "MOST_SAMPLES", 6 * 4 * 96 * 96)
    walk_jpeg(whole[:-2], LIMITS)
