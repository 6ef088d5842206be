"""Training the bundled encoder: network, file, head, losses, and how a training goes on."""

from __future__ import annotations

import copy
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from indexer.encoders.onnxfile import read_encoder_settings
from indexer.training.__main__ import main
from indexer.training.data import Photo, read_photos
from tests.trainingphotos import batches_of, data, draw, write_table

__all__ = ["data"]  # fixtures


WEIGHTS = Path(__file__).parents[1] / "indexer" / "encoders" / "weights" / "builtin.onnx"


@pytest.mark.torch
@pytest.mark.parametrize("branch_from", [0, 4])
def test_the_exported_file_gives_the_vectors_of_the_network(
    tmp_path: Path, branch_from: int
) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from indexer.training.export import export, load_network, max_difference
    from indexer.training.network import Network, Shape

    torch.manual_seed(0)
    # Some weights become int8, some float16.
    network = Network(Shape(0.25, 0.5, branch_from)).eval()
    with torch.no_grad():
        for parameter in network.branch.parameters() if network.branch else ():
            parameter.mul_(1.1)  # else the branch would equal the blocks that it is a copy of
    pixels = torch.randint(0, 256, (4, 3, 64, 64)).float()
    with torch.inference_mode():
        before = network(pixels)
    export(network, tmp_path / "small.onnx", name="small", size=64, fit="squash")
    assert max_difference(network, tmp_path / "small.onnx", 64) < 1e-3
    again = load_network(tmp_path / "small.onnx")
    assert max_difference(again, tmp_path / "small.onnx", 64) < 1e-3
    with torch.inference_mode():
        assert float((before * again(pixels)).sum(1).min()) > 0.999


@pytest.mark.torch
def test_a_branch_leaves_the_first_network_and_its_vectors_as_they_are() -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.branch import with_branch
    from indexer.training.network import Network, Shape

    torch.manual_seed(0)
    start = Network(Shape(0.1, 0.3)).eval()
    trained = copy.deepcopy(start)
    with torch.no_grad():
        for parameter in (*trained.blocks[3:].parameters(), *trained.head.parameters()):
            parameter.add_(0.1 * torch.randn_like(parameter))
    joined = with_branch(start, trained, 3)
    pixels = torch.rand(2, 3, 64, 64) * 255
    with torch.inference_mode():
        assert torch.equal(joined(pixels), trained(pixels))
        assert torch.equal(joined.pooled(pixels)[:, :1280], start.pooled(pixels)[:, :1280])
        assert not torch.equal(joined.pooled(pixels)[:, 1280:2560], start.pooled(pixels)[:, :1280])
    with pytest.raises(ValueError, match="differ before block 4"):
        with_branch(start, trained, 4)
    with pytest.raises(ValueError, match="a branch from block 40 is impossible"):
        Network(Shape(0.1, 0.3, 40))


def test_photos_are_grouped_by_item_and_else_by_kind() -> None:
    pytest.importorskip("torch")
    from indexer.training.head_inputs import UNGROUPED, groups_of

    path = Path("photo.jpg")
    photos = [
        Photo(path, "magento", item="magento/1", kind="shirt"),
        Photo(path, "ccp-thing", kind="shirt"),
        Photo(path, "general"),
        Photo(path, "magento", item="magento/1"),
        Photo(path, "clothing", kind="shirt"),
    ]
    first, second, none, third, fourth = groups_of(photos).tolist()
    assert first == third
    assert second == fourth
    assert none == UNGROUPED
    assert len({first, second, none}) == 3


@pytest.mark.torch
def test_the_shipped_weights_can_be_trained_further() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from indexer.training.adapt import open_network

    network, settings = open_network(WEIGHTS)
    assert settings.size == 208
    network.train()
    network(torch.rand(2, 3, 96, 96) * 255).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.torch
def test_the_mean_of_two_networks_lies_between_them() -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.network import Network, Shape
    from indexer.training.weight_average import interpolate

    old, new = Network(Shape(0.1, 0.3)), Network(Shape(0.1, 0.3))
    with torch.no_grad():
        old.head.bias.fill_(1.0)
        new.head.bias.fill_(3.0)
    assert interpolate(old, new, 0.25).head.bias.unique().tolist() == [1.5]
    assert old.head.bias.unique().tolist() == [1.0]


