"""Adapt an encoder to a shop, step two: fine-tune all but its first blocks.

The loss is contrastive between two pictures of an item (a photo and a catalog picture, if both
exist), plus a classification of each picture among all items of the shop by proxies, which are
initialized with the encoder's vectors of the catalog. Against forgetting: a small learning rate,
a pull of the weights towards their initial values (L2-SP, Li et al. 2018), an EMA of the weights,
and a final interpolation of old and new weights, chosen on the validation queries. The result is
written only if it answers more test queries than the old weights.
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

from indexer.encoders.onnxfile import EncoderSettings, OnnxEncoder, read_encoder_settings
from indexer.errors import EncoderNotFound
from indexer.training.adapted import Adapted, write_if_better
from indexer.training.dataset import Dataset
from indexer.training.evaluation import Evaluation
from indexer.training.export import export, load_network
from indexer.training.hogwild import WorkerPool, share_weights
from indexer.training.losses import Proxies, contrastive_loss
from indexer.training.memory import keep_freed_memory
from indexer.training.network import Network, normalized
from indexer.training.pair_sampler import PairSampler
from indexer.training.quantize import quantize_file
from indexer.training.weight_average import ema_update, interpolate

Report = Callable[[int, int, float], None]
"""Called as ``report(done, total, recall@1 on the validation queries)``."""

_RANGE_PICTURES = 64  # for calibrating the ranges of activations
_NEW_WEIGHT_SHARES = (1.0, 0.75, 0.5)  # candidates of the final interpolation
_FROZEN_BLOCKS = 5  # of a network without a branch
_SMALL_SIDE = 128  # side of the pictures in the first part of the training


@dataclass(frozen=True)
class AdaptHyperparameters:
    """The hyperparameters of fine-tuning. It ends after ``steps`` or ``minutes``.

    ``frozen_blocks`` keep their weights; None means those before the branch, or five without one.
    """

    steps: int = 1500
    minutes: float = 20.0
    pairs: int = 24  # in a batch
    frozen_blocks: int | None = None
    rate: float = 2e-4  # peak learning rate
    proxy_rate_factor: float = 20.0  # times the rate
    l2sp: float = 1e-3
    ema_decay: float = 0.99
    kind_weight: float = 0.2
    contrastive_weight: float = 0.5
    small_until: float = 0.6  # share of the steps or the time with pictures of 128 px
    evaluations: int = 12  # on the validation queries, during training
    patience: int = 4  # evaluations without a gain before it stops early
    workers: int = 2
    seed: int = 1


class _NetworkEvaluation(Evaluation):
    """Evaluates a torch network, without exporting it first."""

    def vectors(self, network: Network, positions: NDArray[np.int64]) -> Tensor:
        """Encode the pictures at ``positions`` (p,): (p, 256) unit rows."""
        parts = []
        with torch.inference_mode():
            for start in range(0, len(positions), 64):
                pixels = torch.from_numpy(self.pictures(positions[start : start + 64]))
                batch = pixels.permute(0, 3, 1, 2).float()
                parts.append(network(batch.contiguous(memory_format=torch.channels_last)))
        return torch.cat(parts).clone()

    def network_recall(self, network: Network) -> float:
        """Return recall@1 on the validation queries."""
        network = network.eval()
        queries, gallery = (
            self.vectors(network, positions).numpy()
            for positions in (self.validation, self._gallery)
        )
        return float(self.outcomes(queries, gallery, self.validation)[:, 0].mean())


class _Replica:
    """A worker's copy: weights are shared with all workers, gradients and moments are not."""

    def __init__(
        self, network: Network, proxies: nn.ModuleList, params: AdaptHyperparameters
    ) -> None:
        self.network = network
        self.proxies = proxies
        self.params = params
        branch_from = network.shape.branch_from or _FROZEN_BLOCKS
        self.frozen_blocks = branch_from if params.frozen_blocks is None else params.frozen_blocks
        for parameter in network.frozen_parameters(self.frozen_blocks):
            parameter.requires_grad_(False)
        trainable = [p for p in network.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            [{"params": trainable}, {"params": proxies.parameters()}],
            lr=params.rate,
            betas=(0.9, 0.98),
            weight_decay=0.0,
            fused=True,
        )

    def with_shared_weights(self) -> _Replica:
        """Return a replica for another worker, which shares the weights."""
        return _Replica(share_weights(self.network), share_weights(self.proxies), self.params)

    def step(
        self, pixels: Tensor, items: Tensor, kinds: Tensor, start: Network, done: float
    ) -> None:
        """Take one optimizer step on a batch.

        ``pixels`` is (2 n, 3, s, s), ``items`` and ``kinds`` are (2 n,); ``done`` is the progress
        of the training from 0 to 1.
        """
        params = self.params
        warmup = min(1.0, 20 * done + 0.05)
        schedule = warmup * 0.5 * (1 + math.cos(math.pi * done))  # rises to 1, falls to 0
        factors = (1, params.proxy_rate_factor)
        for group, factor in zip(self.optimizer.param_groups, factors, strict=True):
            group["lr"] = params.rate * schedule * factor
        x = normalized(pixels)
        with torch.no_grad():
            front = self.network.front(x, self.frozen_blocks)
        raw = self.network.raw_from(front, self.network.palette(x), self.frozen_blocks)
        item_proxies, kind_proxies = self.proxies
        loss = item_proxies(raw, items) + params.contrastive_weight * contrastive_loss(raw, items)
        loss = loss + params.kind_weight * kind_proxies(raw, kinds)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimizer.step()
        with torch.no_grad():
            for weight, initial in zip(self.network.parameters(), start.parameters(), strict=True):
                weight.lerp_(initial, params.l2sp * schedule)


