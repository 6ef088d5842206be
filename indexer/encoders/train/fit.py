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

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from indexer.encoders.train.augment import augment
from indexer.encoders.train.data import Photo
from indexer.encoders.train.losses import UNLABELLED, Imitation, Proxies, same_thing
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
}
OTHER_PHOTO = {"grocery": 0.4, "grocery-catalog": 0.7, "magento": 0.7}
"""How often the second view of a pair is taken from another photo of the same item."""


@dataclass(frozen=True)
class Plan:
    """Every number that decides the result, besides the data."""

    shape: Shape = field(default_factory=Shape)
    steps: int = 4000
    pairs: int = 48
    sizes: tuple[tuple[float, int], ...] = ((0.5, 64), (1.0, 96))
    rate: float = 1.6e-3
    level: float = 0.5
    decay: float = 0.05
    seed: int = 1
    workers: int = 2
    item_weight: float = 1.0
    kind_weight: float = 0.7
    imitate_weight: float = 2.0
    relation_weight: float = 1.0
    same_weight: float = 0.5

    def size(self, step: int) -> int:
        """Side of the pictures at a step: small first, where a step costs half."""
        return next(size for until, size in self.sizes if step < until * self.steps or until >= 1.0)

    def rate_at(self, step: int) -> float:
        """Learning rate: a short rise, level, then half a cosine down over the last part."""
        rise = min(1.0, (step + 1) / 150)
        fall = max(0.0, (step / self.steps - self.level) / (1.0 - self.level))
        return self.rate * rise * 0.5 * (1 + math.cos(math.pi * fall))


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
        self.item = np.array([item_number[p.item] if p.item else UNLABELLED for p in photos])
        self.kind = np.array([kind_number[p.kind] if p.kind else UNLABELLED for p in photos])
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

    def draw(self, step: int) -> tuple[Tensor, Tensor, NDArray[np.int64]]:
        """Return uint8 pixels (2 n, 3, 128, 128), teacher levels (2 n, 1280), photos (2 n,)."""
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
        pixels = np.stack([some.pixels[row] for some, row in zip(picked, rows, strict=True)])
        levels = np.stack([some.features[row] for some, row in zip(picked, rows, strict=True)])
        return torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(levels), numbers

    def _partner(self, index: int, rng: np.random.Generator) -> int:
        photo = self.photos[index]
        if photo.item is None or rng.random() > OTHER_PHOTO.get(photo.source, 0.0):
            return index
        members = self.by_item[photo.item]
        return members[int(rng.integers(len(members)))]


