"""Labels: inside the view, apart from each other, beside their objects; a name where there is room, else a number."""

import time
from itertools import combinations

import numpy as np
import pytest
import supervision as sv
from hypothesis import given, settings
from hypothesis import strategies as st
from supervision.annotators.utils import resolve_text_background_xyxy

from florence_ui.rendering.label_placement import MAX_REPEATS, Label, Subject, place_labels

SIZE = (1000, 700)
HEIGHT = 20
P = sv.Position


def subject(row: int, box, name: str = "", *, width: int | None = None, tip=None, is_line: bool = False) -> Subject:
    number = str(row + 1)
    sizes = ((width or 8 * len(name) + 12, HEIGHT), (8 * len(number) + 12, HEIGHT))
    return Subject(row, tuple(map(float, box)), name, sizes[0], number, sizes[1], tip, is_line)


def overlap(one, other) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def only(subjects, **how) -> Label:
    (label,) = place_labels(subjects, SIZE, **how)
    return label


def position_of(box, **how) -> tuple[sv.Position, tuple[int, int]]:
    label = only([subject(0, box, "dog", **how)])
    return label.position, label.offset


boxes = st.tuples(*[st.floats(-300, 2000)] * 4).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[::2]), max(b[1::2]))
)
subjects = st.lists(
    st.tuples(
        boxes,
        st.sampled_from(["", "dog", "cat", "a very long name of a thing", "x"]),
        st.none() | st.tuples(st.floats(0, 1500), st.floats(0, 1500)),
        st.booleans(),
    ),
    max_size=40,
).map(lambda all_: [subject(row, box, name, tip=tip, is_line=line) for row, (box, name, tip, line) in enumerate(all_)])


@settings(max_examples=150, deadline=None)
@given(
    found=subjects,
    size=st.tuples(st.integers(1, 1600), st.integers(1, 1600)),
    ratio=st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0]),
    reserved=st.lists(boxes, max_size=3),
)
def test_labels_are_inside_apart_and_tell_the_truth(found, size, ratio, reserved) -> None:
    labels = place_labels(found, size, ratio, reserved)
    for label in labels:
        assert label.text in (found[label.row].name, found[label.row].number)
        assert label.text
        x1, y1, x2, y2 = label.box
        assert 0 <= x1 < x2 <= size[0]
        assert 0 <= y1 < y2 <= size[1]
        assert not any(overlap(label.box, area) for area in reserved)
    assert not any(overlap(one.box, other.box) for one, other in combinations(labels, 2))
    assert len({label.row for label in labels}) == len(labels)
    assert labels == place_labels(found, size, ratio, reserved), "the same again"


@settings(max_examples=50, deadline=None)
@given(found=subjects)
def test_supervision_puts_a_label_where_it_was_placed(found) -> None:
    for label in place_labels(found, SIZE):
        named = label.text == found[label.row].name
        size = found[label.row].name_size if named else found[label.row].number_size
        anchor = sv.Detections(xyxy=np.array([label.anchor])).get_anchors_coordinates(label.position)[0].astype(int)
        start = (int(anchor[0]) + label.offset[0], int(anchor[1]) + label.offset[1])
        x1, y1, x2, y2 = resolve_text_background_xyxy(start, size, label.position)
        assert (x1, y1) == label.box[:2]
        assert x2 < label.box[2]
        assert y2 < label.box[3]


@pytest.mark.parametrize(
    ("box", "position", "offset"),
    [
        pytest.param((300, 300, 500, 500), P.TOP_LEFT, (0, 0), id="above"),
        pytest.param((300, 0, 500, 500), P.TOP_LEFT, (0, 22), id="inside-where-the-view-ends"),
        pytest.param((0, 10, 998, 690), P.TOP_LEFT, (2, 12), id="inside-one-of-the-whole-view"),
        pytest.param((990, 300, 999, 500), P.TOP_RIGHT, (-2, 0), id="at-the-right-edge"),
        pytest.param((-200, 300, 500, 500), P.TOP_LEFT, (2, 0), id="of-one-partly-seen"),
    ],
)
def test_a_label_stands_where_the_view_has_room(box, position, offset) -> None:
    assert position_of(box) == (position, offset)


def test_an_outline_has_its_label_at_its_topmost_point() -> None:
    label = only([subject(0, (300, 300, 500, 500), "dog", tip=(470.0, 300.0))])
    assert label.anchor == (470, 300, 470, 300)
    assert label.position is P.TOP_CENTER
    assert label.box[3] < 300
    assert label.box[0] < 470 < label.box[2]


def test_the_smaller_object_has_the_first_choice() -> None:
    large, small = subject(0, (300, 300, 800, 600), "table"), subject(1, (300, 300, 340, 330), "cup")
    first, second = place_labels([large, small], SIZE)
    assert (first.text, first.position, first.offset) == ("cup", P.TOP_LEFT, (0, 0))
    assert second.text == "table"


