"""Read single characters of Chinese that name a gender or a color where they stand as a word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from indexer.enrichment.gazetteer import Value

# 女 and 男 before a thing to wear, at the end of one, or alone; not in words such as 女儿 or 美女.
_GENDER: Final = re.compile(
    r"(?<![\u3400-\u9fff])[男女](?=[鞋靴包裤裙装衣衫帽袜表凉拖棉羽风短长卫毛衬西内泳睡单皮雪运]|t恤|\s|$|[,，。、;；/)）])"
    r"|(?<=[鞋靴裙裤衣衫装包帽袜套链表戒镯])[男女](?![\u3400-\u9fff])"
)
# A color at the end of a short word: 哑光黑, 深空灰.
_COLOR: Final = re.compile(
    r"(?<![\u3400-\u9fff])[\u3400-\u9fff]{0,3}(?P<color>[黑白红蓝绿黄灰紫粉棕橙])(?![\u3400-\u9fff])"
)
_COLORS: Final = {
    "黑": "Black", "白": "White", "红": "Red", "蓝": "Blue", "绿": "Green", "黄": "Yellow",
    "灰": "Gray", "紫": "Purple", "粉": "Pink", "棕": "Brown", "橙": "Orange",
}  # fmt: skip


def chinese_finds(text: str) -> Iterator[tuple[int, int, Value]]:
    """Yield genders and colors that one character names, with their places."""
    for match in _GENDER.finditer(text):
        yield *match.span(), Value("gender", "Men" if match.group() == "男" else "Women")
    for match in _COLOR.finditer(text):
        yield *match.span(), Value("color", _COLORS[match["color"]])
