"""Warnings about anomalies of an answer, at the exact limits."""

import pytest

from florence_ui.results import warnings
from florence_ui.results.warnings import label_warnings, text_warnings
from florence_ui.tasks import get_task

CAPTION = get_task("<CAPTION>")
CUT_OFF = ["The text ends mid-sentence: it looks cut off."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(" \n", ["The model returned no text."], id="blank"),
        pytest.param(" The" + " dog" * 11, CUT_OFF, id="twelve-words"),
        pytest.param("The" + " dog" * 10, [], id="eleven-words"),
        pytest.param("the" + " dog" * 11, [], id="not-a-sentence"),
        pytest.param("The" + " dog" * 11 + ". \n", [], id="blanks-after-the-full-stop"),
    ],
)
def test_a_caption_is_blank_or_cut_off_from_twelve_words_on(text: str, expected: list[str]) -> None:
    assert text_warnings(CAPTION, text) == expected
    assert text_warnings(get_task("<OCR>"), text) == [], "only captions are sentences"


@pytest.mark.parametrize(
    ("scripts", "listed"),
    [
        pytest.param(["Thai"], "Thai", id="one"),
        pytest.param(["Thai", "Korean"], "Thai or Korean", id="two"),
        pytest.param(["Thai", "Korean", "symbols"], "Thai, Korean or symbols", id="three"),
    ],
)
def test_scripts_without_a_font_are_named(monkeypatch: pytest.MonkeyPatch, scripts: list[str], listed: str) -> None:
    given = []
    monkeypatch.setattr(warnings, "scripts_without_font", lambda labels: given.append(labels) or scripts)
    assert label_warnings(["a", "b"]) == [
        f"No font for {listed} is installed here, so the picture shows empty boxes instead of letters. "
        "The list of objects has the full text, and the README names packages with fonts."
    ]
    assert given == [["a", "b"]]


def test_nothing_is_said_where_every_letter_has_a_font() -> None:
    assert label_warnings(["dog", ""]) == []
