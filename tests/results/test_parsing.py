"""Parsing of every task's answer, in both dialects; nonsense is refused, without any other exception."""

import json
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from florence_ui.errors import AnswerError
from florence_ui.exports.records import to_json
from florence_ui.prompts import task_of_prompt
from florence_ui.results.parsing import MAX_INSTANCES, parse
from florence_ui.results.result import Result
from florence_ui.results.sanitize_json import RETRY_HINT, sanitize_json
from florence_ui.tasks import CUSTOM, TASKS, OutputKind

DATA = Path(__file__).parents[1] / "data"
GENUINE = json.loads((DATA / "answers.json").read_text(encoding="utf-8"))
PUBLISHED = json.loads((DATA / "published_outputs.json").read_text(encoding="utf-8"))
SIZE = (640, 480)
REGION = (0.052, 0.332, 0.932, 0.774)
FROM_VLM = {
    "<OD>",
    "<DENSE_REGION_CAPTION>",
    "<CAPTION_TO_PHRASE_GROUNDING>",
    "<OCR_WITH_REGION>",
    "<OPEN_VOCABULARY_DETECTION>",
    "<REGION_PROPOSAL>",
}


def answer(token: str, value, *, sent=SIZE, size=SIZE, region=None, prompt: str | None = None) -> Result:
    return parse(TASKS[token], prompt or token, {token: value}, sent_size=sent, size=size, region=region)


def genuine(number: int) -> tuple[str, dict]:
    return GENUINE[number]["request"]["body"]["prompt"], GENUINE[number]["response"]["response"]


@pytest.mark.parametrize("number", range(len(GENUINE)), ids=[genuine(n)[0][:40] for n in range(len(GENUINE))])
def test_the_genuine_servers_answer_is_understood_whole(number: int) -> None:
    prompt, response = genuine(number)
    task = task_of_prompt(prompt)
    result = parse(task, prompt, response, sent_size=SIZE, size=SIZE)
    value = next(iter(response.values()))
    assert result.warnings == ()
    assert result.raw == response
    if isinstance(value, str):
        assert result.text == value.partition("<loc_")[0]
        assert result.labels == ([result.text] if task.output_kind is OutputKind.REGION_TEXT else [])
        return
    assert result.text == ""
    boxes = value.get("bboxes") or [q[:2] + q[4:6] for q in value.get("quad_boxes", [])]
    labels = value.get("bboxes_labels", value.get("labels", [])) or value["polygons_labels"]
    phrase = prompt.removeprefix("<REFERRING_EXPRESSION_SEGMENTATION>")
    assert result.labels == ([phrase] * len(labels) if phrase != prompt else labels)
    assert len(result.polygons) == len(result.labels)
    if task.output_kind is OutputKind.BOXES:
        assert result.detections.xyxy.tolist() == boxes
    for parts, expected in zip(result.polygons, value.get("polygons", []), strict=bool(value.get("polygons"))):
        assert [part.ravel().tolist() for part in parts] == expected


@pytest.mark.parametrize("case", PUBLISHED, ids=[f"{n}-{c['task']}" for n, c in enumerate(PUBLISHED)])
def test_published_answers_of_real_models_are_understood_without_a_warning(case: dict) -> None:
    size = tuple(case["image_size"])
    result = parse(TASKS[case["task"]], case["prompt"], case["response"], sent_size=size, size=size)
    assert result.warnings == ()
    assert not any(label.startswith("</s>") for label in result.labels)
    assert "<loc_" not in result.text
    width, height = size
    assert (result.detections.xyxy >= 0).all()
    assert (result.detections.xyxy <= [width, height, width, height]).all()
    assert (result.text != "") == isinstance(case["response"][case["task"]], str)


@pytest.mark.parametrize(
    "response",
    [genuine(n)[1] for n in range(len(GENUINE)) if genuine(n)[0].partition(">")[0] + ">" in FROM_VLM]
    + [c["response"] for c in PUBLISHED if c["task"] in FROM_VLM],
    ids=str,
)
def test_boxes_agree_with_supervisions_own_reading_where_it_has_one(response: dict) -> None:
    token = next(iter(response))
    theirs = sv.Detections.from_vlm(sv.VLM.FLORENCE_2, response, resolution_wh=SIZE)
    ours = parse(TASKS[token], token, response, sent_size=SIZE, size=SIZE)
    assert np.allclose(ours.detections.xyxy[: len(theirs)], theirs.xyxy)
    if "class_name" in theirs.data:
        expected = [str(name).removeprefix("</s>") for name in theirs.data["class_name"]]
        assert ours.labels[: len(expected)] == expected


