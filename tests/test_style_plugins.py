"""Stylers of the user's own weights, with tiny models that are made here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from style.errors import BadNetwork, UnknownStyle
from style.network import NetworkStyler
from style.plugins.adain import AdainStyler
from style.plugins.diffusion import DiffusionStyler
from style.plugins.weights import open_network

torch = pytest.importorskip("torch", reason="both plug-ins compute with torch")


@pytest.fixture
def photo(rng) -> np.ndarray:
    return rng.integers(0, 256, (37, 50, 3), dtype=np.uint8)


@pytest.fixture
def painting(rng) -> np.ndarray:
    return rng.integers(100, 256, (64, 48, 3), dtype=np.uint8)


def layers(*plan: tuple[int, int, int, int]) -> dict:
    """A state dict of numbered convolutions: number, inputs, outputs, kernel."""
    torch.manual_seed(3)
    found = {}
    for number, inputs, outputs, kernel in plan:
        shape = (outputs, inputs, kernel, kernel)
        found[f"{number}.weight"] = torch.randn(shape) / (inputs * kernel * kernel) ** 0.5
        found[f"{number}.bias"] = torch.full((outputs,), 0.1)
    return found


@pytest.fixture
def adain(tmp_path) -> Path:
    """Weights of the published shape, with 2 to 6 channels in the place of 64 to 512."""
    numbers = (2, 5, 9, 12, 16, 19, 22, 25, 29)
    widths = [3, 2, 2, 3, 3, 4, 4, 4, 4, 6]
    encoder = layers(
        (0, 3, 3, 1), *((n, a, b, 3) for n, a, b in zip(numbers, widths, widths[1:], strict=False))
    )
    numbers = (1, 5, 8, 11, 14, 18, 21, 25, 28)
    widths = [6, 4, 4, 4, 4, 3, 3, 2, 2, 3]
    decoder = layers(*((n, a, b, 3) for n, a, b in zip(numbers, widths, widths[1:], strict=False)))
    folder = tmp_path / "adain"
    folder.mkdir()
    torch.save(encoder, folder / "vgg_normalised.pth")
    torch.save(decoder, folder / "decoder.pth")
    return folder


def test_adain_keeps_the_protocol(adain, photo, painting):
    styler = AdainStyler(adain, {"p": painting})
    assert (styler.apply(photo, "p", 0) == photo).all()
    made = styler.apply(photo, "p", 1)
    assert made.shape == photo.shape
    assert (made != photo).any()
    assert (styler.apply(photo, "p", 1) == made).all()
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[:10] = 255
    assert (styler.apply(photo, "p", 1, mask)[10:] == photo[10:]).all()
    assert styler.apply(photo[:1, :1], "p", 1).shape == (1, 1, 3)
    weights = {
        AdainStyler(adain, {"p": image}).provenance("p", 1).weights
        for image in (painting, painting[::-1])
    }
    assert len(weights) == 2
    with pytest.raises(UnknownStyle):
        styler.apply(photo, "q", 1)


def test_adain_gives_features_the_means_and_deviations_of_the_style():
    from style.plugins.adain import _adapted

    content, style = torch.rand(1, 4, 9, 9), torch.rand(1, 4, 5, 6) * 3 + 1
    made = _adapted(content, style)
    assert torch.allclose(made.mean((2, 3)), style.mean((2, 3)), atol=1e-4)
    deviation = [x.var((2, 3), correction=0) for x in (made, style)]
    assert torch.allclose(*deviation, rtol=1e-2)


def test_files_that_are_not_adain_are_refused_in_one_line(adain, tmp_path, photo, painting):
    with pytest.raises(BadNetwork, match=r"vgg_normalised\.pth: cannot be read"):
        AdainStyler(tmp_path, {"p": painting})
    torch.save({"1.weight": torch.rand(3, 9, 3, 3)}, adain / "decoder.pth")
    with pytest.raises(BadNetwork, match="not the weights of VGG-AdaIN") as error:
        AdainStyler(adain, {"p": painting}).apply(photo, "p", 1)
    assert "\n" not in str(error.value)
    (adain / "decoder.pth").write_bytes(b"hello")
    with pytest.raises(BadNetwork, match=r"decoder\.pth: not weights"):
        AdainStyler(adain, {"p": painting}).apply(photo, "p", 1)


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        torch.zeros(3),
        {"1.weight": [1, 2]},
        {"1.weight": torch.tensor(2.0)},
        {"1.weight": torch.zeros(4, 6, 3, 3), "1.bias": "none"},
    ],
)
def test_a_file_that_torch_reads_but_holds_no_layers_is_refused(adain, photo, painting, content):
    torch.save(content, adain / "decoder.pth")
    with pytest.raises(BadNetwork, match="not the weights of VGG-AdaIN") as error:
        AdainStyler(adain, {"p": painting}).apply(photo, "p", 1)
    assert "\n" not in str(error.value)


def test_a_file_larger_than_the_weights_can_be_is_refused(adain, painting, monkeypatch):
    monkeypatch.setattr("style.plugins.adain._MOST", 1_000)
    with pytest.raises(BadNetwork, match=r"vgg_normalised\.pth: over 0 MB"):
        AdainStyler(adain, {"p": painting})


@pytest.fixture
def pipeline_folder(tmp_path) -> Path:
    folder = tmp_path / "pipeline"
    (folder / "controlnet").mkdir(parents=True)
    (folder / "ip-adapter").mkdir()
    (folder / "model_index.json").write_text("{}")
    (folder / "ip-adapter" / "ip-adapter.safetensors").write_bytes(b"weights")
    return folder


@pytest.fixture
def calls(monkeypatch) -> list[dict]:
    """``diffusers`` whose pipeline inverts the photo, and notes how it was called."""
    noted: list[dict] = []

    class Pipeline:
        @classmethod
        def from_pretrained(cls, folder, **options):
            noted.append({"folder": folder, **options})
            return cls()

        def load_ip_adapter(self, folder, **options):
            noted.append({"adapter": folder, **options})

        def set_progress_bar_config(self, **_options):
            pass

        def __call__(self, **options):
            noted.append({**options, "seed": options["generator"].initial_seed()})
            inverted = 255 - np.asarray(options["image"])
            return SimpleNamespace(images=[Image.fromarray(inverted)])

    module = ModuleType("diffusers")
    module.StableDiffusionControlNetImg2ImgPipeline = Pipeline
    module.ControlNetModel = SimpleNamespace(from_pretrained=lambda folder, **_options: folder)
    monkeypatch.setitem(sys.modules, "diffusers", module)
    return noted


def test_diffusion_hands_photo_edges_style_and_seed_to_a_local_pipeline(
    pipeline_folder, painting, calls
):
    photo = np.full((64, 96, 3), 200, np.uint8)
    photo[:, 48:] = 40
    styler = DiffusionStyler(pipeline_folder, {"p": painting})
    made = styler.apply(photo, "p", 1, seed=7)
    opened, adapter, call = calls
    assert opened["folder"] == pipeline_folder
    assert opened["controlnet"] == pipeline_folder / "controlnet"
    assert opened["local_files_only"] is adapter["local_files_only"] is True
    assert call["seed"] == 7
    edges = np.asarray(call["control_image"])
    assert edges[:, 46:50].max() > 200
    assert edges[:, :40].max() == 0
    assert (np.asarray(call["ip_adapter_image"]) == painting).all()
    assert np.abs(made.astype(int) - (255 - photo)).max() <= 1
    half = styler.apply(photo, "p", 0.5, seed=7).astype(int)
    assert np.abs(half - 127.5).max() <= 1
    assert len(calls) == 4  # the pipeline was opened once
    assert (styler.apply(photo, "p", 0) == photo).all()


def test_a_folder_without_all_parts_is_refused(pipeline_folder, painting):
    (pipeline_folder / "ip-adapter" / "ip-adapter.safetensors").unlink()
    with pytest.raises(BadNetwork, match=r"no ip-adapter/ip-adapter\.safetensors"):
        DiffusionStyler(pipeline_folder, {"p": painting})


def test_diffusion_without_its_packages_says_what_to_install(
    pipeline_folder, photo, painting, monkeypatch
):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(BadNetwork, match="pip install diffusers"):
        DiffusionStyler(pipeline_folder, {"p": painting}).apply(photo, "p", 1)


def test_provenance_of_diffusion_changes_with_the_weights(pipeline_folder, painting):
    before = DiffusionStyler(pipeline_folder, {"p": painting}).provenance("p", 1)
    (pipeline_folder / "ip-adapter" / "ip-adapter.safetensors").write_bytes(b"other")
    assert DiffusionStyler(pipeline_folder, {"p": painting}).provenance("p", 1) != before


def test_a_path_of_weights_opens_the_styler_that_it_is_for(
    adain, pipeline_folder, tmp_path, painting
):
    (tmp_path / "p.onnx").write_bytes(b"x")
    kinds = [
        type(open_network(path, {"p": painting}))
        for path in (tmp_path / "p.onnx", adain, pipeline_folder)
    ]
    assert kinds == [NetworkStyler, AdainStyler, DiffusionStyler]


def test_nothing_heavy_is_imported_before_a_picture_is_styled():
    heavy = ("torch", "diffusers", "onnxruntime")
    code = f"""
import sys
import style.plugins.adain, style.plugins.diffusion, style.plugins.weights, style.registry
print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    assert done.stdout == "[]\n"
