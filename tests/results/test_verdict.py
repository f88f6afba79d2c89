"""The sentence that concludes a comparison."""

import numpy as np
import pytest

from florence_ui.results.compare import compare
from florence_ui.results.result import Result, make_detections
from florence_ui.results.verdict import MAX_LABEL, conclude
from florence_ui.tasks import get_task

NAMES = ("base", "large")
SIZE = (1000, 1000)


def boxes(*labels: str, start: int = 0) -> list[tuple[str, list[float]]]:
    """Objects in places of their own, the same for the same position in the list."""
    return [(label, [40.0 * n, 0.0, 40.0 * n + 30, 30.0]) for n, label in enumerate(labels, start)]


def found(objects: list[tuple[str, list[float]]], token: str = "<OD>", **more) -> Result:
    detections = make_detections([label for label, _ in objects], [box for _, box in objects], **more)
    return Result(get_task(token), token, SIZE, detections=detections)


def said(text: str, token: str = "<CAPTION>") -> Result:
    return Result(get_task(token), token, SIZE, text)


def verdict(left: Result, right: Result, names: tuple[str, str] = NAMES) -> str:
    return str(conclude(left, right, compare(left, right), names))


SHARED = boxes("dog", "cat", "tree")


@pytest.mark.parametrize(
    ("left", "right", "sentence"),
    [
        pytest.param(
            found(SHARED + boxes("person", "hat", "hat", "person", "hat", "hat", "person", start=3)), found(SHARED),
            "base finds 7 more: 4 hat, 3 person.", id="one-side-finds-more",
        ),
        pytest.param(
            found(SHARED), found(SHARED + boxes("mirror", "engine", "can", "door", start=3)),
            "large finds 4 more: mirror, engine, can and 1 other.", id="single-ones-go-without-a-number",
        ),
        pytest.param(
            found(SHARED), found(SHARED + boxes("mirror", start=3)), "large finds 1 more: 1 mirror.", id="one-more",
        ),
        pytest.param(
            found(SHARED + boxes("hat", start=3)), found(SHARED + boxes("can", "can", start=4)),
            "large finds 1 more: only base: 1 hat; only large: 2 can.", id="either-has-what-the-other-lacks",
        ),
        pytest.param(
            found(SHARED + boxes("hat", start=3)), found(SHARED + boxes("can", start=4)),
            "Both find 4, not the same: only base: 1 hat; only large: 1 can.", id="as-many-but-others",
        ),
        pytest.param(
            found(SHARED + boxes("hat", start=3)), found(SHARED + boxes("hat", start=9)),
            "Both find the same, but in other places: 1 hat.", id="same-names-elsewhere",
        ),
        pytest.param(
            found(boxes("dog", "seat")), found(boxes("dog", "saddle")),
            "Only the names differ: seat or saddle.", id="only-a-name-differs",
        ),
        pytest.param(
            found(SHARED + boxes("jacket", start=3)), found(SHARED + boxes("backpack", "can", start=3)),
            "large finds 1 more: 1 can; 1 under another name, jacket or backpack.", id="one-more-and-another-name",
        ),
        pytest.param(
            found(boxes(*"abcde")), found(boxes(*"vwxyz")),
            "Only the names differ: a or v, b or w, c or x and 2 others.", id="many-names-differ",
        ),
        pytest.param(
            found(SHARED), found(SHARED),
            "Same answer: both find the same 3 objects, and the places overlap by 100 %.", id="the-same",
        ),
        pytest.param(found([]), found(SHARED), "Only large finds anything: dog, cat, tree.", id="nothing-on-the-left"),
        pytest.param(found(SHARED), found([]), "Only base finds anything: dog, cat, tree.", id="nothing-on-the-right"),
        pytest.param(found([]), found([]), "Neither finds anything.", id="nothing-at-all"),
        pytest.param(
            found([]), found(boxes("", "", ""), "<OD>"),
            "Only large finds anything: 3 without a name.", id="regions-have-no-names",
        ),
    ],
)  # fmt: skip
def test_objects(left: Result, right: Result, sentence: str) -> None:
    assert verdict(left, right) == sentence


