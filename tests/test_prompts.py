"""Any typed, drawn or posted input becomes a prompt that the model can take, or an error message."""

import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from florence_ui.errors import PromptError
from florence_ui.prompts import MAX_NAMES, build_prompt, split_classes
from florence_ui.tasks import CUSTOM, TASKS, InputKind, get_task

TOKENS = [token for token in TASKS if token != CUSTOM]
PIECES = st.one_of(
    st.text(max_size=20),
    st.sampled_from([*TOKENS, "<image>", "<and>", "</s>", "<s>", "<pad>", "<loc_1>", "<loc_999>", " ", "\n", "\x00"]),
)
TEXTS = st.lists(PIECES, max_size=6).map("".join)
NUMBERS = st.one_of(st.floats(), st.integers(), st.none(), st.booleans(), st.text(max_size=3))
REGIONS = st.one_of(st.none(), st.lists(NUMBERS, max_size=6), st.tuples(*[st.floats(0, 1)] * 4))


ALLOWED = {
    InputKind.NONE: "",
    InputKind.REGION: r"(<loc_\d{1,3}>){4}",
    InputKind.CLASSES: r"[^<>]+(<and>[^<>]+)*",
}
"""Kind of input -> pattern of what may follow the task's token; any other kind is a phrase."""


def check(token: str, text: str, classes: str, region: object) -> None:
    """A prompt that the model can take, or a `PromptError`."""
    task = TASKS[token]
    try:
        prompt = build_prompt(task, text=text, classes=split_classes(classes), region=region)  # type: ignore[arg-type]
    except PromptError:
        return
    assert prompt.isprintable()
    assert "<image>" not in prompt
    assert sum(prompt.count(each) for each in TOKENS) <= 1
    if token != CUSTOM:
        assert prompt.startswith(token)
        assert re.fullmatch(ALLOWED.get(task.input_kind, "[^<>]+"), prompt.removeprefix(token))


@settings(max_examples=650, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(text=TEXTS, classes=TEXTS, region=REGIONS)
@example(text="<OD><OD>", classes="", region=None)
@example(text="", classes="a<and>b,\ud800", region=None)
@example(text="", classes="", region=[10**400, 0, 1, 1])
def test_ten_thousand_odd_inputs_become_a_prompt_or_a_prompt_error(text: str, classes: str, region: object) -> None:
    """650 odd inputs, each for all sixteen tasks."""
    for token in TASKS:
        check(token, text, classes, region)


def test_more_names_than_anybody_types_are_refused_before_they_are_read() -> None:
    task = TASKS["<OPEN_VOCABULARY_DETECTION>"]
    assert build_prompt(task, classes=["dog"] * MAX_NAMES) == f"{task.token}dog"
    with pytest.raises(PromptError, match="1,001 classes are too many"):
        build_prompt(task, classes=["dog"] * (MAX_NAMES + 1))


@pytest.mark.parametrize("name", [None, 7, ["<OD>"], {"a": 1}, "", "<od>", "x" * 100_000])
def test_an_unknown_task_is_refused(name: object) -> None:
    with pytest.raises(PromptError):
        get_task(name)  # type: ignore[arg-type]
