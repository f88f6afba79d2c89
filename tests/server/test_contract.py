"""The server's answers have the form of Roboflow Inference's and the numbers of plain transformers."""

import asyncio
import functools
import json
import shutil
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from inference_sdk import InferenceConfiguration, InferenceHTTPClient
from PIL import Image
from server.plain_transformers import PlainTransformers
from server_process import ServerProcess

from florence_ui.images import fetch
from florence_ui.images.fetch import Network, fetch_image
from florence_ui.server import request_image
from florence_ui.server.schemas import RequestImage

CONTRACT = json.loads((Path(__file__).parents[1] / "data" / "answers.json").read_text())
PROMPTS = [case["request"]["body"]["prompt"] for case in CONTRACT]
NEW_TOKENS = 40
pytestmark = pytest.mark.filterwarnings("ignore:This client sends the Roboflow API key")


@pytest.fixture(scope="module")
def plain(checkpoint: Path) -> PlainTransformers:
    """The checkpoint in the precision that the server chooses for one this small, on any processor."""
    return PlainTransformers(checkpoint)


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_sdk_gets_what_plain_transformers_says(
    prompt: str, server: ServerProcess, plain: PlainTransformers, picture: Image.Image, picture_base64: str
) -> None:
    client = InferenceHTTPClient(api_url=server.url, api_key="any-key")

    answer = client.infer_lmm(picture_base64, model_id="tiny", prompt=prompt, max_new_tokens=NEW_TOKENS)

    assert answer["response"] == plain.answer(picture, prompt, NEW_TOKENS)
    assert answer["image"] == {"width": 140, "height": 100}


def test_the_prompts_are_answered_differently(plain: PlainTransformers, picture: Image.Image) -> None:
    """Otherwise the equality above would prove little."""
    texts = {tuple(plain.ids(picture, prompt, NEW_TOKENS)) for prompt in PROMPTS}
    assert len(texts) == len(PROMPTS)


def test_the_answer_has_the_genuine_keys_and_headers(server: ServerProcess, picture_base64: str) -> None:
    reply = server.infer(
        model_id="tiny", prompt="<OD>", max_new_tokens=5, image={"type": "base64", "value": picture_base64}
    )

    genuine = CONTRACT[0]
    assert reply.status_code == 200
    assert set(reply.json()) == set(genuine["response"])
    assert set(reply.json()["resolved_model"]) == set(genuine["response"]["resolved_model"])
    assert set(genuine["headers"]) <= {name.lower() for name in reply.headers}
    assert reply.headers["x-model-id"] == "tiny"


def test_the_model_may_stand_in_the_path(server: ServerProcess, picture_base64: str) -> None:
    client = InferenceHTTPClient(api_url=server.url, api_key="any-key")
    answer = client.infer_lmm(
        picture_base64, model_id="tiny", prompt="<CAPTION>", model_id_in_path=True, max_new_tokens=5
    )
    assert set(answer["response"]) == {"<CAPTION>"}


def test_the_async_client_is_served_without_a_key(server: ServerProcess, picture_base64: str) -> None:
    client = InferenceHTTPClient(api_url=server.url)
    answer = asyncio.run(client.infer_lmm_async(picture_base64, model_id="tiny", prompt="<OCR>", max_new_tokens=5))
    assert set(answer["response"]) == {"<OCR>"}


def test_a_key_in_the_header_is_ignored(server: ServerProcess, picture_base64: str) -> None:
    client = InferenceHTTPClient(api_url=server.url, api_key="any-key")
    client.configure(InferenceConfiguration(api_key_transport="header"))
    answer = client.infer_lmm(picture_base64, model_id="tiny", prompt="<OCR>", max_new_tokens=5)
    assert set(answer["response"]) == {"<OCR>"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_roboflows_curl_sample_works_with_the_host_changed(server: ServerProcess, picture_base64: str) -> None:
    """The sample of https://docs.roboflow.com/deploy/supported-models/florence-2, with a picture that is at hand."""
    body = {
        "api_key": "YOUR_API_KEY",
        "image": {"type": "base64", "value": picture_base64},
        "model_id": "tiny",
        "prompt": "<CAPTION>",
    }
    command = ["curl", "--silent", "--location", f"{server.url}/infer/lmm"]
    command += ["--header", "Content-Type: application/json", "--data", "@-"]
    done = subprocess.run(command, input=json.dumps(body), capture_output=True, text=True, check=True, timeout=120)
    assert set(json.loads(done.stdout)["response"]) == {"<CAPTION>"}


def test_a_data_url_is_a_picture_too(server: ServerProcess, picture_base64: str) -> None:
    image = {"type": "base64", "value": f"data:image/png;base64,{picture_base64}"}
    assert server.infer(model_id="tiny", prompt="<CAPTION>", max_new_tokens=5, image=image).status_code == 200


@pytest.mark.parametrize("break_", ["\n", "\r\n"], ids=["base64", "mime"])
def test_base64_may_be_broken_into_lines(break_: str, server: ServerProcess, picture_base64: str) -> None:
    lines = [picture_base64[start : start + 76] for start in range(0, len(picture_base64), 76)]
    image = {"type": "base64", "value": break_.join(lines) + break_}
    assert server.infer(model_id="tiny", prompt="<CAPTION>", max_new_tokens=5, image=image).status_code == 200


def test_a_link_is_fetched(picture: Image.Image, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    picture.save(tmp_path / "dog.png")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as host:
        threading.Thread(target=host.serve_forever, args=(0.01,), daemon=True).start()

        async def resolve(name: str, port: int) -> list[str]:
            return ["93.184.215.14"]

        network = Network(resolve=resolve, dial=lambda address, port: host.server_address)
        monkeypatch.setattr(fetch, "fetch_image", functools.partial(fetch_image, network=network))
        link = RequestImage(type="url", value="http://media.example.com/dog.png")
        data = asyncio.run(request_image.read_image_bytes(link))
        host.shutdown()
    assert request_image.decode_image(data).tobytes() == picture.tobytes()


def test_info_registry_and_health_answer_as_the_genuine_server(server: ServerProcess, picture_base64: str) -> None:
    client = InferenceHTTPClient(api_url=server.url, api_key="any-key")
    client.infer_lmm(picture_base64, model_id="tiny", prompt="<CAPTION>", max_new_tokens=5)

    assert client.get_server_info().name == "Florence-2 local server"
    assert [(m.model_id, m.task_type) for m in client.list_loaded_models().models] == [("tiny", "lmm")]
    assert requests.get(f"{server.url}/healthz", timeout=10).json() == {"status": "healthy"}
    assert requests.get(f"{server.url}/readiness", timeout=10).json() == {"status": "ready"}


def test_the_status_tells_device_and_precision(server: ServerProcess, picture_base64: str) -> None:
    server.infer(
        model_id="tiny", prompt="<CAPTION>", max_new_tokens=5, image={"type": "base64", "value": picture_base64}
    )
    status = server.status()
    assert status["device"] in {"cpu", "cuda", "mps"}
    assert status["precision"] in {"float32", "bfloat16", "float16"}
    assert status["models"]["tiny"]["state"] == "ready"
    assert (status["waiting"], status["running"]) == (0, False)


def test_the_shipped_model_is_there_without_a_download(server: ServerProcess, picture_base64: str) -> None:
    image = {"type": "base64", "value": picture_base64}
    reply = server.infer(model_id="florence-2-nano", prompt="<OD>", max_new_tokens=5, image=image)
    assert reply.status_code == 200, reply.text
    assert server.model("florence-2-nano")["on_disk"]
