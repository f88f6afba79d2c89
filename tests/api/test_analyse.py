"""`/analyse`, against the running app: by gradio_client and by plain HTTP."""

import base64
import io
import json
from pathlib import Path

import faults
import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, ValidationError
from hosting.running import RunningApp
from PIL import Image

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.tasks import CUSTOM, TASKS

ENDPOINTS = ("analyse", "compare", "chain", "many", "export", "start_many", "job_status", "job_result", "cancel_job")
KEYS = {
    "task", "prompt", "model_id", "backend", "image_size", "text", "detections", "seconds", "warnings", "raw",
}  # fmt: skip


def test_a_program_gets_the_drawn_picture_at_source_size_and_the_answer(
    client: Client, backend: ScriptedBackend, tmp_path: Path
) -> None:
    large = tmp_path / "large.jpg"
    Image.new("RGB", (3000, 2000), (120, 120, 120)).save(large)
    drawn, record = client.predict(handle_file(str(large)), "<OD>", api_name="/analyse")
    assert backend.calls[-1].image_size == (1536, 1024), "a reduced copy is sent"
    with Image.open(drawn) as image:
        assert image.size == (3000, 2000)
        r, g, b = image.convert("RGB").getpixel((150, 700))
        assert max(r, g, b) - min(r, g, b) > 24, "the left side of the car's box is drawn"
    assert set(record) == KEYS
    assert record["image_size"] == [3000, 2000]
    assert record["text"] == ""
    assert [found["label"] for found in record["detections"]] == ["car", "person", "wheel"]
    assert record["detections"][0]["box"] == pytest.approx([150, 200, 1200, 1200], abs=3), "in the original's pixels"


@pytest.mark.parametrize(
    ("given", "prompt"),
    [
        pytest.param({}, "<OD>", id="defaults"),
        pytest.param({"task": "<CAPTION>"}, "<CAPTION>", id="caption"),
        pytest.param({"task": "custom", "text": "What is it?"}, "What is it?", id="custom"),
        pytest.param(
            {"task": "<OPEN_VOCABULARY_DETECTION>", "classes": "dog, red car"},
            "<OPEN_VOCABULARY_DETECTION>dog<and>red car", id="classes",
        ),
        pytest.param(
            {"task": "<REGION_TO_CATEGORY>", "region": [0, 0.25, 0.5, 1]},
            "<REGION_TO_CATEGORY><loc_0><loc_250><loc_500><loc_999>", id="region",
        ),
        pytest.param({"task": "<OD>", "text": "ignored", "region": None}, "<OD>", id="what-is-not-needed-is-ignored"),
    ],
)  # fmt: skip
def test_parameters_go_by_name(
    client: Client, backend: ScriptedBackend, photograph: str, given: dict, prompt: str
) -> None:
    _, record = client.predict(image=handle_file(photograph), **given, api_name="/analyse")
    assert backend.calls[-1].prompt == record["prompt"] == prompt


def test_a_region_answer_is_one_detection_with_the_asked_region(client: Client, photograph: str) -> None:
    asked = {"task": "<REGION_TO_DESCRIPTION>", "region": [0.25, 0.25, 0.75, 0.75]}
    _, record = client.predict(image=handle_file(photograph), **asked, api_name="/analyse")
    assert record["text"] == "a red car"
    assert record["detections"] == [{"label": "a red car", "box": [160.0, 120.0, 480.0, 360.0]}]


def test_outlines_and_quads_come_with_their_boxes(client: Client, photograph: str) -> None:
    segment = {"task": "<REFERRING_EXPRESSION_SEGMENTATION>", "text": "the square"}
    _, record = client.predict(image=handle_file(photograph), **segment, api_name="/analyse")
    assert len(record["detections"][0]["polygons"][0]) == 4
    _, record = client.predict(image=handle_file(photograph), task="<OCR_WITH_REGION>", api_name="/analyse")
    assert [len(found["quad"]) for found in record["detections"]] == [4, 4]


