"""What a view shows of a picture: the right part, as sharp as the file allows, kept for the next style."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from florence_ui.images.loading import DISPLAY_SIDE, Picture, open_picture
from florence_ui.inference.drawing import draw, render, show_part
from florence_ui.inference.request import Analysis
from florence_ui.inference.scenes import MAX_BYTES, cut_scene, get_scene
from florence_ui.rendering.view import View
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import TASKS

SIZE = (3000, 2000)


def quarters(size: tuple[int, int]) -> Image.Image:
    """A picture whose quarters are red, green, blue and white."""
    image = Image.new("RGB", size, "white")
    width, height = size[0] // 2, size[1] // 2
    for place, color in {(0, 0): (255, 0, 0), (width, 0): (0, 255, 0), (0, height): (0, 0, 255)}.items():
        image.paste(color, (*place, place[0] + width, place[1] + height))
    return image


def picture_of(folder: Path, image: Image.Image) -> Picture:
    path = folder / "picture.png"
    image.save(path)
    return open_picture(path)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Picture:
    """A picture larger than the displayed one, with stripes two pixels wide that only the original has."""
    stripes = np.asarray(quarters(SIZE)).copy()
    stripes[1500:1600, 2000:2100:4] = stripes[1500:1600, 2001:2100:4] = 0
    return picture_of(tmp_path_factory.mktemp("large"), Image.fromarray(stripes))


def analysis_of(picture: Picture, boxes=((100, 100, 900, 700),)) -> Analysis:
    found = make_detections(["dog"] * len(boxes), boxes)
    return Analysis(
        Result(TASKS["<OD>"], "<OD>", picture.size, detections=found), "m", "local", "", 0.0, picture=picture
    )


def seen(picture: Picture, view: View) -> np.ndarray:
    """(height, width, 3) RGB: what a view shows, without its margin."""
    scene = cut_scene(picture, view)
    assert scene.shape == (view.size[1] + 2 * view.margin, view.size[0] + 2 * view.margin, 3)
    return scene[view.margin : -view.margin, view.margin : -view.margin, ::-1]


@pytest.mark.parametrize(
    ("box", "colors"),
    [
        pytest.param((0, 0, 1, 1), [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)], id="whole"),
        pytest.param((0, 0, 0.5, 0.5), [(255, 0, 0)] * 4, id="first-quarter"),
        pytest.param((0.5, 0, 1, 0.5), [(0, 255, 0)] * 4, id="second-quarter"),
        pytest.param((0.25, 0, 0.75, 0.5), [(255, 0, 0), (0, 255, 0)] * 2, id="across"),
    ],
)
@pytest.mark.parametrize("size", [SIZE, (64, 48)], ids=["larger-than-shown", "tiny"])
def test_a_view_shows_its_part_of_the_picture(size, box, colors, tmp_path: Path) -> None:
    view = View((400, 300), 1, box).fit(size)
    shown = seen(picture_of(tmp_path, quarters(size)), view)
    height, width = shown.shape[:2]
    corners = [shown[int(y * height), int(x * width)] for y in (0.1, 0.9) for x in (0.1, 0.9)]
    assert [tuple(map(int, corner)) for corner in corners] == colors


def test_a_part_is_cut_from_the_original_where_that_has_more_detail(large: Picture) -> None:
    assert max(large.display.size) == DISPLAY_SIDE < max(SIZE)
    box = (2000 / SIZE[0], 1500 / SIZE[1], 2100 / SIZE[0], 1600 / SIZE[1])
    assert seen(large, View((400, 400), 1, box).fit(SIZE)).std() > 100, "black and white stripes"


def test_a_view_without_more_detail_does_not_decode_the_picture_again(large: Picture, monkeypatch) -> None:
    monkeypatch.setattr(Picture, "full", lambda *_: pytest.fail("decoded again"))
    cut_scene(large, View((1500, 1000)).fit(SIZE))


@pytest.fixture
def no_scenes() -> None:
    get_scene.cache_clear()


@pytest.mark.usefixtures("no_scenes")
def test_a_scene_is_made_once_for_all_styles(large: Picture, monkeypatch) -> None:
    made = []
    monkeypatch.setattr("florence_ui.inference.scenes.cut_scene", lambda *a: made.append(a) or cut_scene(*a))
    view = View((300, 200)).fit(SIZE)
    assert get_scene(large, view) is get_scene(large, view)
    assert len(made) == 1


@pytest.mark.usefixtures("no_scenes")
@pytest.mark.parametrize(("scene_bytes", "kept"), [(MAX_BYTES // 2, 2), (MAX_BYTES + 1, 0)], ids=["some", "too-large"])
def test_kept_scenes_are_bounded_in_memory(scene_bytes: int, kept: int, large: Picture, monkeypatch) -> None:
    monkeypatch.setattr("florence_ui.inference.scenes.cut_scene", lambda *_: np.empty(scene_bytes, np.uint8))
    for width in range(100, 105):
        assert get_scene(large, View((width, 100)).fit(SIZE)).nbytes == scene_bytes
    assert len(get_scene.cache) == kept
    get_scene.cache_clear()


@pytest.mark.usefixtures("no_scenes")
def test_drawing_leaves_the_kept_scene_alone(large: Picture) -> None:
    view = View((300, 200)).fit(SIZE)
    before = get_scene(large, view).copy()
    drawn = render(analysis_of(large), view=view)
    assert (get_scene(large, view) == before).all()
    assert (np.asarray(drawn)[..., ::-1] != before[view.margin : -view.margin, view.margin : -view.margin]).any()


def test_a_drawing_for_a_screen_has_its_size_and_the_others_keep_theirs(large: Picture) -> None:
    def size_of(**how) -> tuple[int, int]:
        with Image.open(asyncio.run(draw(analysis_of(large), **how))) as image:
            return image.size

    assert size_of(view=View((600, 600), 2)) == (600, 400)
    assert size_of(view=View((600, 600), 2), shown=[]) == (600, 400)
    assert size_of() == large.display.size
    assert size_of(full=True) == SIZE


def test_a_part_is_shown_without_a_drawing(large: Picture) -> None:
    with Image.open(asyncio.run(show_part(large, View((600, 600), 2, (0.6, 0, 0.9, 0.3))))) as image:
        assert image.size == (600, 400)
        green = np.asarray(image).reshape(-1, 3)
    assert (np.abs(green.astype(int) - (0, 255, 0)) < 8).all()
