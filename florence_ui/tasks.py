"""The sixteen tasks of Florence-2, in one table."""

from dataclasses import dataclass
from enum import StrEnum

from florence_ui.errors import PromptError


class Family(StrEnum):
    """A group of one or more tasks with the same purpose."""

    CAPTION = "Caption"
    DETECT = "Detect"
    GROUND = "Ground"
    SEGMENT = "Segment"
    READ = "Read"
    REGION = "Region"
    CUSTOM = "Custom"


class InputKind(StrEnum):
    """The input that a task needs besides the picture."""

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
        title: A title of two or three words.
        family: The family in which a person finds it.
        input_kind: The input that it needs besides the picture.
        output_kind: The shape of its answer.
        help: One line about what it does.
        example: A good value for its input; empty if it takes none.
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
    """Find the task of that token.

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
