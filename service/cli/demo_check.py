"""Searches a served sample shop with shopper photos: ``vitrine demo --check``."""

from __future__ import annotations

import io
import json
import urllib.request
from typing import TYPE_CHECKING

from PIL import Image

from indexer.imaging.photos import Photo
from indexer.sample.shop import read_csv
from service.cli.terminal import note, say

if TYPE_CHECKING:
    from pathlib import Path

_CHECKED = 20  # shopper photos
_FLOOR = 9  # of them must find their product; by chance none does, among over 100 products
_SMALLER = 240  # pixels of the longer side
_PATIENCE_S = 120


def judge(url: str, sample: Path) -> bool:
    """Report which photos find their product; return whether enough of them do."""
    with urllib.request.urlopen(f"{url}/", timeout=_PATIENCE_S) as page:  # noqa: S310
        if b"Vitrine" not in page.read():
            note("the page at / is not Vitrine's")
            return False
    rows = read_csv(sample / "catalog.csv")
    # A picture of the shop at a smaller size must find its product.
    picture = sample / rows[0]["images"].split(";")[0]
    first = best_hit(url, smaller(picture))
    say(f"  {picture.name}, saved smaller: {first['item_id']}")
    if first["product_id"] != rows[0]["product_id"]:
        note(f"expected product {rows[0]['product_id']} first")
        return False
    product = {row["id"]: row["product_id"] for row in rows}
    truths = read_csv(sample / "queries.csv")
    chosen = truths[:: max(1, len(truths) // _CHECKED)][:_CHECKED]
    right = 0
    for truth in chosen:
        first = best_hit(url, (sample / truth["image"]).read_bytes())
        fits = first["product_id"] == product[truth["item_id"]]
        right += fits
        say(f"  {truth['image']}: {first['item_id']} ({'right' if fits else 'wrong'})")
    say(f"  the right product comes first for {right} of {len(chosen)} shopper photos")
    if right < _FLOOR:
        note(f"fewer than {_FLOOR}: something is wrong")
    return right >= _FLOOR


def smaller(picture: Path) -> bytes:
    """Return a smaller copy of a picture, as a JPEG of low quality."""
    image = Image.fromarray(Photo(picture.read_bytes()).cut(side=_SMALLER))
    image.thumbnail((_SMALLER, _SMALLER))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=60)
    return out.getvalue()


def best_hit(url: str, photo: bytes) -> dict[str, str]:
    """Return the best hit of a photo, over HTTP."""
    request = urllib.request.Request(  # noqa: S310 - the address of the service
        f"{url}/v1/search/image", data=photo, headers={"Content-Type": "image/jpeg"}
    )
    with urllib.request.urlopen(request, timeout=_PATIENCE_S) as reply:  # noqa: S310
        hits: list[dict[str, str]] = json.load(reply)["hits"]
    return hits[0]
