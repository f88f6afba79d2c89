"""Several classes in three ways: the prompts, and the merged answers."""

import pytest
from workbench import NONSENSE, answering, picture_in, request_about, workbench

from florence_ui.errors import AnswerError, PromptError
from florence_ui.inference.per_class import NO_ANSWER, find_classes, not_found
from florence_ui.inference.request import Strategy
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task

pytestmark = pytest.mark.anyio

OVD = "<OPEN_VOCABULARY_DETECTION>"
BOX, OTHER = [10, 10, 50, 50], [60, 60, 90, 90]


def one(box, label: str) -> dict:
    return {"bboxes": [box], "bboxes_labels": [label], "polygons": [], "polygons_labels": []}


async def search(pipeline, tmp_path, classes, strategy):
    request = request_about(picture_in(tmp_path), OVD, classes=tuple(classes), strategy=strategy)
    return [p async for p in find_classes(pipeline.analyze, request)]


async def test_one_call_a_class_merges_the_answers_in_the_classes_order(tmp_path):
    answers = answering({f"{OVD}dog": one(BOX, "dog"), f"{OVD}cat": one(OTHER, "")})
    with workbench(answer=answers) as (backend, pipeline):
        progress = await search(pipeline, tmp_path, ["dog", "cat", "dog"], Strategy.EACH)
    assert sorted(call.prompt for call in backend.calls) == [f"{OVD}cat", f"{OVD}dog"]
    assert [p.done for p in progress] == [1, 2]
    assert progress[-1].result.labels == ["dog", "cat"], "an object without a name has its class's"
    assert progress[-1].result.detections.xyxy.tolist() == [BOX, OTHER]
    assert progress[-1].result.prompt == f"{OVD}dog<and>cat"


@pytest.mark.parametrize(
    ("strategy", "prompt"),
    [
        pytest.param(Strategy.TOGETHER, f"{OVD}dog<and>cat<and>red car", id="together"),
        pytest.param(Strategy.SENTENCE, "<CAPTION_TO_PHRASE_GROUNDING>dog, cat and red car", id="sentence"),
    ],
)
async def test_one_prompt_is_one_call(tmp_path, strategy, prompt):
    with workbench() as (backend, pipeline):
        progress = await search(pipeline, tmp_path, ["dog", " cat ", "red  car"], strategy)
    assert [call.prompt for call in backend.calls] == [prompt]
    assert [(p.done, p.total) for p in progress] == [(1, 1)]
    assert progress[0].result.prompt == prompt


async def test_a_class_that_fails_is_marked_and_the_others_stay(tmp_path):
    answers = answering({f"{OVD}dog": NONSENSE, f"{OVD}cat": one(OTHER, "cat")})
    with workbench(answer=answers) as (_, pipeline):
        progress = await search(pipeline, tmp_path, ["dog", "cat"], Strategy.EACH)
    assert progress[-1].failed == 1
    assert progress[-1].result.labels == ["cat"]
    assert progress[-1].result.warnings[0].startswith("No answer for dog: ")


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_when_every_call_fails_the_reason_is_raised(tmp_path, strategy):
    with (
        workbench(answer=answering({OVD: NONSENSE, "<CAPTION_TO_PHRASE_GROUNDING>": NONSENSE})) as (_, pipeline),
        pytest.raises(AnswerError),
    ):
        await search(pipeline, tmp_path, ["dog", "cat"], strategy)


@pytest.mark.parametrize("classes", [[], [" ", ""], ["<OD>"], ["x" * 2000]], ids=["none", "blank", "token", "long"])
@pytest.mark.parametrize("strategy", list(Strategy))
async def test_classes_that_cannot_be_used_are_refused_before_any_call(tmp_path, classes, strategy):
    with workbench() as (backend, pipeline):
        with pytest.raises(PromptError):
            await search(pipeline, tmp_path, classes, strategy)
        assert backend.count == 0


async def test_a_nameless_box_with_swapped_corners_keeps_that_mark_with_its_classs_name(tmp_path):
    answers = answering({f"{OVD}dog": one([50, 50, 10, 10], ""), f"{OVD}cat": one(OTHER, "cat")})
    with workbench(answer=answers) as (_, pipeline):
        result = (await search(pipeline, tmp_path, ["dog", "cat"], Strategy.EACH))[-1].result
    assert result.labels == ["dog", "cat"]
    assert result.inverted.tolist() == [True, False]


@pytest.mark.parametrize(
    ("labels", "warnings", "missing"),
    [
        pytest.param(["dog", "dog"], (), ["cat"], id="one-of-two"),
        pytest.param(["A Dog", "cat"], (), [], id="in-other-letters-and-words"),
        pytest.param([], (), [], id="nothing-at-all"),
        pytest.param(["dog", ""], (), [], id="an-object-without-a-label"),
        pytest.param(["dog"], (f"{NO_ANSWER}cat: It failed.",), [], id="a-call-that-failed"),
    ],
)
async def test_what_was_not_found_is_known_by_the_labels(labels, warnings, missing):
    detections = make_detections(labels, [BOX] * len(labels))
    result = Result(get_task(OVD), OVD, (100, 100), detections=detections, warnings=warnings)
    assert not_found(["dog", "cat"], result) == missing
