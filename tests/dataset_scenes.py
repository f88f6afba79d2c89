"""Nano's scenes with their ground truth, in typical picture files."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from florence_ui.nano.scenes import draw_scene
from florence_ui.prompts import build_prompt
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task

TASK = "<OPEN_VOCABULARY_DETECTION>"
ASKED = ("tree", "zebra", "cup", "apple")
"""Classes in no alphabetical order; no scene has a zebra."""
TURNED = 6
"""EXIF orientation of a picture that was taken upright with a sideways camera."""


@dataclass
class Answer:
    """What the exports need to know of an answer."""

    result: Result
    model_id: str = "florence-2-nano"
    backend: str = "local"
    seconds: float = 0.1
    recorded: None = None


@dataclass(frozen=True)
class SceneFile:
    """A picture file, what its owner calls it, and the truth about it."""

    name: str
    path: Path
    result: Result


def scene_files(folder: Path) -> list[SceneFile]:
    """Ten pictures: boxes, outlines, both or neither, objects at every edge, one turned; awkward names."""
    return [
        scene(folder, "my photo.png", 1_000_001, outlined=0),
        scene(folder, "a#b.jpg", 1_000_002, outlined=0, tight=True),
        scene(folder, "a-b.jpg", 1_000_003, outlined=2, tight=True),
        scene(folder, "🐧.png", 1_000_004, outlined=0, objects=False),
        scene(folder, "twice.jpg", 1_000_005, outlined=9, tight=True),
        scene(folder, "twice.jpg", 1_000_006, outlined=0, size=(641, 479)),
        scene(folder, "turned.jpg", 1_000_007, outlined=1, turned=True, size=(333, 777)),
        scene(folder, "flat.png", 1_000_008, outlined=1, flat=True),
        scene(folder, "over the edge.jpg", 1_000_009, outlined=0, tight=True, beyond=0.4, size=(997, 613)),
        scene(folder, "nothing.jpg", 1_000_010, outlined=0, objects=False),
    ]


def scene(
    folder: Path,
    name: str,
    seed: int,
    *,
    outlined: int,
    tight: bool = False,
    objects: bool = True,
    turned: bool = False,
    flat: bool = False,
    beyond: float = 0.0,
    size: tuple[int, int] | None = None,
) -> SceneFile:
    """One picture.

    Args:
        folder: Where to put it.
        name: What its owner calls it.
        seed: The scene's.
        outlined: How many of its objects have outlines beside boxes.
        tight: Whether it is cut to its objects, so that they touch all edges.
        objects: Whether the answer names any.
        turned: Whether the file lies on its side, with an EXIF block that says so.
        flat: Whether the answer also has a box without width and an outline that is a line.
        beyond: How many pixels the boxes reach over the edge.
        size: (width, height) to scale it to.
    """
    drawn = draw_scene(seed)
    boxes = np.array([thing.box for thing in drawn.things], dtype=float)
    x1, y1, x2, y2 = (*boxes[:, :2].min(0), *boxes[:, 2:].max(0)) if tight else (0, 0, *drawn.image.size)
    image = drawn.image.crop((int(x1), int(y1), int(x2), int(y2)))
    scale = np.array(size) / image.size if size else np.ones(2)
    image = image.resize(size) if size else image
    things = drawn.things if objects else []

    def place(points: np.ndarray) -> np.ndarray:
        return (points.reshape(-1, 2) - (x1, y1)) * scale

    parts = [[place(thing.polygon)] if row < outlined else [] for row, thing in enumerate(things)]
    xyxy = [
        np.concatenate([own[0].min(axis=0), own[0].max(axis=0)]) if own else place(np.array(thing.box)).ravel()
        for own, thing in zip(parts, things, strict=True)
    ]
    xyxy = [_push(box, image.size, beyond) for box in xyxy]
    labels = [thing.label for thing in things]
    if flat:
        labels += ["line", "line"]
        xyxy += [np.array([5.0, 5, 5, 60]), np.array([10.0, 10, 10, 40])]
        parts += [[], [np.array([[10.0, 10], [10, 20], [10, 40]])]]
    found = make_detections(labels, xyxy, polygons=parts)
    prompt = build_prompt(get_task(TASK), classes=ASKED)
    path = folder / f"{seed}{Path(name).suffix}"
    path.write_bytes(_file(image, name, turned=turned))
    return SceneFile(name, path, Result(get_task(TASK), prompt, image.size, detections=found))


def truth(scenes: Sequence[SceneFile]) -> list[tuple[str, np.ndarray, list[np.ndarray]]]:
    """(label, box cut to the picture, outline) of every object that has a width and a height."""
    return [
        (label, np.clip(box, 0, [*scene.result.size, *scene.result.size]), parts)
        for scene in scenes
        for label, box, parts in zip(
            scene.result.labels, scene.result.detections.xyxy, scene.result.polygons, strict=True
        )
        if label != "line"
    ]


def _push(box: np.ndarray, size: tuple[int, int], beyond: float) -> np.ndarray:
    edges = np.array([0, 0, *size], dtype=float)
    return np.where(np.isclose(box, edges), box + np.array([-1, -1, 1, 1]) * beyond, box)


def _file(image: Image.Image, name: str, *, turned: bool) -> bytes:
    file = io.BytesIO()
    if name.endswith(".png"):
        image.save(file, "PNG")
    elif turned:
        exif = Image.Exif()
        exif[0x0112] = TURNED
        image.transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", quality=90, exif=exif)
    else:
        image.save(file, "JPEG", quality=90)
    return file.getvalue()
