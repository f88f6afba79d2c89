"""Errors in requests are explained, with the genuine server's status unless that is a bare 500."""

import asyncio
import base64
import io
import json
import logging
from pathlib import Path

import httpx
import pytest
import requests
from inference_sdk import InferenceHTTPClient
from inference_sdk.http.errors import HTTPCallErrorError
from PIL import Image
from server_process import ServerProcess
from tiny_checkpoint import to_base64

from florence_ui.server.app import create_app
from florence_ui.server.body_limit import MAX_BODY
from florence_ui.server.florence import Florence2
from florence_ui.server.logs import set_up_logging
from florence_ui.server.service import Service

REFUSED_PROMPTS = [
    pytest.param(None, "no prompt", id="no-prompt"),
    pytest.param("<OD>hello", "takes no text after it", id="text-after-a-task-without-input"),
    pytest.param("<OD>\n", "takes no text after it", id="newline-after-a-task"),
    pytest.param(" <OD>", "not at the start", id="leading-space"),
    pytest.param("please <CAPTION>", "not at the start", id="task-inside-free-words"),
    pytest.param("<OD><CAPTION>", "more than one", id="two-tasks"),
    pytest.param("<OPEN_VOCABULARY_DETECTION>a<OPEN_VOCABULARY_DETECTION>b", "more than one", id="one-task-twice"),
    pytest.param("what is <image>", "<image>", id="image-token"),
    pytest.param("a \ud83d b", "unpaired surrogate", id="lone-surrogate"),
    pytest.param("word " * 1000, "too long", id="more-tokens-than-the-model-reads"),
    pytest.param("w" * 100_000, "too long", id="a-hundred-thousand-characters"),
]
ANSWERED_PROMPTS = [
    pytest.param("", ">", id="empty"),
    pytest.param("   ", "   >", id="blanks"),
    pytest.param("<CAPTION_TO_PHRASE_GROUNDING>", "<CAPTION_TO_PHRASE_GROUNDING>", id="task-without-its-input"),
    pytest.param("<FOO>", "<FOO>", id="unknown-token"),
    pytest.param("<od>", "<od>", id="lower-case"),
    pytest.param("is 3 > 2", "is 3 >", id="a-greater-than-sign"),
    pytest.param("<OPEN_VOCABULARY_DETECTION>{cat} {0}", "<OPEN_VOCABULARY_DETECTION>", id="braces"),
    pytest.param("<OPEN_VOCABULARY_DETECTION>кошка 猫 🐈", "<OPEN_VOCABULARY_DETECTION>", id="unicode"),
    pytest.param("</s><pad><s>\x00", "</s>", id="the-tokenizers-own-tokens"),
]


def png(width: int, height: int) -> str:
    return to_base64(Image.new("RGB", (width, height), "red"))


def truncated_jpeg() -> str:
    buffer = io.BytesIO()
    Image.effect_noise((200, 200), 50).save(buffer, "JPEG")
    return base64.b64encode(buffer.getvalue()[:2000]).decode()


REFUSED_IMAGES = [
    pytest.param({"type": "base64", "value": ""}, "Empty image payload", id="empty"),
    pytest.param({"type": "base64", "value": None}, "Empty image payload", id="null"),
    pytest.param({"type": "base64", "value": "%%%"}, "Malformed base64", id="not-base64"),
    pytest.param({"type": "base64", "value": "abcde"}, "Malformed base64", id="bad-padding"),
    pytest.param({"type": "base64", "value": "aGVsbG8gd29ybGQ="}, "not a supported picture", id="no-picture"),
    pytest.param({"type": "base64", "value": truncated_jpeg()}, "corrupt", id="cut-off"),
    pytest.param({"type": "base64", "value": to_base64(Image.new("1", (9000, 9000)))}, "too large", id="81-megapixels"),
    pytest.param({"type": "url", "value": "http://127.0.0.1:9/a.png"}, "Could not load", id="loopback-link"),
    pytest.param({"type": "url", "value": "http://169.254.169.254/latest"}, "Could not load", id="metadata-link"),
    pytest.param({"type": "url", "value": "file:///etc/passwd"}, "Could not load", id="file-link"),
    pytest.param({"type": "url", "value": ""}, "Could not load", id="empty-link"),
    pytest.param({"type": "numpy", "value": "x"}, "base64 or url", id="numpy"),
]
ODD_SIZES = [pytest.param(1, 1, id="1x1"), pytest.param(1, 2000, id="1x2000"), pytest.param(2000, 3, id="2000x3")]


