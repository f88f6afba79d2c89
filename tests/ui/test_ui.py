"""The page's text and memory, without a browser."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gradio.utils import is_static_file
from PIL import Image

from florence_ui.errors import InputError
from florence_ui.hosting.lenient_fields import LenientCheckboxGroup
from florence_ui.images.loading import ImageLimits, Picture, open_picture
from florence_ui.inference.gallery import load_examples
from florence_ui.inference.per_object import Action
from florence_ui.inference.request import Analysis, Question, RequestTemplate, Strategy
from florence_ui.rendering.style import Style
from florence_ui.results.result import Result, make_detections
from florence_ui.tasks import TASKS, Family
from florence_ui.ui import labels as choices_module
from florence_ui.ui import share_link
from florence_ui.ui.components.task_picker import task_rows
from florence_ui.ui.explore import stage_view
from florence_ui.ui.explore.film import serve_thumbnails
from florence_ui.ui.explore.then_events import RECIPES
from florence_ui.visitors import session as session_module
from florence_ui.visitors.image_cache import ImageCache, memory_of_picture
from florence_ui.visitors.runs import Note, Place
from florence_ui.visitors.session import RECENT, PageSession

USUAL = Question("<OD>", model_id="florence-2-base", backend="local")
BACKENDS = ("serverless", "local")
UI_FOLDER = Path(choices_module.__file__).parent


def result(
    token: str = "<OD>", labels: tuple[str, ...] = (), text: str = "", prompt: str = "", **shape: object
) -> Result:
    boxes = [[10 * k, 20, 10 * k + 30, 60] for k in range(len(labels))]
    return Result(TASKS[token], prompt or token, (200, 100), text, make_detections(labels, boxes, **shape))


def test_every_task_is_in_the_palette_with_its_token_under_a_known_family() -> None:
    rows = task_rows()
    assert [row["token"] for row in rows] == list(TASKS)
    assert {row["family"] for row in rows} == {family.value for family in Family}
    assert all(row["shown"] and row["title"] and row["help"] for row in rows)


@pytest.mark.parametrize(
    ("text", "labels", "pieces"),
    [
        pytest.param("A dog.", ["dog"], [("A ", []), ("dog", [0]), (".", [])], id="one"),
        pytest.param("Dog and dog", ["dog", "dog"], [("Dog", [0, 1]), (" and ", []), ("dog", [0, 1])], id="same-label"),
        pytest.param("a red car", ["car", "red car"], [("a ", []), ("red car", [1])], id="longest-wins"),
        pytest.param("category", ["cat"], [("category", [])], id="whole-words-only"),
        pytest.param("a (b", ["(b"], [("a ", []), ("(b", [0])], id="no-pattern"),
        pytest.param("x", [], [("x", [])], id="nothing-found"),
        pytest.param("x", ["", " "], [("x", [])], id="nameless"),
    ],
)
def test_phrases_know_their_objects(text: str, labels: list[str], pieces: list) -> None:
    assert [(p.text, p.items) for p in stage_view.link_phrases(text, labels)] == pieces


def test_grounding_lights_up_the_sentence_that_was_asked() -> None:
    token = "<CAPTION_TO_PHRASE_GROUNDING>"
    pieces = stage_view.phrases_of(result(token, ("dog",), prompt=f"{token}A dog runs."))
    assert [(p.text, p.items) for p in pieces] == [("A ", []), ("dog", [0]), (" runs.", [])]


def test_the_alternative_text_says_what_was_found() -> None:
    assert (
        stage_view.alt_text(result(labels=("dog", "cat", "dog"))) == "The picture with 3 objects found: dog (2), cat."
    )
    assert stage_view.alt_text(result(labels=("",))) == "The picture with 1 object found: unnamed region."
    assert stage_view.alt_text(result()) == "The picture. Nothing was found."
    many = stage_view.alt_text(result(labels=tuple(f"thing {k}" for k in range(30))))
    assert "30 objects found" in many
    assert "22 more" in many


def test_an_outline_is_taken_before_a_quad_and_a_quad_before_a_box() -> None:
    square = np.array([[0, 0], [50, 0], [50, 50]])
    outlined = stage_view.stage_objects(
        result("<REFERRING_EXPRESSION_SEGMENTATION>", ("",), polygons=[[square]]), (), Style()
    )
    assert outlined[0].outline == [[[0, 0], [50, 0], [50, 50]]]
    quad = [[1, 2], [3, 2], [3, 4], [1, 4]]
    assert stage_view.stage_objects(result("<OCR_WITH_REGION>", ("A",), quads=[quad]), (), Style())[0].outline == [quad]
    box = stage_view.stage_objects(result(labels=("dog",)), {0}, Style())[0]
    assert (box.outline, box.area, box.shown) == ([[[0, 20], [30, 20], [30, 60], [0, 60]]], 1200, False)


def test_an_outline_of_thousands_of_points_is_thinned() -> None:
    ring = np.stack([np.arange(5000.0), np.arange(5000.0)], axis=1)
    item = stage_view.stage_objects(
        result("<REFERRING_EXPRESSION_SEGMENTATION>", ("",), polygons=[[ring]]), (), Style()
    )[0]
    assert len(item.outline[0]) <= stage_view.MAX_POINTS


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        pytest.param(result(), "nothing", id="nothing"),
        pytest.param(result("<CAPTION>", text="A dog."), "done", id="text"),
        pytest.param(result(labels=("dog",)), "done", id="objects"),
    ],
)
def test_an_empty_answer_has_a_look_of_its_own(answer: Result, state: str, tmp_path: Path) -> None:
    value = stage_view.answered(answer, tmp_path / "picture.jpg", (), Style(), "first")
    assert value.state == state
    assert bool(value.title) == (state == "nothing")


@pytest.mark.parametrize(
    ("question", "style"),
    [
        pytest.param(USUAL, Style(), id="plain"),
        pytest.param(replace(USUAL, token="<CAPTION_TO_PHRASE_GROUNDING>", text="a, b & c=d"), Style(), id="text"),
        pytest.param(
            replace(USUAL, token="<OPEN_VOCABULARY_DETECTION>", classes=("red car", "dog")),
            Style(("halo", "box"), labels=False, palette="vivid", thickness=2, opacity=0.5, text_size=1.5),
            id="classes-and-style",
        ),
        pytest.param(
            replace(USUAL, token="<REGION_TO_OCR>", region=(0.1234, 0.2, 0.3456, 0.9999)), Style(), id="region"
        ),
        *[
            pytest.param(
                replace(USUAL, token="<OPEN_VOCABULARY_DETECTION>", classes=("dog", "cat"), strategy=strategy),
                Style(),
                id=f"strategy-{strategy}",
            )
            for strategy in Strategy
        ],
    ],
)
def test_a_setup_survives_being_written_and_read(question: Question, style: Style) -> None:
    assert share_link.decode(share_link.encode(question, style), USUAL, BACKENDS) == (question, style)


@pytest.mark.parametrize(
    "kept",
    [
        pytest.param(None, id="nothing"),
        pytest.param("a string", id="a-string"),
        pytest.param({"task": "<NONSENSE>", "text": "x"}, id="no-such-task"),
        pytest.param({"thickness": "nan", "opacity": "1e999", "text_size": "x"}, id="no-numbers"),
        pytest.param({"backend": "http://evil.example"}, id="no-such-backend"),
        pytest.param({"strategy": "nonsense"}, id="no-such-strategy"),
        pytest.param({"palette": "<script>", "draw": "nonsense,,"}, id="no-such-style"),
        pytest.param({"palette": "colour-blind safe"}, id="no-such-palette-any-more"),
    ],
)
def test_what_cannot_be_used_in_a_setup_is_left_as_usual(kept: object) -> None:
    question, style = share_link.decode(kept, USUAL, BACKENDS)
    assert question == USUAL
    assert style == Style()


def test_a_setup_of_enormous_text_is_cut() -> None:
    question, _ = share_link.decode({"task": "custom", "text": "x" * 10**6}, USUAL, BACKENDS)
    assert len(question.text) <= 2000


@pytest.fixture
def pictures(tmp_path: Path) -> list[Picture]:
    paths = [tmp_path / f"{k}.png" for k in range(4)]
    for k, path in enumerate(paths):
        Image.new("RGB", (40, 30), (k, k, k)).save(path)
    return [open_picture(path, ImageLimits(max_bytes=10**6)) for path in paths]


def analysis(picture: Picture) -> Analysis:
    return Analysis(result(labels=("dog",)), "florence-2-base", "local", "localhost:9001", 0.1, picture=picture)


@pytest.mark.anyio
async def test_the_last_runs_are_remembered_and_no_more(pictures: list[Picture]) -> None:
    session = PageSession()
    session.put_picture(pictures[0], pictures[0].path)
    for k in range(RECENT + 5):
        session.add_run(replace(USUAL, text=str(k)), analysis(pictures[0]), pictures[0].path)
    assert len(session.recent) == RECENT
    assert (await session.show_again(0)).question.text == str(RECENT + 4)
    assert await session.show_again(RECENT) is None


def test_the_same_question_about_the_same_picture_stands_once_among_the_recent(pictures: list[Picture]) -> None:
    session = PageSession()
    session.put_picture(pictures[0], pictures[0].path)
    session.add_run(USUAL, analysis(pictures[0]), pictures[0].path)
    session.add_run(replace(USUAL, text="other"), analysis(pictures[0]), pictures[0].path)
    latest = session.add_run(USUAL, analysis(pictures[0]), pictures[0].path)
    assert [run.question.text for run in session.recent] == [USUAL.text, "other"]
    assert session.run is session.recent[0] is latest
    latest.notes[Place("describe", None, (0.0, 0.0, 1.0, 1.0))] = Note("a car")
    session.add_run(USUAL, analysis(pictures[0]), pictures[0].path)
    assert len(session.recent) == 3, "what was asked about its places is kept"


@pytest.mark.anyio
async def test_after_going_back_from_an_example_the_picture_is_no_example(pictures: list[Picture]) -> None:
    """Or nano would answer about it while base is being downloaded."""
    session, example = PageSession(), open_picture(next(each for each in load_examples() if each.is_drawn).path)
    template = RequestTemplate.of(USUAL)
    session.put_picture(pictures[0], pictures[0].path)
    session.add_run(USUAL, analysis(pictures[0]), pictures[0].path)
    session.put_picture(example, example.path)
    assert template.about(await session.picture()).example
    await session.show_again(0)
    assert not template.about(await session.picture()).example


@pytest.mark.anyio
async def test_a_remembered_run_keeps_no_decoded_picture_and_finds_it_again(pictures: list[Picture]) -> None:
    session = PageSession()
    for picture in pictures:
        session.put_picture(picture, picture.path)
        session.add_run(USUAL, analysis(picture), picture.path)
    assert not any(hasattr(run.analysis, "picture") for run in session.recent)
    oldest = await session.show_again(3)
    assert (await session.analysis_of(oldest)).picture.digest == pictures[0].digest
    assert (await session.picture()).limits == pictures[0].limits


@pytest.mark.anyio
async def test_a_page_without_a_picture_says_so() -> None:
    session = PageSession()
    with pytest.raises(InputError, match="no picture yet") as caught:
        await session.picture()
    assert caught.value.field == "image"


@pytest.mark.anyio
async def test_the_decoded_pictures_of_all_visitors_together_are_bounded(
    pictures: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a stranger could fill the memory with one small file after another, each in a session of its own."""
    store = ImageCache(max_bytes=2 * memory_of_picture(pictures[0]))
    monkeypatch.setattr(session_module, "images", store)
    sessions = []
    for picture in pictures:
        sessions.append(PageSession())
        sessions[-1].put_picture(picture, picture.path)
        sessions[-1].add_run(USUAL, analysis(picture), picture.path)
    assert len(store) == 2
    assert not any(isinstance(value, Picture) for session in sessions for value in vars(session).values())
    assert [(await session.picture()).digest for session in sessions] == [picture.digest for picture in pictures]
    assert len(store) == 2


