"""Small sets of photos as the training of the bundled encoder reads them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from indexer.training.data import Photo
from indexer.training.originals import read_squares
from indexer.training.teacher_features import TeacherFeatures


def write_table(path: Path, header: str, *rows: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([line.split(",") for line in (header, *rows)])


def draw(path: Path, color: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (60, 40), "white")
    ImageDraw.Draw(image).ellipse((15, 8, 45, 32), fill=color)
    image.save(path)


def features_of(photos: list[Photo]) -> TeacherFeatures:
    """Two crops a photo: the whole, and its upper left; the features are random."""
    rng = np.random.default_rng(0)
    box = np.tile(np.array([[0, 0, 1, 1], [0, 0, 0.5, 0.5]], np.float32), (len(photos), 1))
    vectors = rng.normal(size=(len(box), 300)).astype(np.float16)
    return TeacherFeatures(np.arange(len(photos)).repeat(2), box, vectors)


def batches_of(photos: list[Photo], params: object, use: list[bool] | None = None) -> object:
    torch = pytest.importorskip("torch")
    from indexer.training.batches import Batches

    features = features_of(photos)
    targets = torch.nn.functional.normalize(
        torch.from_numpy(features.vectors).float()[:, :256], dim=1
    )
    chosen = use or [True] * len(photos)
    return Batches(photos, read_squares(photos, 64), features, targets, params, chosen)


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
