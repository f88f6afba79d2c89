"""Questions about one place of a picture."""

from pathlib import Path

import numpy as np
import pytest
from workbench import picture_in, request_about, workbench

from florence_ui.inference.per_place import Tool, ask_about_place, outline_object
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task

pytestmark = pytest.mark.anyio

REGION = (0.1, 0.2, 0.5, 0.8)


@pytest.mark.parametrize(
    ("tool", "prompt", "words"),
    [
        (Tool.DESCRIBE, "<REGION_TO_DESCRIPTION><loc_100><loc_200><loc_500><loc_800>", "a red car"),
        (Tool.NAME, "<REGION_TO_CATEGORY><loc_100><loc_200><loc_500><loc_800>", "car"),
        (Tool.READ, "<OCR>", "STOP MAIN ST"),
    ],
    ids=str,
)
async def test_each_tool_asks_its_own_task(tmp_path: Path, tool: Tool, prompt: str, words: str) -> None:
    with workbench() as (backend, pipeline):
        answer = await ask_about_place(pipeline.analyze, request_about(picture_in(tmp_path)), REGION, tool)
        assert [call.prompt for call in backend.calls] == [prompt]
        assert answer.result.text == words


async def test_text_is_read_in_a_picture_cut_out_around_the_place(tmp_path: Path) -> None:
    with workbench() as (backend, pipeline):
        picture = picture_in(tmp_path)
        answer = await ask_about_place(pipeline.analyze, request_about(picture), REGION, Tool.READ)
        width, height = backend.calls[0].image_size
        assert (width, height) == (260, 200), "240 x 180 and a margin"
        assert answer.picture is picture


def found(*labels: str) -> Result:
    boxes = [[10 * k, 10, 10 * k + 30, 40] for k in range(len(labels))]
    return Result(get_task("<OD>"), "<OD>", (200, 100), "", make_detections(labels, boxes))


def outline() -> Result:
    square = np.array([[0, 0], [20, 0], [20, 20]])
    detections = make_detections(["thing"], [[0, 0, 20, 20]], polygons=[[square]])
    return Result(get_task("<REGION_TO_SEGMENTATION>"), "", (200, 100), "", detections)


def test_an_outline_takes_the_place_of_an_objects_box() -> None:
    result = outline_object(found("dog", "cat"), 1, outline())
    assert result.labels == ["dog", "cat"]
    assert [len(parts) for parts in result.polygons] == [0, 1]
    assert (result.task.token, result.prompt) == ("<OD>", "<OD>")


def test_an_outline_of_a_region_is_a_further_object() -> None:
    result = outline_object(found("dog", "cat"), None, outline())
    assert result.labels == ["dog", "cat", "thing"]
    assert [len(parts) for parts in result.polygons] == [0, 0, 1]
    assert result.task.token == "<OD>"
