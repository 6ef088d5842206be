"""Train the network of ``style.care.upscale``, which doubles the sides of a photo.

python scripts/train_doubler.py --images FOLDER [--images FOLDER ...] --out FILE.onnx
                                [--steps N] [--minutes M] [--seed S]

The network adds to Pillow's Lanczos: three hidden layers, and pixels put in their places at the end
(W. Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel
convolutional neural network", CVPR 2016). Photos are shrunk first, so that artifacts of JPEG are
not learned; a third of the small patches are saved as JPEG, as a shop's photos are.

Needs torch and onnx. Beside the file lies a checkpoint (.pt); run again to go on.
"""

from __future__ import annotations

import argparse
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

WIDTH = 32
PATCH = 48  # pixels a side of what is enlarged
LANCZOS, BICUBIC = Image.Resampling.LANCZOS, Image.Resampling.BICUBIC


def network() -> nn.Sequential:
    """Return the network: (n, 3, h, w) in [0, 1] -> what Lanczos lacks of it, (n, 3, 2 h, 2 w)."""
    layers = nn.Sequential(
        nn.Conv2d(3, WIDTH, 5, padding=2), nn.ReLU(),
        nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.ReLU(),
        nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.ReLU(),
        nn.Conv2d(WIDTH, 12, 3, padding=1), nn.PixelShuffle(2),
    )  # fmt: skip
    last = layers[-2]
    assert isinstance(last, nn.Conv2d)
    nn.init.normal_(last.weight, std=1e-3)
    return layers


def read_photos(folders: list[Path], most: int, rng: np.random.Generator) -> list[Image.Image]:
    """Read photos of some size, shrunk to 0.6."""
    paths = sorted(path for folder in folders for path in folder.rglob("*.jpg"))
    photos = []
    for at in rng.permutation(len(paths)):
        with Image.open(paths[at]) as image:
            if min(image.size) < 200:
                continue
            size = (round(image.width * 0.6), round(image.height * 0.6))
            photos.append(image.convert("RGB").resize(size, BICUBIC))
        if len(photos) == most:
            break
    return photos


def patch(photos: list[Image.Image], rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw a small patch, its Lanczos enlargement, and the truth."""
    side = 2 * PATCH
    best, most = None, -1.0
    for _ in range(3):  # the one of three patches with the most detail: plain areas teach little
        photo = photos[rng.integers(len(photos))]
        left, top = (int(rng.integers(0, span - side + 1)) for span in photo.size)
        cut = np.asarray(photo.crop((left, top, left + side, top + side)))
        detail = float(np.abs(np.diff(cut.astype(np.int16), axis=1)).mean())
        if detail > most:
            best, most = cut, detail
    assert best is not None
    best = np.rot90(best, rng.integers(4))
    large = Image.fromarray(np.ascontiguousarray(best[:, :: rng.choice([-1, 1])]))
    small = large.resize((PATCH, PATCH), BICUBIC if rng.random() < 0.6 else LANCZOS)
    if rng.random() < 0.33:
        file = io.BytesIO()
        small.save(file, "JPEG", quality=int(rng.integers(80, 97)))
        small = Image.open(file).convert("RGB")
    return tuple(
        np.moveaxis(np.asarray(image, np.float32) / 255, -1, 0)
        for image in (small, small.resize((side, side), LANCZOS), large)
    )


def train(folders: list[Path], out: Path, steps: int, minutes: float, seed: int) -> nn.Sequential:
    """Train until the steps or the minutes are over; go on from a checkpoint."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    layers = network()
    optimizer = torch.optim.Adam(layers.parameters(), 1e-3)
    checkpoint, begun = out.with_suffix(".pt"), 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        layers.load_state_dict(saved["layers"])
        optimizer.load_state_dict(saved["optimizer"])
        begun = saved["step"]
        rng = np.random.default_rng([seed, begun])
    photos = read_photos(folders, 1500, rng)
    print(f"{len(photos)} photos, from step {begun}", flush=True)
    ends, sums = time.monotonic() + 60 * minutes, np.zeros(2)
    for step in range(begun + 1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = float(5e-4 * (1 + np.cos(np.pi * step / steps)) + 1e-5)
        batch = [patch(photos, rng) for _ in range(16)]
        small, lanczos, large = (
            torch.from_numpy(np.stack(part)) for part in zip(*batch, strict=True)
        )
        made: Tensor = lanczos + layers(small)
        loss = functional.l1_loss(made, large)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            sums += [
                float(functional.mse_loss(made, large)),
                float(functional.mse_loss(lanczos, large)),
            ]
        over = time.monotonic() > ends
        if step % 100 == 0 or over:
            ours, theirs = -10 * np.log10(sums / (step % 100 or 100))
            sums[:] = 0
            print(f"step {step}: {ours:.2f} dB, Lanczos {theirs:.2f} dB", flush=True)
            torch.save(
                {"layers": layers.state_dict(), "optimizer": optimizer.state_dict(), "step": step},
                checkpoint,
            )
        if over:
            break
    return layers


def export(layers: nn.Sequential, path: Path) -> None:
    """Write the ONNX file: ``small`` (n, 3, h, w) to ``more`` (n, 3, 2 h, 2 w), in [0, 1]."""
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []
    x = "small"
    for number, layer in enumerate(layers):
        out = "more" if number == len(layers) - 1 else f"x{number}"
        if isinstance(layer, nn.Conv2d):
            names = []
            for kind, tensor in (("weight", layer.weight), ("bias", layer.bias)):
                array: Any = tensor.detach().numpy().astype(np.float16)
                if not np.isfinite(array).all():
                    raise ValueError(f"layer {number}: a {kind} does not fit float16")
                name = f"{number}.{kind}"
                constants.append(numpy_helper.from_array(array, name))
                nodes.append(
                    helper.make_node("Cast", [name], [f"{name}.float"], to=TensorProto.FLOAT)
                )
                names.append(f"{name}.float")
            pads = [layer.padding[0]] * 4  # type: ignore[list-item]
            nodes.append(helper.make_node("Conv", [x, *names], [out], pads=pads))
        elif isinstance(layer, nn.ReLU):
            nodes.append(helper.make_node("Relu", [x], [out]))
        else:
            nodes.append(helper.make_node("DepthToSpace", [x], [out], blocksize=2, mode="CRD"))
        x = out
    shapes = [("small", ["n", 3, "h", "w"]), ("more", ["n", 3, "y", "x"])]
    source, target = (helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes)
    graph = helper.make_graph(nodes, "doubler", [source], [target], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    export(train(given.images, given.out, given.steps, given.minutes, given.seed), given.out)
    print(f"{given.out}: {given.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
