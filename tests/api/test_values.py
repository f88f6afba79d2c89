"""Posted values at their limits."""

from pathlib import Path

import pytest

from florence_ui.api import values
from florence_ui.errors import InputError, PromptError
from florence_ui.inference.batch import MAX_PICTURES


def test_as_many_pictures_as_allowed_are_taken_and_one_more_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "upload_path", lambda value, look: Path(value))
    names, link = [f"{number}.png" for number in range(MAX_PICTURES - 1)], "http://a.example/last.png"
    assert len(values.pictures_of(names, [link])) == MAX_PICTURES
    with pytest.raises(InputError, match=f"{MAX_PICTURES + 1} pictures"):
        values.pictures_of([*names, "one-more.png"], [link])


UPLOAD = {"path": "a.png"}


@pytest.mark.parametrize(
    ("posted", "read"),
    [
        pytest.param([UPLOAD, "b.png"], [UPLOAD, "b.png"], id="list"),
        pytest.param(UPLOAD, [UPLOAD], id="one"),
        pytest.param("b.png", ["b.png"], id="one text"),
        pytest.param(' ["b.png", {"path": "a.png"}]', ["b.png", UPLOAD], id="json"),
        pytest.param("[b.png]", ["[b.png]"], id="brackets that are no json"),
        pytest.param("[" * 99_999, ["[" * 99_999], id="deep json"),
        pytest.param("[[" * 30 + "]]" * 30, ["[[" * 30 + "]]" * 30], id="json beyond the depth of requests"),
        pytest.param("[" + "0," * 10_000 + "0]", ["[" + "0," * 10_000 + "0]"], id="json of too many values"),
        pytest.param('["\\ud800"]', ['["\\ud800"]'], id="json with half a character"),
        pytest.param(None, [], id="null"),
        pytest.param("", [], id="empty text"),
    ],
)
def test_a_list_may_be_its_only_member_or_its_text(posted: object, read: list[object]) -> None:
    assert values.posted_list(posted) == read


@pytest.mark.parametrize(
    ("posted", "read"),
    [
        pytest.param("http://a.example/1.png\n\n http://a.example/2,3.png ", 2, id="lines"),
        pytest.param('["http://a.example/1.png", "http://a.example/2.png"]', 2, id="json"),
        pytest.param(["http://a.example/1.png", ""], 1, id="list"),
        pytest.param("  ", 0, id="blank"),
    ],
)
def test_links_come_as_a_list_or_one_on_each_line(posted: object, read: int) -> None:
    links = values.links_of(posted)
    assert len(links) == read
    assert all(link.startswith("http") and link.endswith(".png") for link in links)


REGION = (0.1, 0.2, 0.5, 0.75)


@pytest.mark.parametrize(
    ("posted", "read"),
    [
        pytest.param([0.1, 0.2, 0.5, 0.75], REGION, id="list"),
        pytest.param(["0.1", 0.2, " 0.5 ", "0.75"], REGION, id="texts"),
        pytest.param(" [0.1, 0.2, 0.5, 0.75] ", REGION, id="json"),
        pytest.param("0.1,0.2,0.5,0.75", REGION, id="commas"),
        pytest.param(None, None, id="null"),
        pytest.param([], None, id="empty list"),
        pytest.param("", None, id="empty text"),
        pytest.param("[]", None, id="empty json"),
    ],
)
def test_a_region_is_four_numbers_however_they_are_written(posted: object, read: object) -> None:
    assert values.region_of(posted) == read


@pytest.mark.parametrize(
    "posted",
    [
        pytest.param([1, 2, 3], id="three"),
        pytest.param([1, "", 2, 3, 4], id="five with an empty one"),
        pytest.param([1, None, 3, 4], id="null"),
        pytest.param("1,2,3,", id="empty last"),
        pytest.param("[1,2],[3,4]", id="two pairs"),
        pytest.param("left", id="word"),
        pytest.param([True, 0, 1, 1], id="truth"),
        pytest.param(["nan", 0, 1, 1], id="not a number"),
        pytest.param([0, 0, 10**400, 1], id="huge"),
        pytest.param({"x1": 0, "y1": 0, "x2": 1, "y2": 1}, id="names"),
    ],
)
def test_a_region_that_is_anything_else_is_refused(posted: object) -> None:
    with pytest.raises(PromptError, match="four numbers"):
        values.region_of(posted)


@pytest.mark.parametrize(
    "posted", [pytest.param([0.5] * 500_000, id="list"), pytest.param("0.5," * 250_000, id="text")]
)
def test_of_far_too_many_coordinates_only_some_are_read(monkeypatch: pytest.MonkeyPatch, posted: object) -> None:
    read: list[object] = []
    monkeypatch.setattr(values, "to_float", lambda value: read.append(value) or 0.5)
    with pytest.raises(PromptError, match="four numbers"):
        values.region_of(posted)
    assert len(read) == 5


def test_all_classes_together_are_not_too_long_either() -> None:
    names = ["dog"] * (values.MAX_FIELD // 4)
    assert values.posted_classes(names) == tuple(names)
    with pytest.raises(InputError, match="classes is too long"):
        values.posted_classes([*names, "cat"])


@pytest.mark.parametrize(
    ("posted", "read"),
    [
        pytest.param(0.2, 0.2, id="number"),
        pytest.param(" 0.2", 0.2, id="text"),
        pytest.param(None, 0, id="null"),
        pytest.param("", 0, id="empty text"),
    ],
)
def test_a_number_may_be_a_text(posted: object, read: float) -> None:
    assert values.number(posted, "validation") == read


@pytest.mark.parametrize(
    "posted",
    [
        pytest.param(True, id="truth"),
        pytest.param([0.2], id="list"),
        pytest.param("nan", id="nan"),
        pytest.param("20 %", id="percent"),
    ],
)
def test_what_is_no_number_is_refused(posted: object) -> None:
    with pytest.raises(InputError, match="validation is not a number"):
        values.number(posted, "validation")


@pytest.mark.parametrize(
    ("names", "title", "name"),
    [
        pytest.param(values.TASK_NAMES, "Find objects", "<OD>", id="task"),
        pytest.param(values.CHAIN_NAMES, "Caption, then ground it", "caption-ground", id="chain"),
        pytest.param(values.FORMAT_NAMES, "Pascal VOC", "voc", id="file format"),
        pytest.param(values.FORMAT_NAMES, "JPG", "jpeg", id="file format's suffix"),
        pytest.param(values.BACKEND_NAMES, "Roboflow serverless", "serverless", id="backend"),
        pytest.param(values.BACKEND_NAMES, "ZERO_GPU", "zero-gpu", id="backend's name"),
    ],
)
def test_a_title_stands_for_its_name(names: values.Names, title: str, name: str) -> None:
    assert names[values.fold(title)] == name
