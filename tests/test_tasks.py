"""The table of tasks and the prompts that it writes."""

import json
from pathlib import Path

import pytest
from sentences import reads_as_sentences

from florence_ui.errors import PromptError
from florence_ui.prompts import (
    MAX_CLASSES,
    MAX_TEXT,
    build_prompt,
    check_region,
    location_tokens,
    split_classes,
    task_of_prompt,
)
from florence_ui.tasks import CUSTOM, TASKS, Family, InputKind, get_task, tasks_in

NO_INPUT = [token for token, task in TASKS.items() if task.input_kind is InputKind.NONE]
WITH_REGION = [token for token, task in TASKS.items() if task.input_kind is InputKind.REGION]
WITH_PHRASE = [token for token, task in TASKS.items() if task.input_kind is InputKind.PHRASE]


def test_there_are_fifteen_official_tasks_and_the_custom_one() -> None:
    assert len(TASKS) == 16
    assert sum(token.startswith("<") for token in TASKS) == 15


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda t: t.token)
def test_every_task_has_words_for_a_person(task) -> None:
    assert task.title
    assert "<" not in task.title
    assert task.help.endswith(".")
    assert bool(task.example) == (task.input_kind is not InputKind.NONE)


@pytest.mark.parametrize("family", Family, ids=str)
def test_every_family_has_tasks_and_they_are_its_own(family) -> None:
    assert {task.family for task in tasks_in(family)} == {family}


def test_the_families_hold_all_tasks_in_the_tables_order() -> None:
    assert [task for family in Family for task in tasks_in(family)] == list(TASKS.values())


@pytest.mark.parametrize("token", NO_INPUT)
def test_a_task_without_input_is_its_token_alone(token) -> None:
    assert build_prompt(TASKS[token], text="ignored", classes=["ignored"], region=(0, 0, 1, 1)) == token


@pytest.mark.parametrize("token", WITH_PHRASE)
def test_a_phrase_follows_without_a_space(token) -> None:
    assert build_prompt(TASKS[token], text="  a red\n car ") == f"{token}a red car"


def test_classes_are_joined_by_and_without_repetition() -> None:
    task = TASKS["<OPEN_VOCABULARY_DETECTION>"]
    assert build_prompt(task, classes=["cat", " ", "dog", "", "cat"]) == "<OPEN_VOCABULARY_DETECTION>cat<and>dog"


@pytest.mark.parametrize("token", WITH_REGION)
def test_a_region_becomes_four_location_tokens(token) -> None:
    prompt = build_prompt(TASKS[token], region=(0.0521, 0.3324, 0.9318, 1))
    assert prompt == f"{token}<loc_52><loc_332><loc_932><loc_999>"


GROUND, FIND, NAME = "<CAPTION_TO_PHRASE_GROUNDING>", "<OPEN_VOCABULARY_DETECTION>", "<REGION_TO_CATEGORY>"
NO_PHRASE, NO_CLASS = "This task needs a phrase.", "This task needs at least one class."
NO_TOKENS, TOO_LONG = "may not contain < or >", "too long: 1,001 characters"
MANY = [f"c{i}" for i in range(MAX_CLASSES + 1)]
OUTSIDE, NOT_FOUR = "outside the picture", "not four numbers"


@pytest.mark.parametrize(
    ("token", "given", "field", "words"),
    [
        pytest.param(GROUND, {}, "text", NO_PHRASE, id="no phrase"),
        pytest.param(GROUND, {"text": " \t\n"}, "text", NO_PHRASE, id="blank phrase"),
        pytest.param(GROUND, {"text": "\x00\x1b\u202e"}, "text", NO_PHRASE, id="control characters only"),
        pytest.param(GROUND, {"text": "a <loc_5> b"}, "text", NO_TOKENS, id="a token in the phrase"),
        pytest.param(GROUND, {"text": "<OD>"}, "text", NO_TOKENS, id="a task in the phrase"),
        pytest.param(GROUND, {"text": "a < b"}, "text", NO_TOKENS, id="the start of a token"),
        pytest.param(GROUND, {"text": "a > b"}, "text", NO_TOKENS, id="the end of a token"),
        pytest.param(GROUND, {"text": "x" * (MAX_TEXT + 1)}, "text", TOO_LONG, id="long phrase"),
        pytest.param(FIND, {}, "classes", NO_CLASS, id="no classes"),
        pytest.param(FIND, {"classes": ["", " ", "\u200b"]}, "classes", NO_CLASS, id="blank classes"),
        pytest.param(FIND, {"classes": ["a<and>b"]}, "classes", NO_TOKENS, id="a token in a class"),
        pytest.param(FIND, {"classes": ["x" * (MAX_TEXT + 1)]}, "classes", TOO_LONG, id="long class"),
        pytest.param(FIND, {"classes": MANY}, "classes", "41 classes are too many", id="too many classes"),
        pytest.param(NAME, {}, "region", "needs a region", id="no region"),
        pytest.param(NAME, {"region": (0, 0, 0, 1)}, "region", "no area", id="no width"),
        pytest.param(NAME, {"region": (0, 1, 1, 1)}, "region", "no area", id="no height"),
        pytest.param(NAME, {"region": (0, 0, 2, 1)}, "region", OUTSIDE, id="outside"),
        pytest.param(NAME, {"region": (0, -0.001, 1, 1)}, "region", OUTSIDE, id="just above"),
        pytest.param(NAME, {"region": (0, 0, float("nan"), 1)}, "region", OUTSIDE, id="not a number"),
        pytest.param(NAME, {"region": (0, 0, 1)}, "region", NOT_FOUR, id="three numbers"),
        pytest.param(NAME, {"region": "abcd"}, "region", NOT_FOUR, id="words"),
        pytest.param(CUSTOM, {}, "text", "prompt is empty", id="empty prompt"),
        pytest.param(CUSTOM, {"text": "<CAPTION>hello"}, "text", "takes no text", id="text after a task without input"),
        pytest.param(CUSTOM, {"text": "<CAPTION><OD>"}, "text", "more than one", id="two tasks"),
        pytest.param(CUSTOM, {"text": f"{GROUND}a {FIND}"}, "text", "more than one", id="two tasks with input"),
        pytest.param(CUSTOM, {"text": "<OD><OD>"}, "text", "more than one", id="one task twice"),
        pytest.param(CUSTOM, {"text": "please <OD>"}, "text", "not at the start", id="a task in the middle"),
        pytest.param(CUSTOM, {"text": "what is <image>"}, "text", "<image>", id="the image token"),
        pytest.param(CUSTOM, {"text": f"{NAME} "}, "text", "needs an input", id="a task that lacks its input"),
        pytest.param(CUSTOM, {"text": "x" * (MAX_TEXT + 1)}, "text", TOO_LONG, id="long prompt"),
    ],
)
def test_what_an_input_lacks_is_refused_in_words_at_the_field(token, given, field, words) -> None:
    with pytest.raises(PromptError) as refused:
        build_prompt(TASKS[token], **given)
    assert refused.value.field == field
    assert words in refused.value.message
    assert refused.value.hint
    assert reads_as_sentences(refused.value)


