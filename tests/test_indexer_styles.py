"""A shop indexed in styles: built, added, removed, and what a style must leave of a product."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import Mock

import numpy as np
import pytest

from indexer.catalog.sources import open_catalog
from indexer.encoders.color import ColorEncoder
from indexer.errors import BadQuery
from indexer.items import ORIGINAL
from indexer.jobs.build import build_index
from indexer.jobs.migrate import migrate
from indexer.jobs.rebuild import rebuild_index
from indexer.jobs.styles import add_styles, remove_styles
from indexer.shop.folder import ShopFolder
from indexer.shop.manifest import StyleCount
from indexer.shop.promotion import promote
from indexer.shop.status import shop_status
from indexer.store.records import RenditionRecord
from search.engine import SearchEngine
from style.errors import UnknownStyle
from style.registry import StyleRegistry
from style.stylefolder import StyleFolder
from tests.coloritems import BLUE, GREEN, RED, write_items
from tests.conftest import jpeg, plain
from tests.migrations import other_is_known  # noqa: F401 - a fixture for every test
from tests.stripes import (
    COLORS,
    GRAY,
    Stripes,
    build,
    found,
    note_of,
    put,
    registry,
    rows_of,
    shop,
    striped,
    stripes,
    styles_of,
    whole,
)
from tests.twomodels import OtherColors, silent

__all__ = ["build", "registry", "shop", "stripes"]  # fixtures


@contextmanager
def interrupted(name: str) -> Iterator[None]:
    """Interrupt the block, as Ctrl+C does, where it calls a function."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(name, Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            yield


# Built, added, removed


def test_a_shop_indexed_in_styles_is_found_by_photos_in_these_styles(build, shop):
    done = build(styles=["dark", "light"])
    assert found(shop, jpeg(plain(RED))) == ("red", ORIGINAL)
    assert found(shop, striped(RED, 0)) == ("red", "dark")
    assert found(shop, striped(BLUE, 255)) == ("blue", "light")
    assert done.styles == [StyleCount("dark", 3, 0, 0), StyleCount("light", 3, 0, 0)]
    assert (done.rows, done.rendered.rendered) == (9, 6)
    assert whole(shop)


def test_no_product_is_shown_twice_because_of_its_renditions(build, shop):
    build(styles=["dark", "light"])
    with SearchEngine.open(shop.path, encoder=ColorEncoder()) as engine:
        for photo in (jpeg(plain(RED)), striped(RED, 0), striped(GREEN, 255)):
            hits = engine.by_image(photo, k=10)
            assert sorted(hit.item_id for hit in hits) == ["blue", "green", "red"]


def test_a_shop_has_no_styles_unless_they_are_asked_for(build, shop, stripes):
    done = build()
    assert (done.rows, done.styles, stripes.calls) == (3, [], 0)
    assert styles_of(shop) == []


def test_a_later_build_keeps_the_styles_and_renders_only_what_is_new(build, shop, stripes):
    build({"red": RED, "green": GREEN}, ["dark"])
    assert stripes.calls == 2
    done = build({"red": RED, "green": GREEN, "blue": BLUE})
    assert (stripes.calls, done.rendered.rendered) == (3, 1)
    assert found(shop, striped(BLUE, 0)) == ("blue", "dark")
    assert not build({"red": RED, "green": GREEN, "blue": BLUE}).published
    assert stripes.calls == 3


def test_styles_are_added_to_a_shop_and_taken_away_again(build, shop, stripes):
    build()
    done = add_styles(shop, ColorEncoder(), ["dark"])
    assert (done.published, done.rendered.rendered, done.rows) == (True, 3, 6)
    assert found(shop, striped(RED, 0)) == ("red", "dark")
    assert add_styles(shop, ColorEncoder(), ["light"]).styles == [
        StyleCount("dark", 3, 0, 0),
        StyleCount("light", 3, 0, 0),
    ]
    assert stripes.calls == 6
    gone = remove_styles(shop, ColorEncoder(), ["dark"])
    assert (gone.rows, gone.styles, styles_of(shop)) == (
        6,
        [StyleCount("light", 3, 0, 0)],
        ["light"],
    )
    assert found(shop, striped(RED, 0))[1] != "dark"
    assert set(rows_of(shop, "red")) == {ORIGINAL, "light"}
    assert whole(shop)


