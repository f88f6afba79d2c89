"""Calls that are answered together: what goes wrong with one is that one's alone."""

import asyncio
import io
import threading

import pytest
from PIL import Image

from florence_ui.server.answering import Answer, Call, answer_together
from florence_ui.server.refusals import RefusalError
from florence_ui.server.worker import Worker


class EchoingModel:
    """A model whose answers are the prompt and the thread that generated them."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.asked: list[list[str]] = []

    def inquire(self, image: Image.Image, prompt: str, max_new_tokens: int | None, stop: threading.Event) -> object:
        if prompt == "too long":
            raise RefusalError(400, "The prompt is too long.")
        return type("Inquiry", (), {"prompt": prompt, "image_size": image.size})

    def generate(self, inquiries: list) -> list[list[int]]:
        self.threads.append(threading.current_thread().name)
        self.asked.append([inquiry.prompt for inquiry in inquiries])
        return [[number] for number, _ in enumerate(inquiries)]

    def read(self, inquiry: object, ids: list[int]) -> dict:
        if inquiry.prompt == "unreadable":
            raise KeyError
        return {inquiry.prompt: ids[0]}


def png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def answer(*calls: Call) -> tuple[EchoingModel, list]:
    model = EchoingModel()
    return model, asyncio.run(answer_together(Worker("generate"), model, calls))


def test_all_are_generated_in_one_go_in_the_generating_thread() -> None:
    model, answers = answer(Call(png(3, 4), "a", None), Call(png(5, 6), "b", 7))
    assert answers == [Answer({"a": 0}, (3, 4)), Answer({"b": 1}, (5, 6))]
    assert (model.asked, model.threads) == ([["a", "b"]], ["generate"])


def test_each_failure_is_its_own() -> None:
    calls = (
        Call(png(1, 1), "first", None),
        Call(b"no picture", "second", None),
        Call(png(2, 2), "too long", None),
        Call(png(3, 3), "unreadable", None),
        Call(png(4, 4), "last", None),
    )
    model, (first, second, third, fourth, last) = answer(*calls)
    assert (first, last) == (Answer({"first": 0}, (1, 1)), Answer({"last": 2}, (4, 4)))
    assert [type(failed) for failed in (second, third, fourth)] == [RefusalError, RefusalError, KeyError]
    assert model.asked == [["first", "unreadable", "last"]]


def test_a_model_that_fails_fails_all() -> None:
    class Failing(EchoingModel):
        def generate(self, inquiries: list) -> list[list[int]]:
            raise MemoryError

    with pytest.raises(MemoryError):
        asyncio.run(answer_together(Worker("generate"), Failing(), [Call(png(1, 1), "a", None)]))
