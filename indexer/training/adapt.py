"""The second rung of adapting an encoder to a shop: fine-tuning all but its first blocks.

Two views of an item, photo and catalog picture where both exist, must find each other in a batch,
and each view its item among all items of the shop (their proxies begin as what the encoder
makes of the catalog). Against forgetting: a small rate, a pull of the weights towards where they
began (L2-SP, Li et al. 2018), a running mean of them, and in the end the mix of old and new
weights that answers most of the held-out questions. Nothing is kept that does not answer more
of them than before.
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
from indexer.training.adapted import Adapted, write_if_better
from indexer.training.dataset import Dataset
from indexer.training.evaluation import Evaluation
from indexer.training.export import export, load_network
from indexer.training.hogwild import WorkerPool, share_weights
from indexer.training.losses import Proxies, same_thing
from indexer.training.memory import keep_memory
from indexer.training.network import Network, normalized
from indexer.training.pair_sampler import PairSampler
from indexer.training.quantize import to_integers
from indexer.training.weight_average import ema_update, interpolate

Report = Callable[[int, int, float], None]
"""Called as ``report(done, total, share of held-out questions answered)``."""

_RANGE_PICTURES = 64  # what the ranges of activations are learned from
_MIXES = (1.0, 0.75, 0.5)  # of the new weights, the rest is old
_SMALL = 128  # side of the pictures at first


@dataclass(frozen=True)
class AdaptHyperparameters:
    """Every number that decides the result, besides the shop. Ends at ``steps`` or ``minutes``."""

    steps: int = 1500
    minutes: float = 20.0
    pairs: int = 24
    frozen: int = 5  # blocks that keep their weights in a trunk without a fork
    rate: float = 2e-4
    proxy_rate: float = 20.0  # times the rate
    l2sp: float = 1e-3
    ema_decay: float = 0.99
    kind_weight: float = 0.2
    same_weight: float = 0.5
    small_until: float = 0.6  # of the steps or the time: pictures of 128 px until then
    evaluations: int = 12  # at the held-out questions, on the way
    patience: int = 4  # evaluations without a gain, then it ends
    workers: int = 2
    seed: int = 1


class _NetworkEvaluation(Evaluation):
    """Questions that a network can be asked before it is a file."""

    def vectors(self, network: Network, places: NDArray[np.int64]) -> Tensor:
        """What a network makes of pictures: (p, 256) unit rows."""
        parts = []
        with torch.inference_mode():
            for start in range(0, len(places), 64):
                pixels = torch.from_numpy(self.pictures(places[start : start + 64]))
                fed = pixels.permute(0, 3, 1, 2).float()
                parts.append(network(fed.contiguous(memory_format=torch.channels_last)))
        return torch.cat(parts).clone()

    def figure(self, network: Network) -> float:
        """Return the share of the choosing questions whose item comes first."""
        network = network.eval()
        asked, gallery = (
            self.vectors(network, places).numpy() for places in (self.validation, self._gallery)
        )
        return float(self.outcomes(asked, gallery, self.validation)[:, 0].mean())


class _Replica:
    """A worker's view of the training: weights shared with all, gradients and moments its own."""

    def __init__(
        self, network: Network, proxies: nn.ModuleList, params: AdaptHyperparameters
    ) -> None:
        self.network = network
        self.proxies = proxies
        self.params = params
        # Past a fork, ImageNet's view stays as it is.
        self.frozen = network.shape.fork or params.frozen
        for parameter in network.frozen_parameters(self.frozen):
            parameter.requires_grad_(False)
        learning = [p for p in network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            [{"params": learning}, {"params": proxies.parameters()}],
            lr=params.rate,
            betas=(0.9, 0.98),
            weight_decay=0.0,
            fused=True,
        )

    def sibling(self) -> _Replica:
        """Another worker's; a step of one is seen by the other at once."""
        return _Replica(share_weights(self.network), share_weights(self.proxies), self.params)

    def step(
        self, pixels: Tensor, items: Tensor, kinds: Tensor, start: Network, done: float
    ) -> None:
        """One optimizer step: (2 n, 3, s, s), item and kind (2 n,); ``done`` from 0 to 1."""
        params = self.params
        rise = min(1.0, 20 * done + 0.05)
        pace = rise * 0.5 * (1 + math.cos(math.pi * done))  # from 0 to 1 and back
        for group, times in zip(self.optimizer.param_groups, (1, params.proxy_rate), strict=True):
            group["lr"] = params.rate * pace * times
        x = normalized(pixels)
        with torch.no_grad():
            front = self.network.front(x, self.frozen)
        raw = self.network.raw_past(front, x, self.frozen)
        of_items, of_kinds = self.proxies
        loss = of_items(raw, items) + params.same_weight * same_thing(raw, items)
        loss = loss + params.kind_weight * of_kinds(raw, kinds)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        with torch.no_grad():
            for ours, old in zip(self.network.parameters(), start.parameters(), strict=True):
                ours.lerp_(old, params.l2sp * pace)