def test_a_build_with_no_styles_takes_all_of_them_away(build, shop):
    build(styles=["dark", "light"])
    assert build(styles=[]).rows == 3
    assert set(rows_of(shop, "red")) == {ORIGINAL}


def test_a_removal_that_was_interrupted_is_finished_by_the_same_call(build, shop):
    build(styles=["dark", "light"])
    with interrupted("indexer.jobs.styles.restyle"):
        remove_styles(shop, ColorEncoder(), ["dark"])
    assert set(rows_of(shop, "red")) == {ORIGINAL, "dark", "light"}
    assert remove_styles(shop, ColorEncoder(), ["dark"]).rows == 6
    assert set(rows_of(shop, "red")) == {ORIGINAL, "light"}
    with pytest.raises(BadQuery, match="has no style 'dark'"):
        remove_styles(shop, ColorEncoder(), ["dark"])


def test_a_removal_that_was_interrupted_before_it_published_is_finished(build, shop):
    build(styles=["dark"])
    with interrupted("indexer.jobs.styles.publish"):
        remove_styles(shop, ColorEncoder(), ["dark"])
    done = remove_styles(shop, ColorEncoder(), ["dark"])
    assert (done.published, done.rows, done.styles) == (True, 3, [])


def test_a_rebuild_publishes_no_style_whose_removal_was_interrupted(build, shop):
    build(styles=["dark", "light"])
    with interrupted("indexer.jobs.styles.restyle"):
        remove_styles(shop, ColorEncoder(), ["dark"])
    assert rebuild_index(shop, ColorEncoder()).rows == 6
    assert found(shop, striped(RED, 0))[1] != "dark"
    assert whole(shop)


def test_a_migration_takes_over_no_style_whose_removal_was_interrupted(build, shop):
    build(styles=["dark", "light"])
    with interrupted("indexer.jobs.styles.restyle"):
        remove_styles(shop, ColorEncoder(), ["dark"])
    promote(shop, migrate(shop, OtherColors(), progress=silent).generation)
    assert set(rows_of(shop, "red")) == {ORIGINAL, "light"}
    assert found(shop, striped(RED, 0), OtherColors())[1] != "dark"
    assert shop_status(shop).styles == [StyleCount("light", 3, 0, 0)]
    assert whole(shop)


def test_an_unknown_style_is_refused_and_nothing_is_changed(build, shop, tmp_path):
    with pytest.raises(UnknownStyle, match="unknown style 'drak': did you mean 'dark'"):
        build(styles=["light", "drak"])
    assert not shop.path.exists()
    build(styles=["light"])
    before = shop.current(), styles_of(shop)
    with pytest.raises(UnknownStyle):
        add_styles(shop, ColorEncoder(), ["dark", "sepia"])
    with pytest.raises(BadQuery, match="has no style 'dark': it is indexed in light"):
        remove_styles(shop, ColorEncoder(), ["dark"])
    assert (shop.current(), styles_of(shop)) == before


def test_a_style_whose_definition_changed_is_rendered_again(build, shop):
    build(styles=["dark", "light"])
    before = rows_of(shop, "red")
    later = Stripes(version=2)
    done = add_styles(shop, ColorEncoder(), ["dark"], registry=StyleRegistry([later]))
    assert (done.rendered.rendered, later.calls) == (6, 6)
    assert found(shop, striped(RED, 0, 0.2)) == ("red", "dark")
    after = rows_of(shop, "red")
    assert before[ORIGINAL] == after[ORIGINAL]
    assert after["dark"] > max(before.values())  # the old row is in the index before
    assert not add_styles(shop, ColorEncoder(), [], registry=StyleRegistry([later])).published
    assert whole(shop)


