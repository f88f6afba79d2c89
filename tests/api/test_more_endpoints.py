"""`/compare`, `/chain`, `/many` and `/export`, against the running app."""

import csv
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import faults
import pytest
import supervision as sv
from aiohttp import web
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from hosting.running import RunningApp, file_value
from PIL import Image

from florence_ui.api.values import link_name
from florence_ui.bench.scripted_backend import Call, Respond, ScriptedBackend, plausible_answer
from florence_ui.inference.chains import CHAINS

ONE_PICTURE = ("compare", "chain")
SEVERAL = ("many", "export")


def by_model(answers: dict[str, Any]) -> Respond:
    """Answers of each model; None fails."""

    async def respond(_: ScriptedBackend, __: web.Request, call: Call) -> web.Response:
        if answers[call.model_id] is None:
            return web.json_response({"message": "broken"}, status=500)
        width, height = call.image_size
        body = {"response": answers[call.model_id], "image": {"width": width, "height": height}}
        return web.json_response(body | {"inference_id": "x", "time": 0.0})

    return respond


@pytest.fixture
def pictures(tmp_path: Path) -> list[str]:
    """Three pictures, each of another colour."""
    paths = []
    for name, colour in (("red", "red"), ("green", "green"), ("blue", "blue")):
        Image.new("RGB", (320, 240), colour).save(tmp_path / f"{name}.png")
        paths.append(str(tmp_path / f"{name}.png"))
    return paths


def handles(paths: list[str]) -> list[Any]:
    return [handle_file(path) for path in paths]


OD = "<OD>"
LEFT_SAW = {OD: {"bboxes": [[10, 10, 110, 110], [200, 200, 300, 300]], "labels": ["car", "dog"]}}
RIGHT_SAW = {OD: {"bboxes": [[10, 10, 110, 100], [400, 200, 500, 300]], "labels": ["car", "cat"]}}


def test_compare_tells_what_both_found_and_what_only_one_did(
    client: Client, backend: ScriptedBackend, photograph: str
) -> None:
    backend.fault = by_model({"florence-2-base": LEFT_SAW, "florence-2-large": RIGHT_SAW})
    models = {"left_model_id": "florence-2-base", "right_model_id": "florence-2-large"}
    drawn, record = client.predict(handle_file(photograph), OD, **models, api_name="/compare")
    assert [(o["found_by"], o["label"]) for o in record["objects"]] == [
        ("both", "car"), ("left", "dog"), ("right", "cat"),
    ]  # fmt: skip
    assert record["objects"][0]["overlap"] == pytest.approx(0.9)
    assert record["objects"][1] == {
        "found_by": "left", "label": "dog", "overlap": None, "left_box": [200, 200, 300, 300], "right_box": None,
    }  # fmt: skip
    assert record["summary"] == "Found by both: 1, only on the left: 1, only on the right: 1."
    assert [record[side]["model_id"] for side in ("left", "right")] == list(models.values())
    with Image.open(drawn) as image:
        assert image.size == (640, 480)
        drawn_on = image.convert("RGB")
        assert any(drawn_on.getpixel((x, 250)) != (120, 120, 120) for x in range(196, 204)), "the dog's left edge"


def test_compare_marks_where_texts_differ(client: Client, backend: ScriptedBackend, photograph: str) -> None:
    backend.fault = by_model({"a/1": {"<CAPTION>": "a red car"}, "b/1": {"<CAPTION>": "a blue car"}})
    drawn, record = client.predict(
        handle_file(photograph), "<CAPTION>", left_model_id="a/1", right_model_id="b/1", api_name="/compare"
    )
    assert drawn is None
    assert [piece["text"] for piece in record["texts"]["left"] if piece["only_here"]] == ["red "]
    assert [piece["text"] for piece in record["texts"]["right"] if piece["only_here"]] == ["blue "]


def test_a_failed_side_leaves_the_other_standing(client: Client, backend: ScriptedBackend, photograph: str) -> None:
    backend.fault = by_model({"a/1": LEFT_SAW, "b/1": None})
    models = {"left_model_id": "a/1", "right_model_id": "b/1"}
    drawn, record = client.predict(handle_file(photograph), OD, **models, api_name="/compare")
    assert drawn is None
    assert len(record["left"]["detections"]) == 2
    assert list(record["right"]) == ["error"]
    assert "objects" not in record
    backend.fault = by_model({"a/1": None, "b/1": None})
    with pytest.raises(AppError):
        client.predict(handle_file(photograph), OD, **models, api_name="/compare")


