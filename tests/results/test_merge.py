"""Several answers merged into one."""

import numpy as np
import pytest

from florence_ui.errors import BackendTimeoutError
from florence_ui.results.merge import (
    attach_polygons,
    attach_texts,
    concatenate,
    merge,
    replace_with_text_lines,
    translate,
)
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task

SIZE = (400, 300)
OD, DESCRIBE, OUTLINE, READ = (
    get_task(token) for token in ("<OD>", "<REGION_TO_DESCRIPTION>", "<REGION_TO_SEGMENTATION>", "<OCR_WITH_REGION>")
)
SLOW = BackendTimeoutError("The server did not answer within 120 seconds.", "Try again.")


def found(*objects: tuple[str, tuple[float, float, float, float]], text: str = "", raw=None, warnings=(), **more):
    detections = make_detections([label for label, _ in objects], [box for _, box in objects], **more)
    return Result(OD, "<OD>", SIZE, text, detections, raw, warnings)


DOG, CAT = ("dog", (10.0, 20.0, 110.0, 120.0)), ("cat", (200.0, 20.0, 300.0, 120.0))
QUAD = [[10, 20], [60, 22], [60, 42], [10, 40]]
TRIANGLE = np.array([[10, 20], [110, 20], [60, 120]], dtype=np.float32)


def words(text: str) -> Result:
    return Result(DESCRIBE, DESCRIBE.token, SIZE, text, raw={"said": text})


def test_merging_keeps_every_object_in_order_with_one_color_a_label():
    whole = merge([found(DOG, CAT, raw=1), found(), found(DOG, raw=2)], task=OD, prompt="<OD>")
    assert whole.labels == ["dog", "cat", "dog"]
    assert whole.detections.class_id[0] == whole.detections.class_id[2] != whole.detections.class_id[1]
    assert whole.detections.xyxy.tolist() == [list(DOG[1]), list(CAT[1]), list(DOG[1])]
    assert whole.raw == [1, None, 2]


def test_merging_says_a_repeated_warning_once():
    whole = merge([found(warnings=("a", "b")), found(warnings=("b",))], task=OD, prompt="<OD>")
    assert whole.warnings == ("a", "b")


def test_answers_of_different_kinds_merge():
    whole = concatenate([found(DOG, quads=[QUAD]), found(CAT, polygons=[[TRIANGLE]], inverted=[True])])
    result = found()
    result = Result(OD, "<OD>", SIZE, detections=whole)
    assert result.quads[0].tolist() == QUAD
    assert result.quads[1].tolist() == [[200, 20], [300, 20], [300, 120], [200, 120]]
    assert [len(parts) for parts in result.polygons] == [0, 1]
    assert result.inverted.tolist() == [False, True]


def test_nothing_merges_into_nothing():
    assert len(merge([found(), found()], task=OD, prompt="<OD>").detections) == 0


def test_objects_keep_their_colors_whatever_is_said_of_them():
    kinds = ["dog", "tree", "sun", "ball", "bicycle", "butterfly", "cow", "cup"]  # more than one wants the same color
    before = found(*[(kind, DOG[1]) for kind in kinds])
    answers = {index: words(f"a small {kind}") for index, kind in enumerate(kinds)}
    after = attach_texts(before, answers, DESCRIBE)
    assert after.detections.class_id.tolist() == before.detections.class_id.tolist()


def test_some_objects_can_be_taken():
    assert found(DOG, CAT).select([1]).labels == ["cat"]
    assert found(DOG, CAT).select([]).labels == []


def test_an_answer_about_a_part_moves_to_the_whole():
    part = found(DOG, quads=[QUAD], polygons=[[TRIANGLE]])
    whole = translate(part, (5, 7), (1000, 900))
    assert whole.size == (1000, 900)
    assert whole.detections.xyxy.tolist() == [[15, 27, 115, 127]]
    assert whole.quads[0].tolist() == [[x + 5, y + 7] for x, y in QUAD]
    assert np.array_equal(whole.polygons[0][0], TRIANGLE + np.array([5, 7]))
    assert part.quads[0].tolist() == QUAD, "the part itself must stay"


