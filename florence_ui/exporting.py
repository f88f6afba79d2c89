"""A result to take away: record, table, CSV, masks, and data sets that supervision loads back.

Labels come from a model that reads whatever is in a picture, so here they are text for whatever opens the file: a
spreadsheet gets no formulas, an archive no paths, XML no markup.
"""

import csv
import io
import json
import re
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import supervision as sv
from PIL import Image, ImageDraw
from supervision.config import COCO_RAW_SEGMENTATION
from supervision.dataset.formats.yolo import object_to_yolo

from florence_ui.results import Result

DECIMALS = 2
"""Of a pixel; the model speaks in thousandths of the picture's sides."""
COLUMNS = ("#", "label", "x1", "y1", "x2", "y2", "width", "height")
CSV_COLUMNS = ("picture", "task", "text", *COLUMNS)
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")
"""First characters that make a spreadsheet take a cell for a formula (OWASP, "CSV Injection")."""
NO_LABEL = "object"
"""Class of an instance without a label, in data sets."""
MAX_NAME = 80
JPEG_QUALITY = 95


class DatasetFormat(StrEnum):
    """Data set layouts that supervision's `DetectionDataset` writes and reads.

    YOLO keeps boxes and outlines (parts joined by a line without width), COCO keeps both as they are, Pascal VOC
    keeps boxes, rounded to whole pixels.
    """

    YOLO = "yolo"
    COCO = "coco"
    VOC = "voc"


class Answered(Protocol):
    """What `as_record` needs to know of one answer; the pipeline's `Analysis` is one."""

    result: Result
    model_id: str
    backend: str
    seconds: float


def as_record(analysis: Answered, rows: Collection[int] | None = None) -> dict[str, Any]:
    """One answer as JSON types, in pixels of the upright original.

    Args:
        analysis: The answer, who gave it, and the seconds it took.
        rows: Which detections to give; None for all.
    """
    result = analysis.result
    width, height = result.size
    return {
        "task": result.task.token,
        "prompt": result.prompt,
        "model_id": analysis.model_id,
        "backend": analysis.backend,
        "image_size": [int(width), int(height)],
        "text": result.text,
        "detections": [_detection(result, row) for row in _rows(result, rows)],
        "seconds": round(float(analysis.seconds), 3),
        "warnings": list(result.warnings),
        "raw": result.raw,
    }


def table_rows(result: Result, rows: Collection[int] | None = None) -> tuple[list[str], list[list[Any]]]:
    """Headers (`COLUMNS`), and one row a detection: number from 1, label, box, width and height in pixels."""
    table = []
    for row in _rows(result, rows):
        x1, y1, x2, y2 = _plain(result.detections.xyxy[row])
        size = [round(x2 - x1, DECIMALS), round(y2 - y1, DECIMALS)]
        table.append([row + 1, result.labels[row], x1, y1, x2, y2, *size])
    return list(COLUMNS), table


def to_json(record: Any) -> str:
    """Indented JSON; letters stay letters."""
    return json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False)


def to_csv(items: Iterable[tuple[str, Result]]) -> str:
    """A table of one or many answers with the columns `CSV_COLUMNS`.

    An answer without detections has one row with its text.

    Args:
        items: (name of the picture, its answer).
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(CSV_COLUMNS)
    for name, result in items:
        start = [name, result.task.token, result.text]
        for cells in table_rows(result)[1] or [[""] * len(COLUMNS)]:
            writer.writerow([_no_formula(cell) for cell in [*start, *cells]])
    return file.getvalue()


def mask_pngs(result: Result, rows: Collection[int] | None = None) -> Iterator[tuple[str, bytes]]:
    """(file name, PNG) of every detection's outline at the original's size: white on black, one bit a pixel.

    Detections without an outline of their own have none. One mask is in memory at a time.
    """
    for row in _rows(result, rows):
        if parts := result.polygons[row]:
            mask = Image.new("1", result.size)
            draw = ImageDraw.Draw(mask)
            for part in parts:
                draw.polygon([(float(x), float(y)) for x, y in part], fill=1)
            yield f"{row + 1:03}-{safe_name(result.labels[row], fallback='mask')}.png", encoded(mask, "PNG")


def mask_zip(result: Result, target: Path, rows: Collection[int] | None = None) -> Path:
    """Writes a zip of `mask_pngs` to `target` and returns it."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, png in mask_pngs(result, rows):
            archive.writestr(name, png)
    return target


def encoded(image: Image.Image, image_format: str) -> bytes:
    """The picture as a PNG or JPEG file, without any metadata."""
    file = io.BytesIO()
    options = {"quality": JPEG_QUALITY, "subsampling": 0} if image_format == "JPEG" else {"compress_level": 4}
    image.save(file, image_format, comment=b"", exif=b"", icc_profile=None, **options)
    return file.getvalue()


def dataset_zip(
    items: Sequence[tuple[str, Callable[[], Image.Image], Result]], layout: DatasetFormat, target: Path
) -> Path:
    """Writes pictures and answers as a zipped data set to `target` and returns it.

    Args:
        items: (name, a function that gives the upright RGB original, its answer). Each picture is loaded once,
            written as JPEG and let go.
        layout: The data set's layout.
        target: The file to write.
    """
    classes = sorted({_class_name(label) for _, _, result in items for label in result.labels})
    names = unique_names([Path(name).stem for name, _, _ in items])
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder, "images")
        images.mkdir()
        annotations = {}
        for stem, (_, load, result) in zip(names, items, strict=True):
            path = images / f"{stem}.jpg"
            path.write_bytes(encoded(load().convert("RGB"), "JPEG"))
            annotations[str(path)] = _annotations(result, classes)
        dataset = sv.DetectionDataset(classes, list(annotations), annotations)
        _WRITERS[layout](dataset, Path(folder))
        if layout is DatasetFormat.YOLO:
            _write_outlines(dataset, [result for _, _, result in items], Path(folder))
        _zip_folder(Path(folder), target)
    return target


