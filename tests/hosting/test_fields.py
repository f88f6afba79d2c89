"""Every field of `/analyse` at its limits, through the running app."""

import json

import pytest
from hosting.running import RunningApp, is_sentence

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.tasks import TASKS

PHRASE = "<CAPTION_TO_PHRASE_GROUNDING>"
CLASSES = "<OPEN_VOCABULARY_DETECTION>"
REGION = "<REGION_TO_CATEGORY>"
LONG = 100_000

ODD_TEXTS = {
    "emoji": "a 🐕‍🦺 next to a 🚲",
    "right to left": "שלום עולם مرحبا",
    "bidi": "a \u202edog\u202c",
    "combining": "e\u0301" * 50,
    "zalgo": "d" + "\u0336" * 200,
    "wide": "東京の犬",
    "nul": "a\x00b",
    "controls": "".join(map(chr, range(1, 32))) + "dog",
    "escape": "\x1b[31mdog\x1b[0m",
    "line breaks": "a\r\nb\nc\u2028d",
    "html": 'a dog & a cat\'s "toy"',
    "template": "${7*7} {{7*7}} {% raw %} %s %d {0}",
    "quotes": "' OR 1=1 --; \"; $(id) `id`",
    "lone surrogate": "\ud800 dog",
    "private use": "\ue000\U0010fffd dog",
}
REFUSED_TEXTS = {
    "empty": "",
    "blanks": " \t\n ",
    "invisible": "\u200b\u2060",
    "very long": "a" * LONG,
    "very long emoji": "🐕" * LONG,
    "beyond every limit": "a" * (LONG + 1),
    "task token inside": "a <OD> b",
    "two task tokens": "<OD><CAPTION>",
    "image token": "a <image> b",
    "location": "a dog <loc_1><loc_2><loc_3><loc_4>",
    "end of sequence": "</s> dog",
    "class separator": "dog<and>cat",
    "html": "<script>alert(1)</script>",
    "a number": 5,
    "a list of lists": [["dog"]],
    "an object": {"a": "dog"},
    "true": True,
}
REFUSED_REGIONS = {
    "missing": None,
    "empty": [],
    "three numbers": [0.1, 0.1, 0.2],
    "five numbers": [0.1, 0.1, 0.2, 0.2, 0.3],
    "left of the picture": [-0.1, 0, 0.5, 0.5],
    "beyond the picture": [0, 0, 1.1, 1],
    "pixels": [10, 10, 200, 200],
    "far away": [1e300, 0, 1, 1],
    "not a number": [float("nan"), 0, 1, 1],
    "infinite": [0, 0, float("inf"), 1],
    "parts and pixels": [0.5, 10, 20, 30],
    "hardly beyond the picture": [0, 0, 1.5, 1],
    "pixels left of the picture": [-10, 0, 20, 30],
    "no width in pixels": [10, 10, 10, 30],
    "no width": [0.5, 0.1, 0.5, 0.9],
    "a point": [0.5, 0.5, 0.5, 0.5],
    "words": ["left", "0", "1", "1"],
    "booleans": [False, False, True, True],
    "nothings": [None] * 4,
    "nested": [[0, 0], [1, 1]],
    "a text": "0,0,1",
    "an object": {"x1": 0},
    "huge number": [10**400, 0, 1, 1],
}
GOOD_REGIONS = {
    "whole": [0, 0, 1, 1],
    "inverted": [0.9, 0.8, 0.1, 0.2],
    "tiny": [0.5, 0.5, 0.5001, 0.5001],
    "whole numbers": [0, 0, 1, 1],
    "pixels": [16, 12, 48, 36],
    "pixels up to the edge": [0, 0, 64, 48],
    "pixels as an answer gives them": [60.25, 40.5, 0, 0],
    "texts": ["0", "0", "1", "1"],
    "a text": "0,0,1,1",
}
SPELLINGS = {
    "<OD>": ["<od>", "<OD> ", "OD", "od", "Find objects", "find  objects"],
    "<OCR_WITH_REGION>": ["ocr_with_region", "OCR with region", "ocr-with-region", "Read and locate text"],
    "<MORE_DETAILED_CAPTION>": ["more detailed caption", "Long caption"],
}
REFUSED_FIELDS = {
    "task": ["", "O D", "<<OD>>", "<OD><CAPTION>", "x" * LONG, 7, ["<OD>"], "<NO_SUCH>", "<img src=x>"],
    "model_id": ["a b", "x" * LONG, "a\nb", 7, ["florence-2-base"], "\x1b[31m", "a" * 201],
    "backend": ["elsewhere", "http://127.0.0.1:9001", "LO CAL", "x" * LONG, 7, ["local"], "__class__"],
    "api_key": ["two words", "line\r\nX-Evil: 1", "schlüssel", "x" * LONG, 7, ["key"]],
    "image_url": [
        *("not a link", "http://", "\x00", 7, ["http://a"], "http://" + "a" * LONG),
        *("file:///etc/passwd", "ftp://example.com/a.png", "gopher://127.0.0.1/", "javascript:alert(1)", "//10.0.0.1/"),
        *("data:image/png;base64,iVBORw0KGgo=", "http://127.0.0.1/", "http://localhost:9001/", "http://[::1]/"),
        *("http://0x7f000001/", "http://2130706433/", "http://[::ffff:127.0.0.1]/", "http://10.0.0.1/"),
        *("http://169.254.169.254/latest/meta-data/", "http://user:password@example.com/", "http://example.com:22/"),
    ],
}  # fmt: skip