def test_coordinates_are_scaled_from_the_sent_picture_to_the_original_sides_apart() -> None:
    result = answer(
        "<OD>", {"bboxes": [[10, 20, 30, 40]], "labels": ["a"]}, sent=(1536, 1152), size=(4000, 2000), prompt="<OD>"
    )
    assert np.allclose(result.detections.xyxy, [[26.04, 34.72, 78.13, 69.44]], atol=0.01)
    quads = answer(
        "<OCR_WITH_REGION>",
        {"quad_boxes": [[0, 0, 10, 0, 10, 10, 0, 10]], "labels": ["a"]},
        sent=(10, 10),
        size=(20, 30),
    )
    assert quads.quads.tolist() == [[[0, 0], [20, 0], [20, 30], [0, 30]]]
    polygon = {"polygons": [[[0, 0, 10, 0, 10, 10]]], "labels": [""]}
    outlined = answer("<REFERRING_EXPRESSION_SEGMENTATION>", polygon, sent=(10, 10), size=(20, 30))
    assert outlined.polygons[0][0].tolist() == [[0, 0], [20, 0], [20, 30]]
    assert outlined.detections.xyxy.tolist() == [[0, 0, 20, 30]]


def test_what_is_segmented_by_words_is_named_by_them() -> None:
    token, polygon = "<REFERRING_EXPRESSION_SEGMENTATION>", [[0, 0, 10, 0, 10, 10]]
    value = {token: {"polygons": [polygon, polygon], "labels": ["", "a dog"]}}
    for task in (token, CUSTOM):
        result = parse(TASKS[task], f"{token}the brown dog", value, sent_size=(10, 10), size=(10, 10))
        assert result.labels == ["the brown dog", "a dog"]


def test_only_the_exact_marker_of_older_servers_goes() -> None:
    words = ["</s>CUDA", "s>/<", "/s", "<b>bold</b>", "</S>x", "", "s</s>"]
    result = answer("<OD>", {"bboxes": [[n, n, n + 9, n + 9] for n in range(7)], "labels": words})
    assert result.labels == ["CUDA", "s>/<", "/s", "<b>bold</b>", "</S>x", "", "s</s>"]
    assert answer("<OCR>", "</s>sale").text == "sale"


@pytest.mark.parametrize(
    ("boxes", "warning"),
    [
        pytest.param([[30, 40, 10, 20]], "1 box with corners in the wrong order, now sorted.", id="inverted"),
        pytest.param([[0, 0, 640, 480]], "1 box around the whole picture.", id="whole-picture"),
        pytest.param([[10, 10, 99, 99]] * 3, "2 boxes around an object already found.", id="duplicates"),
        pytest.param([[10, 10, 900, 99]], "1 box extending beyond the picture.", id="outside"),
    ],
)
def test_an_odd_box_stays_and_is_warned_of(boxes: list, warning: str) -> None:
    result = answer("<OD>", {"bboxes": boxes, "labels": ["dog"] * len(boxes)})
    assert result.warnings == (warning,)
    assert len(result.detections) == len(boxes)


def test_corners_are_sorted_and_marked() -> None:
    result = answer("<OD>", {"bboxes": [[30, 20, 10, 40], [1, 2, 3, 4]], "labels": ["a", "b"]})
    assert result.detections.xyxy.tolist() == [[10, 20, 30, 40], [1, 2, 3, 4]]
    assert result.inverted.tolist() == [True, False]


def test_a_box_a_pixel_outside_stays_as_the_model_said_it() -> None:
    result = answer("<OD>", {"bboxes": [[-1, 0, 641, 200]], "labels": ["dog"]})
    assert result.detections.xyxy.tolist() == [[-1, 0, 641, 200]]
    assert result.warnings == ()


