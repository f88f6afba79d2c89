"""Ground truth of a scene -> Florence-2's prompts and answers, for all fifteen tasks.

The formats are those that ``Florence2Processor.post_process_generation`` parses: a label and four locations (x1, y1,
x2, y2) for boxes, eight locations for the quad of a word, a run of locations for a polygon. The answer is empty for
what is not there.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass

from florence_ui.nano import captions
from florence_ui.nano.phrases import noun_phrase, sentence
from florence_ui.nano.scenes import Scene, Thing
from florence_ui.nano.vocabulary import NAMES

BINS = 1000

SHARES: dict[str, float] = {
    "<OD>": 12,
    "<DENSE_REGION_CAPTION>": 6,
    "<REGION_PROPOSAL>": 6,
    "<CAPTION>": 9,
    "<DETAILED_CAPTION>": 9,
    "<MORE_DETAILED_CAPTION>": 9,
    "<OCR>": 11,
    "<OCR_WITH_REGION>": 9,
    "<CAPTION_TO_PHRASE_GROUNDING>": 18,
    "<OPEN_VOCABULARY_DETECTION>": 12,
    "<REFERRING_EXPRESSION_SEGMENTATION>": 13,
    "<REGION_TO_SEGMENTATION>": 9,
    "<REGION_TO_CATEGORY>": 4,
    "<REGION_TO_DESCRIPTION>": 4,
    "<REGION_TO_OCR>": 4,
}
"""Task -> its weight among the questions asked in training."""

TASKS: tuple[str, ...] = tuple(SHARES)


@dataclass(frozen=True)
class Question:
    """One question about a scene.

    Attributes:
        task: The task's token, for example "<OD>".
        text: What follows the token in the prompt; empty for tasks without input.
        answer: The expected answer, as Florence-2 writes it.
        things: Positions in ``scene.things`` of the objects asked for, where some are.
        signs: Positions in ``scene.signs`` of the signs asked for, where some are.
        absent: Kinds asked for that the scene does not have.
    """

    task: str
    text: str
    answer: str
    things: tuple[int, ...] = ()
    signs: tuple[int, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def prompt(self) -> str:
        """Task token and input, as sent to a server."""
        return self.task + self.text


def bin_of(value: float, side: int) -> int:
    """The location bin, 0 to 999, of a coordinate on a side of that many pixels."""
    return min(BINS - 1, max(0, int(value / side * BINS)))


def locations(values: Iterable[float], picture_size: tuple[int, int]) -> str:
    """Pixels x, y, x, y, ... as location tokens."""
    return "".join(f"<loc_{bin_of(value, picture_size[index % 2])}>" for index, value in enumerate(values))


def tasks_for(scene: Scene) -> list[str]:
    """The tasks that apply to a scene: reading a region needs a sign."""
    return [task for task in TASKS if task != "<REGION_TO_OCR>" or scene.signs]


def ask(task: str, scene: Scene, rng: random.Random) -> Question:
    """A random question of that task about a scene, and its answer.

    Raises:
        KeyError: Unknown task.
        IndexError: ``<REGION_TO_OCR>`` for a scene without signs.
    """
    size = scene.image.size
    whole = {
        "<CAPTION>": captions.brief,
        "<DETAILED_CAPTION>": captions.detailed,
        "<MORE_DETAILED_CAPTION>": captions.more_detailed,
        "<OD>": lambda s: "".join(t.label + locations(t.box, size) for t in s.things),
        "<DENSE_REGION_CAPTION>": lambda s: "".join(
            captions.description(t, size) + locations(t.box, size) for t in s.things
        ),
        "<REGION_PROPOSAL>": lambda s: "".join(locations(t.box, size) for t in s.things),
        "<OCR>": lambda s: " ".join(sign.word for sign in s.signs),
        "<OCR_WITH_REGION>": lambda s: "".join(sign.word + locations(sign.quad.ravel(), size) for sign in s.signs),
    }
    if task in whole:
        return Question(task, "", whole[task](scene))
    return {
        "<CAPTION_TO_PHRASE_GROUNDING>": _ask_phrases,
        "<OPEN_VOCABULARY_DETECTION>": _ask_classes,
        "<REFERRING_EXPRESSION_SEGMENTATION>": _ask_mask,
        "<REGION_TO_SEGMENTATION>": _ask_region,
        "<REGION_TO_CATEGORY>": _ask_region,
        "<REGION_TO_DESCRIPTION>": _ask_region,
        "<REGION_TO_OCR>": _ask_sign_region,
    }[task](task, scene, rng)


def _some_kinds(scene: Scene, rng: random.Random) -> list[str]:
    """One to six kinds in random order, some of them absent from the scene."""
    there = [thing.label for thing in scene.things]
    absent = rng.sample([name for name in NAMES if name not in there], 6)
    count = rng.choices((1, 2, 3, 4, 5, 6), (4, 4, 4, 2, 2, 2))[0]
    return [
        there.pop(rng.randrange(len(there))) if there and rng.random() < 0.75 else absent.pop() for _ in range(count)
    ]


def _split(scene: Scene, kinds: list[str]) -> tuple[list[Thing], tuple[int, ...], tuple[str, ...]]:
    position = {thing.label: index for index, thing in enumerate(scene.things)}
    found = tuple(position[kind] for kind in kinds if kind in position)
    return [scene.things[i] for i in found], found, tuple(kind for kind in kinds if kind not in position)


def _ask_phrases(task: str, scene: Scene, rng: random.Random) -> Question:
    if rng.random() < 0.3:
        return _ask_own_caption(task, scene, rng)
    kinds = _some_kinds(scene, rng)
    phrases = {kind: noun_phrase(kind, rng) for kind in kinds}
    things, found, absent = _split(scene, kinds)
    answer = "".join(phrases[thing.label] + locations(thing.box, scene.image.size) for thing in things)
    return Question(task, sentence(list(phrases.values()), rng), answer, found, absent=absent)


def _ask_own_caption(task: str, scene: Scene, rng: random.Random) -> Question:
    """One of the scene's own captions, as a chain asks: everything mentioned is there."""
    caption = rng.choice((captions.brief, captions.detailed, captions.more_detailed))
    size = scene.image.size

    def phrase(thing: Thing) -> str:
        described = caption is captions.more_detailed
        return captions.description(thing, size) if described else captions.with_article(thing.label)

    answer = "".join(phrase(thing) + locations(thing.box, size) for thing in scene.things)
    return Question(task, caption(scene), answer, tuple(range(len(scene.things))))


