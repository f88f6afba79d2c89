"""Exports contain the answer, and are plain text to the programs that open them."""

import csv
import io
import json
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from florence_ui.exports.masks import mask_pngs
from florence_ui.exports.names import safe_name, unique_stems
from florence_ui.exports.originals import Original, read_original
from florence_ui.exports.records import ExportItem, analysis_record, item_record, to_json
from florence_ui.exports.tables import COLUMNS, CSV_COLUMNS, detections_csv, escape_cell, table_rows, to_csv
from florence_ui.images.loading import ImageLimits, decode
from florence_ui.images.sanitize import sanitize
from florence_ui.results.parsing import parse
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import get_task
from tests.bad_files import GAMMA_1, chunk, cicp, colored, stray

SIZE = (400, 300)
TRIANGLE = np.array([[10, 10], [100, 10], [60, 80]], dtype=float)
HOSTILE = [
    "=1+1",
    "</script><img src=x onerror=alert(1)>",
    "../../etc/passwd",
    "a\x00b\x1b]0;x\x07",
    "]]>&amp;<x/>",
    "'; DROP TABLE",
    "line\nbreak, comma",
    "\u202eevil",
    "日本",
    "",
]


@dataclass
class Answer:
    result: Result
    model_id: str = "florence-2-base"
    backend: str = "local"
    seconds: float = 1.23456
    recorded: date | None = None


def result(labels, boxes, *, token="<OD>", size=SIZE, **more) -> Result:
    return Result(get_task(token), token, size, detections=make_detections(labels, boxes, **more))


def example(name: str, found: Result, number: int = 1) -> ExportItem:
    return ExportItem(name, number, Path("picture"), Answer(found))


def test_the_record_has_exactly_the_documented_keys() -> None:
    prompt = "<OCR_WITH_REGION>"
    response = {prompt: {"quad_boxes": [[60, 60, 140, 50, 150, 140, 70, 150]], "labels": ["</s>STOP"]}}
    parsed = parse(get_task(prompt), prompt, response, sent_size=SIZE, size=SIZE)
    assert analysis_record(Answer(parsed)) == {
        "task": prompt,
        "prompt": prompt,
        "model_id": "florence-2-base",
        "backend": "local",
        "image_size": [400, 300],
        "text": "",
        "detections": [
            {
                "label": "STOP",
                "box": [60.0, 50.0, 150.0, 150.0],
                "quad": [[60.0, 60.0], [140.0, 50.0], [150.0, 140.0], [70.0, 150.0]],
            }
        ],
        "seconds": 1.235,
        "warnings": [],
        "raw": response,
    }


def test_the_record_of_a_recorded_answer_says_when_that_was() -> None:
    assert "recorded" not in analysis_record(Answer(result([], [])))
    assert analysis_record(Answer(result([], []), recorded=date(2026, 11, 26)))["recorded"] == "2026-11-26"


def test_a_record_has_outlines_where_there_are_some_and_only_the_wanted_rows() -> None:
    mixed = result(["a", "b"], [[10, 10, 100, 80], [1, 2, 3, 4]], polygons=[[TRIANGLE, TRIANGLE + 100], []])
    first, second = analysis_record(Answer(mixed))["detections"]
    assert [len(part) for part in first["polygons"]] == [3, 3]
    assert first["polygons"][0][1] == [100.0, 10.0]
    assert second == {"label": "b", "box": [1.0, 2.0, 3.0, 4.0]}
    assert [d["label"] for d in analysis_record(Answer(mixed), rows=[1])["detections"]] == ["b"]


def test_a_record_survives_json_with_its_letters() -> None:
    record = analysis_record(Answer(result(HOSTILE, [[1, 2, 3, 4]] * len(HOSTILE))))
    assert json.loads(to_json(record)) == record
    assert "日本" in to_json(record)


