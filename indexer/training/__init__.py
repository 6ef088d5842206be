"""Trains the bundled encoder. Needs the `train` extra: torch, onnx and ai-edge-litert.

`python -m indexer.training --data DIR --out FILE` runs data -> views -> fit -> export.
"""
