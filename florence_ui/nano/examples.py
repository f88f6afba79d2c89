"""The bundled example pictures: scenes composed by hand from the generator's parts, with ground truth.

``python -m florence_ui.nano.examples`` redraws them into ``assets/examples``.
"""

import json
import random
from dataclasses import dataclass
from pathlib import Path

from florence_ui.assets import EXAMPLES
from florence_ui.nano import captions
from florence_ui.nano.backgrounds import Color, sky_and_ground
from florence_ui.nano.scenes import Canvas, Scene, frame_at
from florence_ui.nano.signs import SignStyle, draw_sign
from florence_ui.nano.write_scenes import ground_truth

SIZE = (960, 720)


@dataclass(frozen=True)
class Placed:
    """An object: x of its middle, y of its foot, longer side; in parts of the picture's width, height and height."""

    name: str
    middle: float
    foot: float
    side: float


@dataclass(frozen=True)
class PlacedSign:
    """A sign: its word, its center in parts of the picture's width and height, and its looks."""

    word: str
    middle: tuple[float, float]
    font: str
    board: Color
    ink: Color
    text_size: float = 0.12
    rotation: float = 0.0


@dataclass(frozen=True)
class Composition:
    """A picture and the question that goes with it.

    Attributes:
        name: File name without extension.
        title: Title on the page.
        task: The task's token.
        seed: Seed of the hills, none that training uses.
        sky: Color above the horizon.
        ground: Color below it.
        horizon: Its position in parts of the height.
        hills: Number of hills.
        text: The phrase, for tasks that take one; the first two objects if empty.
        classes: For open-vocabulary detection; the first three objects if empty.
        region_of: The object or word whose box is the region, for tasks that take one; the first object if empty.
    """

    name: str
    title: str
    task: str
    seed: int
    sky: Color
    ground: Color
    horizon: float
    hills: int
    things: tuple[Placed, ...]
    signs: tuple[PlacedSign, ...] = ()
    text: str = ""
    classes: tuple[str, ...] = ()
    region_of: str = ""


COMPOSITIONS = (
    Composition(
        "park", "In the park", "<OD>", 1_000_101, (150, 208, 250), (128, 196, 104), 0.6, 3,
        (
            Placed("sun", 0.86, 0.25, 0.2), Placed("tree", 0.16, 0.76, 0.32), Placed("butterfly", 0.42, 0.42, 0.18),
            Placed("bicycle", 0.66, 0.72, 0.28), Placed("dog", 0.4, 0.84, 0.22), Placed("ball", 0.85, 0.92, 0.18),
        ),
    ),
    Composition(
        "street", "Street signs", "<OCR_WITH_REGION>", 1_000_202, (186, 214, 236), (150, 150, 158), 0.66, 0,
        (
            Placed("house", 0.14, 0.68, 0.3), Placed("tree", 0.87, 0.68, 0.3), Placed("bus", 0.36, 0.92, 0.28),
            Placed("car", 0.74, 0.92, 0.26),
        ),
        (
            PlacedSign("HOTEL", (0.3, 0.18), "DejaVuSans-Bold", (36, 64, 120), (245, 240, 230), 0.13),
            PlacedSign("TAXI", (0.58, 0.5), "DejaVuSans-Bold", (250, 214, 70), (30, 30, 34), 0.12, 3.0),
        ),
    ),
    Composition(
        "farm", "On the farm", "<MORE_DETAILED_CAPTION>", 1_000_303, (178, 224, 246), (196, 206, 112), 0.55, 2,
        (
            Placed("tractor", 0.8, 0.6, 0.3), Placed("cow", 0.18, 0.76, 0.3), Placed("pig", 0.48, 0.9, 0.24),
            Placed("chicken", 0.82, 0.93, 0.2),
        ),
        (PlacedSign("FARM", (0.42, 0.32), "DejaVuSerif-Bold", (110, 62, 34), (250, 240, 214), 0.13),),
    ),
    Composition(
        "kitchen", "In the kitchen", "<OPEN_VOCABULARY_DETECTION>", 1_000_404,
        (250, 236, 214), (206, 160, 116), 0.58, 0,
        (
            Placed("clock", 0.84, 0.3, 0.22), Placed("cup", 0.14, 0.74, 0.24), Placed("cake", 0.42, 0.72, 0.3),
            Placed("banana", 0.64, 0.9, 0.26), Placed("cheese", 0.24, 0.96, 0.22), Placed("apple", 0.87, 0.78, 0.2),
        ),
        (PlacedSign("MENU", (0.3, 0.2), "DejaVuSerif", (58, 84, 66), (246, 246, 236), 0.13),),
        classes=("apple", "cheese", "cup"),
    ),
    Composition(
        "desk", "A tidy desk", "<REGION_TO_CATEGORY>", 1_000_505, (214, 224, 232), (190, 146, 104), 0.52, 0,
        (
            Placed("laptop", 0.46, 0.72, 0.38), Placed("book", 0.14, 0.8, 0.26), Placed("camera", 0.82, 0.84, 0.24),
            Placed("bulb", 0.86, 0.4, 0.24),
        ),
        region_of="camera",
    ),
    Composition(
        "beach", "At the beach", "<CAPTION_TO_PHRASE_GROUNDING>", 1_000_606,
        (140, 206, 240), (240, 218, 166), 0.62, 1,
        (
            Placed("sun", 0.5, 0.26, 0.2), Placed("palm", 0.14, 0.78, 0.38), Placed("boat", 0.78, 0.64, 0.32),
            Placed("ball", 0.46, 0.92, 0.2),
        ),
        text="a sun and a ball",
    ),
    Composition(
        "party", "A party", "<REGION_TO_SEGMENTATION>", 1_000_707,
        (248, 214, 228), (214, 180, 226), 0.64, 0,
        (
            Placed("balloon", 0.14, 0.46, 0.3), Placed("hat", 0.84, 0.42, 0.22), Placed("gift", 0.22, 0.9, 0.26),
            Placed("cake", 0.52, 0.84, 0.32), Placed("guitar", 0.84, 0.94, 0.32),
        ),
        (PlacedSign("PARTY", (0.5, 0.22), "DejaVuSans-BoldOblique", (92, 40, 120), (255, 244, 200), 0.14, 4.0),),
        region_of="balloon",
    ),
    Composition(
        "launch", "To the moon", "<DENSE_REGION_CAPTION>", 1_000_808, (126, 132, 190), (176, 170, 196), 0.8, 3,
        (
            Placed("moon", 0.16, 0.36, 0.26), Placed("star", 0.56, 0.28, 0.18), Placed("rocket", 0.42, 0.86, 0.4),
            Placed("tent", 0.84, 0.9, 0.28),
        ),
    ),
)  # fmt: skip
"""All examples, in the order shown."""


