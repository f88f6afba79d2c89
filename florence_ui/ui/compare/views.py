"""A comparison as the values of the components that show it."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from florence_ui.errors import FlorenceUIError
from florence_ui.images.loading import Picture
from florence_ui.inference.drawing import draw, draw_comparison
from florence_ui.inference.request import Question, StoredAnalysis
from florence_ui.rendering.comparison import FOUND_BY_COLORS
from florence_ui.rendering.style import Style
from florence_ui.rendering.view import WHOLE, View
from florence_ui.results.compare import BOTH, LEFT, RIGHT, summarize
from florence_ui.results.verdict import conclude
from florence_ui.ui.compare.pair import describe
from florence_ui.ui.compare.state import SIDES, Answers, CompareState, Subject
from florence_ui.ui.components.drawing import DrawingValue
from florence_ui.ui.components.stage import StageTag, StageValue
from florence_ui.ui.components.verdict_bar import Layout, VerdictValue
from florence_ui.ui.explore import stage_view
from florence_ui.ui.file_data import as_file_data

GROUP = "compare"
SEEN_ON = {LEFT: 0, RIGHT: 1, BOTH: None}
"""The side of the divider on which an object is drawn; None for both."""
NO_PICTURE = StageValue(state="empty", title="No picture yet", hint="Open one from the strip.", group=GROUP)


def waiting_stages(subject: Subject | None, layout: Layout) -> tuple[StageValue, StageValue]:
    """Both stages with the picture, before a comparison."""
    if subject is None:
        return NO_PICTURE, NO_PICTURE
    value = stage_view.without_answer("ready", subject.shown, subject.size, group=GROUP)
    return value, value if layout is Layout.TWO else StageValue(group=GROUP)


def busy_stages(
    subject: Subject, layout: Layout, words: Mapping[str, str], names: tuple[str, str]
) -> tuple[StageValue, StageValue]:
    """Both stages during a comparison, with what each side waits for."""
    stage = partial(stage_view.without_answer, "busy", subject.shown, subject.size, group=GROUP)
    said = [f"{name}: {words[side]}" for side, name in zip(SIDES, names, strict=True) if side in words]
    if layout is not Layout.TWO:
        return stage(title=" · ".join(said)), StageValue(group=GROUP)
    left, right = (stage(title=words.get(side, "Answered"), tags=tags(names, side)) for side in SIDES)
    return left, right


def answered_stages(answers: Answers, layout: Layout, style: Style) -> tuple[StageValue, StageValue]:
    """Both stages with the answers; the second one is empty unless they stand side by side."""
    if layout is Layout.TWO:
        left, right = (side_stage(answers, side, style) for side in SIDES)
        return left, right
    found = answers.found
    if found is None or answers.comparison is None:
        side = next((side for side in SIDES if isinstance(answers.sides[side], StoredAnalysis)), SIDES[0])
        return side_stage(answers, side, style), StageValue(group=GROUP)
    items = [
        item.model_copy(update={"color": FOUND_BY_COLORS[who], "side": SEEN_ON[who]})
        for item, who in zip(stage_view.stage_objects(found.result, (), style), found.found_by, strict=False)
    ]
    divided = layout is Layout.SLIDER
    value = StageValue(
        state="done",
        picture=as_file_data(answers.subject.shown),
        size=answers.subject.size,
        answer=drawing_name(answers, layout, SIDES[0]),
        items=items,
        alt=summarize(answers.comparison, answers.names),
        group=GROUP,
        tags=[*tags(answers.names, SIDES[0]), *tags(answers.names, SIDES[1])] if divided else [],
        divided=divided,
    )
    return value, StageValue(group=GROUP)


def stale_stages(
    stages: tuple[StageValue, StageValue], answers: Answers, layout: Layout
) -> tuple[StageValue, StageValue]:
    """Both stages with answers to other questions than the chosen ones; a failure stays one."""
    left, right = answers.subject.questions
    asked: list[Sequence[Question]] = [[left], [right]] if layout is Layout.TWO else [[left, right], []]
    first, second = (
        stage.model_copy(
            update={"state": "stale", "title": f"From the last comparison: {describe(questions)}.", "hint": ""}
        )
        if stage.state in ("done", "nothing")
        else stage
        for stage, questions in zip(stages, asked, strict=True)
    )
    return first, second


def side_stage(answers: Answers, side: str, style: Style) -> StageValue:
    """One answer on a stage of its own, or the reason that there is none."""
    outcome, subject = answers.sides[side], answers.subject
    own: dict[str, Any] = {"group": GROUP, "tags": tags(answers.names, side)}
    if isinstance(outcome, FlorenceUIError):
        return stage_view.failed(subject.shown, subject.size, outcome, **own)
    name = drawing_name(answers, Layout.TWO, side)
    value = stage_view.answered(outcome.result, subject.shown, (), style, name)
    if answers.found is not None:
        numbers = answers.found.left_numbers if side == SIDES[0] else answers.found.right_numbers
        own["items"] = [item.model_copy(update={"number": numbers[row]}) for row, item in enumerate(value.items)]
    return value.model_copy(update=own | {"phrases": [], "actions": []})


async def drawings(state: CompareState, picture: Picture, style: Style) -> tuple[DrawingValue, DrawingValue]:
    """What supervision draws of the answers for the stages as they are seen now.

    Raises:
        FlorenceUIError: If the picture's file is gone, or the drawing cannot be saved.
    """
    state.drawings += 1
    answers, layout, number = state.answers, state.layout, state.drawings
    none = DrawingValue(group=GROUP)
    if answers is None:
        return none, none
    if layout is Layout.ONE and answers.found:
        view = state.views[0]
        path = await draw_comparison(picture, answers.found, view=view)
        name = drawing_name(answers, layout, SIDES[0])
        return drawing(path, view, name, 0, number), none
    first, second = [await draw_side(state, answers, picture, style, side, number) for side in (0, 1)]
    return first or second or none, second if first and second else none


async def draw_side(
    state: CompareState, answers: Answers, picture: Picture, style: Style, index: int, number: int
) -> DrawingValue | None:
    """One answer's own drawing; None if that side failed."""
    outcome = answers.sides[SIDES[index]]
    if not isinstance(outcome, StoredAnalysis):
        return None
    layout = state.layout
    view = state.views[index if layout is Layout.TWO else 0]
    path = await draw(outcome.with_picture(picture), style, view=view)
    return drawing(path, view, drawing_name(answers, layout, SIDES[index]), index, number)