def test_outlines_under_three_points_go_and_the_rest_of_the_instance_stays_together() -> None:
    two_parts = [[1, 1, 2, 2], [10, 10, 20, 10, 20, 20], [30, 30, 40, 30, 40, 40, 7]]
    value = {
        "polygons": [[[1, 1]], two_parts, [], [[5, 5, 9, 5, 9, 9]]],
        "labels": ["gone", "kept", "empty", "last"],
    }
    result = answer("<REGION_TO_SEGMENTATION>", value, region=REGION)
    assert result.labels == ["kept", "last"]
    assert [len(parts) for parts in result.polygons] == [2, 1]
    assert result.detections.xyxy[0].tolist() == [10, 10, 40, 40]
    assert result.warnings == (
        "Left out 2 polygons with fewer than three points.",
        "A polygon ends with an x but no y: the answer looks cut off.",
    )


def test_open_vocabulary_may_answer_with_boxes_and_outlines_at_once() -> None:
    value = {
        "bboxes": [[1, 2, 3, 4]],
        "bboxes_labels": ["cat"],
        "polygons": [[[10, 10, 20, 10, 20, 20]]],
        "polygons_labels": ["dog"],
    }
    result = answer("<OPEN_VOCABULARY_DETECTION>", value, prompt="<OPEN_VOCABULARY_DETECTION>cat<and>dog")
    assert result.labels == ["cat", "dog"]
    assert result.detections.xyxy.tolist() == [[1, 2, 3, 4], [10, 10, 20, 20]]
    assert [len(parts) for parts in result.polygons] == [0, 1]


@pytest.mark.parametrize(
    "token", ["<OD>", "<DENSE_REGION_CAPTION>", "<REGION_PROPOSAL>", "<CAPTION_TO_PHRASE_GROUNDING>"]
)
def test_nothing_found_is_empty_never_none(token: str) -> None:
    result = answer(token, {"bboxes": [], "labels": []})
    assert (len(result.detections), result.labels, result.text, result.warnings) == (0, [], "", ())
    assert answer("<OCR_WITH_REGION>", {"quad_boxes": [], "labels": []}).labels == []
    assert answer("<REFERRING_EXPRESSION_SEGMENTATION>", {"polygons": [], "labels": []}).polygons == []


@pytest.mark.parametrize(
    "words", ["car<loc_52><loc_332><loc_932><loc_774>", "car", "</s>car<loc_1><loc_2><loc_3><loc_4>"]
)
@pytest.mark.parametrize("token", ["<REGION_TO_CATEGORY>", "<REGION_TO_DESCRIPTION>", "<REGION_TO_OCR>"])
def test_words_about_a_region_are_one_detection_on_the_asked_region(token: str, words: str) -> None:
    result = answer(token, words, sent=(1536, 1152), size=(2000, 1000), region=REGION)
    assert (result.text, result.labels) == ("car", ["car"])
    assert np.allclose(result.detections.xyxy, [[104, 332, 1864, 774]], atol=0.01)


def test_without_a_region_it_is_read_from_the_prompt() -> None:
    prompt = "<REGION_TO_OCR><loc_100><loc_200><loc_500><loc_600>"
    result = parse(TASKS[CUSTOM], prompt, {"<REGION_TO_OCR>": "STOP"}, sent_size=SIZE, size=(1000, 1000))
    assert result.labels == ["STOP"]
    assert np.allclose(result.detections.xyxy, [[100, 200, 500, 600]])


@pytest.mark.parametrize(
    ("value", "text", "labels"),
    [
        pytest.param("free answer", "free answer", [], id="text"),
        pytest.param({"bboxes": [[1, 2, 3, 4]], "labels": ["x"]}, "", ["x"], id="boxes"),
        pytest.param({"quad_boxes": [[1, 2, 3, 4, 5, 6, 7, 8]], "labels": ["x"]}, "", ["x"], id="quads"),
        pytest.param({"polygons": [[[1, 2, 3, 4, 9, 6]]], "labels": ["x"]}, "", ["x"], id="polygons"),
        pytest.param({"bboxes": [[1, 2, 3, 4]], "bboxes_labels": ["x"]}, "", ["x"], id="open-vocabulary"),
        pytest.param({"color": "red"}, '{"color": "red"}', [], id="another-object"),
        pytest.param(["a", 1], '["a", 1]', [], id="list"),
        pytest.param(7, "7", [], id="number"),
        pytest.param(None, "", [], id="nothing"),
        pytest.param(
            "cat<loc_0><loc_0><loc_500><loc_500>dog<loc_1><loc_2><loc_3><loc_4>", "cat dog", ["cat", "dog"], id="places"
        ),
    ],
)
def test_an_answer_to_a_prompt_of_ones_own_may_have_any_shape(value, text: str, labels: list[str]) -> None:
    result = parse(TASKS[CUSTOM], "What is it?", {"What is it?>": value}, sent_size=SIZE, size=SIZE)
    assert (result.text, result.labels) == (text, labels)