def check_refusal(app: RunningApp, backend: ScriptedBackend, outcome: object, before: int) -> None:
    """A sentence, no call, nothing running."""
    assert not outcome.ok
    assert is_sentence(outcome.error), outcome.error
    assert backend.count == before, "a refused question reached the backend"
    assert backend.running == 0
    assert app.process.poll() is None


def of_each_field(texts: dict[str, object], others: list[tuple[str, str]], *few: str) -> list[object]:
    """All of these texts as a phrase, and a few of them in the other tasks' fields."""
    cases = [(PHRASE, "text", name) for name in texts] + [(*other, name) for other in others for name in few]
    return [pytest.param(task, field, texts[name], id=f"{task}-{name}") for task, field, name in cases]


@pytest.mark.parametrize(
    ("task", "field", "text"),
    of_each_field(ODD_TEXTS, [(CLASSES, "classes"), ("custom", "text")], "emoji", "controls", "lone surrogate"),
)
def test_an_odd_text_is_a_text(
    app: RunningApp, backend: ScriptedBackend, picture: bytes, task: str, field: str, text: str
) -> None:
    outcome = app.analyze(picture, task=task, **{field: text})
    if outcome.ok:
        prompt = backend.calls[-1].prompt
        assert prompt == outcome.record["prompt"]
        assert not any(ord(c) < 32 for c in prompt)
        assert "\x1b" not in prompt
    else:
        assert is_sentence(outcome.error), outcome.error


@pytest.mark.parametrize(
    ("task", "field", "text"),
    of_each_field(REFUSED_TEXTS, [(CLASSES, "classes")], "empty", "very long", "image token", "a number", "an object"),
)
def test_a_text_that_the_model_cannot_take_is_refused(
    app: RunningApp, backend: ScriptedBackend, picture: bytes, task: str, field: str, text: object
) -> None:
    before = backend.count
    check_refusal(app, backend, app.analyze(picture, task=task, **{field: text}), before)


@pytest.mark.parametrize(
    "prompt",
    ["", " ", "<OD>x", "<CAPTION><OD>", "x<OD>", "<OD> <OD>", "a <image>", "<image>", "<REGION_TO_OCR>", "p" * 5000],
)
def test_a_custom_prompt_that_makes_servers_fail_is_refused(
    app: RunningApp, backend: ScriptedBackend, picture: bytes, prompt: str
) -> None:
    before = backend.count
    check_refusal(app, backend, app.analyze(picture, task="custom", text=prompt), before)


