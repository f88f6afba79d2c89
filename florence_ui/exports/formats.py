"""The export formats for one answer and for many pictures, one row each.

To add a format, add a row to `FORMATS`: the page and the API take their choices from there. Files are written on
request.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from florence_ui import storage
from florence_ui.errors import ImageError, InputError
from florence_ui.exports import coco, voc, yolo
from florence_ui.exports.archive import create_archive
from florence_ui.exports.datasets import Export, Layout, dataset_zip
from florence_ui.exports.masks import mask_pngs
from florence_ui.exports.names import safe_name, unique_stems
from florence_ui.exports.records import ExportItem, LeftOut, analysis_record, item_record, to_json
from florence_ui.exports.tables import detections_csv
from florence_ui.images.encoding import SUFFIXES, encode_image
from florence_ui.images.loading import ImageLimits, open_picture
from florence_ui.inference.batch import Batch
from florence_ui.inference.drawing import render
from florence_ui.inference.request import Analysis
from florence_ui.rendering.style import Style
from florence_ui.results.result import Result


@dataclass(frozen=True)
class Options:
    """Options for a file of many pictures.

    Attributes:
        limits: Limits for every picture.
        style: How answers are drawn.
        validation: The fraction of a dataset's pictures to hold back, 0 to 1.
        unanswered: The pictures without an answer; set by `export_batch`.
    """

    limits: ImageLimits = field(default_factory=ImageLimits)
    style: Style = field(default_factory=Style)
    validation: float = 0.0
    unanswered: Sequence[LeftOut] = ()


class Need(StrEnum):
    """What a format needs."""

    OBJECTS = "objects"
    POLYGONS = "polygons"


_HAS: dict[Need, Callable[[Result], bool]] = {
    Need.OBJECTS: lambda result: len(result.detections) > 0,
    Need.POLYGONS: lambda result: any(result.polygons),
}
_HINTS = {
    Need.OBJECTS: "A dataset needs some: run a Detect task.",
    Need.POLYGONS: "Run a Segment task to get some.",
}


@dataclass(frozen=True)
class ExportFormat:
    """One kind of file.

    Attributes:
        name: Its name in the API.
        title: Its name on the page.
        export_answer: (answer, style, visible rows) -> a new file; blocks. Raises FlorenceUIError.
        export_batch: (finished pictures, options) -> a new file; blocks. Raises FlorenceUIError.
        batch_title: Its name in the page's Many tab; empty to leave it out there.
        file_a_picture: Whether it has one file or folder per picture, so that a single picture needs no zip around it.
        needs: What at least one answer must have.
    """

    name: str
    title: str
    export_answer: Callable[[Analysis, Style, Sequence[int]], Path]
    export_batch: Callable[[Sequence[ExportItem], Options], Export]
    batch_title: str = ""
    file_a_picture: bool = False
    needs: Need | None = None

    def lacks(self, results: Iterable[Result]) -> Need | None:
        """What it needs and none of the results has; None if they will do."""
        return None if self.needs is None or any(map(_HAS[self.needs], results)) else self.needs


def export_answer(name: str, analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
    """Write one answer to a new file; blocks.

    Args:
        name: One of `FORMATS`.
        analysis: The answer.
        style: How it is drawn.
        rows: The visible detections.

    Raises:
        InputError: If the answer lacks what the format needs, such as polygons for masks.
        FlorenceUIError: If the file cannot be written.
    """
    kind, result = FORMATS[name], analysis.result
    if need := kind.lacks([result]):
        raise InputError(f"This answer has no {need}.", _HINTS[need])
    if need := kind.lacks([result.select(rows)]):
        raise InputError(f"All {need} are switched off.", "Switch on those that the file should have.")
    return kind.export_answer(analysis, style, rows)


def export_batch(name: str, batch: Batch | None, options: Options | None = None) -> Export:
    """Write the answers of all finished pictures to a new file; blocks.

    Args:
        name: One of `FORMATS`.
        batch: The pictures.
        options: Options for the file.

    Raises:
        InputError: If none is finished, or none has what the format needs.
        ImageError: If no picture's file exists any more.
        FlorenceUIError: If the file cannot be written.
    """
    items: list[ExportItem] = []
    unanswered: list[LeftOut] = []
    for number, item in enumerate(batch.items if batch else [], start=1):
        if item.path and item.analysis:
            items.append(ExportItem(item.name, number, item.path, item.analysis))
        else:
            unanswered.append(LeftOut(item.name, number, item.reason or "It has no answer yet."))
    if not items:
        reasons = [item.reason for item in batch.items] if batch else []
        if reasons and all(reasons):
            raise InputError("Every picture failed.", f"The first one: {reasons[0]}")
        raise InputError("No picture has an answer yet.", "Run some first.")
    if need := FORMATS[name].lacks(item.analysis.result for item in items):
        raise InputError(f"These answers have no {need}.", _HINTS[need])
    options = options or Options()
    style = batch.styled(options.style) if batch else options.style
    return FORMATS[name].export_batch(items, replace(options, style=style, unanswered=unanswered))


def _picture(image_format: str, analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
    """The drawn picture at the original's size."""
    image = render(analysis, style, rows, full=True)
    return storage.write(encode_image(image, image_format), SUFFIXES[image_format], stem=_stem(analysis))


