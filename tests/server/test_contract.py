"""The server's answers have the form of Roboflow Inference's and the numbers of plain transformers."""

import asyncio
import functools
import json
import shutil
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import requests
import torch
from inference_sdk import InferenceConfiguration, InferenceHTTPClient
from PIL import Image
from server_process import ServerProcess
from transformers import DynamicCache

from florence_ui.images.fetch import Network, fetch_image
from florence_ui.server import request_image
from florence_ui.server.engine import Florence2
from florence_ui.server.runtime import Runtime
from florence_ui.server.schemas import RequestImage

CONTRACT = json.loads((Path(__file__).parents[1] / "data" / "answers.json").read_text())
BY_PROMPT = [pytest.param(case, id=case["request"]["body"]["prompt"][:40]) for case in CONTRACT]
PROMPTS = [case["request"]["body"]["prompt"] for case in CONTRACT]
NEW_TOKENS = 40
pytestmark = pytest.mark.filterwarnings("ignore:This client sends the Roboflow API key")


@pytest.fixture(scope="module")
def florence(checkpoint: Path) -> Florence2:
    """The checkpoint in the precision that the server chooses for one this small, on any processor."""
    return Florence2(checkpoint, Runtime("cpu", torch.float32))


def plain_transformers(florence: Florence2, picture: Image.Image, prompt: str) -> tuple[torch.Tensor, dict]:
    """The ids and the answer of the library alone: three beams, no sampling, the processor's post-processing."""
    inputs = florence.processor(text=prompt, images=picture, return_tensors="pt").to(florence.runtime.dtype)
    with torch.inference_mode():
        ids = florence.model.generate(**inputs, num_beams=3, do_sample=False, max_new_tokens=NEW_TOKENS)
    text = florence.processor.batch_decode(ids, skip_special_tokens=False)[0]
    task = prompt.split(">")[0] + ">"
    return ids, florence.processor.post_process_generation(text, task=task, image_size=picture.size)


@pytest.mark.parametrize("case", BY_PROMPT)
def test_a_scripted_generation_becomes_the_genuine_servers_answer(
    case: dict, florence: Florence2, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def generate(**inputs: object) -> torch.Tensor:
        asked.append(inputs["input_ids"][0])
        ids = florence.processor.tokenizer(case["generated_text"], add_special_tokens=False)["input_ids"]
        return torch.tensor([ids])

    monkeypatch.setattr(florence.model, "generate", generate)
    size = case["response"]["image"]
    picture = Image.new("RGB", (size["width"], size["height"]))
    prompt = case["request"]["body"]["prompt"]

    response = florence.answer(picture, prompt, max_new_tokens=None, stop=threading.Event())

    assert response == case["response"]["response"]
    expanded = florence.processor.tokenizer.decode(asked[0]).replace("<image>", "")
    assert expanded == case["expanded_prompt"]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_sdk_gets_what_plain_transformers_says(
    prompt: str, server: ServerProcess, florence: Florence2, picture: Image.Image, picture_base64: str
) -> None:
    client = InferenceHTTPClient(api_url=server.url, api_key="any-key")

    answer = client.infer_lmm(picture_base64, model_id="tiny", prompt=prompt, max_new_tokens=NEW_TOKENS)

    assert answer["response"] == plain_transformers(florence, picture, prompt)[1]
    assert answer["image"] == {"width": 140, "height": 100}


def test_the_prompts_are_answered_differently(florence: Florence2, picture: Image.Image) -> None:
    """Otherwise the equality above would prove little."""
    texts = {tuple(plain_transformers(florence, picture, prompt)[0][0].tolist()) for prompt in PROMPTS}
    assert len(texts) == len(PROMPTS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_kept_features_give_the_same_ids(
    dtype: torch.dtype, checkpoint: Path, picture: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    florence = Florence2(checkpoint, Runtime("cpu", dtype))
    generate, generated = florence.model.generate, []

    def keep(**inputs: object) -> torch.Tensor:
        generated.append(generate(**inputs))
        return generated[-1]

    monkeypatch.setattr(florence.model, "generate", keep)
    looks = []
    see = florence.model.get_image_features
    monkeypatch.setattr(florence.model, "get_image_features", lambda *a, **k: looks.append(1) or see(*a, **k))
    stop = threading.Event()
    fresh = Image.eval(picture, lambda value: 255 - value)

    for prompt in ("<OD>", "<CAPTION>", "<OD>"):
        florence.answer(fresh, prompt, max_new_tokens=NEW_TOKENS, stop=stop)

    assert len(looks) == 1
    monkeypatch.undo()
    for ids, prompt in zip(generated, ("<OD>", "<CAPTION>", "<OD>"), strict=True):
        assert torch.equal(ids, plain_transformers(florence, fresh, prompt)[0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_beams_that_overtake_each_other_change_no_answer(dtype: torch.dtype, checkpoint: Path) -> None:
    """What the decoder keeps of the encoder is not copied when beams change places, because it is all the same."""
    florence = Florence2(checkpoint, Runtime("cpu", dtype))
    noise = np.random.default_rng(1)
    orders, lengths, reorder = [], [], DynamicCache.reorder_cache

    def keep(cache: DynamicCache, order: torch.Tensor) -> None:
        orders.append(order.tolist())
        lengths.append(cache.get_seq_length())
        reorder(cache, order)

    for _ in range(5):
        picture = Image.fromarray(noise.integers(0, 255, (100, 140, 3), dtype=np.uint8))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(DynamicCache, "reorder_cache", keep)
            answer = florence.answer(picture, "<OD>", max_new_tokens=NEW_TOKENS, stop=threading.Event())
        assert answer == plain_transformers(florence, picture, "<OD>")[1]

    assert any(order != [0, 1, 2] for order in orders)
    assert lengths[: NEW_TOKENS - 1] == list(range(1, NEW_TOKENS))  # of what the beams wrote, not of the picture


def test_another_picture_is_looked_at_anew(florence: Florence2, picture: Image.Image) -> None:
    first = florence.answer(picture, "<CAPTION>", max_new_tokens=NEW_TOKENS, stop=threading.Event())
    mirrored = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    second = florence.answer(mirrored, "<CAPTION>", max_new_tokens=NEW_TOKENS, stop=threading.Event())
    assert second == plain_transformers(florence, mirrored, "<CAPTION>")[1]
    assert first != second


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
        threading.Thread(target=host.serve_forever, daemon=True).start()

        async def resolve(name: str, port: int) -> list[str]:
            return ["93.184.215.14"]

        network = Network(resolve=resolve, dial=lambda address, port: host.server_address)
        monkeypatch.setattr(request_image, "fetch_image", functools.partial(fetch_image, network=network))
        link = RequestImage(type="url", value="http://media.example.com/dog.png")
        data = asyncio.run(request_image.read_image_bytes(link))
        host.shutdown()
    assert asyncio.run(request_image.decode_image(data)).tobytes() == picture.tobytes()


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
    assert status["dtype"] in {"float32", "bfloat16", "float16"}
    assert status["models"]["tiny"]["state"] == "ready"
    assert (status["waiting"], status["running"]) == (0, False)


def test_the_shipped_model_is_there_without_a_download(server: ServerProcess, picture_base64: str) -> None:
    image = {"type": "base64", "value": picture_base64}
    reply = server.infer(model_id="florence-2-nano", prompt="<OD>", max_new_tokens=5, image=image)
    assert reply.status_code == 200, reply.text
    assert server.model("florence-2-nano")["on_disk"]