@pytest.mark.parametrize("region", REFUSED_REGIONS.values(), ids=REFUSED_REGIONS.keys())
def test_a_region_that_is_none_is_refused(
    app: RunningApp, backend: ScriptedBackend, picture: bytes, region: object
) -> None:
    before = backend.count
    check_refusal(app, backend, app.analyze(picture, task=REGION, region=region), before)


@pytest.mark.parametrize("region", GOOD_REGIONS.values(), ids=GOOD_REGIONS.keys())
def test_a_region_at_the_edge_works(app: RunningApp, picture: bytes, region: list[float]) -> None:
    outcome = app.analyze(picture, task=REGION, region=region)
    assert outcome.ok, outcome.error
    x1, y1, x2, y2 = outcome.record["detections"][0]["box"]
    assert 0 <= x1 <= x2 <= 64
    assert 0 <= y1 <= y2 <= 48


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param(field, value, id=f"{field}-{number}")
        for field, values in REFUSED_FIELDS.items()
        for number, value in enumerate(values)
    ],
)
def test_a_field_that_makes_no_sense_is_refused(
    app: RunningApp, backend: ScriptedBackend, picture: bytes, field: str, value: object
) -> None:
    before = backend.count
    image = None if field == "image_url" else picture
    given = {"task": "<CAPTION>", field: value}
    outcome = app.analyze(image, **given)
    if outcome.ok:
        pytest.fail(f"{json.dumps(value)[:80]} was taken")
    check_refusal(app, backend, outcome, before)


@pytest.mark.parametrize(("token", "spelling"), [(token, name) for token, names in SPELLINGS.items() for name in names])
def test_a_task_may_be_spelt_as_people_do(app: RunningApp, picture: bytes, token: str, spelling: str) -> None:
    outcome = app.analyze(picture, task=spelling)
    assert outcome.ok, outcome.error
    assert outcome.record["task"] == token


@pytest.mark.parametrize("classes", ["dog, red car", ["dog", "red car"], [" dog", "red car", ""]])
def test_classes_are_a_list_or_one_text(app: RunningApp, picture: bytes, classes: object) -> None:
    outcome = app.analyze(picture, task=CLASSES, classes=classes)
    assert outcome.ok, outcome.error
    assert outcome.record["prompt"] == f"{CLASSES}dog<and>red car"


def test_a_region_in_pixels_is_the_same_as_in_parts(app: RunningApp, backend: ScriptedBackend, picture: bytes) -> None:
    pixels, parts = ([16, 12, 48, 36], [0.25, 0.25, 0.75, 0.75])
    prompts = [app.analyze(picture, task=REGION, region=region).record["prompt"] for region in (pixels, parts)]
    assert prompts[0] == prompts[1]


@pytest.mark.parametrize(
    ("region", "said"),
    [
        pytest.param([0.5, 10, 20, 30], "mixes", id="mixed"),
        pytest.param([0, 0, 640, 480], "64 x 48 pixels", id="outside"),
        pytest.param([0, 0, 1.5, 1], "outside", id="neither"),
    ],
)
def test_a_region_says_what_is_wrong_with_it(app: RunningApp, picture: bytes, region: list, said: str) -> None:
    assert said in app.analyze(picture, task=REGION, region=region).error


def test_a_backend_may_be_spelt_in_capitals(app: RunningApp, picture: bytes) -> None:
    assert app.analyze(picture, task="<CAPTION>", backend="LOCAL ").ok


def test_no_picture_is_refused(app: RunningApp) -> None:
    assert "picture" in app.analyze(task="<CAPTION>").error


def test_an_unknown_parameter_is_refused(app: RunningApp, picture: bytes) -> None:
    assert "parameters" in app.analyze(picture, task="<CAPTION>", no_such_parameter=1).error


def test_all_of_that_left_the_app_whole(app: RunningApp, backend: ScriptedBackend, picture: bytes) -> None:
    for token in TASKS:
        outcome = app.analyze(picture, task=token, text="a dog", classes="dog, cat", region=[0.1, 0.1, 0.9, 0.9])
        assert outcome.ok, (token, outcome.error)
    assert backend.running == 0
