"""What a result holds, and which color a label has."""

import numpy as np

from florence_ui.results.result import PALETTE_SIZE, Result, assign_class_ids, make_detections
from florence_ui.tasks import TASKS


def test_equal_labels_share_an_id_and_different_ones_never_do() -> None:
    labels = [f"label {i % 300}" for i in range(900)]
    ids = assign_class_ids(labels)
    assert len(set(ids.tolist())) == 300
    assert all(ids[i] == ids[i + 300] for i in range(600))


def test_the_first_labels_of_a_picture_have_a_color_each() -> None:
    ids = assign_class_ids([f"thing {i}" for i in range(PALETTE_SIZE)])
    assert sorted(ids.tolist()) == list(range(PALETTE_SIZE))


def test_a_label_alone_has_the_same_id_in_every_picture() -> None:
    assert assign_class_ids(["dog"])[0] == assign_class_ids(["dog", "dog"])[1] == assign_class_ids(["dog"])[0]


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
