"""A snapshot of the tiny shop, and what a restored shop answers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from indexer.encoders.color import ColorEncoder
from indexer.shop.folder import ShopFolder
from indexer.shop.restore import restore_snapshot
from indexer.shop.snapshot import Snapshot, take_snapshot
from search.engine import SearchEngine
from tests.conftest import COLORS
from tests.twomodels import silent


def answers(shop: Path) -> dict[str, list[tuple[str, float]]]:
    """The first ten for a photo of each color."""
    with SearchEngine.open(shop, encoder=ColorEncoder()) as engine:
        return {
            name: [
                (hit.item_id, hit.score)
                for hit in engine.by_image(np.full((64, 64, 3), color, dtype=np.uint8))
            ]
            for name, color in COLORS.items()
        }


@pytest.fixture(scope="session")
def taken(tiny_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot of ``tiny_shop``. Shared: do not write into it."""
    path = tmp_path_factory.mktemp("snapshot") / "shop.vitrine"
    take_snapshot(ShopFolder(tiny_shop), path, progress=silent)
    return path


def restore(path: Path, shop: Path, *, force: bool = False) -> Snapshot:
    return restore_snapshot(path, ShopFolder(shop), force=force, progress=silent)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
