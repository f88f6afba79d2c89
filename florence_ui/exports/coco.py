"""COCO: one JSON file of all instances, laid out as in COCO's own archive.

supervision's writer is not used: it gives a polygon the area of its box, and pictures a license that nobody chose.
"""

import json
from collections.abc import Iterator
from typing import Any

from florence_ui.exports.labeled import Instance, LabeledDataset, LabeledImage
from florence_ui.exports.records import DECIMALS, round_coordinates


def picture_path(picture: LabeledImage) -> str:
    """Where a picture lies in the archive."""
    return f"images/{picture.file}"


def files(dataset: LabeledDataset) -> Iterator[tuple[str, str]]:
    """(path, text) of everything but the pictures; ids are the same in every file."""
    numbered = list(enumerate(dataset.pictures, start=1))
    split = len(dataset.subsets) > 1
    for subset in dataset.subsets:
        own = [(number, picture) for number, picture in numbered if picture.subset == subset]
        name = f"annotations/instances_{subset if split else 'default'}.json"
        yield name, json.dumps(_contents(dataset, own), ensure_ascii=False, allow_nan=False)


def _contents(dataset: LabeledDataset, pictures: list[tuple[int, LabeledImage]]) -> dict[str, Any]:
    found = [(number, instance) for number, picture in pictures for instance in picture.instances]
    return {
        "info": {"description": "Found by Florence-2", **dataset.about},
        "licenses": [],
        "categories": [{"id": i, "name": name, "supercategory": ""} for i, name in enumerate(dataset.classes, start=1)],
        "images": [
            {"id": number, "file_name": picture.file, "width": picture.size[0], "height": picture.size[1]}
            for number, picture in pictures
        ],
        "annotations": [_annotation(i, number, instance) for i, (number, instance) in enumerate(found, start=1)],
    }


def _annotation(annotation_id: int, image_id: int, instance: Instance) -> dict[str, Any]:
    """One object, without `score`, because Florence-2 gives none."""
    x1, y1, x2, y2 = instance.xyxy
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": instance.class_id + 1,
        "bbox": round_coordinates((x1, y1, x2 - x1, y2 - y1)),
        "area": round(instance.area, DECIMALS),
        "iscrowd": 0,
        "segmentation": [round_coordinates(part.ravel()) for part in instance.parts],
    }
