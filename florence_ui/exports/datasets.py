"""Pictures and answers as a zipped dataset."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol

from florence_ui.errors import ImageError, InputError
from florence_ui.exports.archive import Archive, create_archive
from florence_ui.exports.classes import class_names
from florence_ui.exports.labeled import (
    TRAIN,
    VAL,
    LabeledDataset,
    LabeledImage,
    assign_subsets,
    collect_instances,
)
from florence_ui.exports.names import unique_stems
from florence_ui.exports.originals import read_original
from florence_ui.exports.records import ExportItem, LeftOut, analysis_record
from florence_ui.exports.tables import to_csv
from florence_ui.images.loading import ImageLimits
from florence_ui.wording import count_noun

MAX_VALIDATION_SHARE = 0.9
"""Largest fraction of the pictures that may be held back for validation."""


class Layout(Protocol):
    """How a dataset is laid out: one of the modules `yolo`, `coco` and `voc`.

    YOLO keeps boxes or, if any object has a polygon, writes all as polygons (parts joined by a line of no width), COCO
    keeps both unchanged, Pascal VOC keeps boxes, rounded to whole pixels.
    """

    def picture_path(self, picture: LabeledImage) -> str:
        """Where a picture lies in the archive."""

    def files(self, dataset: LabeledDataset) -> Iterator[tuple[str, str]]:
        """(path, text) of everything but the pictures."""


@dataclass(frozen=True)
class Export:
    """An exported file.

    Attributes:
        path: The file's path.
        notes: Sentences about what was left out.
    """

    path: Path
    notes: tuple[str, ...] = ()


def dataset_zip(
    items: Sequence[ExportItem],
    layout: Layout,
    limits: ImageLimits,
    *,
    stem: str,
    validation: float = 0.0,
    unanswered: Sequence[LeftOut] = (),
) -> Export:
    """Write pictures and answers as a zipped dataset, one picture in memory at a time; blocks.

    A picture that can no longer be opened is left out. `files.csv` and `README.txt` name all that were left out.

    Args:
        items: The pictures with their answers.
        layout: The dataset's layout.
        limits: Limits for every picture.
        stem: The file's name without its suffix.
        validation: The fraction of pictures to hold back, 0 to `MAX_VALIDATION_SHARE`; the same ones every time.
        unanswered: The pictures without an answer.

    Raises:
        InputError: If the fraction is out of range.
        ImageError: If no picture can be opened.
        FlorenceUIError: If the file cannot be written.
    """
    validation = check_validation_share(validation)
    classes = class_names([item.analysis.result for item in items])
    pictures: list[LabeledImage] = []
    kept: list[ExportItem] = []
    left_out = list(unanswered)
    notes: list[str] = []
    errors: list[ImageError] = []
    with create_archive(stem) as archive:
        stems, subsets = unique_stems(item.name for item in items), assign_subsets(len(items), validation)
        for item, name, subset in zip(items, stems, subsets, strict=True):
            try:
                original = read_original(item.path, limits)
            except ImageError as error:
                left_out.append(LeftOut(item.name, item.number, str(error)))
                notes.append(str(left_out[-1]))
                errors.append(error)
                continue
            found, flat = collect_instances(item.analysis.result, classes)
            notes += _count_flat(item, flat)
            file, size = f"{name}{original.suffix}", item.analysis.result.size
            pictures.append(LabeledImage(file, name, size, original.channels, subset, tuple(found)))
            kept.append(item)
            archive.add(layout.picture_path(pictures[-1]), original.data)
        if not pictures:
            raise errors[0]
        dataset = LabeledDataset(tuple(pictures), tuple(classes), _summarize(kept, [*map(str, unanswered), *notes]))
        _add_text_files(archive, layout, dataset)
        archive.add("files.csv", _file_table(dataset, kept, left_out))
    return Export(archive.path, tuple(notes))


def check_validation_share(share: float) -> float:
    """Check the fraction of the pictures to hold back.

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


def _count_flat(item: ExportItem, count: int) -> list[str]:
    return [f"{item.name}: left out {count_noun(count, 'object')} without width or height."] if count else []


def _summarize(items: Sequence[ExportItem], notes: Sequence[str]) -> dict[str, Any]:
    """The questions, the models that answered, warnings, and what was left out."""
    records = [analysis_record(item.analysis) for item in items]
    return {
        "prompts": list(dict.fromkeys(record["prompt"] for record in records)),
        "models": list(dict.fromkeys(record["model_id"] for record in records)),
        "warnings": list(dict.fromkeys(words for record in records for words in record["warnings"])),
        "left_out": list(notes),
    }


def _add_text_files(archive: Archive, layout: Layout, dataset: LabeledDataset) -> None:
    for path, text in layout.files(dataset):
        archive.add(path, text)
    archive.add("classes.txt", "".join(f"{name}\n" for name in dataset.classes))
    archive.add("README.txt", _readme(dataset))


def _file_table(dataset: LabeledDataset, items: Sequence[ExportItem], left_out: Sequence[LeftOut]) -> bytes:
    """`files.csv`: a row for every picture; a byte order mark tells spreadsheets that it is UTF-8."""
    headers = ("file", "picture_number", "picture", "subset", "prompt", "model_id", "left_out")
    rows = [
        (p.file, e.number, e.name, p.subset, e.analysis.result.prompt, e.analysis.model_id, "")
        for p, e in zip(dataset.pictures, items, strict=True)
    ]
    rows += [("", missing.number, missing.name, "", "", "", missing.reason) for missing in left_out]
    return to_csv(headers, sorted(rows, key=itemgetter(1))).encode("utf-8-sig")


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
            "files.csv says which file was which picture, what was asked about it, which model answered,",
            "and why a picture was left out.",
            "Florence-2 gives no confidence, so there are no scores.",
            *([""] if about["warnings"] or about["left_out"] else []),
            *(f"Warning: {words}" for words in about["warnings"]),
            *(f"Note: {words}" for words in about["left_out"]),
            "",
        ]
    )
