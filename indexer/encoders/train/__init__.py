"""Trains the bundled encoder. Needs the `train` extra: torch, onnx and ai-edge-litert.

`python -m indexer.encoders.train --data DIR --out FILE` runs data -> views -> fit -> export.
"""
