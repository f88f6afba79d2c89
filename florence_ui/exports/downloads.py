"""What can be taken away of one answer, each made when somebody asks for it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from florence_ui import storage
from florence_ui.errors import InputError
from florence_ui.exports.archive import create_archive
from florence_ui.exports.datasets import DatasetFormat, dataset_zip
from florence_ui.exports.masks import mask_pngs
from florence_ui.exports.originals import encode_image
from florence_ui.exports.records import ExportItem, analysis_record, to_json
from florence_ui.exports.tables import detections_csv
from florence_ui.inference.pipeline import Analysis, render
from florence_ui.rendering.annotate import Style

Maker = Callable[[Analysis, Style, Sequence[int]], Path]
"""(answer, style, rows that are switched on) -> a new file; blocks. Raises FlorenceUIError."""

NAME = "florence-2"


def picture(image_format: str, suffix: str) -> Maker:
    """The drawn picture at the original's size."""

    def make(analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
        image = render(analysis, style, rows, full=True)
        return storage.write(encode_image(image, image_format), suffix, stem=NAME)

    return make


def record(analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
    """The JSON."""
    return storage.write(to_json(analysis_record(analysis, rows)).encode(), ".json", stem=NAME)


def table(analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
    """The table; a byte order mark tells spreadsheets that it is UTF-8."""
    return storage.write(detections_csv([example(analysis, rows)]).encode("utf-8-sig"), ".csv", stem=NAME)


def masks(analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
    """The outlines as black and white pictures, zipped.

    Raises:
        InputError: If the answer has none.
    """
    if not any(analysis.result.polygons[row] for row in rows):
        raise InputError("This answer has no outlines.", "Run a Segment task to get some.")
    with create_archive(f"{NAME}-masks") as archive:
        for name, png in mask_pngs(analysis.result, rows):
            archive.add(name, png)
    return archive.path


def dataset(layout: DatasetFormat) -> Maker:
    """Picture and answer as a data set, zipped.

    Raises:
        InputError: If the answer has no objects, or none is switched on.
    """

    def make(analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
        if not len(analysis.result.detections):
            raise InputError("This answer has no objects.", "A data set needs some: run a Detect task.")
        if not rows:
            raise InputError("Every object is switched off.", "Switch on those that the data set should have.")
        limits = analysis.picture.limits
        return dataset_zip([example(analysis, rows)], layout, limits, stem=f"{NAME}-{layout}").path

    return make


def example(analysis: Analysis, rows: Sequence[int]) -> ExportItem:
    """The picture with the objects that are switched on."""
    return ExportItem(NAME, 1, analysis.picture.path, replace(analysis, result=analysis.result.select(rows)))


MAKERS: dict[str, Maker] = {
    "png": picture("PNG", ".png"),
    "jpeg": picture("JPEG", ".jpg"),
    "json": record,
    "csv": table,
    "masks": masks,
    "yolo": dataset(DatasetFormat.YOLO),
    "coco": dataset(DatasetFormat.COCO),
    "voc": dataset(DatasetFormat.VOC),
}
"""By the names of `panels.TAKE_AWAY`."""
