"""Small sets of photos as the training of the bundled encoder reads them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from indexer.training.data import Photo
from indexer.training.originals import read_squares


def write_table(path: Path, header: str, *rows: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([line.split(",") for line in (header, *rows)])


def draw(path: Path, color: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (60, 40), "white")
    ImageDraw.Draw(image).ellipse((15, 8, 45, 32), fill=color)
    image.save(path)


def batches_of(photos: list[Photo], params: object, use: list[bool] | None = None) -> object:
    pytest.importorskip("torch")
    from indexer.training.batches import Batches

    return Batches(photos, read_squares(photos, 64), params, use or [True] * len(photos))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two groceries with a catalog picture and a photo each, and one clothing photo."""
    folder = tmp_path / "data"
    for name, color in (("Lemon", "yellow"), ("Plum", "purple")):
        draw(folder / "grocery" / f"iconic/{name}.jpg", color)
        draw(folder / "grocery" / f"photos/{name}.jpg", color)
    draw(folder / "clothing" / "photos/0.jpg", "navy")
    write_table(
        folder / "grocery" / "catalog.csv",
        "id,image",
        "Lemon,iconic/Lemon.jpg",
        "Plum,iconic/Plum.jpg",
    )
    write_table(
        folder / "grocery" / "photos_train.csv",
        "image,item_id",
        "photos/Lemon.jpg,Lemon",
        "photos/Plum.jpg,Plum",
    )
    write_table(folder / "grocery" / "photos_val.csv", "image,item_id", "photos/secret.jpg,Plum")
    write_table(folder / "clothing" / "photos_train.csv", "image,category", "photos/0.jpg,pants")
    return folder
