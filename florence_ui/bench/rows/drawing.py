"""Rows 4 and 11: drawing on a 12-megapixel photograph."""

import asyncio
import io
import statistics
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from florence_ui.bench.measuring import (
    Measurement,
    Scale,
    Target,
    format_medians,
    measure_alternating,
    ratios,
    time_call,
)
from florence_ui.bench.photographs import SIZES, photograph_jpeg
from florence_ui.images.encoding import encode_jpeg
from florence_ui.images.loading import open_picture
from florence_ui.inference.drawing import draw
from florence_ui.inference.request import Analysis
from florence_ui.rendering.annotate import annotate
from florence_ui.rendering.annotators import ANNOTATORS
from florence_ui.rendering.style import Style
from florence_ui.rendering.view import View
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import TASKS

BOXES, MASKS = 30, 5
STAGE = View((2072, 1552), 2)
"""What a window of 1440 x 900 shows at two device pixels per CSS pixel."""


def busy_result(size: tuple[int, int], seed: int) -> Result:
    """Thirty labeled boxes, five of them with a polygon, in pixels of a picture of (width, height)."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform((0, 0), (0.8 * size[0], 0.8 * size[1]), (BOXES, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(0.05, 0.2, (BOXES, 2)) * size], axis=1)
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    polygons = [[(b[:2] + b[2:]) / 2 + circle * (b[2:] - b[:2]) / 2] if i < MASKS else [] for i, b in enumerate(boxes)]
    labels = [f"thing {i % 12}" for i in range(BOXES)]
    return Result(TASKS["<OD>"], "<OD>", size, detections=make_detections(labels, boxes, polygons=polygons))


def drawing(scale: Scale) -> Measurement:
    """Row 4: drawing and encoding for the browser, against `savefig` at full size."""
    result = busy_result(SIZES[12], scale.seed)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "photograph.jpg"
        path.write_bytes(photograph_jpeg(12, scale.seed))
        picture = open_picture(path)
        full = np.asarray(picture.full())
        taken = measure_alternating(
            lambda: time_call(lambda: encode_jpeg(annotate(picture.display, result))),
            lambda: time_call(lambda: savefig(full, result)),
            2 if scale.short else min(scale.pairs, 3),
        )
    return Measurement(
        4, "drawing 30 labelled boxes and 5 masks on 12 megapixels, against matplotlib", ratios(taken), Target(0.1),
        format_medians(taken),
    )  # fmt: skip


def savefig(image: np.ndarray, result: Result) -> bytes:
    """Draw as common demos of Florence-2 do: a figure of the picture's size, patches, texts, saved as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import patches, pyplot

    height, width = image.shape[:2]
    figure = pyplot.figure(figsize=(width / 100, height / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(image)
    axes.axis("off")
    for box, label, parts in zip(result.detections.xyxy, result.labels, result.polygons, strict=True):
        x1, y1, x2, y2 = box
        axes.add_patch(patches.Rectangle((x1, y1), x2 - x1, y2 - y1, linewidth=8, edgecolor="r", facecolor="none"))
        axes.text(x1, y1, label, fontsize=40, color="white", bbox={"facecolor": "red", "alpha": 0.5})
        for part in parts:
            axes.add_patch(patches.Polygon(part, alpha=0.45))
    file = io.BytesIO()
    figure.savefig(file, format="png")
    pyplot.close(figure)
    return file.getvalue()


def _redraw(analysis: Analysis, style: Style) -> None:
    asyncio.run(draw(analysis, style, view=STAGE))


def restyling(scale: Scale) -> Measurement:
    """Row 11: each annotator in turn, as the page redraws an answer for a stage; the slowest counts."""
    result = busy_result(SIZES[12], scale.seed)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "photograph.jpg"
        path.write_bytes(photograph_jpeg(12, scale.seed))
        analysis = Analysis(result, "florence-2-base", "local", "", 0.0, picture=open_picture(path))
        asyncio.run(draw(analysis, view=STAGE))
        taken = {
            style: [time_call(partial(_redraw, analysis, style)) * 1000 for _ in range(scale.pairs)]
            for style in (Style(annotators=(annotator,)) for annotator in ANNOTATORS)
        }
    slowest = max(taken, key=lambda style: statistics.median(taken[style]))
    usual = statistics.median([value for values in taken.values() for value in values])
    return Measurement(
        11, "another style at 12 megapixels, on a stage of 2,072 x 1,552 pixels, the slowest annotator", taken[slowest],
        Target(150, "ms"),
        f"{slowest.annotators[0]}; all {len(taken)} annotators in the median {usual:.0f} ms; no call is made",
    )  # fmt: skip
