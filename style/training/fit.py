"""The training loop: critic and generator take turns, each with its own loss and optimizer."""

from __future__ import annotations

import copy
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from style.errors import BadTraining
from style.training.checkpoint import read_checkpoint, write_checkpoint
from style.training.features import ProductFeatures, Vgg
from style.training.losses import (
    Moments,
    adversarial_loss,
    content_loss,
    critic_loss,
    moments,
    product_loss,
    smooth_loss,
    style_loss,
    total,
)
from style.training.networks import Generator, PatchCritic, StyleEncoder
from style.training.pictures import Batch, Pictures, to_tensor

Losses = dict[str, float]


@dataclass(frozen=True)
class Plan:
    """The hyperparameters of a training; a resumed one may take more steps than was planned."""

    steps: int = field(default=4000, repr=False)
    batch: int = 4
    crop: int = 96
    rate: float = 1e-3
    critic_rate: float = 4e-4
    seed: int = 0
    average: float = 0.995
    weights: dict[str, float] = field(
        default_factory=lambda: {
            "content": 1.0,
            "style": 4.0,
            "product": 2.0,
            "identity": 5.0,
            "adversarial": 0.2,
            "smooth": 0.2,
        }
    )

    def rate_factor(self, step: int) -> float:
        """Return the factor of the learning rate: 1 for 60 % of the steps, then linear to 0.05."""
        late = max(0.0, (step / self.steps - 0.6) / 0.4)
        return 1 - 0.95 * min(1.0, late)


