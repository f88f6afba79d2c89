"""Questions about found objects: the right prompts, merged answers, one failure among successes, Stop."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image
from workbench import BOXES, NONSENSE, answering, picture_in, request_about, workbench

from florence_ui.errors import InputError
from florence_ui.images.loading import open_picture
from florence_ui.inference.per_object import Action, ask_about_objects, crop_box, region_of_box
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task

pytestmark = pytest.mark.anyio

SIZE = (600, 300)
LABELS = ["car", "person", "wheel"]
LOCATIONS = ["<loc_50><loc_100><loc_400><loc_600>", "<loc_500><loc_200><loc_700><loc_900>",
             "<loc_720><loc_210><loc_900><loc_910>"]  # fmt: skip


@pytest.fixture
def found() -> Result:
    return Result(get_task("<OD>"), "<OD>", SIZE, detections=make_detections(LABELS, BOXES))


async def last(stream):
    """The last of what a stream yields."""
    return [item async for item in stream][-1]


@pytest.mark.parametrize(
    ("action", "token", "labels"),
    [
        pytest.param(
            Action.DESCRIBE,
            "<REGION_TO_DESCRIPTION>",
            ["car: a red car", "person: a red car", "wheel: a red car"],
            id="describe",
        ),
        pytest.param(Action.NAME, "<REGION_TO_CATEGORY>", ["car: car", "person: car", "wheel: car"], id="name"),
        pytest.param(Action.READ, "<REGION_TO_OCR>", ["car: STOP", "person: STOP", "wheel: STOP"], id="read"),
        pytest.param(Action.SEGMENT, "<REGION_TO_SEGMENTATION>", LABELS, id="segment"),
    ],
)
async def test_each_object_is_asked_about_by_its_own_region(tmp_path, found, action, token, labels):
    with workbench() as (backend, pipeline):
        template = request_about(picture_in(tmp_path))
        progress = await last(ask_about_objects(pipeline.analyze, template, found, [0, 1, 2], action))
    assert sorted(call.prompt for call in backend.calls) == sorted(token + place for place in LOCATIONS)
    assert progress.result.labels == labels
    assert (progress.done, progress.failed, progress.total) == (3, 0, 3)
    assert all(progress.result.polygons) == (action is Action.SEGMENT)


async def test_one_object_is_one_call_and_a_progress_is_told_for_each(tmp_path, found):
    with workbench() as (backend, pipeline):
        template = request_about(picture_in(tmp_path))
        await last(ask_about_objects(pipeline.analyze, template, found, [1], Action.DESCRIBE))
        assert backend.count == 1
        told = [
            p.done
            async for p in ask_about_objects(
                pipeline.analyze, template, found, [0, 1, 2], Action.DESCRIBE, max_concurrency=2
            )
        ]
        assert told == [1, 2, 3]
        assert backend.count == 3, "what was asked before is remembered"
        assert backend.peak <= 2


async def test_a_failed_object_is_marked_and_the_rest_stays(tmp_path, found):
    answers = answering({f"<REGION_TO_DESCRIPTION>{LOCATIONS[1]}": NONSENSE})
    with workbench(answer=answers) as (_, pipeline):
        template = request_about(picture_in(tmp_path))
        progress = await last(ask_about_objects(pipeline.analyze, template, found, [0, 1, 2], Action.DESCRIBE))
    assert progress.failed == 1
    assert progress.result.labels == ["car: a red car", "person (no answer)", "wheel: a red car"]
    assert progress.result.warnings[0].startswith("Object 2 (person) has no answer: ")


async def test_stop_ends_the_calls_and_keeps_what_came(tmp_path, found):
    with workbench(delay=0.05, parallel=1) as (backend, pipeline):
        template = request_about(picture_in(tmp_path))
        stream = ask_about_objects(pipeline.analyze, template, found, [0, 1, 2], Action.DESCRIBE, max_concurrency=3)
        first = await anext(stream)
        await stream.aclose()
        await asyncio.to_thread(backend.wait_for, lambda b: b.running == 0)
    assert first.done == 1
    assert sum(": a red car" in label for label in first.result.labels) == 1


async def test_reading_a_cut_out_object_puts_the_lines_back_in_their_place(tmp_path, found):
    quad = [0.25, 0.5, 0.75, 0.5, 0.75, 1.0, 0.25, 1.0]

    def answer(prompt, size):
        return {"<OCR_WITH_REGION>": {"quad_boxes": [[q * size[i % 2] for i, q in enumerate(quad)]], "labels": ["GO"]}}

    with workbench(answer=answer) as (backend, pipeline):
        template = request_about(picture_in(tmp_path))
        progress = await last(ask_about_objects(pipeline.analyze, template, found, [1], Action.READ_CROP))
    x1, y1, x2, y2 = crop_box(BOXES[1], SIZE)
    assert backend.calls[0].image_size == (x2 - x1, y2 - y1)
    assert backend.calls[0].prompt == "<OCR_WITH_REGION>"
    expected = [[x1 + (x2 - x1) * quad[i], y1 + (y2 - y1) * quad[i + 1]] for i in range(0, 8, 2)]
    assert progress.result.quads[0] == pytest.approx(np.array(expected), abs=0.01)
    assert progress.result.size == SIZE
    assert progress.result.labels == ["GO"]
    assert progress.result.text == "person: GO"


async def test_the_cut_out_part_shows_the_object_itself(tmp_path, found):
    """Its pixels are those of the box: red in a teal picture."""
    image = Image.new("RGB", SIZE, "teal")
    image.paste("red", tuple(BOXES[0]))
    image.save(tmp_path / "red.png")
    with workbench() as (backend, pipeline):
        template = request_about(open_picture(tmp_path / "red.png"))
        await last(ask_about_objects(pipeline.analyze, template, found, [0], Action.READ_CROP))
    sent = Image.open(io.BytesIO(backend.calls[0].image))
    middle = sent.getpixel((sent.width // 2, sent.height // 2))
    assert middle[0] > 200
    assert middle[1] < 60


@pytest.mark.parametrize("indices", [[], [3], [-1]], ids=["none", "beyond", "negative"])
async def test_an_object_that_is_not_there_is_refused_before_any_call(tmp_path, found, indices):
    with workbench() as (backend, pipeline):
        with pytest.raises(InputError, match="no such object"):
            await last(
                ask_about_objects(pipeline.analyze, request_about(picture_in(tmp_path)), found, indices, Action.NAME)
            )
        assert backend.count == 0


@pytest.mark.parametrize(
    ("box", "region"),
    [
        pytest.param((150, 75, 300, 150), (0.25, 0.25, 0.5, 0.5), id="inside"),
        pytest.param((-5, -5, 605, 305), (0, 0, 1, 1), id="a-little-outside"),
    ],
)
async def test_a_box_becomes_a_region_of_the_picture(box, region):
    assert region_of_box(box, SIZE) == region


async def test_a_cut_has_a_margin_but_stays_in_the_picture():
    assert crop_box((100, 100, 200, 150), SIZE) == (96, 96, 204, 154)
    assert crop_box((0, 0, 600, 300), SIZE) == (0, 0, 600, 300)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        pytest.param((0.2, 0.2, 0.4, 0.4), (0, 0, 1, 1), id="within-a-pixel"),
        pytest.param((46.9, 30.9, 47.1, 31.1), (46, 30, 48, 32), id="around-a-corner"),
        pytest.param((-5, -5, 900, 900), (0, 0, *SIZE), id="beyond-every-side"),
        pytest.param((1, 2, 4, 3), (1, 2, 4, 3), id="whole-pixels"),
    ],
)
async def test_a_cut_covers_every_pixel_that_its_box_touches(box, expected):
    assert crop_box(box, SIZE, margin=0) == expected
