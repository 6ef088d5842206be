"""Cut the fonts of campaign pictures from the packages of Debian.

apt-get download fonts-inter fonts-noto-cjk
for f in fonts-*.deb; do dpkg-deb -x "$f" fonts; done
python scripts/subset_fonts.py fonts/usr/share/fonts/opentype style/campaign/fonts

Needs ``fonttools``. The Latin fonts keep Latin, Greek, Cyrillic, Vietnamese, punctuation and
currencies. The font for Chinese, Japanese and Korean keeps GB 2312, JIS X 0208 (kanji and kana),
the commoner half of Big5, and the syllables of KS X 1001, in the shapes of simplified Chinese
where the languages differ.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTCollection, TTFont

LATIN = [
    (0x20, 0x7E), (0xA0, 0x24F), (0x2B0, 0x36F), (0x370, 0x3FF), (0x400, 0x52F), (0x1E00, 0x1EFF),
    (0x2010, 0x205E), (0x2070, 0x209F), (0x20A0, 0x20C0), (0x2116, 0x2116), (0x2122, 0x2122),
    (0x2150, 0x215F), (0x2190, 0x2193), (0x2202, 0x2265),
]  # fmt: skip


def latin() -> set[int]:
    """Return the code points of the Latin fonts."""
    return {code for first, last in LATIN for code in range(first, last + 1)}


def asian() -> set[int]:
    """Return the code points of the fallback: what the national standards call common."""
    codes: set[int] = set()
    for encoding, rows, cells in (
        ("gb2312", range(0xA1, 0xF8), range(0xA1, 0xFF)),
        ("euc_jp", range(0xA1, 0xF5), range(0xA1, 0xFF)),
        ("euc_kr", range(0xB0, 0xC9), range(0xA1, 0xFF)),
        ("big5", range(0xA1, 0xC7), range(0x40, 0xFF)),
    ):
        for row in rows:
            for cell in cells:
                try:
                    codes.update(map(ord, bytes([row, cell]).decode(encoding)))
                except UnicodeDecodeError:
                    continue
    codes |= set(range(0x3000, 0x3100)) | set(range(0xFF01, 0xFFEF))
    return {code for code in codes if code >= 0x2E80}  # the rest is in the Latin fonts


def save(font: TTFont, codes: set[int], path: Path, features: list[str]) -> None:
    """Write a subset of a font, without hints and names of glyphs."""
    options = Options()
    options.hinting = False
    options.desubroutinize = False
    options.layout_features = features
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]  # copyright and license stay
    options.drop_tables += ["vhea", "vmtx", "VORG", "BASE", "DSIG", "STAT", "meta"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=codes)
    subsetter.subset(font)
    font.save(path)
    print(f"{path}: {len(font.getBestCmap())} characters, {path.stat().st_size} bytes")


def main() -> None:
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    for weight, name in (("bold", "Inter-SemiBold"), ("medium", "Inter-Medium")):
        font = TTFont(source / "inter" / f"{name}.otf")
        save(font, latin(), out / f"latin-{weight}.otf", ["kern", "mark", "mkmk", "ccmp", "locl"])
    fonts = TTCollection(source / "noto" / "NotoSansCJK-Bold.ttc").fonts
    simplified = next(f for f in fonts if f["name"].getDebugName(1) == "Noto Sans CJK SC")
    save(simplified, asian(), out / "cjk-bold.otf", [])


if __name__ == "__main__":
    main()
