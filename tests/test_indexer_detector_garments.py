"""The training of the network of garments: its close-ups, its figures, and a toy that learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.training.detector.agreement import agreement, frequent_kinds
from indexer.training.detector.close_ups import (
    HEIGHT,
    WIDTH,
    LabeledPhoto,
    random_close_up,
    whole_close_up,
)

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.torch

from indexer.recognizers.garments import GarmentNetwork  # noqa: E402
from indexer.training.detector.fit import Schedule  # noqa: E402
from indexer.training.detector.garment_export import (  # noqa: E402
    export_garments,
    export_maps,
    maps_session,
)
from indexer.training.detector.garment_head import (  # noqa: E402
    STRIDES,
    TAP_CHANNELS,
    GarmentHead,
    garment_loss,
    part_weights,
)
from indexer.training.detector.garments import (  # noqa: E402
    StoredViews,
    fit_head,
)
from indexer.training.detector.parts import PARTS  # noqa: E402

SKIN, SHIRT, PANTS = (PARTS.index(name) for name in ("skin", "shirt", "pants"))


def person(width: int = 200, height: int = 300) -> LabeledPhoto:
    """A photo of green ground; a red shirt is above blue pants, left of the middle."""
    parts = np.zeros((height, width), np.uint8)
    parts[60:150, 40:100], parts[150:240, 40:100] = SHIRT, PANTS
    colors = np.zeros((256, 3), np.uint8)
    colors[[0, SHIRT, PANTS]] = (0, 200, 0), (200, 0, 0), (0, 0, 200)
    return LabeledPhoto(Image.fromarray(colors[parts]), parts)


# Close-ups


def test_a_close_up_shows_the_person_with_a_narrow_margin() -> None:
    found = whole_close_up(person())
    assert found.pixels.shape == (HEIGHT, WIDTH, 3)
    rows, columns = np.nonzero(found.parts)
    assert (rows.min(), rows.max()) == pytest.approx((12, HEIGHT - 13), abs=2)
    assert (columns.min(), columns.max()) == pytest.approx((20, WIDTH - 21), abs=3)
    assert found.parts[HEIGHT // 4, WIDTH // 2] == SHIRT
    assert found.parts[3 * HEIGHT // 4, WIDTH // 2] == PANTS


def test_the_parts_of_random_close_ups_lie_on_their_pixels() -> None:
    photo = person()
    for seed in range(12):
        found = random_close_up(photo, np.random.default_rng(seed))
        red, green, blue = found.pixels.astype(int).transpose(2, 0, 1)
        gray = np.abs(red - blue) + np.abs(red - green) < 30  # beyond the photo, or all of it
        right = np.where(
            found.parts == SHIRT, red > blue, np.where(found.parts == PANTS, blue > red, True)
        )
        assert (right | gray).mean() > 0.98
        assert (found.parts > 0).mean() > 0.2


def test_a_photo_of_nobody_is_its_own_close_up() -> None:
    empty = LabeledPhoto(Image.new("RGB", (90, 120)), np.zeros((120, 90), np.uint8))
    assert empty.person() == (0, 0, 90, 120)
    assert not whole_close_up(empty).parts.any()


# Figures


def test_agreement_is_that_of_a_ruler() -> None:
    true, found = np.zeros((10, 10), int), np.zeros((10, 10), int)
    true[:4], found[2:6] = SHIRT, SHIRT  # 20 of 60 pixels in common
    true[8:], found[8:] = PANTS, SKIN
    result = agreement([found], [true], ["shirt", "pants"])
    assert result.kinds == {"shirt": pytest.approx(1 / 3), "pants": 0.0}
    assert result.mean == pytest.approx(1 / 6)
    assert result.garments == pytest.approx(20 / 80)  # skin is not worn


def test_the_most_frequent_kinds_are_counted_by_pictures() -> None:
    parts = np.zeros((3, 4, 4), np.uint8)
    parts[:, 0, 0] = PANTS  # in three pictures, if small
    parts[0] = SHIRT
    parts[1:, 1] = SKIN
    assert frequent_kinds(parts, 2) == ["pants", "shirt"]


# The network


def test_rare_parts_weigh_more_but_not_without_limit() -> None:
    parts = np.zeros((100, 100), np.uint8)
    parts[:2], parts[2, 0] = SHIRT, PANTS
    weights = part_weights(parts, len(PARTS))
    assert weights[SHIRT] == pytest.approx(1)
    assert weights[0] == pytest.approx(0.4)
    assert weights[PANTS] == pytest.approx(3)


def test_the_loss_is_small_for_right_scores_and_large_for_wrong_ones() -> None:
    parts = torch.zeros(1, 4, 4, dtype=torch.int64)
    parts[:, 2:] = SHIRT
    right = 20.0 * torch.nn.functional.one_hot(parts, len(PARTS)).movedim(3, 1)
    weights = torch.ones(len(PARTS))
    assert float(garment_loss(right, parts, weights)) < 0.01
    assert float(garment_loss(right.flip(2), parts, weights)) > 10


@pytest.mark.slow
def test_the_exported_network_says_what_the_trained_one_says(tmp_path: Path) -> None:
    from indexer.training.network import LITE, Network

    torch.manual_seed(0)
    trunk, head = Network(LITE["lite0"]), GarmentHead(len(PARTS))
    pixels = np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, 3), dtype=np.uint8)
    export_maps(trunk, tmp_path / "trunk.onnx")
    maps = maps_session(tmp_path / "trunk.onnx")(pixels)
    head.normalize_by([found.astype(np.float16) for found in maps])
    with torch.no_grad():
        head.whole.conv.weight.normal_(0, 0.05)
    export_garments(trunk, head, tmp_path / "g.onnx", name="toy", parts=PARTS)
    network = GarmentNetwork(tmp_path / "g.onnx", threads=1)
    assert network.parts == PARTS
    (found,) = network.probabilities(pixels)
    with torch.inference_mode():
        expected = head([torch.from_numpy(m) for m in maps]).softmax(1)[0].numpy()
    assert found.shape == (len(PARTS), HEIGHT // 4, WIDTH // 4)
    assert np.abs(found - expected).max() < 1e-3
    assert expected.std(axis=(1, 2)).max() > 1e-4  # it depends on the place


@pytest.mark.slow
def test_a_head_learns_where_a_shirt_is_and_resumes(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    maps = []
    for channels, stride in zip(TAP_CHANNELS, STRIDES, strict=True):
        shape = (3, channels, HEIGHT // stride, WIDTH // stride)
        found = rng.normal(0, 0.2, shape).astype(np.float16)
        found[:, :8, : shape[2] // 2] += 1  # the upper half differs in all maps
        maps.append(found)
    parts = np.zeros((3, HEIGHT, WIDTH), np.uint8)
    parts[:, : HEIGHT // 2] = SHIRT
    views = StoredViews(tuple(maps), parts)
    schedule = Schedule(8, batch=1, rate=1e-2, warm_up=1)
    head = fit_head(views, lambda now: "", schedule, tmp_path / "toy.pt")
    with torch.inference_mode():
        found = head([torch.from_numpy(m[:1].astype(np.float32)) for m in maps])[0].argmax(0)
    right = found.numpy() == parts[0, 2::4, 2::4]
    assert right.mean() > 0.9
    again = fit_head(views, lambda now: "", schedule, tmp_path / "toy.pt")  # nothing is left to do
    assert torch.equal(again.out.conv.weight, head.out.conv.weight)
    with pytest.raises(ValueError, match="remove it"):
        fit_head(views, lambda now: "", Schedule(9, batch=1), tmp_path / "toy.pt")
