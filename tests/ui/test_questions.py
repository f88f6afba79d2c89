"""The question in the dock's fields, and what it is filled in with."""

import re
from pathlib import Path

import faults
import pytest
from workbench import answering, picture_in

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.inference.per_object import ACTIONS, Action
from florence_ui.inference.request import Question
from florence_ui.tasks import TASKS, InputKind
from florence_ui.ui import labels
from florence_ui.ui.components import stage
from florence_ui.ui.explore import answer_view
from florence_ui.ui.explore.dock_events import press_button
from florence_ui.ui.explore.next_steps import NextStep, next_steps
from florence_ui.ui.explore.run_events import stoppable_run
from florence_ui.ui.explore.stage_events import CUT
from florence_ui.ui.explore.then_events import ask_next
from florence_ui.ui.layout import Page
from florence_ui.ui.updates import fill_form, read_question, region_text
from florence_ui.visitors.session import PageSession


def given_to(page: Page, folder: Path, token: str = "<OD>") -> dict:
    """Every field filled in, whatever the task."""
    picture, session = picture_in(folder), PageSession()
    session.put_picture(picture, picture.path)
    session.region = (0.1, 0.2, 0.3, 0.4)
    typed = {page.dock.phrase: "the red car", page.dock.prompt: "<OD>", page.dock.classes: ["dog"]}
    values = {field: field.value for field in page.answer_fields} | typed
    return values | {page.session: session, page.dock.task: token, page.dock.model: "florence-2-base"}


@pytest.mark.parametrize("token", TASKS)
def test_a_question_holds_no_more_than_its_task_takes(page: Page, tmp_path: Path, token: str) -> None:
    question = read_question(page, given_to(page, tmp_path, token))
    kind = TASKS[token].input_kind
    text = {InputKind.PHRASE: "the red car", InputKind.PROMPT: "<OD>"}.get(kind, "")
    region = (0.1, 0.2, 0.3, 0.4) if kind is InputKind.REGION else None
    assert (question.text, question.region) == (text, region)
    assert question.classes == (("dog",) if kind is InputKind.CLASSES else ())


def test_a_phrase_that_is_filled_in_never_reaches_the_custom_prompt(page: Page, tmp_path: Path) -> None:
    inputs = given_to(page, tmp_path)
    session = inputs[page.session]
    filled = fill_form(page, session, Question("<CAPTION_TO_PHRASE_GROUNDING>", "a dog"))
    assert filled[page.dock.phrase]["value"] == "a dog"
    assert page.dock.prompt not in filled


@pytest.mark.anyio
async def test_in_a_region_task_the_selected_object_is_the_region(page: Page, tmp_path: Path) -> None:
    inputs = given_to(page, tmp_path)
    session: PageSession = inputs[page.session]
    session.region = None
    async for _ in stoppable_run(page).events(inputs):
        pass
    session.selected = 0
    question = read_question(page, inputs | {page.dock.task: "<REGION_TO_CATEGORY>"})
    assert question.region == pytest.approx((0.05, 0.1, 0.4, 0.6), abs=0.01)
    assert region_text(session) == "car 1"


@pytest.mark.anyio
async def test_an_answer_to_another_task_than_the_chosen_one_is_marked(page: Page, tmp_path: Path) -> None:
    inputs = given_to(page, tmp_path)
    async for _ in stoppable_run(page).events(inputs):
        pass
    other = read_question(page, inputs | {page.dock.task: "<OCR>"})
    standing = answer_view.standing(page, inputs[page.session], other)
    assert standing[page.stage].state == "stale"
    assert standing[page.side.answer_list].source.startswith("Find objects, ")
    same = answer_view.standing(page, inputs[page.session], read_question(page, inputs))
    assert same[page.stage].state == "done"


@pytest.mark.anyio
async def test_an_answer_to_a_later_step_names_the_step(page: Page, tmp_path: Path) -> None:
    inputs = given_to(page, tmp_path)
    async for _ in stoppable_run(page).events(inputs):
        pass
    run = inputs[page.session].run
    run.analysis = run.analysis.then("segment each", run.analysis.result)
    standing = answer_view.standing(page, inputs[page.session], read_question(page, inputs))
    assert standing[page.side.answer_list].source.startswith("Find objects, then segment each, ")
    other = read_question(page, inputs | {page.dock.task: "<OCR>"})
    stage = answer_view.standing(page, inputs[page.session], other)[page.stage]
    assert stage.title == "These marks answer “Find objects, then segment each”."


@pytest.mark.anyio
async def test_classes_that_were_not_found_are_named(page: Page, backend: ScriptedBackend, tmp_path: Path) -> None:
    token = "<OPEN_VOCABULARY_DETECTION>"
    car = {"bboxes": [[30, 30, 240, 180]], "bboxes_labels": ["car"], "polygons": [], "polygons_labels": []}
    backend.answer = answering({token: car})
    inputs = given_to(page, tmp_path, token) | {page.dock.classes: ["Car", "elephant"]}
    updates = [each async for each in stoppable_run(page).events(inputs)]
    assert [message.text for message in updates[-1][page.side.warnings].messages] == ["Not found: elephant"]


