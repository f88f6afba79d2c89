"""Endpoints from functions and the names of their fields; schema and description come from the table of fields.

    endpoints = Endpoints()

    @endpoints.add("image", *QUESTION, "image_url")
    async def analyse(services: Services, image: object, image_url: object, **question: object) -> ...:

Fields arrive as they were posted, so the function takes each as `object` and reads it with `api.values`.
"""

import inspect
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, get_type_hints

import gradio as gr
from gradio.components.api_component import Api
from gradio.context import get_blocks_context
from gradio.data_classes import FileData

from florence_ui.exports.formats import FORMATS
from florence_ui.hosting.gradio_internals.events import set_api_schema
from florence_ui.hosting.visitor_files import FILE_META
from florence_ui.inference.chains import CHAINS
from florence_ui.models import LARGE, NANO, OFFICIAL_MODELS
from florence_ui.tasks import TASKS
from florence_ui.visitors.service import Services


@dataclass(frozen=True)
class Field:
    """A field of an endpoint.

    Attributes:
        type: Its type in the schema; reading is more lenient.
        default: Its value when omitted.
        help: One line about it; `{choices}` stands for its values.
        choices: Its values, if they are a fixed set; those of a backend are the page's.
        example: Its value in the example of a call; None leaves it out there.
    """

    type: Any
    default: object
    help: str
    choices: Collection[str] = ()
    example: object = None

    @property
    def description(self) -> str:
        """The help with the values filled in."""
        return self.help.format(choices=", ".join(self.choices))


def _model(words: str, default: str = "") -> Field:
    others = ", ".join(name for name in OFFICIAL_MODELS if name != NANO)
    return Field(
        str,
        default,
        f"The model{words}: {others}, or {NANO}, which only knows drawn scenes; empty for the default.",
    )


def _backend(words: str) -> Field:
    return Field(str, "", f"Where the model{words} runs: serverless, dedicated or local; empty for the default.")


PHOTO = {"path": "photo.jpg", "url": "photo.jpg", "meta": FILE_META}
"""A file of the caller's in the example of a call, in the form that Gradio reads."""

FIELDS = {
    "image": Field(
        FileData | None,
        None,
        "The picture: a file uploaded to this app, or the address that the upload got here.",
        example=PHOTO,
    ),
    "image_url": Field(str, "", "A link to a picture anywhere on the web, instead of image."),
    "images": Field(
        list[FileData] | None,
        None,
        "The pictures: files uploaded to this app, or the addresses that the uploads got here.",
        example=[PHOTO],
    ),
    "image_urls": Field(
        list[str] | None, None, "Links to pictures anywhere on the web, instead of images or after them."
    ),
    "task": Field(
        str,
        "<OD>",
        "The task's token, such as <CAPTION>, <OD> or <OCR>; or custom, then text is the whole prompt.",
        TASKS,
        example="<CAPTION>",
    ),
    "text": Field(str, "", "The phrase for tasks that take one."),
    "classes": Field(
        list[str] | str,
        "",
        "Names to look for, a list or one text with commas, for <OPEN_VOCABULARY_DETECTION>.",
    ),
    "region": Field(
        list[float] | None,
        None,
        "A box [x1, y1, x2, y2] for tasks about a region, in pixels or as fractions of the picture's sides: "
        "[0.25, 0.25, 0.75, 0.75] is the middle.",
    ),
    "model_id": _model(""),
    "backend": _backend(""),
    "api_key": Field(str, "", "A Roboflow API key of your own; it is used for this call only."),
    "left_model_id": _model(" on the left"),
    "left_backend": _backend(" on the left"),
    "right_model_id": _model(" on the right", LARGE),
    "right_backend": _backend(" on the right"),
    "chain": Field(
        str,
        "caption-ground",
        "The chain's name, such as caption-ground, detect-segment or read-order.",
        CHAINS,
        example="detect-describe",
    ),
    "file_format": Field(str, "json", "One of {choices}.", FORMATS, example="csv"),
    "validation": Field(
        float,
        0.0,
        "The part of a data set's pictures to hold back for validation, 0 to 0.9; the same pictures every time.",
    ),
    "job_id": Field(str, "", "The job's id, as start_many gave it.", example="the job_id"),
}
"""Every field, described once."""

QUESTION = ("task", "text", "classes", "region", "model_id", "backend", "api_key")
"""The fields of a question, in the order in which programs may give them."""


@dataclass(frozen=True)
class Endpoint:
    """A named endpoint, and a tool for agents.

    Attributes:
        function: (services, **fields) -> output; its docstring describes the endpoint and its output.
        fields: Its fields by name, in order.
    """

    function: Callable[..., Awaitable[Any]]
    fields: dict[str, Field]

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return self.function.__name__

    @property
    def description(self) -> str:
        """The docstring with the fields added, in the form that Gradio reads."""
        about, heading, returns = (inspect.getdoc(self.function) or "").partition("Returns:")
        fields = [f"    {name}: {field.description}" for name, field in self.fields.items()]
        return "\n".join([about, "Args:", *fields, "", heading + returns])

    def describe(self, parameters: list[dict[str, Any]]) -> None:
        """Write names, help and examples into the parameters of Gradio's description, which numbers them instead.

        A parameter that the example of a call leaves out has its default as example.
        """
        for (name, field), parameter in zip(self.fields.items(), parameters, strict=True):
            example = field.default if field.example is None else field.example
            parameter |= {"label": name, "example_input": example}
            parameter["python_type"]["description"] = field.description

    def register(self, services: Services) -> None:
        """Add the endpoint to the open `gr.Blocks`."""
        dependency = gr.api(self._bound(services), api_name=self.name, concurrency_limit=None)
        blocks = get_blocks_context()
        assert blocks is not None, "gr.api has just added to it"
        inputs = [blocks.blocks[number] for number in dependency["inputs"]]
        for (name, field), block in zip(self.fields.items(), inputs, strict=True):
            choices = tuple(services.pipeline.backends) if name.endswith("backend") else field.choices
            if choices:
                assert isinstance(block, Api), "gr.api makes no other inputs"
                set_api_schema(block, {"type": "string", "enum": list(choices)})

    def _bound(self, services: Services) -> Callable[..., Awaitable[Any]]:
        """The function as Gradio inspects it: with its fields as parameters."""
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter(name, kind, default=field.default) for name, field in self.fields.items()]
        gives = get_type_hints(self.function)["return"]
        signature = inspect.Signature(parameters, return_annotation=gives)

        async def call(*args: object, **kwargs: object) -> Any:
            posted = signature.bind(*args, **kwargs)
            posted.apply_defaults()
            left_out = {name: self.fields[name].default for name, value in posted.arguments.items() if value is None}
            return await self.function(services, **posted.arguments | left_out)

        types = {name: field.type for name, field in self.fields.items()}
        call.__name__, call.__doc__ = self.name, self.description
        call.__annotations__ = types | {"return": gives}
        vars(call)["__signature__"] = signature
        return call


class Endpoints(list[Endpoint]):
    """The endpoints of one module, in order."""

    def add(self, *names: str, **own: Field) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a function as an endpoint of the same name.

        Args:
            names: Its fields.
            own: Fields that differ from the table.
        """

        def decorate(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            self.append(Endpoint(function, {name: own.get(name) or FIELDS[name] for name in names}))
            return function

        return decorate

    def register(self, services: Services) -> None:
        """Add all of them to the open `gr.Blocks`."""
        for endpoint in self:
            endpoint.register(services)
