"""A real pipeline on a scripted server, and pictures to ask about."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from florence_ui.bench.scripted_backend import ScriptedBackend, plausible_answer
from florence_ui.images.loading import Picture, open_picture
from florence_ui.inference.pipeline import Pipeline
from florence_ui.inference.request import Request, RequestTemplate
from florence_ui.settings import Settings
from florence_ui.tasks import get_task

BOXES = [[30, 30, 240, 180], [300, 60, 420, 270], [432, 63, 540, 273]]
"""What `plausible_answer` finds in a picture of 600 x 300 pixels: car, person, wheel."""
NONSENSE = object()
"""An answer that is none of Florence-2's."""


@contextmanager
def workbench(**scripted: Any) -> Iterator[tuple[ScriptedBackend, Pipeline]]:
    """A scripted server and a pipeline whose local backend it is; arguments are `ScriptedBackend`'s."""
    with ScriptedBackend(**scripted) as backend:
        environ = {
            "FLORENCE_UI_BACKEND": "local",
            "FLORENCE_UI_LOCAL_URL": backend.url,
            "FLORENCE_UI_START_SERVER": "false",
        }
        pipeline = Pipeline(Settings.from_environ(environ))
        try:
            yield backend, pipeline
        finally:
            pipeline.stop()


def picture_in(folder: Path, size: tuple[int, int] = (600, 300), name: str = "picture.jpg", colour="teal") -> Picture:
    """A plain picture in a file."""
    path = folder / name
    Image.new("RGB", size, colour).save(path)
    return open_picture(path)


def request_about(picture: Picture, token: str = "<OD>", **more: Any) -> Request:
    """A question to the local backend."""
    return Request(get_task(token), picture=picture, model_id="florence-2-base", backend="local", **more)


def template(token: str = "<OD>", **more: Any) -> RequestTemplate:
    """The same without a picture."""
    return RequestTemplate(get_task(token), model_id="florence-2-base", backend="local", **more)


def answering(answers: dict[str, Any]) -> Callable[[str, tuple[int, int]], Any]:
    """A scripted answer: the value given for a prompt or its token, or the plausible one."""

    def answer(prompt: str, size: tuple[int, int]) -> dict[str, Any]:
        token = prompt[: prompt.find(">") + 1]
        given = answers.get(prompt, answers.get(token))
        if given is NONSENSE:
            return {}
        return plausible_answer(prompt, size) if given is None else {token: given}

    return answer
