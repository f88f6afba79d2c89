"""How right an answer is: parsed answers of a server, compared with the truth of a scene.

Every answer adds values between 0 and 1 to measures, each the mean of its values.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from statistics import fmean

import cv2
import numpy as np

from florence_ui.nano.answers import Question
from florence_ui.nano.scenes import Scene
from florence_ui.nano.vocabulary import NAMES

Box = Sequence[float]
Measures = defaultdict[str, list[float]]


def box_iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes x1, y1, x2, y2."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def area_iou(a: Sequence[np.ndarray], b: Sequence[np.ndarray], picture_size: tuple[int, int]) -> float:
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
    """The kinds of objects that a text names, in order; words all in capitals are what signs say."""
    words = (word for word in re.findall(r"[A-Za-z]+", text) if not word.isupper())
    return [word.lower() for word in words if word.lower() in NAMES]


def pairs(found: list, truth: list, closeness: Callable[[object, object], float]) -> list[tuple[int, int, float]]:
    """One-to-one pairs (position in found, in truth, closeness), the closest first; pairs of closeness 0 are none."""
    scored = sorted(
        ((closeness(f, t), i, j) for i, f in enumerate(found) for j, t in enumerate(truth)), key=lambda x: -x[0]
    )
    used_found, used_truth, result = set(), set(), []
    for value, i, j in scored:
        if value > 0 and i not in used_found and j not in used_truth:
            used_found.add(i)
            used_truth.add(j)
            result.append((i, j, value))
    return result


def score(question: Question, scene: Scene, answer: object, measures: Measures) -> None:
    """Add to the measures what this answer, as the server gave it for the task, is worth."""
    task = question.task
    if task in ("<OD>", "<DENSE_REGION_CAPTION>", "<REGION_PROPOSAL>"):
        _score_boxes(task, scene, answer, measures)
    elif task in ("<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>"):
        right = sorted(kinds_in(answer)) == sorted(thing.label for thing in scene.things)
        measures[f"{task} exact"].append(float(right))
    elif task == "<OCR>":
        _score_words(task, answer.split(), scene, measures)
    elif task == "<OCR_WITH_REGION>":
        _score_quads(answer, scene, measures)
    elif task == "<CAPTION_TO_PHRASE_GROUNDING>":
        _score_asked(question, scene, answer["bboxes"], answer["labels"], measures)
    elif task == "<OPEN_VOCABULARY_DETECTION>":
        _score_asked(question, scene, answer["bboxes"], answer["bboxes_labels"], measures)
    elif task in ("<REFERRING_EXPRESSION_SEGMENTATION>", "<REGION_TO_SEGMENTATION>"):
        _score_mask(question, scene, answer["polygons"], measures)
    elif task == "<REGION_TO_OCR>":
        measures[f"{task} word"].append(float(_before_places(answer) == scene.signs[question.signs[0]].word))
    else:
        right = kinds_in(_before_places(answer)) == [scene.things[question.things[0]].label]
        measures[f"{task} right"].append(float(right))


def _before_places(text: str) -> str:
    return text.partition("<loc_")[0].strip()


def _score_boxes(task: str, scene: Scene, answer: dict, measures: Measures) -> None:
    found = list(zip(answer["bboxes"], map(kinds_in, answer["labels"]), strict=True))

    def closeness(one: tuple, thing) -> float:
        labelled = task == "<REGION_PROPOSAL>" or one[1] == [thing.label]
        return box_iou(one[0], thing.box) if labelled else 0.0

    ious = [iou for _, _, iou in pairs(found, scene.things, closeness) if iou >= 0.5]
    measures[f"{task} recall"] += [1.0] * len(ious) + [0.0] * (len(scene.things) - len(ious))
    measures[f"{task} precision"] += [1.0] * len(ious) + [0.0] * (len(found) - len(ious))
    measures[f"{task} iou"] += ious


def _score_words(task: str, words: list[str], scene: Scene, measures: Measures) -> None:
    truth = [sign.word for sign in scene.signs]
    right = sum((Counter(words) & Counter(truth)).values())
    measures[f"{task} word"] += [1.0] * right + [0.0] * (max(len(words), len(truth)) - right)


def _score_quads(answer: dict, scene: Scene, measures: Measures) -> None:
    _score_words("<OCR_WITH_REGION>", answer["labels"], scene, measures)
    found = [
        (np.reshape(quad, (4, 2)), word) for quad, word in zip(answer["quad_boxes"], answer["labels"], strict=True)
    ]

    def closeness(one: tuple, sign) -> float:
        return max(1e-9, area_iou([one[0]], [sign.quad], scene.image.size)) if one[1] == sign.word else 0.0

    measures["<OCR_WITH_REGION> iou"] += [iou for _, _, iou in pairs(found, scene.signs, closeness)]


def _score_asked(question: Question, scene: Scene, boxes: list, labels: list[str], measures: Measures) -> None:
    found = list(zip(boxes, map(kinds_in, labels), strict=True))
    for index in question.things:
        thing = scene.things[index]
        best = max((box_iou(box, thing.box) for box, kinds in found if kinds == [thing.label]), default=0.0)
        measures[f"{question.task} recall"].append(float(best >= 0.5))
    for kind in question.absent:
        measures[f"{question.task} silence"].append(float(not any(kind in kinds for _, kinds in found)))


def _score_mask(question: Question, scene: Scene, instances: list, measures: Measures) -> None:
    parts = [np.reshape(part, (-1, 2)) for instance in instances for part in instance]
    if question.absent:
        measures[f"{question.task} silence"].append(float(not parts))
        return
    thing = scene.things[question.things[0]]
    measures[f"{question.task} iou"].append(area_iou(parts, [thing.polygon], scene.image.size))


def mean_of(measures: Measures, *names: str) -> tuple[float, int]:
    """The mean of all values of these measures together, and how many there are; (0, 0) where there are none."""
    values = [value for name in names for value in measures.get(name, ())]
    return (fmean(values), len(values)) if values else (0.0, 0)