def test_the_table_counts_from_one() -> None:
    headers, rows = table_rows(result(["dog", ""], [[1.234, 2, 30, 40], [5, 6, 7, 8]]))
    assert headers == list(COLUMNS)
    assert rows == [[1, "dog", 1.23, 2.0, 30.0, 40.0, 28.77, 38.0], [2, "", 5.0, 6.0, 7.0, 8.0, 2.0, 2.0]]
    assert table_rows(Result(get_task("<CAPTION>"), "<CAPTION>", SIZE, "A dog."))[1] == []


def test_csv_has_a_row_an_object_and_one_for_an_answer_of_words() -> None:
    words = Result(get_task("<CAPTION>"), "<CAPTION>", SIZE, 'A "dog",\nrunning.')
    dogs = result(["dog"] * 2, [[1, 2, 3, 4]] * 2)
    table = list(csv.DictReader(io.StringIO(detections_csv([example("a.jpg", dogs), example("b", words, 2)]))))
    assert tuple(table[0]) == CSV_COLUMNS
    columns = ("picture_number", "picture", "task", "label", "x2", "text")
    assert [tuple(row[name] for name in columns) for row in table] == [
        ("1", "a.jpg", "<OD>", "dog", "3.0", ""),
        ("1", "a.jpg", "<OD>", "dog", "3.0", ""),
        ("2", "b", "<CAPTION>", "", "", 'A "dog",\nrunning.'),
    ]


def test_two_pictures_of_one_name_can_be_told_apart() -> None:
    twice = [example("beach.jpg", result(["dog"], [[1, 2, 3, 4]]), number) for number in (1, 2)]
    rows = list(csv.DictReader(io.StringIO(detections_csv(twice))))
    assert [(row["picture"], row["picture_number"]) for row in rows] == [("beach.jpg", "1"), ("beach.jpg", "2")]
    records = [item_record(one) for one in twice]
    assert [(record["picture"], record["picture_number"]) for record in records] == [("beach.jpg", 1), ("beach.jpg", 2)]


def test_what_is_segmented_by_words_is_called_by_them() -> None:
    prompt = "<REFERRING_EXPRESSION_SEGMENTATION>the brown dog"
    response = {prompt[: prompt.index(">") + 1]: {"polygons": [[[10, 10, 100, 10, 60, 80]]], "labels": [""]}}
    parsed = parse(get_task(prompt[: prompt.index(">") + 1]), prompt, response, sent_size=SIZE, size=SIZE)
    assert analysis_record(Answer(parsed))["detections"][0]["label"] == "the brown dog"
    assert table_rows(parsed)[1][0][1] == "the brown dog"
    (row,) = csv.DictReader(io.StringIO(detections_csv([example("a", parsed)])))
    assert row["label"] == "the brown dog"
    assert [name for name, _ in mask_pngs(parsed)] == ["001-the-brown-dog.png"]


STARTS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", '=HYPERLINK("http://x")', '"=1+1"']
DELIMITERS = {"comma": ",", "semicolon": ";", "colon": ":", "tab": "\t", "pipe": "|"}


@pytest.mark.parametrize("text", STARTS, ids=ascii)
def test_a_spreadsheet_gets_no_formula(text: str) -> None:
    read = Result(get_task("<OCR>"), "<OCR>", SIZE, text)
    written = detections_csv([example(text, read), example("x", result([text], [[-1, 2, 3, 4]]))])
    first, second = list(csv.DictReader(io.StringIO(written, newline="")))
    assert first["picture"] == first["text"] == second["label"]
    assert first["picture"].replace("'", "") == text
    assert first["picture"].startswith("'")
    assert second["x1"] == "-1.0", "a number stays one"


