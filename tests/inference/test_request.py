"""From a question as given to a request: the same rules for the page, its tabs and the endpoints."""

from dataclasses import replace

import pytest
from sentences import reads_as_sentences
from workbench import picture_in

from florence_ui.assets import EXAMPLES
from florence_ui.errors import InputError, PromptError
from florence_ui.images.loading import open_picture
from florence_ui.inference.request import (
    MAX_COORDINATE,
    MAX_MODEL_ID,
    Question,
    RequestTemplate,
    StoredAnalysis,
    Strategy,
    parse_key,
)
from florence_ui.prompts import split_classes
from florence_ui.results.result import Result
from florence_ui.settings_readers import MAX_KEY
from florence_ui.tasks import get_task

OVD = "<OPEN_VOCABULARY_DETECTION>"
REGION = Question("<REGION_TO_CATEGORY>")


@pytest.mark.parametrize(
    "classes",
    [("dog, cat",), ("dog", "cat"), ("dog;cat",), ("dog\ncat", ""), (" dog ,, cat ",)],
    ids=["one-text", "list", "semicolon", "line-break", "blanks"],
)
def test_classes_are_separated_however_they_are_given(classes: tuple[str, ...]) -> None:
    assert RequestTemplate.of(Question(OVD, classes=classes)).classes == ("dog", "cat")


