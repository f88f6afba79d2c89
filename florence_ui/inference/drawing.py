"""An answer drawn on its picture, as a picture in memory or a file of ours."""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from PIL import Image

from florence_ui import storage
from florence_ui.concurrency.fair_pool import draw_pool
from florence_ui.images.encoding import encode_jpeg
from florence_ui.images.loading import MAX_SIDE, ImageLimits, Picture, load_image, read_file
from florence_ui.inference.request import Analysis
from florence_ui.inference.scenes import cut_scene, get_scene
from florence_ui.rendering.annotate import annotate, annotate_view, without_margin
from florence_ui.rendering.comparison import add_legend, annotate_found_by, annotate_found_by_view, put_side_by_side
from florence_ui.rendering.style import Style
from florence_ui.rendering.view import View
from florence_ui.results.compare import BOTH, LEFT, RIGHT, FoundByMap
from florence_ui.results.result import Result

DRAWING_QUALITY = 90
MAX_PAIRED_SIDE = 4096
"""Longest side in pixels of each of two drawings in one file, which together must fit into memory."""
PREVIEW_SIDE = 640
"""Longest side of a thumbnail or preview, in pixels."""
PREVIEW = View(size=(PREVIEW_SIDE, PREVIEW_SIDE), pixel_ratio=2)
"""A preview is shown at about half its size."""
PREVIEW_QUALITY = 85


def render(
    analysis: Analysis,
    style: Style | None = None,
    shown: Collection[int] | None = None,
    *,
    full: bool = False,
    view: View | None = None,
) -> Image.Image:
    """Draw a result on its picture; blocks.

    Args:
        analysis: The answer with its picture.
        style: How to draw.
        shown: Rows of the detections to draw; None for all.
        full: Whether to draw at the original's size, for a download, instead of at display size.
        view: What a screen shows of the picture; the drawing has its proportions and at most its size.

    Returns:
        A new RGB picture.

    Raises:
        ImageError: If the original is needed, and its file is gone.
    """
    picture = analysis.picture
    if view is not None:
        view = view.fit(picture.size)
        return annotate_view(get_scene(picture, view), analysis.result, view, style, shown)
    return annotate(picture.full() if full else picture.display, analysis.result, style, shown)


async def draw(
    analysis: Analysis,
    style: Style | None = None,
    shown: Collection[int] | None = None,
    *,
    full: bool = False,
    view: View | None = None,
) -> Path:
    """Save what `render` draws as a JPEG file of ours, in one of the threads for drawing.

    Raises:
        FlorenceUIError: If it cannot be saved, or the original is needed and gone.
    """

    def work() -> Path:
        nothing = (shown is not None and not shown) or not len(analysis.result.detections)
        if nothing and not full and view is None:
            return storage.write(analysis.picture.jpeg, ".jpg", stem="result")
        return save_jpeg(render(analysis, style, shown, full=full, view=view))

    return await draw_pool.run(work)


async def show_part(picture: Picture, view: View) -> Path:
    """Save what a view shows of a picture, with nothing drawn on it, as a JPEG file of ours.

    Raises:
        FlorenceUIError: If it cannot be saved, or the original is needed and gone.
    """

    def work() -> Path:
        fitted = view.fit(picture.size)
        return save_jpeg(without_margin(get_scene(picture, fitted), fitted))

    return await draw_pool.run(work)


async def draw_comparison(
    picture: Picture,
    found: FoundByMap,
    *,
    full: bool = False,
    view: View | None = None,
    names: tuple[str, str] | None = None,
) -> Path:
    """Save a drawing of who found what as a JPEG file of ours, in one of the threads for drawing.

    Args:
        picture: The picture that both answers are about.
        found: The objects of both.
        full: Whether to draw at the original's size, for a download, instead of at display size.
        view: What a screen shows of the picture.
        names: What the two answers are called, for a legend below the whole picture; None for no legend.

    Raises:
        FlorenceUIError: If it cannot be saved, or the original is needed and gone.
    """

    def work() -> Path:
        if view is None:
            drawn = annotate_found_by(picture.full() if full else picture.display, found)
            legended = drawn
            if names:
                legended = add_legend(drawn, {LEFT: f"only {names[0]}", RIGHT: f"only {names[1]}", BOTH: "both"})
            is_small_enough = legended.height <= MAX_SIDE  # a JPEG has no room for more
            return save_jpeg(legended if is_small_enough else drawn, stem="comparison")
        fitted = view.fit(picture.size)
        return save_jpeg(annotate_found_by_view(get_scene(picture, fitted), found, fitted), stem="comparison")

    return await draw_pool.run(work)


async def draw_sides(left: Analysis, right: Analysis, names: tuple[str, str], style: Style) -> Path:
    """Save both answers about a picture, drawn beside each other above their names, as a JPEG file of ours.

    Raises:
        FlorenceUIError: If it cannot be saved, or the original is gone.
    """

    def side(analysis: Analysis, who: str, name: str) -> Image.Image:
        drawn = render(analysis, style, full=True)
        drawn.thumbnail((MAX_PAIRED_SIDE, MAX_PAIRED_SIDE))
        return add_legend(drawn, {who: name})

    def work() -> Path:
        return save_jpeg(put_side_by_side(side(left, LEFT, names[0]), side(right, RIGHT, names[1])), stem="comparison")

    return await draw_pool.run(work)


def save_jpeg(image: Image.Image, *, stem: str = "result") -> Path:
    """Save a picture as a JPEG file of ours, which ages out with the others in `storage`.

    Raises:
        FlorenceUIError: If it cannot be saved.
    """
    return storage.write(encode_jpeg(image, DRAWING_QUALITY), ".jpg", stem=stem)


def write_thumbnail(path: Path, limits: ImageLimits) -> Path:
    """Write a small copy of the picture in a file, at most `PREVIEW_SIDE` on the long side, to a file of ours; blocks.

    Raises:
        ImageError: If it is not a supported picture, is corrupt, or exceeds the limits.
        FlorenceUIError: If the file cannot be written.
    """
    _, small = load_image(read_file(path, limits), limits, longest=PREVIEW_SIDE)
    return storage.write(encode_jpeg(small, PREVIEW_QUALITY), ".jpg", stem="thumbnail")


def write_preview(picture: Picture, result: Result, style: Style) -> Path:
    """Write a small copy of a picture with the answer drawn on it, without labels, to a file of ours; blocks.

    Raises:
        FlorenceUIError: If the file cannot be written.
    """
    view = PREVIEW.fit(picture.size)
    drawn = annotate_view(cut_scene(picture, view), result, view, replace(style, labels=False))
    return storage.write(encode_jpeg(drawn, PREVIEW_QUALITY), ".jpg", stem="preview")
