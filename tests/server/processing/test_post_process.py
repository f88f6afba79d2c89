"""Generated text is read as Florence-2's own processor reads it, however broken it is."""

import json
import random
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from florence_ui.server.errors import BrokenWeightsError
from florence_ui.server.processing.post_process import PostProcessor
from florence_ui.server.processing.task_prompts import WITH_INPUT, WITHOUT_INPUT, expand_prompt

DATA = Path(__file__).parents[2] / "data"
GENUINE = json.loads((DATA / "answers.json").read_text(encoding="utf-8"))
PUBLISHED = [answer for answer in json.loads((DATA / "published_outputs.json").read_text()) if "raw_text" in answer]
TASKS = [*WITHOUT_INPUT, *WITH_INPUT, "What colour is the circle?>"]
SETTINGS = {
    "ocr": {"AREA_THRESHOLD": 0.002},
    "phrase_grounding": {"banned_grounding_tokens": ["it", "the image", "cat"]},
} | {
    name: {}
    for name in ("pure_text", "description_with_bboxes", "polygons", "bboxes", "description_with_bboxes_or_polygons")
}  # fmt: skip


@pytest.fixture(scope="session")
def reference(processor: Any) -> Any:
    """The processor's own reader, with settings that change something."""
    from transformers.models.florence2.processing_florence2 import Florence2PostProcessor

    processor.post_processor = Florence2PostProcessor(config=SETTINGS, tokenizer=processor.tokenizer)
    return processor


place = st.integers(0, 999).map("<loc_{}>".format)
odd_place = st.sampled_from(["<loc_1000>", "<loc_9999999>", "<loc_007>", "<loc_٣٤>", "<loc_>", "<loc_-1>", "<loc_1.5>"])
places = st.lists(place, min_size=1, max_size=13).map("".join)
mark = st.sampled_from(["<sep>", "<poly>", "</poly>", "<and>", "<od>", "</od>", "<s>", "</s>", "<pad>", "<unk>"])
phrase = st.sampled_from(
    [
        "cat",
        "cat ",
        " the image",
        "it",
        "dog\n",
        "\n\n cat",
        "two\nlines",
        "\r",
        "Ünïcode 猫",
        "\u2028x",
        "a<b",
        "<",
        ">",
    ]
) | st.text(max_size=8)
outline = st.lists(places, min_size=1, max_size=3).map("<sep>".join)
instance = st.lists(outline, min_size=1, max_size=3).map(
    lambda outlines: "".join(f"<poly>{o}</poly>" for o in outlines)
)
well_formed = st.tuples(phrase, places | outline | instance).map("".join)


@st.composite
def generated(draw: Any) -> str:
    """What a model may answer: well-formed, hostile, cut off or doubled."""
    text = "</s><s>" + "".join(draw(st.lists(well_formed | phrase | places | mark | odd_place, max_size=12))) + "</s>"
    if draw(st.booleans()):
        text = text[draw(st.integers(0, len(text))) :][: draw(st.integers(0, len(text)))]
    return text * draw(st.sampled_from([1, 1, 1, 2]))