def _ask_classes(task: str, scene: Scene, rng: random.Random) -> Question:
    kinds = _some_kinds(scene, rng)
    things, found, absent = _split(scene, kinds)
    answer = "".join(thing.label + locations(thing.box, scene.image.size) for thing in things)
    return Question(task, "<and>".join(kinds), answer, found, absent=absent)


def _ask_mask(task: str, scene: Scene, rng: random.Random) -> Question:
    kind = rng.choice(scene.things).label if rng.random() < 0.85 else rng.choice(NAMES)
    things, found, absent = _split(scene, [kind])
    answer = "".join(locations(thing.sprite_polygon.ravel(), scene.image.size) for thing in things)
    text = noun_phrase(kind, rng)
    if things and rng.random() < 0.2:
        text += f" {captions.place(things[0], scene.image.size)}"
    return Question(task, text, answer, found, absent=absent)


def _ask_region(task: str, scene: Scene, rng: random.Random) -> Question:
    index = rng.randrange(len(scene.things))
    thing, size = scene.things[index], scene.image.size
    region = locations(thing.box, size)
    answer = {
        "<REGION_TO_SEGMENTATION>": locations(thing.sprite_polygon.ravel(), size),
        "<REGION_TO_CATEGORY>": thing.label + region,
        "<REGION_TO_DESCRIPTION>": captions.description(thing, size) + region,
    }[task]
    return Question(task, region, answer, (index,))


def _ask_sign_region(task: str, scene: Scene, rng: random.Random) -> Question:
    index = rng.randrange(len(scene.signs))
    quad = scene.signs[index].quad
    region = locations((*quad.min(0), *quad.max(0)), scene.image.size)
    return Question(task, region, scene.signs[index].word + region, signs=(index,))
