"""Who found what, drawn on one picture: outlines only, in the sides' colors."""

import numpy as np
import pytest
from PIL import Image

from florence_ui.rendering.comparison import (
    FOUND_BY_COLORS,
    add_legend,
    annotate_found_by,
    annotate_found_by_view,
    dashes,
    put_side_by_side,
)
from florence_ui.rendering.view import View
from florence_ui.results.compare import BOTH, LEFT, RIGHT, compare, map_found_by
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task

SIZE = (800, 600)
WHITE = (255, 255, 255)


def found(*objects: tuple[str, tuple[float, float, float, float]], **more) -> Result:
    detections = make_detections([label for label, _ in objects], [box for _, box in objects], **more)
    return Result(get_task("<OD>"), "<OD>", SIZE, detections=detections)


DOG, CAT, TREE = (("dog", (50, 300, 200, 550)), ("cat", (300, 300, 450, 550)), ("tree", (550, 300, 700, 550)))
LEFT_SIDE, RIGHT_SIDE = found(DOG, CAT), found(CAT, TREE)
CHECKED = {LEFT: (50, 550), BOTH: (300, 550), RIGHT: (550, 550)}
"""A corner of what each side has, where every kind of line is drawn."""


def found_by(left: Result = LEFT_SIDE, right: Result = RIGHT_SIDE):
    return map_found_by(left, right, compare(left, right))


def rgb(color: str) -> tuple[int, ...]:
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))


def count_near(image: Image.Image, box: tuple[int, int, int, int], color: tuple[int, ...]) -> int:
    part = np.asarray(image.crop(box)).astype(int)
    return int((np.abs(part - color).max(axis=2) <= 4).sum())


def around(x: int, y: int, r: int = 60) -> tuple[int, int, int, int]:
    return (x - r, y - r, x + r, min(SIZE[1], y + r))


def test_everyone_has_a_color_and_only_outlines_are_drawn() -> None:
    image = Image.new("RGB", SIZE, "white")
    drawn = annotate_found_by(image, found_by())
    for who, (x, y) in CHECKED.items():
        for other, color in FOUND_BY_COLORS.items():
            assert bool(count_near(drawn, around(x, y), rgb(color))) == (who == other)
    for label, (x1, y1, x2, y2) in (DOG, CAT, TREE):
        assert drawn.getpixel(((x1 + x2) // 2, (y1 + y2) // 2)) == WHITE, f"{label} is not filled"
    assert image.getextrema() == ((255, 255),) * 3, "the picture itself stays as it is"


def test_what_only_the_left_has_is_dashed_and_what_both_have_is_thin() -> None:
    drawn = annotate_found_by(Image.new("RGB", SIZE, "white"), found_by())
    side = {who: (x - 6, 320, x + 6, 530) for who, (x, _) in CHECKED.items()}
    inked = {who: SIZE[0] * 0 + count_near(drawn, side[who], rgb(FOUND_BY_COLORS[who])) for who in CHECKED}
    assert inked[LEFT] < 0.8 * inked[RIGHT]
    assert inked[BOTH] < 0.8 * inked[RIGHT]
    column = np.asarray(drawn.crop(side[LEFT])).astype(int)
    rows = (np.abs(column - rgb(FOUND_BY_COLORS[LEFT])).max(axis=2) <= 4).any(axis=1)
    assert np.count_nonzero(np.diff(rows.astype(int))) >= 4, "it begins and ends several times"


def test_only_differences_have_labels() -> None:
    bare = annotate_found_by(Image.new("RGB", SIZE, "white"), found_by(found(DOG), found(DOG)))
    named = annotate_found_by(Image.new("RGB", SIZE, "white"), found_by(found(DOG), found()))
    above = (50, 250, 200, 296)
    assert count_near(bare, above, WHITE) == 150 * 46
    assert count_near(named, above, rgb(FOUND_BY_COLORS[LEFT])) > 100


def test_outlines_of_segments_are_drawn_and_not_their_boxes() -> None:
    triangle = np.array([[50, 300], [50, 550], [200, 550]])
    drawn = annotate_found_by(
        Image.new("RGB", SIZE, "white"), found_by(found(), found(("", DOG[1]), polygons=[[triangle]]))
    )
    blue = rgb(FOUND_BY_COLORS[RIGHT])
    assert count_near(drawn, (40, 400, 60, 420), blue)
    assert not count_near(drawn, (190, 310, 210, 330), blue), "the box's own corner"


@pytest.mark.parametrize("size", [(64, 48), (320, 200), (1536, 1024)], ids=lambda s: f"{s[0]}px")
def test_any_picture_can_be_drawn_on(size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "white")
    assert annotate_found_by(image, found_by()).size == size
    assert annotate_found_by(image, found_by(found(), found())).tobytes() == image.tobytes()


def test_a_screen_gets_the_part_that_it_shows_at_its_size() -> None:
    view = View(size=(400, 300), pixel_ratio=1.0, box=(0.5, 0.5, 1.0, 1.0))
    scene = np.full((300 + 2 * view.margin, 400 + 2 * view.margin, 3), 255, np.uint8)
    drawn = annotate_found_by_view(scene, found_by(), view)
    assert drawn.size == (400, 300)
    x, y = CHECKED[RIGHT][0] - 400, CHECKED[RIGHT][1] - 300
    assert count_near(drawn, (x - 20, y - 20, x + 20, y + 20), rgb(FOUND_BY_COLORS[RIGHT]))
    assert (scene == 255).all(), "the scene is kept for the next drawing"


def test_dashes_go_around_corners_and_end_where_the_line_began() -> None:
    square = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], dtype=float)
    lines = [line.tolist() for line in dashes(square, dash=8, gap=4)]
    assert lines[0] == [[0, 0], [8, 0]]
    assert lines[1] == [[10, 2], [10, 10]]
    assert lines[2] == [[6, 10], [0, 10], [0, 8]]
    assert lines[3] == [[0, 4], [0, 0]]
    assert len(lines) == 4
    assert list(dashes(np.zeros((3, 2)), 8, 4)) == [], "a point has no line"


def test_two_pictures_stand_beside_each_other_unchanged() -> None:
    left, right = Image.new("RGB", (300, 200), "red"), Image.new("RGB", (300, 200), "blue")
    whole = put_side_by_side(left, right)
    assert whole.height == 200
    assert whole.crop((0, 0, 300, 200)).tobytes() == left.tobytes()
    assert whole.crop((whole.width - 300, 0, whole.width, 200)).tobytes() == right.tobytes()
    assert whole.width > 600, "with a gap"


@pytest.mark.parametrize(
    "name", [pytest.param("base", id="short"), pytest.param("a name that is far too long for this " * 9, id="long")]
)
def test_a_legend_below_the_picture_says_what_each_color_means(name: str) -> None:
    drawn = annotate_found_by(Image.new("RGB", SIZE, "white"), found_by())
    legended = add_legend(drawn, {LEFT: f"only {name}", RIGHT: "only large", BOTH: "both"})
    assert legended.width == drawn.width
    assert legended.crop((0, 0, *SIZE)).tobytes() == drawn.tobytes(), "the picture itself stays as it is"
    strip = (0, SIZE[1], SIZE[0], legended.height)
    assert all(count_near(legended, strip, rgb(color)) for color in FOUND_BY_COLORS.values())
    edge = legended.crop((SIZE[0] - 8, SIZE[1], SIZE[0], legended.height))
    assert len(edge.getcolors()) == 1, "no name is cut off by the edge"
