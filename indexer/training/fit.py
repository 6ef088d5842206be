"""The training loop: optimizer steps, an EMA of the weights, checkpoints."""

from __future__ import annotations

import copy
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import torch
from torch import nn

from indexer.training.hogwild import WorkerPool, share_weights
from indexer.training.hyperparameters import Hyperparameters
from indexer.training.memory import keep_freed_memory
from indexer.training.network import Network
from indexer.training.objective import Objective
from indexer.training.views import Views
from indexer.training.weight_average import ema_update


class Replica:
    """A worker's copy: weights are shared with all workers, gradients and moments are not."""

    def __init__(
        self, start: nn.Linear, network: Network, objective: Objective, params: Hyperparameters
    ) -> None:
        self.start, self.network, self.objective, self.params = start, network, objective, params
        trained = (*network.blocks[params.frozen_blocks :], network.last)
        trunk = [parameter for layer in trained for parameter in layer.parameters()]
        groups = [
            {
                "params": [p for p in trunk if p.ndim >= 2],
                "weight_decay": params.weight_decay,
                "rate_factor": 1.0,
            },
            {"params": [p for p in trunk if p.ndim < 2], "weight_decay": 0.0, "rate_factor": 1.0},
            {
                "params": list(network.head.parameters()),
                "weight_decay": params.weight_decay,
                "rate_factor": params.head_rate_factor,
            },
            {
                "params": list(objective.parameters()),
                "weight_decay": 0.0,
                "rate_factor": params.proxy_rate_factor,
            },
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=params.rate, betas=(0.9, 0.98), fused=True)

    def with_shared_weights(self) -> Replica:
        """Return a replica for another worker, which shares the weights and the memory bank."""
        objective = share_weights(self.objective)
        objective.bank = self.objective.bank
        return Replica(self.start, share_weights(self.network), objective, self.params)

    def step(self, step: int, views: Views) -> dict[str, float]:
        """Take one optimizer step; return the weighted losses by name."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.params.rate_at(step) * group["rate_factor"]
        batch = views.draw(step, self.params.pairs, self.params.seed)
        with torch.no_grad():
            before = self.start(torch.cat([batch.features, batch.palette], dim=1))
        raw = self.network.raw_from(batch.front, batch.palette, self.params.frozen_blocks)
        losses = self.objective(raw, before, batch)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(torch.stack(list(losses.values())).sum())
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(parameters, 5.0)
        self.optimizer.step()
        return {name: loss.item() for name, loss in losses.items()}


class TrainingRun:
    """The state of a training that all workers share, and its checkpoint file."""

    def __init__(
        self,
        start: Network,
        objective: Objective,
        views: Views,
        params: Hyperparameters,
        checkpoint: Path,
    ) -> None:
        network = copy.deepcopy(start).train().to(memory_format=torch.channels_last)
        self.params, self.views, self.checkpoint = params, views, checkpoint
        self.average = copy.deepcopy(network).requires_grad_(False)
        self.first_replica = Replica(copy.deepcopy(start.head), network, objective, params)
        self.next_step = 0
        self.lock, self.pool = Lock(), WorkerPool()
        if checkpoint.is_file():
            self._load()
        self.started, self.loss_means = time.monotonic(), defaultdict[str, float](float)

    def work(self, replica: Replica, report: Callable[[str], None]) -> None:
        """Take steps until all are taken."""
        while True:
            with self.lock:
                step = self.next_step
                self.next_step += 1
            if step >= self.params.steps or self.pool.stopped:
                return
            losses = replica.step(step, self.views)
            with self.lock:
                ema_update(
                    self.average,
                    replica.network,
                    min(self.params.ema_decay, (step + 1) / (step + 10)),
                )
                for name, value in losses.items():
                    self.loss_means[name] += value / 50
                if (step + 1) % 50 == 0:
                    means = "  ".join(
                        f"{name} {value:.3f}" for name, value in self.loss_means.items()
                    )
                    report(f"step {step + 1}  {time.monotonic() - self.started:.0f} s  {means}")
                    self.loss_means.clear()
                if (step + 1) % 200 == 0:
                    self.save(step + 1)

    def save(self, step: int) -> None:
        """Write the checkpoint. ``step`` is the next step to take."""
        state = {
            "plan": repr(self.params),
            "data": self.views.digest,
            "step": step,
            "network": self.first_replica.network.state_dict(),
            "objective": self.first_replica.objective.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.first_replica.optimizer.state_dict(),
        }
        part = self.checkpoint.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.checkpoint)

    def _load(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        if state["plan"] != repr(self.params):
            raise ValueError(
                f"{self.checkpoint} was made with other hyperparameters, {state['plan']}; "
                "remove it to start again"
            )
        if state.get("data") != self.views.digest:
            raise ValueError(
                f"{self.checkpoint} was made with other photos; remove it to start again"
            )
        self.first_replica.network.load_state_dict(state["network"])
        self.first_replica.objective.load_state_dict(state["objective"])
        self.average.load_state_dict(state["average"])
        self.first_replica.optimizer.load_state_dict(state["optimizer"])
        self.next_step = state["step"]


def fit(
    start: Network,
    objective: Objective,
    views: Views,
    params: Hyperparameters,
    checkpoint: Path,
    report: Callable[[str], None],
) -> Network:
    """Train the last blocks and the head of ``start`` on the views, for all steps.

    Returns the EMA of the network in eval mode. Runs with one worker are reproducible bit for bit,
    with more workers within noise. Resumes from ``checkpoint`` if it exists, and writes it every
    200 steps and at the end. Raises ValueError if it was made with other hyperparameters or photos.
    """
    keep_freed_memory()
    run = TrainingRun(start, objective, views, params, checkpoint)
    first = run.first_replica
    replicas = [first, *(first.with_shared_weights() for _ in range(params.workers - 1))]
    run.pool.run(lambda replica: run.work(replica, report), replicas)
    run.save(params.steps)
    average: Network = run.average.eval()
    return average
