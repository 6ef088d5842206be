"""The second rung of adapting an encoder to a shop: fine-tuning all but its first blocks.

Two views of an item, photo and catalog picture where both exist, must find each other in a batch,
and each view its item among all items of the shop (their proxies begin as what the encoder
makes of the catalog). Against forgetting: a small rate, a pull of the weights towards where they
began, a running mean of them, and in the end the mix of old and new weights that answers most
of the held-out questions. Nothing is kept that does not answer more of them than before.
"""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from indexer.encoders.onnxfile import OnnxEncoder, SideFile, read_side
from indexer.errors import EncoderNotFound
from indexer.imaging import cutout
from indexer.training.adapted import Adapted, write_if_better
from indexer.training.dataset import Lessons
from indexer.training.distortions import Strength, augment, crop
from indexer.training.evaluation import Exam
from indexer.training.export import export, load_network
from indexer.training.hogwild import Crew, follow, sharing
from indexer.training.losses import Proxies, same_thing
from indexer.training.memory import keep_memory
from indexer.training.mix import mixed
from indexer.training.network import Network, normalized
from indexer.training.originals import random_box
from indexer.training.quantize import to_integers

Report = Callable[[int, int, float], None]
"""Called as ``report(done, total, share of held-out questions answered)``."""

_RANGE_PICTURES = 64  # what the ranges of activations are learned from
_MIXES = (1.0, 0.75, 0.5)  # of the new weights, the rest is old
_SMALL = 128  # side of the pictures at first
_STRENGTH = Strength(quarter=0.05, drawn=0.0)


@dataclass(frozen=True)
class Course:
    """Every number that decides the result, besides the shop. Ends at ``steps`` or ``minutes``."""

    steps: int = 1500
    minutes: float = 20.0
    pairs: int = 24
    frozen: int = 5  # blocks that keep their weights in a trunk without a fork
    rate: float = 2e-4
    proxy_rate: float = 20.0  # times the rate
    pull: float = 1e-3
    keep: float = 0.99
    kind_weight: float = 0.2
    same_weight: float = 0.5
    small_until: float = 0.6  # of the course: pictures of 128 px until then
    looks: int = 12  # at the held-out questions, on the way
    patience: int = 4  # looks without a gain, then it ends
    workers: int = 2
    seed: int = 1


class _Student:
    """A worker's view of the training: weights shared with all, gradients and moments its own."""

    def __init__(self, network: Network, proxies: nn.ModuleList, course: Course) -> None:
        self.network = network
        self.proxies = proxies
        self.course = course
        # Past a fork, ImageNet's view stays as it is.
        self.frozen = network.shape.fork or course.frozen
        for parameter in network.frozen_parameters(self.frozen):
            parameter.requires_grad_(False)
        learning = [p for p in network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            [{"params": learning}, {"params": proxies.parameters()}],
            lr=course.rate,
            betas=(0.9, 0.98),
            weight_decay=0.0,
            fused=True,
        )

    def sibling(self) -> _Student:
        """Another worker's; a step of one is seen by the other at once."""
        return _Student(sharing(self.network), sharing(self.proxies), self.course)

    def step(
        self, pixels: Tensor, items: Tensor, kinds: Tensor, start: Network, done: float
    ) -> None:
        """One optimizer step: (2 n, 3, s, s), item and kind (2 n,); ``done`` from 0 to 1."""
        course = self.course
        rise = min(1.0, 20 * done + 0.05)
        pace = rise * 0.5 * (1 + math.cos(math.pi * done))  # from 0 to 1 and back
        for group, times in zip(self.optimizer.param_groups, (1, course.proxy_rate), strict=True):
            group["lr"] = course.rate * pace * times
        x = normalized(pixels)
        with torch.no_grad():
            front = self.network.front(x, self.frozen)
        raw = self.network.raw_past(front, x, self.frozen)
        of_items, of_kinds = self.proxies
        loss = of_items(raw, items) + course.same_weight * same_thing(raw, items)
        loss = loss + course.kind_weight * of_kinds(raw, kinds)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        with torch.no_grad():
            for ours, old in zip(self.network.parameters(), start.parameters(), strict=True):
                ours.lerp_(old, course.pull * pace)


