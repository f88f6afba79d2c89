"""Drawn scenes: the same seed draws the same scene, and its ground truth is what is visible."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from florence_ui.nano.scenes import MAX_OVERLAP, Canvas, draw_scene, frame_at, overlap
from florence_ui.nano.scoring import polygons_iou
from florence_ui.nano.signs import SignStyle, draw_sign
from florence_ui.nano.sprites import MAX_POLYGON_POINTS, polygon_to_mask, sprites
from florence_ui.nano.vocabulary import FONTS, KINDS, NAMES, WORDS
from florence_ui.nano.write_scenes import ground_truth, write_scenes

SEEDS = range(1_500_000, 1_500_040)


@pytest.fixture(scope="module")
def scenes() -> list:
    return [draw_scene(seed) for seed in SEEDS]


def test_world_is_as_large_as_promised() -> None:
    assert len(KINDS) >= 48
    assert len(set(KINDS.values())) == len(KINDS)
    assert 90 <= len(set(WORDS)) == len(WORDS)
    assert len(FONTS) >= 3


def test_same_seed_draws_the_same_scene() -> None:
    first, again, other = draw_scene(7), draw_scene(7), draw_scene(8)
    assert first.image.tobytes() == again.image.tobytes()
    assert ground_truth(first, "a.png") == ground_truth(again, "a.png")
    assert first.image.tobytes() != other.image.tobytes()


def test_scenes_keep_to_the_limits(scenes: list) -> None:
    counts = {len(scene.things) for scene in scenes}
    assert counts <= set(range(1, 7))
    assert len(counts) >= 5
    assert {len(scene.signs) for scene in scenes} == {0, 1, 2}
    for scene in scenes:
        labels = [thing.label for thing in scene.things]
        assert len(set(labels)) == len(labels)
        for i, thing in enumerate(scene.things):
            assert all(overlap(thing.frame, other.frame) <= MAX_OVERLAP for other in scene.things[i + 1 :])
            assert not any(overlap(thing.frame, sign.box) for sign in scene.signs)


def test_box_is_the_bounds_of_the_visible_pixels() -> None:
    """Drawn on black and on white, only an object's own pixels stay the same."""
    canvases = [Canvas(Image.new("RGB", (200, 160), color)) for color in ("black", "white")]
    for canvas in canvases:
        canvas.add_thing("apple", frame_at("apple", (37, 21), 90))
    dark, light = (np.asarray(canvas.image).astype(int) for canvas in canvases)
    seen = np.abs(dark - light).max(2) < 128  # alpha above one half
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    box = canvases[0].finish().things[0].box
    assert box == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)


def test_hidden_pixels_do_not_count() -> None:
    canvas = Canvas(Image.new("RGB", (300, 200), "white"))
    canvas.add_thing("book", frame_at("book", (20, 20), 100))
    alone = canvas.finish().things[0].box
    canvas.add_thing("star", frame_at("star", (alone[2] - 30, 0), 160))
    book = next(thing for thing in canvas.finish().things if thing.label == "book")
    assert book.mask.sum() < (alone[2] - alone[0]) * (alone[3] - alone[1])
    assert book.box[2] < alone[2] or book.mask[:, -10:].mean() < 0.9


def test_polygon_covers_the_visible_pixels(scenes: list) -> None:
    for scene in scenes[:15]:
        for thing in scene.things:
            x1, y1, x2, y2 = thing.box
            assert thing.polygon.min(0) == pytest.approx((x1, y1), abs=1)
            assert thing.polygon.max(0) == pytest.approx((x2, y2), abs=1)
            filled = polygon_to_mask(thing.polygon - (x1, y1), thing.mask.shape)
            assert (thing.mask & ~filled).mean() < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_simplified_polygon_resembles_the_sprite(name: str) -> None:
    sprite = sprites()[name]
    assert len(sprite.polygon) <= MAX_POLYGON_POINTS
    canvas = Canvas(Image.new("RGB", (160, 160), "white"))
    canvas.add_thing(name, frame_at(name, (10, 10), 130))
    thing = canvas.finish().things[0]
    assert polygons_iou([thing.sprite_polygon], [thing.polygon], (160, 160)) > 0.78


@pytest.mark.parametrize("rotation", [0.0, 8.0, -8.0])
def test_quad_encloses_the_ink_of_the_word(rotation: float) -> None:
    style = SignStyle("DejaVuSans-Bold", 40, board=(255, 255, 255), ink=(200, 0, 0), rotation=rotation, rounded=False)
    sign = draw_sign(style, "HOTEL")
    red = np.asarray(sign.tile.convert("RGBA")).astype(int)
    ink = (red[..., 0] - red[..., 1] > 100) & (red[..., 3] > 200)
    inside = area_mask(sign.quad, sign.tile.size, grow=1.0)
    frame = ~area_mask(sign.quad, sign.tile.size, grow=6.0)
    assert (ink & inside).sum() / (ink & ~frame).sum() > 0.99
    assert (ink & inside).sum() / inside.sum() > 0.25


def area_mask(quad: np.ndarray, size: tuple[int, int], grow: float) -> np.ndarray:
    """Which pixels lie in a quad grown by that many pixels."""
    middle = quad.mean(0)
    far = np.abs(quad - middle).max(0)
    grown = middle + (quad - middle) * (far + grow) / far
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    inside = np.ones((size[1], size[0]), bool)
    for (ax, ay), (bx, by) in zip(grown, np.roll(grown, -1, axis=0), strict=True):
        inside &= (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0
    return inside


def test_letters_lie_in_the_word_from_left_to_right(scenes: list) -> None:
    for scene in scenes:
        for sign in scene.signs:
            assert len(sign.letters) == len(sign.word)
            assert (np.diff(sign.letters[:, 0]) > 0).all()
            assert (sign.letters > sign.quad.min(0) - 3).all()
            assert (sign.letters < sign.quad.max(0) + 3).all()


def test_captions_name_what_is_there(scenes: list) -> None:
    for scene in scenes:
        said = ground_truth(scene, "x.png")["captions"]
        for text in said.values():
            words = text.replace(",", "").replace(".", "").replace(":", "").split()
            assert sorted(word for word in words if word in NAMES) == sorted(t.label for t in scene.things)
        assert all(sign.word in said["more_detailed"] for sign in scene.signs)
        assert len(said["brief"]) < len(said["detailed"])


def test_truth_file_has_the_documented_shape(tmp_path: Path) -> None:
    write_scenes(1_000_003, 3, tmp_path)
    entries = json.loads((tmp_path / "truth.json").read_text())
    assert len(entries) == 3
    for entry in entries:
        assert set(entry) == {"file", "objects", "words", "captions"}
        width, height = Image.open(tmp_path / entry["file"]).size
        for thing in entry["objects"]:
            assert set(thing) == {"label", "box", "polygon"}
            x1, y1, x2, y2 = thing["box"]
            assert 0 <= x1 < x2 <= width
            assert 0 <= y1 < y2 <= height
            assert len(thing["polygon"]) >= 3
        for word in entry["words"]:
            assert set(word) == {"text", "quad"}
            assert np.shape(word["quad"]) == (4, 2)
        assert set(entry["captions"]) == {"brief", "detailed", "more_detailed"}


def test_command_line_writes_pictures_and_truth(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "florence_ui.nano.write_scenes",
        "--seed",
        "1000000",
        "--count",
        "2",
        "--out",
        tmp_path,
    ]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    entries = json.loads((tmp_path / "truth.json").read_text())
    assert [(tmp_path / entry["file"]).is_file() for entry in entries] == [True, True]
