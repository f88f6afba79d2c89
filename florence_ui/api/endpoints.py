"""The page's features for programs and agents: named endpoints with named fields, all with defaults.

    client = gradio_client.Client("http://127.0.0.1:7860")
    picture, answer = client.predict(handle_file("dog.jpg"), "<OD>", api_name="/analyse")

A file that a program names is accepted only if it was uploaded to this app; see `upload_path`. Where
the `mcp` package is installed, the endpoints are also tools for agents: Gradio builds their descriptions from the
docstrings, one line per field.
"""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradio.data_classes import FileData

from florence_ui.api import jobs, many
from florence_ui.api.registration import QUESTION, Endpoints
from florence_ui.api.values import (
    CHAIN_NAMES,
    choice,
    file_data,
    picture_of,
    report_status,
    status_to_program,
    template_of,
)
from florence_ui.errors import FlorenceUIError
from florence_ui.exports.records import analysis_record
from florence_ui.inference.chains import CHAINS, Chain, StepReport, StepState, run_chain
from florence_ui.inference.drawing import draw, draw_comparison
from florence_ui.inference.request import Analysis, Request
from florence_ui.results import compare as comparing
from florence_ui.results.compare import LEFT, RIGHT
from florence_ui.visitors.jobs import report_progress
from florence_ui.visitors.multi_call import ask_sides, max_concurrency, retry_when_rate_limited
from florence_ui.visitors.service import Services

Sides = Mapping[str, Analysis | FlorenceUIError]
"""The outcomes of the two questions of a comparison."""

endpoints = Endpoints()


def add_endpoints(services: Services) -> None:
    """Add all endpoints to the open `gr.Blocks`."""
    for some in (endpoints, many.endpoints, jobs.endpoints):
        some.register(services)


def describe_endpoints(named: Mapping[str, Any]) -> None:
    """Write what the table of fields says into Gradio's descriptions of the endpoints.

    Args:
        named: The descriptions, as `gr.Blocks.get_api_info` has them under `named_endpoints`.
    """
    for endpoint in (*endpoints, *many.endpoints, *jobs.endpoints):
        if info := named.get(f"/{endpoint.name}"):
            endpoint.describe(info["parameters"])


@endpoints.add("image", *QUESTION, "image_url")
async def analyse(
    services: Services, image: object, image_url: object, **question: object
) -> tuple[FileData | None, dict[str, Any]]:
    """Look at a picture with Florence-2: caption it, find, segment or read what is in it.

    Tasks for the whole picture: <CAPTION>, <DETAILED_CAPTION>, <MORE_DETAILED_CAPTION> (one sentence to a
    paragraph), <OD> (objects with boxes), <DENSE_REGION_CAPTION> (boxes with descriptions), <REGION_PROPOSAL>
    (boxes without names), <OCR> (text), <OCR_WITH_REGION> (lines of text and where they are).
    Tasks that need text: <CAPTION_TO_PHRASE_GROUNDING> (a box for everything the text mentions),
    <REFERRING_EXPRESSION_SEGMENTATION> (an outline of what the text describes).
    The task that needs classes: <OPEN_VOCABULARY_DETECTION>.
    Tasks that need region: <REGION_TO_CATEGORY>, <REGION_TO_DESCRIPTION>, <REGION_TO_SEGMENTATION>,
    <REGION_TO_OCR>.

    Returns:
        The picture with the answer drawn on it, at its own size.
        The answer: its text, and its detections with places in pixels of the upright original.
    """
    template = template_of(services, question)
    async with services.admit(template, report_status) as ask:  # open the picture only once there is a slot
        analysis = await ask(template.about(await picture_of(services, image, image_url)))
    return file_data(await draw(analysis, full=True)), analysis_record(analysis)


@endpoints.add(
    "image", "task", "text", "classes", "region", "left_model_id", "left_backend", "right_model_id", "right_backend",
    "api_key", "image_url",
)  # fmt: skip
async def compare(
    services: Services,
    image: object,
    image_url: object,
    left_model_id: object,
    left_backend: object,
    right_model_id: object,
    right_backend: object,
    **question: object,
) -> tuple[FileData | None, dict[str, Any]]:
    """Ask two Florence-2 models the same about one picture, and see what both found and what only one did.

    Objects are the same where their labels are equal and their boxes overlap by half or more (IoU 0.5). If one
    side fails, the other's answer is given all the same, with the reason in the failed one's place.

    Returns:
        One picture of what both, only the left and only the right found; nothing where there are no boxes.
        Both answers (left, right), and where both answered: summary, objects (found_by both, left or right), texts.
    """
    left = template_of(services, question | {"model_id": left_model_id, "backend": left_backend}, "left_")
    right = template_of(services, question | {"model_id": right_model_id, "backend": right_backend}, "right_")
    async with services.admit_when_free(left, status_to_program()):
        picture = await picture_of(services, image, image_url)
    sides = await _both(services, {LEFT: left.about(picture), RIGHT: right.about(picture)})
    return file_data(await _comparison_picture(sides)), _comparison_record(sides)


