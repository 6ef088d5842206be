"""Models of sentence-transformers with random weights, small enough to be made in a test."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

MISSING_ST = [
    name for name in ("torch", "sentence_transformers") if importlib.util.find_spec(name) is None
]
NEEDS_ST = [
    pytest.mark.torch,
    pytest.mark.skipif(bool(MISSING_ST), reason=f"not installed: {', '.join(MISSING_ST)}"),
]
SIDE = 64


def import_library() -> Any:
    """sentence_transformers, imported as the encoder does it."""
    from indexer.encoders.torchmodel import import_packages

    library, _ = import_packages(
        "sentence_transformers", "transformers", encoder_id="test", extra="st"
    )
    return library


def clip_parts(seed: int, processor: dict[str, Any], folder: Path) -> tuple[Any, Any]:
    """A CLIP of 24 dimensions for pictures of 64 px, and its processor. It spells every word."""
    import_library()
    import torch
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>"]
    tokens.append("<|endoftext|>")
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    vocabulary.write_text(json.dumps({token: at for at, token in enumerate(tokens)}))
    merges.write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(vocabulary), str(merges), model_max_length=16)
    end = len(tokens) - 1
    tower = {"num_hidden_layers": 2, "num_attention_heads": 2}
    torch.manual_seed(seed)
    model = CLIPModel(
        CLIPConfig(
            text_config={
                **tower, "hidden_size": 32, "intermediate_size": 64, "vocab_size": len(tokens),
                "max_position_embeddings": 16, "bos_token_id": end - 1, "eos_token_id": end,
                "pad_token_id": end,
            },
            vision_config={
                **tower, "hidden_size": 48, "intermediate_size": 96, "image_size": SIDE,
                "patch_size": 16,
            },
            projection_dim=24,
        )
    )  # fmt: skip
    square = {"height": SIDE, "width": SIDE}
    asked = {"size": {"shortest_edge": SIDE}, "crop_size": square} | processor
    return model, CLIPProcessor(CLIPImageProcessor(**asked), tokenizer)


def write_sentence_transformer(
    folder: Path, seed: int, *, prompts: dict[str, str] | None = None, **processor: Any
) -> str:
    """Save a small CLIP in the library's own format: its id, ``st:FOLDER``."""
    library = import_library()
    plain = folder / f"plain-{seed}"
    plain.mkdir(parents=True)
    for part in clip_parts(seed, processor, plain):
        part.save_pretrained(plain)
    saved = folder / f"st-{seed}"
    library.SentenceTransformer(str(plain), device="cpu", prompts=prompts).save(str(saved))
    return f"st:{saved}"


def write_text_model(folder: Path) -> str:
    """Save a model that takes texts alone: its id."""
    library = import_library()
    from sentence_transformers.sentence_transformer.modules import BoW

    saved = folder / "words"
    module = BoW(vocab=["red", "blue", "shoe"])
    library.SentenceTransformer(modules=[module], device="cpu").save(str(saved))
    return f"st:{saved}"