def test_words_go_to_their_objects_and_a_failed_one_is_marked():
    start = found(DOG, CAT, DOG)
    result = attach_texts(start, {2: words("asleep"), 0: words("awake"), 1: SLOW}, DESCRIBE)
    assert result.labels == ["dog: awake", "cat (no answer)", "dog: asleep"]
    assert result.text == "dog: awake\ncat (no answer)\ndog: asleep"
    assert result.warnings == (
        "Object 2 (cat) has no answer: The server did not answer within 120 seconds. Try again.",
    )
    assert result.raw == [{"said": "awake"}, {"said": "asleep"}]
    assert start.labels == ["dog", "cat", "dog"]
    assert (result.task, result.prompt) == (DESCRIBE, DESCRIBE.token)


@pytest.mark.parametrize(
    ("label", "said", "expected"),
    [
        pytest.param("", "a dog", "a dog", id="no-label"),
        pytest.param("dog", " ", "dog", id="no-words"),
        pytest.param("", "", "(no answer)", id="neither"),
    ],
)
def test_a_label_is_made_of_what_there_is(label, said, expected):
    assert attach_texts(found((label, DOG[1])), {0: words(said)}, DESCRIBE).labels == [expected]


def test_objects_that_were_not_asked_about_stay_as_they_are():
    result = attach_texts(found(DOG, CAT), {0: words("awake")}, DESCRIBE)
    assert result.labels == ["dog: awake", "cat"]


def test_what_is_said_of_an_object_replaces_what_was_said_before():
    once = attach_texts(found(DOG, CAT, ("", DOG[1])), {0: words("awake"), 1: SLOW, 2: words("a leg")}, DESCRIBE)
    twice = attach_texts(once, {0: words("asleep"), 1: words("black"), 2: SLOW}, DESCRIBE)
    assert twice.labels == ["dog: asleep", "cat: black", "(no answer)"]
    assert twice.names == ["dog", "cat", ""]
    assert attach_texts(twice.select([1, 0]), {0: SLOW, 1: words("awake")}, DESCRIBE).labels == [
        "cat (no answer)", "dog: awake",
    ]  # fmt: skip


def test_a_failure_is_marked_once_and_the_mark_goes_with_the_next_answer():
    outline = found(("", DOG[1]), polygons=[[TRIANGLE]])
    failed = attach_polygons(attach_polygons(found(DOG), {0: SLOW}, OUTLINE), {0: SLOW}, OUTLINE)
    assert failed.labels == ["dog (no answer)"]
    assert attach_polygons(failed, {0: outline}, OUTLINE).labels == ["dog"]
    unread = replace_with_text_lines(replace_with_text_lines(found(DOG), {0: SLOW}, READ), {0: SLOW}, READ)
    assert unread.labels == ["dog (no answer)"]


def test_outlines_keep_what_was_said_of_their_objects():
    said = attach_texts(found(DOG), {0: words("awake")}, DESCRIBE)
    outlined = attach_polygons(said, {0: found(("", DOG[1]), polygons=[[TRIANGLE]])}, OUTLINE)
    assert outlined.labels == ["dog: awake"]
    assert attach_texts(outlined, {0: words("asleep")}, DESCRIBE).labels == ["dog: asleep"]


def test_outlines_go_to_their_objects():
    outline = found(("", DOG[1]), polygons=[[TRIANGLE, TRIANGLE + 1]])
    result = attach_polygons(found(DOG, CAT, CAT), {0: outline, 1: SLOW, 2: found()}, OUTLINE)
    assert [len(parts) for parts in result.polygons] == [2, 0, 0]
    assert result.labels == ["dog", "cat (no answer)", "cat (no answer)"]
    assert result.detections.xyxy.tolist() == [list(DOG[1]), list(CAT[1]), list(CAT[1])]


def test_without_any_outline_the_objects_are_still_there():
    result = attach_polygons(found(DOG), {0: SLOW}, OUTLINE)
    assert result.labels == ["dog (no answer)"]
    assert not any(result.polygons)


