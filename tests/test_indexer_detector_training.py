"""The training of the detector of things: its targets, its loss, and a toy that learns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from indexer.training.detector.bank import Shard
from indexer.training.detector.pictures import SIDE

if TYPE_CHECKING:
    from indexer.training.detector.fit import Scenes

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

LINE = torch.arange(10, 100, 10.0)
GRID = torch.stack([LINE.repeat(9), LINE.repeat_interleave(9)], dim=1)  # (81, 2): x, y
LEFT, RIGHT = [5.0, 5.0, 45.0, 95.0], [55.0, 5.0, 95.0, 95.0]


def truth(*boxes: list[float], ignored: list[float] | None = None, complete: bool = True) -> Any:
    from indexer.training.detector.objective import Truth

    quiet = torch.tensor([[ignored or [0.0] * 4]])
    return Truth(torch.tensor([boxes]).reshape(1, -1, 4), quiet, torch.tensor([complete]))


def at(x: float, y: float) -> int:
    """The number of the position at (x, y)."""
    return int(((GRID - torch.tensor([x, y])) == 0).all(1).nonzero())


def boxes_of(reach: float = 20.0) -> Any:
    """At every position, the box (1, 81, 4) around it that reaches as far."""
    return torch.cat([GRID - reach, GRID + reach], dim=1)[None]


# Boxes


def test_overlaps_are_those_of_a_ruler() -> None:
    from indexer.training.detector.objective import generalized_iou, iou

    first = torch.tensor([0.0, 0.0, 2.0, 1.0])
    half, far = torch.tensor([1.0, 0.0, 3.0, 1.0]), torch.tensor([4.0, 0.0, 6.0, 1.0])
    assert float(iou(first, half)) == pytest.approx(1 / 3)
    assert float(generalized_iou(first, half)) == pytest.approx(1 / 3)  # no gap between them
    assert float(generalized_iou(first, far)) == pytest.approx(-1 / 3)  # a third is the gap
    assert float(generalized_iou(first, first)) == pytest.approx(1)


def test_a_position_is_inside_the_boxes_around_it() -> None:
    from indexer.training.detector.objective import inside

    found = inside(GRID, torch.tensor([[LEFT, RIGHT]]))[0]
    assert found[:, at(10, 10)].tolist() == [True, False]
    assert found[:, at(90, 50)].tolist() == [False, True]
    assert found[:, at(50, 50)].tolist() == [False, False]


# Targets


def assigned(boxes: Any, things: Any, scores: Any = None) -> Any:
    from indexer.training.detector.objective import assign

    scores = torch.full((1, len(GRID)), 0.5) if scores is None else scores
    return assign(scores, boxes, things, GRID)


def test_the_position_that_fits_best_has_the_fit_as_its_target() -> None:
    boxes = boxes_of()
    boxes[0, at(20, 50)] = torch.tensor([5.0, 5.0, 45.0, 50.0])  # the upper half of the thing
    found = assigned(boxes, truth(LEFT).boxes)
    assert int(found.target[0].argmax()) == at(20, 50)
    assert float(found.target.max()) == pytest.approx(0.5)
    assert found.boxes[0, at(20, 50)].tolist() == LEFT


def test_at_most_ten_positions_inside_a_thing_stand_for_it() -> None:
    found = assigned(boxes_of(), truth(LEFT, RIGHT).boxes)
    chosen = (found.target[0] > 0).nonzero()[:, 0]
    assert len(chosen) == 20
    for number in chosen.tolist():
        x, y = GRID[number].tolist()
        low_x, low_y, high_x, high_y = found.boxes[0, number].tolist()
        assert low_x < x < high_x
        assert low_y < y < high_y


def test_a_position_in_two_things_stands_for_the_one_that_its_box_fits() -> None:
    outer, inner = [5.0, 5.0, 95.0, 95.0], [35.0, 35.0, 65.0, 65.0]
    boxes = boxes_of(40)
    boxes[0, at(50, 50)] = torch.tensor(inner)
    found = assigned(boxes, truth(outer, inner).boxes)
    assert found.boxes[0, at(50, 50)].tolist() == inner
    assert float(found.target[0, at(50, 50)]) == pytest.approx(1)


def test_a_thing_between_all_positions_still_has_one() -> None:
    speck = [51.5, 51.5, 54.5, 54.5]
    boxes = boxes_of()
    boxes[0, at(50, 50)] = torch.tensor([50.0, 50.0, 56.0, 56.0])
    found = assigned(boxes, truth(speck).boxes)
    assert float(found.target[0, at(50, 50)]) == pytest.approx(9 / 36)


def test_padding_and_a_picture_without_things_have_no_targets() -> None:
    assert float(assigned(boxes_of(), truth([0.0] * 4).boxes).target.max()) == 0
    assert float(assigned(boxes_of(), torch.zeros(1, 0, 4)).target.max()) == 0


# Loss


def loss(scores: Any, boxes: Any, shown: Any) -> tuple[float, float]:
    from indexer.training.detector.objective import detection_loss

    score, box = detection_loss(scores, boxes, shown, GRID)
    return float(score), float(box)


def test_right_boxes_with_right_scores_cost_nothing() -> None:
    boxes = boxes_of()
    inside = (GRID[:, 0] < 45) & (GRID[:, 1] < 95)
    boxes[0, inside] = torch.tensor(LEFT)
    best = inside.nonzero()[:10, 0]  # all fit equally: the first ten are chosen
    scores = torch.full((1, len(GRID)), -20.0)
    scores[0, best] = 20.0
    score, box = loss(scores, boxes, truth(LEFT))
    assert score < 1e-3
    assert box < 1e-6


def test_a_score_on_the_background_costs_something_except_where_it_is_ignored() -> None:
    quiet = torch.full((1, len(GRID)), -20.0)
    loud = quiet.clone()
    loud[0, at(80, 80)] = 3.0
    corner = [70.0, 70.0, 90.0, 90.0]
    assert loss(loud, boxes_of(), truth(LEFT))[0] > loss(quiet, boxes_of(), truth(LEFT))[0] + 0.5
    for shown in (truth(LEFT, ignored=corner), truth(LEFT, complete=False)):
        same = loss(quiet, boxes_of(), shown)
        assert loss(loud, boxes_of(), shown) == pytest.approx(same)


def test_the_loss_moves_boxes_towards_the_thing() -> None:
    from indexer.training.detector.objective import detection_loss

    boxes = boxes_of().requires_grad_(True)
    _, box_loss = detection_loss(torch.zeros(1, len(GRID)), boxes, truth(LEFT), GRID)
    (slope,) = torch.autograd.grad(box_loss, boxes)
    moved = (boxes - 30 * slope)[0, at(20, 50)].detach()  # from [0, 30, 40, 70]
    assert moved[1] < 30
    assert moved[3] > 70


# Batches


def shard(count: int) -> Shard:
    """Scenes with one square each at another place; the maps are 1 inside it, and 0 elsewhere."""
    boxes, maps = np.zeros((count, 28, 4), np.float32), []
    for side, channels in ((36, 40), (18, 112), (9, 192)):
        maps.append(np.zeros((count, channels, side, side), np.float16))
    rng = np.random.default_rng(0)
    for n in range(count):
        column, row, size = rng.integers(0, 5), rng.integers(0, 5), rng.integers(3, 5)
        boxes[n, 0] = np.array([column, row, column + size, row + size]) / 9
        for step, level in zip((4, 2, 1), maps, strict=True):
            place = np.array([row, row + size, column, column + size]) * step
            level[n, ::2, place[0] : place[1], place[2] : place[3]] = 1
    fine, middle, coarse = maps
    return Shard((fine, middle, coarse), boxes, np.zeros_like(boxes), np.ones(count, np.bool_))


@pytest.fixture
def scenes(monkeypatch: pytest.MonkeyPatch) -> Scenes:
    from indexer.training.detector import fit

    monkeypatch.setattr(fit, "read_shard", lambda path: shard(24))
    return fit.Scenes([Path("any.npz")])


def test_a_mirrored_batch_has_mirrored_maps_and_boxes(scenes: Scenes) -> None:
    stream = scenes.batches(4, seed=1, first=0)
    for batch in (next(stream), next(stream)):  # the second is mirrored
        for maps, (box,) in zip(batch.maps[0], batch.truth.boxes / SIDE, strict=True):
            rows, columns = np.nonzero(maps[0].numpy())
            corners = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert (np.array(corners) / 36) == pytest.approx(box.numpy(), abs=1e-5)


def test_batches_go_on_where_a_training_stopped(scenes: Scenes) -> None:
    def boxes(first: int, count: int) -> list[Any]:
        stream = scenes.batches(5, seed=2, first=first)
        return [next(stream).truth.boxes for _ in range(count)]

    for whole, resumed in zip(boxes(0, 9)[6:], boxes(6, 3), strict=True):  # in another epoch
        assert torch.equal(whole, resumed)


def test_fewer_scenes_than_a_batch_are_refused(scenes: Scenes) -> None:
    with pytest.raises(ValueError, match="a batch needs 25 scenes, and there are 24"):
        next(scenes.batches(25, seed=1, first=0))


# Training


def toy() -> Any:
    """A detector with a small trunk, which is not used on stored maps."""
    from indexer.training.detector.network import Detector
    from indexer.training.network import Network, Shape

    torch.manual_seed(0)
    detector = Detector(Network(Shape(0.1, 0.3)).requires_grad_(False))
    for layer in detector.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 0.3  # in a few steps, the statistics would hardly move
    return detector


def found_by(detector: Any, scenes: Scenes, count: int) -> list[float]:
    """The overlap of the best box of each of the first scenes with the thing."""
    from indexer.training.detector.objective import iou

    batch = next(scenes.batches(count, seed=1, first=0))
    with torch.inference_mode():
        scores, boxes = detector.eval()(batch.maps)
    best = boxes[torch.arange(count), scores.argmax(1)]
    return iou(best, batch.truth.boxes[:, 0]).tolist()


def test_a_few_steps_teach_where_a_square_is(scenes: Scenes, tmp_path: Path) -> None:
    from indexer.training.detector.fit import Schedule, fit

    schedule = Schedule(steps=24, batch=2, rate=1e-2, warm_up=3)
    start = toy()
    assert np.mean(found_by(start, scenes, 8)) < 0.3
    done = fit(start, scenes, schedule, tmp_path / "toy.pt", print)
    assert np.mean(found_by(done, scenes, 8)) > 0.45


def test_an_interrupted_training_ends_with_the_same_weights(
    scenes: Scenes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from indexer.training.detector import fit

    schedule = fit.Schedule(steps=4, batch=1, warm_up=2)

    def trained(path: Path) -> dict[str, Any]:
        found: dict[str, Any] = fit.fit(toy(), scenes, schedule, path, print).state_dict()
        return found

    whole = trained(tmp_path / "whole.pt")
    monkeypatch.setattr(fit, "_SAVE_EVERY", 2)
    steps, right = iter(range(3)), fit.detection_loss

    def dies(*arguments: Any) -> Any:
        if next(steps, None) is None:  # in the fourth step
            raise KeyboardInterrupt
        return right(*arguments)

    monkeypatch.setattr(fit, "detection_loss", dies)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "cut.pt")
    monkeypatch.setattr(fit, "detection_loss", right)
    resumed = trained(tmp_path / "cut.pt")
    for name, value in whole.items():
        assert torch.allclose(resumed[name], value, atol=1e-6), name


def test_a_checkpoint_of_another_course_is_refused(scenes: Scenes, tmp_path: Path) -> None:
    from indexer.training.detector.fit import Schedule, fit

    fit(toy(), scenes, Schedule(steps=1, batch=2), tmp_path / "one.pt", print)
    with pytest.raises(ValueError, match=r"one\.pt is of .*steps=1.* remove it to start again"):
        fit(toy(), scenes, Schedule(steps=2, batch=2), tmp_path / "one.pt", print)


# Export


def test_the_exported_file_finds_what_the_network_finds(tmp_path: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from indexer.training.detector.export import export_detector
    from indexer.training.detector.network import TAPS, Detector
    from indexer.training.network import LITE, PIXEL_MEAN, PIXEL_STD, Network

    torch.manual_seed(0)
    detector = Detector(Network(LITE["lite0"])).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 3), dtype=np.uint8)
    export_detector(detector, tmp_path / "toy.onnx", name="toy")
    session = ort.InferenceSession(str(tmp_path / "toy.onnx"))
    scores, boxes = session.run(["scores", "boxes"], {"pixels": pixels})
    with torch.inference_mode():
        x = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - PIXEL_MEAN) / PIXEL_STD
        front = detector.trunk.stem.relu6(x)
        raw, corners = detector(detector.taps(front, 0))
    assert TAPS[-1] == 15
    assert scores.shape == (1, len(detector.centers))
    assert np.abs(scores - raw.sigmoid().numpy()).max() < 1e-3
    assert np.abs(boxes - (corners / SIDE).clamp(0, 1).numpy()).max() < 5e-3


def test_parts_are_added_to_a_detector_and_replaced(tmp_path: Path) -> None:
    ort = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from indexer.training.detector.export import export_detector, write_settings
    from indexer.training.detector.network import Detector
    from indexer.training.detector.parts import features_of, places
    from indexer.training.detector.parts_graph import CELLS, add_parts, map_session
    from indexer.training.network import LITE, Network

    torch.manual_seed(0)
    path = tmp_path / "toy.onnx"
    export_detector(Detector(Network(LITE["lite0"])).eval(), path, name="toy")
    write_settings(path, {"format": 1, "name": "toy"})
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    before = ort.InferenceSession(str(path)).run(["scores"], {"pixels": pixels[None]})[0]
    features = features_of(map_session(path)(pixels))
    for count in (2, 3):
        weights = np.random.default_rng(count).normal(size=(features.shape[2], count))
        add_parts(path, weights.astype(np.float32), places(), ["a", "b", "c"][:count])
        session = ort.InferenceSession(str(path))
        scores, cells = session.run(["scores", "cells"], {"pixels": pixels[None]})
        assert cells.shape == (1, count, CELLS, CELLS)
        expected = (features @ weights).transpose(2, 0, 1)
        assert np.abs(cells[0] - expected).max() < 0.01 * np.abs(expected).max()
        assert np.array_equal(scores, before)
    assert '"parts": [\n    "a",\n    "b",\n    "c"' in path.with_suffix(".json").read_text()
