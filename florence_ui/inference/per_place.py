"""Questions about one place of a picture: an object's box, or a region that somebody drew."""

from dataclasses import replace
from enum import StrEnum

from florence_ui.concurrency.fair_pool import decode_pool
from florence_ui.images.loading import crop
from florence_ui.inference.per_object import crop_box
from florence_ui.inference.request import Analysis, Analyze, Request
from florence_ui.prompts import Region
from florence_ui.results.merge import attach_polygons, concatenate
from florence_ui.results.result import Result
from florence_ui.tasks import get_task


class Tool(StrEnum):
    """What can be asked about a place."""

    DESCRIBE = "describe"
    NAME = "name"
    SEGMENT = "segment"
    READ = "read"


TOKENS = {
    Tool.DESCRIBE: "<REGION_TO_DESCRIPTION>",
    Tool.NAME: "<REGION_TO_CATEGORY>",
    Tool.SEGMENT: "<REGION_TO_SEGMENTATION>",
    Tool.READ: "<OCR>",
}
"""The task behind each tool; READ asks about a picture cut out around the place, surer than <REGION_TO_OCR>."""


async def ask_about_place(analyze: Analyze, request: Request, region: Region, tool: Tool) -> Analysis:
    """Ask about a place.

    Args:
        analyze: Ask the model.
        request: The request whose picture, model, backend and key are used.
        region: The place in fractions of the picture.
        tool: What to ask.

    Raises:
        FlorenceUIError: If there is no answer.
    """
    task = get_task(TOKENS[tool])
    if tool is not Tool.READ:
        return await analyze(request.with_task(task, region=region))
    whole = request.picture
    x1, y1, x2, y2 = (part * side for part, side in zip(region, whole.size * 2, strict=True))
    part = await decode_pool.run(crop, whole, crop_box((x1, y1, x2, y2), whole.size))
    answer = await analyze(replace(request.with_task(task), picture=part))
    return replace(answer, picture=whole)


def outline_object(found: Result, row: int | None, outline: Result) -> Result:
    """An answer with an outline that was found for one of its objects, or, without a row, as a further object."""
    if row is not None:
        merged = attach_polygons(found, {row: outline}, outline.task)
        return replace(merged, task=found.task, prompt=found.prompt, text=found.text)
    return replace(found, detections=concatenate([found, outline]), raw=[found.raw, outline.raw])