def compose(composition: Composition) -> Scene:
    """The picture of a composition, with its ground truth.

    Raises:
        ValueError: Something lies outside the picture, or on a sign.
    """
    width, height = SIZE
    rng = random.Random(composition.seed)
    image = sky_and_ground(
        rng, SIZE, composition.sky, composition.ground, composition.horizon, composition.hills, shading=12
    )
    canvas = Canvas(image)
    for post in composition.signs:
        style = SignStyle(post.font, round(post.text_size * height), post.board, post.ink, post.rotation, rounded=True)
        sign = draw_sign(style, post.word)
        x, y = post.middle
        canvas.add_sign(
            sign.moved_to((round(x * width - sign.tile.width / 2), round(y * height - sign.tile.height / 2)))
        )
    for placed in composition.things:
        _, _, w, h = frame_at(placed.name, (0, 0), placed.side * height)
        frame = frame_at(placed.name, (placed.middle * width - w / 2, placed.foot * height - h), placed.side * height)
        if min(frame) < 0 or frame[2] > width or frame[3] > height or not canvas.has_room(frame, 0.08):
            raise ValueError(f"{composition.name}: no room for the {placed.name}")
        canvas.add_thing(placed.name, frame)
    return canvas.finish()


def entry(composition: Composition, scene: Scene, file: str) -> dict:
    """One entry of ``examples.json``; regions are in parts of the picture, boxes and quads in pixels."""
    whole = ground_truth(scene, file)
    names = [thing.label for thing in scene.things]
    boxes = {thing.label: thing.box for thing in scene.things}
    boxes |= {sign.word: (*sign.quad.min(0), *sign.quad.max(0)) for sign in scene.signs}
    box = boxes[composition.region_of or names[0]]
    return {
        "file": file,
        "title": composition.title,
        "task": composition.task,
        "text": composition.text or captions.join_words([captions.with_article(name) for name in names[:2]]),
        "classes": list(composition.classes or names[:3]),
        "region": [round(float(v) / SIZE[i % 2], 4) for i, v in enumerate(box)],
        "truth": {
            "objects": [{"label": one["label"], "box": one["box"]} for one in whole["objects"]],
            "words": whole["words"],
        },
    }


def write_examples(folder: Path) -> None:
    """Draw all examples into a folder, with ``examples.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for composition in COMPOSITIONS:
        scene = compose(composition)
        file = f"{composition.name}.jpg"
        scene.image.save(folder / file, quality=90)
        entries.append(entry(composition, scene, file))
    (folder / "examples.json").write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    write_examples(EXAMPLES)
