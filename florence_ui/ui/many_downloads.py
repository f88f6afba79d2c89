"""What can be taken away of many pictures; each file is made when somebody asks for it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from florence_ui import exporting, storage
from florence_ui.batch import Batch, Item
from florence_ui.errors import InputError
from florence_ui.exporting import DatasetFormat
from florence_ui.images import ImageLimits, decode, read_file

NAME = "florence-2-many"
TITLES = {"json": "JSON", "csv": "CSV", "yolo": "YOLO", "coco": "COCO", "voc": "Pascal VOC"}
"""What can be downloaded: name -> words."""


def make(name: str, batch: Batch | None, limits: ImageLimits | None = None) -> Path:
    """A new file with the answers of all finished pictures; blocks.

    Args:
        name: One of `TITLES`.
        batch: The pictures.
        limits: What a picture must keep to.

    Raises:
        InputError: If none is finished, or a data set is asked for and no picture has objects.
        ImageError: If a picture's file is gone.
    """
    done = batch.done if batch else []
    if not done:
        raise InputError("No picture has an answer yet.", "Run some first.")
    return MAKERS[name](done, limits or ImageLimits())


def records(done: list[Item], _: ImageLimits) -> Path:
    """The records, each with its picture's name."""
    data = [{"picture": item.name, **exporting.as_record(item.analysis)} for item in done]
    return storage.write(exporting.to_json(data).encode(), ".json", stem=NAME)


def table(done: list[Item], _: ImageLimits) -> Path:
    """One table; a byte order mark tells spreadsheets that it is UTF-8."""
    text = exporting.to_csv([(item.name, item.result) for item in done])
    return storage.write(text.encode("utf-8-sig"), ".csv", stem=NAME)


def dataset(layout: DatasetFormat, done: list[Item], limits: ImageLimits) -> Path:
    """Pictures and answers as a data set, zipped; the pictures are opened one by one."""
    if not any(len(item.result.detections) for item in done):
        raise InputError("These answers have no objects.", "A data set needs some: run a Detect task.")
    items = [(item.name, partial(original, item, limits), item.result) for item in done]
    with storage.create(".zip", stem=f"{NAME}-{layout}") as file:
        exporting.dataset_zip(items, layout, file)
    return file.path


def original(item: Item, limits: ImageLimits) -> Image.Image:
    """The upright picture at its own size."""
    return decode(read_file(item.path, limits), limits)


MAKERS: dict[str, Callable[[list[Item], ImageLimits], Path]] = {
    "json": records,
    "csv": table,
    **{layout.value: partial(dataset, layout) for layout in DatasetFormat},
}
"""By the names of `TITLES`."""