class Goals(nn.Module):
    """The losses and what they learn besides the encoder; thrown away after training."""

    def __init__(self, batches: Batches, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.batches = batches
        levels = torch.from_numpy(np.array(batches.rounds[0].features[::7])).float().sqrt()
        self.items = Proxies(max(1, len(batches.items)), 20.0)
        self.kinds = Proxies(max(1, len(batches.kinds)), 16.0)
        self.imitation = Imitation(levels.mean(0), levels.std(0) + 0.5)

    def forward(self, raw: Tensor, levels: Tensor, numbers: NDArray[np.int64]) -> dict[str, Tensor]:
        """Weigh each loss for a batch: (2 n, 256), (2 n, 1280), (2 n,)."""
        plan, batches = self.plan, self.batches
        items = torch.from_numpy(batches.item[numbers])
        # Photos of one item are one group; others are their own. Offset so that the two never meet.
        groups = torch.where(
            items == UNLABELLED, torch.from_numpy(numbers) + len(batches.items), items
        )
        direct, relation = self.imitation(raw, levels)
        return {
            "item": plan.item_weight * self.items(raw, items),
            "kind": plan.kind_weight * self.kinds(raw, torch.from_numpy(batches.kind[numbers])),
            "imitate": plan.imitate_weight * direct,
            "relation": plan.relation_weight * relation,
            "same": plan.same_weight * same_thing(raw, groups),
        }


class Halves:
    """Runs the network on equal parts of a batch, one thread each, as if it were one.

    Convolutions that share a picture among threads wait for each other in a busy loop, and
    crawl when anything else wants a core. Here the threads meet twice a step. The parts share
    their weights; batch normalisation sees its own part only.
    """

    def __init__(self, network: Network, workers: int) -> None:
        torch.set_num_threads(1)
        for parameter in network.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        self.network = network
        self.parts = [self.network] + [copy.deepcopy(self.network) for _ in range(workers - 1)]
        for part in self.parts[1:]:
            for theirs, ours in zip(part.parameters(), self.network.parameters(), strict=True):
                theirs.data = ours.data
        self.pool = ThreadPoolExecutor(workers)
        self.raws: list[Tensor] = []

    def forward(self, pixels: Tensor, size: int, generator: torch.Generator) -> Tensor:
        """Augment and encode uint8 (n, 3, h, w); the (n, 256) result gathers its own gradient."""
        seeds = [int(torch.randint(2**31, (), generator=generator)) for _ in self.parts]

        def run(part: Network, some: Tensor, seed: int) -> Tensor:
            x = augment(some, size, torch.Generator().manual_seed(seed))
            with torch.autocast("cpu", torch.bfloat16):
                return part.raw(x.contiguous(memory_format=torch.channels_last)).float()

        self.raws = list(self.pool.map(run, self.parts, pixels.chunk(len(self.parts)), seeds))
        return torch.cat([raw.detach() for raw in self.raws]).requires_grad_()

    def backward(self, raw: Tensor) -> None:
        """Carry the gradient of `raw` into the weights."""
        assert raw.grad is not None
        gradients = raw.grad.chunk(len(self.parts))
        list(
            self.pool.map(
                lambda one, gradient: torch.autograd.backward(one, gradient), self.raws, gradients
            )
        )
        for part in self.parts[1:]:
            for theirs, ours in zip(part.parameters(), self.network.parameters(), strict=True):
                assert ours.grad is not None
                assert theirs.grad is not None
                ours.grad += theirs.grad
                theirs.grad = None


def fit(batches: Batches, plan: Plan, checkpoint: Path, report: Callable[[str], None]) -> Network:
    """Train to the end of the plan and return the averaged network in eval mode.

    Goes on from `checkpoint` where that exists and was made with the same plan (else ValueError);
    writes it every 200 steps and at the end.
    """
    torch.manual_seed(plan.seed)
    halves = Halves(Network(plan.shape), plan.workers)
    network = halves.network
    average = copy.deepcopy(network)
    goals = Goals(batches, plan)
    modules = nn.ModuleDict({"network": network, "goals": goals})
    bare = [p for p in modules.parameters() if p.ndim < 2]
    full = [p for p in modules.parameters() if p.ndim >= 2]
    groups = [{"params": full, "weight_decay": plan.decay}, {"params": bare, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.98), fused=True)
    start = 0
    if checkpoint.is_file():
        saved = torch.load(checkpoint, weights_only=True)
        if saved["plan"] != repr(plan):
            raise ValueError(
                f"{checkpoint} was made with another plan: {saved['plan']}; remove it to start anew"
            )
        modules.load_state_dict(saved["modules"])
        average.load_state_dict(saved["average"])
        optimizer.load_state_dict(saved["optimizer"])
        start = saved["step"]
    sums: dict[str, float] = defaultdict(float)
    began = time.monotonic()
    for step in range(start, plan.steps):
        for group in optimizer.param_groups:
            group["lr"] = plan.rate_at(step)
        pixels, levels, numbers = batches.draw(step)
        generator = torch.Generator().manual_seed(plan.seed * 1_000_003 + step)
        optimizer.zero_grad(set_to_none=True)
        raw = halves.forward(pixels, plan.size(step), generator)
        parts = goals(raw, levels, numbers)
        torch.autograd.backward(torch.stack(list(parts.values())).sum())
        halves.backward(raw)
        nn.utils.clip_grad_norm_(modules.parameters(), 5.0)
        optimizer.step()
        _follow(average, network, min(0.998, (step + 1) / (step + 10)))
        for name, part in parts.items():
            sums[name] += part.item()
        if (step + 1) % 50 == 0:
            means = "  ".join(f"{name} {value / 50:.3f}" for name, value in sums.items())
            report(f"step {step + 1}/{plan.steps}  {time.monotonic() - began:.0f} s  {means}")
            sums.clear()
        if (step + 1) % 200 == 0 or step + 1 == plan.steps:
            state = {
                "plan": repr(plan),
                "step": step + 1,
                "modules": modules.state_dict(),
                "average": average.state_dict(),
                "optimizer": optimizer.state_dict(),
            }
            part_path = checkpoint.with_suffix(".part")
            torch.save(state, part_path)
            part_path.replace(checkpoint)
    average.eval()
    return average


@torch.no_grad()
def _follow(average: Network, network: Network, keep: float) -> None:
    ours, theirs = average.state_dict(), network.state_dict()
    for name, value in ours.items():
        if value.dtype.is_floating_point:
            value.lerp_(theirs[name], 1.0 - keep)
        else:
            value.copy_(theirs[name])