@cache
def hostile_tables() -> list[str]:
    """Answers, failures and lists of files whose labels, texts and names carry a formula behind each separator."""
    ends = [*DELIMITERS.values(), "\n", "\r\n", "\v", "\f", "\x85", "\u2028", '"', '";', '";"']
    texts = [f"x{end}{start}{other}y" for start in STARTS for end in ends for other in ends]
    texts += ["x;=WEBSERVICE(A1);y", *(f"{hidden}=1+1" for hidden in "\0\x01\x1c\x1d\x1f\x7f\x80")]
    examples = [example(text, result([text, "-", text], [[-1, 2, 3, 4]] * 3)) for text in texts]
    examples += [example("a", Result(get_task("<OCR>"), "<OCR>", SIZE, text)) for text in texts]
    return [detections_csv(examples), to_csv(("picture", "why it failed"), [(text, text) for text in texts])]


@pytest.mark.parametrize("delimiter", DELIMITERS.values(), ids=list(DELIMITERS))
@pytest.mark.parametrize("quotes", [csv.QUOTE_MINIMAL, csv.QUOTE_NONE], ids=["quotes", "no-quotes"])
def test_no_separator_of_any_country_makes_a_formula(delimiter: str, quotes: int) -> None:
    for table in hostile_tables():
        for line in csv.reader(io.StringIO(table, newline=""), delimiter=delimiter, quoting=quotes):
            for value in line:
                bare = value.lstrip(' "\t\r\n')
                assert not bare.startswith(("=", "@", "＝", "＠")), ascii(value)
                assert not bare.startswith(("+", "-", "＋", "－")) or is_number(bare.strip('"')), ascii(value)


def is_number(text: str) -> bool:
    try:
        return bool(float(text)) or True
    except ValueError:
        return text == ""


@pytest.mark.parametrize("hidden", [*map(chr, {*range(32), *range(127, 160)} - {9, 10, 11, 12, 13, 133})], ids=ascii)
def test_no_control_character_hides_a_formula(hidden: str) -> None:
    """Spreadsheets drop them, or separate cells at them."""
    assert escape_cell(f'{hidden}=HYPERLINK("http://x")') == '\'=HYPERLINK("http://x")'
    assert escape_cell(f"x;{hidden} {hidden}=1") == "x;' =1"
    assert escape_cell(f"x{hidden}y") == "xy"
    written = detections_csv([example(f"{hidden}=1", result([f"{hidden}=1"], [[1, 2, 3, 4]]))])
    assert hidden not in written
    assert '"=' not in written


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("soffice"), reason="needs LibreOffice Calc")
@pytest.mark.parametrize("delimiter", DELIMITERS.values(), ids=list(DELIMITERS))
def test_libreoffice_finds_no_formula(delimiter: str, tmp_path: Path) -> None:
    for number, table in enumerate(hostile_tables()):
        (tmp_path / f"{number}.csv").write_bytes(table.encode("utf-8-sig"))
        subprocess.run(
            ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "fods",
             f"--infilter=CSV:{ord(delimiter)},34,76,1,,0,false,true,false", "--outdir", tmp_path,
             tmp_path / f"{number}.csv"],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        sheet = (tmp_path / f"{number}.fods").read_text("utf-8")
        assert sheet.count("<table:table-row") > 100
        assert "table:formula" not in sheet


def test_a_cell_of_the_page_can_be_pasted_into_a_spreadsheet() -> None:
    assert escape_cell("x;=WEBSERVICE(A1);y") == "x;'=WEBSERVICE(A1);y"
    assert escape_cell("x\t=1") == "x\t'=1"
    assert escape_cell(escape_cell("=1")) == "'=1"
    assert escape_cell("a well-known, 5 - 3 = 2 dog; e-mail me@x") == "a well-known, 5 - 3 = 2 dog; e-mail me@x"
    assert escape_cell(-1.5) == -1.5
    assert table_rows(result(["a\t=1"], [[1, 2, 3, 4]]))[1][0][1] == "a\t'=1"


def test_masks_are_black_and_white_pictures_of_the_originals_size() -> None:
    both = result(["../a", "b"], [[10, 10, 200, 180], [1, 2, 3, 4]], polygons=[[TRIANGLE, TRIANGLE + 100], []])
    ((name, png),) = mask_pngs(both)
    assert name == "001-a.png"
    mask = np.asarray(Image.open(io.BytesIO(png)))
    assert mask.shape == SIZE[::-1]
    assert mask[30, 60]
    assert mask[130, 160]
    assert not mask[200, 300]


