"""Build the hostile picture file of a number: the format, its structure, and its damage."""

from __future__ import annotations

import functools
import importlib.util
import random
from collections.abc import Callable

from fuzz_avif import avif
from fuzz_gif import foreign, gif
from fuzz_jpeg import jpeg
from fuzz_media import media
from fuzz_parts import bent
from fuzz_png import png
from fuzz_webp import webp

BUILDERS: dict[str, Callable[[random.Random, int], bytes]] = {
    "jpeg": jpeg,
    "png": png,
    "webp": webp,
    "gif": gif,
    "avif": avif,
    "avif, built": functools.partial(media, "AVIF"),
    "foreign": foreign,
}
if importlib.util.find_spec("pillow_heif"):
    BUILDERS["heic, built"] = functools.partial(media, "HEIC")


def build(number: int, seed: int, largest: int, copies: int) -> tuple[str, bytes]:
    """Return the name and the bytes of a file; every file before it leaves it the same.

    Of ``copies`` files in a row the first is as it was built, and the others are damaged.
    """
    name, data = _built(number // copies, seed, largest)
    if number % copies == 0:
        return name, data
    return f"{name}, bent", bent(data, random.Random(f"bent {seed} {number}"))


@functools.lru_cache(maxsize=1)  # the copies of a file follow it
def _built(number: int, seed: int, largest: int) -> tuple[str, bytes]:
    rng = random.Random(f"built {seed} {number}")
    names = list(BUILDERS)
    # Every format occurs twice before chance chooses, so that a short run has them all.
    name = names[number % len(names)] if number < 2 * len(names) else rng.choice(names)
    return name, BUILDERS[name](rng, largest)
