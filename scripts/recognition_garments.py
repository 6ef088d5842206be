"""Measures names and masks of garments on people for eval_recognition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from indexer.recognizers.base import Thing
from indexer.recognizers.boxes import overlaps
from indexer.recognizers.onnxdetector import OnnxDetector
from indexer.training.data import GARMENT_KIND
from indexer.training.detector.agreement import agreement, frequent_kinds
from indexer.training.detector.pictures import read_labels, read_picture
from indexer.training.detector.streets import Street
from search.recognition.look import without_repeats

LEAST_SHARE = 0.005
FITS = 0.5  # IoU of a box with that of a garment


def measure_garments(
    recognizer: OnnxDetector, streets: Sequence[Street], numbers: NDArray[np.uint8]
) -> dict[str, Any]:
    """Return the figures of held-out photos; ``numbers`` (256,) maps their labels to parts.

    Kinds are the 15 that most of these photos show. Masks and names are those of shown things whose
    box fits a garment of at least half a percent of the photo. Dots are the shown things without
    repeats, as on the page; a dot is right if its box fits such a garment.
    """
    found, true = [], []
    things = named = right = dots = right_dots = 0
    masks: dict[str, list[float]] = {"named": [], "without a name": []}
    for street in streets:
        pixels, labels = np.asarray(read_picture(street.path)), read_labels(street.mask)
        close_up = recognizer.close_up(pixels)
        nothing = np.zeros(labels.shape, np.uint8)
        found.append(nothing if close_up is None else close_up.parts_in_photo(*labels.shape))
        true.append(numbers[labels])
        large = np.flatnonzero(street.shares >= LEAST_SHARE)
        shown = recognizer.recognize([pixels])[0]
        for dot in without_repeats(shown):
            fits = overlaps(np.array([dot.box], np.float32), street.boxes[large])[0]
            dots += 1
            right_dots += bool(fits.size and fits.max() >= FITS)
        for thing in shown:
            fits = overlaps(np.array([thing.box], np.float32), street.boxes[large])[0]
            if not len(large) or fits.max() < FITS:
                continue
            meant = int(large[fits.argmax()])
            things += 1
            named += thing.label is not None
            right += thing.label == GARMENT_KIND.get(street.names[meant])
            if thing.mask is not None:
                group = "without a name" if thing.label is None else "named"
                masks[group].append(_overlap(thing, labels == street.values[meant]))
    of_photos = np.stack([_pooled(parts) for parts in true])
    result = agreement(found, true, frequent_kinds(of_photos))
    return {
        "photos": len(streets),
        "photos with a close-up": sum(bool(parts.any()) for parts in found),
        "kinds, mean IoU": round(result.mean, 3),
        "kinds": {kind: round(value, 3) for kind, value in result.kinds.items()},
        "garments, IoU": round(result.garments, 3),
        "things on a garment": things,
        "named": named,
        "named right": round(right / max(1, named), 3),
        "masks": {
            group: {"count": len(found), "mean IoU": round(float(np.mean(found or [0.0])), 3)}
            for group, found in masks.items()
        },
        "dots": round(dots / max(1, len(streets)), 2),
        "dots, precision": round(right_dots / max(1, dots), 3),
    }


def _pooled(parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return which parts a picture shows, as a row (256,) of their numbers; 0 for the others."""
    row = np.zeros(256, np.uint8)
    seen = np.unique(parts)
    row[seen] = seen
    return row.reshape(1, -1)


def _overlap(thing: Thing, truth: NDArray[np.bool_]) -> float:
    assert thing.mask is not None
    image = Image.fromarray(thing.mask.astype(np.uint8) * 255)
    size = (truth.shape[1], truth.shape[0])
    mine = np.asarray(image.resize(size, Image.Resampling.BILINEAR)) > 127
    return float((mine & truth).sum() / (mine | truth).sum())