def picture_file(folder: Path, name: str, image: Image.Image, **options) -> Path:
    path = folder / name
    image.save(path, **options)
    return path


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("name", "image", "options", "channels"),
    [
        pytest.param("a.jpg", NOISE, {"quality": 60}, 3, id="jpeg"),
        pytest.param("a.jpg", NOISE.convert("L"), {"quality": 60, "progressive": True}, 1, id="gray-jpeg"),
        pytest.param("a.png", NOISE, {}, 3, id="png"),
        pytest.param("a.png", NOISE.convert("L"), {}, 1, id="gray-png"),
        pytest.param("a.png", NOISE.convert("1"), {}, 1, id="black-and-white"),
        pytest.param("a.png", NOISE.convert("P"), {}, 3, id="palette"),
    ],
)
def test_a_file_that_is_upright_goes_out_as_its_own_bytes(
    tmp_path: Path, name: str, image: Image.Image, options: dict, channels: int
) -> None:
    path = picture_file(tmp_path, name, image, **options)
    assert read_original(path, ImageLimits()) == Original(path.read_bytes(), path.suffix, channels)


def test_a_file_goes_out_without_what_its_metadata_tell(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "secret camera"
    path = picture_file(tmp_path, "a.jpg", NOISE, quality=60, exif=exif, comment=b"secret words")
    path.write_bytes(path.read_bytes() + b"secret behind")
    jpeg = read_original(path, ImageLimits())
    assert jpeg.suffix == ".jpg"
    assert b"secret" not in jpeg.data
    assert np.array_equal(Image.open(io.BytesIO(jpeg.data)), Image.open(path))
    path = picture_file(tmp_path, "a.png", NOISE, exif=exif)
    png = read_original(path, ImageLimits())
    assert png.suffix == ".png"
    assert b"secret" not in png.data
    assert np.array_equal(Image.open(io.BytesIO(png.data)), NOISE)


def test_what_stripping_is_not_sure_of_is_encoded_anew(tmp_path: Path) -> None:
    """A stray marker in the scan: nobody can say where the picture ends, so what is behind it must not go out."""
    path = picture_file(tmp_path, "a.jpg", NOISE, quality=60, restart_marker_rows=1)
    data = path.read_bytes()
    path.write_bytes(data[:-900] + b"\xff\x9f" + data[-900:] + b"secret behind")
    out = read_original(path, ImageLimits())
    assert out.suffix == ".jpg"
    assert b"secret" not in out.data
    shown, again = decode(path.read_bytes()), Image.open(io.BytesIO(out.data))
    assert np.abs(np.asarray(again, dtype=int) - np.asarray(shown, dtype=int)).mean() < 6


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


SEE_THROUGH = NOISE.convert("RGBA")
SEE_THROUGH.putalpha(Image.linear_gradient("L").resize(NOISE.size))


@pytest.mark.parametrize(
    ("name", "image", "options", "suffix"),
    [
        pytest.param("a.jpg", NOISE, {"exif": turned()}, ".jpg", id="turned"),
        pytest.param("a.png", NOISE, {"exif": turned()}, ".png", id="turned-png"),
        pytest.param("a.png", SEE_THROUGH, {}, ".png", id="transparent"),
        pytest.param("a.png", NOISE.convert("P"), {"transparency": 3}, ".png", id="transparent-palette"),
        pytest.param("a.png", Image.fromarray(np.full((9, 9), 40_000, np.uint16)), {}, ".png", id="16-bit"),
        pytest.param("a.jpg", NOISE.convert("CMYK"), {}, ".jpg", id="cmyk"),
        pytest.param("a.webp", NOISE, {}, ".jpg", id="webp"),
        pytest.param("a.gif", NOISE, {}, ".jpg", id="gif"),
        pytest.param("a.tiff", NOISE, {}, ".jpg", id="tiff"),
    ],
)
def test_any_other_file_goes_out_as_the_picture_that_was_asked_about(
    tmp_path: Path, name: str, image: Image.Image, options: dict, suffix: str
) -> None:
    path = picture_file(tmp_path, name, image, **options)
    written = read_original(path, ImageLimits())
    shown = decode(path.read_bytes())
    out = Image.open(io.BytesIO(written.data))
    assert (written.suffix, written.channels, out.size, out.mode) == (suffix, 3, shown.size, "RGB")
    assert not out.getexif()
    assert np.abs(np.asarray(out, dtype=int) - np.asarray(shown, dtype=int)).mean() < (1 if suffix == ".png" else 6)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        pytest.param("a.jpg", stray(b"\xff\x9f") + b"secret behind", id="stray-marker"),
        pytest.param("a.jpg", stray(b"\xff\xfe\0\x08secret"), id="comment-in-the-scan"),
        pytest.param("a.png", colored(GAMMA_1, chunk(b"tEXt", b"a\0secret")), id="gamma"),
        pytest.param("a.png", colored(cicp(12, 13)), id="primaries"),
    ],
)
def test_a_file_that_stripping_is_not_sure_of_is_written_anew(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    written = read_original(path, ImageLimits())
    assert written.suffix == path.suffix
    assert b"secret" not in written.data
    assert written.data != sanitize(data).data
    assert sanitize(written.data).is_clean
    shown, out = decode(data), Image.open(io.BytesIO(written.data))
    assert np.abs(np.asarray(out, dtype=int) - np.asarray(shown, dtype=int)).mean() < 6


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("../../etc/passwd", "etc-passwd", id="traversal"),
        pytest.param("C:\\x\\..", "C-x", id="drive"),
        pytest.param("", "picture", id="empty"),
        pytest.param("...", "picture", id="dots"),
        pytest.param("nul", "picture-nul", id="device"),
        pytest.param("a\x00\n\u202eb", "a-b", id="control"),
        pytest.param("мой кот", "мой-кот", id="letters"),
        pytest.param("x" * 5000, "x" * 80, id="long"),
        pytest.param("写" * 80, "写" * 53, id="long-in-bytes"),
        pytest.param("𠀀" * 80, "𠀀" * 40, id="longer-in-bytes"),
    ],
)
def test_a_file_name_is_only_a_name(text: str, name: str) -> None:
    assert safe_name(text) == name