@pytest.mark.parametrize(
    ("token", "given"),
    [
        pytest.param(GROUND, {"text": "x" * MAX_TEXT}, id="phrase"),
        pytest.param(FIND, {"classes": ["x" * MAX_TEXT]}, id="class"),
        pytest.param(FIND, {"classes": [*MANY[1:], *MANY[1:]]}, id="number of classes"),
        pytest.param(CUSTOM, {"text": f" {'x' * MAX_TEXT} "}, id="prompt"),
        pytest.param(NAME, {"region": (0, 0, 1, 1)}, id="region"),
    ],
)
def test_an_input_that_just_reaches_a_limit_is_taken(token, given) -> None:
    assert build_prompt(TASKS[token], **given)


@pytest.mark.parametrize("token", WITH_PHRASE)
def test_who_types_no_phrase_gets_the_tasks_own_example(token) -> None:
    with pytest.raises(PromptError) as refused:
        build_prompt(TASKS[token])
    assert refused.value.hint == f"Type one, for example: {TASKS[token].example}"


@pytest.mark.parametrize("hidden", ["\u200b", "\ufeff", "\u00ad", "\x00", "\u202e"], ids=ascii)
def test_characters_that_cannot_be_seen_leave_nothing_behind(hidden) -> None:
    """Text that is copied from a page often has some."""
    assert build_prompt(TASKS[GROUND], text=f"{hidden} a{hidden} red {hidden} car {hidden}") == f"{GROUND}a red car"
    assert build_prompt(TASKS[FIND], classes=["dog", hidden, f"{hidden}dog"]) == f"{FIND}dog"


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        pytest.param(" <OD> ", "<OD>", id="spaces around a task"),
        pytest.param("<CAPTION>\n", "<CAPTION>", id="a line break after a task"),
        pytest.param("What colour is it?", "What colour is it?", id="free words"),
        pytest.param("is 3 > 2", "is 3 > 2", id="a bracket in free words"),
        pytest.param("red\u2028or\x00blue?", "red or blue?", id="characters that cannot be seen"),
        pytest.param("<MY_TASK>red", "<MY_TASK>red", id="a fine-tune's own task"),
        pytest.param("<DETAILED_CAPTION>", "<DETAILED_CAPTION>", id="a task whose name ends like another's"),
    ],
)
def test_a_custom_prompt_is_sent_as_it_stands_on_one_line(typed, sent) -> None:
    assert build_prompt(TASKS[CUSTOM], text=typed) == sent


def test_region_corners_are_sorted() -> None:
    assert check_region([0.9, 0.8, 0.1, 0.2]) == (0.1, 0.2, 0.9, 0.8)


def test_location_tokens_stay_in_the_vocabulary() -> None:
    assert location_tokens((0, 0.0004, 0.9996, 1)) == "<loc_0><loc_0><loc_999><loc_999>"


def test_classes_are_split_at_commas_semicolons_and_lines() -> None:
    assert split_classes(" red car, dog;;cat\n\nbus,") == ["red car", "dog", "cat", "bus"]
    assert split_classes("") == []


@pytest.mark.parametrize("token", TASKS)
def test_a_task_is_found_by_its_token(token) -> None:
    assert get_task(token) is TASKS[token]


@pytest.mark.parametrize("token", ["", "OD", "<od>", "<FOO>", None, 7], ids=repr)
def test_an_unknown_task_is_refused_with_the_names_that_exist(token) -> None:
    with pytest.raises(PromptError) as refused:
        get_task(token)
    assert refused.value.field == "task"
    assert refused.value.hint.endswith(f" {', '.join(TASKS)}.")
    assert reads_as_sentences(refused.value)


def test_prompts_equal_those_that_the_genuine_server_answered() -> None:
    data = Path(__file__).parent / "data" / "answers.json"
    for call in json.loads(data.read_text(encoding="utf-8")):
        prompt = call["request"]["body"]["prompt"]
        assert build_prompt(TASKS[CUSTOM], text=prompt) == prompt
        assert task_of_prompt(prompt).token == (prompt[: prompt.find(">") + 1] or CUSTOM)