def test_a_custom_prompt_with_an_official_token_is_read_as_that_task() -> None:
    response = {"<OD>": {"bboxes": [[1, 2, 3, 4]], "labels": ["</s>car"]}}
    assert parse(TASKS[CUSTOM], "<OD>", response, sent_size=SIZE, size=SIZE).labels == ["car"]
    with pytest.raises(AnswerError):
        parse(TASKS[CUSTOM], "<OD>", {"<OD>": "text"}, sent_size=SIZE, size=SIZE)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        pytest.param("A dog.", False, id="short"),
        pytest.param("A dog", False, id="short-without-a-stop"),
        pytest.param("a tree, a dog, a butterfly, a bicycle, a ball and a sun", False, id="a-list"),
        pytest.param("The image shows a dog next to a bicycle in front of a house with a", True, id="in-mid-sentence"),
        pytest.param("The image shows a dog next to a bicycle in front of a house, it says “go.”", False, id="quote"),
    ],
)
def test_a_caption_that_stops_in_mid_sentence_is_said_to_look_cut_off(text: str, cut: bool) -> None:
    assert bool(answer("<DETAILED_CAPTION>", text).warnings) == cut


def test_pieces_of_places_are_no_part_of_a_label() -> None:
    labels = ["loc_818>cup", "<loc_7>", "alloc_1", "dog"]
    response = {"<OD>": {"bboxes": [[1, 2, 30, 40]] * 4, "labels": labels}}
    result = parse(TASKS["<OD>"], "<OD>", response, sent_size=(100, 100), size=(100, 100))
    assert result.labels == ["cup", "", "alloc_1", "dog"]
    assert any("fragments of location tokens" in warning for warning in result.warnings)


def test_more_or_fewer_labels_than_boxes_lose_nothing_and_warn() -> None:
    more = answer("<OD>", {"bboxes": [[1, 2, 30, 40]], "labels": ["a", "b"]})
    fewer = answer("<OD>", {"bboxes": [[1, 2, 30, 40], [50, 60, 70, 80]], "labels": ["a"]})
    assert (more.labels, fewer.labels) == (["a"], ["a", ""])
    assert "cut off" in more.warnings[0]
    assert "cut off" in fewer.warnings[0]


def deep(levels: int) -> list:
    value: list = []
    for _ in range(levels):
        value = [value]
    return value


def boxes(*values) -> dict:
    return {"bboxes": list(values), "labels": ["a"] * len(values)}


@pytest.mark.parametrize(
    ("token", "value"),
    [
        pytest.param("<CAPTION>", {"bboxes": []}, id="boxes-for-text"),
        pytest.param("<CAPTION>", None, id="null"),
        pytest.param("<CAPTION>", "x" * 2_000_000, id="endless-text"),
        pytest.param("<OD>", "a dog", id="text-for-boxes"),
        pytest.param("<OD>", [], id="list-for-object"),
        pytest.param("<OD>", {}, id="no-boxes"),
        pytest.param("<OD>", {"bboxes": "1234", "labels": []}, id="string-of-boxes"),
        pytest.param("<OD>", boxes([1, 2, 3]), id="three-numbers"),
        pytest.param("<OD>", boxes([1, 2, 3, "4"]), id="number-as-text"),
        pytest.param("<OD>", boxes([1, 2, 3, True]), id="boolean"),
        pytest.param("<OD>", boxes([1, 2, 3, None]), id="none"),
        pytest.param("<OD>", boxes([1, 2, 3, float("nan")]), id="nan"),
        pytest.param("<OD>", boxes([1, 2, 3, float("inf")]), id="infinite"),
        pytest.param("<OD>", boxes([1, 2, 3, 1e12]), id="far-outside"),
        pytest.param("<OD>", boxes([1, 2, 3, 10**400]), id="beyond-a-float"),
        pytest.param("<OD>", {"bboxes": [[1, 2, 3, 4]], "labels": [5]}, id="label-no-text"),
        pytest.param("<OD>", {"bboxes": [[1, 2, 3, 4]], "labels": "a"}, id="labels-no-list"),
        pytest.param("<OD>", boxes(*[[1, 2, 3, 4]] * 50_000), id="50000-boxes"),
        pytest.param("<OD>", {"bboxes": deep(2000), "labels": []}, id="deep"),
        pytest.param("<OD>", {1: 2}, id="key-no-text"),
        pytest.param("<OD>", {"bboxes": {1, 2}}, id="not-json"),
        pytest.param("<OCR_WITH_REGION>", {"quad_boxes": [[1, 2, 3, 4]], "labels": ["a"]}, id="box-for-quad"),
        pytest.param("<REGION_TO_SEGMENTATION>", {"polygons": [[1, 2, 3, 4, 5, 6]], "labels": [""]}, id="flat-outline"),
        pytest.param("<REGION_TO_SEGMENTATION>", {"polygons": [5], "labels": [""]}, id="outline-no-list"),
    ],
)
def test_a_server_that_lies_is_told_from_one_that_answers(token: str, value) -> None:
    with pytest.raises(AnswerError) as caught:
        answer(token, value, region=REGION)
    assert caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("response", [None, [], "text", {}, 3, {"<CAPTION>": "of another task"}], ids=str)
