"""The stages of a question: as given (`Question`), checked (`RequestTemplate`), about a picture (`Request`), answered
(`Analysis`).

    template = RequestTemplate.of(Question("<OPEN_VOCABULARY_DETECTION>", classes=("dog, cat",)))
    analysis = await pipeline.analyze(template.about(picture))

The page, its tabs and the endpoints all use these, so the same input means the same everywhere.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Self

from starlette.datastructures import Secret

from florence_ui.assets import EXAMPLES
from florence_ui.errors import InputError, PromptError
from florence_ui.images.loading import Picture
from florence_ui.models import normalize_id
from florence_ui.prompts import Region, build_prompt, check_region, split_classes
from florence_ui.results.result import Result
from florence_ui.settings_readers import is_key
from florence_ui.tasks import InputKind, Task, get_task

MAX_COORDINATE = 1_000_000
"""A bound on coordinates; no picture has that many pixels per side."""
MAX_MODEL_ID = 200
REGION_HINT = "Send [x1, y1, x2, y2]: parts of the picture's sides, 0 to 1, or pixels."


class Strategy(StrEnum):
    """How several classes are asked for.

    EACH makes one call per class, which is the most reliable; a class that fails is marked, the others stay.
    TOGETHER is one call with the classes joined by `<and>`, as in Roboflow's documentation; the model often answers
    only some of them, or treats them as one name.
    SENTENCE is one call of phrase grounding with "a, b and c"; the model was trained on such sentences.
    """

    EACH = "each"
    TOGETHER = "together"
    SENTENCE = "sentence"


@dataclass(frozen=True)
class Question:
    """A question as given: unchecked, and without its picture and key.

    Attributes:
        token: The task's token.
        text: A phrase, or the whole prompt of a custom task.
        classes: Names to look for. Each text may hold several, separated by commas, semicolons or line breaks.
        region: (x1, y1, x2, y2), fractions of the picture's sides, 0 to 1, or pixels.
        model_id: The model; `""` leaves the choice to `Pipeline.choose_model`.
        backend: `serverless`, `dedicated` or `local`.
        strategy: How several classes are asked for.
    """

    token: str
    text: str = ""
    classes: tuple[str, ...] = ()
    region: Region | None = None
    model_id: str = ""
    backend: str = "local"
    strategy: Strategy = Strategy.TOGETHER

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(split_classes("\n".join(self.classes))))

    @property
    def prompt(self) -> str:
        """The prompt that would be sent to the model; `""` if the question cannot be asked as it is."""
        try:
            return build_prompt(get_task(self.token), text=self.text, classes=self.classes, region=self.region)
        except PromptError:
            return ""


@dataclass(frozen=True)
class RequestTemplate:
    """A checked question that lacks only its picture. Attributes as in `Question`, and:

    Attributes:
        task: The task.
        region: The region if the task needs one; in pixels if a coordinate is greater than 1.
        api_key: The visitor's own key; without one the operator's is used.
        nano_stands_in: Whether nano may answer, with a warning, if base is not available and no model was chosen.
    """

    task: Task
    text: str = ""
    classes: tuple[str, ...] = ()
    region: Region | None = None
    model_id: str = ""
    backend: str = "local"
    strategy: Strategy = Strategy.TOGETHER
    api_key: Secret | None = None
    nano_stands_in: bool = False

    @classmethod
    def of(cls, question: Question, *, key: str = "", nano_stands_in: bool = False) -> Self:
        """Check everything about a question that can be checked without its picture.

        Args:
            question: The question as given.
            key: The API key that was typed; `""` for none.
            nano_stands_in: See the attribute.

        Raises:
            InputError: If something is missing or cannot be used.
        """
        task = get_task(question.token)
        region = check_any_region(question.region) if task.input_kind is InputKind.REGION else None
        fractions = (0.0, 0.0, 1.0, 1.0) if region and _in_pixels(region) else region
        build_prompt(task, text=question.text, classes=question.classes, region=fractions)
        return cls(
            task,
            question.text,
            question.classes,
            region,
            check_model_id(question.model_id),
            question.backend,
            question.strategy,
            parse_key(key),
            nano_stands_in,
        )

    def about(self, picture: Picture) -> "Request":
        """The question about a picture.

        Raises:
            PromptError: If a region in pixels lies outside the picture.
        """
        region = self.region
        if region and _in_pixels(region):
            region = _fractions(region, picture.size)
        example = picture.path.is_relative_to(EXAMPLES)
        return Request(**{**vars(self), "region": region}, picture=picture, example=example)


@dataclass(frozen=True)
class Request(RequestTemplate):
    """A question to the model. Attributes as in `RequestTemplate`, with the region in fractions, and:

    Attributes:
        picture: The picture.
        example: Whether it is a bundled example, which need not wait for a download.
    """

    picture: Picture = field(kw_only=True)
    example: bool = field(default=False, kw_only=True)

    def with_task(
        self, task: Task, *, text: str = "", classes: tuple[str, ...] = (), region: Region | None = None
    ) -> "Request":
        """Another question about the same picture, to the same model, with the same key."""
        return replace(self, task=task, text=text, classes=classes, region=region)


@dataclass(frozen=True, eq=False)
class StoredAnalysis:
    """An answer in the form in which it is kept: without its picture or a key.

    Attributes:
        result: The answer, parsed.
        model_id: The model that answered.
        backend: The backend's name.
        server: Host that answered.
        seconds: Seconds from the request to the result.
        remembered: Whether the answer was cached by an earlier run.
        steps: Seconds by step: `wait` (model and queue), `model` (the server's answer), `read` (parsing).
        recorded: The day on which the answer was recorded; None for one that the model has just given.
        asked: What was asked in words, for an answer to more than one question; empty for the result's task alone.
    """

    result: Result
    model_id: str
    backend: str
    server: str
    seconds: float
    remembered: bool = False
    steps: Mapping[str, float] = field(default_factory=dict)
    recorded: date | None = None
    asked: str = ""

    @property
    def title(self) -> str:
        """What it answers: the task, and the steps that followed, if any did."""
        return self.asked or self.result.task.title

    def then(self, step: str, result: Result) -> Self:
        """The answer to the same question and a further step."""
        return replace(self, result=result, asked=f"{self.title}, then {step}")

    def with_picture(self, picture: Picture) -> "Analysis":
        """The answer together with its picture."""
        return Analysis(**vars(self), picture=picture)


@dataclass(frozen=True, eq=False)
class Analysis(StoredAnalysis):
    """An answer with the picture that it is about."""

    picture: Picture = field(kw_only=True)

    def stored(self) -> StoredAnalysis:
        """The answer without the decoded picture."""
        return StoredAnalysis(**{name: value for name, value in vars(self).items() if name != "picture"})


Analyze = Callable[[Request], Awaitable[Analysis]]
"""A function that asks the model once: `Pipeline.analyze`, or a wrapper around it."""


def check_model_id(model_id: str) -> str:
    """Check and normalize a model's id.

    Raises:
        InputError: If it cannot be a model's id.
    """
    model_id = normalize_id(model_id)
    if len(model_id) > MAX_MODEL_ID or not model_id.isprintable() or any(c.isspace() for c in model_id):
        raise InputError("That is not a model ID.", "Type one such as florence-2-base.", field="model_id")
    return model_id


def parse_key(text: str | None) -> Secret | None:
    """Check a visitor's own key; None if nothing was typed.

    Raises:
        InputError: If it cannot be a key; the error does not repeat it.
    """
    text = (text or "").strip()
    if not text:
        return None
    if not is_key(text):
        raise InputError("That is not an API key.", "Paste the key alone, without spaces.", field="api_key")
    return Secret(text)


def check_any_region(region: Sequence[float] | None) -> Region:
    """Check a region in fractions of the picture's sides or in pixels, and sort its corners.

    A coordinate greater than 1 means pixels.

    Raises:
        PromptError: If there is none, or it is neither in fractions nor in pixels.
    """
    if region is None or len(region) != 4 or max(region) <= 1:
        return check_region(region)
    if min(region) < 0 or max(region) < 2:
        raise PromptError("The region lies outside the picture.", REGION_HINT, field="region")
    if any(0 < value < 1 for value in region):
        raise PromptError("The region mixes fractions and pixels.", REGION_HINT, field="region")
    check_region([value / MAX_COORDINATE for value in region])
    x1, y1, x2, y2 = map(float, region)
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _in_pixels(region: Region) -> bool:
    return max(region) > 1


def _fractions(region: Region, size: tuple[int, int]) -> Region:
    """Convert a region in pixels to fractions of a picture of (width, height).

    Raises:
        PromptError: If it lies outside the picture.
    """
    width, height = size
    x1, y1, x2, y2 = region
    fractions = x1 / width, y1 / height, x2 / width, y2 / height
    if max(fractions) > 1:
        words = f"The region lies outside the picture, which has {width} x {height} pixels."
        raise PromptError(words, REGION_HINT, field="region")
    return check_region(fractions)