def drawing(path: Path, view: View | None, name: str, side: int, number: int) -> DrawingValue:
    """A drawing for the stage that shows the answer of that name."""
    return DrawingValue(
        image=as_file_data(path), view=view.box if view else WHOLE, answer=name, group=GROUP, side=side, number=number,
    )  # fmt: skip


def drawing_name(answers: Answers, layout: Layout, side: str) -> str:
    """The name that a stage and its drawing share; both sides of the slider have one stage."""
    alone = layout is Layout.TWO or answers.both is None
    return f"{answers.name}-{side if alone else layout}"


def tags(names: tuple[str, str], side: str) -> list[StageTag]:
    """A side's name on its stage."""
    return [StageTag(who="left" if side == SIDES[0] else "right", name=names[SIDES.index(side)])]


def verdict_value(answers: Answers, layout: Layout) -> VerdictValue:
    """What the comparison comes to."""
    if answers.both and answers.comparison:
        left, right = (analysis.result for analysis in answers.both)
        verdict = conclude(left, right, answers.comparison, answers.names)
        return VerdictValue(headline=verdict.headline, details=verdict.details and f"{verdict.details}.", layout=layout)
    errors = [side for side in answers.sides.values() if isinstance(side, FlorenceUIError)]
    if answers.only is None:
        return VerdictValue(headline="Neither side answered", details=str(errors[0]), tone="error", layout=layout)
    name = answers.names[0] if isinstance(answers.sides[SIDES[0]], StoredAnalysis) else answers.names[1]
    return VerdictValue(
        headline=f"Only {name} answered", details="there is nothing to compare it with.", tone="error", layout=layout
    )  # fmt: skip
