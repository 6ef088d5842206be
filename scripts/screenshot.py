"""Take the screenshot for the README from a running server.

    python scripts/screenshot.py http://127.0.0.1:8000 sample/photos/007.jpg docs/screenshot.png

Needs playwright (in the extra ``dev``) and Chromium. Shows the server's answer to the photo.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LARGEST = 600_000  # bytes


def shoot(url: str, photo: Path, *, width: int, height: int, dark: bool, box: str) -> bytes:
    """Return the page as PNG, after it has searched with the photo and loaded all pictures."""
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        browser = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        )
        page = browser.new_page(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale="en-GB",
        )
        page.goto(url)
        page.set_input_files("#file", photo)
        page.wait_for_selector("#grid .card:not(.skeleton)")
        if box:
            draw(page, [float(edge) for edge in box.split(",")])
        page.mouse.move(width - 4, height - 4)
        page.wait_for_load_state("networkidle")
        page.wait_for_function(
            "() => [...document.images].every("
            "(i) => i.complete || i.getBoundingClientRect().top > innerHeight)"
        )
        page.wait_for_timeout(600)  # for transitions
        picture = page.screenshot()
        browser.close()
    return picture


def draw(page, box: list[float]) -> None:
    """Drag a region on the photo, and wait for the answer."""
    area = page.locator(".frame").bounding_box()
    points = [
        (area["x"] + x * area["width"], area["y"] + y * area["height"])
        for x, y in (box[:2], box[2:])
    ]
    with page.expect_response(lambda response: "/v1/search" in response.url):
        page.mouse.move(*points[0])
        page.mouse.down()
        page.mouse.move(*points[1], steps=8)
        page.mouse.up()
    page.wait_for_selector("#grid:not([aria-busy]) .card:not(.skeleton)")


def smaller(png: bytes) -> bytes:
    """Reduce the colors of a PNG if it is too large for a README."""
    if len(png) <= LARGEST:
        return png
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for colors in (256, 192, 128, 64):
        out = io.BytesIO()
        method = Image.Quantize.MEDIANCUT
        image.quantize(colors, method=method, dither=Image.Dither.FLOYDSTEINBERG).save(
            out, "PNG", optimize=True
        )
        if out.tell() <= LARGEST:
            break
    return out.getvalue()


def main() -> int:
    """Take the screenshot."""
    about = (__doc__ or "").split("\n", maxsplit=1)[0]
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("url")
    parser.add_argument("photo", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=860)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--box", default="", help="mark this region: x0,y0,x1,y1 from 0 to 1")
    asked = parser.parse_args()
    png = shoot(
        asked.url,
        asked.photo,
        width=asked.width,
        height=asked.height,
        dark=asked.dark,
        box=asked.box,
    )
    data = smaller(png)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_bytes(data)
    print(f"{asked.out}: {len(data) / 1000:.0f} kB", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
