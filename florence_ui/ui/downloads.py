"""What can be taken away of one answer, each made when somebody asks for it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from florence_ui import exporting, storage
from florence_ui.drawing import Style
from florence_ui.errors import InputError
from florence_ui.exporting import DatasetFormat
from florence_ui.pipeline import Analysis, render

Maker = Callable[[Analysis, Style, Sequence[int]], Path]
"""(answer, style, rows that are switched on) -> a new file; blocks. Raises FlorenceUIError."""

NAME = "florence-2"


def picture(image_format: str, suffix: str) -> Maker:
    """The drawn picture at the original's size."""

    def make(analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
        image = render(analysis, style, rows, full=True)
        return storage.write(exporting.encoded(image, image_format), suffix, stem=NAME)

    return make


def record(analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
    """The JSON."""
    return storage.write(exporting.to_json(exporting.as_record(analysis, rows)).encode(), ".json", stem=NAME)


def table(analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
    """The table; a byte order mark tells spreadsheets that it is UTF-8."""
    return storage.write(exporting.to_csv([(NAME, analysis.result.only(rows))]).encode("utf-8-sig"), ".csv", stem=NAME)


def masks(analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
    """The outlines as black and white pictures, zipped.

    Raises:
        InputError: If the answer has none.
    """
    if not any(analysis.result.polygons[row] for row in rows):
        raise InputError("This answer has no outlines.", "Run a Segment task to get some.")
    with storage.create(".zip", stem=f"{NAME}-masks") as file:
        exporting.mask_zip(analysis.result, file, rows)
    return file.path


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
        with storage.create(".zip", stem=f"{NAME}-{layout}") as file:
            exporting.dataset_zip([(NAME, analysis.picture.full, analysis.result.only(rows))], layout, file)
        return file.path

    return make


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