def test_names_in_an_archive_differ_also_where_case_does_not_count() -> None:
    names = unique_stems(["a", "A", "a", "a-2", "ß", "SS"])
    assert names == ["a", "A-2", "a-3", "a-2-2", "ß", "SS-2"]
    assert len({name.casefold() for name in names}) == len(names)


def test_json_is_indented_keeps_letters_and_has_no_nan() -> None:
    assert to_json({"é": [1]}) == '{\n  "é": [\n    1\n  ]\n}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(float("nan"))


def test_masks_are_of_the_chosen_rows_and_one_without_a_label_has_a_name() -> None:
    triangle = np.array([[0, 0], [9, 0], [0, 9]])
    found = make_detections(["dog", ""], [[0, 0, 9, 9]] * 2, polygons=[[triangle]] * 2)
    result = Result(get_task("<OD>"), "<OD>", (10, 10), detections=found)
    assert [name for name, _ in mask_pngs(result, [1])] == ["002-mask.png"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("__a-b__", "a-b", id="dashes-at-the-ends"),
        pytest.param("a" * 79 + "-b", "a" * 79, id="a-dash-where-it-is-cut"),
        pytest.param("X" * 3, "XXX", id="letters-stay"),
    ],
)
def test_a_name_begins_and_ends_with_a_letter(text: str, name: str) -> None:
    assert safe_name(text) == name