def test_a_label_does_not_cover_a_small_object() -> None:
    alone = only([subject(0, (300, 300, 500, 500), "dog")])
    ball = subject(1, (alone.box[0], alone.box[1], alone.box[2], alone.box[3]), "ball")
    dog = next(label for label in place_labels([subject(0, (300, 300, 500, 500), "dog"), ball], SIZE) if label.row == 0)
    assert not overlap(dog.box, ball.box)


@pytest.mark.parametrize("width", [320, 321], ids=["just-fits", "too-wide"])
def test_a_name_that_is_too_wide_gives_way_to_the_number(width: int) -> None:
    assert only([subject(6, (300, 300, 500, 500), "dog", width=width)]).text == ("dog" if width == 320 else "7")


def test_what_is_too_wide_grows_with_the_pixel_ratio() -> None:
    dog = subject(6, (600, 600, 1000, 1000), "dog", width=500)
    assert [label.text for label in place_labels([dog], (2000, 1400), 2.0)] == ["dog"]
    assert [label.text for label in place_labels([dog], (2000, 1400), 1.0)] == ["7"]


@pytest.mark.parametrize("count", [MAX_REPEATS, MAX_REPEATS + 1])
def test_a_name_that_occurs_too_often_gives_way_to_numbers(count: int) -> None:
    labels = place_labels([subject(row, (row * 150, 300, row * 150 + 80, 500), "dog") for row in range(count)], SIZE)
    assert len(labels) == count
    assert {label.text == "dog" for label in labels} == {count == MAX_REPEATS}


def test_only_what_is_seen_counts_as_a_repeat() -> None:
    outside = [subject(row, (5000, 300, 5080, 500), "dog") for row in range(1, 9)]
    assert only([subject(0, (300, 300, 500, 500), "dog"), *outside]).text == "dog"


def test_an_object_without_a_name_has_its_number() -> None:
    assert only([subject(4, (300, 300, 500, 500))]).text == "5"


@pytest.mark.parametrize(
    ("step", "names"),
    [
        pytest.param(160, range(12, 13), id="room-for-all"),
        pytest.param(55, range(4, 12), id="room-for-some"),
        pytest.param(28, range(5), id="room-for-few"),
    ],
)
def test_where_there_is_no_room_names_give_way_to_numbers(step: int, names: range) -> None:
    """Each of a row of objects has a label, and as many as find room their name."""
    size = (200 + step * 12, 700)
    crowd = [
        subject(row, (100 + step * row, 300, 124 + step * row, 400), f"thing number {row}", width=140)
        for row in range(12)
    ]
    texts = [label.text for label in place_labels(crowd, size)]
    assert len(texts) == len(crowd)
    assert sum(text.startswith("thing") for text in texts) in names


def test_a_line_of_text_has_its_number_before_it_and_never_its_words() -> None:
    label = only([subject(0, (300, 300, 700, 320), "STOP", is_line=True)])
    assert (label.text, label.position, label.offset) == ("1", P.CENTER_LEFT, (-3, 0))


def test_a_number_that_would_cover_words_is_left_out() -> None:
    page = [subject(row, (0, row * 21, 1000, row * 21 + 21), "words", is_line=True) for row in range(33)]
    assert place_labels(page, SIZE) == []


def test_the_zoom_bar_is_left_free() -> None:
    box, bar = (300, 300, 500, 500), (290, 250, 420, 300)
    assert not overlap(only([subject(0, box, "dog")], reserved=[bar]).box, bar)
    assert overlap(only([subject(0, box, "dog")]).box, bar)


def test_what_is_hardly_seen_has_no_label() -> None:
    assert place_labels([subject(0, (-100, 300, 3, 500), "dog"), subject(1, (0, 699, 50, 900), "cat")], SIZE) == []


def test_a_view_smaller_than_a_label_has_none() -> None:
    assert place_labels([subject(0, (0, 0, 30, 30), "dog")], (20, 15)) == []


@pytest.mark.parametrize("kind", ["names", "numbers", "lines"])
def test_three_hundred_labels_are_placed_quickly(kind: str) -> None:
    """50 ms on a quiet machine, here a loose bound."""
    rng = np.random.default_rng(0)
    corners = rng.uniform((0, 0), SIZE, (300, 2))
    found = [
        subject(
            row, (*corner, *(corner + size)), f"thing {row}" if kind == "names" else "thing", is_line=kind == "lines"
        )
        for row, (corner, size) in enumerate(zip(corners, rng.uniform(5, 400, (300, 2)), strict=True))
    ]
    took = []
    for _ in range(5):
        started = time.thread_time()
        place_labels(found, SIZE)
        took.append(time.thread_time() - started)
    assert min(took) < 0.15