def ask(server: ServerProcess, picture_base64: str, **changes: object) -> requests.Response:
    body = {
        "model_id": "tiny",
        "prompt": "<CAPTION>",
        "max_new_tokens": 5,
        "image": {"type": "base64", "value": picture_base64},
    }
    return server.infer(**body | changes)


@pytest.mark.parametrize(("prompt", "reason"), REFUSED_PROMPTS)
def test_a_prompt_that_the_model_cannot_take_is_400_with_the_reason(
    prompt: str | None, reason: str, server: ServerProcess, picture_base64: str
) -> None:
    reply = ask(server, picture_base64, prompt=prompt)
    assert reply.status_code == 400
    assert reason in reply.json()["message"]


@pytest.mark.parametrize(("prompt", "key"), ANSWERED_PROMPTS)
def test_a_prompt_that_the_genuine_server_answers_is_answered(
    prompt: str, key: str, server: ServerProcess, picture_base64: str
) -> None:
    reply = ask(server, picture_base64, prompt=prompt)
    assert reply.status_code == 200
    assert list(reply.json()["response"]) == [key]


@pytest.mark.parametrize(("image", "reason"), REFUSED_IMAGES)
def test_a_picture_that_cannot_be_read_is_400_with_the_cause(
    image: dict, reason: str, server: ServerProcess, picture_base64: str
) -> None:
    reply = ask(server, picture_base64, image=image)
    assert reply.status_code == 400
    assert reply.json()["message"].startswith("Could not load input image. Cause: ")
    assert reason in reply.json()["message"]


@pytest.mark.parametrize(("width", "height"), ODD_SIZES)
def test_pictures_of_odd_sizes_are_answered(
    width: int, height: int, server: ServerProcess, picture_base64: str
) -> None:
    reply = ask(server, picture_base64, image={"type": "base64", "value": png(width, height)})
    assert reply.status_code == 200
    assert reply.json()["image"] == {"width": width, "height": height}


@pytest.mark.parametrize("tokens", [0, -1])
def test_an_answer_of_no_length_is_refused(tokens: int, server: ServerProcess, picture_base64: str) -> None:
    reply = ask(server, picture_base64, max_new_tokens=tokens)
    assert reply.status_code == 400
    assert "max_new_tokens" in reply.json()["message"]


@pytest.mark.parametrize("tokens", [1, 100_000, None])
def test_any_other_length_is_answered(tokens: int | None, server: ServerProcess, picture_base64: str) -> None:
    assert ask(server, picture_base64, max_new_tokens=tokens).status_code == 200


@pytest.mark.parametrize(
    ("model_id", "status", "reason"),
    [
        pytest.param("nobody/1", 404, "florence-2-base", id="unknown"),
        pytest.param("../../etc/passwd", 400, "Invalid Model ID", id="a-path"),
        pytest.param("https://example.com/a/b", 400, "Invalid Model ID", id="a-link"),
        pytest.param("", 400, "names no model", id="empty"),
        pytest.param(None, 400, "names no model", id="none"),
    ],
)
def test_a_model_that_is_not_here_is_named_with_those_that_are(
    model_id: str | None, status: int, reason: str, server: ServerProcess, picture_base64: str
) -> None:
    reply = ask(server, picture_base64, model_id=model_id)
    assert reply.status_code == status
    assert reason in reply.json()["message"]


def test_two_different_models_in_path_and_body_are_400(server: ServerProcess, picture_base64: str) -> None:
    body = {"model_id": "tiny", "prompt": "<OD>", "image": {"type": "base64", "value": picture_base64}}
    reply = requests.post(f"{server.url}/infer/lmm/florence-2-base", json=body, timeout=30)
    assert reply.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"model_id": "tiny", "prompt": "<OD>", "api_key": "s3cret"}, id="no-image"),
        pytest.param({"image": "s3cret", "api_key": "s3cret"}, id="image-is-a-string"),
        pytest.param({"image": {"type": "base64"}, "prompt": {"s3cret": 1}}, id="prompt-is-no-string"),
        pytest.param({"image": {"type": "base64"}, "max_new_tokens": "s3cret"}, id="tokens-are-no-number"),
        pytest.param(["s3cret"], id="a-list"),
    ],
)
def test_a_body_of_the_wrong_form_is_422_and_not_repeated(body: object, server: ServerProcess) -> None:
    reply = requests.post(f"{server.url}/infer/lmm", json=body, timeout=30)
    assert reply.status_code == 422
    assert all({"type", "loc", "msg"} == set(problem) for problem in reply.json()["detail"])
    assert "s3cret" not in reply.text


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 100_000], ids=["empty", "cut-off", "binary", "deep"])
def test_what_is_no_json_is_refused(data: bytes, server: ServerProcess) -> None:
    reply = requests.post(
        f"{server.url}/infer/lmm", data=data, headers={"Content-Type": "application/json"}, timeout=30
    )
    assert reply.status_code in {400, 422}