SIZES = st.tuples(st.integers(1, 65_500), st.integers(1, 65_500)) | st.sampled_from([(1, 1), (640, 480), (1000, 1000)])
COMMON = settings(
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def check(reference: Any, text: str, size: tuple[int, int]) -> None:
    """Compare the answers to all tasks."""
    read = PostProcessor(SETTINGS)
    for task in TASKS:
        assert read(text, task, size) == reference.post_process_generation(text, task=task, image_size=size), task


@settings(COMMON, max_examples=200, derandomize=True)
@example(text="<po<s>ly>cat<poly><loc_1><loc_2><loc_3></poly><loc_4>", size=(640, 480))
@example(text="<loc_1><sep><loc_2><sep><sep>", size=(640, 480))
@example(text="\n" + "<loc_1>" * 9 + "x" + "<loc_2>" * 17, size=(640, 480))
@example(text="<loc_1>" * 4 + "cat" + "<loc_2>" * 5, size=(640, 480))
@example(text="<<loc_1><loc_2><loc_3><loc_4><sep><loc_5>", size=(640, 480))
@example(text="<<s>s>cat<loc_1><loc_2><loc_3><loc_4><loc_5>", size=(3, 65_500))
@given(text=generated(), size=SIZES)
def test_answers_are_those_of_transformers(reference: Any, text: str, size: tuple[int, int]) -> None:
    check(reference, text, size)


@pytest.mark.slow
@settings(COMMON, max_examples=10_000)
@given(text=generated(), size=SIZES)
def test_answers_are_those_of_transformers_for_10000_texts(reference: Any, text: str, size: tuple[int, int]) -> None:
    check(reference, text, size)


def test_every_place_in_pictures_of_any_size_is_that_of_transformers(reference: Any) -> None:
    draw = random.Random(0)
    for _ in range(20):
        places = "".join(f"<loc_{draw.randrange(1000)}>" for _ in range(400))
        check(reference, f"cat{places}", (draw.randint(1, 9000), draw.randint(1, 9000)))


@pytest.mark.parametrize("answer", GENUINE, ids=lambda answer: answer["request"]["body"]["prompt"])
def test_genuine_answers_of_roboflows_server_are_read_as_there(answer: dict[str, Any]) -> None:
    prompt, image = answer["request"]["body"]["prompt"], answer["response"]["image"]
    (task,) = answer["response"]["response"]
    read = PostProcessor(None)(answer["generated_text"], task, (image["width"], image["height"]))
    assert read == answer["response"]["response"]
    assert f"<s>{expand_prompt(prompt)}</s>" == answer["expanded_prompt"]


@pytest.mark.parametrize("answer", PUBLISHED, ids=lambda answer: f"{answer['task']} {answer['model']}")
def test_published_texts_are_read_as_by_transformers(reference: Any, answer: dict[str, Any]) -> None:
    check(reference, answer["raw_text"], tuple(answer["image_size"]))


def test_without_settings_pronouns_are_not_grounded_as_in_microsofts_code() -> None:
    places = "<loc_0><loc_0><loc_999><loc_999>"
    answer = PostProcessor(None)(f"it{places}a cat{places}", "<CAPTION_TO_PHRASE_GROUNDING>", (1000, 1000))
    assert answer == {"<CAPTION_TO_PHRASE_GROUNDING>": {"bboxes": [[0, 0, 999, 999]], "labels": ["a cat"]}}


@pytest.mark.parametrize("pattern", ["(", r"(.+?)<loc_(\d+)>"], ids=["broken", "another"])
def test_a_pattern_that_is_not_florences_is_refused(pattern: str) -> None:
    with pytest.raises(BrokenWeightsError, match="OCR pattern"):
        PostProcessor({"ocr": {"PATTERN": pattern}})


@pytest.mark.parametrize("digits", ["9" * 12, "9" * 30, "9" * 5000], ids=["12", "30", "5000"])
def test_a_number_that_breaks_transformers_gives_pixels_of_32_bits(digits: str) -> None:
    answer = PostProcessor(None)(f"cat<loc_{digits}><loc_0><loc_1><loc_2>", "<OD>", (1000, 1000))
    assert answer == {"<OD>": {"bboxes": [[2**31 - 1, 0, 1, 2]], "labels": ["cat"]}}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    "part", ["a", " ", "a\n", "\n", ">", "<", "<loc_1>", "<poly>", "</poly><loc_1>", "1<loc_1>"], ids=ascii
)
@pytest.mark.alone
def test_reading_takes_time_in_proportion_to_a_hostile_answer(task: str, part: str) -> None:
    start = time.process_time()
    PostProcessor(None)(part * (30_000 // len(part)), task, (9, 9))
    assert time.process_time() - start < 1
