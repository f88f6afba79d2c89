"""What can be done next with an answer, in words."""

from enum import StrEnum

from florence_ui.inference.per_object import ACTIONS, Action
from florence_ui.results.result import Result
from florence_ui.tasks import Family


class NextStep(StrEnum):
    """A question that builds on an answer."""

    GROUND = "ground"
    LONGER = "longer"
    SHORTER = "shorter"
    ORDER = "order"
    DESCRIBE = "describe"
    NAME = "name"
    SEGMENT = "segment"
    READ = "read"
    READ_CROP = "read-crop"


ABOUT_EACH = {
    NextStep.DESCRIBE: Action.DESCRIBE,
    NextStep.SEGMENT: Action.SEGMENT,
    NextStep.NAME: Action.NAME,
    NextStep.READ: Action.READ,
    NextStep.READ_CROP: Action.READ_CROP,
}
"""The steps that ask about every visible object."""
CAPTIONS = ("<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>")
"""From the shortest to the longest."""


def next_steps(result: Result, visible: int) -> dict[NextStep, str]:
    """The steps that make sense after an answer, with the words on their buttons.

    Args:
        result: The answer.
        visible: How many of its objects are visible.
    """
    steps: dict[NextStep, str] = {}
    if result.task.family is Family.CAPTION and result.text:
        steps[NextStep.GROUND] = "Find what it mentions"
        if result.task.token != CAPTIONS[-1]:
            steps[NextStep.LONGER] = "Longer"
        if result.task.token != CAPTIONS[0]:
            steps[NextStep.SHORTER] = "Shorter"
    if result.quads is not None and len(result.detections):
        return steps | {NextStep.ORDER: "Put in reading order"}
    which = "it" if visible == 1 else f"all {visible}"
    return steps | (
        {step: f"{ACTIONS[action].title} {which}" for step, action in ABOUT_EACH.items()} if visible else {}
    )


def other_caption(token: str, step: NextStep) -> str:
    """The task of the next longer or shorter caption."""
    return CAPTIONS[CAPTIONS.index(token) + (1 if step is NextStep.LONGER else -1)]
