"""Drawings of found objects in the right places, on any picture, without modifying it."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from PIL import Image

from florence_ui import fonts
from florence_ui.fonts import clean_label, find_dejavu, find_font, load_font, scripts_without_font, truncate
from florence_ui.rendering.annotate import annotate, automatic_annotators, suitable_annotators
from florence_ui.rendering.annotators import ANNOTATORS
from florence_ui.rendering.style import Style, font_size
from florence_ui.results.parsing import parse
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task

SIZE = (400, 300)
GREY = (120, 120, 120)
SQUARE = np.array([[60, 60], [140, 60], [140, 140], [60, 140]])


def result(labels, boxes, *, token="<OD>", size=SIZE, **more) -> Result:
    return Result(get_task(token), token, size, detections=make_detections(labels, boxes, **more))


def grey(size=SIZE) -> Image.Image:
    return Image.new("RGB", size, GREY)


def changed(before: Image.Image, after: Image.Image) -> np.ndarray:
    """(height, width) booleans: pixels of another color."""
    return (np.asarray(before.convert("RGB")) != np.asarray(after)).any(axis=2)


def noisy(size=SIZE) -> Image.Image:
    return Image.fromarray(np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))


BOXES = result(["dog", "cat"], [[60, 60, 140, 140], [200, 100, 390, 280]])
QUADS = result(
    ["STOP"], [[60, 50, 150, 150]], quads=[[[60, 60], [140, 50], [150, 140], [70, 150]]], token="<OCR_WITH_REGION>"
)
OUTLINES = result(
    [""], [[60, 60, 140, 140]], polygons=[[SQUARE, SQUARE + 150]], token="<REFERRING_EXPRESSION_SEGMENTATION>"
)
REGION = result(["a red car"], [[60, 60, 140, 140]], token="<REGION_TO_DESCRIPTION>")
MIXED = result(["a", "b"], [[60, 60, 140, 140], [200, 20, 300, 90]], polygons=[[SQUARE], []])
TEXT = Result(get_task("<CAPTION>"), "<CAPTION>", SIZE, "A dog.")
KINDS = {"boxes": BOXES, "quads": QUADS, "outlines": OUTLINES, "region": REGION, "mixed": MIXED}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("annotator", ANNOTATORS)
def test_every_annotator_shows_every_kind_of_answer_and_leaves_the_picture_alone(kind: str, annotator) -> None:
    image = noisy()
    before = image.copy()
    drawn = annotate(image, KINDS[kind], Style(annotators=(annotator,), labels=False))
    assert image.tobytes() == before.tobytes()
    assert drawn.size == image.size
    assert drawn.mode == "RGB"
    assert changed(image, drawn).any()


def test_the_best_drawing_of_a_box_is_its_rim_and_its_label() -> None:
    image = grey()
    drawn = changed(image, annotate(image, REGION))
    assert drawn[60, 60:141].all()
    assert drawn[140, 60:141].all()
    assert drawn[60:141, 60].all()
    assert drawn[60:141, 140].all()
    assert not drawn[70:130, 70:130].any(), "the inside stays"
    assert drawn[40:58, 62:130].mean() > 0.5, "the label stands above"
    assert not drawn[160:, :].any(), "the rest stays"
    bare = changed(image, annotate(image, REGION, Style(labels=False)))
    assert not bare[:50].any()


def test_the_best_drawing_of_an_outline_fills_it_and_of_a_quad_follows_it() -> None:
    image = grey()
    outlined = changed(image, annotate(image, OUTLINES))
    assert outlined[70:130, 70:130].all()
    assert outlined[220:280, 220:280].all(), "parts belong together"
    assert not outlined[160:200, 60:200].any()
    quad = changed(image, annotate(image, QUADS, Style(labels=False)))
    assert quad[58:63, 58:63].any()
    assert quad[48:53, 138:143].any()
    assert not quad[50, 60], "an upright box has its corner there, the quad has not"


def test_where_only_some_have_an_outline_the_others_get_their_box() -> None:
    drawn = changed(grey(), annotate(grey(), MIXED, Style(labels=False)))
    assert drawn[100, 100], "filled outline"
    assert not drawn[50, 250], "empty box"
    assert drawn[20, 200:301].all(), "its rim"


def test_coordinates_grow_with_the_picture() -> None:
    image = grey((1600, 600))
    drawn = changed(image, annotate(image, BOXES, Style(labels=False)))
    assert drawn[120, 240:561].all()
    assert drawn[280, 240:561].all()


def test_only_the_shown_rows_are_drawn() -> None:
    drawn = changed(grey(), annotate(grey(), BOXES, shown=[0, 7, -1]))
    assert drawn[60, 100]
    assert not drawn[:, 200:].any()
    assert not changed(grey(), annotate(grey(), BOXES, shown=[])).any()


def test_an_answer_without_detections_is_the_picture_itself_as_a_new_one() -> None:
    image = grey()
    drawn = annotate(image, TEXT)
    assert drawn is not image
    assert drawn.tobytes() == image.tobytes()
    assert suitable_annotators(TEXT) == []


@pytest.mark.parametrize(
    ("kind", "best"),
    [
        ("boxes", "box"),
        ("quads", "oriented box"),
        ("outlines", "mask"),
        ("mixed", "mask"),
    ],
)
def test_the_fitting_annotators_begin_with_the_best(kind: str, best: str) -> None:
    offered = suitable_annotators(KINDS[kind])
    assert offered[0] == best
    assert len(offered) == len(set(offered))


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        pytest.param("boxes", ["box"], id="boxes"),
        pytest.param("quads", ["oriented box"], id="quads"),
        pytest.param("outlines", ["mask", "polygon"], id="outlines"),
        pytest.param("mixed", ["mask", "polygon", "box"], id="mixed"),
    ],
)
def test_what_draws_when_nothing_is_chosen_can_be_named(kind: str, names: list[str]) -> None:
    assert automatic_annotators(KINDS[kind]) == names


@pytest.mark.parametrize(
    ("size", "expected"),
    [((320, 240), 13), ((640, 480), 14), ((1536, 1152), 34), ((4000, 3000), 88), ((4000, 100), 25)],
    ids=str,
)
def test_text_grows_with_the_picture_and_is_drawn_at_that_height(size: tuple[int, int], expected: int) -> None:
    assert font_size(size, Style()) == expected
    box = [0.5 * size[0], 0.5 * size[1], 0.9 * size[0], 0.9 * size[1]]
    labelled = result(["HHH"], [box], size=size)
    with_text = annotate(grey(size), labelled)
    without = annotate(grey(size), labelled, Style(labels=False))
    rows = changed(without, with_text).any(axis=1)
    assert expected * 0.7 <= rows.sum() <= expected * 2.5, "letter and padding in pixels"


def ink(text: str, style: Style | None = None, size=SIZE) -> np.ndarray:
    """What a label puts on a picture beside its box."""
    labelled = result([text], [[60, 160, 340, 280]], size=size)
    return changed(annotate(grey(size), labelled, Style(labels=False)), annotate(grey(size), labelled, style))


@pytest.mark.parametrize("text", ["Straße", "Ελληνικά", "Кириллица", "Łódź ñ ø", "Đà Nẵng"], ids=str)
def test_latin_greek_and_cyrillic_letters_have_shapes_of_their_own(text: str) -> None:
    assert find_font(text) == find_dejavu()
    font = load_font(find_dejavu(), 24)
    missing = font.getmask("\U0010fffe").getbbox(), bytes(font.getmask("\U0010fffe"))
    for letter in set(text) - {" "}:
        assert (font.getmask(letter).getbbox(), bytes(font.getmask(letter))) != missing, letter
    assert ink(text).any()


@pytest.mark.parametrize("text", ["漢字", "हिन्दी", "עברית", "العربية", "ไทย", "😀🚗", "\ue000", "𒀀"], ids=ascii)
def test_any_other_script_is_drawn_with_what_font_there_is(text: str) -> None:
    assert ink(text).any()


SCRIPTS = {
    "Chinese": ("汉字，鸟", "fonts-noto-cjk"),
    "Japanese": ("ひらがなカタカナ", "fonts-noto-cjk"),
    "Korean": ("한국어", "fonts-noto-cjk"),
    "Devanagari": ("हिन्दी।", "fonts-noto-core"),
    "Thai": ("ภาษาไทย", "fonts-noto-core"),
    "Bengali": ("বাংলা", "fonts-noto-core"),
    "symbols": ("\ue000", ""),
}
"""Name -> a label, and the Debian package that brings a font for it."""


@pytest.fixture
def fonts_in(monkeypatch, tmp_path):
    """Make a folder, an empty one to begin with, the only one where fonts are looked for."""

    def look_in(folder=tmp_path) -> None:
        monkeypatch.setitem(fonts.FOLDERS, sys.platform, (str(folder),))
        fonts._font_files.cache_clear()
        fonts._fallbacks.cache_clear()

    yield look_in
    monkeypatch.undo()
    fonts._font_files.cache_clear()
    fonts._fallbacks.cache_clear()


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_without_a_font_is_named(fonts_in, script: str) -> None:
    fonts_in()
    assert scripts_without_font(["Straße", SCRIPTS[script][0], "Łódź"]) == [script]


def test_scripts_without_a_font_are_said_once_beside_the_picture(fonts_in) -> None:
    fonts_in()
    answer = {"<OD>": {"bboxes": [[1, 2, 30, 40]] * 4, "labels": ["한국어", "ไทย", "Straße", "한국"]}}
    (sentence,) = [
        w for w in parse(get_task("<OD>"), "<OD>", answer, sent_size=SIZE, size=SIZE).warnings if "font" in w
    ]
    assert sentence.startswith("No font for Korean or Thai is installed here")


def test_letters_that_are_there_are_not_warned_of(fonts_in) -> None:
    fonts_in()
    assert scripts_without_font(["Straße", "Ελληνικά", "Кириллица", "العربية", "a\u200bb", "", "→ ☀ ♥"]) == []


def test_the_packages_that_bring_fonts_are_named_where_they_are_looked_for() -> None:
    root = Path(fonts.__file__).parents[1]
    for _, package in SCRIPTS.values():
        assert package in (root / "README.md").read_text("utf-8")
        assert not package or package in (root / "packages.txt").read_text("utf-8").split()


@pytest.mark.parametrize("script", [name for name, (_, package) in SCRIPTS.items() if package])
def test_a_label_is_drawn_with_its_letters_where_its_font_is_there(script: str) -> None:
    text, package = SCRIPTS[script]
    if scripts_without_font([text]):
        pytest.skip(f"NO FONT FOR {script.upper()} HERE: apt-get install {package}")
    font = load_font(find_font(text), 40)
    empty = font.getmask("\U0010fffe")
    shapes = {letter: font.getmask(letter) for letter in text}
    assert all((mask.size, bytes(mask)) != (empty.size, bytes(empty)) for mask in shapes.values())
    letters = [bytes(mask) for letter, mask in shapes.items() if letter.isalpha()]
    assert len(set(letters)) == len(letters), "each has a shape of its own"
    assert ink(text).any()


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        pytest.param("a\u202eb\u2066c", "abc", id="direction"),
        pytest.param("a\x00\x1b[31mb", "a [31mb", id="escape"),
        pytest.param(" a\n\t b ", "a b", id="blanks"),
        pytest.param("e" + "\u0301" * 50 + "x", "e\u0301\u0301x", id="stacked-accents"),
        pytest.param("\u202e\u200b", "", id="nothing-left"),
        pytest.param("<b>${x}</b> [a](b)", "<b>${x}</b> [a](b)", id="markup-is-text"),
    ],
)
def test_a_drawn_label_hides_and_turns_nothing(text: str, drawn: str) -> None:
    assert clean_label(text) == drawn


def test_a_long_label_is_cut_in_the_drawing_only() -> None:
    long = result(["a very long description of a turquoise car " * 20], [[5, 100, 390, 280]])
    columns = changed(annotate(grey(), long, Style(labels=False)), annotate(grey(), long)).any(axis=0)
    assert 100 < columns.sum() < 0.75 * SIZE[0]
    assert long.labels[0].endswith("car ")
    font = load_font(find_dejavu(), 20)
    cut = truncate("a very long description", font, 100)
    assert cut.endswith("…")
    assert font.getlength(cut) <= 100
    assert truncate("short", font, 100) == "short"


@pytest.mark.parametrize("box", [[0, 0, 50, 50], [370, 0, 399, 40], [380, 280, 399, 299], [0, 0, 399, 299]], ids=str)
def test_a_label_stays_inside_the_picture(box: list[int]) -> None:
    labelled = result(["label"], [box])
    middle = result(["label"], [[100, 100, 200, 200]])

    def area(which: Result) -> int:
        return int(changed(annotate(grey(), which, Style(labels=False)), annotate(grey(), which)).sum())

    assert area(labelled) > 0.75 * area(middle), "as much of it is seen as in the middle"


def test_labels_of_one_corner_do_not_cover_each_other() -> None:
    same = [[100, 100, 300, 250]] * 4
    four = result(["one", "two", "three", "four"], same)
    one = result(["three"], same[:1])
    bare = Style(labels=False)
    areas = [changed(annotate(grey(), r, bare), annotate(grey(), r)).sum() for r in (four, one)]
    assert areas[0] > 2.5 * areas[1]


@pytest.mark.parametrize("size", [(1, 1), (20, 2000), (2000, 20), (3, 500)], ids=str)
@pytest.mark.parametrize("annotator", [None, *ANNOTATORS])
def test_a_picture_of_any_shape_is_drawn_on(size: tuple[int, int], annotator) -> None:
    style = Style(annotators=(annotator,) if annotator else ())
    for kind in KINDS.values():
        assert annotate(grey(size), kind, style).size == size


@pytest.mark.parametrize("annotator", [None, *ANNOTATORS])
def test_boxes_and_outlines_outside_or_without_area_are_drawn_without_harm(annotator) -> None:
    odd = result(
        ["out", "flat", "point", "huge"],
        [[-900, -900, -500, -500], [10, 10, 10, 200], [50, 50, 50, 50], [-1e6, -1e6, 1e6, 1e6]],
        polygons=[[SQUARE - 5000], [SQUARE * [1, 0]], [SQUARE * 0], [SQUARE * 1e4]],
    )
    assert annotate(grey(), odd, Style(annotators=(annotator,) if annotator else ())).size == SIZE


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_a_picture_of_another_mode_comes_back_as_rgb(mode: str) -> None:
    assert annotate(grey().convert(mode), BOXES).mode == "RGB"
    assert annotate(grey().convert(mode), TEXT).mode == "RGB"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -5, 1e9, None, "wide"], ids=str)
def test_a_style_beyond_its_range_is_brought_into_it(value) -> None:
    style = Style(annotators=("box", "no such", "box"), palette="none", thickness=value, opacity=value, text_size=value)
    assert style.annotators == ("box",)
    assert style.palette == "default"
    assert 0.25 <= style.thickness <= 8
    assert 0 <= style.opacity <= 1
    assert 0.5 <= style.text_size <= 4
    assert annotate(grey(), BOXES, style).size == SIZE


def test_thickness_opacity_and_text_size_do_what_they_say() -> None:
    def rim(thickness: float) -> int:
        return int(changed(grey(), annotate(grey(), BOXES, Style(labels=False, thickness=thickness))).sum())

    def fill(opacity: float) -> int:
        style = Style(annotators=("filled",), labels=False, opacity=opacity)
        return sum(abs(a - b) for a, b in zip(annotate(grey(), BOXES, style).getpixel((100, 100)), GREY, strict=True))

    assert rim(4) > 2.5 * rim(1)
    assert fill(0.9) > 1.5 * fill(0.3) > 0
    assert ink("label", Style(text_size=2)).sum() > 2 * ink("label").sum()


def test_effects_change_what_they_name() -> None:
    image = noisy()
    spotlight = annotate(image, BOXES, Style(annotators=("spotlight",), labels=False))
    assert not changed(image, spotlight)[70:130, 70:130].any()
    assert np.asarray(spotlight)[200:, :150].mean() < 0.6 * np.asarray(image)[200:, :150].mean()
    for effect in ("blur", "pixelate"):
        hidden = annotate(image, BOXES, Style(annotators=(effect,), labels=False))
        assert np.asarray(hidden)[70:130, 70:130].std() < 0.5 * np.asarray(image)[70:130, 70:130].std()
        assert not changed(image, hidden)[200:, :150].any()
    halo = changed(image, annotate(image, OUTLINES, Style(annotators=("halo",), labels=False)))
    assert halo[100, 50:59].any()
    assert not halo[75:125, 75:125].any()


def test_blur_hides_as_much_on_a_large_picture() -> None:
    """The same picture, enlarged ten times: what is left of its detail after the blur is about the same."""
    rng = np.random.default_rng(1)
    coarse = Image.fromarray(rng.integers(0, 255, (75, 100, 3), dtype=np.uint8))
    left = []
    for factor in (12, 40):
        image = coarse.resize((100 * factor, 75 * factor), Image.Resampling.NEAREST)
        whole = result([""], [[0, 0, *image.size]], size=image.size)
        left.append(np.asarray(annotate(image, whole, Style(annotators=("blur",), labels=False))).std())
    assert left[1] < 1.2 * left[0]


def test_many_objects_take_bounded_time() -> None:
    count = 1000
    many = result(
        [f"thing {n}" for n in range(count)], [[n % 380, n % 280, n % 380 + 15, n % 280 + 15] for n in range(count)]
    )
    started = time.process_time()
    annotate(grey(), many)
    assert time.process_time() - started < 30


def test_restyling_a_picture_of_display_size_is_quick() -> None:
    """30 labelled boxes and 5 outlines at 1,536 pixels; 150 ms on a quiet machine, here a loose bound."""
    size = (1536, 1152)
    turn = np.linspace(0, 6.28, 100)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    boxes = [[40 * n, 30 * n, 40 * n + 300, 30 * n + 200] for n in range(30)]
    outlines = [[circle * 100 + [40 * n + 150, 30 * n + 100]] if n < 5 else [] for n in range(30)]
    busy = result([f"label {n}" for n in range(30)], boxes, size=size, polygons=outlines)
    image = noisy(size)
    annotate(image, busy)
    took = []
    for _ in range(5):
        started = time.thread_time()
        annotate(image, busy)
        took.append(time.thread_time() - started)
    assert min(took) < 0.6


def test_drawing_does_not_wait_for_matplotlib() -> None:
    code = "import sys, florence_ui.rendering.annotate; print('matplotlib' in sys.modules, 'fontTools' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_supervision_draws_the_same_box_itself() -> None:
    """Nothing is drawn by hand: the same annotator on the same picture gives the same pixels."""
    box = result(["dog"], [[60, 60, 140, 140]])
    ours = annotate(grey(), box, Style(labels=False))
    color = sv.Color.from_hex(Style().colors_of(box)[0])
    theirs = sv.BoxAnnotator(color, thickness=2).annotate(grey(), box.detections)
    assert ours.tobytes() == theirs.tobytes()