def _pictures(image_format: str, items: Sequence[ExportItem], options: Options) -> Export:
    """The drawn pictures at their originals' size, zipped; one is in memory at a time."""
    notes: list[str] = []
    errors: list[ImageError] = []
    with create_archive(_stem_of_all(items)) as archive:
        for item, stem in zip(items, unique_stems(item.name for item in items), strict=True):
            try:
                picture = open_picture(item.path, options.limits)
                image = render(item.analysis.with_picture(picture), options.style, full=True)
            except ImageError as error:
                notes.append(f"{item.name} was left out: {error}")
                errors.append(error)
                continue
            archive.add(f"{stem}{SUFFIXES[image_format]}", encode_image(image, image_format))
        if len(errors) == len(items):
            raise errors[0]
    return Export(archive.path, tuple(notes))


def _record(analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
    return storage.write(to_json(analysis_record(analysis, rows)).encode(), ".json", stem=_stem(analysis))


def _records(items: Sequence[ExportItem], options: Options) -> Export:
    """The records, each with its picture's name."""
    data = [item_record(item) for item in items]
    return Export(storage.write(to_json(data).encode(), ".json", stem=_stem_of_all(items)))


def _table(analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
    return _write_table([_item(analysis, rows)], _stem(analysis))


def _tables(items: Sequence[ExportItem], options: Options) -> Export:
    return Export(_write_table(items, _stem_of_all(items)))


def _write_table(items: Sequence[ExportItem], stem: str) -> Path:
    """Write one table; a byte order mark tells spreadsheets that it is UTF-8."""
    return storage.write(detections_csv(items).encode("utf-8-sig"), ".csv", stem=stem)


def _masks(analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
    """The polygons as black and white pictures, zipped."""
    with create_archive(f"{_stem(analysis)}-masks") as archive:
        for name, png in mask_pngs(analysis.result, rows):
            archive.add(name, png)
    return archive.path


def _masks_of_all(items: Sequence[ExportItem], options: Options) -> Export:
    """The polygons as black and white pictures, zipped, one folder per picture."""
    with create_archive(f"{_stem_of_all(items)}-masks") as archive:
        for item, stem in zip(items, unique_stems(item.name for item in items), strict=True):
            for name, png in mask_pngs(item.analysis.result):
                archive.add(f"{stem}/{name}", png)
    return Export(archive.path)


def _dataset(name: str, layout: Layout, analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
    return dataset_zip([_item(analysis, rows)], layout, analysis.picture.limits, stem=f"{_stem(analysis)}-{name}").path


def _dataset_of_all(name: str, layout: Layout, items: Sequence[ExportItem], options: Options) -> Export:
    stem = f"{_stem_of_all(items)}-{name}"
    share, unanswered = options.validation, options.unanswered
    return dataset_zip(items, layout, options.limits, stem=stem, validation=share, unanswered=unanswered)


def _item(analysis: Analysis, rows: Sequence[int]) -> ExportItem:
    """The picture with the visible objects."""
    path = analysis.picture.path
    return ExportItem(path.name, 1, path, replace(analysis, result=analysis.result.select(rows)))


def _stem(analysis: Analysis) -> str:
    """The name of a file about one answer, without suffix: `dog-find-objects`, `dog-find-objects-then-segment-each`."""
    return f"{safe_name(analysis.picture.path.stem)}-{safe_name(analysis.title.lower())}"


def _stem_of_all(items: Sequence[ExportItem]) -> str:
    """The name of a file about many answers, without suffix: `12-pictures-find-objects`."""
    count = "1-picture" if len(items) == 1 else f"{len(items)}-pictures"
    return f"{count}-{safe_name(items[0].analysis.title.lower())}"


def _picture_format(name: str, image_format: str, batch_title: str = "") -> ExportFormat:
    one, many = partial(_picture, image_format), partial(_pictures, image_format)
    return ExportFormat(name, f"Picture ({image_format})", one, many, batch_title, file_a_picture=True)


def _dataset_format(name: str, title: str, layout: Layout) -> ExportFormat:
    one, many = partial(_dataset, name, layout), partial(_dataset_of_all, name, layout)
    return ExportFormat(name, title, one, many, title, needs=Need.OBJECTS)


FORMATS: dict[str, ExportFormat] = {
    row.name: row
    for row in (
        _picture_format("png", "PNG"),
        _picture_format("jpeg", "JPEG", "Pictures"),
        ExportFormat("json", "JSON", _record, _records, "JSON"),
        ExportFormat("csv", "CSV", _table, _tables, "CSV"),
        ExportFormat("masks", "Masks", _masks, _masks_of_all, "Masks", file_a_picture=True, needs=Need.POLYGONS),
        _dataset_format("yolo", "YOLO", yolo),
        _dataset_format("coco", "COCO", coco),
        _dataset_format("voc", "Pascal VOC", voc),
    )
}
"""By name, in the order in which they are offered."""
