"""Train the detector: its head on stored maps, then the later blocks of the trunk with it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from indexer.durable import draft_of
from indexer.training.detector.bank import Shard, read_shard
from indexer.training.detector.network import TAPS, Detector
from indexer.training.detector.objective import Truth, detection_loss
from indexer.training.detector.pictures import SIDE

_REPORT_EVERY, _SAVE_EVERY = 50, 100


@dataclass(frozen=True)
class Schedule:
    """A stage of the training. With ``tune_trunk`` the blocks after stride 8 are trained too."""

    steps: int
    batch: int = 16
    rate: float = 2e-3
    weight_decay: float = 0.02
    warm_up: int = 100
    tune_trunk: bool = False
    trunk_rate_share: float = 0.1
    seed: int = 1

    def rate_at(self, step: int) -> float:
        """Rise linearly, then fall by half a cosine to 1 %."""
        if step < self.warm_up:
            return self.rate * (step + 1) / self.warm_up
        done = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        return self.rate * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)


class Batch(NamedTuple):
    """The stored maps of some scenes, finest first, and what they show."""

    maps: tuple[Tensor, Tensor, Tensor]
    truth: Truth


class Scenes:
    """Draws batches from the shards of a bank, held in memory as float16."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._shards = [read_shard(path) for path in paths]
        self._at = [(s, n) for s, shard in enumerate(self._shards) for n in range(len(shard.boxes))]

    def __len__(self) -> int:
        return len(self._at)

    def batches(self, size: int, seed: int, first: int) -> Iterator[Batch]:
        """Yield batches without end, in an order that depends on ``seed``, from step ``first``.

        Raises ValueError if there are fewer scenes than a batch needs.
        """
        if len(self) < size:
            raise ValueError(f"a batch needs {size} scenes, and there are {len(self)}: add shards")
        step = 0
        epoch = 0
        while True:
            order = np.random.default_rng([seed, epoch]).permutation(len(self._at))
            for start in range(0, len(order) - size + 1, size):
                if step >= first:
                    yield self._batch(order[start : start + size].tolist(), flip=step % 2 == 1)
                step += 1
            epoch += 1

    def _batch(self, numbers: Sequence[int], *, flip: bool) -> Batch:
        """Stack scenes; ``flip`` mirrors the maps, which is nearly the map of a mirrored scene."""
        chosen = [self._at[number] for number in numbers]

        def stacked(pick: Callable[[Shard], NDArray[Any]]) -> Tensor:
            return torch.from_numpy(np.stack([pick(self._shards[s])[n] for s, n in chosen]))

        maps = [
            stacked(lambda shard: shard.maps[0]).float(),
            stacked(lambda shard: shard.maps[1]).float(),
            stacked(lambda shard: shard.maps[2]).float(),
        ]
        boxes, ignored = stacked(lambda s: s.boxes), stacked(lambda s: s.ignored)
        if flip:
            maps = [level.flip(3) for level in maps]
            boxes, ignored = _mirrored(boxes), _mirrored(ignored)
        most = int((boxes[..., 2] > boxes[..., 0]).sum(1).max())
        truth = Truth(boxes[:, :most] * SIDE, ignored * SIDE, stacked(lambda s: s.complete))
        fine, middle, coarse = (m.contiguous(memory_format=torch.channels_last) for m in maps)
        return Batch((fine, middle, coarse), truth)


def _mirrored(boxes: Tensor) -> Tensor:
    real = boxes[..., 2:3] > boxes[..., :1]
    left, top, right, bottom = boxes.unbind(-1)
    return torch.where(real, torch.stack([1 - right, top, 1 - left, bottom], -1), 0.0)


def fit(
    detector: Detector,
    scenes: Scenes,
    schedule: Schedule,
    checkpoint: Path,
    report: Callable[[str], None],
) -> Detector:
    """Train for all steps; return the moving average of the weights, in eval mode.

    Resumes from ``checkpoint`` if it exists. Raises ValueError if that is of another schedule or
    of another number of scenes.
    """
    detector = detector.train().to(memory_format=torch.channels_last)
    optimizer = _optimizer(detector, schedule)
    trained = [weight for group in optimizer.param_groups for weight in group["params"]]
    average = copy.deepcopy(detector).requires_grad_(False)
    course = f"{schedule} on {len(scenes)} scenes"
    first = 0
    if checkpoint.is_file():
        first = load_checkpoint(checkpoint, course, detector, average, optimizer)
    started, means = time.monotonic(), np.zeros(2)
    batches = scenes.batches(schedule.batch, schedule.seed, first)
    for step in range(first, schedule.steps):
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate_at(step) * group["share"]
        batch = next(batches)
        maps = batch.maps
        if schedule.tune_trunk:
            maps = detector.taps(maps[0], TAPS[0])
        scores, boxes = detector(maps)
        losses = detection_loss(scores, boxes, batch.truth, detector.centers)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(losses[0] + losses[1])
        torch.nn.utils.clip_grad_norm_(trained, 10.0)
        optimizer.step()
        update_average(average, detector, min(0.998, (step + 1) / (step + 10)))
        means += [float(loss.detach()) for loss in losses]
        if (step + 1) % _REPORT_EVERY == 0:
            score, box = means / _REPORT_EVERY
            spent = time.monotonic() - started
            report(f"step {step + 1}  {spent:.0f} s  score {score:.4f}  box {box:.4f}")
            means[:] = 0
        if (step + 1) % _SAVE_EVERY == 0 or step + 1 == schedule.steps:
            save_checkpoint(checkpoint, course, step + 1, detector, average, optimizer)
    done: Detector = average.eval()
    return done


def _optimizer(detector: Detector, schedule: Schedule) -> torch.optim.Optimizer:
    """Return an optimizer whose groups have a ``share`` of the learning rate."""
    groups: list[dict[str, Any]] = [{"params": detector.own_parameters(), "share": 1.0}]
    if schedule.tune_trunk:
        late_blocks = detector.trunk.blocks[TAPS[0] : TAPS[-1]]
        late = [weight for block in late_blocks for weight in block.parameters()]
        groups.append({"params": late, "share": schedule.trunk_rate_share})
    return torch.optim.AdamW(
        groups, lr=schedule.rate, weight_decay=schedule.weight_decay, fused=True
    )


def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move a moving average of weights towards those of ``network``, by a share of 1 - decay."""
    with torch.no_grad():
        for mean, now in zip(
            average.state_dict().values(), network.state_dict().values(), strict=True
        ):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - decay)
            else:
                mean.copy_(now)


def save_checkpoint(
    path: Path,
    course: str,
    step: int,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write the state of a training after a step, atomically; ``course`` says of which one."""
    state = {
        "course": course,
        "step": step,
        "network": network.state_dict(),
        "average": average.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    with draft_of(path) as draft:
        torch.save(state, draft)


def load_checkpoint(
    path: Path,
    course: str,
    network: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> int:
    """Read the state that ``save_checkpoint`` wrote; return its step.

    Raises ValueError if it is of another course.
    """
    state = torch.load(path, weights_only=True)
    made = state.get("course", "an earlier version")
    if made != course:
        raise ValueError(f"{path} is of {made}, not of {course}; remove it to start again")
    network.load_state_dict(state["network"])
    average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])