class _Training:
    """The state shared by all workers."""

    def __init__(
        self,
        start: Network,
        dataset: Dataset,
        evaluation: _NetworkEvaluation,
        params: AdaptHyperparameters,
    ) -> None:
        torch.manual_seed(params.seed)
        self.params = params
        self.evaluation = evaluation
        self.sampler = PairSampler(dataset, params.pairs, params.seed)
        self.start = start
        network = copy.deepcopy(start).train().to(memory_format=torch.channels_last)
        items = Proxies(len(dataset.items), 20.0)
        vectors = evaluation.vectors(start, np.flatnonzero(dataset.gallery))
        with torch.no_grad():
            items.vectors[torch.from_numpy(dataset.item[dataset.gallery])] = vectors
        kinds = Proxies(max(1, len(dataset.kinds)), 16.0)
        self.first_replica = _Replica(network, nn.ModuleList([items, kinds]), params)
        self.average = copy.deepcopy(start)
        self.best, self.best_recall = copy.deepcopy(start), evaluation.network_recall(start)
        self.lock, self.pool = Lock(), WorkerPool()
        self.next_step = self.steps = 0
        self.evaluations_done, self.evaluations_without_gain, self.started = 0, 0, time.monotonic()

    def progress(self) -> float:
        """Return the progress from 0 to 1: of the steps or of the time, whichever is further."""
        spent = (time.monotonic() - self.started) / (60 * self.params.minutes)
        return min(1.0, max(self.next_step / self.params.steps, spent))

    def work(self, replica: _Replica, report: Report) -> None:
        """Take steps until all are taken, or until the patience is used up."""
        while True:
            with self.lock:
                step, done = self.next_step, self.progress()
                out_of_patience = self.evaluations_without_gain >= self.params.patience
                if done >= 1 or out_of_patience or self.pool.stopped:
                    return
                self.next_step += 1
            size = _SMALL_SIDE if done < self.params.small_until else self.evaluation.size
            replica.step(*self.sampler.draw(step, size), self.start, done)
            with self.lock:
                self.steps += 1
                decay = min(self.params.ema_decay, self.steps / (self.steps + 9))
                ema_update(self.average, replica.network, decay)
                report(round(1000 * done), 1000, self.best_recall)
                if done * self.params.evaluations >= self.evaluations_done + 1:
                    self.evaluations_done = int(done * self.params.evaluations)
                    self.evaluate()

    def evaluate(self) -> None:
        """Evaluate the EMA of the weights, and keep a copy if it is the best so far."""
        recall = self.evaluation.network_recall(self.average)
        if recall > self.best_recall:
            self.best, self.best_recall = copy.deepcopy(self.average), recall
            self.evaluations_without_gain = 0
        else:
            self.evaluations_without_gain += 1


def adapt(
    start: Path,
    dataset: Dataset,
    out: Path,
    params: AdaptHyperparameters,
    *,
    name: str,
    report: Report,
) -> Adapted:
    """Fine-tune the weights in ``start`` on a shop; write them to ``out`` with their JSON.

    Nothing is written unless the finished file answers at least two more test queries than
    ``start``. Raises EncoderNotFound if ``start`` does not hold this network, CannotWrite if
    ``out`` cannot be written.
    """
    network, settings = open_network(start)
    evaluation = _NetworkEvaluation(dataset, settings.size)
    before = evaluation.test_outcomes(OnnxEncoder(start, encoder_id="before"))
    keep_freed_memory()
    started = time.monotonic()
    training = _Training(network, dataset, evaluation, params)
    first = training.first_replica
    replicas = [first, *(first.with_shared_weights() for _ in range(params.workers - 1))]
    training.pool.run(lambda replica: training.work(replica, report), replicas)
    training.evaluate()
    mixed = {share: interpolate(network, training.best, share) for share in _NEW_WEIGHT_SHARES}
    mix = max(mixed, key=lambda share: (evaluation.network_recall(mixed[share]), -share))

    def make(draft: Path) -> None:
        export(
            mixed[mix], draft, name=name, size=settings.size, fit=settings.fit, trim=settings.trim
        )
        _quantize(draft, evaluation, dataset)

    after, written = write_if_better(out, evaluation, before, make)
    report(1000, 1000, training.best_recall)
    return Adapted(before, after, training.steps, time.monotonic() - started, mix, written)


def _quantize(path: Path, evaluation: _NetworkEvaluation, dataset: Dataset) -> None:
    """Quantize a file to int8; leave it in float32 if its vectors would change too much."""
    training = np.flatnonzero(~dataset.held_out)
    if len(training) < _RANGE_PICTURES:
        return
    spread = np.linspace(0, len(training) - 1, _RANGE_PICTURES).astype(np.int64)
    with contextlib.suppress(ValueError):
        quantize_file(path, evaluation.pictures(training[spread]))


def open_network(path: Path) -> tuple[Network, EncoderSettings]:
    """Read the network in a file, and the JSON beside it. Raises EncoderNotFound if it cannot."""
    OnnxEncoder(path, encoder_id=f"onnx:{path}")  # raises unless it runs as its JSON describes
    settings = read_encoder_settings(path)
    try:
        network = load_network(path)
    except (ValueError, KeyError, TypeError) as error:
        raise EncoderNotFound(
            f"cannot train on {path}: {error}; start from the bundled weights"
        ) from error
    if settings.dtype != "uint8" or settings.layout != "nhwc" or settings.size % 16:
        raise EncoderNotFound(
            f"cannot train on {path}: it takes {settings.dtype} {settings.layout} of "
            f"{settings.size} px, expected uint8 nhwc with a side that is a multiple of 16"
        )
    return network, settings
