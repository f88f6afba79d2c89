"""The bodies of requests, as Roboflow Inference takes them; fields it knows and this server does not are ignored."""

from pydantic import BaseModel, ConfigDict, Field


class RequestImage(BaseModel):
    """A picture: `type` is `base64` or `url`, `value` the text of it."""

    type: str
    value: str | None = None


class LMMRequest(BaseModel):
    """The body of `POST /infer/lmm`."""

    model_config = ConfigDict(protected_namespaces=())

    model_id: str | None = None
    prompt: str | None = None
    max_new_tokens: int | None = None
    image: RequestImage


class PrepareRequest(BaseModel):
    """The body of `POST /model/prepare`."""

    model_config = ConfigDict(protected_namespaces=())

    model_id: str = Field(max_length=200)
