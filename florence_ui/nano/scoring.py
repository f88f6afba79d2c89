"""Score a server's parsed answers against the ground truth of a scene.

Every answer adds values from 0 to 1 to named measures; a measure is the mean of its values.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any, TypeVar

import cv2
import numpy as np

from florence_ui.nano.answers import Question
from florence_ui.nano.scenes import Scene, Thing
from florence_ui.nano.signs import Sign
from florence_ui.nano.vocabulary import NAMES

Box = Sequence[float]
Regions = dict[str, list[Any]]
Answer = str | Regions
"""A server's answer to one task: text, or lists of boxes, quads, polygons and labels."""
Measures = defaultdict[str, list[float]]
F = TypeVar("F")
T = TypeVar("T")


def box_iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes x1, y1, x2, y2."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def polygons_iou(a: Sequence[np.ndarray], b: Sequence[np.ndarray], picture_size: tuple[int, int]) -> float:
    """Intersection over union of two areas, each of polygons of shape (n, 2) in pixels."""
    first, second = _raster(a, picture_size), _raster(b, picture_size)
    either = (first | second).sum()
    return float((first & second).sum() / either) if either else 0.0


def _raster(polygons: Sequence[np.ndarray], picture_size: tuple[int, int]) -> np.ndarray:
    width, height = picture_size
    mask = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        if len(polygon) >= 3:
            cv2.fillPoly(mask, [np.round(np.asarray(polygon)).astype(np.int32)], 1)
    return mask.astype(bool)


def kinds_in(text: str) -> list[str]:
    """The kinds of objects that a text names, in order; words in capitals are those on signs."""
    words = (word for word in re.findall(r"[A-Za-z]+", text) if not word.isupper())
    return [word.lower() for word in words if word.lower() in NAMES]


def match_one_to_one(
    found: Sequence[F], truth: Sequence[T], similarity: Callable[[F, T], float]
) -> list[tuple[int, int, float]]:
    """Greedy one-to-one matches (index in found, index in truth, similarity), best first, without similarity 0."""
    scored = sorted(
        ((similarity(f, t), i, j) for i, f in enumerate(found) for j, t in enumerate(truth)), key=lambda x: -x[0]
    )
    used_found: set[int] = set()
    used_truth: set[int] = set()
    result = []
    for value, i, j in scored:
        if value > 0 and i not in used_found and j not in used_truth:
            used_found.add(i)
            used_truth.add(j)
            result.append((i, j, value))
    return result


def score_answer(question: Question, scene: Scene, answer: Answer, measures: Measures) -> None:
    """Add the scores of an answer, as the server gave it for the task, to the measures."""
    if isinstance(answer, str):
        _score_text(question, scene, answer, measures)
    else:
        _score_regions(question, scene, answer, measures)


def _score_text(question: Question, scene: Scene, answer: str, measures: Measures) -> None:
    task = question.task
    if task in ("<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>"):
        right = sorted(kinds_in(answer)) == sorted(thing.label for thing in scene.things)
        measures[f"{task} exact"].append(float(right))
    elif task == "<OCR>":
        _score_words(task, answer.split(), scene, measures)
    elif task == "<REGION_TO_OCR>":
        measures[f"{task} word"].append(float(_before_locations(answer) == scene.signs[question.signs[0]].word))
    else:
        right = kinds_in(_before_locations(answer)) == [scene.things[question.things[0]].label]
        measures[f"{task} right"].append(float(right))


def _score_regions(question: Question, scene: Scene, answer: Regions, measures: Measures) -> None:
    task = question.task
    if task in ("<OD>", "<DENSE_REGION_CAPTION>", "<REGION_PROPOSAL>"):
        _score_boxes(task, scene, answer, measures)
    elif task == "<OCR_WITH_REGION>":
        _score_quads(answer, scene, measures)
    elif task == "<CAPTION_TO_PHRASE_GROUNDING>":
        _score_requested(question, scene, answer["bboxes"], answer["labels"], measures)
    elif task == "<OPEN_VOCABULARY_DETECTION>":
        _score_requested(question, scene, answer["bboxes"], answer["bboxes_labels"], measures)
    else:
        _score_mask(question, scene, answer["polygons"], measures)


def _before_locations(text: str) -> str:
    return text.partition("<loc_")[0].strip()


def _score_boxes(task: str, scene: Scene, answer: Regions, measures: Measures) -> None:
    found = list(zip(answer["bboxes"], map(kinds_in, answer["labels"]), strict=True))

    def similarity(one: tuple[Box, list[str]], thing: Thing) -> float:
        box, kinds = one
        return box_iou(box, thing.box) if task == "<REGION_PROPOSAL>" or kinds == [thing.label] else 0.0

    ious = [iou for _, _, iou in match_one_to_one(found, scene.things, similarity) if iou >= 0.5]
    measures[f"{task} recall"] += [1.0] * len(ious) + [0.0] * (len(scene.things) - len(ious))
    measures[f"{task} precision"] += [1.0] * len(ious) + [0.0] * (len(found) - len(ious))
    measures[f"{task} iou"] += ious


def _score_words(task: str, words: list[str], scene: Scene, measures: Measures) -> None:
    truth = [sign.word for sign in scene.signs]
    right = sum((Counter(words) & Counter(truth)).values())
    measures[f"{task} word"] += [1.0] * right + [0.0] * (max(len(words), len(truth)) - right)


def _score_quads(answer: Regions, scene: Scene, measures: Measures) -> None:
    _score_words("<OCR_WITH_REGION>", answer["labels"], scene, measures)
    found = [
        (np.reshape(quad, (4, 2)), word) for quad, word in zip(answer["quad_boxes"], answer["labels"], strict=True)
    ]

    def similarity(one: tuple[np.ndarray, str], sign: Sign) -> float:
        quad, word = one
        return max(1e-9, polygons_iou([quad], [sign.quad], scene.image.size)) if word == sign.word else 0.0

    measures["<OCR_WITH_REGION> iou"] += [iou for _, _, iou in match_one_to_one(found, scene.signs, similarity)]


def _score_requested(question: Question, scene: Scene, boxes: list[Box], labels: list[str], measures: Measures) -> None:
    found = list(zip(boxes, map(kinds_in, labels), strict=True))
    for index in question.things:
        thing = scene.things[index]
        best = max((box_iou(box, thing.box) for box, kinds in found if kinds == [thing.label]), default=0.0)
        measures[f"{question.task} recall"].append(float(best >= 0.5))
    for kind in question.absent:
        measures[f"{question.task} silence"].append(float(not any(kind in kinds for _, kinds in found)))


def _score_mask(question: Question, scene: Scene, instances: list[list[list[float]]], measures: Measures) -> None:
    parts = [np.reshape(part, (-1, 2)) for instance in instances for part in instance]
    if question.absent:
        measures[f"{question.task} silence"].append(float(not parts))
        return
    thing = scene.things[question.things[0]]
    measures[f"{question.task} iou"].append(polygons_iou(parts, [thing.polygon], scene.image.size))


def mean_of(measures: Measures, *names: str) -> tuple[float, int]:
    """The mean over all values of these measures, and their number; (0, 0) if there are none."""
    values = [value for name in names for value in measures.get(name, ())]
    return (fmean(values), len(values)) if values else (0.0, 0)
