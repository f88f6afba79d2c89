"""The prompts of all tasks; input that could only get a meaningless answer is refused.

A prompt starts with the task token, without a space before it and, if the task takes no input, with nothing after it.
Classes are joined by `<and>`; a region is four location tokens. Anything else makes the model's server fail or, worse,
give a plausible but meaningless answer, so it is refused here.
"""

import math
import re
from collections.abc import Sequence

from florence_ui.errors import PromptError
from florence_ui.tasks import CUSTOM, TASKS, InputKind, Task

Region = tuple[float, float, float, float]
"""A box (x1, y1, x2, y2) in fractions of the picture's width and height, 0 to 1."""

LOCATION_BINS = 1000
MAX_TEXT = 1000
"""Maximum length of a phrase, a class or a custom prompt; the model reads about as many tokens at most."""
MAX_CLASSES = 40
MAX_NAMES = 1000
"""Maximum number of names that are given as classes, repeated and blank ones included."""


def build_prompt(task: Task, *, text: str = "", classes: Sequence[str] = (), region: Region | None = None) -> str:
    """Build the prompt that is sent to the model.

    Args:
        task: The task; inputs that it does not need are ignored.
        text: The phrase, or the whole prompt of a custom task.
        classes: The names to look for.
        region: (x1, y1, x2, y2), 0 to 1.

    Raises:
        PromptError: If the task's input is missing, or the model cannot take it.
    """
    match task.input_kind:
        case InputKind.NONE:
            return task.token
        case InputKind.PHRASE:
            return task.token + clean_phrase(text, task.example)
        case InputKind.CLASSES:
            return task.token + "<and>".join(clean_classes(classes))
        case InputKind.REGION:
            return task.token + location_tokens(check_region(region))
        case InputKind.PROMPT:
            return custom_prompt(text)


def clean_phrase(text: str, example: str) -> str:
    """Clean a phrase for the model.

    Args:
        text: The phrase as typed.
        example: A good one, for the error.

    Raises:
        PromptError: If nothing is left, or the model cannot take it.
    """
    phrase = _one_line(text)
    if not phrase:
        raise PromptError("This task needs a phrase.", f"Type one, for example: {example}", field="text")
    return _check_words(phrase, "text")


def clean_classes(classes: Sequence[str]) -> list[str]:
    """Clean class names: drop blank and repeated ones, keep the order.

    Raises:
        PromptError: If none is left, there are too many, or the model cannot take one.
    """
    if len(classes) > MAX_NAMES:
        raise _too_many_classes(len(classes))
    names = [_check_words(name, "classes") for name in map(_one_line, classes) if name]
    unique = list(dict.fromkeys(names))
    if not unique:
        raise PromptError(
            "This task needs at least one class.", "Type one or more names, for example: dog, bicycle", field="classes"
        )
    if len(unique) > MAX_CLASSES:
        raise _too_many_classes(len(unique))
    return unique


def _too_many_classes(count: int) -> PromptError:
    return PromptError(f"{count:,} classes are too many.", f"Use up to {MAX_CLASSES} at a time.", field="classes")


def _one_line(text: str) -> str:
    """The text on one line, without characters that cannot be seen."""
    visible = "".join(c for c in str(text or "") if c.isprintable() or c.isspace())
    return " ".join(visible.split())


def _check_words(words: str, field: str) -> str:
    """Check that a phrase or a class is not too long and contains no `<...>` tokens."""
    if len(words) > MAX_TEXT:
        raise PromptError(f"The text is too long: {len(words):,} characters.", f"Use up to {MAX_TEXT:,}.", field=field)
    if "<" in words or ">" in words:
        raise PromptError(
            "The text may not contain < or >.", "They mark the model's own tokens; leave them out.", field=field
        )
    return words


def split_classes(text: str) -> list[str]:
    """Split class names, as typed, at commas, semicolons and line breaks."""
    return [name for part in re.split(r"[,;\n]", str(text or "")) if (name := part.strip())]


def check_region(region: Sequence[float] | None) -> Region:
    """Check a region in fractions of the picture, and sort its corners.

    Raises:
        PromptError: If it is missing, is not four numbers from 0 to 1, or has no area.
    """
    hint = "Draw a box on the picture, or give x1, y1, x2, y2 between 0 and 1."
    if region is None:
        raise PromptError("This task needs a region.", hint, field="region")
    try:
        x1, y1, x2, y2 = (float(v) for v in region)
    except (TypeError, ValueError, OverflowError):
        raise PromptError("The region is not four numbers.", hint, field="region") from None
    if not all(math.isfinite(v) and 0 <= v <= 1 for v in (x1, y1, x2, y2)):
        raise PromptError("The region lies outside the picture.", hint, field="region")
    x1, x2, y1, y2 = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
    if x1 == x2 or y1 == y2:
        raise PromptError("The region has no area.", hint, field="region")
    return x1, y1, x2, y2


def location_tokens(region: Region) -> str:
    """Four location tokens, `round(fraction * 1000)` clamped to 0..999, as Florence-2's processor quantizes."""
    return "".join(f"<loc_{min(LOCATION_BINS - 1, max(0, round(v * LOCATION_BINS)))}>" for v in region)


def custom_prompt(text: str) -> str:
    """Check a whole prompt: an official task with its input, or free text.

    Raises:
        PromptError: If it is empty or too long, lacks its task's input, or the model cannot take it.
    """
    prompt = "".join(c if c.isprintable() else " " for c in str(text or "")).strip()
    if not prompt:
        raise PromptError("The prompt is empty.", "Type one, for example: What color is the car?", field="text")
    if len(prompt) > MAX_TEXT:
        raise PromptError(
            f"The prompt is too long: {len(prompt):,} characters.", f"Use up to {MAX_TEXT:,}.", field="text"
        )
    task = find_task(prompt)
    if task and task.input_kind is not InputKind.NONE and not prompt.removeprefix(task.token).strip():
        raise PromptError(
            f"{task.token} needs an input after it.", f"For example: {task.token}{task.example}", field="text"
        )
    return prompt


def find_task(prompt: str) -> Task | None:
    """The only task whose token is in a prompt; None if the prompt has no token.

    Raises:
        PromptError: If it has more than one token, a token that is not at the start, text after a task that takes none,
            or `<image>`: Florence-2's processor refuses all of these.
    """
    if "<image>" in prompt:
        raise PromptError("The prompt may not contain <image>.", "The picture is added automatically.", field="text")
    tokens = [token for token in TASKS if token != CUSTOM and token in prompt]
    if not tokens:
        return None
    token = tokens[0]
    if len(tokens) > 1 or prompt.count(token) > 1:
        raise PromptError("The prompt contains more than one task token.", "Use one at a time.", field="text")
    if not prompt.startswith(token):
        raise PromptError(f"{token} is not at the start of the prompt.", "Remove what comes before it.", field="text")
    if TASKS[token].input_kind is InputKind.NONE and prompt != token:
        raise PromptError(f"{token} takes no text after it.", f"Send {token} alone, without spaces.", field="text")
    return TASKS[token]


def task_of_prompt(prompt: str) -> Task:
    """The task whose token starts a prompt; the custom task if none does."""
    token = prompt[: prompt.find(">") + 1]
    return TASKS.get(token, TASKS[CUSTOM])
