"""Generated text to an answer in pixels, as transformers' `Florence2Processor.post_process_generation` reads it.

A place is a location token, `<loc_0>` to `<loc_999>`: the middle of a thousandth of the picture's width or height. A
phrase comes before its places:

    boxes           car<loc_54><loc_375><loc_906><loc_707>door<loc_710><loc_276><loc_908><loc_537>
    quadrilaterals  EXIT<loc_1><loc_2><loc_9><loc_2><loc_9><loc_4><loc_1><loc_4>
    polygons        car<poly><loc_1><loc_2><loc_9><loc_2><loc_9><loc_4><sep><loc_5><loc_6>...</poly>

https://huggingface.co/docs/transformers/model_doc/florence2
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from florence_ui.server.errors import BrokenWeightsError

Size = tuple[int, int]
"""A picture's width and height in pixels."""

PLACE = r"<loc_(\d+)>"
QUAD = r"(.+?)" + 8 * PLACE
PLACES = re.compile(r"(?:<loc_\d+>){4,}")
EIGHT_PLACES = re.compile(8 * PLACE)
MARKS = re.compile(r"(?:<loc_\d+>|<sep>|<poly>|</poly>){4,}")
OUTLINE = re.compile(r"((?:<loc_\d+>)++)(?:<sep>|$)")

BANNED_PHRASES = [
    "it", "I", "me", "mine", "you", "your", "yours", "he", "him", "his", "she", "her", "hers", "they", "them",
    "their", "theirs", "one", "oneself", "we", "us", "our", "ours", "its", "myself", "yourself", "himself",
    "herself", "itself", "ourselves", "yourselves", "themselves", "this", "that", "these", "those", "who", "whom",
    "whose", "which", "what", "all", "another", "any", "anybody", "anyone", "anything", "each", "everybody",
    "everyone", "everything", "few", "many", "nobody", "none", "several", "some", "somebody", "someone", "something",
    "image", "images", "the", "a", "an", "lots", "a set", "a group", "each other", "one another", "other objects",
    "the image",
]  # fmt: skip
"""Phrases that are not grounded, in the code of Microsoft's checkpoints, which have no settings.

https://huggingface.co/microsoft/Florence-2-large/blob/main/processing_florence2.py
"""


class PostProcessor:
    """Reads generated text.

    Args:
        settings: The checkpoint's `post_processor_config`; Microsoft's if None.

    Raises:
        BrokenWeightsError: If its pattern of a written line is another one.
    """

    def __init__(self, settings: dict[str, Any] | None) -> None:
        if settings is None:
            settings = {"phrase_grounding": {"banned_grounding_tokens": BANNED_PHRASES}}
        self._banned = set(settings.get("phrase_grounding", {}).get("banned_grounding_tokens", ()))
        ocr = settings.get("ocr", {})
        self._smallest_quad: float = ocr.get("AREA_THRESHOLD", 0.0)
        if ocr.get("PATTERN", QUAD) != QUAD:
            raise BrokenWeightsError("The OCR pattern in its post_processor_config is not Florence-2's.")
        self._readers: dict[str, Callable[[str, Size], dict[str, Any]]] = {
            "<OD>": self._boxes,
            "<DENSE_REGION_CAPTION>": self._boxes,
            "<REGION_PROPOSAL>": self._bare_boxes,
            "<CAPTION_TO_PHRASE_GROUNDING>": self._grounded_boxes,
            "<OPEN_VOCABULARY_DETECTION>": self._boxes_or_polygons,
            "<REFERRING_EXPRESSION_SEGMENTATION>": self._bare_polygons,
            "<REGION_TO_SEGMENTATION>": self._bare_polygons,
            "<OCR_WITH_REGION>": self._quads,
        }

    def __call__(self, text: str, task: str, size: Size) -> dict[str, Any]:
        """The answer under its task's name; text where the task has no shape of its own.

        Args:
            text: What the model generated, with its special tokens.
            task: Such as `<OD>`.
            size: The picture's.
        """
        if task not in self._readers:
            return {task: text.replace("<s>", "").replace("</s>", "").strip()}
        return {task: self._readers[task](text, size)}

    def _boxes(self, text: str, size: Size) -> dict[str, Any]:
        return _labeled("bboxes", _find_boxes(_phrases(PLACES, text), size))

    def _bare_boxes(self, text: str, size: Size) -> dict[str, Any]:
        return _labeled("bboxes", _find_boxes((("", run) for run in PLACES.findall(_plain(text))), size))

    def _grounded_boxes(self, text: str, size: Size) -> dict[str, Any]:
        phrases = _phrases(PLACES, text)
        return _labeled("bboxes", _find_boxes((pair for pair in phrases if pair[0].strip() not in self._banned), size))

    def _bare_polygons(self, text: str, size: Size) -> dict[str, Any]:
        return _labeled("polygons", _find_polygons((("", run) for run in MARKS.findall(_plain(text))), size))

    def _boxes_or_polygons(self, text: str, size: Size) -> dict[str, Any]:
        drawn = "<poly>" in text
        boxes = () if drawn else _find_boxes(_phrases(PLACES, text), size)
        polygons = _find_polygons(_phrases(MARKS, text), size) if drawn else ()
        return _labeled("bboxes", boxes, "bboxes_labels") | _labeled("polygons", polygons, "polygons_labels")

    def _quads(self, text: str, size: Size) -> dict[str, Any]:
        smallest = size[0] * size[1] * self._smallest_quad
        found = [(to_pixels(places, size), line.strip()) for line, places in _lines(_plain(text))]
        return _labeled("quad_boxes", [(quad, line) for quad, line in found if _open_area(quad) >= smallest])