@pytest.mark.parametrize(
    ("left", "right", "sentence"),
    [
        pytest.param("a red car", "a  red car", "Same answer: both write the same 3 words.", id="same-words"),
        pytest.param("a red car", "a blue car", "Both write 3 words: 2 of them the same.", id="as-many"),
        pytest.param(
            "a car", "a red car by a wall", "large writes 4 more words: 6 against 2, 2 of them the same.", id="more",
        ),
        pytest.param("", "a car", "Only large answers: 2 words.", id="only-one-answers"),
        pytest.param("", " ", "Neither finds anything.", id="neither-answers"),
    ],
)  # fmt: skip
def test_texts(left: str, right: str, sentence: str) -> None:
    assert verdict(said(left), said(right)) == sentence


def test_words_about_a_region_are_a_text_and_not_an_object() -> None:
    token = "<REGION_TO_DESCRIPTION>"
    left, right = (
        Result(get_task(token), token, SIZE, words, found(boxes(words)).detections) for words in ("a dog", "a cat")
    )
    assert verdict(left, right) == "Both write 2 words: 1 of them the same."


@pytest.mark.parametrize(
    ("left", "right", "sentence"),
    [
        pytest.param(
            found(boxes("dog", "cat")), found(boxes("a brown dog", "a cat", "a lamp"), "<DENSE_REGION_CAPTION>"),
            "two finds 1 more object: 3 against 2, 2 in the same places.", id="one-more-object",
        ),
        pytest.param(
            found(boxes("dog", "cat", "cow")), found(boxes("a dog"), "<DENSE_REGION_CAPTION>"),
            "one finds 2 more objects: 3 against 1, 1 in the same places.", id="more-objects-on-the-left",
        ),
        pytest.param(
            found(boxes("dog", "cat")), found(boxes("a dog", "a cat"), "<DENSE_REGION_CAPTION>"),
            "Both find 2 objects in the same places.", id="the-same-places",
        ),
        pytest.param(
            found(boxes("dog")), found(boxes("a dog"), "<DENSE_REGION_CAPTION>"),
            "Both find 1 object in the same place.", id="the-same-place",
        ),
        pytest.param(
            found(boxes("dog", "cat")),
            found(boxes("a dog", start=1) + boxes("a cow", start=9), "<DENSE_REGION_CAPTION>"),
            "Both find 2 objects: 1 of them in the same place.", id="as-many-one-shared",
        ),
        pytest.param(
            found(boxes("dog")), found(boxes("a dog", start=5), "<DENSE_REGION_CAPTION>"),
            "Both find 1 object, but in other places.", id="as-many-elsewhere",
        ),
        pytest.param(
            found(boxes("dog")), found([], "<DENSE_REGION_CAPTION>"),
            "Different tasks: one finds 1 object, two finds nothing.", id="only-one-finds-anything",
        ),
        pytest.param(
            said("a dog"), found(boxes("dog")),
            "Different tasks: one writes 2 words, two finds 1 object.", id="words-and-objects",
        ),
        pytest.param(
            found([]), said(""), "Different tasks: one finds nothing, two finds nothing.", id="nothing-either-way",
        ),
    ],
)  # fmt: skip
def test_different_tasks(left: Result, right: Result, sentence: str) -> None:
    assert verdict(left, right, ("one", "two")) == sentence


def test_a_long_label_does_not_fill_the_sentence() -> None:
    words = verdict(found([]), found(boxes("word " * 50)))
    assert words == f"Only large finds anything: 1 {('word ' * 50)[: MAX_LABEL - 1]}….", "one line, cut"
    assert "\n" not in verdict(found([]), found(boxes("two\nlines")))


def test_lines_of_text_are_compared_in_reading_places() -> None:
    quads = [np.reshape([0, 0, 50, 0, 50, 10, 0, 10], (4, 2))]
    left, right = (
        found([(words, [0.0, 0.0, 50.0, 10.0])], "<OCR_WITH_REGION>", quads=quads) for words in ("Hello", "Helo")
    )
    assert verdict(left, right) == "Only the names differ: Hello or Helo."
