"""Scores of the evaluation: wrong answers count as wrong."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from florence_ui.nano.answers import Question
from florence_ui.nano.evaluate import as_markdown, draw_questions, summarize, write_into_card
from florence_ui.nano.scenes import Canvas, Scene, frame_at
from florence_ui.nano.scoring import box_iou, kinds_in, polygons_iou, score_answer
from florence_ui.nano.signs import SignStyle, draw_sign


@pytest.fixture
def scene() -> Scene:
    """A dog on the left, an apple on the right, a sign HOTEL below."""
    canvas = Canvas(Image.new("RGB", (300, 200), "white"))
    canvas.add_thing("dog", frame_at("dog", (10, 10), 80))
    canvas.add_thing("apple", frame_at("apple", (200, 10), 80))
    style = SignStyle("DejaVuSans-Bold", 30, board=(255, 255, 255), ink=(0, 0, 90), rotation=0, rounded=False)
    canvas.add_sign(draw_sign(style, "HOTEL").moved_to((50, 130)))
    return canvas.finish()


def scored(question: Question, scene: Scene, answer: object) -> dict[str, list[float]]:
    measures = defaultdict(list)
    score_answer(question, scene, answer, measures)
    return {name: values for name, values in measures.items() if values}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param((0, 0, 10, 10), (0, 0, 10, 10), 1.0, id="same"),
        pytest.param((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3, id="half"),
        pytest.param((0, 0, 10, 10), (10, 0, 20, 10), 0.0, id="touching"),
    ],
)
def test_box_iou(a: tuple, b: tuple, expected: float) -> None:
    assert box_iou(a, b) == pytest.approx(expected)


def test_area_iou_of_half_a_square() -> None:
    square = np.array([(0, 0), (99, 0), (99, 99), (0, 99)])
    half = np.array([(0, 0), (49, 0), (49, 99), (0, 99)])
    assert polygons_iou([square], [half], (100, 100)) == pytest.approx(0.5)
    assert polygons_iou([], [square], (100, 100)) == 0.0


def test_kinds_are_whole_words() -> None:
    assert kinds_in("A Dog, an apple and a sunflower.") == ["dog", "apple", "sunflower"]
    assert kinds_in("hotdog scarf") == []


def test_wrong_label_is_neither_found_nor_precise(scene: Scene) -> None:
    boxes = [list(thing.box) for thing in scene.things]
    got = scored(Question("<OD>", "", ""), scene, {"bboxes": boxes, "labels": ["dog", "cat"]})
    assert sorted(got["<OD> recall"]) == [0, 1]
    assert sorted(got["<OD> precision"]) == [0, 1]


def test_box_off_by_half_is_not_found(scene: Scene) -> None:
    x1, y1, x2, y2 = scene.things[0].box
    shifted = [x1 + (x2 - x1) // 2, y1, x2 + (x2 - x1) // 2, y2]
    got = scored(Question("<OD>", "", ""), scene, {"bboxes": [shifted], "labels": ["dog"]})
    assert got["<OD> recall"] == [0, 0]
    assert got["<OD> precision"] == [0]


def test_second_box_on_the_same_object_is_not_precise(scene: Scene) -> None:
    boxes = [list(scene.things[0].box)] * 2 + [list(scene.things[1].box)]
    got = scored(Question("<OD>", "", ""), scene, {"bboxes": boxes, "labels": ["dog", "dog", "apple"]})
    assert got["<OD> recall"] == [1, 1]
    assert sorted(got["<OD> precision"]) == [0, 1, 1]


@pytest.mark.parametrize(
    ("caption", "right"),
    [
        pytest.param("a dog and an apple", 1, id="exact"),
        pytest.param("a dog", 0, id="one missing"),
        pytest.param("a dog, an apple and a cat", 0, id="one invented"),
        pytest.param("a dog, a dog and an apple", 0, id="one twice"),
    ],
)
def test_caption_must_name_exactly_what_is_there(scene: Scene, caption: str, right: int) -> None:
    assert scored(Question("<CAPTION>", "", ""), scene, caption) == {"<CAPTION> exact": [right]}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        pytest.param("HOTEL", [1], id="right"),
        pytest.param("MOTEL", [0], id="one letter wrong"),
        pytest.param("", [0], id="nothing read"),
        pytest.param("HOTEL STOP", [0, 1], id="one invented"),
    ],
)
def test_words_must_be_whole(scene: Scene, text: str, values: list[int]) -> None:
    assert sorted(scored(Question("<OCR>", "", ""), scene, text)["<OCR> word"]) == values


def test_quad_in_the_wrong_place_lowers_its_iou(scene: Scene) -> None:
    quad = scene.signs[0].quad
    for shift, low, high in ((0, 0.95, 1.0), (40, 0.1, 0.6)):
        answer = {"quad_boxes": [(quad + np.array([shift, 0])).ravel().tolist()], "labels": ["HOTEL"]}
        got = scored(Question("<OCR_WITH_REGION>", "", ""), scene, answer)
        assert got["<OCR_WITH_REGION> word"] == [1]
        assert low <= got["<OCR_WITH_REGION> iou"][0] <= high


def test_answering_what_is_not_there_breaks_silence(scene: Scene) -> None:
    question = Question("<OPEN_VOCABULARY_DETECTION>", "apple<and>cat", "", things=(1,), absent=("cat",))
    box = list(scene.things[1].box)
    loud = {"bboxes": [box, box], "bboxes_labels": ["apple", "cat"]}
    quiet = {"bboxes": [], "bboxes_labels": []}
    assert scored(question, scene, loud) == {f"{question.task} recall": [1], f"{question.task} silence": [0]}
    assert scored(question, scene, quiet) == {f"{question.task} recall": [0], f"{question.task} silence": [1]}


def test_mask_of_another_object_is_worth_nothing(scene: Scene) -> None:
    question = Question("<REFERRING_EXPRESSION_SEGMENTATION>", "the dog", "", things=(0,))
    for index, low, high in ((0, 0.8, 1.0), (1, 0.0, 0.0)):
        answer = {"polygons": [[scene.things[index].sprite_polygon.ravel().tolist()]]}
        assert low <= scored(question, scene, answer)[f"{question.task} iou"][0] <= high


@pytest.mark.parametrize(
    ("task", "answer", "right"),
    [
        pytest.param("<REGION_TO_CATEGORY>", "dog<loc_1><loc_2><loc_3><loc_4>", 1, id="category"),
        pytest.param("<REGION_TO_CATEGORY>", "apple<loc_1><loc_2><loc_3><loc_4>", 0, id="wrong category"),
        pytest.param("<REGION_TO_DESCRIPTION>", "a small dog<loc_1><loc_2><loc_3><loc_4>", 1, id="description"),
        pytest.param("<REGION_TO_DESCRIPTION>", "a dog and an apple", 0, id="two objects"),
        pytest.param("<REGION_TO_OCR>", "HOTEL<loc_1><loc_2><loc_3><loc_4>", 1, id="word"),
        pytest.param("<REGION_TO_OCR>", "", 0, id="no word"),
    ],
)
def test_regions(scene: Scene, task: str, answer: str, right: int) -> None:
    got = scored(Question(task, "", "", things=(0,), signs=(0,)), scene, answer)
    assert list(got.values()) == [[right]]


def test_table_fails_what_was_not_measured_or_is_too_slow() -> None:
    measures = defaultdict(list, {"seconds": [3.0], "<OD> recall": [1.0, 1.0]})
    table = {(row.task, row.measure): row.passed for row in summarize(measures)}
    assert table["<OD>", "recall at IoU 0.5, right label"]
    assert not table["<OD>", "precision at IoU 0.5, right label"]
    assert not table["any", "median seconds"]
    assert "**no**" in as_markdown(summarize(measures))


def test_every_task_gets_its_share() -> None:
    dealt = [(scene, question.task) for scene, question in draw_questions(2_000_000, 30, 2)]
    assert len(dealt) == 60
    counts = {task: sum(t == task for _, t in dealt) for _, task in dealt}
    assert len(counts) == 15
    assert min(counts.values()) >= 3
    assert all(dealt[i][1] != dealt[i + 1][1] for i in range(0, 60, 2))


def test_the_card_says_which_engine_was_measured(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("before\n<!-- measured -->\nold\n<!-- end of measured -->\nafter\n")
    write_into_card(summarize(defaultdict(list)), "onnx, cpu, float32", card)
    text = card.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "\n\nEngine: onnx, cpu, float32.\n<!-- end" in text