def test_lines_read_in_an_object_stand_in_its_place_and_the_text_is_in_reading_order():
    lower = [[x, y + 40] for x, y in QUAD]
    lines = found(("world", (10, 60, 60, 82)), ("hello", (10, 20, 60, 42)), quads=[lower, QUAD])
    result = replace_with_text_lines(found(DOG, CAT, CAT), {0: lines, 1: SLOW, 2: found()}, READ)
    assert result.labels == ["world", "hello", "cat (no answer)", "cat (no answer)"]
    assert result.text == "dog: hello\nworld"
    assert result.quads.shape == (4, 4, 2)
    assert len(result.warnings) == 1


def test_the_merged_answer_is_about_the_same_picture_and_what_it_was_made_for():
    whole = merge([found(DOG)], task=READ, prompt="<OCR_WITH_REGION>x")
    assert (whole.task, whole.prompt, whole.size, whole.text) == (READ, "<OCR_WITH_REGION>x", SIZE, "")
    assert whole.quads is None
    assert "polygons" not in whole.detections.data


def test_merging_keeps_first_labels():
    named = attach_texts(found(DOG), {0: words("asleep")}, DESCRIBE)
    assert merge([named], task=OD, prompt="<OD>").names == ["dog"]


def test_an_empty_answer_about_a_part_is_one_about_the_whole():
    part = Result(DESCRIBE, "p", (10, 10), "nothing", raw={"a": 1})
    assert translate(part, (5, 5), SIZE) == Result(DESCRIBE, "p", SIZE, "nothing", part.detections, {"a": 1})


def test_an_answer_about_a_part_keeps_its_marks_and_first_labels_and_gains_no_shapes():
    part = attach_texts(found(DOG, inverted=[True]), {0: words("asleep")}, DESCRIBE)
    whole = translate(part, (0.5, 2.25), (800, 600))
    assert (whole.labels, whole.names, whole.inverted.tolist()) == (["dog: asleep"], ["dog"], [True])
    assert whole.detections.xyxy.tolist() == [[10.5, 22.25, 110.5, 122.25]]
    assert whole.quads is None
    assert "polygons" not in whole.detections.data


def test_a_follow_up_keeps_quads_and_marks_and_gains_no_polygons():
    result = attach_texts(found(DOG, quads=[QUAD], inverted=[True]), {0: words("asleep")}, DESCRIBE)
    assert result.quads.tolist() == [QUAD]
    assert result.inverted.tolist() == [True]
    assert "polygons" not in result.detections.data
    assert (result.size, result.task, result.prompt) == (SIZE, DESCRIBE, DESCRIBE.token)


def test_polygons_bring_no_text():
    assert attach_polygons(found(DOG), {0: found(DOG, polygons=[[TRIANGLE]])}, OUTLINE).text == ""


def test_texts_of_several_objects_are_apart_and_an_object_without_a_label_is_named_by_its_number():
    quads = [[[0, 0], [60, 0], [60, 20], [0, 20]]]
    lines = [found((text, (0, 0, 60, 20)), quads=quads) for text in ("one", "two")]
    result = replace_with_text_lines(found(DOG, ("", CAT[1]), CAT), {0: lines[0], 1: SLOW, 2: lines[1]}, READ)
    assert result.text == "dog: one\n\ncat: two"
    assert result.warnings == (f"Object 2 has no answer: {SLOW}",)
    assert result.labels == ["one", "(no answer)", "two"]


def test_an_answer_made_anew_keeps_what_is_not_changed():
    before = found(DOG, CAT, quads=[QUAD] * 2, polygons=[[TRIANGLE], []], inverted=[True, False], names=["a", "b"])
    after = before.rebuild(labels=["x", "y"])
    assert after.labels == ["x", "y"]
    assert after.names == ["a", "b"]
    assert after.inverted.tolist() == [True, False]
    assert (after.quads == before.quads).all()
    assert (after.xyxy == before.xyxy).all()
    assert [len(parts) for parts in after.polygons] == [1, 0]