def to_pixels(places: Sequence[str], size: Size) -> list[int]:
    """The pixels of the middles of location bins, x and y in turn, with the rounding of torch's float32.

    A number that no location token has may lie outside of the picture, but within 32 bits.
    """
    scale = np.resize(np.array(size, np.float64) / 1000, len(places)).astype(np.float32)
    middles = (np.array([float(place) for place in places], np.float32) + np.float32(0.5)) * scale
    return [int(value) for value in np.clip(middles.astype(np.float64), 0, 2**31 - 1)]


def _phrases(tokens: re.Pattern[str], text: str) -> Iterator[tuple[str, str]]:
    """Phrases, each with the run of tokens after it: what `([^<]+)` before the pattern finds, in linear time."""
    text, end = _plain(text), 0
    for match in tokens.finditer(text):
        start = match.start()
        phrase, run = text[max(end, text.rfind("<", end, start) + 1) : start], match[0]
        if not phrase:  # then the first token, without its "<", is the phrase
            phrase, run = run[1 : run.index(">") + 1], run[run.index(">") + 1 :]
        if tokens.match(run):
            end = match.end()
            yield phrase, run


def _lines(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Written lines and the eight places after each: what `QUAD` finds, in linear time."""
    end = 0
    while match := EIGHT_PLACES.search(text, end + 1):
        start = max(end, text.rfind("\n", end, match.start()) + 1)
        if start < match.start():
            yield text[start : match.start()], match.groups()
        end = match.end() if start < match.start() else start


def _find_boxes(phrases: Iterable[tuple[str, str]], size: Size) -> Iterator[tuple[list[int], str]]:
    """Boxes with their phrases; several may follow one phrase."""
    for phrase, run in phrases:
        places = re.findall(PLACE, run) if _is_one_line(phrase) else []
        for start in range(0, len(places) - 3, 4):
            yield to_pixels(places[start : start + 4], size), phrase.strip().encode("ascii", "ignore").decode()


def _find_polygons(phrases: Iterable[tuple[str, str]], size: Size) -> Iterator[tuple[list[list[int]], str]]:
    """Instances, each with its outlines, and their phrases; several may follow one phrase."""
    for phrase, run in phrases:
        # without a phrase, tokens between the first place and the next stand for one
        head, *rest = re.split("<loc_|<poly>", phrase + (run if phrase else re.sub(r"^<loc_\d+>", "", run)), maxsplit=1)
        if not rest or not _is_one_line(head):
            continue
        instances = re.findall(r"<poly>(.*?)</poly>", run) if "<poly>" in run and "</poly>" in run else [run]
        for instance in instances:
            outlines = [re.findall(PLACE, outline) for outline in OUTLINE.findall(instance)]
            if outlines:
                yield [to_pixels(places[: len(places) // 2 * 2], size) for places in outlines], head.strip()


def _is_one_line(phrase: str) -> bool:
    """Whether there is no line break in a phrase, except before it; one with a break is dropped with its places."""
    return "\n" not in phrase.lstrip()


def _open_area(quad: Sequence[int]) -> float:
    """A quadrilateral's area as the processor computes it: without the side from its last corner to its first."""
    x, y = quad[::2], quad[1::2]
    return 0.5 * abs(sum(x[i] * y[i + 1] - x[i + 1] * y[i] for i in range(3)))


def _plain(text: str) -> str:
    """The text without the tokens around it."""
    return text.replace("<s>", "").replace("</s>", "").replace("<pad>", "")


def _labeled(name: str, found: Any, labels: str = "labels") -> dict[str, Any]:
    """Shapes and their labels as two lists."""
    pairs = list(found)
    return {name: [shape for shape, _ in pairs], labels: [label for _, label in pairs]}