def test_a_style_that_is_not_known_here_keeps_its_pictures(build, shop):
    build(styles=["dark"])
    done = add_styles(shop, ColorEncoder(), [], registry=StyleRegistry([]))
    assert done.styles == [StyleCount("dark", 3, 0, 0)]
    assert found(shop, striped(RED, 0)) == ("red", "dark")


def test_a_damaged_file_of_an_own_style_is_named_with_what_is_wrong(tmp_path, shop, caplog):
    catalog = open_catalog(write_items(tmp_path / "catalog", COLORS))
    build_index(catalog, shop, ColorEncoder())
    StyleFolder(shop.styles).add_image("poster", np.full((8, 8, 3), RED, np.uint8))
    add_styles(shop, ColorEncoder(), ["poster"])
    (shop.styles / "poster.png").write_bytes(b"hello")
    done = add_styles(shop, ColorEncoder(), [])
    assert [style.name for style in done.styles] == ["poster"]
    assert "poster.png: not a style image as Vitrine writes it" in caplog.text


# The identity guard


def test_a_style_that_makes_every_picture_gray_is_left_out_of_the_index(build, shop):
    done = build({**COLORS, "stone": GRAY}, ["gray"])
    assert done.styles == [StyleCount("gray", 1, 0, 3)]  # the gray stone is itself in gray
    assert (done.rendered.rendered, done.rendered.left_out, done.rows) == (1, 3, 5)
    assert shop_status(shop).styles == done.styles
    assert set(rows_of(shop, "red")) == {ORIGINAL}
    assert found(shop, jpeg(plain(RED))) == ("red", ORIGINAL)
    assert whole(shop)


def test_what_was_left_out_is_not_rendered_again(build, stripes):
    build({**COLORS, "stone": GRAY}, ["gray"])
    assert stripes.calls == 3 * 3 + 1  # three strengths each
    build({**COLORS, "stone": GRAY, "sun": (250, 240, 20)})
    assert stripes.calls == 3 * 3 + 1 + 3


def test_a_rendition_is_weakened_until_its_product_is_the_nearest(build, shop, tmp_path, registry):
    class Fog(Stripes):
        """White at full strength, and half of the picture below that."""

        def apply(self, pixels, style, strength, mask=None, seed=0):
            styled = pixels.copy()
            styled[: len(pixels) if strength > 0.7 else len(pixels) // 4] = 255
            return styled

    done = build({**COLORS, "snow": (255, 255, 255)}, ["light"], StyleRegistry([Fog()]))
    assert done.styles == [StyleCount("light", 4, 3, 0)]
    assert note_of(shop, "red", "light") == RenditionRecord(
        done_digest(shop), pytest.approx(0.8 * 0.75), "weakened"
    )
    assert note_of(shop, "snow", "light").outcome == "full"


def done_digest(shop: ShopFolder) -> str:
    note = note_of(shop, "snow", "light")
    assert note is not None
    return note.digest


def test_two_products_with_one_photo_are_both_indexed_in_a_style(build, shop):
    done = build({"red": RED, "same": RED, "green": GREEN}, ["dark"])
    assert done.styles == [StyleCount("dark", 2, 0, 0)]
    assert set(rows_of(shop, "red")) == set(rows_of(shop, "same")) == {ORIGINAL, "dark"}


def test_a_live_write_is_checked_against_what_is_searched(build, shop):
    build({"stone": GRAY, "red": RED}, ["gray", "dark"])
    assert put(shop, "green", jpeg(plain(GREEN))) == "created"
    assert set(rows_of(shop, "green")) == {ORIGINAL, "dark"}
    note = note_of(shop, "green", "gray")
    assert note is not None
    assert note.outcome == "left_out"