def test_another_answer_than_the_asked_one_is_refused(response) -> None:
    with pytest.raises(AnswerError):
        parse(TASKS["<OD>"], "<OD>", response, sent_size=SIZE, size=SIZE)


def test_as_many_objects_as_a_model_can_name_are_taken() -> None:
    some = [[n % 600, n % 400, n % 600 + 20, n % 400 + 20] for n in range(MAX_INSTANCES)]
    assert len(answer("<OD>", boxes(*some)).detections) == MAX_INSTANCES


def test_a_lone_surrogate_does_not_reach_the_page_or_a_file() -> None:
    result = answer("<OD>", {"bboxes": [[1, 2, 3, 4]], "labels": ["a\ud800b"]})
    assert result.labels == ["a�b"]
    assert to_json(result.raw).encode()


NUMBERS = st.one_of(
    st.integers(-5000, 5000),
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(),
    st.sampled_from([0, 640, 10**30, -1, True, None, "1"]),
)
WORDS = st.one_of(
    st.text(max_size=20), st.sampled_from(["</s>dog", "", "<loc_5><loc_6><loc_7><loc_8>", "\ud800", "\u202e"])
)
PLACES = st.lists(
    st.one_of(st.lists(NUMBERS, max_size=9), st.lists(st.lists(NUMBERS, max_size=9), max_size=3)), max_size=5
)
OBJECTS = st.fixed_dictionaries(
    {},
    optional={
        "bboxes": PLACES,
        "quad_boxes": PLACES,
        "polygons": PLACES,
        "labels": st.lists(WORDS, max_size=5),
        "bboxes_labels": st.lists(WORDS, max_size=5),
        "polygons_labels": st.one_of(st.lists(WORDS, max_size=5), NUMBERS),
    },
)
GOOD_NUMBERS = st.floats(-700, 700, width=32) | st.integers(-2, 642)
GOOD_BOXES = st.lists(st.lists(GOOD_NUMBERS, min_size=4, max_size=4), max_size=5)
GOOD_QUADS = st.lists(st.lists(GOOD_NUMBERS, min_size=8, max_size=8), max_size=4)
GOOD_POLYGONS = st.lists(st.lists(st.lists(GOOD_NUMBERS, max_size=9), max_size=3), max_size=4)
LIKELY = st.fixed_dictionaries(
    {
        "bboxes": GOOD_BOXES,
        "quad_boxes": GOOD_QUADS,
        "polygons": GOOD_POLYGONS,
        "labels": st.lists(WORDS, max_size=5),
        "bboxes_labels": st.lists(WORDS, max_size=5),
        "polygons_labels": st.lists(WORDS, max_size=5),
    }
)
JSON = st.recursive(
    st.one_of(NUMBERS, WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=8,
)
ANSWERS = st.one_of(LIKELY, WORDS, OBJECTS, JSON)


def check(token: str, response) -> None:
    """A result that holds together, or an `AnswerError`."""
    try:
        result = parse(TASKS[token], token, response, sent_size=SIZE, size=(1000, 700))
    except AnswerError:
        return
    count = len(result.detections)
    assert len(result.labels) == len(result.polygons) == len(result.inverted) == count
    corners = result.detections.xyxy
    assert np.isfinite(corners).all()
    assert (corners[:, :2] <= corners[:, 2:]).all()
    assert all(len(part) >= 3 for parts in result.polygons for part in parts)
    assert json.dumps([result.text, result.raw, result.warnings, result.labels], allow_nan=False).encode()


ODD = settings(derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))


