"""Quantize an exported file to int8.

On a CPU with int8 instructions, a convolution takes well under half the time of one in float32, so
the encoder can use larger pictures in the same time. Weights are int8 with one scale per output
channel; activations are uint8 with a range per tensor, calibrated on pictures. The palette and the
head stay in floating point, so that similar colors stay distinct. So do the stem and the first
blocks: nearly all of the rounding error comes from them, because their 16 to 32 channels have very
different ranges but share a scale.
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

from indexer.durable import replace_file
from indexer.training.export import FRONT, POOLED
from indexer.training.network import FLOAT_PARTS

MEAN_COSINE, LEAST_COSINE = 0.98, 0.9  # to the vectors before: mean and minimum over pictures
_BATCH = 32  # pictures; mean ranges are averaged over batches of this size
_IN_FLOAT = ("palette.", *(f"{part}." for part in FLOAT_PARTS))


class _CalibrationReader:
    """Gives calibration pictures to ONNX Runtime in batches."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._batches = iter(np.array_split(pixels, max(1, len(pixels) // _BATCH)))

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """Return the next batch, or None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {"pixels": batch}


class Agreement(NamedTuple):
    """Mean and minimum of the cosines between the vectors before and after quantization."""

    mean: float
    least: float


def quantize_file(path: Path, pixels: NDArray[np.uint8]) -> Agreement:
    """Quantize the file at ``path``, written by ``export``, to int8 in place.

    ``pixels`` is (n, size, size, 3), n at least 16: even pictures calibrate the ranges, odd ones
    compare the vectors before and after. Two kinds of ranges are tried: the minimum and maximum
    over all pictures, and their mean over batches, which clips rare values but is finer for the
    others. Raises ValueError and leaves the file unchanged if neither reaches ``MEAN_COSINE`` and
    ``LEAST_COSINE``. ``load_network`` can read the result.
    """
    calibration, test = pixels[::2], pixels[1::2]
    before = _run(path, test)
    with tempfile.TemporaryDirectory() as folder:
        results: dict[Path, Agreement] = {}
        for mean_ranges in (False, True):
            quantized = Path(folder) / f"{mean_ranges}.onnx"
            _quantize(path, quantized, calibration, mean_ranges=mean_ranges)
            cosines = (before * _run(quantized, test)).sum(1)  # (n / 2,)
            results[quantized] = Agreement(float(cosines.mean()), float(cosines.min()))
        # A sufficient minimum counts more than a better mean.
        best = max(
            results, key=lambda file: (results[file].least >= LEAST_COSINE, results[file].mean)
        )
        agreement = results[best]
        if agreement.mean < MEAN_COSINE or agreement.least < LEAST_COSINE:
            raise ValueError(
                f"{path} loses too much in int8: cosines to the vectors before are "
                f"{agreement.mean:.4f} on average and {agreement.least:.4f} at worst, expected at "
                f"least {MEAN_COSINE} and {LEAST_COSINE}"
            )
        replace_file(path, best.read_bytes())
    return agreement


def _quantize(source: Path, target: Path, pixels: NDArray[np.uint8], *, mean_ranges: bool) -> None:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    model = onnx.load(source)
    convs = [
        node
        for node in model.graph.node
        if node.op_type == "Conv" and not node.input[1].startswith(_IN_FLOAT)
    ]
    weights = {name for node in convs for name in node.input[1:]}
    _unpack_weights(model, weights)
    # ReLU6 and sums between the convolutions too, or values would be converted to float32 and back.
    quantized = {node.output[0] for node in convs}
    between = []
    for node in model.graph.node:  # in topological order
        if node.op_type in ("Clip", "Add") and node.input[0] in quantized:
            between.append(node)
            quantized.add(node.output[0])
    level = logging.getLogger().level
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        onnx.save(model, plain)
        try:
            logging.getLogger().setLevel(logging.ERROR)  # hides advice that does not apply here
            quantize_static(
                plain,
                target,
                _CalibrationReader(pixels),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                # 7 bits: without VNNI, sums of products with 8-bit weights overflow on x86.
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
    _shorten(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)


def _unpack_weights(model: onnx.ModelProto, names: set[str]) -> None:
    """Replace weights that a node converts to float32 by float32 weights of the same name."""
    stored = {weight.name: weight for weight in model.graph.initializer}
    unpacking = [node for node in model.graph.node if node.output[0] in names]
    for node in unpacking:
        values = numpy_helper.to_array(stored[node.input[0]]).astype(np.float32)
        if node.op_type == "DequantizeLinear":
            scale = numpy_helper.to_array(stored[node.input[1]])
            values *= scale.reshape(-1, *[1] * (values.ndim - 1))
        for name in node.input:
            model.graph.initializer.remove(stored[name])
        model.graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        model.graph.node.remove(node)


def _rename(model: onnx.ModelProto, weights: set[str]) -> None:
    """Give the quantized weights the names that ``load_network`` expects."""
    names: dict[str, str] = {}
    for name in weights:
        expected = name.removesuffix(".float")
        names |= {f"{name}_quantized": expected, f"{name}_scale": f"{expected}.scale"}
        names |= {f"{name}_quantized_scale": f"{expected}.scale"}  # of a bias
    for weight in model.graph.initializer:
        weight.name = names.get(weight.name, weight.name)
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = names.get(name, name)


def _shorten(model: onnx.ModelProto) -> None:
    """Number the tensors between the layers; quantization gives them names of up to 60 letters."""
    kept = {FRONT, POOLED, *(value.name for value in (*model.graph.input, *model.graph.output))}
    names: dict[str, str] = {}
    for node in model.graph.node:
        node.name = ""
        for output in node.output:
            if output not in kept:
                names[output] = f"t{len(names)}"
    for node in model.graph.node:
        for tensors in (node.input, node.output):
            for index, name in enumerate(tensors):
                tensors[index] = names.get(name, name)
    del model.graph.value_info[:]


def _run(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.concatenate(
        [
            session.run(["embedding"], {"pixels": batch})[0]
            for batch in np.array_split(pixels, max(1, len(pixels) // _BATCH))
        ]
    )
