"""Models of sentence-transformers that take images: CLIP, SigLIP, EmbeddingGemma 2 and others.

If the model's image processor only resizes, crops and scales, Vitrine does the same in its decoding
threads. Other processors, such as those with a variable number of image tokens, get a padded
square.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from indexer.arrays import unit
from indexer.encoders.modelfolder import hash_model_folder
from indexer.encoders.torchmodel import (
    Color,
    TorchModel,
    cannot_load,
    import_packages,
)
from indexer.errors import EncoderNotFound
from indexer.imaging.preprocess import Preprocess, Resample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from indexer.arrays import Pixels, Vectors

_RESAMPLES: dict[int, Resample] = {1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box"}
_ORGANIZATION = "sentence-transformers"  # default of hub names, as in the library
_ANCHORS = ("modules.json", "config.json")  # every model folder has one of them
# A multiple of the patch size of every model known to need it, and close to the resolution of
# EmbeddingGemma 2 for a square photo (280 tokens of 48 x 48 pixels).
_SQUARE = Preprocess(768, "pad")
_SQUARES_AT_ONCE = 8
_TEXTS_AT_ONCE = 32
_TOLERANCE = 0.005  # mean difference, of the pixel range; another crop or fit gives ten times more


def split_cut(spec: str) -> tuple[str, int | None]:
    """Split ``MODEL@256`` into ``MODEL`` and 256; None without a cut, or if it names a folder."""
    name, at, cut = spec.rpartition("@")
    if at and name and cut.isascii() and cut.isdigit() and not Path(spec).expanduser().is_dir():
        return name, int(cut)
    return spec, None


def model_folder(name: str) -> Path | None:
    """Return the absolute folder of a model, or None if the name is one on the hub.

    An existing folder takes precedence, as in the library. ``/...``, ``./...``, ``../...``,
    ``~...`` and names of more than two parts are always folders.
    """
    path = Path(name).expanduser()
    looks_local = name.startswith(("/", "./", "../", "~")) or name.count("/") > 1
    return path.resolve() if looks_local or path.is_dir() else None


def canonical_spec(spec: str) -> str:
    """Return ``MODEL`` or ``MODEL@DIMENSIONS`` with an absolute folder."""
    name, cut = split_cut(spec)
    model = str(model_folder(name) or name)
    return model if cut is None else f"{model}@{cut}"


class _Crop(Preprocess, frozen=True):
    """Crop as transformers does: an odd margin is one pixel smaller at the top and left."""

    def _square(self, pixels: Pixels) -> Pixels:
        top, left = ((side - self.size) // 2 for side in pixels.shape[:2])
        return pixels[top : top + self.size, left : left + self.size]


class SentenceTransformerEncoder:
    """Encode images, and texts if the model takes them, with a sentence-transformers model.

    ``spec`` is ``MODEL`` or ``MODEL@DIMENSIONS``; the model is a folder or a name on the Hugging
    Face hub. With ``@DIMENSIONS`` vectors are truncated and scaled to length 1 again: models
    trained for that (Matryoshka) lose little, others much. Texts are encoded as queries, with the
    model's query prompt; images without a prompt.
    """

    def __init__(self, spec: str, *, encoder_id: str, threads: int | None = None) -> None:
        """Load the model; set ``encode_texts`` only if it takes texts.

        Raises EncoderNotFound if a package, the model or its weights are not available, if it does
        not take images, or if it has fewer dimensions than requested.
        """
        self.id = encoder_id
        library, transformers, hub = import_packages(
            "sentence_transformers", "transformers", "huggingface_hub",
            encoder_id=encoder_id, extra="st",
        )  # fmt: skip
        name, self._cut = split_cut(spec)
        folder = model_folder(name)
        if folder is not None and not folder.is_dir():
            raise EncoderNotFound(f"encoder {encoder_id!r}: no folder {folder}")
        if folder is None and "/" not in name:
            name = f"{_ORGANIZATION}/{name}"
        try:
            model = self._load(library, transformers, str(folder or name), folder is not None)
            self._prepare(model, folder or self._snapshot(hub, name), threads)
        except EncoderNotFound:
            raise
        except Exception as error:  # hub, file and shape errors share no base class
            raise cannot_load(encoder_id, str(folder or name), error) from error

    def _load(self, library: Any, transformers: Any, source: str, is_local: bool) -> Any:
        with _hidden_progress_bars(transformers) if is_local else nullcontext():
            model = library.SentenceTransformer(
                source,
                device="cpu",
                local_files_only=is_local,
                model_kwargs={"dtype": "float32"},  # TorchModel chooses the number format
            )
        if "image" not in model.modalities:
            raise EncoderNotFound(
                f"encoder {self.id!r}: {source} takes {' and '.join(model.modalities)}, not "
                "images; choose a model that does, such as st:sentence-transformers/clip-ViT-B-32"
            )
        return model

    def _snapshot(self, hub: Any, name: str) -> Path:
        for anchor in _ANCHORS:
            found = hub.try_to_load_from_cache(name, anchor)
            if isinstance(found, str):
                return Path(found).parent
        raise EncoderNotFound(
            f"encoder {self.id!r}: the hub's cache has no files of {name}, though it was loaded; "
            "unset SENTENCE_TRANSFORMERS_HOME, or name a folder"
        )

    def _prepare(self, model: Any, folder: Path, threads: int | None) -> None:
        plain = _simple_preprocessing(model)
        self._own_processor = plain is None
        self.preprocess, mean, std = plain or (_SQUARE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
        self.weights_hash = hash_model_folder(folder, self._cut, self.preprocess, mean, std)
        # EmbeddingGemma 2 exceeds the range of fp16; bf16 works for all of these models.
        self._model = TorchModel(model, self.preprocess, mean, std, threads, gpu_format="bfloat16")
        self.number_format = self._model.number_format
        blank = np.zeros((self.preprocess.size, self.preprocess.size, 3), dtype=np.uint8)
        rows, whole = self._images([blank, blank]).shape
        if rows != 2:  # a processor without a chat template may read both images as one input
            raise EncoderNotFound(f"encoder {self.id!r} gives {rows} vectors for 2 images")
        if self._cut is not None and not 1 <= self._cut <= whole:
            raise EncoderNotFound(
                f"encoder {self.id!r}: cannot cut vectors of {whole} dimensions to {self._cut}; "
                f"ask for 1 to {whole}, or omit @{self._cut}"
            )
        self.dim = self._cut or whole
        if "text" in model.modalities:  # a model of images alone has no such method
            self.encode_texts = self._texts

    def encode_images(self, pixels: Sequence[Pixels]) -> Vectors:
        """See ``Encoder.encode_images``."""
        if not len(pixels):
            return np.empty((0, self.dim), dtype=np.float32)
        return self._shorten(self._images(pixels))

    def _texts(self, texts: Sequence[str]) -> Vectors:
        """See ``TextEncoder.encode_texts``."""
        if not len(texts):
            return np.empty((0, self.dim), dtype=np.float32)
        # A plain string that looks like a URL or a path would be fetched and read as an image.
        words = [{"text": text} for text in texts]
        with self._model.running():
            vectors = self._model.model.encode_query(
                words, batch_size=_TEXTS_AT_ONCE, show_progress_bar=False
            )
        return self._shorten(vectors)

    def _images(self, pixels: Sequence[Pixels]) -> Vectors:
        """Encode with all dimensions, (n, whole)."""
        if not self._own_processor:
            return self._model.images(pixels, self._features)
        parts = []
        with self._model.running():
            for start in range(0, len(pixels), _SQUARES_AT_ONCE):
                squares = self.preprocess.batch(pixels[start : start + _SQUARES_AT_ONCE])
                parts.append(
                    self._model.model.encode(
                        [Image.fromarray(square) for square in squares],
                        prompt="",  # the default prompt is for texts
                        batch_size=_SQUARES_AT_ONCE,
                        show_progress_bar=False,
                    )
                )
        return unit(np.concatenate(parts))

    def _features(self, batch: Any) -> Any:
        return self._model.model({"pixel_values": batch, "modality": "image"})["sentence_embedding"]

    def _shorten(self, vectors: Vectors) -> Vectors:
        return unit(vectors[:, : self.dim])  # (n, whole) -> (n, dim)


@contextmanager
def _hidden_progress_bars(transformers: Any) -> Iterator[None]:
    """Hide the library's progress bars for local folders; downloads still show them."""
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _simple_preprocessing(model: Any) -> tuple[Preprocess, Color, Color] | None:
    """Return the model's image preprocessing, mean and std, if Vitrine can do the same.

    Returns None if there is more to it than a resize, a crop and a scaling. The settings do not
    tell for sure, so two pictures are processed both ways and compared.
    """
    processor = getattr(model, "processor", None)
    describe = getattr(getattr(processor, "image_processor", processor), "to_dict", None)
    settings = _settings(describe()) if describe is not None else None
    return settings if settings is not None and _gives_same_pixels(model, *settings) else None