@settings(ODD, max_examples=150)
@given(value=ANSWERS, wrapped=st.booleans())
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_odd_answers_become_a_result_or_an_answer_error(value, wrapped: bool) -> None:
    """150 odd values, each as the answer to all sixteen tasks."""
    for token in TASKS:
        check(token, {token: value} if wrapped else value)


@pytest.mark.slow
@settings(ODD, max_examples=700)
@given(value=ANSWERS, wrapped=st.booleans())
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_ten_thousand_odd_answers_become_a_result_or_an_answer_error(value, wrapped: bool) -> None:
    """700 odd values, each as the answer to all sixteen tasks."""
    for token in TASKS:
        check(token, {token: value} if wrapped else value)


def custom(value) -> Result:
    return parse(TASKS[CUSTOM], "anything", {"anything": value}, sent_size=(100, 50), size=(200, 50))


def test_a_custom_answer_of_polygons_alone_is_open_vocabulary() -> None:
    result = custom({"polygons": [[[0, 0, 10, 0, 10, 10]]], "polygons_labels": ["a"]})
    assert (result.labels, result.text) == (["a"], "")
    assert [len(parts) for parts in result.polygons] == [1]


def test_a_custom_answer_of_unknown_shape_keeps_its_letters() -> None:
    assert custom({"wörd": ["é"]}).text == '{"wörd": ["é"]}'


def test_a_custom_answer_may_name_several_boxes_after_each_label() -> None:
    bins = "".join(f"<loc_{number}>" for number in (100, 200, 300, 400, 500, 600, 700, 800, 9))
    result = custom(f"<loc_0><loc_1><loc_2><loc_3> cat{bins}")
    assert result.labels == ["", "cat", "cat"]
    assert np.allclose(result.xyxy, [[0, 0.05, 0.4, 0.15], [20, 10, 60, 20], [100, 30, 140, 40]])
    assert result.text == "cat"
    assert custom("two  blanks").text == "two  blanks"


def test_quads_warn_of_missing_labels_too() -> None:
    result = answer("<OCR_WITH_REGION>", {"quad_boxes": [[0, 0, 9, 0, 9, 9, 0, 9]] * 2, "labels": ["a"]})
    assert result.warnings[0] == "The answer has 1 label for 2 objects: it looks cut off."


def test_open_vocabulary_may_have_polygons_alone_boxes_alone_and_warnings_of_both() -> None:
    token = "<OPEN_VOCABULARY_DETECTION>"
    alone = answer(token, {"polygons": [[[0, 0, 9, 0, 9, 9]]], "polygons_labels": ["a"]})
    assert [len(parts) for parts in alone.polygons] == [1]
    boxes = answer(token, {"bboxes": [[0, 0, 9, 9]], "bboxes_labels": ["a"]})
    assert "polygons" not in boxes.detections.data
    both = answer(token, {"bboxes": [[0, 0, 9, 9]] * 2, "bboxes_labels": ["a"], "polygons": [[[0, 0, 9]]]})
    assert both.warnings[:3] == (
        "The answer has 1 label for 2 objects: it looks cut off.",
        "Left out 1 polygon with fewer than three points.",
        "A polygon ends with an x but no y: the answer looks cut off.",
    )


@pytest.mark.parametrize(
    ("token", "value", "message"),
    [
        pytest.param(
            "<OD>", "words", "The answer should contain boxes or polygons, but does not.", id="words-for-boxes"
        ),
        pytest.param("<OD>", {"labels": []}, "The answer has no list of bboxes.", id="no-boxes"),
        pytest.param(
            "<OD>", {"bboxes": [], "labels": [1]}, "The answer's labels are not text.", id="a-number-as-label"
        ),
        pytest.param("<OD>", {"bboxes": [[1, 2, 3]]}, "Coordinates in the answer have the wrong length.", id="three"),
        pytest.param("<OD>", {"bboxes": [[1, 2, 3, True]]}, "Coordinates in the answer are not numbers.", id="true"),
        pytest.param(
            "<OD>",
            {"bboxes": [[0, 0, 9, 1_000_001]]},
            "Coordinates in the answer lie far outside the picture.",
            id="far",
        ),
        pytest.param("<CAPTION>", ["a"], "The answer should be text, but is not.", id="a-list-for-words"),
        pytest.param(
            "<REGION_TO_SEGMENTATION>",
            {"polygons": ["a"]},
            "A polygon in the answer is not a list of parts.",
            id="part",
        ),
        pytest.param("<OD>", {"a": {1: 2}}, "The answer contains values that are not JSON.", id="not-json"),
        pytest.param("<OD>", 2**53 + 1, "The answer contains a number that cannot be used.", id="huge"),
        pytest.param("<OD>", -(2**53) - 1, "The answer contains a number that cannot be used.", id="hugely-negative"),
        pytest.param(
            "<CAPTION>",
            "a" * (1_000_001 - len("<CAPTION>")),
            "The answer is longer than Florence-2's can be.",
            id="long",
        ),
    ],
)
def test_each_fault_of_an_answer_has_its_sentence(token: str, value, message: str) -> None:
    with pytest.raises(AnswerError) as caught:
        answer(token, value)
    assert (caught.value.message, caught.value.hint) == (message, RETRY_HINT)