def test_an_inverted_box_is_sorted_and_said(client: Client, backend: ScriptedBackend, photograph: str) -> None:
    backend.answer = lambda prompt, size: {"<OD>": {"bboxes": [[300, 200, 100, 50]], "labels": ["x"]}}
    _, record = client.predict(handle_file(photograph), "<OD>", api_name="/analyse")
    assert record["detections"][0]["box"] == [100, 50, 300, 200]
    assert record["warnings"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({"task": "<NONSENSE>"}, "no such task", id="task"),
        pytest.param({"task": "<CAPTION_TO_PHRASE_GROUNDING>"}, "phrase", id="phrase"),
        pytest.param({"task": "<OPEN_VOCABULARY_DETECTION>", "classes": " , "}, "class", id="classes"),
        pytest.param({"task": "<REGION_TO_OCR>", "region": [0, 0, 700, 2]}, "outside", id="region-outside"),
        pytest.param({"task": "<REGION_TO_OCR>", "region": [0, 0, 1]}, "four numbers", id="region-of-three"),
        pytest.param({"backend": "nowhere"}, "no such backend", id="backend"),
        pytest.param({"backend": "serverless"}, "key", id="no-key"),
        pytest.param({"api_key": "two words"}, "not an API key", id="odd-key"),
        pytest.param({"image_url": "http://example.com/x.png"}, "not both", id="two-pictures"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_any_call(
    client: Client, backend: ScriptedBackend, photograph: str, given: dict, words: str
) -> None:
    calls = backend.count
    with pytest.raises(AppError, match=words):
        client.predict(image=handle_file(photograph), **given, api_name="/analyse")
    assert backend.count == calls


def test_a_failure_of_the_server_is_words_for_a_program_too(
    client: Client, backend: ScriptedBackend, photograph: str
) -> None:
    backend.fault = faults.status(500)
    with pytest.raises(AppError) as caught:
        client.predict(handle_file(photograph), "<OD>", api_name="/analyse")
    assert "Traceback" not in str(caught.value)


PIXEL = io.BytesIO()
Image.new("RGB", (8, 8)).save(PIXEL, "PNG")
DATA_URL = "data:image/png;base64," + base64.b64encode(PIXEL.getvalue()).decode()
META = {"_type": "gradio.FileData"}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("/etc/passwd", id="string"),
        pytest.param({"path": "/etc/passwd"}, id="path-without-meta"),
        pytest.param({"path": "/etc/passwd", "meta": META}, id="path-with-meta"),
        pytest.param({"path": "http://127.0.0.1/x.png", "meta": META}, id="http-path"),
        pytest.param({"path": "x.png", "url": "http://127.0.0.1/x.png", "meta": META}, id="http-url"),
        pytest.param(DATA_URL, id="data-string"),
        pytest.param({"path": DATA_URL, "meta": META}, id="data-path"),
        pytest.param({"path": "", "url": DATA_URL, "meta": META}, id="data-url"),
        pytest.param([{"path": "/etc/passwd", "meta": META}], id="list"),
        pytest.param({"path": str(Path(__file__)), "meta": META}, id="file-of-the-project"),
        pytest.param(7, id="number"),
    ],
)
def test_an_image_that_is_no_upload_of_this_app_is_refused_in_any_form(
    app: RunningApp, backend: ScriptedBackend, value: object
) -> None:
    calls = backend.count
    outcome = app.call("analyse", {"image": value, "task": "<OD>"})
    assert not outcome.ok
    assert "root:" not in outcome.error
    assert backend.count == calls


def test_plain_http_does_it_too(app: RunningApp, photograph: str) -> None:
    upload = httpx.post(f"{app.url}/gradio_api/upload", files={"files": Path(photograph).read_bytes()}, timeout=60)
    image = {"path": upload.json()[0], "meta": META}
    joined = httpx.post(
        f"{app.url}/gradio_api/call/analyse",
        json={"data": [image, "<CAPTION>", "", "", None, "", "", "", ""]}, timeout=60,
    )  # fmt: skip
    lines = httpx.get(f"{app.url}/gradio_api/call/analyse/{joined.json()['event_id']}", timeout=120).text
    assert "event: complete" in lines
    drawn, record = json.loads(lines.rpartition("data: ")[2])
    assert record["text"] == "A red car next to a person."
    assert httpx.get(drawn["url"], timeout=60).headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize("more", [0, 1, 4], ids=["picture-only", "task", "up-to-region"])
def test_inputs_left_out_at_the_end_have_their_defaults(app: RunningApp, photograph: str, more: int) -> None:
    path = app.upload(Path(photograph).read_bytes()).json()[0]
    data = [{"path": path}, *["<OD>", "", "", None][:more]]
    joined = app.client.post("/gradio_api/call/analyse", json={"data": data}).json()
    lines = app.client.get(f"/gradio_api/call/analyse/{joined['event_id']}").text
    assert "event: complete" in lines
    assert json.loads(lines.rpartition("data: ")[2])[1]["prompt"] == "<OD>"


def test_gradios_client_shows_why_a_file_is_refused(client: Client) -> None:
    with pytest.raises(ValidationError, match="not a file that was uploaded"):
        client.predict({"path": "/etc/passwd"}, "<OD>", api_name="/analyse")


def test_the_pages_own_events_are_not_offered_to_programs(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert list(endpoints) == [f"/{name}" for name in ENDPOINTS]
    for endpoint in endpoints.values():
        assert all(parameter["parameter_has_default"] for parameter in endpoint["parameters"])
    assert [parameter["parameter_name"] for parameter in endpoints["/analyse"]["parameters"]] == [
        "image", "task", "text", "classes", "region", "model_id", "backend", "api_key", "image_url",
    ]  # fmt: skip


def test_the_description_names_every_task(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert [token for token in TASKS if token != CUSTOM and token not in endpoints["/analyse"]["description"]] == []