class _Training:
    """The state that all workers share."""

    def __init__(
        self,
        start: Network,
        dataset: Dataset,
        evaluation: _NetworkEvaluation,
        params: AdaptHyperparameters,
    ) -> None:
        torch.manual_seed(params.seed)
        self.params, self.evaluation, self.sampler = (
            params,
            evaluation,
            PairSampler(dataset, params.pairs, params.seed),
        )
        self.start = start
        network = copy.deepcopy(start).train().to(memory_format=torch.channels_last)
        items = Proxies(len(dataset.items), 20.0)
        vectors = evaluation.vectors(start, np.flatnonzero(dataset.main))
        with torch.no_grad():
            items.vectors[torch.from_numpy(dataset.item[dataset.main])] = vectors
        kinds = Proxies(max(1, len(dataset.kinds)), 16.0)
        self.first = _Replica(network, nn.ModuleList([items, kinds]), params)
        self.average = copy.deepcopy(start)
        self.best, self.best_figure = copy.deepcopy(start), evaluation.figure(start)
        self.lock, self.pool = Lock(), WorkerPool()
        self.next_step = self.steps = 0
        self.looked, self.stale, self.began = 0, 0, time.monotonic()

    def done(self) -> float:
        """How far it has come, by steps or by time, from 0 to 1."""
        spent = (time.monotonic() - self.began) / (60 * self.params.minutes)
        return min(1.0, max(self.next_step / self.params.steps, spent))

    def work(self, replica: _Replica, report: Report) -> None:
        """Take steps until all are done or evaluation found no gain for long."""
        while True:
            with self.lock:
                step, done = self.next_step, self.done()
                if done >= 1 or self.stale >= self.params.patience or self.pool.stopped:
                    return
                self.next_step += 1
            size = _SMALL if done < self.params.small_until else self.evaluation.size
            replica.step(*self.sampler.draw(step, size), self.start, done)
            with self.lock:
                self.steps += 1
                decay = min(self.params.ema_decay, self.steps / (self.steps + 9))
                ema_update(self.average, replica.network, decay)
                report(round(1000 * done), 1000, self.best_figure)
                if done * self.params.evaluations >= self.looked + 1:
                    self.looked = int(done * self.params.evaluations)
                    self.look()

    def look(self) -> None:
        """Ask the running mean of the weights, and remember it where it answers most so far."""
        figure = self.evaluation.figure(self.average)
        if figure > self.best_figure:
            self.best, self.best_figure, self.stale = copy.deepcopy(self.average), figure, 0
        else:
            self.stale += 1


def adapt(
    start: Path,
    dataset: Dataset,
    out: Path,
    params: AdaptHyperparameters,
    *,
    name: str,
    report: Report,
) -> Adapted:
    """Fine-tune the weights in ``start`` on a shop and write them to ``out``, with their JSON.

    Nothing is written unless at least two more of the held-out questions are answered by the
    finished file than by ``start``. EncoderNotFound when ``start`` is no file of this network,
    CannotWrite when ``out`` cannot be written.
    """
    network, side = _opened(start)
    evaluation = _NetworkEvaluation(dataset, side.size)
    before = evaluation.judge(OnnxEncoder(start, encoder_id="before"))
    keep_memory()
    began = time.monotonic()
    training = _Training(network, dataset, evaluation, params)
    replicas = [training.first, *(training.first.sibling() for _ in range(params.workers - 1))]
    training.pool.run(lambda replica: training.work(replica, report), replicas)
    training.look()
    mixes = {mix: interpolate(network, training.best, mix) for mix in _MIXES}
    mix = max(mixes, key=lambda one: (evaluation.figure(mixes[one]), -one))

    def make(draft: Path) -> None:
        export(mixes[mix], draft, name=name, size=side.size, fit=side.fit, trim=side.trim)
        _quantize(draft, evaluation, dataset)

    after, written = write_if_better(out, evaluation, before, make)
    report(1000, 1000, training.best_figure)
    return Adapted(before, after, training.steps, time.monotonic() - began, mix, written)


def _quantize(path: Path, evaluation: _NetworkEvaluation, dataset: Dataset) -> None:
    """Make a file compute in int8, as the bundled one does; leave it where vectors would suffer."""
    shown = np.flatnonzero(~dataset.hidden)
    if len(shown) < _RANGE_PICTURES:
        return
    spread = np.linspace(0, len(shown) - 1, _RANGE_PICTURES).astype(np.int64)
    with contextlib.suppress(ValueError):
        to_integers(path, evaluation.pictures(shown[spread]))


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
