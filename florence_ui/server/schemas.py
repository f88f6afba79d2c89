"""The bodies of requests, as in Roboflow Inference; fields that only that server supports are ignored."""

from pydantic import BaseModel, Field


class RequestImage(BaseModel):
    """A picture: `type` is `base64` or `url`, `value` the text of it."""

    type: str
    value: str | None = None


class LMMRequest(BaseModel):
    """The body of `POST /infer/lmm`."""

    model_id: str | None = None
    prompt: str | None = None
    max_new_tokens: int | None = None
    image: RequestImage


class ModelRequest(BaseModel):
    """The body of `POST /model/prepare`, `/model/add` and `/model/remove`; a `model_type` or `api_key` is ignored."""

    model_id: str = Field(max_length=200)


class ModelDescription(BaseModel):
    """A loaded model, as Roboflow Inference describes one."""

    model_id: str
    task_type: str = "lmm"
    batch_size: int | None = None
    input_height: int | None = None
    input_width: int | None = None


class ModelsDescriptions(BaseModel):
    """The answer of `GET /model/registry` and of the routes that change it."""

    models: list[ModelDescription]
