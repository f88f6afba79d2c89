"""What can be taken away of many pictures; each file is made when somebody asks for it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import PurePath

from florence_ui import storage
from florence_ui.errors import ImageError, InputError
from florence_ui.exports.archive import create_archive
from florence_ui.exports.datasets import DatasetFormat, Export, dataset_zip
from florence_ui.exports.masks import mask_pngs
from florence_ui.exports.names import unique_names
from florence_ui.exports.originals import encode_image
from florence_ui.exports.records import ExportItem, item_record, to_json
from florence_ui.exports.tables import detections_csv
from florence_ui.images.loading import ImageLimits, open_picture
from florence_ui.inference.batch import Batch, Item
from florence_ui.inference.pipeline import render
from florence_ui.rendering.annotate import Style

NAME = "florence-2-many"
TITLES = {
    "jpeg": "Pictures", "masks": "Masks", "json": "JSON", "csv": "CSV", "yolo": "YOLO", "coco": "COCO",
    "voc": "Pascal VOC",
}  # fmt: skip
"""What can be downloaded: name -> words."""


@dataclass(frozen=True)
class Options:
    """How a file is made.

    Attributes:
        limits: What a picture must keep to.
        style: How answers are drawn.
        validation: The part of a data set's pictures to hold back, 0 to 1.
    """

    limits: ImageLimits = field(default_factory=ImageLimits)
    style: Style = field(default_factory=Style)
    validation: float = 0.0


DEFAULT = Options()


def make(name: str, batch: Batch | None, options: Options = DEFAULT) -> Export:
    """A new file with the answers of all finished pictures; blocks.

    Args:
        name: One of `MAKERS`.
        batch: The pictures.
        options: How to make it.

    Raises:
        InputError: If none is finished, or none has what the file is made of.
        ImageError: If no picture's file is there any more.
        FlorenceUIError: If the file cannot be written.
    """
    done = batch.done if batch else []
    if not done:
        raise InputError("No picture has an answer yet.", "Run some first.")
    numbers = {item: number for number, item in enumerate(batch.items, start=1)}
    return MAKERS[name]([_example(item, numbers[item]) for item in done], options)


def records(done: list[ExportItem], options: Options) -> Export:
    """The records, each with its picture's name."""
    data = [item_record(example) for example in done]
    return Export(storage.write(to_json(data).encode(), ".json", stem=NAME))


def table(done: list[ExportItem], options: Options) -> Export:
    """One table; a byte order mark tells spreadsheets that it is UTF-8."""
    return Export(storage.write(detections_csv(done).encode("utf-8-sig"), ".csv", stem=NAME))


def dataset(layout: DatasetFormat, done: list[ExportItem], options: Options) -> Export:
    """Pictures and answers as a data set, zipped; the pictures are opened one by one."""
    if not any(len(example.answer.result.detections) for example in done):
        raise InputError("These answers have no objects.", "A data set needs some: run a Detect task.")
    stem = f"{NAME}-{layout}"
    return dataset_zip(done, layout, options.limits, stem=stem, validation=options.validation)


def drawn(image_format: str, suffix: str, done: list[ExportItem], options: Options) -> Export:
    """The pictures with their answers on them, at their own size, zipped; one is in memory at a time."""
    notes: list[str] = []
    errors: list[ImageError] = []
    with create_archive(f"{NAME}-pictures") as archive:
        for example, stem in _with_stems(done):
            try:
                picture = open_picture(example.path, options.limits)
                image = render(replace(example.answer, picture=picture), options.style, full=True)
            except ImageError as error:
                notes.append(f"{example.name} was left out: {error}")
                errors.append(error)
                continue
            archive.add(f"{stem}{suffix}", encode_image(image, image_format))
        if len(errors) == len(done):
            raise errors[0]
    return Export(archive.path, tuple(notes))


def masks(done: list[ExportItem], options: Options) -> Export:
    """The outlines as black and white pictures, zipped: a folder a picture."""
    if not any(any(example.answer.result.polygons) for example in done):
        raise InputError("These answers have no outlines.", "Run a Segment task to get some.")
    with create_archive(f"{NAME}-masks") as archive:
        for example, stem in _with_stems(done):
            for name, png in mask_pngs(example.answer.result):
                archive.add(f"{stem}/{name}", png)
    return Export(archive.path)


def _example(item: Item, number: int) -> ExportItem:
    return ExportItem(item.name, number, item.path, item.analysis)


def _with_stems(done: Sequence[ExportItem]) -> Iterator[tuple[ExportItem, str]]:
    return zip(done, unique_names([PurePath(example.name).stem for example in done]), strict=True)


MAKERS: dict[str, Callable[[list[ExportItem], Options], Export]] = {
    "png": partial(drawn, "PNG", ".png"),
    "jpeg": partial(drawn, "JPEG", ".jpg"),
    "masks": masks,
    "json": records,
    "csv": table,
    **{layout.value: partial(dataset, layout) for layout in DatasetFormat},
}
"""What `/export` makes, too."""