@pytest.mark.anyio
async def test_of_the_decoded_pictures_the_least_recently_used_goes_first(pictures: list[Picture]) -> None:
    store = ImageCache(max_bytes=3 * memory_of_picture(pictures[0]))
    first, second, third, fourth = pictures
    for picture in (first, second, third):
        store.add(picture)
    assert await store.open(first.path, first.limits) is first
    store.add(fourth)
    assert await store.open(first.path, first.limits) is first
    assert await store.open(second.path, second.limits) is not second, "it was decoded again"


def test_an_answer_about_a_picture_that_was_replaced_is_remembered_but_not_shown(pictures: list[Picture]) -> None:
    session = PageSession()
    session.put_picture(pictures[1], pictures[1].path)
    session.add_run(USUAL, analysis(pictures[0]), pictures[0].path)
    assert session.run is None
    assert len(session.recent) == 1


def test_tiles_are_served_from_where_they_are_so_they_do_not_age_out_with_the_files_of_visitors() -> None:
    serve_thumbnails(load_examples())
    assert all(is_static_file(example.thumbnail) for example in load_examples()[:-1])


def test_scripts_and_styles_lie_in_files_of_their_own() -> None:
    for path in UI_FOLDER.rglob("*.py"):
        code = path.read_text("utf-8")
        assert "<style" not in code, path
        assert "querySelector" not in code, path
    for path in UI_FOLDER.rglob("*.html"):
        assert "${" not in path.read_text("utf-8"), f"{path}: a template may hold no value"
        assert "{{" not in path.read_text("utf-8"), f"{path}: a template may hold no value"
    for path in UI_FOLDER.rglob("*.js"):
        assert "innerHTML" not in path.read_text("utf-8"), f"{path}: text must stay text"


@pytest.mark.parametrize(
    ("posted", "given"),
    [
        pytest.param(["mask", "box"], ["mask", "box"], id="no-longer-there"),
        pytest.param(["box", ["box"], 7], ["box"], id="no-texts"),
        pytest.param("box", [], id="no-list"),
        pytest.param(None, [], id="nothing"),
    ],
)
def test_chosen_annotators_are_handed_on_as_texts(posted: object, given: list[str]) -> None:
    assert LenientCheckboxGroup(["box"]).preprocess(posted) == given


def test_each_action_on_objects_has_code_of_its_own_to_paste() -> None:
    assert set(RECIPES) == set(Action)
    assert len(set(RECIPES.values())) == len(Action)
