"""The contents of a result."""

import numpy as np
import pytest

from florence_ui.results.arrays import take_rows
from florence_ui.results.result import Result, assign_class_ids, make_detections
from florence_ui.tasks import TASKS


def test_equal_labels_share_an_id_and_different_ones_never_do() -> None:
    labels = [f"label {i % 300}" for i in range(900)]
    ids = assign_class_ids(labels)
    assert len(set(ids.tolist())) == 300
    assert all(ids[i] == ids[i + 300] for i in range(600))
    assert assign_class_ids(["b", "a", "b"]).tolist() == [0, 1, 0]


def test_nothing_found_is_empty_and_never_none() -> None:
    result = Result(TASKS["<OD>"], "<OD>", (10, 10))
    assert len(result.detections) == 0
    assert result.labels == []
    assert result.polygons == []
    assert result.text == ""


def test_outlines_and_quads_stay_with_their_instance() -> None:
    triangle, square = np.array([[0, 0], [4, 0], [0, 4]]), np.array([[5, 5], [9, 5], [9, 9], [5, 9]])
    detections = make_detections(
        ["a", "b"],
        [[0, 0, 4, 4], [5, 5, 9, 9]],
        quads=[[[0, 0], [4, 0], [4, 4], [0, 4]], [[5, 5], [9, 5], [9, 9], [5, 9]]],
        polygons=[[triangle], [square, triangle]],
    )
    result = Result(TASKS["<OD>"], "<OD>", (10, 10), detections=detections[1:])
    assert result.labels == ["b"]
    assert [len(part) for part in result.polygons[0]] == [4, 3]
    assert result.quads.tolist() == [[[5, 5], [9, 5], [9, 9], [5, 9]]]


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        pytest.param([2, 0], ["c", "a"], id="in-this-order"),
        pytest.param([], [], id="none"),
        pytest.param(np.array([False, True, False]), ["b"], id="a-mask"),
        pytest.param(np.array([False, False, False]), [], id="an-empty-mask"),
    ],
)
def test_rows_are_taken(rows, labels) -> None:
    taken = take_rows(make_detections(["a", "b", "c"], [[0, 0, 1, 1]] * 3), rows)
    assert Result(TASKS["<OD>"], "<OD>", (10, 10), detections=taken).labels == labels


def test_boxes_and_quads_are_32_bit_floats_of_their_shapes() -> None:
    detections = make_detections(["a"], [0, 0, 4, 4], quads=[0, 0, 4, 0, 4, 4, 0, 4], polygons=[[[0, 0, 4, 0, 4, 4]]])
    result = Result(TASKS["<OD>"], "<OD>", (10, 10), detections=detections)
    assert (result.xyxy.dtype, result.xyxy.shape) == (np.float32, (1, 4))
    assert (result.quads.dtype, result.quads.shape) == (np.float32, (1, 4, 2))
    assert (result.polygons[0][0].dtype, result.polygons[0][0].shape) == (np.float32, (3, 2))
    assert result.inverted.tolist() == [False]
    assert "names" not in detections.data


def test_a_label_with_a_lone_surrogate_has_an_id() -> None:
    assert len(assign_class_ids(["\ud800"])) == 1


def test_a_label_keeps_its_last_character_even_a_nul() -> None:
    """NumPy's own texts drop it."""
    detections = make_detections(["a\0"], [[0, 0, 1, 1]], names=["b\0"])
    result = Result(TASKS["<OD>"], "<OD>", (10, 10), detections=detections)
    assert (result.labels, result.names) == (["a\0"], ["b\0"])


@pytest.mark.parametrize("inverted", [None, [0]], ids=["by-default", "as-numbers"])
def test_the_arrays_of_detections_have_one_type_whatever_is_given(inverted) -> None:
    detections = make_detections(["a"], np.zeros((1, 4), np.float64), quads=np.zeros((1, 4, 2)), inverted=inverted)
    types = [detections.data["inverted"].dtype, detections.xyxy.dtype, detections.data["xyxyxyxy"].dtype]
    assert types == [bool, np.float32, np.float32]
