"""Quantization-aware training: the last steps, in simulated int8.

Quantizing a depthwise network after training turns its vectors by several degrees. A hundred steps
of self-distillation, in which the fake-quantized network learns to match its own float32 vectors,
recover most of that. No labels are used, so the network learns nothing else.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional

from indexer.training.batches import Batches
from indexer.training.hyperparameters import Hyperparameters
from indexer.training.memory import keep_freed_memory
from indexer.training.network import Network

_FIRST_STEP = 1_000_000  # beyond the steps of the training, so that batches do not repeat


def tune_quantized(
    network: Network, batches: Batches, params: Hyperparameters, report: Callable[[str], None]
) -> Network:
    """Return a copy of ``network`` that is trained to keep its vectors when quantized.

    ``report`` is called with the loss, 1 - cosine, every 20 steps.
    """
    keep_freed_memory()
    teacher = copy.deepcopy(network).eval().requires_grad_(False)
    rounded: Network = copy.deepcopy(network).train().to(memory_format=torch.channels_last)
    rounded.set_fake_quantized(True)
    optimizer = torch.optim.AdamW(
        rounded.parameters(), lr=params.qat_rate, betas=(0.9, 0.98), weight_decay=0.0, fused=True
    )
    last = params.steps - 1
    for step in range(params.qat_steps):
        for group in optimizer.param_groups:
            group["lr"] = params.qat_rate * min(1.0, 2.0 * (1 - step / params.qat_steps))
        batch = batches.draw(_FIRST_STEP + step, size=params.size(last))
        x = batch.x.contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            target = teacher.raw(x)
        loss = (1.0 - functional.cosine_similarity(rounded.raw(x), target)).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(rounded.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % 20 == 0:
            report(f"quantization-aware step {step + 1}/{params.qat_steps}  {loss.item():.4f}")
    rounded.set_fake_quantized(False)
    rounded.eval()
    return rounded
