"""Held-out photos and products, of which eval_recognition composes scenes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from indexer.training.detector.__main__ import training_cutouts
from indexer.training.detector.backgrounds import Backgrounds
from indexer.training.detector.cutouts import Cutout
from indexer.training.detector.pictures import read_rgba
from indexer.training.detector.streets import Street, read_streets


@dataclass(frozen=True)
class Material:
    """Street photos and cut-out products that no training saw, and backgrounds."""

    streets: list[Street]
    backgrounds: Backgrounds
    cutouts: list[Cutout]

    @classmethod
    def read(cls, data: Path, work: Path, limit: int) -> Material:
        """Read it; `work` is the work folder of the training, and what it lacks is made."""
        streets = [street for street in read_streets(data / "ccp") if street.held_out][:limit]
        blurred, textures = (sorted((data / name).glob("*.jpg")) for name in ("general", "styles"))
        chosen = training_cutouts(data, work, 1, held_out=True)
        cutouts = [Cutout(*read_rgba(path)) for path, _ in chosen]
        return cls(streets, Backgrounds(blurred, textures, streets), cutouts)
