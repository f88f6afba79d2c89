"""Recorded answers: only real ones, about the very picture, read as live ones are, the best first."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from florence_ui.assets import ASSETS, RECORDINGS
from florence_ui.images.loading import open_picture
from florence_ui.inference.gallery import BY_LINK, Example, load_examples
from florence_ui.inference.recorder import ALL_TASKS
from florence_ui.inference.recordings import RecordedAnswer, Recording, Recordings
from florence_ui.inference.request import Strategy
from florence_ui.models import BASE, LARGE, NANO
from florence_ui.server.weights import revision_of
from florence_ui.tasks import get_task

DRAWN = [example for example in load_examples() if example.is_drawn]
PHOTOGRAPHS = [example for example in load_examples() if example.path and not example.is_drawn]
DAY = date(2026, 11, 26)


def recording(example: Example, model_id: str, token: str = "", sha256: str = "") -> Recording:
    """A made-up recording of one answer."""
    prompt = example.question(token).prompt
    response = {prompt.partition(">")[0] + ">": f"{model_id} was here"}
    digest = sha256 or open_picture(example.path).digest
    answer = RecordedAnswer(prompt, 0.5, response)
    return Recording(example.path.name, digest, model_id, "r1", "local", "Server 1", DAY, {prompt: answer})


@pytest.mark.anyio
@pytest.mark.parametrize("example", DRAWN, ids=lambda example: example.path.stem)
async def test_every_drawn_scene_has_nanos_answers_to_all_tasks(example: Example) -> None:
    """If this fails, the scene or nano has changed: run `python -m florence_ui.record`."""
    shipped, picture = Recordings.load(), open_picture(example.path)
    for token in ALL_TASKS:
        found = await shipped.answer(example, example.question(token, model_id=NANO), picture)
        assert found is not None, token
        assert found.result.task is get_task(token)
        assert found.model_id == NANO
        assert found.recorded is not None


def test_what_ships_was_answered_by_the_weights_that_ship() -> None:
    files = [Recording.from_json(path.read_text("utf-8")) for path in RECORDINGS.glob("*.json")]
    shipped = revision_of(ASSETS / NANO)
    assert {each.revision for each in files if each.model_id == NANO} == {shipped}, "run python -m florence_ui.record"
    drawn = {example.path.name for example in DRAWN}
    assert all(each.picture in drawn for each in files if each.model_id == NANO), "nano knows no photographs"


@pytest.mark.anyio
async def test_a_recorded_answer_is_parsed_as_a_live_one() -> None:
    example = next(example for example in DRAWN if example.token == "<OD>")
    picture = open_picture(example.path)
    found = await Recordings.load().answer(example, example.question(), picture)
    assert found.result.labels
    assert found.result.size == picture.size
    assert found.picture is picture
    assert not found.remembered


@pytest.mark.anyio
async def test_nothing_is_said_about_another_picture_of_the_same_name() -> None:
    example = DRAWN[0]
    known = Recordings([recording(example, BASE, "<CAPTION>", sha256="0" * 64)])
    assert await known.answer(example, example.question("<CAPTION>"), open_picture(example.path)) is None


def test_a_question_that_was_not_recorded_has_no_answer() -> None:
    example = DRAWN[0]
    known = Recordings([recording(example, BASE, "<CAPTION_TO_PHRASE_GROUNDING>")])
    asked = example.question("<CAPTION_TO_PHRASE_GROUNDING>")
    assert known.find(example, asked) is not None
    assert known.find(example, replace(asked, text="something else")) is None
    assert known.find(example, example.question("<OCR>")) is None
    assert known.find(DRAWN[1], asked) is None
    assert known.find(BY_LINK, asked) is None


def test_several_calls_are_not_answered_by_the_recording_of_one() -> None:
    example = next(example for example in DRAWN if len(example.classes) > 1)
    known = Recordings([recording(example, BASE, "<OPEN_VOCABULARY_DETECTION>")])
    asked = example.question("<OPEN_VOCABULARY_DETECTION>")
    assert known.find(example, asked) is not None
    assert known.find(example, replace(asked, strategy=Strategy.EACH)) is None


@pytest.mark.parametrize(
    ("wanted", "answered_by"),
    [("", LARGE), (NANO, NANO), (BASE, BASE), ("my/1", "my/1"), ("your/1", None)],
    ids=["best", "nano", "base", "own", "not-recorded"],
)
def test_the_model_that_is_asked_for_answers_else_the_best(wanted: str, answered_by: str | None) -> None:
    example = DRAWN[0]
    known = Recordings([recording(example, model) for model in (NANO, "my/1", BASE, LARGE)])
    found = known.find(example, example.question(model_id=wanted))
    assert (found and found.model_id) == answered_by


@pytest.mark.parametrize(
    ("recorded", "first"),
    [
        pytest.param([], None, id="nothing-recorded"),
        pytest.param([(DRAWN[2], NANO), (DRAWN[1], NANO)], DRAWN[1], id="first-drawn-one"),
        pytest.param([(DRAWN[0], BASE), (PHOTOGRAPHS[3], BASE)], PHOTOGRAPHS[3], id="photograph-before-drawn"),
        pytest.param([(DRAWN[0], NANO), (DRAWN[1], BASE)], DRAWN[1], id="better-model"),
    ],
)
def test_the_first_visit_opens_on_the_best_recorded_example(
    recorded: list[tuple[Example, str]], first: Example | None
) -> None:
    examples = [*PHOTOGRAPHS, *DRAWN, BY_LINK]
    index = Recordings([recording(example, model) for example, model in recorded]).best(examples)
    assert (None if index is None else examples[index]) == first


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = [recording(DRAWN[0], "my/1"), recording(DRAWN[0], BASE), recording(DRAWN[1], BASE)]
    for each in written:
        each.write(tmp_path)
    assert len(list(tmp_path.iterdir())) == len(written)
    files = [Recording.from_json(path.read_text("utf-8")) for path in tmp_path.iterdir()]
    assert sorted(map(repr, files)) == sorted(map(repr, written))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("[]", id="a-list"),
        pytest.param('{"answers": []}', id="fields-missing"),
        pytest.param('{"answers": [{"prompt": "<OD>", "seconds": 1, "response": 7}]}', id="no-response"),
        pytest.param("[" * 200_000, id="deep"),
        pytest.param("7", id="a-number"),
    ],
)
def test_a_file_that_is_broken_is_left_out(tmp_path: Path, text: str) -> None:
    recording(DRAWN[0], BASE).write(tmp_path)
    (tmp_path / "broken.json").write_text(text, "utf-8")
    assert len(Recordings.load(tmp_path)) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("recorded", "yesterday", id="no-date"),
        pytest.param("picture", [], id="no-picture"),
        pytest.param("model_id", [1], id="no-model"),
        pytest.param("server", 5, id="no-server"),
        pytest.param("backend", "nosuch", id="unknown-backend"),
        pytest.param("answers", {"a": 1}, id="no-list"),
        pytest.param("answers", [{"prompt": [], "seconds": 0, "response": {}}], id="no-prompt"),
        pytest.param("answers", [{"prompt": "<OD>", "seconds": float("nan"), "response": {}}], id="no-number"),
        pytest.param("answers", [{"prompt": "<OD>", "seconds": -1, "response": {}}], id="negative-time"),
        pytest.param("answers", [{"prompt": "<OD>", "seconds": "<b>", "response": {}}], id="no-time"),
    ],
)
def test_a_value_that_is_none_is_left_out(
    tmp_path: Path, field: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    recording(DRAWN[0], BASE).write(tmp_path)
    [path] = tmp_path.iterdir()
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {field: value}), "utf-8")
    assert len(Recordings.load(tmp_path)) == 0
    assert [record.getMessage().partition(" cannot")[0] for record in caplog.records] == [f"The recording {path.name}"]
