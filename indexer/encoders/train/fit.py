"""The training loop: batches of views, losses, a running mean of the weights, checkpoints."""

from __future__ import annotations

import copy
import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from torch import Tensor, nn

from indexer.encoders.train.augment import augment
from indexer.encoders.train.data import Photo
from indexer.encoders.train.losses import UNLABELED, Imitation, Places, Proxies, same_thing
from indexer.encoders.train.network import Network, Shape
from indexer.encoders.train.views import Round

SOURCE_SHARE = {
    "grocery": 26,
    "grocery-catalog": 9,
    "clothing": 22,
    "magento": 12,
    "ccp-thing": 10,
    "ccp": 3,
    "general": 14,
    "styles": 2,
    "drawn": 24,
}
OTHER_PHOTO = {"grocery": 0.4, "grocery-catalog": 0.7, "magento": 0.7, "drawn": 0.85}
"""How often the second view of a pair is taken from another photo of the same item."""


@dataclass(frozen=True)
class Plan:
    """Every number that decides the result, besides the data."""

    shape: Shape = field(default_factory=Shape)
    steps: int = 7200
    pairs: int = 48
    sizes: tuple[tuple[float, int], ...] = ((0.33, 64), (0.78, 96), (1.0, 128))
    rate: float = 1.6e-3
    level: float = 0.55
    decay: float = 0.05
    keep: float = 0.998
    seed: int = 1
    workers: int = 2
    item_weight: float = 1.0
    kind_weight: float = 0.7
    imitate_weight: float = 2.0
    relation_weight: float = 1.0
    place_weight: float = 2.0
    same_weight: float = 0.5

    def size(self, step: int) -> int:
        """Side of the pictures at a step: small first, where a step costs half."""
        return next(size for until, size in self.sizes if step < until * self.steps or until >= 1.0)

    def rate_at(self, step: int) -> float:
        """Learning rate: a short rise, level, then half a cosine down over the last part."""
        rise = min(1.0, (step + 1) / 150)
        fall = max(0.0, (step / self.steps - self.level) / (1.0 - self.level))
        return self.rate * rise * 0.5 * (1 + math.cos(math.pi * fall))


@dataclass(frozen=True)
class Batch:
    """Pairs of views: row i and row i + n show the same thing.

    `pixels` is uint8 (2 n, 3, 128, 128), `photo` (2 n,) the numbers of the photos; the others
    are what the teacher saw, as in `Round`.
    """

    photo: Tensor
    pixels: Tensor
    pooled: Tensor
    deep: Tensor
    middle: Tensor


class Batches:
    """Draws pairs of views with their labels. The order depends on seed and step alone."""

    def __init__(
        self, photos: Sequence[Photo], rounds: Sequence[Round], plan: Plan, use: Sequence[bool]
    ) -> None:
        self.plan = plan
        self.rounds = rounds
        self.first = np.searchsorted(rounds[0].photo, np.arange(len(photos)))
        self.repeats = np.array([photo.repeats for photo in photos])
        self.items = sorted({p.item for p in photos if p.item})
        self.kinds = sorted({p.kind for p in photos if p.kind})
        item_number = {name: i for i, name in enumerate(self.items)}
        kind_number = {name: i for i, name in enumerate(self.kinds)}
        self.item = np.array([item_number[p.item] if p.item else UNLABELED for p in photos])
        self.kind = np.array([kind_number[p.kind] if p.kind else UNLABELED for p in photos])
        self.by_source: dict[str, list[int]] = defaultdict(list)
        self.by_item: dict[str, list[int]] = defaultdict(list)
        for i, photo in enumerate(photos):
            if use[i]:
                self.by_source[photo.source].append(i)
                if photo.item:
                    self.by_item[photo.item].append(i)
        self.photos = photos
        self.chance = {
            source: np.array([self._balance(photos[i]) for i in members])
            for source, members in self.by_source.items()
        }

    def _balance(self, photo: Photo) -> float:
        # Between one vote a photo and one vote a class: rare products are seen, not hammered.
        return 1.0 / math.sqrt(len(self.by_item[photo.item])) if photo.item else 1.0

    def draw(self, step: int) -> Batch:
        """Draw the batch of a step."""
        rng = np.random.default_rng((self.plan.seed, step))
        sources = list(self.by_source)
        share = np.array([float(SOURCE_SHARE[source]) for source in sources])
        first: list[int] = []
        for source in rng.choice(len(sources), self.plan.pairs, p=share / share.sum()):
            members, chance = self.by_source[sources[source]], self.chance[sources[source]]
            first.append(members[int(rng.choice(len(members), p=chance / chance.sum()))])
        second = [self._partner(i, rng) for i in first]
        numbers = np.array(first + second)
        # Round 0 shows photos whole, as searches will: it gets two shares.
        rounds = np.maximum(0, rng.integers(-1, len(self.rounds), size=len(numbers)))
        rows = self.first[numbers] + rng.integers(self.repeats[numbers])
        picked = [self.rounds[r] for r in rounds]

        def gather(part: str) -> Tensor:
            some = [getattr(one, part)[row] for one, row in zip(picked, rows, strict=True)]
            return torch.from_numpy(np.stack(some))

        return Batch(
            photo=torch.from_numpy(numbers),
            pixels=gather("pixels").permute(0, 3, 1, 2),
            pooled=gather("pooled"),
            deep=gather("deep"),
            middle=gather("middle"),
        )

    def _partner(self, index: int, rng: np.random.Generator) -> int:
        photo = self.photos[index]
        if photo.item is None or rng.random() > OTHER_PHOTO.get(photo.source, 0.0):
            return index
        members = self.by_item[photo.item]
        return members[int(rng.integers(len(members)))]


