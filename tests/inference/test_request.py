"""From a question as given to a request: the same rules for the page, its tabs and the endpoints."""

from dataclasses import replace

import pytest
from workbench import picture_in

from florence_ui.errors import InputError, PromptError
from florence_ui.inference.request import MAX_MODEL_ID, Question, RequestTemplate

OVD = "<OPEN_VOCABULARY_DETECTION>"
REGION = Question("<REGION_TO_CATEGORY>")


@pytest.mark.parametrize(
    "classes",
    [("dog, cat",), ("dog", "cat"), ("dog;cat",), ("dog\ncat", ""), (" dog ,, cat ",)],
    ids=["one-text", "list", "semicolon", "line-break", "blanks"],
)
def test_classes_are_separated_however_they_are_given(classes: tuple[str, ...]) -> None:
    assert RequestTemplate.of(Question(OVD, classes=classes)).classes == ("dog", "cat")


def test_a_region_in_pixels_may_reach_the_pictures_edge_and_not_beyond(tmp_path) -> None:
    picture = picture_in(tmp_path, size=(640, 480))
    whole = RequestTemplate.of(replace(REGION, region=(640, 480, 0, 0)))
    assert whole.about(picture).region == (0, 0, 1, 1)
    with pytest.raises(PromptError, match="640 x 480"):
        RequestTemplate.of(replace(REGION, region=(0, 0, 641, 480))).about(picture)


def test_a_task_without_a_region_ignores_one() -> None:
    assert RequestTemplate.of(Question("<OD>", region=(0.5, 10, 20, 30))).region is None


@pytest.mark.parametrize("model_id", ["two words", "m" * (MAX_MODEL_ID + 1), "a\u202eb"], ids=["blank", "long", "sign"])
def test_a_model_id_that_cannot_be_one_is_refused(model_id: str) -> None:
    with pytest.raises(InputError) as caught:
        RequestTemplate.of(Question("<OD>", model_id=model_id))
    assert caught.value.field == "model_id"


def test_a_model_id_may_be_as_long_as_allowed_and_have_blanks_around_it() -> None:
    assert RequestTemplate.of(Question("<OD>", model_id=f" {'m' * MAX_MODEL_ID} ")).model_id == "m" * MAX_MODEL_ID


def test_a_key_that_cannot_be_one_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError) as caught:
        RequestTemplate.of(Question("<OD>"), key="two words")
    assert "two words" not in str(caught.value)
    assert caught.value.field == "api_key"