@pytest.mark.parametrize("is_answered", [True, False], ids=["answered-before", "never-answered"])
@pytest.mark.anyio
async def test_after_a_failure_it_is_said_where_the_last_answer_is(
    page: Page, backend: ScriptedBackend, tmp_path: Path, is_answered: bool
) -> None:
    inputs = given_to(page, tmp_path)
    asked = [(None, "<OD>"), (faults.status(500), "<CAPTION>")]
    for backend.fault, token in asked if is_answered else asked[1:]:
        updates = [each async for each in stoppable_run(page).events(inputs | {page.dock.task: token})]
    assert ("among the recent ones" in updates[-1][page.side.answer_list].hint) is is_answered


@pytest.mark.parametrize("token", ["<CAPTION_TO_PHRASE_GROUNDING>", "<OPEN_VOCABULARY_DETECTION>", "custom"])
@pytest.mark.anyio
async def test_what_is_missing_is_said_in_the_dock_and_the_answer_stays(page: Page, tmp_path: Path, token: str) -> None:
    inputs = given_to(page, tmp_path)
    async for _ in stoppable_run(page).events(inputs):
        pass
    empty = {page.dock.task: token, page.dock.phrase: "", page.dock.prompt: "", page.dock.classes: []}
    updates = [each async for each in stoppable_run(page).events(inputs | empty)]
    assert updates[-1][page.dock.notice].messages[0].tone == "error"
    assert updates[-1][page.dock.run]["visible"] is True
    assert len(updates[-1][page.stage].items) == 3


def test_the_other_backend_is_chosen_and_asked_by_one_button(page: Page, tmp_path: Path) -> None:
    updates = press_button(page, given_to(page, tmp_path), labels.USE_BACKEND + "serverless")
    assert updates[page.header.backend] == "serverless"
    assert updates[page.asked]
    assert press_button(page, given_to(page, tmp_path), labels.USE_BACKEND + "http://evil.example") == {}


@pytest.mark.anyio
async def test_a_missing_key_is_asked_for_where_it_is_typed(page: Page, tmp_path: Path) -> None:
    inputs = given_to(page, tmp_path) | {page.header.backend: "serverless"}
    updates = [each async for each in stoppable_run(page).events(inputs)]
    assert updates[-1][page.header.key_notice].messages[0].tone == "error"
    assert updates[-1][page.stage].state == "failed"


@pytest.mark.parametrize(
    ("token", "answer", "steps"),
    [
        pytest.param("<OD>", 3, {"describe", "segment", "name", "read", "read-crop"}, id="objects"),
        pytest.param("<CAPTION>", 0, {"ground", "longer"}, id="shortest-caption"),
        pytest.param("<DETAILED_CAPTION>", 0, {"ground", "longer", "shorter"}, id="caption"),
        pytest.param("<OCR_WITH_REGION>", 2, {"order"}, id="lines-of-text"),
        pytest.param("<OCR>", 0, set(), id="text"),
    ],
)
@pytest.mark.anyio
async def test_the_steps_that_are_offered_fit_the_answer(
    page: Page, tmp_path: Path, token: str, answer: int, steps: set[str]
) -> None:
    inputs = given_to(page, tmp_path, token)
    async for _ in stoppable_run(page).events(inputs):
        pass
    offered = next_steps(inputs[page.session].run.analysis.result, answer)
    assert {step.value for step in offered} == steps


def test_a_question_has_the_same_verb_beside_the_answer_and_on_the_stage() -> None:
    toolbar = Path(stage.__file__).with_name("toolbar.js").read_text("utf-8")
    on_the_stage = dict(re.findall(r'\["(\w+)", "([^"]+)"\]', toolbar))
    assert {action: ACTIONS[action].title for action in Action if action in on_the_stage} == {
        action: title for action, title in on_the_stage.items() if action != CUT
    }
    assert on_the_stage == answer_view.NOTE_TITLES, "a note is headed by what was pressed"


@pytest.mark.parametrize("token", ["<OD>", "<CAPTION>", "<MORE_DETAILED_CAPTION>"])
@pytest.mark.parametrize("step", [NextStep.LONGER, NextStep.SHORTER, NextStep.GROUND])
@pytest.mark.anyio
async def test_a_step_that_is_not_offered_asks_nothing(page: Page, tmp_path: Path, token: str, step: NextStep) -> None:
    """As where the answer has changed under the button, or somebody posts the event."""
    inputs = given_to(page, tmp_path, token)
    async for _ in stoppable_run(page).events(inputs):
        pass
    offered = next_steps(inputs[page.session].run.analysis.result, 0)
    assert bool(ask_next(page, inputs, step)) == (step in offered)


@pytest.mark.anyio
async def test_what_a_caption_mentions_is_looked_for_with_its_own_words(page: Page, tmp_path: Path) -> None:
    inputs = given_to(page, tmp_path, "<CAPTION>")
    async for _ in stoppable_run(page).events(inputs):
        pass
    updates = ask_next(page, inputs, NextStep.GROUND)
    assert updates[page.dock.task].token == "<CAPTION_TO_PHRASE_GROUNDING>"
    assert updates[page.dock.phrase]["value"] == "A red car next to a person."
    assert updates[page.asked]