class Goals(nn.Module):
    """The losses and what they learn besides the encoder; thrown away after training."""

    item: Tensor
    kind: Tensor

    def __init__(self, batches: Batches, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.register_buffer("item", torch.from_numpy(batches.item), persistent=False)
        self.register_buffer("kind", torch.from_numpy(batches.kind), persistent=False)
        views = batches.rounds[0]
        levels = torch.from_numpy(np.array(views.pooled[::7])).float().sqrt()
        self.items = Proxies(max(1, len(batches.items)), 20.0)
        self.kinds = Proxies(max(1, len(batches.kinds)), 16.0)
        self.imitation = Imitation(levels.mean(0), levels.std(0) + 0.5)
        _, _, third, fourth = plan.shape.channels
        self.middle = Places(third, torch.from_numpy(np.array(views.middle[::29])))
        self.deep = Places(fourth, torch.from_numpy(np.array(views.deep[::29])))

    def forward(
        self, raw: Tensor, maps: list[Tensor], batch: Batch, matrix: Tensor
    ) -> dict[str, Tensor]:
        """Weigh each loss: raw rows (2 n, 256), the four stages' maps, motions (2 n, 2, 3)."""
        plan, numbers = self.plan, batch.photo
        items = self.item[numbers]
        # Photos of one item are one group; others are their own. The two are kept apart.
        groups = torch.where(items == UNLABELED, numbers + len(self.items.vectors), items)
        direct, relation = self.imitation(raw, batch.pooled)
        return {
            "item": plan.item_weight * self.items(raw, items),
            "kind": plan.kind_weight * self.kinds(raw, self.kind[numbers]),
            "imitate": plan.imitate_weight * direct,
            "relation": plan.relation_weight * relation,
            "middle": plan.place_weight * self.middle(maps[2].float(), batch.middle, matrix),
            "deep": plan.place_weight * self.deep(maps[3].float(), batch.deep, matrix),
            "same": plan.same_weight * same_thing(raw, groups),
        }


class Replica:
    """A worker's view of the training: weights shared with all, gradients and moments its own."""

    def __init__(self, network: Network, goals: Goals, plan: Plan) -> None:
        self.network = network
        self.goals = goals
        self.plan = plan
        parameters = [*network.parameters(), *goals.parameters()]
        groups = [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": plan.decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.98), fused=True)

    def sibling(self) -> Replica:
        """Make another worker's replica; a step of one is seen by the other at once."""
        network, goals = copy.deepcopy(self.network), copy.deepcopy(self.goals)
        for ours, theirs in ((self.network, network), (self.goals, goals)):
            for parameter, shared in zip(theirs.parameters(), ours.parameters(), strict=True):
                parameter.data = shared.data
        return Replica(network, goals, self.plan)

    def step(self, step: int, batches: Batches) -> dict[str, float]:
        """Take one optimizer step; return the weighed losses."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.plan.rate_at(step)
        batch = batches.draw(step)
        generator = torch.Generator().manual_seed(self.plan.seed * 1_000_003 + step)
        x, matrix = augment(batch.pixels, self.plan.size(step), generator)
        with torch.autocast("cpu", torch.bfloat16):
            raw, maps = self.network.look(x.contiguous(memory_format=torch.channels_last))
        parts: dict[str, Tensor] = self.goals(raw, maps, batch, matrix)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(torch.stack(list(parts.values())).sum())
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(parameters, 5.0)
        self.optimizer.step()
        return {name: part.item() for name, part in parts.items()}


class Run:
    """The state of a training that its workers share, and its file."""

    def __init__(self, batches: Batches, plan: Plan, checkpoint: Path) -> None:
        torch.manual_seed(plan.seed)
        network = Network(plan.shape)
        for parameter in network.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self.plan = plan
        self.batches = batches
        self.checkpoint = checkpoint
        self.average = copy.deepcopy(network).requires_grad_(False)
        self.first = Replica(network, Goals(batches, plan), plan)
        self.next_step = 0
        self.lock = Lock()
        if checkpoint.is_file():
            self._load()
        self.began, self.sums = time.monotonic(), defaultdict[str, float](float)

    def work(self, replica: Replica, report: Callable[[str], None]) -> None:
        """Take steps until none is left."""
        while True:
            with self.lock:
                step = self.next_step
                self.next_step += 1
            if step >= self.plan.steps:
                return
            parts = replica.step(step, self.batches)
            with self.lock:
                _follow(
                    self.average, replica.network, min(self.plan.keep, (step + 1) / (step + 10))
                )
                for name, value in parts.items():
                    self.sums[name] += value / 50
                if (step + 1) % 50 == 0:
                    means = "  ".join(f"{name} {value:.3f}" for name, value in self.sums.items())
                    report(f"step {step + 1}  {time.monotonic() - self.began:.0f} s  {means}")
                    self.sums.clear()
                if (step + 1) % 200 == 0 or step + 1 == self.plan.steps:
                    self._save(step + 1)

    def _save(self, step: int) -> None:
        state = {
            "plan": repr(self.plan),
            "step": step,
            "network": self.first.network.state_dict(),
            "goals": self.first.goals.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.first.optimizer.state_dict(),
        }
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.checkpoint)

    def _load(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        if state["plan"] != repr(self.plan):
            raise ValueError(
                f"{self.checkpoint} was made with another plan, {state['plan']}; "
                "remove it to start anew"
            )
        self.first.network.load_state_dict(state["network"])
        self.first.goals.load_state_dict(state["goals"])
        self.average.load_state_dict(state["average"])
        self.first.optimizer.load_state_dict(state["optimizer"])
        self.next_step = state["step"]


def fit(batches: Batches, plan: Plan, checkpoint: Path, report: Callable[[str], None]) -> Network:
    """Train to the end of the plan and return the averaged network in eval mode.

    Each worker is a thread that takes whole steps and waits for nobody: on a busy machine a
    shared step goes at the pace of its slowest part. With one worker a run can be repeated to
    the bit, with more within noise. Goes on from `checkpoint` where that exists and was made
    with the same plan (else ValueError); writes it every 200 steps and at the end.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run = Run(batches, plan, checkpoint)
        replicas = [run.first, *(run.first.sibling() for _ in range(plan.workers - 1))]
        with ThreadPoolExecutor(plan.workers) as pool:
            for done in [pool.submit(run.work, replica, report) for replica in replicas]:
                done.result()
    finally:
        torch.set_num_threads(threads)
    average: Network = run.average.eval()
    return average


@torch.no_grad()
def _follow(average: Network, network: Network, keep: float) -> None:
    ours, theirs = average.state_dict(), network.state_dict()
    for name, value in ours.items():
        if value.dtype.is_floating_point:
            value.lerp_(theirs[name], 1.0 - keep)
        else:
            value.copy_(theirs[name])
