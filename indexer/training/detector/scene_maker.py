"""Make the scenes of a shard of the bank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.training.detector.backgrounds import Backgrounds
from indexer.training.detector.bank import SHARD
from indexer.training.detector.compose import Composer
from indexer.training.detector.cutouts import Cutout, tight_all
from indexer.training.detector.pictures import read_rgba
from indexer.training.detector.scene import Scene
from indexer.training.detector.streets import Street, read_streets, street_cutouts, street_scene

STREET_SHARE = 0.45
_STREET_CUTOUTS = 150
"""Street photos whose garments are cut out."""


@dataclass(frozen=True)
class SceneMaker:
    """The files that scenes are made of. Calling it reads them, in a worker process.

    ``cutouts`` are PNG files with their weights. ``held_out`` selects the held-out street photos
    instead of the others.
    """

    data: Path
    cutouts: Sequence[tuple[Path, float]]
    seed: int = 1
    held_out: bool = False
    street_share: float = STREET_SHARE

    def __call__(self) -> Callable[[int], list[Scene]]:
        """Return a function from the number of a shard to its scenes, always the same ones."""
        streets = []
        if (self.data / "ccp").is_dir():
            streets = [s for s in read_streets(self.data / "ccp") if s.held_out == self.held_out]
        composer = self._composer(streets)

        def scenes(shard: int) -> list[Scene]:
            made = []
            for number in range(SHARD):
                rng = np.random.default_rng([self.seed, shard, number])
                if streets and number < self.street_share * SHARD:
                    street = streets[int(rng.integers(len(streets)))]
                    made.append(street_scene(street, rng))
                else:
                    made.append(composer.compose(rng))
            return made

        return scenes

    def _composer(self, streets: Sequence[Street]) -> Composer:
        cutouts = [Cutout(*read_rgba(path)) for path, _ in self.cutouts]
        weights = [weight for _, weight in self.cutouts]
        worn = [
            found
            for street in streets[:_STREET_CUTOUTS]
            for found in tight_all(street_cutouts(street))
        ]
        backgrounds = Backgrounds(
            sorted((self.data / "general").glob("*.jpg")),
            sorted((self.data / "styles").glob("*.jpg")),
            streets,
        )
        return Composer(
            [*cutouts, *worn], np.array([*weights, *([0.7] * len(worn))], np.float64), backgrounds
        )
