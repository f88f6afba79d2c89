"""Text on a screen: one height in CSS pixels whatever the picture and the screen, and where it was placed."""

from functools import reduce

import numpy as np
import pytest
from PIL import Image

from florence_ui.rendering.annotate import annotate_view
from florence_ui.rendering.annotators import ANNOTATORS
from florence_ui.rendering.label_placement import place_labels
from florence_ui.rendering.labels import VIEW_PADDING, VIEW_TEXT_SIZE, view_subjects
from florence_ui.rendering.shapes import Shapes
from florence_ui.rendering.style import Style
from florence_ui.rendering.view import Frame, View
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import TASKS

PICTURES = {
    "64 pixels": (64, 48),
    "VGA": (640, 480),
    "portrait": (1200, 1600),
    "panorama": (6000, 1500),
    "12 megapixels": (4000, 3000),
    "48 megapixels": (8000, 6000),
}
SCREENS = {
    "phone of 320": ((320, 240), 2),
    "phone of 390": ((390, 300), 3),
    "laptop of 1024": ((724, 560), 1),
    "laptop of 1440": ((1036, 776), 2),
    "desk of 2560": ((2156, 1300), 2),
}
"""Name -> the stage's size in CSS pixels, and the pixel ratio."""
SQUARE = np.array([[0.25, 0.3], [0.75, 0.3], [0.75, 0.7], [0.25, 0.7]])


def result(labels, boxes, size, *, token="<OD>", **more) -> Result:
    boxes = np.array(boxes) * [*size, *size]
    return Result(TASKS[token], token, size, detections=make_detections(labels, boxes, **more))


def blank(view: View) -> np.ndarray:
    """What a view shows of a grey picture, with its margin."""
    return np.full((view.size[1] + 2 * view.margin, view.size[0] + 2 * view.margin, 3), 120, dtype=np.uint8)


def drawn(answer: Result, view: View, style: Style | None = None) -> np.ndarray:
    return np.asarray(annotate_view(blank(view), answer, view, style))


def labels_and_text(answer: Result, view: View, **style) -> tuple[np.ndarray, np.ndarray]:
    """(height, width) booleans each: pixels that only the labels changed, and those of them that are nearly black."""
    with_labels, without = (drawn(answer, view, Style(labels=labels, **style)) for labels in (True, False))
    labels = reduce(np.logical_or, np.moveaxis(with_labels != without, 2, 0))
    return labels, labels & dark(with_labels)


def labels_alone(answer: Result, view: View, **style) -> np.ndarray:
    """(height, width) booleans: pixels that only the labels changed."""
    return labels_and_text(answer, view, **style)[0]


def dark(image: np.ndarray) -> np.ndarray:
    """(height, width) booleans: pixels that are nearly black."""
    return reduce(np.maximum, np.moveaxis(image, 2, 0)) < 60


def on_screen(picture: tuple[int, int], screen: str) -> tuple[View, float]:
    """The view of a whole picture on a stage, and the CSS pixels that one of its pixels takes there."""
    stage, ratio = SCREENS[screen]
    shown = min(stage[0] / picture[0], stage[1] / picture[1])
    css = picture[0] * shown, picture[1] * shown
    view = View((round(css[0] * ratio), round(css[1] * ratio)), ratio).fit(picture)
    return view, css[0] / view.size[0]