def test_thousands_of_names_are_separated_in_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question is copied several times in one event."""
    texts: list[str] = []
    monkeypatch.setattr(
        "florence_ui.inference.request.split_classes", lambda text: texts.append(text) or split_classes(text)
    )
    assert Question(OVD, classes=("dog",) * 25_000).classes == ("dog",) * 25_000
    assert len(texts) == 1


def test_a_region_in_pixels_may_reach_the_pictures_edge_and_not_beyond(tmp_path) -> None:
    picture = picture_in(tmp_path, size=(640, 480))
    whole = RequestTemplate.of(replace(REGION, region=(640, 480, 0, 0)))
    assert whole.about(picture).region == (0, 0, 1, 1)
    part = RequestTemplate.of(replace(REGION, region=(64, 120, 320, 360)))
    assert part.about(picture).region == (0.1, 0.25, 0.5, 0.75)
    with pytest.raises(PromptError, match="640 x 480"):
        RequestTemplate.of(replace(REGION, region=(0, 0, 641, 480))).about(picture)


@pytest.mark.parametrize(
    ("given", "checked"),
    [
        pytest.param((0, 0, 1, 1), (0, 0, 1, 1), id="the whole picture in fractions"),
        pytest.param((0.75, 0.5, 0.25, 0), (0.25, 0, 0.75, 0.5), id="fractions from the other corner"),
        pytest.param((0, 0, 2, 1), (0, 0, 2, 1), id="two pixels"),
        pytest.param((30, 5, 10, 7), (10, 5, 30, 7), id="pixels from the right"),
        pytest.param((10, 7, 30, 5), (10, 5, 30, 7), id="pixels from below"),
        pytest.param((0, 0, MAX_COORDINATE, 1), (0, 0, MAX_COORDINATE, 1), id="the last pixel"),
    ],
)
def test_a_region_is_in_fractions_or_in_pixels_from_any_corner(given, checked) -> None:
    assert RequestTemplate.of(replace(REGION, region=given)).region == checked


def test_a_region_in_fractions_is_the_same_in_every_picture(tmp_path) -> None:
    template = RequestTemplate.of(replace(REGION, region=(0, 0.25, 1, 1)))
    assert template.about(picture_in(tmp_path, size=(640, 480))).region == (0, 0.25, 1, 1)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(None, "needs a region", id="none"),
        pytest.param((1, 2, 3), "not four numbers", id="three numbers"),
        pytest.param((1, 2, 3, 4, 5), "not four numbers", id="five numbers"),
        pytest.param((-0.1, 0, 1, 1), "outside", id="fractions below 0"),
        pytest.param((0, 0, 1.5, 1), "outside", id="a little more than 1"),
        pytest.param((-1, 0, 20, 20), "outside", id="pixels below 0"),
        pytest.param((0, 0, MAX_COORDINATE + 1, 1), "outside", id="pixels that no picture has"),
        pytest.param((0.5, 0, 20, 20), "mixes fractions and pixels", id="fractions and pixels"),
        pytest.param((0.001, 0, 20, 20), "mixes fractions and pixels", id="a small fraction and pixels"),
        pytest.param((5, 5, 5, 20), "no area", id="pixels without width"),
    ],
)
def test_a_region_that_cannot_be_one_is_refused_at_its_field(given, words: str) -> None:
    with pytest.raises(PromptError) as caught:
        RequestTemplate.of(replace(REGION, region=given))
    assert caught.value.field == "region"
    assert words in caught.value.message
    assert "x1, y1, x2, y2" in caught.value.hint
    assert reads_as_sentences(caught.value)


@pytest.mark.parametrize("region", [(0, 0, 641, 480), (0, 0, 640, 481)], ids=["right", "below"])
def test_a_region_beyond_its_picture_is_refused_with_the_pictures_size(region, tmp_path) -> None:
    template = RequestTemplate.of(replace(REGION, region=region))
    with pytest.raises(PromptError) as caught:
        template.about(picture_in(tmp_path, size=(640, 480)))
    assert caught.value.field == "region"
    assert "x1, y1, x2, y2" in caught.value.hint
    assert reads_as_sentences(caught.value)


def test_a_phrase_is_checked_before_there_is_a_picture() -> None:
    question = Question("<CAPTION_TO_PHRASE_GROUNDING>", "a dog")
    assert RequestTemplate.of(question).text == "a dog"
    with pytest.raises(PromptError, match="needs a phrase"):
        RequestTemplate.of(replace(question, text=" "))


def test_a_request_has_all_that_was_asked_for(tmp_path) -> None:
    picture = picture_in(tmp_path)
    region = (0.25, 0.25, 0.75, 0.5)
    question = Question(REGION.token, "words", ("dog", "cat"), region, "some-model", "dedicated", Strategy.EACH)
    request = RequestTemplate.of(question, key=" the-key ", nano_stands_in=True).about(picture)
    assert (request.task, request.text, request.classes) == (get_task(REGION.token), "words", ("dog", "cat"))
    assert (request.region, request.model_id, request.backend) == (region, "some-model", "dedicated")
    assert (request.strategy, str(request.api_key), request.nano_stands_in) == (Strategy.EACH, "the-key", True)
    assert request.picture is picture
    assert "the-key" not in repr(request)
    plain = RequestTemplate.of(Question("<OD>"))
    assert (plain.api_key, plain.nano_stands_in) == (None, False)


def test_only_a_bundled_picture_is_an_example(tmp_path) -> None:
    template = RequestTemplate.of(Question("<OD>"))
    assert template.about(open_picture(next(EXAMPLES.glob("*.jpg")))).example
    assert not template.about(picture_in(tmp_path)).example


def test_another_question_goes_to_the_same_model_with_the_same_key(tmp_path) -> None:
    question = Question("<OD>", model_id="some-model", backend="dedicated")
    first = RequestTemplate.of(question, key="the-key").about(picture_in(tmp_path))
    task, region = get_task("<REGION_TO_CATEGORY>"), (0.0, 0.0, 1.0, 1.0)
    then = first.with_task(task, text="words", classes=("dog",), region=region)
    assert (then.task, then.text, then.classes, then.region) == (task, "words", ("dog",), region)
    assert (then.model_id, then.backend, then.api_key) == (first.model_id, first.backend, first.api_key)
    assert then.picture is first.picture
    bare = then.with_task(get_task("<OD>"))
    assert (bare.text, bare.classes, bare.region) == ("", (), None)


@pytest.mark.parametrize(
    ("question", "prompt"),
    [
        pytest.param(Question(OVD, classes=("dog, cat",)), f"{OVD}dog<and>cat", id="classes"),
        pytest.param(
            Question("<CAPTION_TO_PHRASE_GROUNDING>", "a dog"), "<CAPTION_TO_PHRASE_GROUNDING>a dog", id="text"
        ),
        pytest.param(
            replace(REGION, region=(0, 0, 0.5, 1)),
            "<REGION_TO_CATEGORY><loc_0><loc_0><loc_500><loc_999>",
            id="region",
        ),
        pytest.param(Question("<NO_TASK>"), "", id="no such task"),
        pytest.param(Question(OVD), "", id="classes are missing"),
    ],
)
def test_a_question_tells_its_prompt_or_that_it_has_none(question: Question, prompt: str) -> None:
    assert question.prompt == prompt


def test_an_answer_is_kept_without_its_picture_and_comes_back_with_it(tmp_path) -> None:
    picture = picture_in(tmp_path)
    answer = StoredAnalysis(Result(get_task("<OD>"), "<OD>", (600, 300)), "some-model", "local", "host", 1.5, True)
    with_it = answer.with_picture(picture)
    assert with_it.picture is picture
    assert vars(with_it.stored()) == vars(answer)


def test_a_task_without_a_region_ignores_one() -> None:
    assert RequestTemplate.of(Question("<OD>", region=(0.5, 10, 20, 30))).region is None


@pytest.mark.parametrize("model_id", ["two words", "m" * (MAX_MODEL_ID + 1), "a\u202eb"], ids=["blank", "long", "sign"])
def test_a_model_id_that_cannot_be_one_is_refused(model_id: str) -> None:
    with pytest.raises(InputError) as caught:
        RequestTemplate.of(Question("<OD>", model_id=model_id))
    assert caught.value.field == "model_id"
    assert reads_as_sentences(caught.value)


@pytest.mark.parametrize(
    ("given", "model_id"),
    [
        pytest.param("Florence-2-large", "florence-2-large", id="as sentences write it"),
        pytest.param(" FLORENCE-2-NANO ", "florence-2-nano", id="capitals"),
        pytest.param("My-Workspace/Florence-2-large", "My-Workspace/Florence-2-large", id="somebody's own"),
    ],
)
def test_an_official_model_may_be_written_with_capitals(given: str, model_id: str) -> None:
    assert RequestTemplate.of(Question("<OD>", model_id=given)).model_id == model_id


def test_a_model_id_may_be_as_long_as_allowed_and_have_blanks_around_it() -> None:
    assert RequestTemplate.of(Question("<OD>", model_id=f" {'m' * MAX_MODEL_ID} ")).model_id == "m" * MAX_MODEL_ID


def test_a_key_that_cannot_be_one_is_refused_and_not_repeated() -> None:
    with pytest.raises(InputError) as caught:
        RequestTemplate.of(Question("<OD>"), key="two words")
    assert "two words" not in str(caught.value)
    assert caught.value.field == "api_key"
    assert reads_as_sentences(caught.value)


@pytest.mark.parametrize("typed", [None, "", " \n"], ids=["none", "empty", "blank"])
def test_a_key_that_was_not_typed_is_none(typed: str | None) -> None:
    assert parse_key(typed) is None


def test_a_key_may_be_as_long_as_allowed() -> None:
    assert str(parse_key("k" * MAX_KEY)) == "k" * MAX_KEY
    with pytest.raises(InputError):
        parse_key("k" * (MAX_KEY + 1))
