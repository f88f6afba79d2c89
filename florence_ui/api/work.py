"""What the endpoints with several calls do: each of them in the visitor's share."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from florence_ui.api.values import Question
from florence_ui.concurrency.bounded import run_bounded
from florence_ui.concurrency.queueing import OnStatus
from florence_ui.errors import BusyError, FlorenceUIError
from florence_ui.exports.records import analysis_record
from florence_ui.identity import Visitor
from florence_ui.images.loading import Picture
from florence_ui.inference.batch import Batch, ItemState, OpenLink
from florence_ui.inference.chains import Chain, StepReport, StepState, run_chain
from florence_ui.inference.pipeline import Analysis, Request, save_jpeg
from florence_ui.results import compare
from florence_ui.results.compare import LEFT, RIGHT
from florence_ui.visitors.jobs import report_progress
from florence_ui.visitors.multi_call import batch_turn, max_concurrency, retry_when_rate_limited
from florence_ui.visitors.quota import MINUTE
from florence_ui.visitors.service import Services, wait_with_countdown

Sides = Mapping[str, Analysis | FlorenceUIError]
"""What became of the two questions of a comparison."""


def program_status() -> OnStatus:
    """Tells the program whose call is handled what it waits for, as a message in the state of its job."""
    last = ""

    def say(words: str) -> None:
        nonlocal last
        if words != last:
            last = words
            if not report_progress(detail=words):
                gr.Info(words)

    return say


async def both(services: Services, requests: Mapping[str, Request], visitor: Visitor) -> Sides:
    """Both answers, asked for at the same time; where one fails, its error.

    Raises:
        FlorenceUIError: If both fail: what the left one says.
    """
    ask, names = retry_when_rate_limited(services, visitor, program_status()), list(requests)
    jobs = [lambda request=request: ask(request) for request in requests.values()]
    sides: dict[str, Analysis | FlorenceUIError] = {}
    async with contextlib.aclosing(run_bounded(jobs, len(jobs))) as outcomes:
        async for outcome in outcomes:
            sides[names[outcome.index]] = outcome.value if outcome.error is None else outcome.error
            report_progress(len(sides), len(jobs), f"{len(sides)} of {len(jobs)} models.")
    if all(isinstance(side, FlorenceUIError) for side in sides.values()):
        raise sides[LEFT]
    return sides


def comparison_record(sides: Sides) -> dict[str, Any]:
    """Both answers, or the reason why there is none, and what they have in common where there are two."""
    record: dict[str, Any] = {
        name: analysis_record(sides[name]) if isinstance(sides[name], Analysis) else {"error": str(sides[name])}
        for name in (LEFT, RIGHT)
    }
    answered = [side.result for side in (sides[LEFT], sides[RIGHT]) if isinstance(side, Analysis)]
    return record | (compare.comparison_record(*answered) if len(answered) == 2 else {})


def comparison_picture(sides: Sides) -> Path | None:
    """Who found what, drawn; None where a side failed or there is nothing to draw; blocks."""
    left, right = sides[LEFT], sides[RIGHT]
    if not isinstance(left, Analysis) or not isinstance(right, Analysis):
        return None
    if not len(left.result.detections) and not len(right.result.detections):
        return None
    return save_jpeg(compare.draw_comparison(left.picture.full(), left.result, right.result), stem="comparison")


async def steps(services: Services, chain: Chain, template: Request, visitor: Visitor) -> list[StepReport]:
    """The last report of every step that began.

    Raises:
        FlorenceUIError: If the first step fails already: its reason.
    """
    reports: dict[int, StepReport] = {}
    ask = retry_when_rate_limited(services, visitor, program_status())
    async with contextlib.aclosing(
        run_chain(chain, ask, template, max_concurrency=max_concurrency(services, template))
    ) as going:
        async for each in going:
            reports[each.number] = each
            report_progress(
                each.number, len(chain.steps), f"{chain.steps[each.number].title}: {each.detail or each.state}"
            )
    if reports[0].state is StepState.FAILED:
        raise FlorenceUIError(reports[0].detail)
    return list(reports.values())


def last_answer(reports: Sequence[StepReport]) -> Analysis:
    """The answer of the last step that was finished."""
    return [report.analysis for report in reports if report.state is StepState.DONE][-1]


def chain_record(chain: Chain, reports: Sequence[StepReport]) -> dict[str, Any]:
    """What became of each step that began."""
    return {
        "title": chain.title,
        "steps": [
            {
                "title": chain.steps[report.number].title,
                "state": report.state.value,
                "seconds": round(report.seconds, 3),
                "detail": report.detail,
                "answer": analysis_record(report.analysis) if report.state is StepState.DONE else None,
            }
            for report in reports
        ],
    }


async def over_all(services: Services, batch: Batch, question: Question, visitor: Visitor) -> None:
    """Asks about every picture of a batch.

    Raises:
        FlorenceUIError: If there is one picture only and it fails: its reason.
    """
    places, tell = max_concurrency(services, question.request), program_status()
    going = batch.run(
        services.pipeline.analyze,
        question.about,
        max_concurrency=places,
        limits=services.image_limits,
        previews=False,
        turn=batch_turn(services, batch, question.request, visitor, tell),
        follow=follower(services, places, tell),
    )
    count = len(batch.items)
    report_progress(0, count, f"0 of {count} pictures.")
    async with contextlib.aclosing(going):
        async for _ in going:
            report_progress(batch.ended, count, f"{batch.ended} of {count} pictures.")
    if count == 1 and not batch.done:
        raise FlorenceUIError(batch.items[0].reason)


def follower(services: Services, places: int, tell: OnStatus) -> OpenLink:
    """Opens pictures behind links, in the share of the visitor `asking`; waits where that is used up for a while."""
    free = asyncio.Semaphore(places)

    async def follow(link: str) -> Picture:
        async with free:
            while True:
                try:
                    return await services.open_link(link)
                except BusyError as busy:
                    if not 0 < busy.seconds <= MINUTE:
                        raise
                    await wait_with_countdown(busy.seconds, tell)

    return follow


def batch_record(batch: Batch, *, answers: bool) -> dict[str, Any]:
    """How far a batch has come, and each picture's state; with its answer, or at least what is odd about it."""
    pictures = []
    for number, item in enumerate(batch.items, start=1):
        state = {"picture": item.name, "picture_number": number, "state": item.state.value, "reason": item.reason}
        if answers:
            state["answer"] = analysis_record(item.analysis) if item.analysis else None
        else:
            state["warnings"] = list(item.result.warnings) if item.result else []
        pictures.append(state)
    return {"done": batch.count(ItemState.DONE), "failed": batch.count(ItemState.FAILED), "pictures": pictures}
