"""Encoders that are files, kept within a shop."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.registry import load_encoder
from indexer.jobs.build import build_index
from indexer.shop.folder import ShopFolder
from search.engine import SearchEngine
from tests.conftest import COLORS
from tests.tinyencoders import write_onnx


def write_encoder(folder: Path, seed: int = 1) -> Path:
    """A tiny encoder as ``mine.onnx``, with its JSON; of other weights for each seed."""
    folder.mkdir(exist_ok=True)
    made = write_onnx(folder, seed, layout="nhwc", dtype="uint8")
    path = folder / "mine.onnx"
    made.replace(path)
    made.with_suffix(".json").replace(path.with_suffix(".json"))
    return path


def answers(shop: Path) -> dict[str, list[tuple[str, float]]]:
    """The first ten for a photo of each color."""
    with SearchEngine.open(shop, threads=1) as engine:
        return {
            name: [
                (hit.item_id, hit.score)
                for hit in engine.by_image(np.full((64, 64, 3), color, dtype=np.uint8))
            ]
            for name, color in COLORS.items()
        }


@pytest.fixture(scope="module")
def built(tiny_catalog, tmp_path_factory) -> tuple[Path, Path]:
    """The file of an encoder, which is gone, and a shop that was indexed by it before."""
    folder = tmp_path_factory.mktemp("built")
    path = write_encoder(folder / "from")
    build_index(
        open_catalog(tiny_catalog), ShopFolder(folder / "shop"), load_encoder(f"onnx:{path}")
    )
    path.parent.rename(folder / "away")
    return path, folder / "shop"


@pytest.fixture
def shop(built, tmp_path) -> ShopFolder:
    """A copy of that shop."""
    shutil.copytree(built[1], tmp_path / "shop")
    return ShopFolder(tmp_path / "shop")


def files(shop: ShopFolder) -> list[str]:
    return sorted(path.name for path in shop.encoders.iterdir())


def spoil(path: Path) -> bytes:
    """Change one bit in the middle of a file; returns what was in it."""
    data = path.read_bytes()
    changed = bytearray(data)
    changed[len(data) // 2] ^= 1
    path.write_bytes(changed)
    return data