class _Deck:
    """Draws pairs of pictures of one item, those of pairs with catalog pictures first."""

    def __init__(self, lessons: Lessons, course: Course) -> None:
        self.lessons, self.course = lessons, course
        usable = np.flatnonzero(~lessons.hidden)
        self.photos: dict[int, list[int]] = {}
        self.shots: dict[int, list[int]] = {}
        for at in usable.tolist():
            group = self.photos if lessons.photo[at] else self.shots
            group.setdefault(int(lessons.item[at]), []).append(at)
        self.items = np.array(sorted({*self.photos, *self.shots}))
        counts = [len(self.photos.get(n, [])) + len(self.shots.get(n, [])) for n in self.items]
        weight = np.sqrt(np.array(counts, dtype=np.float64))
        self.chance = weight / weight.sum()
        self.usable = usable

    def draw(self, step: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
        """The batch of a step: pixels (2 n, 3, size, size), items and kinds (2 n,)."""
        rng = np.random.default_rng((self.course.seed, step))
        items = rng.choice(self.items, self.course.pairs, p=self.chance)
        places = [self._two(int(item), rng) for item in items]
        pictures = [
            self._dressed(place, rng) for pair in zip(*places, strict=True) for place in pair
        ]
        both = np.concatenate([items, items])
        pixels = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
        generator = torch.Generator().manual_seed(self.course.seed * 1_000_003 + step)
        boxes = np.stack([random_box(rng, 0.3, 1.0) for _ in pictures])
        moved = crop(pixels, torch.from_numpy(boxes), size, generator, _STRENGTH)
        moved, _ = augment(moved, torch.empty(0, 3, size, size), generator, _STRENGTH)
        kind = self.lessons.kind[np.concatenate([[p[0] for p in places], [p[1] for p in places]])]
        return moved, torch.from_numpy(both), torch.from_numpy(kind)

    def _two(self, item: int, rng: np.random.Generator) -> tuple[int, int]:
        photos, shots = self.photos.get(item, []), self.shots.get(item, [])
        if photos and shots and rng.random() < 0.6:
            return int(rng.choice(photos)), int(rng.choice(shots))
        group = photos if photos and (not shots or rng.random() < 0.5) else shots
        first, second = rng.choice(group, 2, replace=len(group) < 2)
        return int(first), int(second)

    def _dressed(self, place: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """A picture; one on white is put before another picture every second time."""
        pixels: NDArray[np.uint8] = self.lessons.pixels[place]
        if self.lessons.photo[place] or rng.random() < 0.5:
            return pixels
        thing = cutout.thing_on_white(pixels)
        if thing is None:
            return pixels
        return cutout.put_on(pixels, thing, self.lessons.pixels[int(rng.choice(self.usable))])


class _Training:
    """The state that the workers of a course share."""

    def __init__(self, start: Network, lessons: Lessons, exam: Exam, course: Course) -> None:
        torch.manual_seed(course.seed)
        self.course, self.exam, self.deck = course, exam, _Deck(lessons, course)
        self.start = start
        network = copy.deepcopy(start).train().to(memory_format=torch.channels_last)
        items = Proxies(len(lessons.items), 20.0)
        vectors = exam.vectors(start, np.flatnonzero(lessons.main))
        with torch.no_grad():
            items.vectors[torch.from_numpy(lessons.item[lessons.main])] = vectors
        kinds = Proxies(max(1, len(lessons.kinds)), 16.0)
        self.first = _Student(network, nn.ModuleList([items, kinds]), course)
        self.average = copy.deepcopy(start)
        self.best, self.best_figure = copy.deepcopy(start), exam.figure(start)
        self.lock, self.crew = Lock(), Crew()
        self.next_step = self.steps = 0
        self.looked, self.stale, self.began = 0, 0, time.monotonic()

    def done(self) -> float:
        """How far the course has come, by steps or by time, from 0 to 1."""
        spent = (time.monotonic() - self.began) / (60 * self.course.minutes)
        return min(1.0, max(self.next_step / self.course.steps, spent))

    def work(self, student: _Student, report: Report) -> None:
        """Take steps until the course is over, or no look found a gain for long."""
        while True:
            with self.lock:
                step, done = self.next_step, self.done()
                if done >= 1 or self.stale >= self.course.patience or self.crew.stopped:
                    return
                self.next_step += 1
            size = _SMALL if done < self.course.small_until else self.exam.size
            student.step(*self.deck.draw(step, size), self.start, done)
            with self.lock:
                self.steps += 1
                keep = min(self.course.keep, self.steps / (self.steps + 9))
                follow(self.average, student.network, keep)
                report(round(1000 * done), 1000, self.best_figure)
                if done * self.course.looks >= self.looked + 1:
                    self.looked = int(done * self.course.looks)
                    self.look()

    def look(self) -> None:
        """Ask the running mean of the weights, and remember it where it answers most so far."""
        figure = self.exam.figure(self.average)
        if figure > self.best_figure:
            self.best, self.best_figure, self.stale = copy.deepcopy(self.average), figure, 0
        else:
            self.stale += 1


def adapt(
    start: Path, lessons: Lessons, out: Path, course: Course, *, name: str, report: Report
) -> Adapted:
    """Fine-tune the weights in ``start`` on a shop and write them to ``out``, with their JSON.

    Nothing is written unless at least two more of the held-out questions are answered by the
    finished file than by ``start``. EncoderNotFound when ``start`` is no file of this network,
    CannotWrite when ``out`` cannot be written.
    """
    network, side = _opened(start)
    exam = Exam(lessons, side.size)
    before = exam.judge(OnnxEncoder(start, encoder_id="before"))
    keep_memory()
    began = time.monotonic()
    training = _Training(network, lessons, exam, course)
    students = [training.first, *(training.first.sibling() for _ in range(course.workers - 1))]
    training.crew.run(lambda student: training.work(student, report), students)
    training.look()
    mixes = {mix: mixed(network, training.best, mix) for mix in _MIXES}
    mix = max(mixes, key=lambda one: (exam.figure(mixes[one]), -one))

    def make(draft: Path) -> None:
        export(mixes[mix], draft, name=name, size=side.size, fit=side.fit, trim=side.trim)
        _hasten(draft, exam, lessons)

    after, written = write_if_better(out, exam, before, make)
    report(1000, 1000, training.best_figure)
    return Adapted(before, after, training.steps, time.monotonic() - began, mix, written)


def _hasten(path: Path, exam: Exam, lessons: Lessons) -> None:
    """Make a file compute in int8, as the bundled one does; leave it where vectors would suffer."""
    shown = np.flatnonzero(~lessons.hidden)
    if len(shown) < _RANGE_PICTURES:
        return
    spread = np.linspace(0, len(shown) - 1, _RANGE_PICTURES).astype(np.int64)
    with contextlib.suppress(ValueError):
        to_integers(path, exam.pictures(shown[spread]))


def _opened(path: Path) -> tuple[Network, SideFile]:
    """The network in a file, and the JSON beside it. EncoderNotFound says what is wrong."""
    OnnxEncoder(path, encoder_id=f"onnx:{path}")  # is there, runs, and does as its JSON says
    side = read_side(path)
    try:
        network = load_network(path)
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderNotFound(
            f"cannot train on {path}: {error}; start from the bundled weights"
        ) from error
    if side.dtype != "uint8" or side.layout != "nhwc" or side.size % 32:
        raise EncoderNotFound(
            f"cannot train on {path}: it takes {side.dtype} {side.layout} of {side.size} px, "
            "expected uint8 nhwc with a side that is a multiple of 32"
        )
    return network, side
