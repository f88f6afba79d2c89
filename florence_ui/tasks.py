"""The sixteen tasks of Florence-2, in one table, and how each one's prompt is written.

The prompt starts with the task token, without a space before it and, where the task takes no input, with
nothing after it. Classes are joined by `<and>`; a region is four location tokens. Anything else makes the
model's server fail or, worse, answer plausible nonsense, so it is refused here.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from florence_ui.errors import PromptError

Region = tuple[float, float, float, float]
"""A box (x1, y1, x2, y2) in fractions of the picture's width and height, 0 to 1."""

LOCATION_BINS = 1000
MAX_TEXT = 1000
"""Most characters of a phrase, a class or a custom prompt; the model reads at most about as many tokens."""
MAX_CLASSES = 40


class Family(StrEnum):
    """What a person wants to do, in one word; each family has one or more tasks."""

    CAPTION = "Caption"
    DETECT = "Detect"
    GROUND = "Ground"
    SEGMENT = "Segment"
    READ = "Read"
    REGION = "Region"
    CUSTOM = "Custom"


class InputKind(StrEnum):
    """What a task needs besides the picture."""

    NONE = "none"
    PHRASE = "phrase"
    CLASSES = "classes"
    REGION = "region"
    PROMPT = "prompt"


class OutputKind(StrEnum):
    """The shape of a task's answer."""

    TEXT = "text"
    BOXES = "boxes"
    QUADS = "quads"
    POLYGONS = "polygons"
    OPEN_VOCABULARY = "open vocabulary"
    REGION_TEXT = "region text"
    ANY = "any"


@dataclass(frozen=True)
class Task:
    """One row of the table.

    Attributes:
        token: The prompt's first token, such as `<OD>`; `custom` for a prompt of one's own.
        title: A plain title, two or three words.
        family: Where a person finds it.
        input_kind: What it needs besides the picture.
        output_kind: The shape of its answer.
        help: One line: what it does.
        example: A good value for its input; empty where it takes none.
        experimental: Whether the model often gets it wrong.
    """

    token: str
    title: str
    family: Family
    input_kind: InputKind
    output_kind: OutputKind
    help: str
    example: str = ""
    experimental: bool = False


CUSTOM = "custom"

TASKS: dict[str, Task] = {
    task.token: task
    for task in (
        Task(
            "<CAPTION>", "Brief caption", Family.CAPTION, InputKind.NONE, OutputKind.TEXT,
            "One sentence about the whole picture.",
        ),
        Task(
            "<DETAILED_CAPTION>", "Detailed caption", Family.CAPTION, InputKind.NONE, OutputKind.TEXT,
            "A few sentences: what is there and where.",
        ),
        Task(
            "<MORE_DETAILED_CAPTION>", "Long caption", Family.CAPTION, InputKind.NONE, OutputKind.TEXT,
            "A paragraph with everything the model notices.",
        ),
        Task(
            "<OD>", "Find objects", Family.DETECT, InputKind.NONE, OutputKind.BOXES,
            "A box and a name for every object the model knows.",
        ),
        Task(
            "<DENSE_REGION_CAPTION>", "Describe every region", Family.DETECT, InputKind.NONE, OutputKind.BOXES,
            "Boxes with a short description each, instead of one word.",
        ),
        Task(
            "<REGION_PROPOSAL>", "Propose regions", Family.DETECT, InputKind.NONE, OutputKind.BOXES,
            "Boxes around whatever stands out, without names.",
        ),
        Task(
            "<OPEN_VOCABULARY_DETECTION>", "Find my classes", Family.DETECT, InputKind.CLASSES,
            OutputKind.OPEN_VOCABULARY, "Boxes for the classes that you name.", "dog, bicycle",
        ),
        Task(
            "<CAPTION_TO_PHRASE_GROUNDING>", "Ground a caption", Family.GROUND, InputKind.PHRASE, OutputKind.BOXES,
            "A box for every thing that your sentence mentions.", "A dog next to a bicycle.",
        ),
        Task(
            "<REFERRING_EXPRESSION_SEGMENTATION>", "Segment by words", Family.SEGMENT, InputKind.PHRASE,
            OutputKind.POLYGONS, "The outline of the one thing that you describe.", "the brown dog",
        ),
        Task(
            "<REGION_TO_SEGMENTATION>", "Segment a region", Family.SEGMENT, InputKind.REGION, OutputKind.POLYGONS,
            "The outline of what is inside the box that you draw.", "0.2, 0.2, 0.8, 0.8",
        ),
        Task(
            "<OCR>", "Read text", Family.READ, InputKind.NONE, OutputKind.TEXT,
            "All words in the picture, as one text.",
        ),
        Task(
            "<OCR_WITH_REGION>", "Read text with places", Family.READ, InputKind.NONE, OutputKind.QUADS,
            "Every line of text with the four corners around it.",
        ),
        Task(
            "<REGION_TO_OCR>", "Read a region", Family.READ, InputKind.REGION, OutputKind.REGION_TEXT,
            "The words inside the box that you draw; the model often reads the whole picture instead.",
            "0.2, 0.2, 0.8, 0.8", experimental=True,
        ),
        Task(
            "<REGION_TO_CATEGORY>", "Name a region", Family.REGION, InputKind.REGION, OutputKind.REGION_TEXT,
            "One name for what is inside the box that you draw.", "0.2, 0.2, 0.8, 0.8",
        ),
        Task(
            "<REGION_TO_DESCRIPTION>", "Describe a region", Family.REGION, InputKind.REGION, OutputKind.REGION_TEXT,
            "A short description of what is inside the box that you draw.", "0.2, 0.2, 0.8, 0.8",
        ),
        Task(
            CUSTOM, "Custom prompt", Family.CUSTOM, InputKind.PROMPT, OutputKind.ANY,
            "A whole prompt of your own, for fine-tuned models.", "What colour is the car?",
        ),
    )
}  # fmt: skip


