"""The gallery: pictures of free license with thumbnails, and a question for every task with no more than it needs."""

import numpy as np
import pytest
from PIL import Image

from florence_ui.assets import ASSETS, PHOTOGRAPHS
from florence_ui.inference.gallery import BY_LINK, Example, load_examples
from florence_ui.inference.recorder import ALL_TASKS
from florence_ui.tasks import InputKind, get_task

*BUNDLED, LAST = load_examples()
IDS = [example.path.stem for example in BUNDLED]


def test_photographs_come_first_then_drawn_scenes_then_the_link() -> None:
    drawn = [example.is_drawn for example in BUNDLED]
    assert drawn == sorted(drawn)
    assert drawn.count(False) >= 6
    assert drawn.count(True) >= 6
    assert LAST is BY_LINK
    assert not LAST.is_drawn


def test_every_file_has_a_name_of_its_own_because_links_and_recordings_use_it() -> None:
    assert len({example.path.stem for example in BUNDLED}) == len(BUNDLED)


@pytest.mark.parametrize("example", BUNDLED, ids=IDS)
def test_a_thumbnail_is_a_small_copy_of_its_picture(example: Example) -> None:
    assert example.path.stat().st_size < 100_000
    assert example.thumbnail.stat().st_size < 8_000, example.thumbnail
    with Image.open(example.thumbnail) as thumbnail, Image.open(example.path) as whole:
        difference = np.asarray(whole.resize(thumbnail.size), dtype=int) - np.asarray(thumbnail, dtype=int)
    assert np.abs(difference).mean() < 6, f"{example.thumbnail} shows something else: make it anew"


@pytest.mark.parametrize("example", [*BUNDLED, LAST], ids=[*IDS, "by-link"])
def test_it_has_a_question_for_every_task_its_own_first(example: Example) -> None:
    own = example.question()
    assert own.token == example.token
    assert own.prompt
    missing = [] if example.region else [InputKind.REGION]
    tasks = [token for token in ALL_TASKS if get_task(token).input_kind not in missing]
    assert all(example.question(token).prompt for token in tasks)


@pytest.mark.parametrize(
    ("token", "text", "classes", "region"),
    [
        pytest.param("<OD>", "", (), None, id="nothing"),
        pytest.param("<CAPTION_TO_PHRASE_GROUNDING>", "A dog by a bicycle.", (), None, id="sentence"),
        pytest.param("<REFERRING_EXPRESSION_SEGMENTATION>", "the dog", (), None, id="one-object"),
        pytest.param("<OPEN_VOCABULARY_DETECTION>", "", ("dog", "bicycle"), None, id="classes"),
        pytest.param("<REGION_TO_OCR>", "", (), (0.1, 0.2, 0.3, 0.4), id="region"),
    ],
)
def test_a_question_takes_nothing_that_belongs_to_another_task(
    token: str, text: str, classes: tuple[str, ...], region: object
) -> None:
    example = Example("Dog", "<OD>", "A dog by a bicycle.", ("dog", "bicycle"), (0.1, 0.2, 0.3, 0.4))
    question = example.question(token, model_id="florence-2-large", backend="serverless")
    assert (question.token, question.text, question.classes, question.region) == (token, text, classes, region)
    assert (question.model_id, question.backend) == ("florence-2-large", "serverless")


def test_source_and_license_of_every_photograph_are_told() -> None:
    notice = (ASSETS / "NOTICE.md").read_text("utf-8")
    photographs = sorted(PHOTOGRAPHS.glob("*.jpg"))
    assert {path.name for path in photographs} == {e.path.name for e in BUNDLED if not e.is_drawn}
    assert [path.name for path in photographs if f"`{path.name}`" not in notice] == []