@pytest.mark.parametrize("name", CHAINS)
def test_every_chain_gives_its_steps_and_the_last_answer_drawn(client: Client, photograph: str, name: str) -> None:
    drawn, record = client.predict(handle_file(photograph), name, api_name="/chain")
    assert record["title"] == CHAINS[name].title
    assert [step["state"] for step in record["steps"]] == ["done", "done"]
    assert record["steps"][0]["answer"]["task"] == CHAINS[name].steps[0].token
    assert record["steps"][-1]["answer"]["detections"]
    with Image.open(drawn) as image:
        assert image.size == (640, 480)


def test_a_chain_keeps_what_came_before_a_failure(client: Client, backend: ScriptedBackend, photograph: str) -> None:
    def no_grounding(prompt: str, size: tuple[int, int]) -> dict:
        return {} if prompt.startswith("<CAPTION_TO") else plausible_answer(prompt, size)

    backend.answer = no_grounding
    _, record = client.predict(handle_file(photograph), "caption-ground", api_name="/chain")
    assert [step["state"] for step in record["steps"]] == ["done", "failed"]
    assert record["steps"][0]["answer"]["text"]
    assert record["steps"][1]["detail"]
    assert record["steps"][1]["answer"] is None
    backend.fault = faults.status(500)
    with pytest.raises(AppError):
        client.predict(handle_file(photograph), "caption-ground", api_name="/chain")


def test_many_pictures_have_their_answers_in_the_order_given(client: Client, pictures: list[str]) -> None:
    record = client.predict(handles(pictures), OD, api_name="/many")
    assert (record["done"], record["failed"]) == (3, 0)
    assert [picture["picture"] for picture in record["pictures"]] == ["red.png", "green.png", "blue.png"]
    assert all(len(picture["answer"]["detections"]) == 3 for picture in record["pictures"])


