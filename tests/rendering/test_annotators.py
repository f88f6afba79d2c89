"""An annotator is one row: it is offered, drawn, kept in a link and written into snippets from there."""

import numpy as np
import pytest
from PIL import Image

from florence_ui.exports.snippets import python_snippet
from florence_ui.rendering.annotate import annotate, suitable_annotators
from florence_ui.rendering.annotators import ANNOTATORS, DEFAULTS, OFFERED, Annotator, Brush, Group, Scene
from florence_ui.rendering.shapes import Shapes
from florence_ui.rendering.style import Style
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import OutputKind, get_task
from florence_ui.ui.explore.answer_view import annotators_update

DOG = Result(get_task("<OD>"), "<OD>", (100, 80), detections=make_detections(["dog"], [[10, 10, 60, 50]]))


def paint_dot(scene: Scene, shapes: Shapes, brush: Brush) -> None:
    x1, y1, x2, y2 = shapes.detections.xyxy[0]
    scene[int(y1 + y2) // 2, int(x1 + x2) // 2] = (1, 2, 3)


@pytest.fixture
def dot(monkeypatch: pytest.MonkeyPatch) -> Annotator:
    annotator = Annotator(
        "dot",
        Group.BOX,
        paint_dot,
        lambda opacity: f"sv.DotAnnotator(palette, radius={opacity})",
        OutputKind.QUADS,
        "mask",
    )
    monkeypatch.setitem(ANNOTATORS, "dot", annotator)
    return annotator


def test_a_new_row_is_offered_drawn_and_kept_in_a_style(dot: Annotator) -> None:
    assert "dot" in suitable_annotators(DOG)
    assert "dot" in annotators_update(DOG, Style())["choices"]
    style = Style(annotators=("dot",), labels=False)
    assert style.annotators == ("dot",)
    drawn = annotate(Image.new("RGB", (100, 80)), DOG, style)
    assert np.argwhere(np.asarray(drawn).any(axis=2)).tolist() == [[30, 35]]
    assert drawn.getpixel((35, 30)) == (3, 2, 1)  # BGR in the scene


def snippet(prompt: str) -> str:
    style = Style(annotators=("dot",), opacity=0.5, labels=False)
    return python_snippet(url="http://127.0.0.1:9001", model_id="florence-2-base", prompt=prompt, style=style)


def test_a_new_row_brings_its_code(dot: Annotator) -> None:
    assert "sv.DotAnnotator(palette, radius=0.5).annotate(annotated, detections)" in snippet("<OCR_WITH_REGION>")


def test_where_its_code_cannot_draw_the_fallback_does_and_the_fallback_of_that(dot: Annotator) -> None:
    assert "sv.MaskAnnotator(palette, opacity=0.5)" in snippet("<REFERRING_EXPRESSION_SEGMENTATION>dog")
    assert "sv.ColorAnnotator(palette, opacity=0.5)" in snippet("<OD>")


@pytest.mark.parametrize("kind", OFFERED)
def test_every_default_is_offered_and_needs_nothing_else(kind: OutputKind) -> None:
    for annotator in (ANNOTATORS[name] for name in DEFAULTS[kind]):
        assert annotator.group in OFFERED[kind]
        assert annotator.needs in (None, kind)


@pytest.mark.parametrize("annotator", ANNOTATORS.values(), ids=ANNOTATORS)
def test_every_chain_of_fallbacks_ends_where_boxes_suffice(annotator: Annotator) -> None:
    for _ in ANNOTATORS:
        if annotator.needs is None:
            return
        annotator = ANNOTATORS[annotator.fallback]
    pytest.fail("the fallbacks go round in a circle")
