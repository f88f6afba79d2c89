"""Labels written on a drawing by supervision."""

from collections.abc import Sequence

import numpy as np
import supervision as sv
from PIL import Image
from supervision.config import CLASS_NAME_DATA_FIELD

from florence_ui.fonts import clean_label, find_font, load_font, load_line_font, truncate
from florence_ui.rendering.colors import contrasting_text_color
from florence_ui.rendering.label_placement import Subject, place_labels
from florence_ui.rendering.shapes import ROW, Shapes
from florence_ui.rendering.style import Style, font_size
from florence_ui.rendering.view import View
from florence_ui.results.arrays import FloatArray, take_rows

VIEW_TEXT_SIZE, VIEW_PADDING = 13, 4
"""Text size and the space around it on a screen, in CSS pixels."""
VIEW_LINE_TEXT_SIZE, VIEW_LINE_PADDING = 12, 2
"""The same for the number of a line of text."""
MIN_LABELED_SIDE = 180
"""A view whose longer side is shorter, in CSS pixels, has no labels."""
MAX_LABEL_WIDTH = 0.45
"""Maximum width of a label as a fraction of the picture's; at least `MIN_LABEL_WIDTH` times the text size."""
MIN_LABEL_WIDTH = 10
LABELS_AT_ONCE = 60
"""Maximum number of labels that are kept from overlapping; the cost is quadratic."""


def write_labels(image: Image.Image, detections: sv.Detections, style: Style) -> None:
    """Write labels above their boxes, within the picture, spread out where they would overlap."""
    size = font_size(image.size, style)
    width = max(MAX_LABEL_WIDTH * image.width, MIN_LABEL_WIDTH * size)
    width = min(width, image.width - size)
    texts = [clean_label(label) for label in detections.data[CLASS_NAME_DATA_FIELD]]
    by_font: dict[str | None, list[int]] = {}
    for row, text in enumerate(texts):
        if text:
            by_font.setdefault(find_font(text), []).append(row)
    for path, rows in by_font.items():
        annotator = _label_annotator(path, size, max(2, round(size * 0.28)), style, spread=True)
        for start in range(0, len(rows), LABELS_AT_ONCE):
            some = rows[start : start + LABELS_AT_ONCE]
            labels = [truncate(texts[row], load_font(path, size), width) for row in some]
            annotator.annotate(image, take_rows(detections, some), labels)


def write_view_labels(image: Image.Image, shapes: Shapes, view: View, style: Style) -> None:
    """Write names or numbers on what a view shows, in their places."""
    if max(view.size) < MIN_LABELED_SIDE * view.pixel_ratio:
        return
    scale = view.pixel_ratio * style.text_size
    if shapes.has_quads:
        size, padding = round(VIEW_LINE_TEXT_SIZE * scale), round(VIEW_LINE_PADDING * scale)
    else:
        size, padding = round(VIEW_TEXT_SIZE * scale), round(VIEW_PADDING * scale)
    subjects = view_subjects(shapes, view.margin, max(1, size), max(1, padding))
    reserved = [(x1 * w, y1 * h, x2 * w, y2 * h) for w, h in [view.size] for x1, y1, x2, y2 in view.reserved]
    colors = dict(zip(shapes.detections.data[ROW], shapes.colors, strict=True))
    annotators: dict[str | None, sv.RichLabelAnnotator] = {}
    for label in place_labels(subjects, view.size, view.pixel_ratio, reserved):
        path = find_font(label.text)
        if path not in annotators:
            annotators[path] = _label_annotator(path, max(1, size), max(1, padding), style)
            annotators[path].font = load_line_font(path, max(1, size))
        annotator = annotators[path]
        annotator.text_anchor, annotator.text_offset = label.position, label.offset
        place = sv.Detections(xyxy=np.array([label.anchor]), class_id=np.array([colors[label.row]]))
        annotator.annotate(image, place, [label.text])


def view_subjects(shapes: Shapes, margin: int, size: int, padding: int) -> list[Subject]:
    """What wants a label, in pixels of the view."""

    def label_size(text: str) -> tuple[int, int]:
        left, top, right, bottom = load_line_font(find_font(text), size).getbbox(text, "L")
        return int(right - left + 2 * padding), int(bottom - top + 2 * padding)

    found = shapes.detections
    inside = np.array(shapes.size) - 2 * margin
    subjects = []
    for index, row in enumerate(found.data[ROW]):
        name, number = clean_label(found.data[CLASS_NAME_DATA_FIELD][index]), str(row + 1)
        subjects.append(
            Subject(
                row=int(row),
                box=tuple((found.xyxy[index] - margin).tolist()),
                name=name,
                name_size=label_size(name) if name else (0, 0),
                number=number,
                number_size=label_size(number),
                tip=_tip(shapes.outlines[index], margin, inside) if shapes.has_polygon[index] else None,
                is_line=shapes.has_quads,
            )
        )
    return subjects


def _tip(outline: Sequence[FloatArray], margin: int, inside: FloatArray) -> tuple[float, float] | None:
    """The topmost point of an outline in the view, or None if it has no point there."""
    points = np.concatenate(outline) - margin
    points = points[((points >= 0) & (points < inside)).all(axis=1)]
    return tuple(points[np.argmin(points[:, 1])].tolist()) if len(points) else None


def _label_annotator(
    font_path: str | None, size: int, padding: int, style: Style, *, spread: bool = False
) -> sv.RichLabelAnnotator:
    return sv.RichLabelAnnotator(
        color=style.color_palette,
        text_color=sv.ColorPalette([contrasting_text_color(color) for color in style.color_palette.colors]),
        font_path=font_path,
        font_size=size,
        text_padding=padding,
        border_radius=max(1, round(size * 0.2)),
        smart_position=spread,
    )
