"""The last steps of a training: the network learns to be itself in whole numbers.

Rounded after training, a depthwise network turns its vectors by some degrees; a hundred steps in
which it computes as the exported file will, and is to agree with itself in float32, win most of
that back (quantization-aware self-distillation). No label is used, so nothing else is learned.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from indexer.training.batches import Batches
from indexer.training.hyperparameters import Hyperparameters
from indexer.training.memory import keep_memory
from indexer.training.network import Network

_OTHER_STEPS = 1_000_000  # so that no batch is one of those that were learned from


def tune_quantized(
    network: Network, batches: Batches, params: Hyperparameters, report: Callable[[str], None]
) -> Network:
    """Return a copy of ``network`` whose vectors bear rounding; 1 - cosine is reported."""
    keep_memory()
    aim = copy.deepcopy(network).eval().requires_grad_(False)
    rounded: Network = copy.deepcopy(network).train().to(memory_format=torch.channels_last)
    rounded.round(True)
    optimizer = torch.optim.AdamW(
        rounded.parameters(), lr=params.qat_rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True
    )
    last = params.steps - 1
    for step in range(params.qat_steps):
        for group in optimizer.param_groups:
            group["lr"] = params.qat_rate * min(1.0, 2.0 * (1 - step / params.qat_steps))
        batch = batches.draw(_OTHER_STEPS + step, size=params.size(last))
        x = batch.x.contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            wanted = aim.raw(x)
        loss = (1.0 - functional.cosine_similarity(rounded.raw(x), wanted)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(rounded.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 20 == 0:
            report(f"settling {step + 1}/{params.qat_steps}  {loss.item():.4f}")
    rounded.round(False)
    rounded.eval()
    return rounded
