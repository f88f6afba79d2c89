"""The central steps of a Python snippet: from prompts to `detections`, including follow-up calls."""

from enum import StrEnum

from florence_ui.inference.per_object import CROP_MARGIN
from florence_ui.prompts import LOCATION_BINS, MAX_TEXT
from florence_ui.tasks import OutputKind, Task


class FollowUp(StrEnum):
    """The step that follows the first answer."""

    GROUND = "ground"
    SEGMENT_EACH = "segment each"
    DESCRIBE_EACH = "describe each"
    NAME_EACH = "name each"
    READ_EACH = "read each"
    READ_CROP_EACH = "read crop each"
    READING_ORDER = "reading order"


_FIND = """\
def find(response, image=image):
    detections = sv.Detections.from_vlm(sv.VLM.FLORENCE_2, response, resolution_wh=image.size)
    boxes = detections.xyxy.reshape(-1, 2, 2)  # some answers have swapped corners
    detections.xyxy = np.sort(boxes, axis=1).reshape(-1, 4)
    names = detections.data.get("class_name", [""] * len(detections))
    detections.data["class_name"] = np.array([str(name).removeprefix("</s>") for name in names])
    return detections

"""

_REGION = f"""\
def location_tokens(box):
    width, height = image.size
    parts = np.round(box / [width, height, width, height] * {LOCATION_BINS})
    return "".join(f"<loc_{{int(part)}}>" for part in np.clip(parts, 0, {LOCATION_BINS - 1}))

"""


_CUT_OUT = f"""\
def with_margin(box):
    margin = {CROP_MARGIN} * max(box[2] - box[0], box[3] - box[1])
    corners = np.concatenate([np.floor(box[:2] - margin), np.ceil(box[2:] + margin)])
    return np.clip(corners, 0, [*image.size, *image.size]).astype(int).tolist()

"""


def build_steps(task: Task, prompts: list[str], then: FollowUp | None) -> tuple[list[str], OutputKind | None]:
    """Code that defines `detections`, and their kind; or that prints text, and None if nothing is to be drawn."""
    match then:
        case FollowUp.READ_CROP_EACH:
            return [_FIND, _CUT_OUT, *_found(prompts), _READ_CROP_EACH], OutputKind.QUADS
        case FollowUp.GROUND:
            return [_FIND, *_grounded(prompts[0], task)], OutputKind.BOXES
        case FollowUp.READING_ORDER:
            return [_FIND, *_found(prompts), _READING_ORDER], OutputKind.QUADS
        case FollowUp.SEGMENT_EACH:
            return [_FIND, _REGION, *_found(prompts), _SEGMENT_EACH], OutputKind.POLYGONS
        case FollowUp():
            words = _WORDS_EACH.replace("TOKEN", _EACH_TOKENS[then])
            return [_FIND, _REGION, *_found(prompts), words], OutputKind.BOXES
    match task.output_kind:
        case OutputKind.TEXT | OutputKind.ANY:
            return [f"response = ask({prompts[0]!r})", "print(next(iter(response.values())))"], None
        case OutputKind.REGION_TEXT:
            return _region_words(prompts[0], task), OutputKind.BOXES
        case OutputKind.OPEN_VOCABULARY:
            note = f"# Boxes only: polygons, if the model returns any, are in ask(...)[{task.token!r}]."
            return [_FIND, note, *_found(prompts)], OutputKind.BOXES
    return [_FIND, *_found(prompts)], task.output_kind


def _found(prompts: list[str]) -> list[str]:
    if len(prompts) == 1:
        return [f"detections = find(ask({prompts[0]!r}))", 'print(detections.xyxy, detections.data["class_name"])']
    return [
        "prompts = [",
        *[f"    {prompt!r}," for prompt in prompts],
        "]",
        "found = [find(ask(prompt)) for prompt in prompts]",
        "detections = sv.Detections.merge(found)",
        'print(detections.xyxy, detections.data.get("class_name"))',
    ]


def _grounded(prompt: str, task: Task) -> list[str]:
    return [
        f"caption = ask({prompt!r})[{task.token!r}]",
        "print(caption)",
        f'phrase = " ".join(re.sub("[<>]", " ", caption).split())[:{MAX_TEXT}]',
        'detections = find(ask("<CAPTION_TO_PHRASE_GROUNDING>" + phrase))',
        'print(detections.xyxy, detections.data["class_name"])',
    ]


def _region_words(prompt: str, task: Task) -> list[str]:
    """Text about a region: the server returns no detection, so the requested region becomes one."""
    return [
        f"prompt = {prompt!r}",
        f'words = re.sub(r"<loc_\\d+>", "", ask(prompt)[{task.token!r}])',
        "print(words)",
        r'parts = [int(part) for part in re.findall(r"<loc_(\d+)>", prompt)]',
        f"box = np.array(parts) / {LOCATION_BINS} * [*image.size, *image.size]",
        'detections = sv.Detections(xyxy=box[np.newaxis], data={"class_name": np.array([words])})',
    ]


_EACH_TOKENS = {
    FollowUp.DESCRIBE_EACH: "<REGION_TO_DESCRIPTION>",
    FollowUp.NAME_EACH: "<REGION_TO_CATEGORY>",
    FollowUp.READ_EACH: "<REGION_TO_OCR>",
}

_SEGMENT_EACH = """\
answers = [ask("<REGION_TO_SEGMENTATION>" + location_tokens(box)) for box in detections.xyxy]
masks = np.zeros((len(answers), image.height, image.width), dtype=bool)
for mask, answer in zip(masks, answers):
    parts = find(answer).mask
    if parts is not None:
        mask |= parts.any(axis=0)
detections.mask = masks"""

_WORDS_EACH = """\
answers = [ask("TOKEN" + location_tokens(box))["TOKEN"] for box in detections.xyxy]
words = [re.sub(r"<loc_\\d+>", "", answer) for answer in answers]
labels = [f"{name}: {text}" for name, text in zip(detections.data["class_name"], words)]
detections.data["class_name"] = np.array(labels)
print("\\n".join(labels))"""

_READ_CROP_EACH = """\
lines = []
for name, box in zip(detections.data["class_name"], detections.xyxy):
    corners = with_margin(box)
    part = image.crop(corners)
    read = find(ask("<OCR_WITH_REGION>", part), part)
    print(f"{name}:", *read.data["class_name"], sep="\\n")
    read.xyxy = read.xyxy + np.tile(corners[:2], 2)  # from the part to the whole picture
    if "xyxyxyxy" in read.data:
        read.data["xyxyxyxy"] = read.data["xyxyxyxy"] + corners[:2]
    lines.append(read)
detections = sv.Detections.merge(lines)"""

_READING_ORDER = """\
# A simple reading order: rows from top to bottom, each from left to right.
centers = detections.get_anchors_coordinates(sv.Position.CENTER)
heights = detections.xyxy[:, 3] - detections.xyxy[:, 1]
row_height = max(1.0, float(np.median(heights))) if len(heights) else 1.0
detections = detections[np.lexsort((centers[:, 0], np.round(centers[:, 1] / row_height)))]
print("\\n".join(detections.data["class_name"]))"""
