"""An export format is one row: the page and the API offer it from there."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from florence_ui import storage
from florence_ui.api.registration import FIELDS
from florence_ui.errors import InputError
from florence_ui.exports.datasets import Export
from florence_ui.exports.formats import FORMATS, ExportFormat, Options, export_answer, export_batch
from florence_ui.exports.records import ExportItem
from florence_ui.images.loading import open_picture
from florence_ui.inference.batch import Batch
from florence_ui.inference.request import Analysis
from florence_ui.playground import build
from florence_ui.rendering.style import Style
from florence_ui.results.result import Result, make_detections
from florence_ui.settings import Settings
from florence_ui.tasks import get_task
from florence_ui.visitors.service import Services


def one(analysis: Analysis, style: Style, rows: Sequence[int]) -> Path:
    return storage.write(" ".join(analysis.result.labels[row] for row in rows).encode(), ".txt", stem="labels")


def many(items: Sequence[ExportItem], options: Options) -> Export:
    words = [f"{item.number} {item.name} {' '.join(item.analysis.result.labels)}" for item in items]
    return Export(storage.write("\n".join(words).encode(), ".txt", stem="labels"))


@pytest.fixture
def labels_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "labels", ExportFormat("labels", "Labels", one, many, "All labels"))


@pytest.fixture
def analysis(tmp_path: Path) -> Analysis:
    Image.new("RGB", (100, 80)).save(tmp_path / "a.png")
    result = Result(
        get_task("<OD>"), "<OD>", (100, 80), detections=make_detections(["dog", "cat"], [[1, 2, 30, 40]] * 2)
    )
    return Analysis(result, "florence-2-base", "local", "127.0.0.1", 0.1, picture=open_picture(tmp_path / "a.png"))


def test_a_new_row_is_written_for_one_answer_and_for_many(labels_format: None, analysis: Analysis) -> None:
    assert export_answer("labels", analysis, Style(), [1]).read_text() == "cat"
    batch = Batch.of([analysis.picture.path] * 3, ["a", "b", "c"])
    batch.items[0].analysis = batch.items[2].analysis = analysis
    assert export_batch("labels", batch).path.read_text() == "1 a dog cat\n3 c dog cat"


def test_a_batch_without_an_answer_has_nothing_to_write(labels_format: None, analysis: Analysis) -> None:
    with pytest.raises(InputError, match="No picture has an answer yet"):
        export_batch("labels", Batch.of([analysis.picture.path]))


def test_a_new_row_is_on_both_pages_and_in_the_api(labels_format: None) -> None:
    demo = build(Services.of(Settings.from_environ({"FLORENCE_UI_START_SERVER": "false"})))
    blocks = demo.get_config_file()["components"]
    buttons = [block["props"]["value"] for block in blocks if block["type"] == "button"]
    assert "Labels" in buttons
    assert "All labels" in buttons
    assert [title for title in buttons if "PNG" in title] == ["Picture (PNG)"], "not without a batch title"
    assert "labels" in FIELDS["file_format"].choices, "the API's schema names it"


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        pytest.param("dog.jpeg", "dog", id="plain"),
        pytest.param("My dog, 2.JPG", "My-dog-2", id="spaces"),
        pytest.param("..\\..\\a:b|c.png", "a-b-c", id="path"),
        pytest.param("=cmd()-<b>.png", "cmd---b", id="formula"),
        pytest.param(".png", "png", id="dots"),
        pytest.param("NUL.png", "picture-NUL", id="device"),
        pytest.param("犬.png", "犬", id="japanese"),
        pytest.param("x" * 200 + ".png", "x" * 80, id="long"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "ending"), [("json", ".json"), ("png", ".png"), ("yolo", "-yolo.zip")], ids=["json", "png", "yolo"]
)
def test_a_file_is_named_after_its_picture_and_task(
    name: str, stem: str, kind: str, ending: str, analysis: Analysis
) -> None:
    path = analysis.picture.path.with_name(name)
    path.write_bytes(analysis.picture.path.read_bytes())
    answer = replace(analysis, picture=open_picture(path))
    assert export_answer(kind, answer, Style(), [0, 1]).name == f"{stem}-find-objects{ending}"


def test_a_file_names_the_steps_that_followed_the_task(analysis: Analysis) -> None:
    further = analysis.then("segment each", replace(analysis.result, task=get_task("<REGION_TO_SEGMENTATION>")))
    assert export_answer("csv", further, Style(), [0]).stem.endswith("-find-objects-then-segment-each")
    again = further.then("describe each", further.result)
    assert export_answer("csv", again, Style(), [0]).stem.endswith("-find-objects-then-segment-each-then-describe-each")


@pytest.mark.parametrize(("count", "stem"), [(1, "1-picture"), (3, "3-pictures")])
def test_a_file_of_many_pictures_is_named_after_their_number_and_task(
    count: int, stem: str, analysis: Analysis
) -> None:
    batch = Batch.of([analysis.picture.path] * count, ["a"] * count)
    for item in batch.items:
        item.analysis = analysis
    assert export_batch("csv", batch).path.name == f"{stem}-find-objects.csv"