class Painter(nn.Module):
    """Style encoder and generator, which are trained together."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = StyleEncoder()
        self.generator = Generator()

    def forward(self, colored: Tensor, style: Tensor) -> Tensor:
        """Return the change of (n, 3, h, w) by style images (n, 3, y, x)."""
        change: Tensor = self.generator(colored, self.encoder(style))
        return change


class Training:
    """The state of a training. ``products`` may be None; then their loss is 0."""

    def __init__(
        self, pictures: Pictures, plan: Plan, vgg: Vgg, products: ProductFeatures | None
    ) -> None:
        torch.manual_seed(plan.seed)
        self.pictures, self.plan, self.vgg, self.products = pictures, plan, vgg, products
        self.painter = Painter().to(memory_format=torch.channels_last)
        self.critic = PatchCritic(len(pictures.styles)).to(memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.painter).requires_grad_(False)
        betas = (0.5, 0.99)
        self.painter_steps = torch.optim.Adam(self.painter.parameters(), plan.rate, betas)
        self.critic_steps = torch.optim.Adam(self.critic.parameters(), plan.critic_rate, betas)
        self.step = 0
        self.wanted = [self._moments(to_tensor([image])) for image in pictures.styles]

    def take_step(self) -> Losses:
        """Train the critic, then the generator, on the batch of this step; return the losses."""
        plan, batch = self.plan, self._batch()
        factor = plan.rate_factor(self.step)
        for optimizer, rate in (
            (self.painter_steps, plan.rate),
            (self.critic_steps, plan.critic_rate),
        ):
            optimizer.param_groups[0]["lr"] = rate * factor
        change = self.painter(batch.colored, batch.style)
        made = (batch.colored + change).clamp(0, 1)
        losses = self._train_critic(batch, made.detach())
        losses |= self._train_painter(batch, change, made)
        self.step += 1
        self._update_average()
        return losses

    def _train_critic(self, batch: Batch, made: Tensor) -> Losses:
        """Lower the critic's loss; ``made`` carries no gradient to the generator."""
        real, fake = self.critic(batch.style, batch.number), self.critic(made, batch.number)
        loss = critic_loss(real, fake)
        self.critic_steps.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.critic_steps.step()
        return {
            "critic": loss.item(),
            "real": real.mean().item(),
            "fake": fake.mean().item(),
        }

    def _train_painter(self, batch: Batch, change: Tensor, made: Tensor) -> Losses:
        """Lower the generator's loss; the critic's own gradients are thrown away."""
        self.critic.requires_grad_(False)
        layers = self.vgg(halved(made))
        with torch.no_grad():
            content = self.vgg(halved(batch.colored))[-1]
        wanted = [self.wanted[number] for number in batch.number.tolist()]
        targets = [
            (torch.cat([w[at][0] for w in wanted]), torch.cat([w[at][1] for w in wanted]))
            for at in range(len(layers) + 1)
        ]
        # A picture in its own style is the picture: half of the batch is enough.
        half = batch.photo[: (len(batch.photo) + 1) // 2]
        losses = {
            "content": content_loss(layers[-1], content),
            "style": style_loss([self.vgg.finest(made), *layers], targets),
            "identity": self.painter(half, half).abs().mean(),
            "adversarial": adversarial_loss(self.critic(made, batch.number)),
            "smooth": smooth_loss(change),
        }
        if self.products is not None:
            with torch.no_grad():
                product = self.products(batch.photo)
            losses["product"] = product_loss(self.products(made), product)
        self.painter_steps.zero_grad(set_to_none=True)
        torch.autograd.backward(total(losses, self.plan.weights))
        nn.utils.clip_grad_norm_(self.painter.parameters(), 5.0)
        self.painter_steps.step()
        self.critic.requires_grad_(True)
        return {name: loss.item() for name, loss in losses.items()}

    def _batch(self) -> Batch:
        plan = self.plan
        drawn = self.pictures.draw(self.step, plan.batch, plan.crop, plan.seed)
        return Batch(_last(drawn.photo), _last(drawn.colored), _last(drawn.style), drawn.number)

    @torch.no_grad()
    def _moments(self, style: Tensor) -> list[Moments]:
        return [moments(x) for x in (self.vgg.finest(style), *self.vgg(halved(style)))]

    @torch.no_grad()
    def _update_average(self) -> None:
        keep = min(self.plan.average, self.step / (self.step + 10))
        for mean, now in zip(self.average.parameters(), self.painter.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)

    def save(self, path: Path) -> None:
        """Write the checkpoint. Raises FloatingPointError if the state is not finite."""
        state = {"plan": repr(self.plan), "data": self.pictures.digest, "step": self.step}
        write_checkpoint(path, state | {name: part.state_dict() for name, part in self._parts()})

    def load(self, path: Path) -> None:
        """Continue from a checkpoint; BadTraining if it is damaged or of another training."""
        state = read_checkpoint(path, repr(self.plan), self.pictures.digest)
        try:
            for name, part in self._parts():
                part.load_state_dict(state[name])
        except Exception as error:  # torch raises many kinds for a state that does not fit
            raise BadTraining(
                f"{path}: not a checkpoint of these networks ({type(error).__name__}); remove it "
                "to start again"
            ) from error
        self.step = state["step"]

    def _parts(self) -> list[tuple[str, Any]]:
        names = ("painter", "average", "critic", "painter_steps", "critic_steps")
        return [(name, getattr(self, name)) for name in names]


def _last(pictures: Tensor) -> Tensor:
    """Lay the channels of a pixel side by side: convolutions are faster that way."""
    return pictures.contiguous(memory_format=torch.channels_last)


def halved(pictures: Tensor) -> Tensor:
    """Shrink (n, 3, h, w) to half its sides: features of larger strokes for a quarter the cost."""
    return functional.avg_pool2d(pictures, 2)


def fit(
    pictures: Pictures,
    plan: Plan,
    checkpoint: Path,
    report: Callable[[int, Losses], None],
    *,
    every: int = 50,
    save_seconds: float = 180,
    anew: bool = False,
) -> Painter:
    """Train for all steps; return the average of the weights over the last ones, in eval mode.

    Continues from the checkpoint if there is one. If it has more steps than the plan: BadTraining,
    or a training from step 0 with ``anew``. ``report`` gets the mean losses of each ``every``
    steps, fewer in the first line after a checkpoint. Runs are reproducible bit for bit on one
    machine. Raises ImportError without the packages of the frozen networks, and FloatingPointError
    when a loss or a weight is not finite; the checkpoint stays the last finite one.
    """
    vgg, products = Vgg.installed(), ProductFeatures.installed()
    training = Training(pictures, plan, vgg, products)
    if checkpoint.is_file():
        training.load(checkpoint)
    if training.step > plan.steps:
        if not anew:
            raise BadTraining(
                f"{checkpoint} has {training.step} steps already, more than the {plan.steps} asked "
                f"for; ask for {training.step} or more, or remove it to start again"
            )
        training = Training(pictures, plan, vgg, products)
    sums: defaultdict[str, float] = defaultdict(float)
    saved, reported = time.monotonic(), training.step
    while training.step < plan.steps:
        losses = training.take_step()
        if not all(-1e9 < value < 1e9 for value in losses.values()):
            raise FloatingPointError(f"a loss is not finite at step {training.step}: {losses}")
        for name, value in losses.items():
            sums[name] += value
        if training.step % every == 0:
            taken = training.step - reported
            report(training.step, {name: value / taken for name, value in sums.items()})
            sums.clear()
            reported = training.step
        if time.monotonic() - saved > save_seconds:
            training.save(checkpoint)
            saved = time.monotonic()
    training.save(checkpoint)
    average: Painter = training.average.eval()
    return average
