"""The head of the bundled encoder: fitted in closed form, whitened, and a sum of its parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.training.data import read_photos
from indexer.training.originals import read_squares
from tests.trainingphotos import data

if TYPE_CHECKING:
    from torch import Tensor

    from indexer.training.head_inputs import HeadInputs

__all__ = ["data"]  # fixtures


@pytest.mark.torch
def test_the_similarity_of_the_head_is_a_sum_of_its_parts_by_their_shares() -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.initialize import principal_axes
    from indexer.training.whitened_head import Part, colors, components, whitened_head

    torch.manual_seed(0)
    trained = torch.nn.Linear(1000, 256).double().requires_grad_(False)
    pooled = torch.randn(12, 1500)
    found = principal_axes(pooled[:, :500].numpy(), np.ones(12), power=0.0)
    rows = pooled.double()
    axes = torch.from_numpy(found.axes).double()
    features = (rows[:, :500] - torch.from_numpy(found.mean)) @ axes
    vectors = trained(rows[:, 500:])
    shares_of_colors = rows[:, 1400:1464] - rows[:, 1400:1464].mean(0)
    inputs = _head_inputs(pooled)
    for shares in ((1.0, 0.0, 0.0), (0.6, 0.3, 0.1), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)):
        parts = (
            components(inputs, slice(500), shares[0], whitening_power=0.0),
            Part(slice(500, None), trained.weight.T, trained.bias, shares[1]),
            colors(inputs, slice(1400, 1464), shares[2]),
        )
        with torch.no_grad():
            raw = whitened_head(inputs, parts, shrinkage=0.5).double()(rows)
        left = raw @ raw.T / raw.square().sum(1).mean()
        for part, share in zip((features, vectors, shares_of_colors), shares, strict=True):
            left -= share * (part @ part.T) / part.square().sum(1).mean()
        assert float(left.abs().max()) < 1e-3, shares


def _head_inputs(
    pooled: Tensor, groups: NDArray[np.int64] | None = None, drawn: Tensor | None = None
) -> HeadInputs:
    """Return the inputs of grocery photos: all of different items, and without drawings."""
    from indexer.training.head_inputs import HeadInputs

    return HeadInputs(
        pooled,
        ["grocery"] * len(pooled),
        np.full(len(pooled), -1) if groups is None else groups,
        pooled[None, :0] if drawn is None else drawn[None],
        np.arange(0 if drawn is None else len(drawn)),
    )


@pytest.mark.torch
def test_what_differs_within_an_item_counts_less_in_a_whitened_head() -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.whitened_head import components, whitened_head

    torch.manual_seed(0)
    items = np.repeat(np.arange(10), 4)
    light = torch.randn(500)  # a direction in which photos of one item differ
    pooled = torch.randn(10, 500)[items] + 3.0 * torch.randn(40, 1) * light
    likeness = []
    for groups in (items, None):
        inputs = _head_inputs(pooled, groups)
        part = components(inputs, slice(None), 1.0, whitening_power=0.0)
        with torch.inference_mode():
            raw = whitened_head(inputs, [part], shrinkage=0.1)(pooled)
        rows = torch.nn.functional.normalize(raw, dim=1)
        likeness.append(float((rows @ rows.T)[items[:, None] == items[None, :]].mean()))
    assert likeness[0] > likeness[1] + 0.2


@pytest.mark.torch
def test_what_drawing_changes_counts_less_in_a_whitened_head() -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.whitened_head import components, whitened_head

    torch.manual_seed(0)
    photos = torch.randn(40, 500)
    drawings = photos + 3.0 * torch.randn(40, 1) * torch.randn(500)
    likeness = []
    for drawn in (drawings, None):
        inputs = _head_inputs(photos, drawn=drawn)
        part = components(inputs, slice(None), 1.0, whitening_power=0.0)
        with torch.inference_mode():
            head = whitened_head(inputs, [part], shrinkage=0.1)
            rows, others = (
                torch.nn.functional.normalize(head(pooled), dim=1) for pooled in (photos, drawings)
            )
        likeness.append(float((rows * others).sum(1).mean()))
    assert likeness[0] > likeness[1] + 0.2


@pytest.mark.torch
@pytest.mark.slow
def test_the_head_is_fitted_to_what_the_file_computes(data: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from dataclasses import replace

    from indexer.encoders.onnxfile import OnnxEncoder
    from indexer.training.branch import with_branch
    from indexer.training.export import export
    from indexer.training.hyperparameters import Hyperparameters
    from indexer.training.network import Network, Shape
    from indexer.training.whitened_head import refit_head

    torch.manual_seed(0)
    photos = read_photos(data)
    squares = read_squares(photos, 64)
    params = replace(Hyperparameters(), shape=Shape(0.25, 0.5))
    trained = Network(params.shape).eval()
    network = with_branch(trained, trained, 3)
    path = tmp_path / "refitted.onnx"
    export(network, path, name="refitted", size=64, fit="squash")
    before = OnnxEncoder(path, encoder_id="before").encode_images(list(squares))
    used = [number for number, photo in enumerate(photos) if photo.source != "clothing"]
    chosen, served = [photos[number] for number in used], squares[used]
    refit_head(path, trained.head, chosen, 255 - served, params)
    other = OnnxEncoder(path, encoder_id="other").encode_images(list(squares))
    assert not np.allclose(before, other, atol=0.05)
    refit_head(path, trained.head, chosen, served, params)
    after = OnnxEncoder(path, encoder_id="after").encode_images(list(squares))
    refit_head(path, trained.head, chosen, served, params)
    again = OnnxEncoder(path, encoder_id="again").encode_images(list(squares))
    assert np.allclose(after, again, atol=1e-3)


@pytest.mark.torch
def test_whitened_axes_give_every_direction_the_same_deviation() -> None:
    pytest.importorskip("torch")
    from indexer.training.initialize import principal_axes

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5000, 300)) * np.linspace(5, 0.1, 300)
    plain = principal_axes(rows, np.ones(5000), power=0.0)
    white = principal_axes(rows, np.ones(5000), power=1.0)
    assert ((rows - plain.mean) @ plain.axes).std(0)[[0, 200]] == pytest.approx([5, 1.7], rel=0.15)
    assert ((rows - white.mean) @ white.axes).std(0) == pytest.approx(np.ones(256), rel=0.01)
    assert np.linalg.norm(plain(rows), axis=1) == pytest.approx(np.ones(5000), abs=1e-5)


@pytest.mark.torch
def test_the_head_begins_as_the_best_linear_map() -> None:
    torch = pytest.importorskip("torch")
    from indexer.training.initialize import fit_head
    from indexer.training.network import Network, Shape

    torch.manual_seed(0)
    network = Network(Shape(0.1, 0.3))
    pooled = torch.randn(3000, network.head.in_features)
    target = pooled @ torch.randn(network.head.in_features, 256)
    assert fit_head(network, pooled, target, palette=1.0) > 0.99


def test_rows_are_weighed_so_that_each_source_counts_as_its_share() -> None:
    pytest.importorskip("torch")
    from indexer.training.initialize import row_weights

    weights = row_weights(["shelf", "shelf", "street", "other"], {"shelf": 3.0, "street": 1.0})
    assert weights.tolist() == [1.5, 1.5, 1.0, 0.0]
