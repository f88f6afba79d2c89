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
        search: More words by which a person may look for it, besides those of title, token, family and help.
    """

    token: str
    title: str
    family: Family
    input_kind: InputKind
    output_kind: OutputKind
    help: str
    example: str = ""
    experimental: bool = False
    search: str = ""


CUSTOM = "custom"

TASKS: dict[str, Task] = {
    task.token: task
    for task in (
        Task(
            "<CAPTION>", "Brief caption", Family.CAPTION, InputKind.NONE, OutputKind.TEXT,
            "One sentence about the whole picture.", search="what describe summarize",
        ),
        Task(
            "<DETAILED_CAPTION>", "Detailed caption", Family.CAPTION, InputKind.NONE, OutputKind.TEXT,
            "A few sentences: what is there and where.", search="what describe",
        ),
        Task(
            "<MORE_DETAILED_CAPTION>", "Long caption", Family.CAPTION, InputKind.NONE, OutputKind.TEXT,
            "A paragraph with everything the model notices.", search="what describe paragraph",
        ),
        Task(
            "<OD>", "Find objects", Family.DETECT, InputKind.NONE, OutputKind.BOXES,
            "A box and a name for every object the model knows.", search="detect locate where count many",
        ),
        Task(
            "<DENSE_REGION_CAPTION>", "Describe every region", Family.DETECT, InputKind.NONE, OutputKind.BOXES,
            "A box and a short description for every region.", search="caption",
        ),
        Task(
            "<REGION_PROPOSAL>", "Propose regions", Family.DETECT, InputKind.NONE, OutputKind.BOXES,
            "Boxes around whatever stands out, without names.", search="find boxes",
        ),
        Task(
            "<OPEN_VOCABULARY_DETECTION>", "Find my classes", Family.DETECT, InputKind.CLASSES,
            OutputKind.OPEN_VOCABULARY, "Boxes for the classes you name.", "dog, bicycle",
            search="detect locate where count many",
        ),
        Task(
            "<CAPTION_TO_PHRASE_GROUNDING>", "Ground a caption", Family.GROUND, InputKind.PHRASE, OutputKind.BOXES,
            "A box for everything your sentence mentions.", "A dog next to a bicycle.",
            search="find locate where phrase",
        ),
        Task(
            "<REFERRING_EXPRESSION_SEGMENTATION>", "Segment by words", Family.SEGMENT, InputKind.PHRASE,
            OutputKind.POLYGONS, "An outline of the thing you describe.", "the brown dog",
            search="find locate where outline mask phrase",
        ),
        Task(
            "<REGION_TO_SEGMENTATION>", "Segment a region", Family.SEGMENT, InputKind.REGION, OutputKind.POLYGONS,
            "An outline of what is inside the box you draw.", "0.2, 0.2, 0.8, 0.8", search="outline mask",
        ),
        Task(
            "<OCR>", "Read text", Family.READ, InputKind.NONE, OutputKind.TEXT,
            "All the text in the picture.", search="words transcribe",
        ),
        Task(
            "<OCR_WITH_REGION>", "Read and locate text", Family.READ, InputKind.NONE, OutputKind.QUADS,
            "Every line of text, with the four corners around it.", search="find where words transcribe",
        ),
        Task(
            "<REGION_TO_OCR>", "Read a region", Family.READ, InputKind.REGION, OutputKind.REGION_TEXT,
            "The words inside the box you draw; the model often reads the whole picture instead.",
            "0.2, 0.2, 0.8, 0.8", experimental=True, search="text words",
        ),
        Task(
            "<REGION_TO_CATEGORY>", "Name a region", Family.REGION, InputKind.REGION, OutputKind.REGION_TEXT,
            "One name for what is inside the box you draw.", "0.2, 0.2, 0.8, 0.8",
            search="what classify identify label",
        ),
        Task(
            "<REGION_TO_DESCRIPTION>", "Describe a region", Family.REGION, InputKind.REGION, OutputKind.REGION_TEXT,
            "A short description of what is inside the box you draw.", "0.2, 0.2, 0.8, 0.8", search="what caption",
        ),
        Task(
            CUSTOM, "Custom prompt", Family.CUSTOM, InputKind.PROMPT, OutputKind.ANY,
            "Your own prompt, for fine-tuned models.", "What color is the car?",
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