def test_a_body_beyond_the_limit_is_413(server: ServerProcess) -> None:
    reply = requests.post(f"{server.url}/infer/lmm", data=b"x" * (MAX_BODY + 1), timeout=60)
    assert reply.status_code == 413
    assert "MB" in reply.json()["message"]


def test_a_body_that_does_not_tell_its_length_is_413_too(server: ServerProcess) -> None:
    chunks = (b"x" * 2**20 for _ in range(MAX_BODY // 2**20 + 1))
    try:
        reply = requests.post(
            f"{server.url}/infer/lmm", data=chunks, headers={"Content-Type": "application/json"}, timeout=60
        )
    except requests.ConnectionError:
        return  # the server closed the connection while we were still sending
    assert reply.status_code == 413


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        pytest.param({"prompt": " <OD>"}, 400, "not at the start", id="prompt"),
        pytest.param({"model_id": "nobody/1"}, 404, "no such model", id="model"),
        pytest.param({"max_new_tokens": "abc"}, 422, "valid integer", id="body"),
    ],
)
def test_the_sdk_hands_the_reason_over(
    changes: dict, status: int, words: str, server: ServerProcess, picture_base64: str
) -> None:
    client = InferenceHTTPClient(api_url=server.url, api_key="any-key")
    call = {"model_id": "tiny", "prompt": "<CAPTION>"} | changes
    with pytest.raises(HTTPCallErrorError) as caught:
        client.infer_lmm(picture_base64, **call)
    assert caught.value.status_code == status
    assert words in json.dumps(caught.value.api_message)


def test_the_log_has_a_line_a_call_without_words_keys_or_pictures(server: ServerProcess, picture_base64: str) -> None:
    ask(server, picture_base64, prompt="a very private question", api_key="s3cret")
    ask(server, picture_base64, model_id="s3cret")

    lines = [json.loads(line) for line in server.log.splitlines()]
    calls = [line for line in lines if line["event"] == "inference"]
    assert {"time", "event", "model", "task", "status", "seconds"} == set(calls[-1])
    assert calls[-1]["model"] == "unknown"
    assert not any(words in server.log for words in ("private", "s3cret", picture_base64[:40]))


def log_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set up the server's logging as its process does, until the test's end.

    Servers that other tests ran in this process have left uvicorn's loggers with handlers of their own.
    """
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        monkeypatch.setattr(logging.getLogger(name), "handlers", [])
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
    set_up_logging()


def read_log(capsys: pytest.CaptureFixture) -> list[dict]:
    """The lines so far; progress bars are switched off only in the server's own process."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]


def test_a_failure_inside_is_a_bare_500_and_one_line_in_the_log(
    checkpoint: Path, picture_base64: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise KeyError("a very private thing")

    monkeypatch.setattr(Florence2, "generate", fail)
    body = {"model_id": "tiny", "prompt": "<OD>", "image": {"type": "base64", "value": picture_base64}}

    async def call() -> httpx.Response:
        app = create_app(Service({"tiny": checkpoint}))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await client.post("/infer/lmm", json=body, timeout=300)

    log_in_this_process(monkeypatch)
    reply = asyncio.run(call())

    assert (reply.status_code, reply.json()) == (500, {"message": "Internal error."})
    lines = read_log(capsys)
    assert [line["error"] for line in lines if line["event"] == "failure"] == ["KeyError"]
    assert "private" not in json.dumps(lines)


def test_what_other_libraries_log_cannot_forge_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    log_in_this_process(monkeypatch)
    logging.getLogger("uvicorn.error").warning('bad request\n{"event": "forged"}', exc_info=ValueError("private"))
    (line,) = read_log(capsys)
    assert line["event"] == "log"
    assert "private" not in json.dumps(line)