@pytest.mark.parametrize(
    ("response", "message"),
    [
        pytest.param({}, "The server's answer is empty or not in Florence-2's format.", id="empty"),
        pytest.param(["<OD>"], "The server's answer is empty or not in Florence-2's format.", id="a-list"),
        pytest.param({"<CAPTION>": ""}, "The server's answer has no result for <OD>.", id="another-task"),
    ],
)
def test_each_fault_of_a_response_has_its_sentence(response, message: str) -> None:
    with pytest.raises(AnswerError) as caught:
        parse(TASKS["<OD>"], "<OD>", response, sent_size=SIZE, size=SIZE)
    assert (caught.value.message, caught.value.hint) == (message, RETRY_HINT)


def test_coordinates_may_be_as_far_out_as_the_limit() -> None:
    assert answer("<OD>", {"bboxes": [[-1_000_000, 0, 1_000_000, 9]]}).xyxy[0].tolist() == [-1e6, 0, 1e6, 9]


def nested(depth: int) -> dict:
    value: dict = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def test_an_answer_may_be_as_deep_as_the_limit_and_no_deeper() -> None:
    assert sanitize_json(nested(16)) == nested(16)
    with pytest.raises(AnswerError, match="more deeply nested"):
        sanitize_json(nested(17))


def test_an_answer_may_be_as_large_as_the_limits_and_no_larger() -> None:
    values = [None] * 499_999
    assert len(sanitize_json(values)) == 499_999
    with pytest.raises(AnswerError, match="is larger"):
        sanitize_json([*values, None])
    assert len(sanitize_json({"a": "b" * 999_999})["a"]) == 999_999
    with pytest.raises(AnswerError, match="is longer"):
        sanitize_json({"aa": "b" * 999_999})
    assert sanitize_json([2**53, -(2**53), 0.5, True]) == [2**53, -(2**53), 0.5, True]


def test_lone_surrogates_are_replaced_and_pairs_stay() -> None:
    assert sanitize_json({"\ud800a": ["é\udfff", "😀"]}) == {"\ufffda": ["é\ufffd", "😀"]}
    assert sanitize_json({"key": "\ud83d\ude00"}) == {"key": "😀"}


@pytest.mark.parametrize(
    ("box", "warned"),
    [
        pytest.param([-12.7, 0, 99, 99], False, id="two-percent-out-on-the-left"),
        pytest.param([-13, 0, 99, 99], True, id="more-on-the-left"),
        pytest.param([9, 9, 99, 489.5], False, id="two-percent-out-below"),
        pytest.param([9, 9, 99, 490], True, id="more-below"),
    ],
)
def test_two_percent_outside_are_not_worth_a_warning(box, warned: bool) -> None:
    result = answer("<OD>", {"bboxes": [box], "labels": ["a"]})
    assert result.warnings == (("1 box extending beyond the picture.",) if warned else ())
    assert not result.inverted.any()


@pytest.mark.parametrize(("box", "order"), [([30, 10, 10, 20], [10, 10, 30, 20]), ([10, 20, 30, 10], [10, 10, 30, 20])])
def test_either_pair_of_corners_may_be_swapped(box, order) -> None:
    result = answer("<OD>", {"bboxes": [box, [10, 10, 10, 10]], "labels": ["a", "b"]})
    assert result.xyxy[0].tolist() == order
    assert result.inverted.tolist() == [True, False]
