"""The way of calls through a model: each is prepared alone, in a thread; what waits is generated in one go."""

import asyncio
import base64
import io
import threading

import pytest
from PIL import Image
from starlette.requests import Request

from florence_ui.server.errors import RefusalError
from florence_ui.server.generation_queue import Call
from florence_ui.server.request_image import read_image_bytes
from florence_ui.server.schemas import LMMRequest, RequestImage
from florence_ui.server.service import Service, prepare


class EchoingModel:
    """A model whose answers are the prompt and the thread that generated them."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.asked: list[list[str]] = []

    def inquire(self, image: Image.Image, prompt: str, max_new_tokens: int | None, stop: threading.Event) -> object:
        if prompt == "too long":
            raise RefusalError(400, "The prompt is too long.")
        values = {"prompt": prompt, "image_size": image.size, "thread": threading.current_thread().name}
        return type("Inquiry", (), values)

    def generate(self, inquiries: list) -> list[list[int]]:
        self.threads.append(threading.current_thread().name)
        self.asked.append([inquiry.prompt for inquiry in inquiries])
        return [[number] for number, _ in enumerate(inquiries)]


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_call_is_prepared_from_its_file_in_a_thread_of_its_own() -> None:
    inquiry = asyncio.run(prepare(EchoingModel(), Call(png(3, 4), "a", None)))
    assert (inquiry.prompt, inquiry.image_size) == ("a", (3, 4))
    assert inquiry.thread != threading.main_thread().name


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(Call(b"no picture", "second", None), id="picture"),
        pytest.param(Call(png(2, 2), "too long", None), id="prompt"),
    ],
)
def test_what_cannot_be_prepared_is_refused(call: Call) -> None:
    with pytest.raises(RefusalError):
        asyncio.run(prepare(EchoingModel(), call))


def test_all_are_generated_in_one_go_in_the_generating_thread() -> None:
    model = EchoingModel()
    inquiries = [model.inquire(Image.new("RGB", (1, 1)), prompt, None, threading.Event()) for prompt in "ab"]
    answers = asyncio.run(Service({}).generate(model, inquiries))
    assert answers == [(inquiries[0], [0]), (inquiries[1], [1])]
    assert (model.asked, model.threads) == ([["a", "b"]], ["generate"])


@pytest.mark.parametrize("model_id", ["florence-2-base", "florence-pretrains/3"])
def test_a_call_counts_for_its_model_by_whichever_name(model_id: str) -> None:
    async def stay() -> dict[str, str]:
        await asyncio.Event().wait()
        return {}

    async def ask_in_vain() -> str:
        service, request = Service({}), Request({"type": "http"}, stay)
        with pytest.raises(RefusalError, match="no prompt"):
            await service.answer(request, LMMRequest(model_id=model_id, image=RequestImage(type="url")))
        return service.metrics.text(["florence-2-base"], waiting=0, running=0)

    assert "\nnum_errors_florence_2_base 1\n" in asyncio.run(ask_in_vain())


def test_a_picture_in_base64_is_decoded_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have 32 MB, which would delay everybody else by a tenth of a second."""
    threads, decode = [], base64.b64decode
    monkeypatch.setattr(
        base64, "b64decode", lambda *a, **k: threads.append(threading.current_thread()) or decode(*a, **k)
    )
    image = RequestImage(type="base64", value=base64.b64encode(b"picture").decode())
    assert asyncio.run(read_image_bytes(image)) == b"picture"
    assert threading.main_thread() not in threads