async def _both(services: Services, requests: Mapping[str, Request]) -> Sides:
    """Both answers, with the error in place of one that fails.

    Raises:
        FlorenceUIError: If both fail: the left one's error.
    """
    tell, sides = status_to_program(), dict[str, Analysis | FlorenceUIError]()
    async with contextlib.aclosing(ask_sides(services, requests)) as heard:
        async for name, said in heard:
            if isinstance(said, str):
                tell(said)
                continue
            sides[name] = said
            report_progress(len(sides), len(requests), f"{len(sides)} of {len(requests)} models.")
    if isinstance(left := sides[LEFT], FlorenceUIError) and isinstance(sides[RIGHT], FlorenceUIError):
        raise left
    return sides


def _comparison_record(sides: Sides) -> dict[str, Any]:
    """Both answers, or the reasons for their failure, and, if both succeeded, what they have in common."""
    record: dict[str, Any] = {
        name: analysis_record(side) if isinstance(side := sides[name], Analysis) else {"error": str(side)}
        for name in (LEFT, RIGHT)
    }
    answered = [side.result for side in (sides[LEFT], sides[RIGHT]) if isinstance(side, Analysis)]
    return record | (comparing.comparison_record(*answered) if len(answered) == 2 else {})


async def _comparison_picture(sides: Sides) -> Path | None:
    """A drawing of who found what; None if a side failed or there is nothing to draw."""
    left, right = sides[LEFT], sides[RIGHT]
    if not isinstance(left, Analysis) or not isinstance(right, Analysis):
        return None
    if not len(left.result.detections) and not len(right.result.detections):
        return None
    comparison = comparing.compare(left.result, right.result)
    found = comparing.map_found_by(left.result, right.result, comparison)
    return await draw_comparison(left.picture, found, full=True)


@endpoints.add("image", "chain", "model_id", "backend", "api_key", "image_url")
async def chain(
    services: Services, image: object, image_url: object, chain: object, **question: object
) -> tuple[FileData | None, dict[str, Any]]:
    """Ask Florence-2 several questions about a picture in a row, each one building on the answer before it.

    Chains: caption-ground, detailed-ground, long-ground (a caption, then a box for everything it mentions),
    detect-segment (every object with its outline), detect-describe (every object with a description),
    read-order (the picture's text line by line, column by column). A chain ends with the first step that fails;
    what came before is given all the same.

    Returns:
        The picture with the last answer drawn on it, at its own size.
        The chain's steps: title, state (done or failed), seconds, detail in words, and answer.
    """
    wanted = CHAINS[choice(chain, "chain", CHAIN_NAMES)]
    template = template_of(services, {"task": "<CAPTION>", **question})
    async with services.admit_when_free(template, status_to_program()):
        request = template.about(await picture_of(services, image, image_url))
    reports = await _steps(services, wanted, request)
    last = [report.analysis for report in reports if report.analysis][-1]
    return file_data(await draw(last, full=True)), _chain_record(wanted, reports)


async def _steps(services: Services, chain: Chain, request: Request) -> list[StepReport]:
    """The last report of every step that started.

    Raises:
        FlorenceUIError: If the very first step fails.
    """
    reports: dict[int, StepReport] = {}
    ask, calls = retry_when_rate_limited(services, status_to_program()), max_concurrency(services, request)
    async with contextlib.aclosing(run_chain(chain, ask, request, max_concurrency=calls)) as going:
        async for each in going:
            reports[each.number] = each
            title = chain.steps[each.number].title
            report_progress(each.number, len(chain.steps), f"{title}: {each.detail or each.state}")
    if reports[0].state is StepState.FAILED:
        raise FlorenceUIError(reports[0].detail)
    return list(reports.values())


def _chain_record(chain: Chain, reports: Sequence[StepReport]) -> dict[str, Any]:
    """The outcome of each step that started."""
    return {
        "title": chain.title,
        "steps": [
            {
                "title": chain.steps[report.number].title,
                "state": report.state.value,
                "seconds": round(report.seconds, 3),
                "detail": report.detail,
                "answer": analysis_record(report.analysis) if report.analysis else None,
            }
            for report in reports
        ],
    }