def test_a_picture_that_fails_leaves_the_others(client: Client, pictures: list[str], tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture at all")
    record = client.predict(handles([*pictures, str(tmp_path / "broken.png")]), OD, api_name="/many")
    assert (record["done"], record["failed"]) == (3, 1)
    broken = record["pictures"][-1]
    assert (broken["state"], broken["answer"]) == ("failed", None)
    assert len(broken["reason"]) > 10


def test_the_work_over_many_pictures_ends_when_the_program_goes_away(
    app: RunningApp, backend: ScriptedBackend, tmp_path: Path
) -> None:
    backend.delay = 0.5
    images = []
    for number in range(40):
        file = io.BytesIO()
        Image.new("RGB", (64, 64), (number, 0, 0)).save(file, "PNG")
        images.append(file_value(app.upload(file.getvalue(), f"{number}.png").json()[0]))
    calls = backend.count
    joined = app.client.post("/gradio_api/call/v2/many", json={"images": images}).json()
    with app.client.stream("GET", f"/gradio_api/call/many/{joined['event_id']}"):
        wait_for(lambda: backend.count > calls)
    wait_for(lambda: backend.running == 0)
    ended_at = backend.count
    time.sleep(1.5)
    assert backend.count == ended_at < calls + 40


def wait_for(true: Any, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def exported(client: Client, paths: list[str], file_format: str, task: str = OD, **more: Any) -> Path:
    path, record = client.predict(handles(paths), task, file_format, **more, api_name="/export")
    assert record["done"] == len(paths)
    return Path(path)


def test_export_writes_json_and_csv_of_all_pictures(client: Client, pictures: list[str]) -> None:
    records = json.loads(exported(client, pictures, "json").read_text("utf-8"))
    assert [record["picture"] for record in records] == ["red.png", "green.png", "blue.png"]
    rows = list(csv.DictReader(io.StringIO(exported(client, pictures, "CSV").read_text("utf-8-sig"))))
    assert len(rows) == 9


def test_an_exported_data_set_loads_back(client: Client, pictures: list[str], tmp_path: Path) -> None:
    for file_format in ("yolo", "coco", "voc"):
        with zipfile.ZipFile(exported(client, pictures, file_format)) as archive:
            archive.extractall(tmp_path / file_format)
    dataset = sv.DetectionDataset.from_coco(
        str(tmp_path / "coco" / "images"), str(tmp_path / "coco" / "annotations" / "instances_default.json")
    )
    assert len(dataset) == 3
    assert sum(len(annotation) for annotation in dataset.annotations.values()) == 9


def test_export_draws_one_picture_and_its_masks(client: Client, photograph: str) -> None:
    for file_format, kind in (("png", "PNG"), ("jpeg", "JPEG")):
        with Image.open(exported(client, [photograph], file_format)) as image:
            assert (image.format, image.size) == (kind, (640, 480))
    masks = exported(client, [photograph], "masks", "<REFERRING_EXPRESSION_SEGMENTATION>", text="the square")
    with zipfile.ZipFile(masks) as archive:
        assert len(archive.namelist()) == 1


REFUSED = [
    pytest.param("compare", {"task": "<NONSENSE>"}, "no such task", id="compare-task"),
    pytest.param("compare", {"left_backend": "nowhere"}, "no such backend", id="compare-left"),
    pytest.param("compare", {"right_backend": 7}, "right_backend is not a text", id="compare-right"),
    pytest.param("compare", {"right_model_id": []}, "right_model_id is not a text", id="compare-model"),
    pytest.param("compare", {"image": None}, "no picture", id="compare-no-picture"),
    pytest.param("compare", {"api_key": "two words"}, "not an API key", id="compare-key"),
    pytest.param("chain", {"chain": "nonsense"}, "no such chain", id="chain"),
    pytest.param("chain", {"chain": ["x"]}, "chain is not a text", id="chain-list"),
    pytest.param("chain", {"backend": "serverless"}, "key", id="chain-no-key"),
    pytest.param("chain", {"image_url": "http://example.com/x.png"}, "not both", id="chain-two-pictures"),
    pytest.param("many", {"images": []}, "no pictures", id="many-none"),
    pytest.param("many", {"images": None}, "no pictures", id="many-null"),
    pytest.param("many", {"images": "x"}, "not a file that was uploaded", id="many-text"),
    pytest.param("many", {"images": '["/etc/passwd"]'}, "not a file that was uploaded", id="many-json"),
    pytest.param("many", {"image_urls": [7]}, "not a list of links", id="many-links"),
    pytest.param("analyse", {"classes": {"dog": 1}}, "not a list of names", id="classes"),
    pytest.param("many", {"images": [7]}, "not a file that was uploaded", id="many-number"),
    pytest.param("many", {"images": [[]]}, "not a file that was uploaded", id="many-nested"),
    pytest.param("many", {"images": ["/etc/passwd"]}, "not a file that was uploaded", id="many-path"),
    pytest.param("many", {"images": ["x"] * 201}, "201 pictures", id="many-too-many"),
    pytest.param("many", {"task": "<CAPTION_TO_PHRASE_GROUNDING>"}, "phrase", id="many-phrase"),
    pytest.param("export", {"file_format": "exe"}, "no such file format", id="export-format"),
    pytest.param("export", {"region": [0, 0, 1]}, "four numbers", id="export-region"),
    pytest.param("export", {"validation": 0.95}, "validation share", id="export-share"),
    pytest.param("export", {"validation": "half"}, "not a number", id="export-share-text"),
    pytest.param("export", {"task": "custom"}, "prompt", id="export-prompt"),
]


@pytest.mark.parametrize(("endpoint", "given", "said"), REFUSED)
def test_what_cannot_be_asked_is_refused_before_any_call(
    app: RunningApp, backend: ScriptedBackend, photograph: str, endpoint: str, given: dict, said: str
) -> None:
    upload = file_value(app.upload(Path(photograph).read_bytes()).json()[0])
    usual = {"images": [upload]} if endpoint in SEVERAL else {"image": upload}
    calls = backend.count
    outcome = app.call(endpoint, usual | given)
    assert not outcome.ok
    assert said in outcome.error
    assert backend.count == calls


def test_export_of_several_drawn_pictures_and_masks_is_one_zip(client: Client, pictures: list[str]) -> None:
    for file_format, suffix in (("png", ".png"), ("jpeg", ".jpg")):
        with zipfile.ZipFile(exported(client, pictures, file_format)) as archive:
            assert archive.namelist() == [f"{name}{suffix}" for name in ("red", "green", "blue")]
    masks = exported(client, pictures, "masks", "<REFERRING_EXPRESSION_SEGMENTATION>", text="the square")
    with zipfile.ZipFile(masks) as archive:
        assert archive.namelist() == [f"{name}/001-the-square.png" for name in ("red", "green", "blue")]


def test_export_holds_a_share_back_for_validation(client: Client, pictures: list[str]) -> None:
    with zipfile.ZipFile(exported(client, pictures, "yolo", validation=0.4)) as archive:
        folders = sorted(name.rpartition("/")[0] for name in archive.namelist() if name.startswith("images/"))
    assert folders == ["images/train", "images/train", "images/val"]


def test_export_says_what_it_left_out(
    app: RunningApp, client: Client, backend: ScriptedBackend, pictures: list[str]
) -> None:
    flat = {OD: {"bboxes": [[10, 10, 10, 60], [10, 10, 60, 60]], "labels": ["line", "box"]}}
    backend.fault = by_model({"florence-2-base": flat})
    images, more = handles(pictures[:1]), {"model_id": "florence-2-base"}
    _, record = client.predict(images, OD, "coco", **more, api_name="/export")
    assert record["notes"] == ["red.png: left out 1 object without width or height."]


def test_a_file_that_could_not_be_made_is_a_sentence(client: Client, photograph: str) -> None:
    with pytest.raises(AppError, match="no objects"):
        client.predict([handle_file(photograph)], "<CAPTION>", "coco", api_name="/export")
    with pytest.raises(AppError, match="no polygons"):
        client.predict([handle_file(photograph)], OD, "masks", api_name="/export")


FOREIGN = [
    {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
    {"path": "/etc/passwd"},
    {"path": "http://127.0.0.1/x.png", "meta": {"_type": "gradio.FileData"}},
    {"path": str(Path(__file__)), "meta": {"_type": "gradio.FileData"}},
    {"path": "", "url": "data:image/png;base64,iVBORw0KGgo=", "meta": {"_type": "gradio.FileData"}},
]


@pytest.mark.parametrize("endpoint", [*ONE_PICTURE, *SEVERAL])
@pytest.mark.parametrize("value", FOREIGN, ids=["path", "no-meta", "link", "own-source", "data"])
def test_a_file_that_is_no_upload_of_this_app_is_refused(
    app: RunningApp, backend: ScriptedBackend, endpoint: str, value: dict
) -> None:
    calls = backend.count
    outcome = app.call(endpoint, {"images": [value]} if endpoint in SEVERAL else {"image": value})
    assert not outcome.ok
    assert "uploaded" in outcome.error
    assert backend.count == calls


def test_a_key_stands_in_no_answer(client: Client, backend: ScriptedBackend, photograph: str) -> None:
    key = "rf_a_key_of_a_program_0123456789"
    asked = {"task": OD, "api_key": key}
    answers = [
        client.predict(handle_file(photograph), **asked, api_name="/compare"),
        client.predict(handle_file(photograph), api_key=key, api_name="/chain"),
        client.predict([handle_file(photograph)], **asked, api_name="/many"),
        client.predict([handle_file(photograph)], **asked, api_name="/export"),
    ]
    assert key not in json.dumps(answers)


def test_many_pictures_keep_to_the_visitors_share(backend: ScriptedBackend, pictures: list[str]) -> None:
    backend.delay = 0.1
    settings = {"FLORENCE_UI_LOCAL_URL": backend.url, "FLORENCE_UI_CACHE_SECONDS": "0"}
    with RunningApp(FLORENCE_UI_RUNS_AT_ONCE="1", FLORENCE_UI_RUNS_PER_MINUTE="3", **settings) as app:
        app.client.headers["X-Forwarded-For"] = "203.0.113.9"  # or these were the owner's own runs
        backend.peak = 0
        uploads = [file_value(app.upload(Path(path).read_bytes()).json()[0]) for path in pictures]
        assert app.call("many", {"images": uploads}).ok
        assert backend.peak == 1
        outcome = app.call("analyse", {"image": uploads[0]})
        assert "3 runs in the last minute" in outcome.error


def test_the_name_of_a_link_holds_no_control_character() -> None:
    assert link_name("https://page.example/%00=1+1") == "=1+1"
    assert link_name("https://page.example/a%0d%0a%1db.png?key=x") == "ab.png"
    assert link_name("https://page.example/%00") == "page.example"