@pytest.mark.torch
@pytest.mark.parametrize("branch_from", [0, 4])
def test_a_file_in_whole_numbers_gives_nearly_the_same_vectors(
    tmp_path: Path, branch_from: int
) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from indexer.training.export import export, load_network, max_difference
    from indexer.training.network import Network, Shape
    from indexer.training.quantize import quantize_file

    torch.manual_seed(0)
    network = Network(Shape(0.25, 0.5, branch_from)).eval()
    path = tmp_path / "small.onnx"
    export(network, path, name="small", size=64, fit="squash")
    size, side = path.stat().st_size, path.with_suffix(".json").read_bytes()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (32, 8, 8, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    kept = quantize_file(path, pixels)
    assert 0.995 <= kept.least <= kept.mean < 1.0
    assert path.stat().st_size != size
    assert path.with_suffix(".json").read_bytes() == side
    assert max_difference(load_network(path), path, 64) < 0.02


@pytest.mark.torch
def test_losses_are_lower_for_the_right_answer_and_skip_the_unlabeled() -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.losses import UNLABELED, Proxies, contrastive_loss

    torch.manual_seed(0)
    proxies = Proxies(5, 20.0)
    rows = proxies.vectors.detach().clone()
    right, wrong = torch.arange(5), (torch.arange(5) + 1) % 5
    groups = torch.arange(5).repeat(2)
    with torch.no_grad():
        assert float(proxies(rows, right)) < float(proxies(rows, wrong))
        assert float(proxies(rows, torch.full((5,), UNLABELED))) == 0.0
        alike = contrastive_loss(torch.cat([rows, rows]), groups)
        assert float(alike) < float(contrastive_loss(torch.cat([rows, -rows]), groups))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """The file of a tiny network with a branch from its third block on."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from indexer.training.export import export
    from indexer.training.network import Network, Shape

    torch.manual_seed(0)
    path = tmp_path / "base.onnx"
    export(Network(Shape(0.1, 0.3, 3)), path, name="base", size=32, fit="squash")
    return path


@pytest.mark.torch
def test_views_are_what_the_file_computes_of_distorted_photos(
    data: Path, base: Path, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.export import load_network
    from indexer.training.hyperparameters import Hyperparameters
    from indexer.training.network import normalized
    from indexer.training.views import make_views

    photos = read_photos(data)
    batches = batches_of(photos, Hyperparameters(pairs=4, size=32))
    done: list[tuple[int, int]] = []
    views = make_views(base, batches, 2, tmp_path / "views", 1, lambda *state: done.append(state))
    assert done == [(1, 1)]
    drawn = [batches.draw(step) for step in range(2)]
    photo = torch.cat([batch.photo for batch in drawn])
    assert views.fields["photo"].tolist() == photo.tolist()
    first, second = views.pairs.T
    names = [photos[number].item or photos[number].path for number in photo.tolist()]
    assert [names[row] for row in first] == [names[row] for row in second]
    assert sorted(views.pairs.ravel().tolist()) == list(range(len(photo)))
    network = load_network(base)
    with torch.inference_mode():
        pixels = torch.cat([batch.x.round().clamp(0, 255) for batch in drawn])
        front = network.front(normalized(pixels), 3).numpy()
        pooled = network.pooled(pixels).numpy()
        features, palette = pooled[:, :1280], pooled[:, -112:]
    assert np.abs(views.fields["front"] - front).max() < 0.01 * np.abs(front).max()
    assert np.abs(views.fields["features"] - features).max() < 0.01 * np.abs(features).max()
    assert np.abs(views.fields["palette"] - palette).max() < 0.01 * np.abs(palette).max()
    fewer = batches_of(photos, batches.params, [photo.source != "clothing" for photo in photos])
    with pytest.raises(ValueError, match="views of other photos or of another network; remove"):
        make_views(base, fewer, 2, tmp_path / "views", 1, lambda *_: None)


def test_all_pairs_of_views_are_used_once_before_one_is_used_again() -> None:
    pytest.importorskip("torch")
    from indexer.training.views import ViewBatch, Views

    rows = np.arange(24)
    fields = dict.fromkeys(ViewBatch._fields, rows)
    fields["front"] = rows.reshape(24, 1, 1, 1)
    views = Views(fields, np.stack([rows[:12], rows[12:]], axis=1), "")
    batches = [views.draw(step, 3, seed=1) for step in range(8)]
    for batch in batches:
        assert (batch.photo[3:] - batch.photo[:3]).tolist() == [12, 12, 12]
        assert batch.front.flatten().tolist() == batch.photo.tolist()
    epochs = [[row for b in batches[k : k + 4] for row in b.photo[:3].tolist()] for k in (0, 4)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(12))
    assert epochs[0] != epochs[1]


@pytest.mark.torch
def test_training_resumes_from_its_checkpoint_and_refuses_other_hyperparameters(
    data: Path, base: Path, tmp_path: Path
) -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.fit import fit
    from indexer.training.hyperparameters import Hyperparameters
    from indexer.training.network import Network, Shape
    from indexer.training.objective import Objective
    from indexer.training.views import make_views

    photos = read_photos(data)
    params = Hyperparameters(
        shape=Shape(0.1, 0.3), frozen_blocks=3, steps=3, pairs=4, size=32, workers=2
    )
    batches = batches_of(photos, params)
    views = make_views(base, batches, 3, tmp_path / "views", 2, lambda *_: None)
    objective = Objective(batches, torch.randn(len(photos), 256), params)
    checkpoint = tmp_path / "checkpoint.pt"
    start = Network(params.shape).eval()
    first = fit(start, objective, views, params, checkpoint, lambda line: None)
    again = fit(start, objective, views, params, checkpoint, lambda line: None)  # nothing is left
    assert torch.equal(first.head.weight, again.head.weight)
    assert not torch.equal(first.head.weight, start.head.weight)
    assert not torch.equal(first.last.conv.weight, start.last.conv.weight)
    for old, new in zip(start.frozen_parameters(3), first.frozen_parameters(3), strict=True):
        assert torch.equal(old, new)
    with pytest.raises(ValueError, match="other hyperparameters"):
        fit(start, objective, views, replace(params, steps=4), checkpoint, lambda line: None)
    others = replace(views, digest="other")
    with pytest.raises(ValueError, match="made with other photos; remove it"):
        fit(start, objective, others, params, checkpoint, lambda line: None)


@pytest.mark.torch
def test_a_course_runs_from_photos_to_a_file_of_the_served_size_and_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from indexer.training import course
    from indexer.training.export import load_network
    from indexer.training.hyperparameters import Hyperparameters
    from indexer.training.network import Network, Shape

    colors, kinds = ["navy", "crimson", "olive", "teal"], ["pants", "dress", "hat", "shirt"]
    rows = [f"photos/{number}.jpg,{kinds[number % 4]}" for number in range(32)]
    for number in range(32):
        draw(tmp_path / f"data/clothing/photos/{number}.jpg", colors[number % 4])
    write_table(tmp_path / "data/clothing/photos_train.csv", "image,category", *rows)
    photos = read_photos(tmp_path / "data")
    features = np.random.default_rng(0).normal(size=(len(photos), 300)).astype(np.float16)
    torch.manual_seed(0)
    start = Network(Shape(0.25, 0.5)).eval()
    monkeypatch.setattr(course, "make_features", lambda *_: features)
    monkeypatch.setattr(course, "imagenet_network", lambda shape: copy.deepcopy(start))
    params = Hyperparameters(
        shape=start.shape,
        frozen_blocks=6,
        steps=4,
        pairs=4,
        view_batches=2,
        size=64,
        served_size=96,
    )
    work = tmp_path / "work"
    work.mkdir()
    use = [True] * len(photos)
    file = course.train(photos, use, params, work, "small")
    network = load_network(file)
    assert network.shape == Shape(0.25, 0.5, 6)
    sizes = [read_encoder_settings(work / name).size for name in ("base.onnx", "small.onnx")]
    assert sizes == [64, 96]  # trained on smaller pictures than it is served with
    assert not torch.equal(network.branch.last.conv.weight, network.last.conv.weight)
    written = file.read_bytes()
    base_made = (work / "base.onnx").stat().st_mtime_ns
    assert course.train(photos, use, params, work, "small").read_bytes() == written
    assert (work / "base.onnx").stat().st_mtime_ns == base_made
    with pytest.raises(ValueError, match=r"base\.onnx holds a network of another shape; remove it"):
        course.train(photos, use, replace(params, frozen_blocks=5), work, "small")


@pytest.mark.torch
def test_when_a_worker_fails_the_others_end_their_step_and_no_more() -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.hogwild import WorkerPool

    pool, steps, threads = WorkerPool(), 0, torch.get_num_threads()

    def work(worker: str) -> None:
        nonlocal steps
        if worker == "broken":
            raise OSError("disk full")
        while not pool.stopped:
            assert torch.get_num_threads() == 1
            steps += 1
            time.sleep(0.001)

    with pytest.raises(OSError, match="disk full"):
        pool.run(work, ["whole", "broken", "whole"])  # would never come back otherwise
    assert steps > 0
    assert torch.get_num_threads() == threads


@pytest.mark.torch
def test_published_weights_are_folded_into_the_convolutions() -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.network import Block, Conv, Network, Shape

    shape = Shape(0.1, 0.3)
    network = Network(shape)
    torch.manual_seed(0)
    weights = {"_fc.weight": torch.randn(1000, 1280)}

    def publish(conv: Conv, name: str, norm: str) -> None:
        kernel = conv.conv.weight
        weights[f"{name}.weight"] = torch.randn_like(kernel)
        for part in ("weight", "bias", "running_mean"):
            weights[f"{norm}.{part}"] = torch.randn(len(kernel))
        weights[f"{norm}.running_var"] = torch.rand(len(kernel)) + 0.5

    publish(network.stem, "_conv_stem", "_bn0")
    for number, block in enumerate(network.blocks):
        assert isinstance(block, Block)
        if block.expand is not None:
            publish(block.expand, f"_blocks.{number}._expand_conv", f"_blocks.{number}._bn0")
        publish(block.filter, f"_blocks.{number}._depthwise_conv", f"_blocks.{number}._bn1")
        publish(block.project, f"_blocks.{number}._project_conv", f"_blocks.{number}._bn2")
    publish(network.last, "_conv_head", "_bn1")
    assert network.load_imagenet(weights) is not None
    x = torch.randn(2, 3, 32, 32)
    padded = torch.nn.functional.pad(x, (0, 1, 0, 1))  # "same" of a side of 32 at stride 2
    wanted = torch.nn.functional.conv2d(padded, weights["_conv_stem.weight"], stride=2)
    wanted = torch.nn.functional.batch_norm(
        wanted,
        weights["_bn0.running_mean"],
        weights["_bn0.running_var"],
        weights["_bn0.weight"],
        weights["_bn0.bias"],
        eps=1e-3,
    )
    assert torch.allclose(network.stem(x), wanted, atol=1e-3)
    assert network.stem(x).shape == (2, 32, 16, 16)


@pytest.mark.torch
def test_the_published_shapes_have_the_published_depths() -> None:
    pytest.importorskip("torch")
    from indexer.training.network import LITE, Network

    assert {name: len(Network(shape).blocks) for name, shape in LITE.items()} == {
        "lite0": 16,
        "lite1": 21,
        "lite2": 21,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "0"], "--steps: expected 1 or more, got 0"),
        (["--workers", "-1"], "--workers: expected 1 or more, got -1"),
        (
            ["--without", "books"],
            "--without books: there is no such set, only clothing, drawn, grocery",
        ),
        (["--out", "nowhere/at/all.onnx"], "there is no folder"),
        (["--data", "nowhere"], "no training set below nowhere"),
    ],
)
@pytest.mark.slow
def test_what_is_wrong_with_a_training_is_said_before_it_begins(
    arguments: list[str],
    message: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def nothing(*_: object, **__: object) -> None:
        raise AssertionError("the shop is drawn, or features are computed")

    monkeypatch.setattr("indexer.training.__main__.write_shop", _empty_shop)
    monkeypatch.setattr("indexer.training.teacher_features.make_features", nothing)
    given = ["--data", str(data), "--out", str(tmp_path / "x.onnx")]
    monkeypatch.setattr(sys, "argv", ["train", *given, *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def _empty_shop(folder: Path, **_: object) -> None:
    folder.mkdir()
    (folder / "catalog.csv").write_text("id,images\nmug,a.jpg\n")
    (folder / "queries.csv").write_text("image,item_id\n")
