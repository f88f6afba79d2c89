"""Pascal VOC: one XML file per picture, with boxes in whole pixels counted from 1, the last one included.

supervision's writer is not used: it counts one pixel beyond the right and lower edges, and writes no image sets.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from florence_ui.exports.labeled import LabeledDataset, LabeledImage
from florence_ui.exports.records import to_json
from florence_ui.results.arrays import FloatArray


def picture_path(picture: LabeledImage) -> str:
    """Where a picture lies in the archive."""
    return f"JPEGImages/{picture.file}"


def files(dataset: LabeledDataset) -> Iterator[tuple[str, str]]:
    """(path, text) of everything but the pictures; `dataset_meta.json` tells datumaro and CVAT the classes."""
    for subset in dataset.subsets:
        stems = [picture.stem for picture in dataset.pictures if picture.subset == subset]
        yield f"ImageSets/Main/{subset}.txt", "".join(f"{stem}\n" for stem in stems)
    yield "dataset_meta.json", to_json({"labels": list(dataset.classes)})
    for picture in dataset.pictures:
        yield f"Annotations/{picture.stem}.xml", _xml(picture, dataset.classes)


def whole_pixels(xyxy: FloatArray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """First and last column and row of a box, 1 to width and height, at least two of each if the picture has two."""
    (x1, y1), (x2, y2) = np.round(xyxy.reshape(2, 2)).astype(int).tolist()
    (left, right), (top, bottom) = _span(x1, x2, size[0]), _span(y1, y2, size[1])
    return left, top, right, bottom


def _span(start: int, end: int, length: int) -> tuple[int, int]:
    last = min(max(end, start + 2), length)
    return max(min(start + 1, last - 1), 1), last


def _xml(picture: LabeledImage, classes: tuple[str, ...]) -> str:
    width, height = picture.size
    root = Element("annotation")
    _add(root, folder="JPEGImages", filename=picture.file)
    _add(SubElement(root, "size"), width=width, height=height, depth=picture.channels)
    _add(root, segmented=0)
    for instance in picture.instances:
        left, top, right, bottom = whole_pixels(instance.xyxy, picture.size)
        element = SubElement(root, "object")
        _add(element, name=classes[instance.class_id], pose="Unspecified", truncated=0, difficult=0)
        _add(SubElement(element, "bndbox"), xmin=left, ymin=top, xmax=right, ymax=bottom)
    indent(root)
    return tostring(root, encoding="unicode") + "\n"


def _add(element: Element, **children: str | int) -> None:
    for name, value in children.items():
        SubElement(element, name).text = str(value)
