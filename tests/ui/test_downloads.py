"""Which files are offered for an answer."""

import gradio as gr
import pytest
from workbench import BOXES

from florence_ui.exports.formats import FORMATS
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task
from florence_ui.ui.downloads import offer

SQUARE = [[0, 0], [9, 0], [9, 9]]
NOTHING = Result(get_task("<OD>"), "<OD>", (600, 300))
BOX = Result(NOTHING.task, "<OD>", NOTHING.size, detections=make_detections(["car"], BOXES[:1]))
OUTLINE = Result(
    NOTHING.task, "<OD>", NOTHING.size, detections=make_detections(["car"], BOXES[:1], polygons=[[SQUARE]])
)
DATASETS = ["YOLO (no objects)", "COCO (no objects)", "Pascal VOC (no objects)"]


@pytest.mark.parametrize(
    ("results", "off"),
    [
        pytest.param([OUTLINE], [], id="outlines"),
        pytest.param([BOX], ["Masks (no polygons)"], id="boxes"),
        pytest.param([NOTHING], ["Masks (no polygons)", *DATASETS], id="nothing"),
        pytest.param([NOTHING, OUTLINE], [], id="one-of-many-is-enough"),
    ],
)
def test_a_file_that_would_be_empty_is_not_offered_and_says_why(results: list[Result], off: list[str]) -> None:
    with gr.Blocks():
        buttons = {name: gr.Button(kind.title) for name, kind in FORMATS.items()}
    updates = offer(buttons, results)
    assert [change["value"] for change in updates.values() if not change["interactive"]] == off
    on = [change["value"] for change in updates.values() if change["interactive"]]
    assert on == [kind.title for kind in FORMATS.values() if not any(words.startswith(kind.title) for words in off)]