def height_of(dark: np.ndarray) -> int:
    """Rows from the first to the last with a marked pixel."""
    rows = np.flatnonzero(dark.any(axis=1))
    return int(rows[-1] - rows[0] + 1)


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("picture", PICTURES)
def test_text_is_12_to_15_css_pixels_high(picture: str, screen: str) -> None:
    """Measured in the drawn pixels, from the top of a d to the bottom of a g."""
    size = PICTURES[picture]
    view, css = on_screen(size, screen)
    labels, text = labels_and_text(result(["dg"], [[0.4, 0.4, 0.6, 0.6]], size), view)
    assert 12 - css <= height_of(text) * css <= 15
    assert 18 <= height_of(labels) * css <= 24


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("picture", PICTURES)
def test_the_number_of_a_line_of_text_is_as_legible(picture: str, screen: str) -> None:
    """A digit has 0.73 of the height of a font: one of 12 CSS pixels has digits of 8.7."""
    size = PICTURES[picture]
    view, css = on_screen(size, screen)
    quads = [SQUARE * size]
    answer = result(["STOP"], [[0.25, 0.3, 0.75, 0.7]], size, token="<OCR_WITH_REGION>", quads=quads)
    _, text = labels_and_text(answer, view)
    assert 8.7 - css <= height_of(text) * css <= 15 * 0.73


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("picture", PICTURES)
def test_outlines_are_about_two_css_pixels_with_a_dark_rim(picture: str, screen: str) -> None:
    size = PICTURES[picture]
    view, css = on_screen(size, screen)
    answer = result(["dg"], [[0.25, 0.3, 0.75, 0.7]], size)
    row = drawn(answer, view, Style(labels=False))[view.size[1] // 2]
    grey = (row == 120).all(axis=1)
    rim = (row < 60).all(axis=1)
    left = np.arange(len(row)) < len(row) // 2
    assert 1.4 <= (~grey & ~rim & left).sum() * css <= 3.1
    assert 0.9 <= (rim & left).sum() * css <= 2.1
    edge = np.flatnonzero(~grey & left)
    assert rim[edge[0]]
    assert rim[edge[-1]]


@pytest.mark.parametrize("zoom", [1, 2, 16])
def test_text_and_lines_do_not_grow_with_zoom(zoom: int) -> None:
    side = 1 / zoom
    box = (0.5 - side / 2, 0.5 - side / 2, 0.5 + side / 2, 0.5 + side / 2)
    view = View((1036, 776), 1, box)
    half = side / 4
    answer = result(["dg"], [[0.5 - half, 0.5 - half, 0.5 + half, 0.5 + half]], (4000, 3000))
    image = drawn(answer, view)
    assert 12 <= height_of(labels_and_text(answer, view)[1]) <= 14
    assert 0 < (image[388] != 120).any(axis=1).sum() <= 10, "two edges of five pixels each"


def test_labels_are_drawn_where_they_were_placed() -> None:
    view = View((1000, 700), 2)
    boxes = [[x / 10, y / 10, x / 10 + 0.09, y / 10 + 0.12] for x in range(0, 10, 2) for y in range(0, 10, 3)]
    names = ["dog", "ace", "Ångström", "yes", "a longer name of a thing"] * 4
    answer = result(names, boxes, (4000, 3000))
    changed = labels_alone(answer, view)
    shapes = Shapes.of(answer, np.arange(len(boxes)), Frame.of(view), np.zeros(len(boxes), dtype=int))
    placed = place_labels(view_subjects(shapes, view.margin, 2 * VIEW_TEXT_SIZE, 2 * VIEW_PADDING), view.size, 2)
    assert len(placed) == len(boxes)
    for label in placed:
        x1, y1, x2, y2 = label.box
        assert changed[y1:y2, x1:x2].mean() > 0.6, label
        changed[y1:y2, x1:x2] = False
    assert not changed.any(), "and nowhere else"


def test_all_labels_have_one_height_whatever_their_letters() -> None:
    view = View((600, 400))
    heights = {height_of(labels_alone(result([text], [[0.2, 0.4, 0.8, 0.8]], (600, 400)), view)) for text in "aAgÅ-"}
    assert len(heights) == 1


def test_text_size_is_the_visitors_to_choose() -> None:
    view, answer = View((600, 400)), result(["dg"], [[0.2, 0.4, 0.8, 0.8]], (600, 400))
    assert height_of(labels_alone(answer, view, text_size=2.0)) > 1.8 * height_of(labels_alone(answer, view))


def test_an_area_under_a_button_stays_free() -> None:
    answer = result(["dog"], [[0.2, 0.4, 0.8, 0.8]], (600, 400))
    free = View((600, 400), reserved=((0, 0.3, 0.5, 0.4),))
    assert labels_alone(answer, View((600, 400)))[120:160, :300].any()
    assert not labels_alone(answer, free)[120:160, :300].any()
    assert labels_alone(answer, free).any()


def test_a_number_says_which_row_of_the_list_it_is() -> None:
    """Of seven dogs only the last is shown: its number is 7, as in the list."""
    view = View((600, 400))
    dogs = result([""] * 7, [[0.2, 0.4, 0.8, 0.8]] * 7, (600, 400))
    seven = result(["7"], [[0.2, 0.4, 0.8, 0.8]], (600, 400))

    def shape(answer: Result, row: int) -> np.ndarray:
        image = annotate_view(blank(view), answer, view, Style(palette="one color"), shown=[row])
        return np.asarray(image)

    assert (shape(dogs, 6) == shape(seven, 0)).all()


def test_a_thumbnail_has_no_labels() -> None:
    view = View((160, 120))
    assert not labels_alone(result(["dog"], [[0.2, 0.4, 0.8, 0.8]], (600, 400)), view).any()


@pytest.mark.parametrize("annotator", [None, *ANNOTATORS])
@pytest.mark.parametrize(
    "box", [(0, 0, 1, 1), (0.7, 0.6, 0.7625, 0.6625), (0.9, 0.9, 1, 1)], ids=["whole", "inside-an-object", "empty"]
)
def test_every_annotator_draws_a_view_of_its_size(annotator, box) -> None:
    view = View((300, 200), 2, box)
    boxes = [[0.25, 0.3, 0.75, 0.7], [0, 0, 0.1, 0.1], [-1e6, -1e6, 1e6, 1e6]]
    polygons = [[SQUARE * (8000, 6000)], [], []]
    answer = result(["dog", "cat", "all"], boxes, (8000, 6000), polygons=polygons)
    before = blank(view)
    image = annotate_view(before, answer, view, Style(annotators=(annotator,) if annotator else ()))
    assert isinstance(image, Image.Image)
    assert image.size == (300, 200)
    assert (before == 120).all()


def test_an_outline_that_continues_outside_does_not_end_at_the_edge() -> None:
    """Seen from inside a box and an outline, no line runs along the edge of the view."""
    view = View((300, 200), 1, (0.4, 0.4, 0.6, 0.6))
    boxes, size = [[0.25, 0.3, 0.75, 0.7]] * 2, (8000, 6000)
    answer = result(["dog", "cat"], boxes, size, polygons=[[SQUARE * size], []])
    image = drawn(answer, view, Style(labels=False, opacity=0))
    assert (image == 120).all()


def test_a_mask_is_seen_where_it_belongs_at_any_zoom() -> None:
    size, view = (8000, 6000), View((320, 240), 1, (0.2, 0.25, 0.3, 0.35))
    answer = result(["dog"], [[0.25, 0.3, 0.75, 0.7]], size, polygons=[[SQUARE * size]])
    image = drawn(answer, view, Style(annotators=("mask",), labels=False, opacity=1))
    inside = (image != 120).any(axis=2)
    assert inside[130:, 170:].all()
    assert not inside[:110].any()
    assert not inside[:, :150].any()


def test_the_view_shows_the_same_as_the_whole_picture_there() -> None:
    """A part drawn for a screen agrees with the same part of a drawing of the whole."""
    size = (800, 600)
    answer = result(["dog"], [[0.3, 0.3, 0.52, 0.52]], size)
    style = Style(annotators=("filled",), labels=False, opacity=1)
    whole = drawn(answer, View(size, 1), style)
    part = drawn(answer, View((400, 300), 1, (0.25, 0.25, 0.75, 0.75)), style)
    assert (part == whole[150:450, 200:600]).all()
