"""The network in whole numbers: an exported file made to compute in int8.

On a CPU with the instructions for it a convolution in int8 takes well under half the time of one
in float32, so a larger picture fits into the same milliseconds. Weights are int8 with a scale
an output channel; activations are uint8 with a range each, learned from pictures. The palette
and the head stay in floating point: neighboring colors must not fall together. So do the stem and
the first blocks: nearly all of the error of rounding begins there, where 16 to 32 channels of
unlike ranges share one, and every later layer carries it on.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from indexer.training.network import FLOAT_PARTS
from indexer.training.stored_weights import replace_file

MEAN_COSINE, LEAST_COSINE = 0.98, 0.9  # to the vectors before, over all pictures and of any
_BATCH = 32  # pictures; the mean ranges are those of so many
_IN_FLOAT = ("palette.", *(f"{part}." for part in FLOAT_PARTS))


class _Pictures:
    """Hands calibration pictures to ONNX Runtime, a few at a time."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._batches = iter(np.array_split(pixels, max(1, len(pixels) // _BATCH)))

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """Give the next batch, None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {"pixels": batch}


class Kept(NamedTuple):
    """What int8 left of the vectors: the mean and the least of their cosines to those before."""

    mean: float
    least: float


def to_integers(path: Path, pixels: NDArray[np.uint8]) -> Kept:
    """Make the file at `path`, which `export` wrote, compute in int8.

    `pixels` is (n, size, size, 3), n at least 16: ranges are learned from the even ones, and the
    vectors of the odd ones are compared before and after. Ranges are tried that hold all that was
    seen, and the mean ones of batches: these cut off what few pictures reach, and are finer for the
    rest. Where neither keeps `MEAN_COSINE` and `LEAST_COSINE`, the file is left as it is:
    ValueError. `load_network` reads the result too.
    """
    learn, prove = pixels[::2], pixels[1::2]
    before = _run(path, prove)
    with tempfile.TemporaryDirectory() as folder:
        tries: dict[Path, Kept] = {}
        for mean_ranges in (False, True):
            made = Path(folder) / f"{mean_ranges}.onnx"
            _quantize(path, made, learn, mean_ranges=mean_ranges)
            cosines = (before * _run(made, prove)).sum(1)  # (n / 2,)
            tries[made] = Kept(float(cosines.mean()), float(cosines.min()))
        # One that is near to all comes before one that is nearer to most and far from some.
        made, kept = max(tries.items(), key=lambda one: (one[1].least >= LEAST_COSINE, one[1].mean))
        if kept.mean < MEAN_COSINE or kept.least < LEAST_COSINE:
            raise ValueError(
                f"{path} does not bear int8: cosines to the vectors before are {kept.mean:.4f} in "
                f"the mean and {kept.least:.4f} at worst, expected {MEAN_COSINE} and {LEAST_COSINE}"
            )
        replace_file(path, made.read_bytes())
    return kept


def _quantize(source: Path, target: Path, pixels: NDArray[np.uint8], *, mean_ranges: bool) -> None:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    model = onnx.load(source)
    convs = [
        node
        for node in model.graph.node
        if node.op_type == "Conv" and not node.input[1].startswith(_IN_FLOAT)
    ]
    weights = {name for node in convs for name in node.input[1:]}
    _unpack(model, weights)
    # Sums and rectifiers between them too, or values would go to float32 and back.
    made = {node.output[0] for node in convs}
    between = []
    for node in model.graph.node:  # each after those it takes from
        if node.op_type in ("Clip", "Add") and node.input[0] in made:
            between.append(node)
            made.add(node.output[0])
    level = logging.getLogger().level
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        onnx.save(model, plain)
        try:
            logging.getLogger().setLevel(logging.ERROR)  # advice for models that are not ours
            quantize_static(
                plain,
                target,
                _Pictures(pixels),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                # Seven bits: without VNNI, products of eight-bit weights overflow on x86.
                reduce_range=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_quantize=[node.name for node in (*convs, *between)],
                extra_options={"CalibMovingAverage": mean_ranges},
            )
        finally:
            logging.getLogger().setLevel(level)
    model = onnx.load(target)
    _rename(model, weights)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)


def _unpack(model: onnx.ModelProto, names: set[str]) -> None:
    """Turn weights that are unpacked by a node into plain float32 ones of the same name."""
    stored = {weight.name: weight for weight in model.graph.initializer}
    for node in [node for node in model.graph.node if node.output[0] in names]:
        values = numpy_helper.to_array(stored[node.input[0]]).astype(np.float32)
        if node.op_type == "DequantizeLinear":
            scale = numpy_helper.to_array(stored[node.input[1]])
            values *= scale.reshape(-1, *[1] * (values.ndim - 1))
        for name in node.input:
            model.graph.initializer.remove(stored[name])
        model.graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        model.graph.node.remove(node)


def _rename(model: onnx.ModelProto, weights: set[str]) -> None:
    """Give the rounded weights the names that `load_network` looks for."""
    names: dict[str, str] = {}
    for name in weights:
        ours = name.removesuffix(".float")
        names |= {f"{name}_quantized": ours, f"{name}_scale": f"{ours}.scale"}
        names |= {f"{name}_quantized_scale": f"{ours}.scale"}  # that of a bias
    for weight in model.graph.initializer:
        weight.name = names.get(weight.name, weight.name)
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = names.get(name, name)


def _run(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.concatenate(
        [
            session.run(["embedding"], {"pixels": batch})[0]
            for batch in np.array_split(pixels, max(1, len(pixels) // _BATCH))
        ]
    )
