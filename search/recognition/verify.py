"""Compare a photo with the pictures of its first hits, point by point.

Local features (SIFT) of both pictures are matched, and a homography is fitted to the matches. Then
the photo is laid over the picture, and their light and colors are correlated where they overlap:
packages of one brand share many points, but not their colors and words. Needs OpenCV, the extra
``opencv``.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from indexer.errors import BadQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from indexer.arrays import Pixels

    Floats = NDArray[np.float32]

MOST_VERIFIED = 20
"""Hits that are compared with the photo, at most."""
VERIFY_SIDE = 480
"""Pixels of the longer side of a photo that is compared; smaller ones are enlarged."""
_PICTURE_SIDE = 400
_FEATURES = 500
_RATIO = 0.8  # distance of the best match to that of the second best (Lowe 2004)
_OFF = 6.0  # pixels that a matched point may be off
_ROUNDS = 500  # of RANSAC
_LEAST_POINTS = 8
_WEIGHT = 0.2  # of the likeness, beside the score of the search
_SMOOTH = 20.0  # levels: contrast below is noise


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The agreement between the picture of a hit and the photo, point by point."""

    points: Annotated[int, Meta(description="How many points agree with one change of view.")]
    likeness: Annotated[
        float,
        Meta(
            description="How alike both are where they overlap, from -1 to 1; 0 if fewer than 8 "
            "points agree."
        ),
    ]


class Features(NamedTuple):
    """The pixels of a picture, and its points (n, 2) with their descriptors (n, 128)."""

    pixels: Pixels
    points: Floats
    descriptors: Floats


def check_verify() -> None:
    """Raise BadQuery unless OpenCV is installed."""
    if find_spec("cv2") is None:
        raise BadQuery("verify needs OpenCV: pip install 'vitrine[opencv]'", param="verify")


def _opencv() -> Any:
    return import_module("cv2")  # Any: its type stubs lack parts of it


def features_of(pixels: Pixels, side: int) -> Features:
    """Return the local features of a picture (h, w, 3), resized to ``side``."""
    cv2 = _opencv()
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(pixels, size, interpolation=how)
    gray = cv2.cvtColor(resized, cv2.COLOR_RGB2GRAY)
    points, descriptors = cv2.SIFT_create(_FEATURES).detectAndCompute(gray, None)
    if descriptors is None:
        return Features(resized, np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32))
    return Features(
        resized, np.array([p.pt for p in points], np.float32).reshape(-1, 2), descriptors
    )


def compare(photo: Features, picture: Features) -> Verification:
    """Compare a photo with a catalog picture."""
    cv2 = _opencv()
    nothing = Verification(points=0, likeness=0.0)
    if len(photo.points) < _LEAST_POINTS or len(picture.points) < _LEAST_POINTS:
        return nothing
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(picture.descriptors, photo.descriptors, k=2)
    good = [best for best, second in pairs if best.distance < _RATIO * second.distance]
    if len(good) < _LEAST_POINTS:
        return nothing
    here = picture.points[[match.queryIdx for match in good]]  # (m, 2)
    there = photo.points[[match.trainIdx for match in good]]
    cv2.setRNGSeed(1)
    found, inliers = cv2.findHomography(there, here, cv2.RANSAC, _OFF, maxIters=_ROUNDS)
    if found is None:
        return nothing
    kept = inliers.ravel() > 0
    count = int(kept.sum())
    if count < _LEAST_POINTS:
        return Verification(points=count, likeness=0.0)
    return Verification(points=count, likeness=round(_likeness(photo, picture, found), 4))


def _likeness(photo: Features, picture: Features, homography: NDArray[np.float64]) -> float:
    """Correlate light and colors of the photo, laid over the picture, in the region of its points.

    The region is that of all points, not only of those that match: where two products differ, no
    point matches.
    """
    cv2 = _opencv()
    height, width = picture.pixels.shape[:2]
    laid = cv2.warpPerspective(_blurred(photo.pixels), homography, (width, height))
    inside = np.ones(photo.pixels.shape[:2], np.uint8)
    covered = cv2.warpPerspective(inside, homography, (width, height)) > 0
    around = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(around, cv2.convexHull(picture.points).astype(np.int32), 1)
    region = (cv2.dilate(around, np.ones((15, 15), np.uint8)) > 0) & covered
    if region.sum() < 400:
        return 0.0
    ours = _blurred(picture.pixels).astype(np.float32)[region]  # (n, 3)
    theirs = laid.astype(np.float32)[region]
    light = _correlation(ours.mean(axis=1), theirs.mean(axis=1))
    red = _correlation(ours[:, 0] - ours[:, 1], theirs[:, 0] - theirs[:, 1])
    blue = _correlation(ours[:, 2] - ours[:, 1], theirs[:, 2] - theirs[:, 1])
    return 0.5 * light + 0.25 * (red + blue)


def _blurred(pixels: Pixels) -> Any:
    cv2 = _opencv()
    return cv2.GaussianBlur(pixels, (0, 0), 2)


def _correlation(first: Floats, second: Floats) -> float:
    shared = float(((first - first.mean()) * (second - second.mean())).mean())
    return shared / (float(first.std() * second.std()) + _SMOOTH)


def verify_hits(
    photo: Pixels, scores: Sequence[float], picture_of: Callable[[int], Pixels | None]
) -> tuple[list[int], list[Verification | None]]:
    """Return the order of the hits after comparing them with the photo, and the comparisons.

    ``scores`` are those of the hits, best first; ``picture_of`` returns the picture of a hit by its
    place, or None. Only the first 20 hits are compared, and may change places.
    """
    query = features_of(photo, VERIFY_SIDE)
    found: list[Verification | None] = [None] * len(scores)
    merit = []
    for place, score in enumerate(scores[:MOST_VERIFIED]):
        picture = picture_of(place)
        likeness = 0.0
        if picture is not None:
            checked = compare(query, features_of(picture, _PICTURE_SIDE))
            found[place], likeness = checked, checked.likeness
        merit.append(score + _WEIGHT * likeness)
    first = sorted(range(len(merit)), key=lambda place: (-merit[place], place))
    order = [*first, *range(len(merit), len(scores))]
    return order, [found[place] for place in order]
