"""Pictures and answers as a zipped data set."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePath
from types import ModuleType
from typing import Any

from florence_ui.errors import ImageError, InputError
from florence_ui.exports import coco, voc, yolo
from florence_ui.exports.archive import Archive, create_archive
from florence_ui.exports.classes import class_names
from florence_ui.exports.instances import collect_instances
from florence_ui.exports.labeled import TRAIN, VAL, LabeledDataset, LabeledImage, assign_subsets
from florence_ui.exports.names import unique_names
from florence_ui.exports.originals import read_original
from florence_ui.exports.records import ExportItem, analysis_record
from florence_ui.exports.tables import to_csv
from florence_ui.images.loading import ImageLimits

MAX_VALIDATION_SHARE = 0.9
"""Largest part of the pictures that may be held back for validation."""


class DatasetFormat(StrEnum):
    """Layouts of data sets.

    YOLO keeps boxes and outlines (parts joined by a line without width; in a picture with any outline boxes become
    outlines too), COCO keeps both as they are, Pascal VOC keeps boxes, rounded to whole pixels.
    """

    YOLO = "yolo"
    COCO = "coco"
    VOC = "voc"


LAYOUTS: dict[DatasetFormat, ModuleType] = {
    DatasetFormat.YOLO: yolo,
    DatasetFormat.COCO: coco,
    DatasetFormat.VOC: voc,
}
"""Modules with `picture_path` and `files`."""


@dataclass(frozen=True)
class Export:
    """A file to take away.

    Attributes:
        path: Where it lies.
        notes: What was left out of it, in sentences.
    """

    path: Path
    notes: tuple[str, ...] = ()


def dataset_zip(
    examples: Sequence[ExportItem], layout: DatasetFormat, limits: ImageLimits, *, stem: str, validation: float = 0.0
) -> Export:
    """Pictures and answers as a zipped data set, one picture in memory at a time; blocks.

    A picture that cannot be opened any more is left out.

    Args:
        examples: The pictures with their answers.
        layout: The data set's layout.
        limits: What a picture must keep to.
        stem: The file's name without its suffix.
        validation: The part of the pictures to hold back, 0 to `MAX_VALIDATION_SHARE`; the same ones every time.

    Raises:
        InputError: If the part is another number.
        ImageError: If no picture can be opened.
        FlorenceUIError: If the file cannot be written.
    """
    writer, validation = LAYOUTS[layout], check_validation_share(validation)
    classes = class_names([example.answer.result for example in examples])
    pictures: list[LabeledImage] = []
    kept: list[ExportItem] = []
    notes: list[str] = []
    errors: list[ImageError] = []
    with create_archive(stem) as archive:
        for example, name, subset in _name_and_split(examples, validation):
            try:
                data, suffix = read_original(example.path, limits)
            except ImageError as error:
                notes.append(f"{example.name} was left out: {error}")
                errors.append(error)
                continue
            found, flat = collect_instances(example.answer.result, classes)
            notes += _count_flat(example, flat)
            pictures.append(LabeledImage(f"{name}{suffix}", name, example.answer.result.size, subset, tuple(found)))
            kept.append(example)
            archive.add(writer.picture_path(pictures[-1]), data)
        if not pictures:
            raise errors[0]
        dataset = LabeledDataset(tuple(pictures), tuple(classes), _summarize(kept, notes))
        _add_text_files(archive, writer, dataset, kept)
    return Export(archive.path, tuple(notes))


def check_validation_share(share: float) -> float:
    """A part of the pictures that may be held back.

    Raises:
        InputError: If it is below 0 or above `MAX_VALIDATION_SHARE`.
    """
    if not 0 <= share <= MAX_VALIDATION_SHARE:
        raise InputError(
            "The validation share is out of range.",
            f"Give a number from 0 to {MAX_VALIDATION_SHARE:g}.",
            field="validation",
        )
    return share


def _name_and_split(examples: Sequence[ExportItem], validation: float) -> Iterator[tuple[ExportItem, str, str]]:
    """Each with its name in the archive and its subset."""
    names = unique_names([PurePath(example.name).stem for example in examples])
    return zip(examples, names, assign_subsets(len(examples), validation), strict=True)


def _count_flat(example: ExportItem, count: int) -> list[str]:
    objects = "1 object has" if count == 1 else f"{count} objects have"
    return (
        [f"{example.name}: {objects} no width or no height and {'was' if count == 1 else 'were'} left out."]
        if count
        else []
    )


def _summarize(examples: Sequence[ExportItem], notes: Sequence[str]) -> dict[str, Any]:
    """What was asked, who answered, what is odd, what was left out."""
    records = [analysis_record(example.answer) for example in examples]
    return {
        "prompts": list(dict.fromkeys(record["prompt"] for record in records)),
        "models": list(dict.fromkeys(record["model_id"] for record in records)),
        "warnings": list(dict.fromkeys(words for record in records for words in record["warnings"])),
        "left_out": list(notes),
    }


def _add_text_files(
    archive: Archive, writer: ModuleType, dataset: LabeledDataset, examples: Sequence[ExportItem]
) -> None:
    for path, text in writer.files(dataset):
        archive.add(path, text)
    archive.add("classes.txt", "".join(f"{name}\n" for name in dataset.classes))
    headers = ("file", "picture_number", "picture", "subset", "prompt", "model_id")
    rows = [
        (p.file, e.number, e.name, p.subset, e.answer.result.prompt, e.answer.model_id)
        for p, e in zip(dataset.pictures, examples, strict=True)
    ]
    archive.add("files.csv", b"\xef\xbb\xbf" + to_csv(headers, rows).encode())
    archive.add("README.txt", _readme(dataset))


def _readme(dataset: LabeledDataset) -> str:
    counts = Counter(picture.subset for picture in dataset.pictures)
    held = f"{counts[TRAIN]} to train, {counts[VAL]} held back for validation"
    about = dataset.about
    return "\n".join(
        [
            "Found by Florence-2.",
            "",
            *(f"Asked: {prompt}" for prompt in about["prompts"]),
            *(f"Answered by: {model}" for model in about["models"]),
            f"Pictures: {len(dataset.pictures)}, {held if counts[VAL] else 'none held back for validation'}.",
            f"Objects: {sum(len(picture.instances) for picture in dataset.pictures)}.",
            "Class ids are the lines of classes.txt, from 0 (COCO counts from 1).",
            "files.csv says which file was which picture, what was asked about it, and which model answered.",
            "Florence-2 gives no confidence, so there are no scores.",
            *([""] if about["warnings"] or about["left_out"] else []),
            *(f"Warning: {words}" for words in about["warnings"]),
            *(f"Note: {words}" for words in about["left_out"]),
            "",
        ]
    )
