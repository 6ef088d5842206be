"""Looks and LUTs: pixel by pixel, monotone in strength, read from hostile .cube files."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from style.cubefile import read_cube, write_cube
from style.errors import BadCube, BadMask, BadPixels, BadStrength, UnknownStyle
from style.looks import LOOKS, Look, grade
from style.lut import ColorMap, Lut, identity_table
from style.oklab import from_oklab, oklab_of_pixels, to_oklab
from style.tone import ToneStyler, look_lut

COMMENT = "#\n"
IDENTITY = "\n".join(
    f"{red} {green} {blue}" for blue in (0, 1) for green in (0, 1) for red in (0, 1)
)


@pytest.fixture
def noise(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (37, 53, 3), dtype=np.uint8)


def cube(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "shop.cube"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_there_are_at_least_eight_looks_and_each_differs_from_all_others(noise):
    styler = ToneStyler()
    names = [info.name for info in styler.styles()]
    assert len(names) >= 8
    assert names == sorted(names)
    made = {styler.apply(noise, name, 1).tobytes() for name in names}
    assert len(made | {noise.tobytes()}) == len(names) + 1


def test_a_look_of_no_changes_is_the_identity():
    table = identity_table(9)
    assert np.abs(grade(table, Look()) - table).max() < 0.004


def test_oklab_gives_the_values_of_its_paper_and_turns_back():
    assert to_oklab(np.float32([1, 1, 1])) == pytest.approx([1, 0, 0], abs=1e-4)
    assert to_oklab(np.float32([1, 0, 0])) == pytest.approx([0.628, 0.225, 0.126], abs=1e-3)
    assert np.abs(from_oklab(to_oklab(identity_table(9))) - identity_table(9)).max() < 1e-4
    white = np.full((1, 1, 3), 255, np.uint8)
    assert oklab_of_pixels(white)[0, 0] == pytest.approx([1, 0, 0], abs=1e-4)


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_strength_0_is_the_input_bit_for_bit_and_a_copy(look, noise):
    made = ToneStyler().apply(noise, look, 0)
    assert (made == noise).all()
    assert not np.shares_memory(made, noise)


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_a_look_moves_no_edge_shuffled_pixels_come_out_shuffled(look, noise, rng):
    order = rng.permutation(noise.shape[0] * noise.shape[1])
    shuffled = noise.reshape(-1, 3)[order].reshape(noise.shape)
    styler = ToneStyler()
    straight = styler.apply(noise, look, 0.8).reshape(-1, 3)[order].reshape(noise.shape)
    assert (styler.apply(shuffled, look, 0.8) == straight).all()


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_more_strength_is_never_less_change(look, noise):
    styler = ToneStyler()
    changes = [
        np.abs(styler.apply(noise, look, strength).astype(int) - noise).mean()
        for strength in (0, 0.25, 0.5, 0.75, 1)
    ]
    assert changes == sorted(changes)
    assert changes[0] == 0 < changes[1] < changes[4]


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_a_brighter_gray_stays_the_brighter_one(look):
    gray = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    light = oklab_of_pixels(ToneStyler().apply(gray, look, 1))[0, :, 0]
    assert np.diff(light).min() > -0.006  # a level of rounding
    assert np.diff(light[::8]).min() > 0


def test_noir_is_gray_at_full_strength_keeps_most_color_by_default_and_white_always():
    styler, colors = ToneStyler(), np.uint8([[[200, 30, 40], [255, 255, 255]]])
    full = styler.apply(colors, "noir", 1).astype(int)
    usual = styler.apply(colors, "noir", LOOKS["noir"].strength).astype(int)
    assert np.ptp(full[0, 0]) < 8
    assert np.ptp(usual[0, 0]) > 0.6 * np.ptp(colors[0, 0])
    assert (full[0, 1] == 255).all()
    assert (usual[0, 1] == 255).all()


def test_looking_all_colors_up_gives_the_interpolated_pixels(noise):
    lut = look_lut("film")
    interpolated = ColorMap(lut).apply(noise)
    ready = ColorMap(lut, after=noise.shape[0] * noise.shape[1])
    looked_up = ready.apply(noise)
    assert ready._all is not None
    assert (looked_up == interpolated).all()


def test_strips_leave_no_seams(monkeypatch, noise):
    whole = ToneStyler().apply(noise, "golden", 1)
    monkeypatch.setattr("style.strips.over_strips.__kwdefaults__", {"pixels": 100})
    assert (ToneStyler().apply(noise, "golden", 1) == whole).all()


def test_the_mask_keeps_what_is_0_bit_for_bit_and_blends_between(noise):
    mask = np.zeros(noise.shape[:2], np.uint8)
    mask[:, 20:30], mask[:, 30:] = 128, 255
    styler = ToneStyler()
    full, made = styler.apply(noise, "vivid", 1), styler.apply(noise, "vivid", 1, mask)
    assert (made[:, :20] == noise[:, :20]).all()
    assert (made[:, 30:] == full[:, 30:]).all()
    middle = (noise[:, 20:30].astype(int) + full[:, 20:30]) / 2
    assert np.abs(made[:, 20:30] - middle).max() <= 1.5
    assert (styler.apply(noise, "vivid", 1, mask == 255)[:, 30:] == full[:, 30:]).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 3)])
def test_tiny_and_thin_pictures_keep_their_size(shape, rng):
    pixels = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert ToneStyler().apply(pixels, "film", 1).shape == pixels.shape


def test_a_view_of_a_picture_is_accepted(noise):
    made = ToneStyler().apply(noise[::2, ::-1], "film", 1)
    assert (made == ToneStyler().apply(noise[::2, ::-1].copy(), "film", 1)).all()


def test_an_unknown_style_names_the_closest_and_all():
    with pytest.raises(UnknownStyle, match=r"did you mean 'warm-evening'.*autumn.*vivid") as caught:
        ToneStyler().apply(np.zeros((1, 1, 3), np.uint8), "Warm-Evenin", 1)
    assert caught.value.closest == "warm-evening"
    assert caught.value.param == "style"
    with pytest.raises(UnknownStyle, match="'xxxx': there are"):
        ToneStyler().provenance("xxxx", 1)


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan"), float("inf"), "much", None])
def test_a_bad_strength_is_refused(strength):
    with pytest.raises(BadStrength, match=r"from 0 .* to 1 .*, got"):
        ToneStyler().apply(np.zeros((1, 1, 3), np.uint8), "film", strength)


@pytest.mark.parametrize(
    "mask", [np.zeros((2, 3), np.uint8), np.zeros((3, 2, 1), np.uint8), np.zeros((3, 2)), "no"]
)
def test_a_bad_mask_is_refused(mask):
    with pytest.raises(BadMask, match=re.escape("uint8 or bool (3, 2)")):
        ToneStyler().apply(np.zeros((3, 2, 3), np.uint8), "film", 1, mask)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((3, 2), np.uint8), np.zeros((3, 2, 4), np.uint8), np.zeros((3, 2, 3)), None,
     np.zeros((0, 2, 3), np.uint8)],
)  # fmt: skip
def test_bad_pixels_are_refused(pixels):
    with pytest.raises(BadPixels, match=re.escape("uint8 (h, w, 3)")):
        ToneStyler().apply(pixels, "film", 1)


def test_provenance_says_what_decided_the_pixels():
    styler = ToneStyler()
    record = styler.provenance("film", 0.5, seed=3)
    assert (record.styler, record.style, record.strength, record.seed) == ("tone", "film", 0.5, 3)
    assert re.fullmatch("[0-9a-f]{16}", record.weights)
    assert record.weights != styler.provenance("noir", 0.5).weights


def test_a_look_written_as_a_cube_and_read_again_is_the_same(tmp_path, noise):
    write_cube(tmp_path / "film.cube", look_lut("film"), 'Film "1970"')
    again = read_cube(tmp_path / "film.cube")
    assert again.title == "Film '1970'"
    assert again.digest == look_lut("film").digest or np.allclose(
        again.table, look_lut("film").table, atol=1e-6
    )
    own = ToneStyler({"ours": again})
    made = own.apply(noise, "ours", 1).astype(int)
    assert np.abs(made - own.apply(noise, "film", 1)).max() <= 1
    assert "ours" in [info.name for info in own.styles()]


def test_a_cube_with_comments_blank_lines_and_windows_ends_is_read(tmp_path):
    text = f'# made by hand\n\nTITLE "two # points"\nLUT_3D_SIZE 2 # small\n\n{IDENTITY}\n#end'
    lut = read_cube(cube(tmp_path, b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()))
    assert lut.title == "two # points"
    assert (lut.table == identity_table(2)).all()


def test_red_runs_fastest(tmp_path):
    rows = IDENTITY.splitlines()
    rows[1] = "0.5 0.25 0"  # of red 1, green 0, blue 0
    lut = read_cube(cube(tmp_path, "LUT_3D_SIZE 2\n" + "\n".join(rows)))
    assert lut.table[0, 0, 1].tolist() == [0.5, 0.25, 0]


def test_a_domain_is_respected(tmp_path):
    lut = read_cube(cube(tmp_path, f"LUT_3D_SIZE 2\nDOMAIN_MAX 0.5 0.5 0.5\n{IDENTITY}"))
    made = ToneStyler({"half": lut}).apply(np.uint8([[[64, 0, 200]]]), "half", 1)
    assert np.abs(made[0, 0].astype(int) - [128, 0, 255]).max() <= 1
    ranged = read_cube(cube(tmp_path, f"LUT_3D_SIZE 2\nLUT_3D_INPUT_RANGE 0 0.5\n{IDENTITY}"))
    assert (ranged.table == lut.table).all()


def test_a_1d_lut_is_a_curve_a_channel(tmp_path):
    lut = read_cube(cube(tmp_path, "LUT_1D_SIZE 3\n0 0 1\n0.25 0.5 0.5\n1 1 0\n"))
    made = ToneStyler({"curve": lut}).apply(np.uint8([[[128, 128, 51]]]), "curve", 1)
    assert np.abs(made[0, 0].astype(int) - [64, 128, 204]).max() <= 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no LUT_3D_SIZE"),
        ("LUT_3D_SIZE 2\n0 0 0\n", "needs 8 rows, got 1"),
        (f"LUT_3D_SIZE 2\n{IDENTITY}\n0 0 0\n", "line 10: .*8 rows, this is one more"),
        (
            "LUT_3D_SIZE 2\n0 0 0\nDOMAIN_MIN 0 0 0",
            "line 3: expected three numbers, got 'DOMAIN_MIN",
        ),
        ("LUT_3D_SIZE 99999999999\n", "from 2 to 65, got '99999999999'"),
        ("LUT_3D_SIZE 256\n", "from 2 to 65, got '256'"),
        ("LUT_3D_SIZE -2\n", "from 2 to 65"),
        ("LUT_3D_SIZE ²\n", "from 2 to 65"),
        ("LUT_3D_SIZE\n", "from 2 to 65"),
        ("LUT_3D_SIZE 2 2\n", "from 2 to 65"),
        ("LUT_1D_SIZE 70000\n", "from 2 to 65536"),
        ("LUT_1D_SIZE 2\nLUT_3D_SIZE 2\n", "line 2: a second size"),
        ("LUT_3D_SIZE 2\n0 0 nan\n", "line 2: nan is not a color"),
        ("LUT_3D_SIZE 2\n0 0 inf\n", "inf is not a color"),
        ("LUT_3D_SIZE 2\n0 0 1e300\n", "is not a color"),
        ("LUT_3D_SIZE 2\n0 0\n", "three numbers, got 2"),
        ("LUT_3D_SIZE 2\n0 zero 0\n", "three numbers, got '0 zero 0'"),
        ("LUT_3D_SIZE 2\n1_0 0 0\n", "three numbers, got '1_0 0 0'"),
        ("0 0 0\n", "before LUT_3D_SIZE"),
        ("LUT_4D_SIZE 2\n", "unknown keyword 'LUT_4D_SIZE'"),
        ("LUT_3D_SIZE 2\nDOMAIN_MIN 1 1 1\n" + IDENTITY, "must be below"),
        ("LUT_3D_SIZE 2\nDOMAIN_MIN 0 0\n", "three numbers, got 2"),
        ("LUT_3D_SIZE 2\n" + "1" * 5000 + " 0 0\n", "over 1000 bytes"),
        ("x" * 100_000, "over 1000 bytes"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "binary data"),
        (bytes(range(1, 256)), "unknown keyword"),
        ("<!DOCTYPE html>\n", "unknown keyword"),
    ],
)
def test_a_hostile_cube_is_refused_in_one_line_with_the_way_out(tmp_path, text, says):
    path = cube(tmp_path, text)
    with pytest.raises(BadCube, match=says) as caught:
        read_cube(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.endswith("export the LUT again as a .cube of 17, 33 or 65 points")
    assert len(message.splitlines()) == 1
    assert len(message) < 400 + len(str(path))
    assert message.isprintable()


def test_luts_of_one_digest_make_the_same_pixels(tmp_path, noise):
    beyond = read_cube(cube(tmp_path, f"LUT_3D_SIZE 2\n{IDENTITY.replace('1', '1.6')}"))
    within = read_cube(cube(tmp_path, f"LUT_3D_SIZE 2\n{IDENTITY}"))
    assert beyond.digest == within.digest
    assert (ColorMap(beyond).apply(noise) == ColorMap(within).apply(noise)).all()


def test_a_missing_or_huge_cube_is_refused(tmp_path):
    with pytest.raises(BadCube, match="no such file"):
        read_cube(tmp_path / "none.cube")
    with pytest.raises(BadCube, match="cannot be read"):
        read_cube(tmp_path)
    huge = tmp_path / "huge.cube"
    with huge.open("wb") as file:
        file.truncate(40_000_000_000)
    with pytest.raises(BadCube, match="over 32 MB"):
        read_cube(huge)


def test_a_cube_of_many_lines_is_refused_before_all_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("style.cubefile._LINES", 20)
    assert read_cube(cube(tmp_path, f"LUT_3D_SIZE 2\n{COMMENT * 11}{IDENTITY}")).size == 2
    with pytest.raises(BadCube, match="line 21: over 20 lines"):
        read_cube(cube(tmp_path, f"LUT_3D_SIZE 2\n{COMMENT * 12}{IDENTITY}"))


def test_a_title_is_no_command_for_a_terminal(tmp_path):
    lut = read_cube(cube(tmp_path, f'TITLE "\x1b[2Jhello"\nLUT_3D_SIZE 2\n{IDENTITY}'))
    assert lut.title == "[2Jhello"


def test_a_lut_weakened_by_half_is_half_way_to_the_identity():
    lut = Lut(np.zeros((2, 2, 2, 3), np.float32))
    assert np.allclose(lut.weakened(0.5).table, identity_table(2) / 2)