def safe_name(text: str, *, fallback: str = "picture") -> str:
    """A part of a file name: letters, digits, `-` and `_`, no path, no leading dot, at most `MAX_NAME` long."""
    plain = unicodedata.normalize("NFKC", text[: 4 * MAX_NAME])
    name = re.sub(r"[^\w-]+", "-", plain).strip("-_")[:MAX_NAME].strip("-_")
    reserved = re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", name)  # Windows opens devices by these names
    return f"{fallback}-{name}" if reserved else name or fallback


def unique_names(names: Sequence[str]) -> list[str]:
    """Safe names, different from each other also where upper and lower case are the same."""
    taken: set[str] = set()
    unique = []
    for name in map(safe_name, names):
        candidate, number = name, 2
        while candidate.casefold() in taken:
            candidate, number = f"{name}-{number}", number + 1
        taken.add(candidate.casefold())
        unique.append(candidate)
    return unique


def _rows(result: Result, rows: Collection[int] | None) -> list[int]:
    return [row for row in range(len(result.detections)) if rows is None or row in rows]


def _detection(result: Result, row: int) -> dict[str, Any]:
    found: dict[str, Any] = {"label": result.labels[row], "box": _plain(result.detections.xyxy[row])}
    if result.quads is not None:
        found["quad"] = [_plain(point) for point in result.quads[row]]
    if parts := result.polygons[row]:
        found["polygons"] = [[_plain(point) for point in part] for part in parts]
    return found


def _plain(numbers: Iterable[float]) -> list[float]:
    return [round(float(number), DECIMALS) for number in numbers]


def _no_formula(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" ").startswith(FORMULA_STARTS) else cell


def _class_name(label: str) -> str:
    """A label that XML, YAML and JSON can hold: one line without control characters."""
    kept = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in label)
    return " ".join(kept.split()) or NO_LABEL


def _annotations(result: Result, classes: Sequence[str]) -> sv.Detections:
    """The detections cut to the picture, with ids into `classes` and outlines as COCO writes them."""
    if not len(result.detections):
        return sv.Detections.empty()
    boxes = sv.clip_boxes(result.detections.xyxy, result.size)
    segmentations = np.empty(len(boxes), dtype=object)
    for row, parts in enumerate(result.polygons):
        segmentations[row] = [_plain(_clip(part, result).ravel()) for part in parts]
    ids = np.array([classes.index(_class_name(label)) for label in result.labels])
    return sv.Detections(xyxy=boxes, class_id=ids, data={COCO_RAW_SEGMENTATION: segmentations})


def _clip(points: np.ndarray, result: Result) -> np.ndarray:
    return np.clip(points, 0, result.size)


def _write_yolo(dataset: sv.DetectionDataset, folder: Path) -> None:
    dataset.as_yolo(annotations_directory_path=str(folder / "labels"), data_yaml_path=str(folder / "data.yaml"))


def _write_coco(dataset: sv.DetectionDataset, folder: Path) -> None:
    dataset.as_coco(annotations_path=str(folder / "annotations.json"))


def _write_voc(dataset: sv.DetectionDataset, folder: Path) -> None:
    """Pascal VOC has whole pixels, and supervision cuts the fraction off: round first."""
    for annotation in dataset.annotations.values():
        annotation.xyxy = np.round(annotation.xyxy)
    dataset.as_pascal_voc(annotations_directory_path=str(folder / "annotations"))


_WRITERS: dict[DatasetFormat, Callable[[sv.DetectionDataset, Path], None]] = {
    DatasetFormat.YOLO: _write_yolo,
    DatasetFormat.COCO: _write_coco,
    DatasetFormat.VOC: _write_voc,
}


def _write_outlines(dataset: sv.DetectionDataset, results: Sequence[Result], folder: Path) -> None:
    """Outlines in the YOLO labels, line by line and without loss.

    The data set would take them as masks: full-size ones, traced again, and an instance of two parts would come
    back as two.
    """
    for path, result in zip(dataset.image_paths, results, strict=True):
        if not any(result.polygons):
            continue
        width, height = result.size
        annotation = dataset.annotations[path]
        lines = [
            object_to_yolo(box, int(class_id), (height, width), _joined(parts, result))
            for box, class_id, parts in zip(annotation.xyxy, annotation.class_id, result.polygons, strict=True)
        ]
        (folder / "labels" / f"{Path(path).stem}.txt").write_text("\n".join(lines), encoding="utf-8")


def _joined(parts: Sequence[np.ndarray], result: Result) -> np.ndarray | None:
    """Parts as one ring (n, 2): to each next one and, at the end, all the way back, by lines without width."""
    if not parts:
        return None
    if len(parts) == 1:
        return _clip(parts[0], result)
    rings = [np.vstack([part, part[:1]]) for part in parts]
    way_back = [part[:1] for part in parts[-2::-1]]
    return _clip(np.concatenate([*rings, *way_back]), result)


def _zip_folder(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                kind = zipfile.ZIP_STORED if path.suffix == ".jpg" else zipfile.ZIP_DEFLATED
                archive.write(path, path.relative_to(folder).as_posix(), compress_type=kind)