def _settings(config: dict[str, Any]) -> tuple[Preprocess, Color, Color] | None:
    size, crop = config.get("size") or {}, config.get("crop_size") or {}
    resample = _RESAMPLES.get(config.get("resample", -1))
    mean, std = config.get("image_mean"), config.get("image_std")
    if not config.get("do_resize") or resample is None or not mean or not std:
        return None
    color: tuple[Color, Color] = (tuple(mean), tuple(std))
    shortest, height, width = (size.get(key) for key in ("shortest_edge", "height", "width"))
    if config.get("do_center_crop"):
        side = crop.get("height")
        if not side or shortest is None or side != crop.get("width") or side > shortest:
            return None
        scaled = 0 if shortest == side else shortest
        return _Crop(side, "crop", resample, scaled=scaled), *color
    if height is None or height != width:
        return None
    return Preprocess(height, "squash", resample), *color


def _gives_same_pixels(model: Any, preprocess: Preprocess, mean: Color, std: Color) -> bool:
    rng = np.random.default_rng(1)
    short, long = preprocess.source_side + 40, 2 * preprocess.source_side + 1
    pictures = [
        Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(size, 3)
        for size in ((short, long), (long, short))
    ]
    expected = model.preprocess(pictures)
    if set(expected) - {"modality"} != {"pixel_values"}:
        return False
    batch = preprocess.batch([np.asarray(picture) for picture in pictures])  # (2, s, s, 3)
    found = (batch / 255 - mean) / std
    values = np.asarray(expected["pixel_values"], dtype=np.float64)
    if values.shape != (2, 3, preprocess.size, preprocess.size):
        return False
    differences = np.abs(values.transpose(0, 2, 3, 1) - found) * std  # shares of the pixel range
    return float(differences.mean()) < _TOLERANCE
