"""HEIC and AVIF files whose boxes demand more work or memory than their pixels."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from indexer.errors import BadImage
from indexer.imaging.images import decode, inspect

KINDS = ["HEIC", "AVIF"]


@pytest.fixture
def media(monkeypatch) -> Any:
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "scripts")
    import fuzz_media

    return fuzz_media


def picture(media: Any, kind: str, side: int = 64) -> Any:
    if kind == "HEIC":
        pytest.importorskip("pillow_heif")
    configuration, data = media.coded_picture(kind, side)
    return media.Item(media._CODED[kind], [configuration, media.ispe(side, side)], data)


def grid(media: Any, rows: int, columns: int, size: tuple[int, int], claimed: tuple[int, int]):
    data = struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, *size)
    refers = ((b"dimg", [2] * (rows * columns)),)
    return media.Item(b"grid", [media.ispe(*claimed)], data, refers)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_boxes_is_read(media, kind):
    data = media.media_file(kind, [picture(media, kind)])
    assert decode(data).shape == (64, 64, 3)


def test_a_tile_may_be_used_twice(media):
    whole = grid(media, 2, 3, (192, 128), (192, 128))
    data = media.media_file("HEIC", [whole, picture(media, "HEIC")])
    assert decode(data).shape == (128, 192, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_grid_is_as_large_as_its_own_data_says(media, kind):
    whole = grid(media, 16, 16, (32_000, 32_000), (64, 64))
    with pytest.raises(BadImage, match=f"too large: {kind} of 32000 x 32000"):
        inspect(media.media_file(kind, [whole, picture(media, kind)]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_tile_costs_as_often_as_it_is_used(media, kind):
    whole = grid(media, 10, 50, (64, 64), (64, 64))
    with pytest.raises(BadImage, match=f"too much work: {kind} with 18. megapixels"):
        inspect(media.media_file(kind, [whole, picture(media, kind, 600)]))


def test_pictures_laid_over_each_other_never_reach_the_decoder(media):
    canvas = struct.pack(">BB4HII", 0, 1, 0, 0, 0, 65_535, 20_000, 20_000) + bytes(8)
    whole = media.Item(b"iovl", [media.ispe(64, 64)], canvas, ((b"dimg", [2]),))
    data = media.media_file("HEIC", [whole, picture(media, "HEIC")])
    assert b"iovl" in data
    with pytest.raises(BadImage, match="a broken HEIC image"):
        decode(data)


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_composed_of_composed_pictures_is_refused(media, kind):
    chain = [
        media.Item(b"iden", [media.ispe(64, 64)], b"", ((b"dimg", [number]),)) for number in (2, 3)
    ]
    with pytest.raises(BadImage, match="composed of composed pictures"):
        inspect(media.media_file(kind, [*chain, picture(media, kind)]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_is_turned_a_hundred_times_is_refused(media, kind):
    plain = picture(media, kind)
    turns = [media.box(b"irot", b"\1"), media.box(b"imir", b"\1")] * 50
    turned = plain._replace(properties=plain.properties + turns)
    with pytest.raises(BadImage, match="cut or turned more than once"):
        inspect(media.media_file(kind, [turned]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_with_a_tone_map_is_read(media, kind):
    photo, gains = picture(media, kind), picture(media, kind)
    tone_map = media.Item(b"tmap", [media.ispe(64, 64)], bytes(60), ((b"dimg", [1, 2]),))
    data = media.media_file(kind, [photo, gains, tone_map])
    assert decode(data).shape == (64, 64, 3)
