"""What a screen shows of a picture: the browser's numbers are brought into range, and coordinates follow."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from florence_ui.rendering.view import (
    MAX_VIEW_PIXELS,
    MAX_VIEW_SIDE,
    MIN_PART,
    PIXEL_RATIOS,
    WHOLE,
    Frame,
    View,
)

ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.just(10**400), st.floats(), st.text(max_size=3), st.just(b"ab")
)
FEW = st.one_of(ANYTHING, st.lists(ANYTHING, max_size=5), st.lists(st.floats(-9, 9), min_size=4, max_size=4))


def check(view: View) -> None:
    """Assert that every number of a view is in its range."""
    width, height = view.size
    assert isinstance(width, int)
    assert isinstance(height, int)
    assert 1 <= min(view.size) <= max(view.size) <= MAX_VIEW_SIDE
    assert width * height <= MAX_VIEW_PIXELS
    assert PIXEL_RATIOS[0] <= view.pixel_ratio <= PIXEL_RATIOS[1]
    x1, y1, x2, y2 = view.box
    assert 0 <= x1 <= x2 <= 1
    assert 0 <= y1 <= y2 <= 1
    assert min(x2 - x1, y2 - y1) >= MIN_PART * 0.999
    for left, top, right, bottom in view.reserved:
        assert 0 <= left <= right <= 1
        assert 0 <= top <= bottom <= 1


@given(size=FEW, ratio=FEW, box=FEW, reserved=st.one_of(ANYTHING, st.lists(FEW, max_size=20)))
def test_whatever_the_browser_says_a_view_is_within_its_range(size, ratio, box, reserved) -> None:
    check(View(size, ratio, box, reserved))


@given(
    size=st.tuples(st.integers(1, 9000), st.integers(1, 9000)),
    box=st.tuples(*[st.floats(0, 1)] * 4),
    picture=st.tuples(st.integers(1, 65_500), st.integers(1, 65_500)),
)
def test_a_view_of_any_picture_has_the_proportions_of_its_part(size, box, picture) -> None:
    asked = View(size, 2, box)
    view = asked.fit(picture)
    check(view)
    assert view.box == asked.box
    assert view.size[0] <= asked.size[0]
    assert view.size[1] <= asked.size[1]
    x1, y1, x2, y2 = view.box
    across, down = view.size[0] / ((x2 - x1) * picture[0]), view.size[1] / ((y2 - y1) * picture[1])
    if min(view.size) > 1:
        assert math.isclose(across, down, rel_tol=1 / min(view.size))


@pytest.mark.parametrize(
    ("given_size", "ratio", "size", "expected"),
    [
        pytest.param((2072, 1552), 2, (2072, 1552), 2, id="a-usual-one"),
        pytest.param((7680, 4320), 3, (3771, 2121), 1.473, id="scaled-down-as-a-whole"),
        pytest.param((300, 200), 1e9, (300, 200), 4, id="a-ratio-out-of-range"),
        pytest.param((300, 200), math.nan, (300, 200), 1, id="a-ratio-that-is-no-number"),
    ],
)
def test_size_and_ratio_are_brought_into_range_together(given_size, ratio, size, expected) -> None:
    view = View(given_size, ratio)
    assert view.size == size
    assert view.pixel_ratio == pytest.approx(expected, abs=0.001)


def test_a_view_with_too_many_pixels_keeps_its_size_on_the_screen() -> None:
    view = View((7680, 4320), 3)
    assert np.array(view.size) / view.pixel_ratio == pytest.approx([2560, 1440], rel=0.001)


def test_a_part_that_is_too_small_grows_within_the_picture() -> None:
    assert View(box=(1, 1, 1, 1)).box == (1 - MIN_PART, 1 - MIN_PART, 1, 1)
    assert View(box=(0.5, 0.2, 0.4, 0.1)).box == (0.4, 0.1, 0.5, 0.2)
    assert View(box=(0, 0)).box == WHOLE


def test_a_frame_puts_the_seen_part_inside_the_margin() -> None:
    view = View((400, 300), 2, (0.5, 0.25, 0.75, 0.5))
    frame = Frame.of(view)
    assert frame.picture_size == (1600, 1200)
    corners = np.array(frame.origin) + np.array([[0.5, 0.25], [0.75, 0.5]]) * frame.picture_size
    assert corners.tolist() == [[view.margin, view.margin], [view.margin + 400, view.margin + 300]]
    assert frame.size == (400 + 2 * view.margin, 300 + 2 * view.margin)


def test_a_view_can_be_a_key_and_kept() -> None:
    view = View([300, 200], 2, [0, 0, 0.5, 0.5], [[0.9, 0, 1, 0.1]])
    assert len({view, View((300, 200), 2, (0, 0, 0.5, 0.5), ((0.9, 0, 1, 0.1),))}) == 1
    assert pickle.loads(pickle.dumps(view)) == view
