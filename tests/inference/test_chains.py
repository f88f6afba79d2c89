"""Chains: each step builds on the previous one, reports its time and can be opened, without unnecessary calls."""

import asyncio

import pytest
from workbench import BOXES, NONSENSE, answering, picture_in, request_about, workbench

from florence_ui.errors import FlorenceUIError
from florence_ui.inference.chains import CHAINS, StepState, phrase_of, run_chain
from florence_ui.inference.request import Analysis
from florence_ui.prompts import MAX_TEXT
from florence_ui.results.result import Result
from florence_ui.tasks import get_task

pytestmark = pytest.mark.anyio

GROUND = "<CAPTION_TO_PHRASE_GROUNDING>"


async def go(pipeline, folder, name):
    template = request_about(picture_in(folder))
    return [report async for report in run_chain(CHAINS[name], pipeline.analyze, template)]


def ends(reports):
    """Every step's last report."""
    return list({report.number: report for report in reports}.values())


@pytest.mark.parametrize(
    ("name", "token", "caption"),
    [
        pytest.param("caption-ground", "<CAPTION>", "A red car next to a person.", id="brief"),
        pytest.param(
            "detailed-ground",
            "<DETAILED_CAPTION>",
            "The image shows a red car and a person next to a street sign.",
            id="detailed",
        ),
        pytest.param(
            "long-ground",
            "<MORE_DETAILED_CAPTION>",
            "The image shows a red car on the left. A person stands on the right. A sign says STOP.",
            id="long",
        ),
    ],
)
async def test_a_caption_is_grounded_by_its_own_words(tmp_path, name, token, caption):
    with workbench() as (backend, pipeline):
        caption_end, ground_end = ends(await go(pipeline, tmp_path, name))
    assert [call.prompt for call in backend.calls] == [token, GROUND + caption]
    assert caption_end.analysis.result.text == caption
    assert len(ground_end.analysis.result.detections) == 1
    assert caption_end.state is ground_end.state is StepState.DONE
    assert caption_end.seconds > 0


@pytest.mark.parametrize(
    ("name", "token"),
    [("detect-segment", "<REGION_TO_SEGMENTATION>"), ("detect-describe", "<REGION_TO_DESCRIPTION>")],
    ids=["segment", "describe"],
)
async def test_every_found_object_is_asked_about(tmp_path, name, token):
    with workbench() as (backend, pipeline):
        reports = await go(pipeline, tmp_path, name)
    assert [call.prompt[: len(token)] for call in backend.calls] == ["<OD>", token, token, token]
    found, each = ends(reports)
    assert found.analysis.result.labels == ["car", "person", "wheel"], "the first step can still be opened"
    assert each.analysis.result.detections.xyxy.tolist() == BOXES
    assert each.detail == "3 of 3."
    if name == "detect-segment":
        assert all(each.analysis.result.polygons)
    else:
        assert each.analysis.result.labels[0] == "car: a red car"


async def test_read_text_is_put_in_order_without_another_call(tmp_path):
    def line(y):
        return [10, y, 90, y, 90, y + 10, 10, y + 10]

    answers = answering(
        {"<OCR_WITH_REGION>": {"quad_boxes": [line(50), line(10), line(30)], "labels": ["c", "a", "b"]}}
    )
    with workbench(answer=answers) as (backend, pipeline):
        read, ordered = ends(await go(pipeline, tmp_path, "read-order"))
    assert backend.count == 1
    assert read.analysis.result.labels == ["c", "a", "b"]
    assert ordered.analysis.result.text == "a\nb\nc"
    assert ordered.analysis.result.labels == ["a", "b", "c"]


async def test_steps_are_told_as_they_start_go_on_and_end(tmp_path):
    with workbench() as (_, pipeline):
        reports = await go(pipeline, tmp_path, "detect-describe")
    states = [(r.number, r.state.value, r.detail) for r in reports]
    assert states[:3] == [(0, "running", ""), (0, "done", "3 found."), (1, "running", "")]
    assert [detail for _, _, detail in states[3:]] == ["1 of 3.", "2 of 3.", "3 of 3."]


async def test_a_failed_step_ends_the_chain_and_keeps_what_came_before(tmp_path):
    with workbench(answer=answering({GROUND: NONSENSE})) as (_, pipeline):
        caption, ground = ends(await go(pipeline, tmp_path, "caption-ground"))
    assert caption.state is StepState.DONE
    assert ground.state is StepState.FAILED
    assert "answer" in ground.detail
    assert ground.analysis is None


async def test_one_failed_object_does_not_fail_its_step(tmp_path):
    answers = answering({"<REGION_TO_SEGMENTATION><loc_500><loc_200><loc_700><loc_900>": NONSENSE})
    with workbench(answer=answers) as (_, pipeline):
        _, each = ends(await go(pipeline, tmp_path, "detect-segment"))
    assert each.state is StepState.DONE
    assert each.detail == "3 of 3, 1 failed."
    assert each.analysis.result.labels == ["car", "person (no answer)", "wheel"]


async def test_when_every_object_fails_the_step_fails(tmp_path):
    with workbench(answer=answering({"<REGION_TO_SEGMENTATION>": NONSENSE})) as (_, pipeline):
        _, each = ends(await go(pipeline, tmp_path, "detect-segment"))
    assert each.state is StepState.FAILED


async def test_nothing_found_ends_well_with_nothing_asked(tmp_path):
    with workbench(answer=answering({"<OD>": {"bboxes": [], "labels": []}})) as (backend, pipeline):
        _, each = ends(await go(pipeline, tmp_path, "detect-describe"))
    assert backend.count == 1
    assert (each.state, each.detail) == (StepState.DONE, "There was no object to ask about.")


async def test_a_silent_caption_cannot_be_grounded(tmp_path):
    with workbench(answer=answering({"<CAPTION>": " "})) as (backend, pipeline):
        _, ground = ends(await go(pipeline, tmp_path, "caption-ground"))
    assert backend.count == 1
    assert ground.state is StepState.FAILED


async def test_stop_ends_a_chain_in_the_middle(tmp_path):
    with workbench(delay=0.05, parallel=1) as (backend, pipeline):
        stream = run_chain(
            CHAINS["detect-describe"], pipeline.analyze, request_about(picture_in(tmp_path)), max_concurrency=3
        )
        async for report in stream:
            if report.detail == "1 of 3.":
                break
        await stream.aclose()
        await asyncio.to_thread(backend.wait_for, lambda b: b.running == 0)
        counted = backend.count
        await asyncio.sleep(0.15)
        assert backend.count == counted


def analysis_saying(text: str) -> Analysis:
    return Analysis(Result(get_task("<CAPTION>"), "<CAPTION>", (9, 9), text), "m", "local", "here", 0.0, picture=None)


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        pytest.param(" a\n dog ", "a dog", id="blanks"),
        pytest.param("a <b>dog</b>", "a b dog /b", id="the-models-own-marks"),
        pytest.param("word " * 400, ("word " * 200).strip(), id="too-long"),
        pytest.param("x" * 2000, "x" * MAX_TEXT, id="one-long-word"),
    ],
)
async def test_any_caption_becomes_a_phrase_that_the_model_takes(text, phrase):
    assert phrase_of(analysis_saying(text)) == phrase


async def test_no_words_are_no_phrase():
    with pytest.raises(FlorenceUIError, match="no words"):
        phrase_of(analysis_saying("<>"))
