"""Items of one color each, in a catalog."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

RED, GREEN, BLUE = (220, 30, 40), (30, 160, 60), (40, 70, 210)


def write_items(folder: Path, items: dict[str, tuple[int, int, int]]) -> Path:
    folder.mkdir(exist_ok=True)
    for item_id, color in items.items():
        Image.new("RGB", (8, 8), color).save(folder / f"{item_id}.png")
    lines = [json.dumps({"id": one, "title": one, "image": f"{one}.png"}) for one in items]
    path = folder / "catalog.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