def get_task(token: str) -> Task:
    """The task of that token.

    Raises:
        PromptError: If there is no such task.
    """
    task = TASKS.get(token) if isinstance(token, str) else None
    if task is None:
        raise PromptError("There is no such task.", "Choose one of " + ", ".join(TASKS) + ".", field="task")
    return task


def tasks_in(family: Family) -> list[Task]:
    """A family's tasks, in the table's order."""
    return [task for task in TASKS.values() if task.family is family]


def build_prompt(task: Task, *, text: str = "", classes: Sequence[str] = (), region: Region | None = None) -> str:
    """The prompt that is sent to the model.

    Args:
        task: The task; what it does not need is ignored.
        text: The phrase, or the whole prompt of a custom task.
        classes: The names to look for.
        region: (x1, y1, x2, y2), 0 to 1.

    Raises:
        PromptError: If what the task needs is missing, or holds what the model cannot take.
    """
    match task.input_kind:
        case InputKind.NONE:
            return task.token
        case InputKind.PHRASE:
            return task.token + clean_text(
                text, field="text", missing="This task needs a phrase.", example=task.example
            )
        case InputKind.CLASSES:
            return task.token + "<and>".join(clean_classes(classes))
        case InputKind.REGION:
            return task.token + location_tokens(check_region(region))
        case InputKind.PROMPT:
            return custom_prompt(text)


def clean_text(text: str, *, field: str, missing: str, example: str = "") -> str:
    """A person's words made fit for the model: one line, without tokens of the model's own.

    Raises:
        PromptError: If nothing is left, if it is too long, or if it holds `<...>` tokens.
    """
    line = " ".join(str(text or "").split())
    line = "".join(c for c in line if c.isprintable())
    if not line:
        raise PromptError(missing, f"Type one, for example: {example}" if example else "Type one.", field=field)
    if len(line) > MAX_TEXT:
        raise PromptError(
            f"The text is too long: {len(line):,} characters.", f"Keep it under {MAX_TEXT:,}.", field=field
        )
    if "<" in line or ">" in line:
        raise PromptError(
            "The text may not contain < or >.", "They mark the model's own tokens; leave them out.", field=field
        )
    return line


def clean_classes(classes: Sequence[str]) -> list[str]:
    """Class names without blank or repeated ones, in the order given.

    Raises:
        PromptError: If none is left, there are too many, or one holds what the model cannot take.
    """
    missing = "This task needs at least one class."
    names = [clean_text(c, field="classes", missing=missing) for c in classes if str(c or "").strip()]
    unique = list(dict.fromkeys(names))
    if not unique:
        raise PromptError(missing, "Type one or more names, for example: dog, bicycle", field="classes")
    if len(unique) > MAX_CLASSES:
        raise PromptError(
            f"{len(unique)} classes are too many.", f"Use up to {MAX_CLASSES} at a time.", field="classes"
        )
    return unique


def split_classes(text: str) -> list[str]:
    """Comma- or line-separated class names, as typed."""
    return [name for part in re.split(r"[,;\n]", str(text or "")) if (name := part.strip())]


def check_region(region: Sequence[float] | None) -> Region:
    """A region inside the picture, with its corners sorted.

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
    """A whole prompt: an official task with its input, or free words.

    Raises:
        PromptError: If it is empty, too long, a task without its input, or one that the model cannot take.
    """
    prompt = "".join(c if c.isprintable() else " " for c in str(text or "")).strip()
    if not prompt:
        raise PromptError("The prompt is empty.", "Type one, for example: What colour is the car?", field="text")
    if len(prompt) > MAX_TEXT:
        raise PromptError(
            f"The prompt is too long: {len(prompt):,} characters.", f"Keep it under {MAX_TEXT:,}.", field="text"
        )
    task = find_task(prompt)
    if task and task.input_kind is not InputKind.NONE and not prompt.removeprefix(task.token).strip():
        raise PromptError(
            f"{task.token} needs an input after it.", f"For example: {task.token}{task.example}", field="text"
        )
    return prompt


def find_task(prompt: str) -> Task | None:
    """The one task whose token starts a prompt; None where the prompt holds no token.

    Raises:
        PromptError: If it holds more than one token, a token that is not at the start, text after a task that takes
            none, or `<image>`: Florence-2's processor refuses all of these.
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
